"""The logic of source code: what of a definition can change a result, and what it names.

Docstrings, comments, layout, annotations of functions, and the wording of errors, log lines and help can change none.
"""

import ast
from collections.abc import Iterable
from typing import NamedTuple

HELP = {"help", "description", "epilog", "metavar", "usage"}  # what ``argparse`` only prints
PARSERS = {"ArgumentParser", "add_argument", "add_argument_group", "add_parser"}
LOGGERS, LEVELS = {"log", "logger", "logging"}, {"debug", "info", "warning", "error"}
EXIT = ("sys", "exit")  # ends a program with a line


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
    found = _Logic(package)
    found.visit(node)
    value = getattr(node, "value", None)
    registry = isinstance(value, ast.Call) and _called(value) == "Registry"
    registers = ast.unparse(value.args[0]).strip("'\"") if registry else None
    return Definition(
        text=ast.unparse(node),
        names=found.names(),
        imports=imported(found.imports),
        modules=frozenset(found.modules - {registers}),
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
        elif isinstance(node, ast.ImportFrom) and not node.level:
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


class _Scope:
    """Local variables of a function or a comprehension, and what is read within it."""

    def __init__(self, outer: "_Scope | None") -> None:
        self.outer = outer
        self.bound: set[str] = set()
        self.elsewhere: set[str] = set()  # declared global or nonlocal
        self.read: set[tuple[str, ...]] = set()

    def holds(self, name: str) -> bool:
        """Whether a name is a local variable, here or around."""
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.bound and name not in scope.elsewhere:
                return True
            scope = scope.outer
        return False


class _Function:
    """Variables of a function and of those within it: what they are assigned, and where results depend on them."""

    def __init__(self) -> None:
        self.assigned: dict[str, list[ast.AST]] = {}
        self.read: dict[str, set[int]] = {}  # by what is no message
        self.elsewhere: set[str] = set()

    def told_only(self) -> list[ast.AST]:
        """Return the values of those variables that only errors, log lines and other such variables read."""
        candidates = self.assigned.keys() - self.elsewhere
        found: list[ast.AST] = []
        while only := {name for name in candidates if not self.read.get(name)}:
            values = [value for name in only for value in self.assigned[name] if _only_text(value)]
            found += values
            spoken = {id(item) for value in values for item in ast.walk(value)}
            self.read = {name: places - spoken for name, places in self.read.items()}
            candidates -= only
        return found


class _Logic(ast.NodeVisitor):
    """Goes once through a tree: leaves out what no result depends on, and gathers what the tree names."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.modules: set[str] = set()
        self.scope = _Scope(None)
        self.scopes = [self.scope]
        self.function: _Function | None = None
        self.spoken = False

    def names(self) -> frozenset[tuple[str, ...]]:
        """Return what is read and is no local variable; ``register`` is left out, for no result depends on it."""
        return frozenset(
            chain
            for scope in self.scopes
            for chain in scope.read
            if chain[0] != "register" and not scope.holds(chain[0])
        )

    def generic_visit(self, node: ast.AST) -> None:
        """Go through all below a node."""
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.AST):
                        self.visit(item)
            elif isinstance(value, ast.AST):
                self.visit(value)

    def _all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Keep it."""
        self.imports.append(node)

    visit_ImportFrom = visit_Import  # noqa: N815

    def visit_Name(self, node: ast.Name) -> None:
        """Keep what is read, and what is bound."""
        if not isinstance(node.ctx, ast.Load):
            self.scope.bound.add(node.id)
            return
        self.scope.read.add((node.id,))
        if self.function is not None and not self.spoken:
            self.function.read.setdefault(node.id, set()).add(id(node))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Keep the whole chain of attributes of a name."""
        chain = _chain(node)
        if chain is None:
            self.visit(node.value)
            return
        self.scope.read.add(chain)
        while isinstance(node, ast.Attribute):
            node = node.value
        if self.function is not None and not self.spoken:
            self.function.read.setdefault(node.id, set()).add(id(node))

    def visit_Constant(self, node: ast.Constant) -> None:
        """Keep a dotted name of a module."""
        if isinstance(node.value, str) and node.value.startswith(f"{self.package}.") and _dotted(node.value):
            self.modules.add(node.value)

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> None:
        """Keep what is bound elsewhere."""
        self.scope.elsewhere |= {*node.names}
        if self.function is not None:
            self.function.elsewhere |= {*node.names}

    visit_Nonlocal = visit_Global  # noqa: N815

    def visit_Assign(self, node: ast.Assign) -> None:
        """Keep what a variable is assigned."""
        if self.function is not None and all(isinstance(target, ast.Name) for target in node.targets):
            for target in node.targets:
                self.function.assigned.setdefault(target.id, []).append(node.value)
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """Bind the error."""
        if node.name:
            self.scope.bound.add(node.name)
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Leave out what an error says, and from which it comes."""
        if isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
        node.cause = None
        if node.exc is not None:
            self.visit(node.exc)

    def visit_Call(self, node: ast.Call) -> None:
        """Leave out help, and the wording of log lines and of errors; a logger's name is no module."""
        name = _called(node)
        if name in PARSERS:
            node.keywords = [keyword for keyword in node.keywords if keyword.arg not in HELP]
        if name == "getLogger":
            self.visit(node.func)
        elif _is_message(node):
            self.visit(node.func)
            _blank(node)
            before, self.spoken = self.spoken, True
            self._all(node.args)
            self._all(node.keywords)
            self.spoken = before
        else:
            self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Leave out the docstring."""
        _drop_docstring(node)
        self.scope.bound.add(node.name)
        self._all([*node.decorator_list, *node.bases, *node.keywords])
        outer = self._enter()  # what a class binds are attributes, which its methods do not see as names
        self._all(node.body)
        self.scope.bound = set()
        self.scope = outer

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Leave out docstring, annotations and what only messages say."""
        _drop_docstring(node)
        node.returns = None
        self.scope.bound.add(node.name)
        self._all(node.decorator_list)
        outermost = self.function is None
        if outermost:
            self.function = _Function()
        self._within(node, node.body)
        if outermost:
            for value in self.function.told_only():
                _blank(value)
            self.function = None

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Go through it as a scope."""
        self._within(node, [node.body])

    def _within(self, node: ast.FunctionDef | ast.Lambda, body: list[ast.AST]) -> None:
        found = node.args
        self._all([*found.defaults, *filter(None, found.kw_defaults)])
        outer = self._enter()
        several = (found.vararg, found.kwarg)
        for item in (*found.posonlyargs, *found.args, *found.kwonlyargs, *filter(None, several)):
            item.annotation = None
            self.scope.bound.add(item.arg)
        self._all(body)
        self.scope = outer

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        """Go through it as a scope."""
        first, *others = node.generators
        self.visit(first.iter)  # it is worked out before there are variables
        outer = self._enter()
        self._all([first.target, *first.ifs, *others])
        self._all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        self.scope = outer

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp  # noqa: N815

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """Bind a variable, which of a comprehension is one of what is around it too."""
        scope: _Scope | None = self.scope
        while scope is not None and scope is not self.scopes[0]:
            scope.bound.add(node.target.id)
            scope = scope.outer
        self.visit(node.value)

    def _enter(self) -> _Scope:
        outer, self.scope = self.scope, _Scope(self.scope)
        self.scopes.append(self.scope)
        return outer


def _drop_docstring(node: ast.FunctionDef | ast.ClassDef) -> None:
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        node.body[:1] = [] if node.body[1:] else [ast.Pass()]


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_message(node: ast.Call) -> bool:
    """Whether a call makes an error, logs, or ends the program with a line."""
    holder = getattr(getattr(node.func, "value", None), "id", "")
    name = _called(node)
    return name.endswith(("Error", "Warning")) or (holder in LOGGERS and name in LEVELS) or (holder, name) == EXIT


def _blank(node: ast.AST) -> None:
    """Take the wording out of an expression: texts, and what is put into them."""
    for item in ast.walk(node):
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            item.value = ""
        elif isinstance(item, ast.JoinedStr):  # made a plain text where it stands: its parent is not known here
            item.__class__, item.value, item.kind = ast.Constant, "", None


def _only_text(value: ast.AST) -> bool:
    """Whether an expression calls nothing but what puts texts together."""
    calls = [node for node in ast.walk(value) if isinstance(node, ast.Call)]
    return all(_called(call) in ("join", "len", "sorted", "str", "repr", "type", "list", "tuple") for call in calls)
