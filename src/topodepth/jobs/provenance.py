"""What made a result: a digest of the logic behind it, and the versions of the packages it ran on."""

import hashlib
import importlib.metadata
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path

from topodepth.errors import InputError
from topodepth.files import storage
from topodepth.jobs.reach import reached


def code_digest(script: str | Path, modules: Iterable[str] = ()) -> str:
    """Return a digest of the logic of a script and of every definition of this project that it reaches.

    Docstrings, comments, formatting, annotations of functions, the wording of errors, log lines and help, file times
    and the folder's place do not count; code does.

    Parameters
    ----------
    script
        Path of the Python file that a rule runs.
    modules
        Dotted names of modules that it loads by a name made at run time, such as ``topodepth.architectures.vgg``: all
        of their logic counts, and no other module of their package does, see :func:`topodepth.jobs.reach.reached`.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for (module, name), logic in sorted(reached(script, modules).items()):
        digest.update(f"{module}\0{name}\0{logic}\0".encode())
    return digest.hexdigest()[:16]


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


def made_from(code: str, inputs: Iterable[str | Path]) -> str:
    """Return one line for a file's metadata: the digest of the code and the SHA-256 of each input."""
    files = ", ".join(f"{Path(path).name} {storage.sha256(path)}" for path in inputs)
    return f"topodepth, code {code}; {files}"


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
