"""Where the fuzz tests keep the file that is being read, and files that must never be."""

import os
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.fuzz import damage
from tests.fuzz.harness import SENTINEL


@dataclass
class Scratch:
    """One folder a test: ``file`` is read, ``out`` is made, ``secret`` and ``other`` lie elsewhere."""

    inside: Path
    secret: Path
    other: Path

    def file(self, content: bytes | tuple, wholes: list[bytes] = (), name: str = "file") -> Path:
        """Write damaged bytes, or the damaged structure of one of some whole HDF5 files."""
        path = self.inside / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            which, steps = content
            path.write_bytes(wholes[which])
            damage.apply(path, steps)
        return path

    def out(self, name: str = "out") -> Path:
        return self.inside / name

    def structures(self, wholes: list[bytes]):
        return damage.damaged_structures(wholes, str(self.secret), str(self.other))


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # thousands of files; none needs to survive a power cut
    (tmp_path / "inside").mkdir()
    (tmp_path / "elsewhere").mkdir()
    secret, other = tmp_path / "elsewhere/secret", tmp_path / "elsewhere/other.h5"
    secret.write_bytes(SENTINEL * 500)
    with h5py.File(other, "w") as file:
        file["secret"] = np.frombuffer(SENTINEL * 9, dtype="u1").reshape(6, -1)
        file["layers/a"] = np.frombuffer(SENTINEL * 6, dtype="f4").reshape(6, -1)
    monkeypatch.chdir(tmp_path / "inside")
    before = {path: path.read_bytes() for path in (secret, other)}
    yield Scratch(tmp_path / "inside", secret, other)
    assert {path: path.read_bytes() for path in (tmp_path / "elsewhere").iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "inside"]
    assert not list(tmp_path.rglob("*PWNED*"))
