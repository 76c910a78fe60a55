"""CIFAR-10 and SVHN are read in their published formats, and what is not them is named."""

import gzip
import pickle
import shutil

import numpy as np
import pytest
from dataset_files import CIFAR10_NAMES, pack, pixels, tar_of, write_cifar10, write_svhn
from scipy.io import savemat

from topodepth import datasets
from topodepth.datasets import cifar10
from topodepth.errors import InputError


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "given" / "cifar-10-batches-bin"


def load(source, **options):
    return datasets.load("cifar10", source, {"size": None, "validation": 0.2, "test": 0.1, "seed": 0} | options)


def test_cifar10_is_the_same_from_folder_parent_and_archive(tmp_path, folder):
    (images, labels), (test_images, test_labels) = write_cifar10(folder)
    pack(folder, tmp_path / "cifar-10-binary.tar.gz", "cifar-10-batches-bin")
    for source in (folder, folder.parent, tmp_path / "cifar-10-binary.tar.gz"):
        splits, names = load(source)
        assert names == CIFAR10_NAMES
        for split in ("train", "validation"):
            made, made_labels = splits[split]
            np.testing.assert_array_equal(made, images[made.positions])
            np.testing.assert_array_equal(made_labels, labels[made.positions])
        assert np.bincount(splits["validation"][1]).tolist() == [2] * 10
        assert sorted([*splits["train"][0].positions, *splits["validation"][0].positions]) == list(range(100))
        np.testing.assert_array_equal(splits["test"][0], test_images)
        np.testing.assert_array_equal(splits["test"][1], test_labels)


def test_cifar10_is_resized_when_asked(folder):
    write_cifar10(folder)
    splits, _ = load(folder, size=16)
    assert {np.asarray(images).shape[1:] for images, _ in splits.values()} == {(16, 16, 3)}


@pytest.mark.parametrize("cut", [1, cifar10.RECORD, 20 * cifar10.RECORD])
def test_a_cifar10_file_of_a_wrong_length_is_named(folder, cut):
    write_cifar10(folder)
    content = (folder / "data_batch_4.bin").read_bytes()
    (folder / "data_batch_4.bin").write_bytes(content[:-cut])
    with pytest.raises(InputError, match=r"data_batch_4\.bin: expected .* Received: \d+ bytes"):
        load(folder)


def test_a_missing_cifar10_file_and_a_label_above_9_are_named(folder):
    write_cifar10(folder)
    (folder / "test_batch.bin").write_bytes(bytes([10]) + (folder / "test_batch.bin").read_bytes()[1:])
    with pytest.raises(InputError, match=r"test_batch\.bin: expected labels 0 to 9\. Received: 10"):
        load(folder)
    (folder / "test_batch.bin").unlink()
    with pytest.raises(InputError, match=r"Received: no test_batch\.bin"):
        load(folder)


def test_the_python_version_of_cifar10_is_refused_unopened(tmp_path):
    class Harmful:
        def __reduce__(self):
            return open, (str(tmp_path / "opened"), "w")

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for k in range(1, 6):
        (folder / f"data_batch_{k}").write_bytes(pickle.dumps(Harmful()))
    pack(folder, tmp_path / "cifar-10-python.tar.gz", "cifar-10-batches-py")
    for source in (folder, tmp_path, tmp_path / "cifar-10-python.tar.gz"):
        with pytest.raises(InputError, match=r"expected the binary version .* Received: the Python version"):
            load(source)
    assert not (tmp_path / "opened").exists()


def test_a_broken_or_foreign_archive_is_one_line(tmp_path, folder):
    write_cifar10(folder)
    pack(folder, tmp_path / "whole.tar.gz", "cifar-10-batches-bin")
    content = (tmp_path / "whole.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(content[: len(content) // 2])
    (tmp_path / "page.tar.gz").write_text("<html>Quota exceeded</html>")
    for name in ("cut", "page"):
        with pytest.raises(InputError, match=rf"{name}\.tar\.gz: expected a whole \.tar\.gz archive") as caught:
            load(tmp_path / f"{name}.tar.gz")
        assert "\n" not in str(caught.value)
    tar_of(tmp_path / "other.tar.gz", "../../escaped/readme", b"x")
    with pytest.raises(InputError, match="Received: no data_batch_1"):
        load(tmp_path / "other.tar.gz")
    assert not (tmp_path.parent / "escaped").exists()


def test_an_archive_that_unpacks_without_end_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar10, "LIMIT", 2**20)
    tar_of(tmp_path / "bomb.tar.gz", "cifar-10-batches-bin/data_batch_1.bin", bytes(2**22))
    assert (tmp_path / "bomb.tar.gz").stat().st_size < 2**16
    with pytest.raises(InputError, match="expected at most 1 MiB unpacked"):
        load(tmp_path / "bomb.tar.gz")
    with gzip.open(tmp_path / "zeros.tar.gz", "wb") as handle:
        handle.write(bytes(2**22))
    with pytest.raises(InputError, match=r"zeros\.tar\.gz: expected"):
        load(tmp_path / "zeros.tar.gz")


def test_svhn_is_read_with_ten_meaning_zero(tmp_path):
    made = write_svhn(tmp_path)
    splits, names = datasets.load("svhn", tmp_path, {"size": None, "validation": 0.5, "seed": 1})
    assert names == [str(digit) for digit in range(10)]
    images, labels = made["train"]
    for split in ("train", "validation"):
        part, digits = splits[split]
        np.testing.assert_array_equal(part, images[part.positions])
        np.testing.assert_array_equal(digits, np.where(labels == 10, 0, labels)[part.positions])
        assert np.bincount(digits).tolist() == [3] * 10
    np.testing.assert_array_equal(splits["test"][0], made["test"][0])
    np.testing.assert_array_equal(splits["test"][1], made["test"][1] % 10)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"X": np.zeros((32, 32, 3, 4), np.uint8)}, "expected X"),
        ({"X": np.zeros((32, 32, 3, 4), np.uint8), "y": np.ones((5, 1))}, "expected X"),
        ({"X": np.zeros((4, 32, 32, 3), np.uint8), "y": np.ones((4, 1))}, "expected X"),
        ({"X": np.zeros((32, 32, 3, 4)), "y": np.ones((4, 1))}, "expected uint8 images"),
        ({"X": np.zeros((32, 32, 3, 4), np.uint8), "y": np.zeros((4, 1))}, "labels 1 to 10"),
        ({"X": np.zeros((32, 32, 3, 4), np.uint8), "y": np.array([["a"]] * 4)}, "expected"),
    ],
)
def test_a_matlab_file_that_is_not_svhn_is_named(tmp_path, content, message):
    write_svhn(tmp_path)
    savemat(tmp_path / "test_32x32.mat", content)
    with pytest.raises(InputError, match=rf"test_32x32\.mat: {message}|test_32x32\.mat: .*{message}"):
        datasets.load("svhn", tmp_path, {})


def test_a_broken_or_missing_svhn_file_is_named(tmp_path):
    write_svhn(tmp_path)
    content = (tmp_path / "train_32x32.mat").read_bytes()
    for bad in (content[: len(content) // 2], content[:100], b"", b"<html>not found</html>" * 50, pixels(1).tobytes()):
        (tmp_path / "train_32x32.mat").write_bytes(bad)
        with pytest.raises(InputError, match=r"train_32x32\.mat: expected"):
            datasets.load("svhn", tmp_path, {})
    (tmp_path / "train_32x32.mat").unlink()
    with pytest.raises(InputError, match=r"train_32x32\.mat: .* no such file"):
        datasets.load("svhn", tmp_path, {})
    shutil.rmtree(tmp_path)
