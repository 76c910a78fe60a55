"""Names are known without imports; duplicates are refused; unknown names list the known ones."""

import sys

import pytest

from topodepth.errors import InputError
from topodepth.registry import Registry


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "plugins_under_test"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from topodepth.registry import Registry\n"
        "registry = Registry(__name__, 'plugin')\nregister = registry.register\n"
    )
    (folder / "one.py").write_text(
        "from plugins_under_test import register\n\n@register('first', layers=('a',))\ndef build():\n    return 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("plugins_under_test")]:
        del sys.modules[name]


def test_names_and_modules_are_known_without_importing_them(package):
    registry = Registry("plugins_under_test", "plugin")
    assert registry.names() == ["first"]
    assert registry.module_of("first") == "plugins_under_test.one"
    assert "plugins_under_test.one" not in sys.modules


def test_a_new_file_is_found_by_itself_and_only_it_is_imported(package):
    (package / "two.py").write_text(
        "from plugins_under_test import register\n\n@register('second')\ndef build():\n    return 2\n"
    )
    from plugins_under_test import registry

    assert registry.get("second")() == 2
    assert "plugins_under_test.one" not in sys.modules
    assert registry.get("first").layers == ("a",)


def test_a_duplicate_name_raises_and_says_where(package):
    (package / "two.py").write_text((package / "one.py").read_text())
    with pytest.raises(InputError, match=r"'first' is registered twice: in plugins_under_test.one and .*two"):
        Registry("plugins_under_test", "plugin").names()


def test_an_unknown_name_lists_the_known_ones_and_the_nearest(package):
    with pytest.raises(InputError, match=r"unknown plugin 'frist'. Did you mean 'first'\? Known: first"):
        Registry("plugins_under_test", "plugin").get("frist")
