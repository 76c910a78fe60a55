"""Metadata beside a table say what it holds: its columns in their order, their types and limits, rows and digests."""

import hashlib

import pytest

from topodepth.errors import InputError
from topodepth.files import texts
from topodepth.tables import dictionary, metadata

CONFIG = {
    "run": "mine", "seed": 3, "protocol": "default", "topology": {"max_dim": 1}, "dimension": {"draws": 10},
    "samples": {"default": {"points": 7}, "other": {"points": 9}},
    "experiments": {"generalization": [{"name": "grid", "sample": "default", "models": ["a", "b"]}]},
}  # fmt: skip
RECORD = {"config": CONFIG, "code": {"associate_measures.py": "abc"}}
PATH = "generalization/grid/granulated.csv"


@pytest.fixture
def run(tmp_path):
    columns = list(dictionary.TABLES["granulated"].columns)
    row = dict(zip(columns, ["gap", "lifespan_sum H0, logits", "depth", 0.5, 4, 0], strict=True))
    texts.write_table(
        tmp_path / PATH, [row, row | {"psi": None, "cells": 0.0, "measure": 'two "words"\nand a line'}], columns
    )
    for name in ("models", "measures"):
        texts.write_text(tmp_path / f"generalization/grid/{name}.csv", name)
    return tmp_path


def test_columns_stand_in_order_with_types_and_limits(run):
    found = metadata.describe(run, PATH, RECORD, "1.2.3")
    columns = {column["titles"]: column for column in found["tableSchema"]["columns"]}
    assert list(columns) == ["target", "measure", "axis", "psi", "cells", "skipped"]
    assert columns["psi"]["datatype"] == {"base": "number", "minimum": -1, "maximum": 1}
    assert columns["psi"]["required"] is False
    assert columns["cells"]["datatype"] == {"base": "decimal", "minimum": 0}  # 0.0 is no integer of CSVW
    assert columns["skipped"]["datatype"] == {"base": "integer", "minimum": 0}
    assert columns["target"]["datatype"]["format"].split("|")[0] == "test_error"


def test_rows_digests_sources_and_settings_are_told(run):
    found = metadata.describe(run, PATH, RECORD, "1.2.3")
    assert found["url"] == "granulated.csv"
    assert found["schema:size"] == "2 rows"  # a line break within a cell begins none
    assert found["schema:sha256"] == hashlib.sha256((run / PATH).read_bytes()).hexdigest()
    sources = {one["schema:url"]: one["schema:sha256"] for one in found["prov:wasDerivedFrom"]}
    assert sources == {f"{name}.csv": hashlib.sha256(name.encode()).hexdigest() for name in ("models", "measures")}
    assert found["prov:wasGeneratedBy"]["schema:identifier"] == "abc"
    settings = {one["schema:name"]: one["schema:value"] for one in found["schema:additionalProperty"]}
    assert settings["seed"] == 3
    assert settings["topology.max_dim"] == 1
    assert settings["samples.default.points"] == 7
    assert "samples.other.points" not in settings
    assert settings["experiments.generalization.models"] == '["a", "b"]'


def test_tables_on_the_way_are_found_and_each_names_the_script_that_wrote_it(run):
    columns = list(dictionary.TABLES["descriptors"].columns)
    texts.write_table(run / "tables/vgg/default.csv", [], columns)
    texts.write_text(run / "logs/vgg.csv", "")
    record = RECORD | {"tables": [PATH, "mine/own.csv"], "code": {"describe_model.py": "def"}}
    on_the_way = ["generalization/grid/measures.csv", "generalization/grid/models.csv", "tables/vgg/default.csv"]
    assert metadata.tables(run, record) == sorted([PATH, "mine/own.csv", *on_the_way])
    made = metadata.describe(run, "tables/vgg/default.csv", record, None)["prov:wasGeneratedBy"]
    assert made == {"schema:name": "topodepth, describe_model.py", "schema:identifier": "def"}


def test_a_table_of_a_kind_that_nobody_described_has_the_names_of_its_columns(tmp_path):
    texts.write_table(tmp_path / "widths/mine/widths.csv", [{"model": "a", "depth-d": 1}], ["model", "depth-d"])
    found = metadata.describe(tmp_path, "widths/mine/widths.csv", {"config": CONFIG, "code": {}}, None)
    assert [column["titles"] for column in found["tableSchema"]["columns"]] == ["model", "depth-d"]
    assert found["tableSchema"]["columns"][1]["name"] == "depth%2Dd"  # a name of CSVW holds no hyphen


def test_a_table_with_other_columns_is_refused_by_its_name(run):
    texts.write_text(run / PATH, "target,colour\n")
    with pytest.raises(InputError, match=r"granulated.csv: expected the columns .*Not described: \['colour'\]"):
        metadata.describe(run, PATH, RECORD, None)
