"""What is known of models that come as files: a table of their hyper-parameters, a row for each file."""

import csv
from collections.abc import Mapping
from pathlib import Path

from topodepth.errors import InputError
from topodepth.experiments.generalization import records, runs

FILE = "file"  # the column that names files, without their endings
# columns of models.csv that hold what is measured, or found out otherwise
TAKEN = {*records.ABOUT, *runs.COLUMNS, *records.METRICS, *records.TARGETS, *records.RIVALS} - {"architecture", "seed"}

Value = int | float | str | None


def of_files(entry: str, settings: Mapping) -> dict[str, dict[str, Value]]:
    """Return the hyper-parameters of an entry's files, by the files' names without their endings.

    Parameters
    ----------
    entry, settings
        A model of the configuration. Its ``hyperparameters`` is a CSV with a column ``file`` and one for each
        hyper-parameter: numbers or text; an empty cell is unknown.

    Returns
    -------
    dict
        Nothing if it has no such table.

    Raises
    ------
    InputError
        If the table is missing, broken, names a file twice, or has a column that is measured here.
    """
    path = settings.get("hyperparameters")
    if not path:
        return {}
    where = f"config key 'models.{entry}.hyperparameters': {path}"
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as handle:
            header, *rows = list(csv.reader(handle)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{where}: expected a CSV file. Received: {error}") from error
    _check_header(where, header)
    found: dict[str, dict[str, Value]] = {}
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise InputError(f"{where}, row {line}: expected {len(header)} cells. Received: {len(row)}.")
        own = dict(zip(header, row, strict=True))
        name = own.pop(FILE)
        if name in found:
            raise InputError(f"{where}, row {line}: expected each file once. Received: {name!r} again.")
        found[name] = {key: _value(cell) for key, cell in own.items()}
    return found


def of_file(entry: str, settings: Mapping, table: Mapping[str, dict[str, Value]], file: str) -> dict[str, Value]:
    """Return the hyper-parameters of one file; rows of other files may stand in the table too.

    Raises
    ------
    InputError
        If the table has no row of it.
    """
    name = Path(file).stem
    if name not in table:
        where = f"config key 'models.{entry}.hyperparameters': {settings['hyperparameters']}"
        raise InputError(f"{where}: expected a row with {name!r} in the column '{FILE}'. Received: none.")
    return table[name]


def varied(entry: str, settings: Mapping) -> set[str]:
    """Return the hyper-parameters in which an entry's files differ, without the seed: the axes of their grid."""
    rows = of_files(entry, settings).values()
    names = {name for row in rows for name in row} - {"seed"}
    return {name for name in names if len({row[name] for row in rows}) > 1}


def _check_header(where: str, header: list[str]) -> None:
    if FILE not in header or len(set(header)) < len(header) or "" in header:
        raise InputError(
            f"{where}: expected a first line of different names, one of them '{FILE}'. Received: {header}."
        )
    taken = sorted(set(header) & TAKEN)
    if taken:
        raise InputError(f"{where}: expected hyper-parameters only. Received: {taken[0]!r}, a column of models.csv.")


def _value(cell: str) -> Value:
    """Return a cell as the number that it is, else as text."""
    for kind in (int, float):
        try:
            number = kind(cell)
        except ValueError:
            continue
        return number if abs(number) < float("inf") else cell  # NaN and infinity are no JSON
    return cell or None
