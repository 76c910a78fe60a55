"""What a script reaches in a small project made here: by every way in which code can name other code."""

import pytest

from topodepth.jobs import reach

MODULES = {
    "__init__": "",
    "errors": "class InputError(ValueError):\n    pass\n",
    "registry": "class Registry:\n    pass\n",
    "near": """
        import numpy as np
        from topodepth.far import far
        from topodepth.rooms import kept, large

        LIMIT = 3

        def near(values):
            return far(values) + LIMIT

        def unused():
            return large.size()

        def shadowed(kept):
            return [far for far in kept]

        def late():
            from topodepth.rooms.large import size
            return size()

        def by_module():
            return large.size()

        def handed_on():
            return list(map(str, vars(large)))

        def base():
            return Derived()

        class Base:
            def greet(self):
                return LIMIT

        class Derived(Base):
            pass
        """,
    "far": "def far(values):\n    return values\n\n\ndef other():\n    return 2\n",
    "rooms/__init__": "from topodepth.rooms.large import size as kept\n",
    "rooms/large": "SIZE = 100\n\n\ndef size():\n    return SIZE\n\n\ndef lost():\n    return 0\n",
    "tables": """
        CONVERTERS = {}

        def converts(kind):
            return lambda function: CONVERTERS.setdefault(kind, function)

        def convert(kind):
            return CONVERTERS[kind]()
        """,
    "layers": """
        from topodepth.tables import convert, converts

        @converts("dense")
        def dense():
            return 1

        def helper():
            return 2
        """,
    "kinds/__init__": 'from topodepth.registry import Registry\n\nregistry = Registry(__name__, "kind")\n'
    "register = registry.register\n",
    "kinds/one": """
        from topodepth.kinds import register

        WIDTH = 1

        @register("one", width=WIDTH)
        def build():
            return inner()

        def inner():
            return 1
        """,
    "kinds/two": """
        from topodepth.kinds import register

        @register("two", width=2)
        def build():
            return 2
        """,
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Makes a script of the small project, and returns what it reaches: names with their modules."""
    for name, text in MODULES.items():
        path = tmp_path / "src/topodepth" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    monkeypatch.setattr(reach, "SOURCE", tmp_path / "src")
    forget()

    def reached(text, *modules):
        script = tmp_path / "script.py"
        script.write_text(dedent(text))
        forget()
        found = reach.reached(script, modules)
        return {f"{module}.{name}".removeprefix("topodepth.") for module, name in found if module}

    yield reached
    forget()


def dedent(text):
    import textwrap

    return textwrap.dedent(text)


def forget():
    reach.module.cache_clear()
    reach._script.cache_clear()


NEAR = {"near.near", "near.LIMIT", "far.far"}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("from topodepth.near import near\nnear(1)", NEAR),
        ("from topodepth import near\nnear.near(1)", NEAR),
        ("import topodepth.near\ntopodepth.near.near(1)", NEAR),
        ("import topodepth.near as other\nother.near(1)", NEAR),
        ("def main():\n    from topodepth.near import near as other\n    other(1)\nmain()", NEAR),
        ("from topodepth.near import shadowed\nshadowed(1)", {"near.shadowed"}),
        ("from topodepth.near import late\nlate()", {"near.late", "rooms.large.size", "rooms.large.SIZE"}),
        ("from topodepth.near import by_module as f\nf()", {"near.by_module", "rooms.large.size", "rooms.large.SIZE"}),
        ("from topodepth.rooms import kept\nkept()", {"rooms.large.size", "rooms.large.SIZE"}),
        (
            "from topodepth.near import base\nbase()",
            {"near.base", "near.Derived", "near.Base", "near.LIMIT"},
        ),
        (
            "from topodepth.near import handed_on\nhanded_on()",
            {"near.handed_on", "rooms.large.size", "rooms.large.SIZE", "rooms.large.lost"},
        ),
        ("from topodepth.errors import InputError\nraise InputError('no')", set()),
    ],
)
def test_what_is_named_is_reached_and_nothing_else_is(project, script, expected):
    assert project(script) == expected


def test_a_module_that_is_named_by_a_text_is_reached_whole(project):
    script = "from importlib import import_module\nimport_module('topodepth.far')"
    assert project(script) == {"far.far", "far.other"}


def test_the_name_of_a_logger_is_no_module(project):
    assert project("import logging\nlogging.getLogger('topodepth.far').info('x')") == set()


def test_what_a_decorator_of_the_project_keeps_for_others_is_reached_with_its_module(project):
    """The layers are found in a table that the import of their module fills."""
    script = "from topodepth.layers import convert\nconvert('dense')"
    assert project(script) == {"tables.convert", "tables.CONVERTERS", "tables.converts", "layers.dense"}


def test_of_a_registry_all_entries_are_reached_or_those_that_are_told(project):
    script = "from topodepth.kinds import registry\nregistry.get('one')()"
    shared = {"kinds.registry", "registry.Registry"}
    one = {"kinds.one.build", "kinds.one.inner", "kinds.one.WIDTH"}
    assert project(script) == shared | one | {"kinds.two.build"}
    assert project(script, "topodepth.kinds.one") == shared | one
    assert project(script, "topodepth.kinds.two") == shared | {"kinds.two.build"}


def test_an_attribute_of_an_entry_depends_on_the_line_that_registers_it(project):
    script = "from topodepth import kinds\nkinds.registry.attribute('one', 'width')"
    expected = {"kinds.registry", "registry.Registry", "kinds.one.WIDTH", "kinds.one.build registered",
                "kinds.two.build registered"}  # fmt: skip
    assert project(script) == expected


def test_names_of_a_registry_are_reached_without_its_entries(project):
    script = "from topodepth.kinds import registry\nregistry.names()"
    expected = {"kinds.registry", "registry.Registry", "kinds.one.build named", "kinds.two.build named"}
    assert project(script) == expected


def test_a_registry_that_was_told_a_module_it_does_not_hold_is_reached_whole(project):
    script = "from topodepth.kinds import registry\nregistry.get('one')()"
    assert "kinds.two.build" in project(script, "topodepth.far")


def test_a_package_that_a_name_is_made_of_is_reached_whole_or_as_told(project):
    script = "import sys\nfrom importlib import import_module\nimport_module(f'topodepth.kinds.{sys.argv[1]}').build()"
    assert {"kinds.one.build", "kinds.two.build"} <= project(script)
    assert "kinds.two.build" not in project(script, "topodepth.kinds.one")


def test_imports_are_those_of_functions_too(project, tmp_path):
    assert reach.imports(tmp_path / "src/topodepth/near.py") == {
        "topodepth", "topodepth.far", "topodepth.rooms", "topodepth.rooms.large",
    }  # fmt: skip
