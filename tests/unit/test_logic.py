"""What of a definition counts as its logic."""

import ast
import textwrap

import pytest

from topodepth.jobs.logic import definition


def logic(text):
    (node,) = ast.parse(textwrap.dedent(text)).body
    return definition(node, "topodepth").text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('def f(x):\n    """One."""\n    return x', "def f(x):\n    return x"),
        ("def f(x):\n    return x + 1", "def f(x):\n    # why\n    return (\n        x + 1\n    )"),
        ("def f(x: int) -> int:\n    return x", "def f(x: float):\n    return x"),
        ('class A:\n    """One."""\n    x = 1', "class A:\n    x = 1"),
        ('class A:\n    """One."""', "class A:\n    pass"),
        ("def f(x):\n    raise InputError('small')", "def f(x):\n    raise InputError(f'{x}: large, {len(x)}')"),
        ("def f(x):\n    raise KeyError('a') from x", "def f(x):\n    raise KeyError('b') from None"),
        (
            "def f(x):\n    said = f'{x!r}'\n    if x:\n        raise InputError(said)\n    return x",
            "def f(x):\n    said = 'something else'\n    if x:\n        raise InputError(said)\n    return x",
        ),
        (
            "def f(x):\n    one = 'a'\n    two = f'{one}'\n    log.warning('%s', two)\n    return x",
            "def f(x):\n    one = 'b'\n    two = f'{one}, too'\n    log.warning('so: %s', two)\n    return x",
        ),
        ("def f(x):\n    log.info('%d points', x)", "def f(x):\n    log.info('Points: %d', x)"),
        ("def f():\n    return InputError('small')", "def f():\n    return InputError('large')"),
        (
            "def f():\n    ArgumentParser(description='a').add_argument('--x', help='b', type=int)",
            "def f():\n    ArgumentParser().add_argument('--x', type=int, help='more', metavar='X')",
        ),
    ],
)
def test_what_changes_no_result_does_not_count(one, other):
    assert logic(one) == logic(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x):\n    return x + 1", "def f(x):\n    return x + 2"),
        ("def f(x=1):\n    return x", "def f(x=2):\n    return x"),
        ("def f(x):\n    return 'a'", "def f(x):\n    return 'b'"),
        ("def f(x):\n    raise KeyError(x)", "def f(x):\n    raise ValueError(x)"),
        (
            "def f(x):\n    if x:\n        raise InputError('a')",
            "def f(x):\n    if not x:\n        raise InputError('a')",
        ),
        ("class A:\n    x: int = 1", "class A:\n    x: int = 2"),
        ("class A:\n    x: int\n    y: int", "class A:\n    y: int\n    x: int"),
        ("X = 'a'", "X = 'b'"),
        ("@cache\ndef f():\n    return 1", "def f():\n    return 1"),
        # what an error says too, and a result as well
        (
            "def f(x):\n    said = 'a'\n    if x:\n        raise InputError(said)\n    return said",
            "def f(x):\n    said = 'b'\n    if x:\n        raise InputError(said)\n    return said",
        ),
        # more than a text is put together
        (
            "def f(x):\n    said = x.pop('a')\n    if x:\n        raise InputError(said)",
            "def f(x):\n    said = x.pop('b')\n    if x:\n        raise InputError(said)",
        ),
        # another function reads it
        (
            "def f():\n    def g():\n        nonlocal x\n        x = 'a'\n        raise KeyError(x)\n    return g",
            "def f():\n    def g():\n        nonlocal x\n        x = 'b'\n        raise KeyError(x)\n    return g",
        ),
        ("def f():\n    parser.add_argument('--x', type=int)", "def f():\n    parser.add_argument('--x', type=float)"),
    ],
)
def test_what_can_change_a_result_counts(one, other):
    assert logic(one) != logic(other)


def test_a_nested_format_counts_the_same_in_every_python():
    tree = ast.parse("X = f'{x:{width}}'").body[0]
    inner = tree.value.values[0].format_spec.values
    inner[:] = [item for item in inner if not isinstance(item, ast.Constant)]
    before = definition(tree, "topodepth").text
    inner.append(ast.Constant(""))  # as Python 3.12 and later read it
    assert definition(tree, "topodepth").text == before
    inner.append(ast.Constant("d"))
    assert definition(tree, "topodepth").text != before


def test_the_tree_stays_as_it_is():
    tree = ast.parse('def f(x: int):\n    """One."""\n    raise InputError(f"{x}") from None').body[0]
    before = ast.dump(tree)
    definition(tree, "topodepth")
    assert ast.dump(tree) == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(x):\n    return g(x.shape)", {("g",)}),
        ("def f(x):\n    return [y for y in g(x)]", {("g",)}),
        ("def f():\n    return [g for g in g()]", {("g",)}),  # the first iterable is worked out outside
        ("def f():\n    h = [g for g in 'ab']\n    return g(h)", {("g",)}),  # what a comprehension binds ends with it
        ("def f():\n    return np.linalg.norm(1)", {("np", "linalg", "norm")}),
        ("def f(a=g):\n    return a", {("g",)}),
        ("def f():\n    global g\n    g = 1\n    return g", {("g",)}),
        ("def f():\n    return lambda g: g(h)", {("h",)}),
        ("class A(B):\n    def f(self):\n        return self.g()", {("B",)}),
        ("def f():\n    x = f'{g()}'\n    return x", {("g",)}),
        ("@register('a', layers=TAPS)\ndef f():\n    return 1", {("TAPS",)}),
        ("X = 1", set()),
    ],
)
def test_names_are_those_of_other_definitions(text, expected):
    (node,) = ast.parse(text).body
    assert definition(node, "topodepth").names == expected
