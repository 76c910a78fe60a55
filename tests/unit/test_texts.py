"""Tables keep numbers exactly, and a bad text file is named in one line."""

import os

import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.files import texts


def test_numbers_survive_a_table_exactly_and_nan_is_an_empty_cell(tmp_path):
    values = [0.1, 1 / 3, 1e-300, 123456789.123456789, float("nan"), np.float32(0.1), np.int64(7)]
    texts.write_table(tmp_path / "t.csv", [{"name": "NA", "value": value} for value in values], ["name", "value"])
    table = texts.read_table(tmp_path / "t.csv")
    np.testing.assert_array_equal(table["value"], np.array([float(value) for value in values]))
    assert set(table["name"]) == {"NA"}  # a model may be called NA
    assert "NA,\n" in (tmp_path / "t.csv").read_text()


def test_a_row_with_an_unknown_column_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(InputError, match="'b'"):
        texts.write_table(tmp_path / "t.csv", [{"b": 1}], ["a"])
    assert os.listdir(tmp_path) == []


def test_malformed_json_is_named(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(InputError, match=r"a\.json: not valid JSON"):
        texts.read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (b"label\n1\n", "index"),
        (b"index,label\n1.5,0\n", "1.5"),
        (b"index\n9223372036854775808\n", ""),
        (b"index\n\xff\n", ""),
    ],
)
def test_a_sample_without_whole_numbers_is_named(tmp_path, content, received):
    (tmp_path / "s.csv").write_bytes(content)
    with pytest.raises(InputError, match=rf"s\.csv: column 'index' expected as whole numbers.*{received}"):
        texts.read_indices(tmp_path / "s.csv")


def test_a_missing_text_file_is_named(tmp_path):
    for read in (texts.read_table, texts.read_indices, texts.read_json):
        with pytest.raises(InputError, match=r"none: no such file"):
            read(tmp_path / "none")
