"""Files and folders that appear whole or not at all, and their checksums."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from topodepth.errors import InputError

HELD_BY_TESTS = {"atomic_path": 1, "whole_folder": 1}  # see topodepth.files.texts


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block ends well, else remove it.

    A reader, or a killed job's successor, therefore never sees half a file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path`` that takes its place when the block ends well, and else goes."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        shutil.rmtree(path, ignore_errors=True)
        part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def numbered_files(folder: str | Path, what: str) -> list[Path]:
    """Return the files ``00.h5``, ``01.h5`` … of a folder, one a strength of an attack, in order.

    Raises
    ------
    InputError
        If there is no such folder, or none in it; the message says that ``what`` was expected.
    """
    found = sorted(Path(folder).glob("[0-9]*.h5"))
    if not found:
        raise InputError(f"{folder}: expected a folder of {what}, a file 00.h5 … a strength. Received: none.")
    return found


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
