"""Every table of the tiny run is in the data dictionary, and holds what the dictionary says."""

import csv
import re

from tests.workflow.conftest import TINY
from topodepth.files import storage, texts
from topodepth.tables import dictionary

NOT_IN_THIS_RUN = {"long_bars", "times", "times_parts", "times_cores"}  # they have to be asked for


def tables(results):
    """Yield each table of a run: its path from there, and its rows."""
    for path in sorted(results.rglob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            yield path.relative_to(results).as_posix(), list(csv.reader(file))


def wrong(column, cell):
    """Tell why a cell is none that the dictionary allows; nothing if it is."""
    if not cell:
        return "" if column.empty else "empty"
    if column.levels:
        return "" if cell in column.levels else "another level"
    if column.type == "string":
        return ""
    value = float(cell)
    if column.type == "integer" and value != int(value):
        return "not whole"
    low, high = (bound if bound is not None else value for bound in (column.low, column.high))
    return "" if low <= value <= high else "out of range"


def test_every_table_has_the_columns_that_the_dictionary_names_and_every_kind_is_there(finished):
    results, seen = finished.path / "results/tiny", set()
    for path, (header, *rows) in tables(results):
        found = dictionary.kind_of(path)
        assert found, f"{path} is in no kind of table of topodepth.tables.described"
        seen.add(found[0])
        columns = dictionary.columns_of(found[1], header)
        faults = {(name, why) for row in rows for name, cell in zip(header, row, strict=True)
                  if (why := wrong(columns[name], cell))}  # fmt: skip
        assert not faults, path
    assert seen == {*dictionary.TABLES} - NOT_IN_THIS_RUN


def test_every_table_has_its_metadata_beside_it(finished):
    results = finished.path / "results/tiny"
    named = [path for path, _ in tables(results)]
    assert {path.split("/")[0] for path in named} > {*TINY["experiments"], "tables", "dimensions", "attacks", "models"}
    for path in named:
        about = texts.read_json(results / f"{path}-metadata.json")
        header, *rows = csv.reader((results / path).read_text().splitlines())
        assert [column["titles"] for column in about["tableSchema"]["columns"]] == header
        assert about["schema:size"] == f"{len(rows)} rows"
        assert about["schema:sha256"] == storage.sha256(results / path)
        assert about["prov:wasGeneratedBy"]["schema:identifier"], path  # a script of this run
    assert len([*results.rglob("*-metadata.json")]) == len(named)


def test_the_methods_of_the_run_cite_what_stands_beside_them(finished):
    results = finished.path / "results/tiny"
    text, references = ((results / name).read_text() for name in ("methods.md", "references.bib"))
    assert set(re.findall(r"@([a-z]+\d{4})", text)) == set(
        re.findall(r"^@[a-z]+\{([a-z]+\d{4}),", references, re.MULTILINE)
    )
    assert "Descriptors of 4 networks (`grid`)" in text
    assert "In comparison `pair` 2 to 3 layers" in text
