"""What a script reaches of this project's code, found in the source: every definition that it could run.

From a name in the script to the definition it means, to the names in that, and so on. Where a call cannot be followed,
all that it could mean is reached: all entries of a registry, all definitions of a module that is passed on or imported
by a name made at run time. Of an imported module, what its import runs is reached too. So this is never too little, as
long as the project's own code is found by name; ``tests/workflow/test_reach.py`` compares it with what jobs run.
"""

import ast
import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from topodepth.jobs.logic import Definition, decorators, definition, imported, registration

ROOT = Path(__file__).resolve().parents[1]
SOURCE, PACKAGE = ROOT.parent, ROOT.name

# What errors say changes no result.
MESSAGES = f"{PACKAGE}.errors"
# A module can hold functions to a number in place of their logic: ``HELD_BY_TESTS = {"write_table": 1}``. Tests compare
# what such a function makes to the byte, and whoever changes that raises its number.
HELD = "HELD_BY_TESTS"
# What is asked of a registry that does not depend on the logic of its entries: on their names, on nothing (an unknown
# name is an error), on the lines ``@register(...)``.
NAMES = {"names", "modules"}
NOTHING = {"module_of", "register"}
LINES = {"attribute"}

Reached = dict[tuple[str, str], str]


class Module:
    """The source of one module: its imports, and its definitions by name."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        body = ast.parse(read(path), filename=str(path)).body
        self.statements: dict[str, list[ast.stmt]] = {}
        self.effects: list[ast.stmt] = []  # what an import of the module runs beside definitions
        imports = []
        for node in body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                imports.append(node)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                self.statements.setdefault(node.name, []).append(node)
            elif not _says_nothing(node):
                bound = [item.id for item in ast.walk(node) if isinstance(item, ast.Name)
                         and isinstance(item.ctx, ast.Store)]  # fmt: skip
                for one in bound:
                    self.statements.setdefault(one, []).append(node)
                if not bound or not isinstance(node, ast.Assign | ast.AnnAssign):
                    self.effects.append(node)
        self.imports = imported(imports)
        held = [node.value for node in self.statements.get(HELD, []) if isinstance(node, ast.Assign)]
        self.held: dict[str, int] = ast.literal_eval(held[0]) if held else {}
        self._definitions: dict[int, Definition] = {}

    def definitions(self, name: str) -> list[Definition]:
        """Return the statements that define a name."""
        return [self.of(node) for node in self.statements.get(name, [])]

    def of(self, node: ast.stmt | ast.expr) -> Definition:
        """Return what counts of a statement, which is worked out once."""
        if id(node) not in self._definitions:
            self._definitions[id(node)] = definition(node, PACKAGE)
        return self._definitions[id(node)]


def _says_nothing(node: ast.stmt) -> bool:
    """Whether a statement is a text, or is for type checkers only."""
    if isinstance(node, ast.If):
        return getattr(node.test, "id", "") == "TYPE_CHECKING"
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def read(path: Path) -> str:
    """Return the source of a module."""
    return path.read_text(encoding="utf-8")


def module_path(module: str) -> Path | None:
    """Return the source file of a project module, or None if the project has no such module."""
    path = SOURCE.joinpath(*module.split("."))
    if module.split(".", maxsplit=1)[0] != PACKAGE:
        return None
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").is_file() else None


@cache
def module(name: str) -> Module | None:
    """Return a module of this project, read once, or None if there is none of this name."""
    path = module_path(name)
    return Module(name, path) if path else None


@cache
def _script(path: Path) -> Module:
    return Module("", path)


def reached(script: str | Path, modules: Iterable[str] = ()) -> Reached:
    """Return the logic of everything that a script reaches: ``{(module, name): logic}``; the script is module ``""``.

    Parameters
    ----------
    script
        Path of the Python file that a rule runs.
    modules
        Dotted names of modules that it loads by a name made at run time, such as ``topodepth.architectures.vgg``. They
        are reached whole, and of the registry or package that each belongs to no other module is; one that is not there
        stands for an entry from elsewhere.
    """
    walk = _Walk(frozenset(modules))
    with _no_collection():
        walk.script(_script(Path(script).resolve()))
        for name in modules:
            walk.whole(name)
        walk.follow()
    return walk.reached


@contextmanager
def _no_collection() -> Iterator[None]:
    """Let no garbage be looked for, now or later, among the many small parts of trees, which all stay.

    That would take half the time of a walk, and a second of what Snakemake plans after it.
    """
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if on:
            gc.enable()


def imports(path: Path) -> set[str]:
    """Return the project modules that a file imports, inside its functions too."""
    tree = ast.walk(ast.parse(read(path), filename=str(path)))
    nodes = [node for node in tree if isinstance(node, ast.Import | ast.ImportFrom)]
    found = {name for target in imported(nodes).values() for name in _modules_of(*target)}
    return {name for name in found if module_path(name)}


def _modules_of(name: str, attribute: str) -> Iterator[str]:
    """Yield what an import runs: the module, the packages it lies in, and the attribute if that is a module."""
    parts = [*name.split("."), *([attribute] if attribute else [])]
    for count in range(1, len(parts) + 1):
        yield ".".join(parts[:count])


class _Walk:
    """Goes from a script to all that it names, with a list of what is still to be visited in place of recursion."""

    def __init__(self, given: frozenset[str]) -> None:
        self.given = given
        self.reached: Reached = {}
        self._run: set[str] = set()  # modules whose import is accounted for
        self._imported: set[tuple[str, str]] = set()  # and what statements ask for
        self._pending: list[tuple[Module, Definition]] = []

    def script(self, script: Module) -> None:
        """Reach a whole script, and everything from there."""
        nodes = {id(node): node for nodes in (*script.statements.values(), script.effects) for node in nodes}
        for place, node in enumerate(nodes.values()):
            self._add(script, f"{place}", script.of(node))
        for target in script.imports.values():
            self._import(*target)

    def whole(self, name: str) -> None:
        """Reach all definitions of a module."""
        found = module(name)
        if found is not None:
            self._import(name, "")
            for defined in found.statements:
                self._name(found, defined, ())

    def follow(self) -> None:
        """Visit all that is left to be visited."""
        while self._pending:
            self._visit(*self._pending.pop())

    def _add(self, of: Module, name: str, found: Definition) -> None:
        bound = {**of.imports, **found.imports}
        used = sorted({chain[0] for chain in found.names} & {*bound})
        lines = [found.text, *(f"{name} = {':'.join(bound[name])}" for name in used)]
        self.reached[of.name, name] = "\n".join([*filter(None, [self.reached.get((of.name, name))]), *lines])
        self._pending.append((of, found))

    def _define(self, of: Module, name: str) -> None:
        if (of.name, name) in self.reached or of.name == MESSAGES:
            return
        self._import(of.name, "")
        if name in of.held:
            self.reached[of.name, name] = f"held {of.held[name]}"
            return
        for found in of.definitions(name):
            self._add(of, name, found)

    def _import(self, name: str, attribute: str) -> None:
        """Reach what an import statement runs."""
        if (name, attribute) in self._imported or name.partition(".")[0] != PACKAGE:
            return
        self._imported.add((name, attribute))
        for one in _modules_of(name, attribute):
            if one in self._run or one == MESSAGES or (found := module(one)) is None:
                continue
            self._run.add(one)
            for target in found.imports.values():
                self._import(*target)
            for place, node in enumerate(found.effects):
                self._add(found, f"import {place}", found.of(node))
            for defined, nodes in found.statements.items():
                if any(self._is_ours(found, chain) for node in nodes for chain in decorators(node)):
                    self._define(found, defined)

    def _is_ours(self, of: Module, decorator: tuple[str, ...] | None) -> bool:
        """Whether a decorator is of this project, and so may keep what it decorates for others to find."""
        if decorator is None or decorator == ("register",):
            return False
        target = of.imports.get(decorator[0])
        return decorator[0] in of.statements if target is None else module(target[0]) is not None

    def _visit(self, of: Module, found: Definition) -> None:
        """Reach what a definition names."""
        bound = {**of.imports, **found.imports}
        for target in found.imports.values():
            self._import(*target)
        for chain in found.names:
            if chain[0] in of.statements and chain[0] not in found.imports:
                self._name(of, chain[0], chain[1:])
            elif chain[0] in bound:
                self._target(*bound[chain[0]], chain[1:])
        for name in found.modules:
            self._choice(name.removesuffix("."), package=name.endswith("."))

    def _target(self, name: str, attribute: str, rest: tuple[str, ...]) -> None:
        """Reach what an imported name and its attributes mean."""
        path = f"{name}.{attribute}" if attribute else name
        while rest and module(f"{path}.{rest[0]}") is not None:
            path, rest = f"{path}.{rest[0]}", rest[1:]
        found = module(path)
        if found is None:  # something in a module
            holder = module(name)
            if holder is not None:
                self._name(holder, attribute, rest)
        elif rest:
            self._name(found, rest[0], rest[1:])
        elif attribute or name != PACKAGE:
            self._choice(path, package=False)  # a module that is handed on

    def _name(self, of: Module, name: str, rest: tuple[str, ...]) -> None:
        """Reach what a name means in a module."""
        if name not in of.statements:
            if name in of.imports:  # imported there from elsewhere
                self._target(*of.imports[name], rest)
            elif "__getattr__" in of.statements:
                self._define(of, "__getattr__")
            return
        registry = next((found.registers for found in of.definitions(name) if found.registers), None)
        asked = rest[0] if rest else ""
        self._define(of, name)
        if registry and asked not in NOTHING:
            self._registered(of.name if registry == "__name__" else registry, asked)

    def _registered(self, name: str, asked: str) -> None:
        """Reach what is asked of a registry's entries, in a module or in those of a package."""
        everywhere = asked in NAMES | LINES
        path = module_path(name)
        package = path is not None and path.name == "__init__.py"
        modules = [name] if not package else _inside(name) if everywhere else self._candidates(name)
        for found in filter(None, map(module, modules)):
            for defined, nodes in found.statements.items():
                for line in filter(None, map(registration, nodes)):
                    if not everywhere:
                        self._define(found, defined)
                    elif asked in NAMES:
                        self.reached[found.name, f"{defined} named"] = ast.unparse(line.args[0])
                    elif (found.name, f"{defined} registered") not in self.reached:
                        self._import(found.name, "")
                        self._add(found, f"{defined} registered", found.of(line))

    def _choice(self, name: str, *, package: bool) -> None:
        """Reach everything that a name made at run time can mean: a whole module, or modules of a package."""
        for one in self._candidates(name) if package else [name]:
            self.whole(one)

    def _candidates(self, package: str) -> Iterable[str]:
        return {one for one in self.given if one.startswith(f"{package}.")} or _inside(package)


def _inside(package: str) -> list[str]:
    """Return the modules of a package whose names do not begin with an underscore."""
    path = module_path(package)
    return [f"{package}.{file.stem}" for file in sorted(path.parent.glob("[!_]*.py"))] if path else []
