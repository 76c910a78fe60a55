"""The logic of source code: what of a definition can change a result, and what it names.

Docstrings, comments, layout, annotations of functions, and the wording of errors, log lines and help can change none.
"""

import ast
from collections.abc import Iterator
from typing import NamedTuple

HELP = {"help", "description", "epilog", "metavar", "usage"}  # what ``argparse`` only prints
PARSERS = {"ArgumentParser", "add_argument", "add_argument_group", "add_parser"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LEVELS = {"debug", "info", "warning", "error"}  # methods of a logger


class Definition(NamedTuple):
    """A statement at the top of a module: a function, a class, an assignment, or another that an import runs.

    Attributes
    ----------
    text
        Its logic.
    names
        What it names: chains such as ``("np", "linalg", "norm")``.
    imports
        What is imported inside it, see :func:`imported`.
    modules
        Dotted names that stand in it as text: of modules, or of a package when they end in a dot.
    registers
        Of a ``Registry``: the module or package in which it looks for what is registered, or ``"__name__"``.
    """

    text: str
    names: frozenset[tuple[str, ...]]
    imports: dict[str, tuple[str, str]]
    modules: frozenset[str]
    registers: str | None


def definition(node: ast.stmt | ast.expr, package: str) -> Definition:
    """Return what counts of a statement, in which dotted names that begin with ``package`` are modules."""
    node = _Logic().visit(node)
    logic = ast.unparse(node)
    texts = set()
    if f"{package}." in logic:
        texts = {text for text in _texts(node) if text.startswith(f"{package}.") and _dotted(text)}
    value = getattr(node, "value", None)
    registry = isinstance(value, ast.Call) and _called(value) == "Registry"
    registers = ast.unparse(value.args[0]).strip("'\"") if registry else None
    return Definition(
        text=logic,
        names=frozenset(_chains(node)),
        imports=imported([node]),
        modules=frozenset(texts - {registers}),
        registers=registers,
    )


def decorators(node: ast.stmt) -> list[tuple[str, ...] | None]:
    """Return the names of a statement's decorators, as chains; None for one that is no name."""
    return [_chain(getattr(item, "func", item)) for item in getattr(node, "decorator_list", [])]


def registration(node: ast.stmt) -> ast.expr | None:
    """Return the line ``@register(...)`` of a definition, if it has one."""
    lines = zip(decorators(node), getattr(node, "decorator_list", []), strict=True)
    return next((line for chain, line in lines if chain == ("register",)), None)


def imported(nodes: list[ast.stmt]) -> dict[str, tuple[str, str]]:
    """Return what import statements bind in these statements: ``{name: (module, name in it, "" for the module)}``.

    ``import package.module`` binds ``package``; the module itself stands under its whole name.
    """
    found: dict[str, tuple[str, str]] = {}
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name] = (alias.name, "")
                if not alias.asname:
                    first = alias.name.partition(".")[0]
                    found[first] = (first, "")
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
    return found


def _texts(node: ast.AST) -> Iterator[str]:
    """Yield the texts in a tree, without names of loggers."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif not (isinstance(node, ast.Call) and _called(node) == "getLogger"):
        for child in ast.iter_child_nodes(node):
            yield from _texts(child)


def _dotted(text: str) -> bool:
    return all(part.isidentifier() for part in text.removesuffix(".").split("."))


def _chains(node: ast.AST, local: frozenset[str] = frozenset()) -> Iterator[tuple[str, ...]]:
    """Yield every name that is read, with the attributes asked of it, but for local variables.

    ``register`` is left out as well: no result depends on what it does.
    """
    if (chain := _chain(node)) is not None:
        written = isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
        if chain[0] != "register" and chain[0] not in local and not written:
            yield chain
        return
    if not isinstance(node, FUNCTIONS + COMPREHENSIONS):
        for child in ast.iter_child_nodes(node):
            yield from _chains(child, local)
        return
    if isinstance(node, COMPREHENSIONS):  # what is worked out before there are local variables
        outside = [node.generators[0].iter]
    else:
        decorators = getattr(node, "decorator_list", [])
        outside = [*decorators, *node.args.defaults, *filter(None, node.args.kw_defaults)]
    inner = local | _bound(node)
    for child in outside:
        yield from _chains(child, local)
    for child in ast.iter_child_nodes(node):
        if child not in outside:
            yield from _chains(child, inner)


def _bound(node: ast.AST) -> frozenset[str]:
    """Return the local variables of a function or a comprehension."""
    if isinstance(node, COMPREHENSIONS):
        return frozenset(item.id for each in node.generators for item in ast.walk(each.target)
                         if isinstance(item, ast.Name))  # fmt: skip
    arguments = {item.arg for item in ast.walk(node.args) if isinstance(item, ast.arg)}
    body = node.body if isinstance(node.body, list) else [node.body]
    stored, elsewhere = set(), set()
    pending = [*body]
    while pending:
        item = pending.pop()
        if isinstance(item, ast.Global | ast.Nonlocal):
            elsewhere |= {*item.names}
        elif isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            stored.add(item.name)
        elif isinstance(item, COMPREHENSIONS):
            stored |= {inner.target.id for inner in ast.walk(item) if isinstance(inner, ast.NamedExpr)}
        elif isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
            stored.add(item.id)
        elif not isinstance(item, ast.Lambda):
            stored |= {item.name} if isinstance(item, ast.ExceptHandler) and item.name else set()
            pending += ast.iter_child_nodes(item)
    return frozenset((arguments | stored) - elsewhere)


def _chain(node: ast.AST) -> tuple[str, ...] | None:
    """Return a name with the attributes asked of it, or None of any other expression."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    return (node.id, *reversed(attributes)) if isinstance(node, ast.Name) else None


class _Logic(ast.NodeTransformer):
    """Leaves out of a tree what no result depends on."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Leave out docstring, annotations and what only messages say."""
        _drop_docstring(node)
        node.returns = None
        for item in ast.walk(node.args):
            if isinstance(item, ast.arg):
                item.annotation = None
        _blank(_told_only(node))
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        """Leave out the docstring."""
        _drop_docstring(node)
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        """Leave out what an error says, and from which it comes."""
        if isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
        node.cause = None
        return self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        """Turn an empty one into a plain text."""
        return self.generic_visit(node) if node.values else ast.Constant("")

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """Leave out help, and the wording of log lines and of errors."""
        name = _called(node)
        if name in PARSERS:
            node.keywords = [keyword for keyword in node.keywords if keyword.arg not in HELP]
        elif _is_message(node):
            _blank(node.args)
        return self.generic_visit(node)


def _drop_docstring(node: ast.FunctionDef | ast.ClassDef) -> None:
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        node.body[:1] = [] if node.body[1:] else [ast.Pass()]


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_message(node: ast.AST) -> bool:
    """Whether a call makes an error, logs, or ends the program with a line."""
    if not isinstance(node, ast.Call):
        return False
    logs = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") in ("log", "logging")
    ends = isinstance(node.func, ast.Attribute) and ast.unparse(node.func) == "sys.exit"
    return (logs and node.func.attr in LEVELS) or _called(node).endswith(("Error", "Warning")) or ends


def _blank(nodes: list[ast.AST]) -> None:
    """Take the wording out of expressions: texts, and what is put into them."""
    for node in nodes:
        for item in ast.walk(node):
            if isinstance(item, ast.Constant) and isinstance(item.value, str):
                item.value = ""
            elif isinstance(item, ast.JoinedStr):
                item.values = []


def _told_only(function: ast.AST) -> list[ast.AST]:
    """Return the values of those variables that nothing but errors, log lines and other such variables read."""
    nodes = list(ast.walk(function))
    told = [node for node in nodes if isinstance(node, ast.Raise) or _is_message(node)]
    if not told:
        return []
    spoken = {id(item) for node in told for item in ast.walk(node)}
    assigned: dict[str, list[ast.AST]] = {}
    unread: dict[str, set[int]] = {}  # where a variable is read, and no message is
    elsewhere: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets):
            for target in node.targets:
                assigned.setdefault(target.id, []).append(node.value)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in spoken:
            unread.setdefault(node.id, set()).add(id(node))
        elif isinstance(node, ast.Global | ast.Nonlocal):
            elsewhere |= {*node.names}
    candidates = {name for name in assigned if name not in elsewhere}
    found: list[ast.AST] = []
    while only := {name for name in candidates if not unread.get(name)}:
        values = [value for name in only for value in assigned[name] if _only_text(value)]
        found += values
        spoken = {id(item) for value in values for item in ast.walk(value)}
        unread = {name: places - spoken for name, places in unread.items()}
        candidates -= only
    return found


def _only_text(value: ast.AST) -> bool:
    """Whether an expression calls nothing but what puts texts together."""
    calls = [node for node in ast.walk(value) if isinstance(node, ast.Call)]
    return all(_called(call) in ("join", "len", "sorted", "str", "repr", "type", "list", "tuple") for call in calls)
