"""The logic of source code: what of a definition can change a result, and what it names.

Docstrings, comments, layout, annotations of functions, and the wording of errors, log lines and help can change none.
"""

import ast
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from topodepth.jobs.scopes import Function, Scope, Value, called

HELP = {"help", "description", "epilog", "metavar", "usage"}  # what ``argparse`` only prints
PARSERS = {"ArgumentParser", "add_argument", "add_argument_group", "add_parser"}
LOGGERS, LEVELS = {"log", "logger", "logging"}, {"debug", "info", "warning", "error"}
EXIT = ("sys", "exit")  # ends a program with a line
SAYS_NOTHING = {"ctx", "kind", "type_comment"}  # fields of a tree
EMPTY = ["Constant", "''"]  # the logic of a text that only a message says


class Definition(NamedTuple):
    """A statement at the top of a module: a function, a class, an assignment, or another that an import runs.

    Attributes
    ----------
    text
        Its logic: the kinds and values of its syntax tree in the order of the source, the same in every Python.
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
    found = _Logic(package)
    found.visit(node)
    value = getattr(node, "value", None)
    registers = None
    if isinstance(value, ast.Call) and called(value) == "Registry":
        registers = ast.unparse(value.args[0]).strip("'\"")
    return Definition(
        text=" ".join(found.logic),
        names=found.names(),
        imports=imported(found.imports),
        modules=frozenset(found.modules - {registers}),
        registers=registers,
    )


def decorators(node: ast.stmt) -> list[tuple[str, ...] | None]:
    """Return the names of a statement's decorators, as chains; None for one that is no name."""
    return [_chain(getattr(item, "func", item)) for item in getattr(node, "decorator_list", [])]


def registration(node: ast.stmt) -> ast.Call | None:
    """Return the line ``@register(...)`` of a definition, if it has one."""
    lines = zip(decorators(node), getattr(node, "decorator_list", []), strict=True)
    return next((line for chain, line in lines if chain == ("register",) and isinstance(line, ast.Call)), None)


def imported(nodes: Iterable[ast.stmt]) -> dict[str, tuple[str, str]]:
    """Return what import statements bind: ``{name: (module, name in it, "" for the module)}``.

    ``import package.module`` binds ``package``; the module itself stands under its whole name.
    """
    found: dict[str, tuple[str, str]] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name] = (alias.name, "")
                if not alias.asname:
                    first = alias.name.partition(".")[0]
                    found[first] = (first, "")
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
    return found


def _dotted(text: str) -> bool:
    return all(part.isidentifier() for part in text.removesuffix(".").split("."))


def _chain(node: ast.AST) -> tuple[str, ...] | None:
    """Return a name with the attributes asked of it, or None of any other expression."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    return (node.id, *reversed(attributes)) if isinstance(node, ast.Name) else None


class _Logic:
    """Goes once through a tree: writes down its logic without what no result depends on, and gathers what it names.

    The tree stays as it is. What is written can be read back in one way only: each kind of node has its own number of
    parts, and lists have brackets.
    """

    def __init__(self, package: str, *, spoken: bool = False) -> None:
        self.package = package
        self.logic: list[str] = []
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.modules: set[str] = set()
        self.scope = Scope(None)
        self.scopes = [self.scope]
        self.function: Function | None = None
        self.spoken = spoken

    def names(self) -> frozenset[tuple[str, ...]]:
        """Return what is read and is no local variable; ``register`` is left out, for no result depends on it."""
        return frozenset(
            chain
            for scope in self.scopes
            for chain in scope.read
            if chain[0] != "register" and not scope.holds(chain[0])
        )

    def visit(self, node: ast.AST) -> None:
        """Go through a node and all below it."""
        kind = type(node)
        if self.spoken and kind is ast.JoinedStr:
            self.logic += EMPTY
            return
        self.logic.append(kind.__name__)
        method = VISITS.get(kind)
        if method is not None:
            method(self, node)
        else:
            self._fields(node)

    def _fields(self, node: ast.AST) -> None:
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                self._all(value)
            elif isinstance(value, ast.AST):
                self.visit(value)
            elif name not in SAYS_NOTHING:
                self.logic.append(repr(value))

    def _all(self, nodes: Iterable[ast.AST | str | None]) -> None:
        self.logic.append("[")
        for node in nodes:
            if isinstance(node, ast.AST):
                self.visit(node)
            else:
                self.logic.append(repr(node))
        self.logic.append("]")

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.imports.append(node)
        self._fields(node)

    def _name(self, node: ast.Name) -> None:
        """Keep what is read, and what is bound."""
        self.logic.append(node.id)
        if not isinstance(node.ctx, ast.Load):
            self.scope.bound.add(node.id)
            return
        self._read(node, (node.id,))

    def _attribute(self, node: ast.Attribute) -> None:
        """Keep the whole chain of attributes of a name."""
        chain = _chain(node)
        if chain is None:
            self.logic.append(node.attr)
            self.visit(node.value)
            return
        self.logic.append(".".join(chain))
        first: ast.AST = node
        while isinstance(first, ast.Attribute):
            first = first.value
        self._read(first, chain)

    def _read(self, node: ast.AST, chain: tuple[str, ...]) -> None:
        self.scope.read.add(chain)
        if self.function is not None and not self.spoken:
            self.function.read.setdefault(chain[0], set()).add(id(node))

    def _constant(self, node: ast.Constant) -> None:
        """Keep a dotted name of a module."""
        value = node.value
        self.logic.append("''" if self.spoken and isinstance(value, str) else repr(value))
        if isinstance(value, str) and value.startswith(f"{self.package}.") and _dotted(value):
            self.modules.add(value)

    def _joined(self, node: ast.JoinedStr) -> None:
        """Leave out empty texts: since Python 3.12 one stands behind each nested format, ``f"{x:{width}}"``."""
        self._all(item for item in node.values if getattr(item, "value", None) != "")

    def _global(self, node: ast.Global | ast.Nonlocal) -> None:
        """Keep what is bound elsewhere."""
        self._fields(node)
        self.scope.elsewhere |= {*node.names}
        if self.function is not None:
            self.function.elsewhere |= {*node.names}

    def _assign(self, node: ast.Assign) -> None:
        """Keep what a variable is assigned."""
        self._all(node.targets)
        start = len(self.logic)
        self.visit(node.value)
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if self.function is not None and len(names) == len(node.targets):
            value = Value(node.value, start, len(self.logic))
            for name in names:
                self.function.assigned.setdefault(name, []).append(value)

    def _handler(self, node: ast.ExceptHandler) -> None:
        """Bind the error."""
        if node.name:
            self.scope.bound.add(node.name)
        self._fields(node)

    def _raise(self, node: ast.Raise) -> None:
        """Leave out what an error says, and from which it comes."""
        found = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        self._all([] if found is None else [found])

    def _call(self, node: ast.Call) -> None:
        """Leave out help, and the wording of log lines and of errors; a logger's name is no module."""
        name = called(node)
        self.visit(node.func)
        if name == "getLogger":
            return
        parser = name in PARSERS
        before, self.spoken = self.spoken, self.spoken or _is_message(node)
        self._all(node.args)
        self._all(keyword for keyword in node.keywords if not (parser and keyword.arg in HELP))
        self.spoken = before

    def _class(self, node: ast.ClassDef) -> None:
        """Leave out the docstring."""
        self.scope.bound.add(node.name)
        self.logic.append(node.name)
        self._all(node.decorator_list)
        self._all(node.bases)
        self._all(node.keywords)
        outer = self._enter()  # what a class binds are attributes, which its methods do not see as names
        self._all(_without_docstring(node.body))
        self.scope.bound = set()
        self.scope = outer

    def _def(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Leave out docstring, annotations and what only messages say."""
        self.scope.bound.add(node.name)
        self.logic.append(node.name)
        self._all(node.decorator_list)
        outermost = self.function is None
        function = self.function = self.function or Function()
        self._within(node.args, _without_docstring(node.body))
        if outermost:
            self._without_wording(function.told_only())
            self.function = None

    def _without_wording(self, values: list[Value]) -> None:
        """Write values again without texts, from the last to the first; one within another goes with it."""
        start = len(self.logic)
        for value in sorted(values, key=lambda value: (value.end, -value.start), reverse=True):
            if value.end <= start:
                start = value.start
                again = _Logic(self.package, spoken=True)
                again.visit(value.node)
                self.logic[value.start : value.end] = again.logic

    def _lambda(self, node: ast.Lambda) -> None:
        """Go through it as a scope."""
        self._within(node.args, [node.body])

    def _within(self, arguments: ast.arguments, body: Iterable[ast.AST]) -> None:
        self._all(arguments.defaults)
        self._all(arguments.kw_defaults)
        outer = self._enter()
        several = [[item] if item else [] for item in (arguments.vararg, arguments.kwarg)]
        for items in (arguments.posonlyargs, arguments.args, arguments.kwonlyargs, *several):
            names = [item.arg for item in items]
            self._all(names)
            self.scope.bound |= {*names}
        self._all(body)
        self.scope = outer

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        """Go through it as a scope."""
        first, *others = node.generators
        self.visit(first.iter)  # it is worked out before there are variables
        outer = self._enter()
        self.visit(first.target)
        self.logic.append(repr(first.is_async))
        self._all(first.ifs)
        self._all(others)
        self._all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        self.scope = outer

    def _named(self, node: ast.NamedExpr) -> None:
        """Bind a variable, which of a comprehension is one of what is around it too."""
        self.logic.append(node.target.id)
        scope: Scope | None = self.scope
        while scope is not None and scope is not self.scopes[0]:
            scope.bound.add(node.target.id)
            scope = scope.outer
        self.visit(node.value)

    def _enter(self) -> Scope:
        outer, self.scope = self.scope, Scope(self.scope)
        self.scopes.append(self.scope)
        return outer


# What is more than its fields; kinds that are alike share one.
VISITS: dict[type[ast.AST], Callable[[_Logic, Any], None]] = {
    ast.Import: _Logic._import,
    ast.ImportFrom: _Logic._import,
    ast.Name: _Logic._name,
    ast.Attribute: _Logic._attribute,
    ast.Constant: _Logic._constant,
    ast.JoinedStr: _Logic._joined,
    ast.Global: _Logic._global,
    ast.Nonlocal: _Logic._global,
    ast.Assign: _Logic._assign,
    ast.ExceptHandler: _Logic._handler,
    ast.Raise: _Logic._raise,
    ast.Call: _Logic._call,
    ast.ClassDef: _Logic._class,
    ast.FunctionDef: _Logic._def,
    ast.AsyncFunctionDef: _Logic._def,
    ast.Lambda: _Logic._lambda,
    ast.ListComp: _Logic._comprehension,
    ast.SetComp: _Logic._comprehension,
    ast.DictComp: _Logic._comprehension,
    ast.GeneratorExp: _Logic._comprehension,
    ast.NamedExpr: _Logic._named,
}


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:] or [ast.Pass()]
    return body


def _is_message(node: ast.Call) -> bool:
    """Whether a call makes an error, logs, or ends the program with a line."""
    holder = getattr(getattr(node.func, "value", None), "id", "")
    name = called(node)
    return name.endswith(("Error", "Warning")) or (holder in LOGGERS and name in LEVELS) or (holder, name) == EXIT
