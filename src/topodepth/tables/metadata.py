"""What is said of a table in a file beside it, as *CSV on the Web* (CSVW) metadata.

``depth.csv-metadata.json`` is where the W3C's recommendation lets a reader of ``depth.csv`` look by itself, so that
types, units and meanings come with the table. What CSVW has no word for is said in those of schema.org and PROV, which
it knows as ``schema:`` and ``prov:``. No time and no place of a machine is in it: a run always writes the same file.

References
----------
W3C (2015), Metadata Vocabulary for Tabular Data, https://www.w3.org/TR/tabular-metadata/
"""

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from topodepth.errors import InputError
from topodepth.files import storage
from topodepth.tables.columns import Column
from topodepth.tables.dictionary import TABLES, UNKNOWN, columns_of, kind_of, range_of
from topodepth.tables.table import Table

ENDING = "-metadata.json"
CONTEXT = ["http://www.w3.org/ns/csvw", {"@language": "en"}]
WHOLE = re.compile(r"[+-]?\d+")
SECTIONS = ("protocol", "seed", "topology", "dimension")  # of a configuration, which say how tables are made


def describe(folder: str | Path, path: str, record: Mapping[str, Any], version: str | None) -> dict[str, Any]:
    """Return the metadata of a table.

    Parameters
    ----------
    folder
        Of the run.
    path
        The table, from there.
    record
        Of what made the run: the maps ``config`` and ``code`` (``provenance.json``).
    version
        Of topodepth, where it is known.

    Raises
    ------
    InputError
        If the table is missing, or has a column that the dictionary does not know.
    """
    file, found = Path(folder, path), kind_of(path)
    header, rows, plain = _read(file)
    table = found.table if found else Table({}, "", {}, others=UNKNOWN)
    try:
        columns = columns_of(table, header)
    except InputError as error:
        raise InputError(f"{file}: {error}") from None
    about: dict[str, Any] = {"@context": CONTEXT, "url": quote(file.name)}
    if found:
        about |= {"dc:title": found.name, "dc:description": table.rows}
    about |= {
        "dc:format": "text/csv", "schema:sha256": storage.sha256(file),
        "schema:isPartOf": f"run {record['config']['run']}", "schema:size": f"{rows} rows",
        "tableSchema": {"columns": [_column(name, columns[name], whole=name in plain) for name in header]},
        "schema:additionalProperty": [_property(*pair) for pair in parameters(path, record["config"]).items()],
    }  # fmt: skip
    if found:
        made = {"schema:name": f"topodepth, {found.script}", "schema:identifier": record["code"].get(found.script, "")}
        about["prov:wasGeneratedBy"] = made | ({"schema:softwareVersion": version} if version else {})
    if table.made_of:
        about["prov:wasDerivedFrom"] = [
            {"schema:url": name, "schema:sha256": storage.sha256(file.with_name(name))} for name in table.made_of
        ]
    return about


def tables(folder: str | Path, record: Mapping[str, Any]) -> list[str]:
    """Return the tables in the folder of a run, from there: those that its record names, and those on the way to them.

    Which layers there are may be known to jobs only, so tables on the way are looked for. Those that lie in the folder
    itself are made from others by name, or later.

    Parameters
    ----------
    folder
        Of the run.
    record
        Of what made the run, with a list ``tables``.
    """
    folder = Path(folder)
    patterns = [pattern for table in TABLES.values() for pattern in table.files if "/" in pattern]
    found = {path.relative_to(folder).as_posix() for pattern in patterns for path in folder.glob(pattern)}
    return sorted({*record["tables"], *found})


def _read(file: Path) -> tuple[list[str], int, set[str]]:
    """Return the header of a table, the number of its rows, and its columns whose cells are all plain whole numbers."""
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            reader = csv.reader(lines)
            header, rows = next(reader, []), 0
            plain = set(range(len(header)))
            for row in reader:
                rows += 1
                plain = {k for k in plain if not row[k] or WHOLE.fullmatch(row[k])}
    except FileNotFoundError as error:
        raise InputError(f"{file}: no such file.") from error
    except (csv.Error, IndexError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: not a readable CSV table. Received: {error}") from error
    return header, rows, {header[k] for k in plain}


def _column(name: str, column: Column, *, whole: bool) -> dict[str, Any]:
    """Return what CSVW says of a column; whole numbers that are written as 1.0 are decimal there."""
    base = {"integer": "integer" if whole else "decimal"}.get(column.type, column.type)
    ends = {"minimum": column.low, "maximum": column.high}
    limits = {key: end for key, end in ends.items() if end is not None}
    datatype: object = {"base": base, **limits} if limits else base
    if column.levels:
        datatype = {"base": "string", "format": "|".join(map(re.escape, column.levels))}
    about = {"name": quote(name, safe="").replace("-", "%2D").replace(".", "%2E").replace("~", "%7E"), "titles": name,
             "datatype": datatype, "dc:description": column.meaning, "required": not column.empty}  # fmt: skip
    more = {"schema:unitText": column.unit, "schema:valueReference": range_of(column)}
    if column.empty:
        more["rdfs:comment"] = f"Empty {column.empty}."
    return about | {key: value for key, value in more.items() if value}


def _property(name: str, value: object) -> dict[str, object]:
    plain = isinstance(value, str | int | float | bool)
    return {"schema:name": name, "schema:value": value if plain else json.dumps(value, sort_keys=True)}


def parameters(path: str, config: Mapping[str, Any]) -> dict[str, object]:
    """Return the settings of a configuration that a table of an experiment depends on, by their full keys.

    Parameters
    ----------
    path
        The table, from the folder of its run.
    config
        Complete configuration.
    """
    kind, *rest = PurePosixPath(path).parts
    own = next((each for each in config["experiments"].get(kind, []) if rest and each["name"] == rest[0]), None)
    if own is None:
        return {}
    found = {key: config[key] for key in SECTIONS} | {f"experiments.{kind}": own}
    if own.get("sample") in config["samples"]:
        found[f"samples.{own['sample']}"] = config["samples"][own["sample"]]
    return {
        key if inner is None else f"{key}.{inner}": value
        for key, settings in found.items()
        for inner, value in (settings.items() if isinstance(settings, Mapping) else [(None, settings)])
    }
