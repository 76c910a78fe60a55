"""What the functions make whose logic no digest holds: to the byte, for whoever changes that raises their number."""

import ast
from pathlib import Path

import h5py
import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.files import hdf5, storage, texts
from topodepth.jobs import commands

PACKAGE = Path(__file__).parents[2] / "src/topodepth"

ROWS = [
    {"name": 'a, "b"', "value": 0.1, "n": np.int64(3), "single": np.float32(0.5)},
    {"name": None, "value": float("nan"), "n": True},
    {"name": "ε", "value": 1e-300, "n": -1, "single": float("inf")},
]
TABLE = 'name,value,n,single\n"a, ""b""",0.1,3,0.5\n,,True,\nε,1e-300,-1,inf\n'
JSON = '{\n  "a": [\n    1,\n    0.1,\n    null\n  ],\n  "b": "\\u03b5"\n}\n'


def write_table(folder):
    texts.write_table(folder / "t.csv", ROWS, ["name", "value", "n", "single"])
    assert (folder / "t.csv").read_bytes() == TABLE.encode()


def write_text(folder):
    texts.write_text(folder / "t.txt", "ε\nb")
    assert (folder / "t.txt").read_bytes() == b"\xce\xb5\nb"


def write_json(folder):
    texts.write_json(folder / "t.json", {"b": "ε", "a": [1, 0.1, None]})
    assert (folder / "t.json").read_bytes() == JSON.encode()


def atomic_path(folder):
    with storage.atomic_path(folder / "deep/a.bin") as part:
        part.write_bytes(b"\x00\x01")
        assert not (folder / "deep/a.bin").exists()
    assert (folder / "deep/a.bin").read_bytes() == b"\x00\x01"
    with pytest.raises(KeyError), storage.atomic_path(folder / "deep/a.bin") as part:
        part.write_bytes(b"other")
        raise KeyError
    assert [path.name for path in (folder / "deep").iterdir()] == ["a.bin"]
    assert (folder / "deep/a.bin").read_bytes() == b"\x00\x01"


def whole_folder(folder):
    (folder / "w").mkdir()
    (folder / "w/old").touch()
    with storage.whole_folder(folder / "w") as part:
        (part / "new").write_bytes(b"1")
    assert [path.name for path in (folder / "w").iterdir()] == ["new"]
    with pytest.raises(KeyError), storage.whole_folder(folder / "w"):
        raise KeyError
    assert [path.name for path in (folder / "w").iterdir()] == ["new"]


def create_h5(folder):
    """Superblock 0, the oldest; no time and nothing else of this run is in the file."""
    for name in ("a.h5", "b.h5"):
        with hdf5.create_h5(folder / name) as file:
            file["x"] = np.arange(3, dtype="<f8")
            file["x"].attrs["token"] = "first"
    content = (folder / "a.h5").read_bytes()
    assert content[:9] == b"\x89HDF\r\n\x1a\n\x00"
    assert content == (folder / "b.h5").read_bytes()
    assert np.arange(3, dtype="<f8").tobytes() in content
    with h5py.File(folder / "a.h5") as file:
        assert [*file] == ["x"]
        assert file["x"].compression is None
        assert file["x"].chunks is None
        assert dict(file["x"].attrs) == {"token": "first"}


def run(_):
    called = []
    commands.run(lambda: called.append(1))
    assert called == [1]

    def wrong():
        raise InputError("a.h5: missing")

    with pytest.raises(SystemExit, match=r"^error: a\.h5: missing$"):
        commands.run(wrong)


CHECKS = [write_table, write_text, write_json, atomic_path, whole_folder, create_h5, run]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_what_a_held_function_makes(check, tmp_path):
    check(tmp_path)


def test_no_function_is_held_without_a_test():
    held = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "HELD_BY_TESTS":
                held |= {*ast.literal_eval(node.value)}
    assert held == {check.__name__ for check in CHECKS}
