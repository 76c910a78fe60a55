"""What made a result: a digest of the logic behind it, and the versions of the packages it ran on."""

import ast
import hashlib
import importlib.metadata
import platform
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from topodepth.errors import InputError
from topodepth.files import storage

ROOT = Path(__file__).resolve().parents[1]
SOURCE, PACKAGE = ROOT.parent, ROOT.name


def code_digest(script: str | Path, modules: Iterable[str] = ()) -> str:
    """Return a digest of the logic of a script and of every project module it imports, directly or not.

    Docstrings, comments, formatting, file times and the folder's place do not count; code does. Modules that are
    imported only by name at run time (an architecture, a data set) are not seen in the source and are given in
    ``modules``.

    Parameters
    ----------
    script
        Path of the Python file that a rule runs.
    modules
        Dotted names of further modules whose logic counts, such as ``topodepth.architectures.vgg``.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    script = Path(script).resolve()
    found: dict[str, Path] = {}
    pending = [*_imports(script), *modules]
    while pending:
        module = pending.pop()
        path = module_path(module)
        if path is not None and module not in found:
            found[module] = path
            pending.extend(_imports(path))
    # The packages that these modules lie in run too; what such a package gathers for others does not count.
    for module in [*found]:
        for package in _packages(module):
            found.setdefault(package, module_path(package))
    digest = hashlib.sha256(_logic(script))
    for module in sorted(found):
        digest.update(module.encode() + b"\0" + _logic(found[module]))
    return digest.hexdigest()[:16]


def _packages(module: str) -> Iterator[str]:
    """Yield the packages that a module lies in."""
    while "." in module:
        module = module.rpartition(".")[0]
        yield module


def module_path(module: str) -> Path | None:
    """Return the source file of a project module, or None if the project has no such module."""
    path = SOURCE.joinpath(*module.split("."))
    if module.split(".", maxsplit=1)[0] != PACKAGE:
        return None
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").is_file() else None


def _imports(path: Path) -> tuple[str, ...]:
    """Return the project modules named by the import statements of a file, inside functions too."""
    return _parts(path)[0]


def _logic(path: Path) -> bytes:
    """Return the code of a file, without docstrings, comments and layout."""
    return _parts(path)[1]


@cache
def _parts(path: Path) -> tuple[tuple[str, ...], bytes]:
    """Return the imports and the logic of a file, of which a plan asks dozens of times: it is read once."""
    names: list[str] = []
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.append(node.module)
            names += [f"{node.module}.{alias.name}" for alias in node.names]  # `from package import module`
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body.pop(0)
    return tuple(name for name in names if name.split(".")[0] == PACKAGE), ast.unparse(tree).encode()


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each named package, and Python's own; absent ones are left out."""
    versions = {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def checksum(path: str | Path) -> str:
    """Return the SHA-256 of a file, or of the names and contents of all files of a folder.

    Raises
    ------
    InputError
        If there is no such file or folder.
    """
    path = Path(path)
    if path.is_dir():
        inner = sorted(item for item in path.rglob("*") if item.is_file() and not item.name.startswith("."))
        listing = [f"{storage.sha256(item)} {item.relative_to(path).as_posix()}\n" for item in inner]
        return hashlib.sha256("".join(listing).encode()).hexdigest()
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    return storage.sha256(path)


def made_from(script: str | Path, modules: Iterable[str], inputs: Iterable[str | Path]) -> str:
    """Return one line for a file's metadata: the digest of the code and the SHA-256 of each input."""
    files = ", ".join(f"{Path(path).name} {storage.sha256(path)}" for path in inputs)
    return f"topodepth, code {code_digest(script, modules)}; {files}"


def differences(record: Mapping, here: Mapping) -> list[str]:
    """Return in what a recorded run and this place differ, one line each: code, lock file, versions, inputs.

    Parameters
    ----------
    record, here
        With the maps ``code``, ``versions`` and ``inputs``, and the text ``lock``.
    """
    lines = []
    for kind in ("code", "versions", "inputs"):
        for name, known in record[kind].items():
            found = here[kind].get(name, "absent")
            if found != known:
                lines.append(f"{kind}, {name}: {known} recorded, {found} here")
    if record["lock"] != here["lock"]:
        lines.append(f"requirements.lock: {record['lock']} recorded, {here['lock']} here")
    return lines
