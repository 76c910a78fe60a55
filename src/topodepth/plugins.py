"""Users' own files with ``@register``: what they make known, loading them, and telling of what goes wrong in them.

Which names a file registers is read from its source; its code runs when one of them is used, and not before. The files
that are known hold for every registry of a process (:mod:`topodepth.registry`); :func:`use` adds to them.
"""

import ast
import importlib.machinery
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import isfunction
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from topodepth.errors import InputError

FILES = "TOPODEPTH_PLUGINS"  # environment variable that tells a job of its plugins: a JSON list of paths

# The registries that take entries of others, by module, and what their @register has to say beside the name. Names
# within this package: a whole one would count as a module that every job loads (topodepth.jobs.reach).
PACKAGE = __name__.partition(".")[0]
KINDS: Mapping[str, tuple[str, ...]] = {
    f"{PACKAGE}.{name}": told
    for name, told in (
        ("topology.descriptors", ()),
        ("topology.dimension", ()),
        ("datasets", ("source",)),
        ("architectures", ("layers", "activation", "width", "l2", "optimizer")),
        ("attacks.attacks", ()),
        ("similarity", ("distance",)),
    )
}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")  # it becomes a label of figures and a part of paths


class Entry(NamedTuple):
    """What a source says of one ``@register``.

    Attributes
    ----------
    name
        The name that it gives.
    arguments
        Keyword arguments of the function, but for what it is called for: its first argument, or all before a ``/``;
        None if it takes any.
    told
        Keywords of ``@register`` itself; None if they are not all written out.
    line
        Where it stands.
    """

    name: str
    arguments: tuple[str, ...] | None
    told: frozenset[str] | None
    line: int


def entry(function: ast.AST, decorator: ast.Call) -> Entry:
    """Return what a decorated function and its ``@register("name")`` say.

    Raises
    ------
    ValueError
        If the first argument is no text in quotes.
    """
    name = getattr(decorator.args[0], "value", None) if decorator.args else None
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError("expected a name in quotes: letters, digits, '_', '-' and '.'")
    given = getattr(function, "args", None)  # a class has none
    named = given.args[0 if given.posonlyargs else 1 :] + given.kwonlyargs if given else []
    told = {keyword.arg for keyword in decorator.keywords}
    return Entry(
        name,
        None if given is None or given.kwarg else tuple(each.arg for each in named),
        None if None in told else frozenset(filter(None, told)),
        decorator.lineno,
    )


@dataclass(frozen=True)
class UserFile:
    """A Python file of the user's.

    Attributes
    ----------
    file
        Its absolute path.
    shown
        The path as it was given, for messages.
    files
        Its own file, and those of its folder that it imports, directly or not.
    """

    file: Path
    shown: str
    files: tuple[Path, ...]

    def run(self, name: str) -> ModuleType:
        """Run the file as a module of this name; its folder is searched for modules after all that is installed."""
        folder = str(self.file.parent)
        if folder not in sys.path:
            sys.path.append(folder)
        module = ModuleType(name)
        module.__file__ = str(self.file)
        sys.modules[name] = module
        own = importlib.machinery.PathFinder.find_spec(self.file.stem)
        if own and own.origin == str(self.file):  # another file may import it by its own name: one file, one module
            sys.modules.setdefault(self.file.stem, module)
        try:
            # compiled anew: bytecode kept beside it can be older than an edit of the same second
            exec(compile(self.file.read_bytes(), str(self.file), "exec"), vars(module))
        except BaseException:
            for known in (name, self.file.stem):
                if sys.modules.get(known) is module:
                    del sys.modules[known]
            raise
        return module

    def told(self, error: BaseException) -> str:
        """Return where in the user's files an error comes from, and what it says."""
        if isinstance(error, SyntaxError) and error.filename and error.filename in map(str, self.files):
            return _place(self._shown(error.filename), error.lineno, f"{type(error).__name__}: {error.msg}")
        text = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        steps = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
        own = [step for step in steps if Path(step[0]) in self.files]
        return _place(self._shown(own[-1][0]), own[-1][1], text) if own else _place(self.shown, None, text)

    def _shown(self, file: str) -> str:
        return str(Path(self.shown).with_name(Path(file).name)) if Path(file).parent == self.file.parent else file


@dataclass(frozen=True)
class Plugin(UserFile):
    """A user's file that registers something.

    Attributes
    ----------
    entries
        What it registers, by module of the registry.
    """

    entries: Mapping[str, tuple[Entry, ...]]

    @property
    def module(self) -> str:
        """The name that it is loaded under, which no other module has."""
        return f"{PACKAGE}_plugin_" + re.sub(r"\W", "_", self.file.stem)

    def load(self) -> None:
        """Run the file, once.

        Raises
        ------
        InputError
            If it fails, with the line that does.
        """
        if self.module in sys.modules:
            return
        try:
            self.run(self.module)
        except (Exception, SystemExit) as error:
            raise InputError(f"plugin {self.told(error)}") from error

    def guarded(self, function: Callable, what: str) -> Callable:
        """Return an entry whose errors name it, this file and the line, in one line.

        Parameters
        ----------
        function
            As it was registered; functions among its attributes are guarded too.
        what
            ``"descriptor 'mine'"``.
        """

        @wraps(function)
        def called(*arguments: object, **options: object) -> object:
            try:
                return function(*arguments, **options)
            except Exception as error:
                raise InputError(f"{what} of plugin {self.told(error)}") from error

        for name, value in vars(function).items():
            if isfunction(value):
                setattr(called, name, self.guarded(value, f"`{name}` of {what}"))
        return called


_known: dict[str, Plugin] = {}  # by module


def use(files: Iterable[str | Path]) -> None:
    """Make the entries of users' files known, by their source alone.

    Parameters
    ----------
    files
        Paths from the working directory. Whoever calls this trusts them: they run once an entry is used.

    Raises
    ------
    InputError
        If one is missing, no Python, registers nothing or in a wrong way, or two cannot be told apart as modules.
    """
    for path in files:
        plugin = read(path)
        for known in _known.values():
            _refuse_alike(known, plugin)
        _known[plugin.module] = plugin


def read(path: str | Path) -> Plugin:
    """Return what the source of a user's file says, without running it."""
    file, trees = sources(path)
    entries: dict[str, list[Entry]] = {}
    for module, found in _entries(trees[file], str(path)):
        entries.setdefault(module, []).append(found)
    if not entries:
        raise InputError(
            f'{path}: registers nothing. Expected @register("name") before a function, `register` imported from one '
            f"of {', '.join(KINDS)}."
        )
    return Plugin(file, str(path), tuple(trees), {module: tuple(found) for module, found in entries.items()})


def sources(path: str | Path) -> tuple[Path, dict[Path, ast.Module]]:
    """Return a user's file, and the syntax trees of it and of what it imports from its folder, directly or not.

    Raises
    ------
    InputError
        If it is missing or no Python.
    """
    file = Path(os.path.abspath(path))
    if not file.is_file():
        raise InputError(f"expected a Python file that is there, seen from {os.getcwd()}. Received: {path}.")
    found: dict[Path, ast.Module] = {}
    pending = [file]
    while pending:
        each = pending.pop()
        if each not in found:
            found[each] = _parsed(each, str(path) if each == file else str(each))
            pending += [beside for name in _roots(found[each]) for beside in _beside(file.parent, name)]
    return file, found


def registering(module: str) -> Iterator[tuple[Entry, Plugin]]:
    """Yield the entries of users for the registry of a module, each with the file it is from."""
    for plugin in _known.values():
        for found in plugin.entries.get(module, ()):
            yield found, plugin


def of_module(module: str) -> Plugin | None:
    """Return the user's file that a module is loaded from, None of one of the library."""
    return _known.get(module)


def _refuse_alike(known: Plugin, plugin: Plugin) -> None:
    """Refuse two files of one module name, of which Python would import the first in place of the second."""
    if known.file != plugin.file and known.module == plugin.module:
        raise InputError(f"expected plugins whose names differ. Received: {known.shown} and {plugin.shown}.")
    for one in known.files:
        for other in plugin.files:
            ours, theirs = one.relative_to(known.file.parent), other.relative_to(plugin.file.parent)
            if one != other and ours == theirs:
                raise InputError(f"expected imported files whose names differ. Received: {one} and {other}.")


def _parsed(path: Path, shown: str) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except SyntaxError as error:
        raise InputError(_place(shown, error.lineno, f"SyntaxError: {error.msg}")) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{shown}: expected Python in UTF-8. Received: {error}.") from None


def _roots(tree: ast.Module) -> set[str]:
    """Return the first parts of the modules that a source imports, wherever in it."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names - {PACKAGE}


def _beside(folder: Path, name: str) -> list[Path]:
    """Return the files of a folder that a module's name stands for: one, or all of a package."""
    file, package = folder / f"{name}.py", folder / name
    if file.is_file() and not (package / "__init__.py").is_file():
        return [file]
    return sorted(package.rglob("*.py")) if package.is_dir() else []


def _entries(tree: ast.Module, shown: str) -> Iterator[tuple[str, Entry]]:
    """Yield what a user's source registers, with the module of its registry."""
    meant = dict(_meanings(tree))
    for node in ast.walk(tree):
        for decorator in getattr(node, "decorator_list", []):
            module, _, last = _dotted(getattr(decorator, "func", None), meant).rpartition(".")
            if last == "register" and module.partition(".")[0] == PACKAGE:
                module = module.removesuffix(".registry")
                yield module, _checked(module, node, decorator, f"{shown}, line {decorator.lineno}: @register")


def _checked(module: str, node: ast.AST, decorator: ast.Call, where: str) -> Entry:
    if module not in KINDS:
        raise InputError(f"{where} expected of {', '.join(KINDS)}. Received: that of {module}.")
    try:
        found = entry(node, decorator)
    except ValueError as error:
        first = ast.unparse(decorator.args[0]) if decorator.args else "nothing"
        raise InputError(f"{where}: {error}. Received: {first:.100}.") from None
    missing = [] if found.told is None else [key for key in KINDS[module] if key not in found.told]
    if missing:
        raise InputError(f"{where}({found.name!r}) expected {', '.join(f'{key}=…' for key in KINDS[module])}. "
                         f"Missing: {', '.join(missing)}.")  # fmt: skip
    return found


def _meanings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the names that imports bind, each with the dotted name it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _dotted(node: ast.AST | None, meant: Mapping[str, str]) -> str:
    """Return the dotted name that an expression such as ``descriptors.register`` stands for; empty if none."""
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value, meant)
        return f"{before}.{node.attr}" if before else ""
    return meant.get(node.id, "") if isinstance(node, ast.Name) else ""


def _place(file: str, line: int | None, text: str) -> str:
    return f"{file}{f', line {line}' if line else ''}: {text}"
