"""Users' files count by their logic, and for the jobs that use their entries: docs/reruns.md."""

import pytest


def rules(jobs):
    return {rule for rule, _ in jobs}


@pytest.mark.parametrize(("file", "old", "new", "expected"), [
    ("bars.py", "return helper.SEVEN", "return 1 + helper.SEVEN", {"describe_model"}),
    ("helper.py", "7", "8", {"describe_model"}),
    ("flat.py", "2.0", "2.5", {"estimate_dimensions", "describe_model"}),
    ("unused.py", "return 1", "return 2", set()),
])  # fmt: skip
def test_an_edited_plugin_changes_what_uses_its_entries_only(with_plugins, file, old, new, expected):
    with_plugins.edit(file, old, new)
    assert rules(with_plugins.planned("results/mine/tables/mine/default.csv", config="mine.yaml")) == expected


def test_a_comment_or_docstring_in_a_plugin_changes_nothing(with_plugins):
    with_plugins.edit("bars.py", "    return", '    """Seven."""\n    return')
    with_plugins.edit("helper.py", "7", "7  # as ever")
    assert with_plugins.planned("results/mine/tables/mine/default.csv", config="mine.yaml") == set()
