"""The data dictionary names the columns that the code writes, says what each means, and finds the kind of a table."""

import pytest

from topodepth.activations import accuracy
from topodepth.attacks import sweep
from topodepth.errors import InputError
from topodepth.experiments.adversarial import comparison as adversarial
from topodepth.experiments.generalization import associations, records, runs
from topodepth.experiments.similarity import comparison as similarity
from topodepth.experiments.spoofing import comparison as spoofing
from topodepth.tables import dictionary, long_bars, rows, tables

WRITTEN = {
    "accuracy": accuracy.COLUMNS,
    "descriptors": tables.MODEL_COLUMNS,
    "dimensions": rows.COLUMNS,
    "bars": tables.BAR_COLUMNS,
    "betti": tables.BETTI_COLUMNS,
    "long_bars": long_bars.LONG_BAR_COLUMNS,
    "models": (*records.ABOUT, *records.METRICS),
    "measures": records.MEASURE_COLUMNS,
    "associations": associations.COLUMNS,
    "granulated": associations.GRANULATED_COLUMNS,
    "held_out": associations.HELD_OUT_COLUMNS,
    "attack": sweep.COLUMNS,
    "attacked": adversarial.COLUMNS,
    "changes": adversarial.CHANGE_COLUMNS,
    "trends": adversarial.TREND_COLUMNS,
    "spoofs": spoofing.COLUMNS,
    "growth": spoofing.CURVE_COLUMNS,
    "permutations": spoofing.PERMUTATION_COLUMNS,
    "similarity": similarity.COLUMNS,
}
OPTIONAL = {
    "descriptors": rows.SHUFFLED, "dimensions": rows.SHUFFLED, "models": runs.COLUMNS,
    "associations": associations.RUN_COLUMNS,
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_the_dictionary_has_the_columns_that_the_code_writes_in_their_order(name):
    assert tuple(dictionary.TABLES[name].columns) == tuple(WRITTEN[name])


@pytest.mark.parametrize("name", dictionary.TABLES)
def test_columns_of_some_tables_only_are_those_that_the_code_adds(name):
    assert tuple(dictionary.TABLES[name].optional) == tuple(OPTIONAL.get(name, ()))


@pytest.mark.parametrize("name", dictionary.TABLES)
def test_every_column_says_what_it_means_in_sentences(name):
    table = dictionary.TABLES[name]
    every = [*table.columns.values(), *table.optional.values(), *([table.others] if table.others else [])]
    for column in every:
        assert column.meaning.endswith((".", "?")), column
        assert column.type in ("string", "integer", "number", "boolean")
        assert not column.levels or column.type == "string"


@pytest.mark.parametrize(
    ("path", "name"),
    [("depth/mine/depth.csv", "descriptors"), ("depth/mine/diagrams/vgg.bars.csv", "bars"),
     ("spoofs/pixels@spoof.x/x@test/pixels.csv", "spoofs"), ("versions.csv", "versions"),
     ("spoofs/pixels@spoof.x/x@test/pixels.curves.csv", "growth"), ("mine/a/depth.csv", None), ("depth.csv", None)],
)  # fmt: skip
def test_where_a_table_lies_tells_its_kind(path, name):
    found = dictionary.kind_of(path)
    assert (found and found[0]) == name


def test_a_missing_and_a_strange_column_are_refused_by_name():
    table = dictionary.TABLES["sample"]
    with pytest.raises(InputError, match=r"Missing: \['label'\]. Not described: \['colour'\]"):
        dictionary.columns_of(table, ["index", "colour"])


def test_an_axis_of_a_grid_is_described_by_the_pattern_of_its_table():
    table = dictionary.TABLES["models"]
    found = dictionary.columns_of(table, [*table.columns, "label_noise"])
    assert "Hyper-parameter" in found["label_noise"].meaning


def test_the_page_has_every_column_of_every_table():
    page = dictionary.markdown()
    for name, table in dictionary.TABLES.items():
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert all(f"| `{column}`" in section for column in [*table.columns, *table.optional])
        assert section.count("\n| `") == len(table.columns) + len(table.optional)
