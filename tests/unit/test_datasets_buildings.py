"""The buildings' pickle is read by an unpickler that admits one array of numbers and runs nothing."""

import io
import os
import pickle
import subprocess

import numpy as np
import pytest
from dataset_files import pixels

from topodepth import datasets
from topodepth.datasets import _array_pickle
from topodepth.errors import InputError


@pytest.fixture
def array():
    return pixels(3 * 10, 8).reshape(3, 10, 8, 8, 3)


def load(path, **options):
    return datasets.load("buildings", path, options)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("core", [b"numpy.core", b"numpy._core"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_buildings_are_read_from_every_protocol_and_numpy(tmp_path, array, protocol, core, order):
    content = pickle.dumps(np.asarray(array, order=order), protocol)
    if protocol >= 4:  # names carry their lengths
        for name in (b"multiarray", b"numeric"):
            long, short = b"numpy._core." + name, core + b"." + name
            content = content.replace(b"\x8c" + bytes([len(long)]) + long, b"\x8c" + bytes([len(short)]) + short)
        content = strip_frames(content)
    else:
        content = content.replace(b"numpy._core", core)
    assert core in content
    (tmp_path / "b.pkl").write_bytes(content)
    splits, names = load(tmp_path / "b.pkl")
    assert names == ["0", "1", "2"]
    flat = array.reshape(-1, 8, 8, 3)
    for images, labels in splits.values():
        np.testing.assert_array_equal(images, flat[images.positions])
        np.testing.assert_array_equal(labels, images.positions // 10)
    assert {split: len(labels) for split, (_, labels) in splits.items()} == {"train": 21, "validation": 3, "test": 6}


def strip_frames(content):
    """Leave out the FRAME opcode, whose length no longer holds once a name has changed."""
    return content[:2] + content[11:] if content[2:3] == b"\x95" else content


def test_a_pickle_of_python_2_is_read(tmp_path, array):
    """Python 2 wrote byte strings, of names and of pixels, with the opcodes STRING and BINSTRING."""
    raw = array.tobytes()
    content = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01(K\x03K\x0aK\x08K\x08K\x03tcnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        b"T" + len(raw).to_bytes(4, "little") + raw + b"tb."
    )
    np.testing.assert_array_equal(pickle.loads(content, encoding="latin1"), array)  # NumPy agrees
    (tmp_path / "b.pkl").write_bytes(content)
    np.testing.assert_array_equal(_array_pickle.read(tmp_path / "b.pkl"), array)


@pytest.mark.parametrize(
    "convert",
    [
        lambda a: a.astype(np.float64) / 255,
        lambda a: (a / 255).astype(np.float32),
        lambda a: a.astype(np.float32),
        lambda a: a.astype(">f8"),
        lambda a: a.astype(np.int64),
    ],
)
def test_floats_and_wide_integers_become_the_same_pixels(tmp_path, array, convert):
    (tmp_path / "b.pkl").write_bytes(pickle.dumps(convert(array), 4))
    images, _ = load(tmp_path / "b.pkl")[0]["test"]
    np.testing.assert_array_equal(images, array.reshape(-1, 8, 8, 3)[images.positions])


def test_the_split_is_one_in_five_of_each_class_by_seed_42(tmp_path, array):
    (tmp_path / "b.pkl").write_bytes(pickle.dumps(array))
    splits, names = load(tmp_path / "b.pkl", class_names=["barn", "dam", "pier"])
    assert names == ["barn", "dam", "pier"]
    assert np.bincount(splits["test"][1]).tolist() == [2, 2, 2]
    explicit, _ = load(tmp_path / "b.pkl", seed=42, test=0.2)
    np.testing.assert_array_equal(splits["test"][0].positions, explicit["test"][0].positions)


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def hostile(marker):
    """Pickles that leave a file behind if anything in them runs."""
    touch = f"open({str(marker)!r}, 'w').close()"
    array = np.zeros((2, 2, 4, 4, 3), np.uint8)
    objects = np.array([Calls(os.system, f"touch {marker}")], dtype=object)
    return {
        "system": pickle.dumps(Calls(os.system, f"touch {marker}")),
        "popen": pickle.dumps(Calls(subprocess.Popen, ["touch", str(marker)])),
        "eval": pickle.dumps(Calls(eval, touch)),
        "exec": pickle.dumps(Calls(exec, touch)),
        "open": pickle.dumps(Calls(open, str(marker), "w")),
        "protocol 0": pickle.dumps(Calls(os.system, f"touch {marker}"), 0),
        "getattr": b"cbuiltins\ngetattr\n(cos\nsystem\nVx\ntR.",
        "import": pickle.dumps(Calls(__import__, "os")),
        "numpy runner": b"cnumpy.testing._private.utils\nrunstring\n(V" + touch.encode() + b"\n}tR.",
        "numpy f2py": b"cnumpy.f2py.diagnose\nrun_command\n(V" + touch.encode() + b"\ntR.",
        "numpy load": b"cnumpy\nload\n(V/dev/null\ntR.",
        "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x19ndarray.__class__.__mro__\x93.",
        "dotted module": b"\x80\x04\x8c\x05numpy\x8c\x0dos.path.os.nt\x93.",
        "in a list": pickle.dumps([array, Calls(os.system, f"touch {marker}")]),
        "in an object array": pickle.dumps(objects),
        "after the array": pickle.dumps((array, {"k": [Calls(eval, touch)]})),
        "as the array's bytes": b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntVb\ntR(I1\n(I1\nt"
        b"cnumpy\ndtype\n(Vu1\ntRI00\n(cos\nsystem\nVtouch " + str(marker).encode() + b"\nRttb.",
        "set on the record's class": b"cnumpy\ndtype\n}(V__init__\ncos\nsystem\nub.",
        "codec": b"c_codecs\nencode\n(Vx\nVzip\ntR.",
        "extension": b"\x82\x01.",
        "persistent": b"Pos.system\n.",
    }


@pytest.mark.parametrize("name", hostile("m"))
def test_a_hostile_pickle_runs_nothing_and_is_one_line(tmp_path, name):
    (tmp_path / "b.pkl").write_bytes(hostile(tmp_path / "ran")[name])
    with pytest.raises(InputError, match=r"b\.pkl: expected a pickle of one NumPy array") as caught:
        load(tmp_path / "b.pkl")
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == ["b.pkl"]


def test_the_hostile_pickles_do_run_in_an_open_unpickler(tmp_path):
    """Else the test above would prove nothing."""
    for name in ("system", "eval", "protocol 0", "in a list", "in an object array", "after the array"):
        marker = tmp_path / name.replace(" ", "_")
        pickle.loads(hostile(marker)[name])
        assert marker.exists(), name


@pytest.mark.parametrize(
    "made",
    [
        b"",
        b"<html>Google Drive - Quota exceeded</html>",
        pickle.dumps(np.zeros((2, 2, 4, 4, 3)))[:-100],
        pickle.dumps(np.array(["text"])),
        pickle.dumps(np.zeros(3, dtype=[("f", "O")])),
        pickle.dumps({"images": np.zeros((2, 2, 4, 4, 3))}),
        pickle.dumps(None),
        pickle.dumps(np.zeros((2, 2, 4, 4, 3), np.uint8), 4).replace(b"(K\x02K\x02K\x04", b"(K\x02K\x02K\x09"),
        pickle.dumps(np.zeros((2, 2, 4, 4, 3), np.uint8), 5).replace(b"(K\x02K\x02K\x04", b"(K\x02K\x02K\x09"),
    ],
)
def test_anything_but_one_whole_array_of_numbers_is_refused(tmp_path, made):
    (tmp_path / "b.pkl").write_bytes(made)
    with pytest.raises(InputError, match=r"b\.pkl: expected a pickle of one NumPy array of numbers"):
        load(tmp_path / "b.pkl")


def test_no_numpy_object_is_built_before_the_bytes_agree(tmp_path, monkeypatch):
    """A forged dtype state could otherwise make NumPy follow pointers that the file chose."""
    forged = np.dtype([("f", "O")]).__reduce__()
    state = np.dtype([("f", "O")]).__reduce__()[2]

    class Forged:
        def __reduce__(self):
            return forged[0], ("V8", False, True), state

    stream = io.BytesIO()
    pickle.dump((Forged(), b"\x41" * 8), stream, 4)
    (tmp_path / "b.pkl").write_bytes(stream.getvalue())
    with pytest.raises(InputError, match="an array of type 'V8'"):
        _array_pickle.read(tmp_path / "b.pkl")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 8, 8, 3), np.uint8), r"expected an array \(classes, images, height, width, channels\)"),
        (np.zeros((2, 0, 8, 8, 3), np.uint8), "expected an array"),
        (np.zeros((2, 5, 8, 8, 7), np.uint8), "expected an array"),
        (np.full((2, 5, 8, 8, 3), np.nan), "expected pixels 0 to 255"),
        (np.full((2, 5, 8, 8, 3), -1.0), "expected pixels 0 to 255"),
    ],
)
def test_an_array_that_is_not_the_buildings_is_named(tmp_path, array, message):
    (tmp_path / "b.pkl").write_bytes(pickle.dumps(array))
    with pytest.raises(InputError, match=message):
        load(tmp_path / "b.pkl")


def test_class_names_must_fit(tmp_path, array):
    (tmp_path / "b.pkl").write_bytes(pickle.dumps(array))
    with pytest.raises(InputError, match="class_names: expected 3 names"):
        load(tmp_path / "b.pkl", class_names=["one"])
