"""Files: HDF5, CSV and JSON, written whole or not at all, read with clear errors."""

import csv
import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from topodepth.errors import InputError


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
def create_h5(path: str | Path) -> Iterator["h5py.File"]:  # noqa: F821
    """Open a new HDF5 file for writing; it appears at ``path`` only when the block ends well."""
    import h5py

    with atomic_path(path) as part, h5py.File(part, "w", locking=False, libver="v110") as file:
        yield file


@contextmanager
def open_h5(path: str | Path) -> Iterator["h5py.File"]:  # noqa: F821
    """Open an HDF5 file for reading, without a lock (network disks often have none).

    Raises
    ------
    InputError
        If the file is missing, truncated or not HDF5; the message names it.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        reason = str(error).rsplit("(", 1)[-1].rstrip(")")
        raise InputError(
            f"{path}: not a readable HDF5 file, expected a complete one. Received: {reason}. "
            "Delete it and run again to make it anew."
        ) from error
    with file:
        try:
            yield file
        except (OSError, KeyError) as error:
            reason = str(error.args[0] if error.args else error)
            raise InputError(f"{path}: corrupt or incomplete HDF5 file. Received: {reason}") from error


def plain(value: object) -> object:
    """Return an attribute as a Python value: HDF5 hands out NumPy scalars and, from some writers, bytes."""
    import numpy

    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value.item() if isinstance(value, numpy.generic) else value


def write_table(path: str | Path, rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> None:
    """Write a tidy CSV with full precision; a missing key or ``None`` or NaN becomes an empty cell.

    Raises
    ------
    InputError
        If a row has a key that is not a column.
    """
    with atomic_path(path) as part, part.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            extra = set(row) - set(columns)
            if extra:
                raise InputError(f"{path}: row keys {sorted(extra)} are no columns. Expected: {list(columns)}.")
            writer.writerow([_cell(row.get(column)) for column in columns])


def _cell(value: object) -> str:
    if value is None:
        return ""
    if hasattr(value, "item"):
        value = value.item()  # NumPy scalars print as Python's, shortest form that reads back exactly
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    return str(value)


def read_table(path: str | Path) -> "pandas.DataFrame":  # noqa: F821
    """Read a CSV written by :func:`write_table`; empty cells become NaN.

    Raises
    ------
    InputError
        If the file is missing or no table.
    """
    import pandas

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    try:
        return pandas.read_csv(path, float_precision="round_trip", keep_default_na=False, na_values=[""])
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a readable CSV table. Received: {error}") from error


def write_json(path: str | Path, value: object) -> None:
    """Write indented JSON with sorted keys."""
    with atomic_path(path) as part:
        part.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> object:
    """Read JSON; a missing or malformed file raises :class:`InputError` naming it."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file.") from error
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON. Received: {error}") from error


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
