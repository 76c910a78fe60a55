"""Files and folders appear whole or not at all."""

import os

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


def test_a_folder_takes_the_place_of_the_old_one_only_when_whole(tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made/old").touch()
    with pytest.raises(RuntimeError), storage.whole_folder(tmp_path / "made") as part:
        (part / "half").touch()
        raise RuntimeError
    assert os.listdir(tmp_path / "made") == ["old"]
    with storage.whole_folder(tmp_path / "made") as part:
        (part / "new").touch()
    assert os.listdir(tmp_path / "made") == ["new"]
    assert os.listdir(tmp_path) == ["made"]


def test_a_folder_without_numbered_files_says_what_was_expected(tmp_path):
    (tmp_path / "images.h5").touch()
    with pytest.raises(InputError, match=r"expected a folder of diagrams, a file 00\.h5 .* Received: none"):
        storage.numbered_files(tmp_path, "diagrams")
    for name in ("01.h5", "00.h5"):
        (tmp_path / name).touch()
    assert [path.name for path in storage.numbered_files(tmp_path, "diagrams")] == ["00.h5", "01.h5"]


def test_a_checksum_is_that_of_the_content(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")  # the example of FIPS 180-4
    assert storage.sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
