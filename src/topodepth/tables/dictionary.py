"""The data dictionary: which kind of table a file is, what its columns mean, and the page that lists them all."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from topodepth.errors import InputError
from topodepth.tables.columns import Column, Columns
from topodepth.tables.described import adversarial, comparisons, depth, generalization
from topodepth.tables.table import Table

TABLES: Mapping[str, Table] = {**depth.TABLES, **generalization.TABLES, **adversarial.TABLES, **comparisons.TABLES}
UNKNOWN = Column("Not described.", "string", empty="where nothing is known")

HEAD = """# What stands in the tables

Every table of `results/<run>/`, and every column of it; `*` stands for a name. Numbers have full precision. An empty
cell means that there is no value. Beside each table lies `<table>.csv-metadata.json`, which says the same to programs
([provenance.md](provenance.md)).
"""


class Kind(NamedTuple):
    """What a file is: the name of its kind of table, what is said of it, and the script that writes it."""

    name: str
    table: Table
    script: str


def kind_of(path: str) -> Kind | None:
    """Return the kind of a table; None of a table of no known kind.

    Parameters
    ----------
    path
        Of the table, from the folder of the run: ``depth/mine/depth.csv``.
    """
    file = PurePosixPath(path)
    found = [
        (len(pattern), Kind(name, table, script))
        for name, table in TABLES.items()
        for pattern, script in table.files.items()
        if len(PurePosixPath(pattern).parts) == len(file.parts) and file.match(pattern)
    ]
    return max(found, key=lambda each: each[0])[1] if found else None  # *.bars.csv says more than *.csv


def columns_of(table: Table, header: Sequence[str]) -> Columns:
    """Return what the columns of a table mean, in its own order.

    Parameters
    ----------
    table
        The kind of table.
    header
        The names of its columns.

    Raises
    ------
    InputError
        If a column is missing, or is none that the dictionary knows.
    """
    known = {**table.columns, **table.optional}
    strange = [name for name in header if name not in known] if table.others is None else []
    missing = [name for name in table.columns if name not in header]
    if strange or missing:
        raise InputError(f"expected the columns {list(table.columns)}. Missing: {missing}. Not described: {strange}.")
    return {name: known.get(name) or table.others or UNKNOWN for name in header}


def markdown() -> str:
    """Return the page that lists every column of every table, in Markdown."""
    return "\n".join([HEAD, *(_section(name, table) for name, table in TABLES.items())])


def _section(name: str, table: Table) -> str:
    files = ", ".join(f"`{pattern}`" for pattern in table.files)
    lines = [f"## {name}", "", f"{files}. {table.rows}", "", "| column | meaning | type | unit | range | empty |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    lines += [_row(f"`{column}`", about) for column, about in table.columns.items()]
    lines += [_row(f"`{column}`, in some tables", about) for column, about in table.optional.items()]
    lines += [_row("further columns", table.others)] if table.others else []
    return "\n".join([*lines, ""])


def _row(name: str, column: Column) -> str:
    cells = [name, column.meaning, column.type, column.unit, range_of(column), column.empty]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def range_of(column: Column) -> str:
    """Return what a cell may hold, in words; nothing where it may hold anything."""
    if column.levels:
        return _listed(column.levels)
    low, high = column.low, column.high
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    return f"at least {low:g}" if low is not None else f"at most {high:g}" if high is not None else ""


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)
