"""HDF5 files appear whole or not at all; what is damaged in one is named in one line, and only that."""

import os

import h5py
import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.files import hdf5


def test_an_hdf5_file_that_fails_half_way_does_not_appear(tmp_path):
    with pytest.raises(RuntimeError), hdf5.create_h5(tmp_path / "a.h5") as file:
        file["x"] = np.arange(10)
        raise RuntimeError
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.9])
def test_a_truncated_hdf5_file_is_named(tmp_path, kept):
    path = tmp_path / "a.h5"
    with hdf5.create_h5(path) as file:
        file["x"] = np.arange(10_000)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(InputError, match=r"a\.h5: not a readable HDF5 file") as caught, hdf5.open_h5(path):
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
def test_a_file_of_another_kind_is_called_what_it_is(tmp_path, content, received):
    (tmp_path / "mine.h5").write_bytes(content)
    expected = rf"not a readable HDF5 file.*Received: {received}.* Write another\."
    with pytest.raises(InputError, match=expected), hdf5.open_h5(tmp_path / "mine.h5", "Write another."):
        pass


def test_a_missing_file_and_a_missing_data_set_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.h5: no such file"), hdf5.open_h5(tmp_path / "none.h5"):
        pass
    with hdf5.create_h5(tmp_path / "a.h5") as file:
        file["x"] = 1
        file["group/inner"] = 1
    with hdf5.open_h5(tmp_path / "a.h5") as file:
        for read, key, received in (
            (hdf5.own_dataset, "y", "nothing of that name"),
            (hdf5.own_dataset, "group/other", "nothing of that name"),
            (hdf5.own_dataset, "x/inner", "nothing of that name"),
            (hdf5.own_dataset, "group", "a group"),
            (hdf5.own_group, "x", "a data set"),
            (hdf5.own_group, "y", "nothing of that name"),
        ):
            with pytest.raises(InputError, match=rf"a\.h5: it expected as a .*Received: {received}"):
                read(f"{tmp_path / 'a.h5'}: it", file, key)


def packed(path):
    """Write a data set of one packed chunk; return where in the file it lies."""
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.arange(1000.0), chunks=(1000,), compression="gzip")
        return file["x"].id.get_chunk_info(0).byte_offset


def test_damage_that_shows_only_when_values_are_read_is_named(tmp_path):
    path = tmp_path / "a.h5"
    start = packed(path)
    content = bytearray(path.read_bytes())
    content[start : start + 40] = bytes(40)
    path.write_bytes(content)
    with hdf5.open_h5(path) as file:
        stored = hdf5.own_dataset(f"{path}: '/x'", file, "x")
        assert (stored.shape, stored.ndim, len(stored), stored.dtype) == ((1000,), 1, 1000, np.float64)
        for read in (lambda: stored[:10], lambda: stored[()], lambda: np.asarray(stored)):
            with pytest.raises(InputError, match=r"a\.h5: '/x' expected whole. Received: Can't"):
                read()


@pytest.mark.parametrize(("key", "error"), [("y", ValueError), ([3, 1], TypeError), (1000, IndexError)])
def test_a_wrong_key_is_the_callers_mistake(tmp_path, key, error):
    packed(tmp_path / "a.h5")
    with hdf5.open_h5(tmp_path / "a.h5") as file:
        stored = hdf5.own_dataset("x", file, "x")
        np.testing.assert_array_equal(np.asarray(stored), np.arange(1000.0))
        np.testing.assert_array_equal(stored[[1, 3]], [1.0, 3.0])
        with pytest.raises(error) as caught:
            stored[key]
    assert not isinstance(caught.value, InputError)


def test_attributes_are_python_values_and_odd_ones_are_named(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs.update({"text": "a", "bytes": np.bytes_(b"b"), "number": np.int64(3), "several": [1.0, 2.0]})
        file.attrs.create("many", np.zeros(2**16 + 1, np.uint8))
        scalar = h5py.h5s.create(h5py.h5s.SCALAR)
        h5py.h5a.create(file.id, b"unknown", h5py.h5t.UNIX_D32LE, scalar)  # a time, which NumPy has not
    with hdf5.open_h5(path) as file:
        read = {key: hdf5.attribute_of("it", file, key) for key in ("text", "bytes", "number", "absent")}
        assert read == {"text": "a", "bytes": "b", "number": 3, "absent": None}
        assert type(read["number"]) is int
        assert hdf5.attribute_of("it", file, "several").tolist() == [1.0, 2.0]
        with pytest.raises(InputError, match=r"it: attribute 'many' expected at most 65536 values. Received: 65537"):
            hdf5.attribute_of("it:", file, "many")
        with pytest.raises(InputError, match=r"attribute 'unknown' expected whole. Received: No NumPy equivalent"):
            hdf5.attribute_of("it:", file, "unknown")
        with pytest.raises(InputError, match="attribute"):
            hdf5.attributes_of("it:", file)
