"""Text files: CSV tables, JSON and plain text, written whole or not at all, read with clear errors."""

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topodepth.errors import InputError
from topodepth.files import storage

if TYPE_CHECKING:
    import numpy
    import pandas

# What these write is held by tests/unit/test_held.py to the byte. Digests of code take the number in place of their
# logic: raise it with what they write, and all that they wrote is made again.
HELD_BY_TESTS = {"write_table": 1, "write_text": 1, "write_json": 1}


def write_table(path: str | Path, rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> None:
    """Write a tidy CSV with full precision; a missing key or ``None`` or NaN becomes an empty cell.

    Raises
    ------
    InputError
        If a row has a key that is not a column.
    """
    with storage.atomic_path(path) as part, part.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            extra = set(row) - set(columns)
            if extra:
                raise InputError(f"{path}: row keys {sorted(extra)} are no columns. Expected: {list(columns)}.")
            writer.writerow([_field(row.get(column)) for column in columns])


def _field(value: object) -> str:
    if value is None:
        return ""
    if hasattr(value, "item"):
        value = value.item()  # NumPy scalars print as Python's, shortest form that reads back exactly
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    return str(value)


def read_table(path: str | Path) -> "pandas.DataFrame":
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


def read_indices(path: str | Path) -> "numpy.ndarray":
    """Read the column ``index`` of a sample's table, (n,) int64; without what :func:`read_table` takes to start.

    Raises
    ------
    InputError
        If the file is missing, or has no such column of whole numbers.
    """
    import numpy

    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            return numpy.array([int(row["index"]) for row in csv.DictReader(handle)], dtype=numpy.int64)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file.") from error
    except (KeyError, TypeError, ValueError, OverflowError, csv.Error) as error:
        reason = f"{type(error).__name__} {error}"
        raise InputError(f"{path}: column 'index' expected as whole numbers. Received: {reason}") from error


def write_text(path: str | Path, text: str) -> None:
    """Write a text as UTF-8, whole or not at all."""
    with storage.atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: object) -> None:
    """Write indented JSON with sorted keys."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def read_json(path: str | Path) -> Any:
    """Read JSON; a missing or malformed file raises :class:`InputError` naming it."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file.") from error
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON. Received: {error}") from error
