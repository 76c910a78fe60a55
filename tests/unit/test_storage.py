"""Files appear whole or not at all, and a bad file is named in one line."""

import os
from pathlib import Path

import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.files import storage


def test_a_write_that_fails_leaves_nothing_and_keeps_the_old_file(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), storage.atomic_path(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_an_hdf5_file_that_fails_half_way_does_not_appear(tmp_path):
    with pytest.raises(RuntimeError), storage.create_h5(tmp_path / "a.h5") as file:
        file["x"] = np.arange(10)
        raise RuntimeError
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.9])
def test_a_truncated_hdf5_file_is_named(tmp_path, kept):
    path = tmp_path / "a.h5"
    with storage.create_h5(path) as file:
        file["x"] = np.arange(10_000)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(InputError, match=r"a\.h5: not a readable HDF5 file") as caught, storage.open_h5(path):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (b"\x93NUMPY\x01\x00", r"a NumPy array \(.npy\)"),
        (b"PK\x03\x04rest", r"a zip archive"),
        (b"a,b\n1,2\n", "a file that begins with b'a,b"),
        (b"\x89HDF\r\n\x1a\n" + bytes(5) + b"\x08\x08" + bytes(80), "one that is damaged or cut short"),
        (b"", "an empty file"),
    ],
)
def test_a_users_own_file_is_called_what_it_is_and_never_to_be_deleted(tmp_path, monkeypatch, content, received):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/run").mkdir(parents=True)
    for path in ("mine.h5", tmp_path / "results/run/mine.h5", "results/run/mine.h5"):
        Path(path).write_bytes(content)
        expected = rf"not a readable HDF5 file.*Received: {received}"
        with pytest.raises(InputError, match=expected) as caught, storage.open_h5(path, "Write another."):
            pass
        made_here = path == "results/run/mine.h5"  # where the pipeline writes, from the folder where it runs
        assert ("Delete it and run again" in str(caught.value)) == made_here
        assert ("Write another." in str(caught.value)) != made_here


def test_a_missing_file_and_a_missing_data_set_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.h5: no such file"), storage.open_h5(tmp_path / "none.h5"):
        pass
    with storage.create_h5(tmp_path / "a.h5") as file:
        file["x"] = 1
    with (
        pytest.raises(InputError, match=r"a\.h5: corrupt or incomplete.*y"),
        storage.open_h5(tmp_path / "a.h5") as file,
    ):
        file["y"][()]


def test_numbers_survive_a_table_exactly_and_nan_is_an_empty_cell(tmp_path):
    values = [0.1, 1 / 3, 1e-300, 123456789.123456789, float("nan"), np.float32(0.1), np.int64(7)]
    storage.write_table(tmp_path / "t.csv", [{"name": "NA", "value": value} for value in values], ["name", "value"])
    table = storage.read_table(tmp_path / "t.csv")
    np.testing.assert_array_equal(table["value"], np.array([float(value) for value in values]))
    assert set(table["name"]) == {"NA"}  # a model may be called NA
    assert "NA,\n" in (tmp_path / "t.csv").read_text()


def test_a_row_with_an_unknown_column_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(InputError, match="'b'"):
        storage.write_table(tmp_path / "t.csv", [{"b": 1}], ["a"])
    assert os.listdir(tmp_path) == []


def test_malformed_json_is_named(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(InputError, match=r"a\.json: not valid JSON"):
        storage.read_json(tmp_path / "a.json")
