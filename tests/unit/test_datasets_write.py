"""Data set files are written in parts of bounded memory, with positions; settings are checked before a loader runs."""

import inspect
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from dataset_files import pixels, write_folders, write_svhn

from topodepth import datasets
from topodepth.datasets._images import ArrayImages, Items, pixel_scale, resize
from topodepth.errors import InputError
from topodepth.files import hdf5, storage

SCRIPT = Path(__file__).parents[2] / "workflow/scripts/prepare_dataset.py"


class Made(Items):
    """More images than fit in the memory that the test allows."""

    def __init__(self, n, size):
        self.shape, self.positions = (n, size, size, 3), np.arange(n)

    def read(self, rows):
        made = np.zeros((len(rows), *self.shape[1:]), dtype=np.uint8)
        made[:] = (rows % 251)[:, None, None, None]
        return made


def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    few = Made(2, 128), np.arange(2)
    many = Made(4000, 128), np.arange(4000) % 2  # 197 MB
    tracemalloc.start()
    datasets.write_dataset(tmp_path / "d.h5", {"train": many, "validation": few, "test": few}, ["a", "b"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6
    with hdf5.open_h5(tmp_path / "d.h5") as file:
        np.testing.assert_array_equal(file["train/images"][:, 5, 7, 1], np.arange(4000) % 251)
        assert file["statistics/global_mean"][()] == pytest.approx((np.arange(4000) % 251).mean(), rel=1e-12)
        assert file["statistics/global_std"][()] == pytest.approx((np.arange(4000) % 251).std(), rel=1e-12)


def test_every_image_can_be_traced_to_its_place_in_the_source(tmp_path):
    images, labels = pixels(200, 8), np.arange(200) % 4
    parts = datasets.random_split(
        images, labels, {"train": 0, "validation": 0.2, "test": 0.3}, np.random.default_rng(0)
    )
    again = datasets.three_splits(parts["train"], parts["test"], validation=0.25, seed=1)
    datasets.write_dataset(tmp_path / "d.h5", again, list("abcd"))
    with hdf5.open_h5(tmp_path / "d.h5") as file:
        dataset = datasets.DataSet(file)
        seen = [dataset.positions(split) for split in datasets.SPLITS]
        for split, positions in zip(datasets.SPLITS, seen, strict=True):
            np.testing.assert_array_equal(dataset.images(split)[:], images[positions])
            np.testing.assert_array_equal(dataset.labels(split), labels[positions])
    assert [len(positions) for positions in seen] == [76, 24, 60]
    assert len(np.unique(np.concatenate(seen))) == 160


def test_plain_arrays_are_in_their_own_order(tmp_path):
    part = pixels(6, 8), np.arange(6) % 2
    datasets.write_dataset(tmp_path / "d.h5", dict.fromkeys(datasets.SPLITS, part), ["a", "b"], {"source_sha256": "x"})
    with hdf5.open_h5(tmp_path / "d.h5") as file:
        np.testing.assert_array_equal(datasets.DataSet(file).positions("test"), np.arange(6))
        assert file.attrs["source_sha256"] == "x"


def test_splits_of_different_shapes_are_refused(tmp_path):
    part, other = (pixels(4, 8), np.zeros(4, int)), (pixels(4, 9), np.zeros(4, int))
    with pytest.raises(InputError, match="expected items of one kind, type and shape"):
        datasets.write_dataset(tmp_path / "d.h5", {"train": part, "validation": part, "test": other}, ["a"])
    assert list(tmp_path.iterdir()) == []


def test_images_read_lazily_slice_like_an_array():
    images = pixels(20, 8)
    lazy = ArrayImages(images).subset(np.array([1, 2, 3, 9, 15]))
    np.testing.assert_array_equal(lazy[1:4], images[[2, 3, 9]])
    np.testing.assert_array_equal(lazy[3], images[9])
    np.testing.assert_array_equal(np.asarray(lazy), images[[1, 2, 3, 9, 15]])
    np.testing.assert_array_equal(lazy.subset(np.array([0, 4])).positions, [1, 15])


def test_resizing_is_bilinear_to_a_square_and_off_by_default():
    flat = np.full((2, 8, 12, 3), 77, dtype=np.uint8)
    assert resize(flat, None) is flat
    np.testing.assert_array_equal(resize(flat, 16), np.full((2, 16, 16, 3), 77))
    ramp = np.tile(np.arange(0, 160, 10, dtype=np.uint8)[None, None, :, None], (1, 16, 1, 2))
    np.testing.assert_allclose(resize(ramp, 8)[0, 4, 1:-1, 1], np.arange(25, 145, 20), atol=1)


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        (np.array([0.0, 0.5, 1.0]), 255),
        (np.array([0.0, 0.5, 1.01], dtype=np.float32), 1),
        (np.array([0, 1], dtype=np.int64), 1),
        (np.array([True, False]), 255),
        (np.array([0, 255], dtype=np.uint8), 1),
    ],
)
def test_floats_up_to_1_are_fractions_and_other_numbers_are_0_to_255(values, scale):
    assert pixel_scale(values, "x") == scale


@pytest.mark.parametrize("values", [[-0.1, 1.0], [0.0, 256.0], [0.0, np.nan], [0.0, np.inf]])
def test_pixels_out_of_range_are_refused(values):
    with pytest.raises(InputError, match="x: expected pixels 0 to 255 or 0 to 1"):
        pixel_scale(np.array(values), "x")


@pytest.mark.parametrize(
    ("loader", "source", "settings", "message"),
    [
        ("digits", None, {"sise": 8}, "unknown option of loader digits 'sise'. Did you mean 'size'"),
        ("digits", ".", {}, "loader digits needs none"),
        ("cifar10", None, {}, "loader cifar10 expected the folder cifar-10-batches-bin"),
        ("svhn", "nowhere", {}, "nowhere: expected the folder with train_32x32.mat"),
        ("npz", ".", {"size": 0}, "size: expected a whole number"),
        ("npz", ".", {"seed": -1}, "seed: expected"),
        ("npz", ".", {"validation": 0.5, "test": 0.5}, "fractions above 0 with a sum below 1"),
        ("npz", ".", {"validation": "much"}, "fractions above 0 with a sum below 1"),
        ("cifar100", None, {}, "unknown data set 'cifar100'. Did you mean 'cifar10'"),
    ],
)
def test_bad_settings_are_named_before_anything_is_read(loader, source, settings, message):
    with pytest.raises(InputError, match=message):
        datasets.load(loader, source, settings)


@pytest.mark.parametrize("name", datasets.registry.names())
def test_every_loader_says_what_it_reads_and_takes_the_common_settings(name):
    loader = datasets.registry.get(name)
    assert loader.source is None or isinstance(loader.source, str)
    assert {"source", "size", "validation", "test", "seed"} <= inspect.signature(loader).parameters.keys()


def test_a_folders_digest_is_of_its_names_and_sizes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x").write_bytes(b"123")
    first = datasets.source_sha256(tmp_path)
    (tmp_path / "a/x").write_bytes(b"124")
    assert datasets.source_sha256(tmp_path) == first
    (tmp_path / "a/x").write_bytes(b"1234")
    second = datasets.source_sha256(tmp_path)
    (tmp_path / "a/y").write_bytes(b"")
    assert len({first, second, datasets.source_sha256(tmp_path)}) == 3
    assert datasets.source_sha256(tmp_path / "a/x") == storage.sha256(tmp_path / "a/x")


def prepare(*arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_records_the_source_and_is_not_disturbed_by_neighbours(tmp_path):
    write_svhn(tmp_path / "source", 60, 30)
    digests = []
    for _ in range(2):
        done = prepare("--loader", "svhn", "--source", tmp_path / "source", "--settings",
                       json.dumps({"size": 16, "validation": 0.2}), "--out", tmp_path / "d.h5")  # fmt: skip
        assert done.returncode == 0, done.stderr
        with hdf5.open_h5(tmp_path / "d.h5") as file:
            assert file["train/images"].shape == (50, 16, 16, 3)  # 6 a class: 5 and 1
            digests.append(file.attrs["source_sha256"])
        (tmp_path / "source/other.bin").write_bytes(b"another asset")
    assert (
        digests[0] == digests[1] == datasets.source_sha256(tmp_path / "source", ["train_32x32.mat", "test_32x32.mat"])
    )


def test_the_command_answers_a_bad_source_with_one_line(tmp_path):
    write_folders(tmp_path / "source", ["a", "b"])
    (tmp_path / "source/a/000.png").write_bytes(b"")
    done = prepare("--loader", "images_folder", "--source", tmp_path / "source", "--settings", "{}", "--out",
                   tmp_path / "d.h5")  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "1 of 20 unreadable: 'a/000.png' (empty file)" in done.stderr
    assert not (tmp_path / "d.h5").exists()
