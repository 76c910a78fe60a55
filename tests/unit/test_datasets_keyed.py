"""Files of named arrays, .npz and HDF5: the keys of Keras, a user's own names, and nothing from other files."""

import itertools
import os
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from dataset_files import pixels

from topodepth import datasets
from topodepth.datasets import npz
from topodepth.errors import InputError
from topodepth.files import hdf5


def write_npz(path, arrays):
    np.savez_compressed(path.with_suffix(".npz"), **arrays)
    return path.with_suffix(".npz")


def write_h5(path, arrays):
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        for key, given in arrays.items():
            values = np.asarray(given)
            file[key] = values.astype("S") if values.dtype.kind == "U" else values
    return path.with_suffix(".h5")


@pytest.fixture(params=["npz", "hdf5"])
def kept(request, tmp_path):
    """Write arrays in one of the two formats and load them again; what was loaded before may still be open."""
    number = itertools.count()

    def load(arrays, **options):
        path = {"npz": write_npz, "hdf5": write_h5}[request.param](tmp_path / f"d{next(number)}", arrays)
        return datasets.load(request.param, path, {"validation": 0.2, "test": 0.3, "seed": 0} | options)

    return load


@pytest.fixture
def keras():
    labels = np.arange(40, dtype=np.uint8)[:, None] % 4
    return {"x_train": pixels(40, 8), "y_train": labels, "x_test": pixels(12, 8, seed=1), "y_test": labels[:12]}


def test_the_keys_of_keras_are_read(kept, keras, tmp_path):
    splits, names = kept(keras)
    assert names == ["0", "1", "2", "3"]
    for split in ("train", "validation"):
        images, labels = splits[split]
        np.testing.assert_array_equal(images, keras["x_train"][images.positions])
        np.testing.assert_array_equal(labels, keras["y_train"][images.positions, 0])
    assert np.bincount(splits["validation"][1]).tolist() == [2] * 4
    np.testing.assert_array_equal(splits["test"][0], keras["x_test"])
    datasets.write_dataset(tmp_path / "out.h5", splits, names)
    with hdf5.open_h5(tmp_path / "out.h5") as file:
        assert file["train/images"].shape == (32, 8, 8, 3)


def test_an_own_validation_split_is_kept(kept, keras):
    splits, _ = kept(keras | {"x_validation": pixels(8, 8, seed=2), "y_validation": np.arange(8) % 4})
    assert {split: len(labels) for split, (_, labels) in splits.items()} == {"train": 40, "validation": 8, "test": 12}


def test_images_and_labels_alone_are_split_and_grey_gets_its_channel(kept):
    images, labels = pixels(40, 8)[..., 0], np.arange(40) % 4
    splits, names = kept({"images": images, "labels": labels, "class_names": ["w", "x", "y", "z"]})
    assert names == ["w", "x", "y", "z"]
    for part, part_labels in splits.values():
        np.testing.assert_array_equal(part, images[part.positions][..., None])
        np.testing.assert_array_equal(part_labels, labels[part.positions])
    assert {split: len(part) for split, (_, part) in splits.items()} == {"train": 20, "validation": 8, "test": 12}


def test_a_users_own_names_are_mapped(kept, keras):
    renamed = {"pictures": keras["x_train"], "targets": keras["y_train"], "names": ["w", "x", "y", "z"]}
    splits, names = kept(renamed, keys={"images": "pictures", "labels": "targets", "class_names": "names"})
    assert names == ["w", "x", "y", "z"]
    assert sum(len(labels) for _, labels in splits.values()) == 40
    with pytest.raises(InputError, match=r"unknown role in keys 'image'. Did you mean 'images'"):
        kept(renamed, keys={"image": "pictures"})
    with pytest.raises(InputError, match=r"unknown key of .* 'picture'. Did you mean 'pictures'"):
        kept(renamed, keys={"images": "picture"})


def test_labels_that_begin_at_1_are_warned_of(kept, keras, caplog):
    kept(keras)
    assert not caplog.records
    kept(keras | {"y_train": keras["y_train"] + 1, "y_test": keras["y_test"] + 1})
    assert "of the classes 0 to 4, [0] have no items. Do they begin at 1? Save y - 1." in caplog.text


def test_a_training_part_alone_says_how_to_set_others_aside(kept, keras):
    only = {key: keras[key] for key in ("x_train", "y_train")}
    with pytest.raises(InputError, match=r"keys: {images: x_train, labels: y_train}"):
        kept(only)
    splits, _ = kept(only, keys={"images": "x_train", "labels": "y_train"})
    assert sum(len(labels) for _, labels in splits.values()) == 40


def test_wrong_keys_list_what_is_there(kept, keras):
    with pytest.raises(InputError, match=r"expected x_train, .*Received: 'targets', 'x_train'"):
        kept({"targets": keras["y_train"], "x_train": keras["x_train"]})


def test_one_scale_holds_for_all_splits(kept, keras):
    as_fractions = {key: (a / 255).astype(np.float32) if key[0] == "x" else a for key, a in keras.items()}
    np.testing.assert_array_equal(kept(as_fractions)[0]["test"][0], keras["x_test"])
    dark = keras | {"x_train": keras["x_train"].astype(float), "x_test": np.ones_like(keras["x_test"], dtype=float)}
    assert np.asarray(kept(dark)[0]["test"][0]).max() == 1
    mixed = keras | {"x_train": keras["x_train"] / 255}
    splits, _ = kept(mixed)
    np.testing.assert_array_equal(splits["train"][0], keras["x_train"][splits["train"][0].positions])
    np.testing.assert_array_equal(splits["test"][0], keras["x_test"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_test": np.zeros(5, int)}, r"y_test: expected one class an item, whole numbers \(12,\)"),
        ({"y_test": np.eye(12)}, r"y_test: expected one class an item.*One-hot\? Save y.argmax\(axis=1\)"),
        ({"y_test": np.linspace(0, 1, 12)}, "y_test: expected one class an item.*Save them as whole numbers from 0"),
        ({"y_test": np.full(12, -1)}, "y_test: expected classes 0, 1, 2"),
        ({"y_test": np.full(12, 2**40)}, "y_test: expected classes 0, 1, 2"),
        ({"x_test": np.zeros((12, 8))}, r"expected items of one shape in all splits.*x_test': \(8,\)"),
        ({"x_test": np.float64(1)}, r"x_test: expected images .*or arrays \(n, …\). Received: \(\)"),
        ({"x_test": np.full((12, 8, 8, 3), -2.0)}, "x_test: expected pixels 0 to 255.*kind: arrays.*Received: -2"),
        ({"x_test": np.full((12, 8, 8, 3), b"text")}, "x_test: expected pixels, numbers .*type .S4"),
        ({"x_train": pixels(40, 8).transpose(0, 3, 1, 2)}, r"x_train: .*Channels first\? Save np.moveaxis"),
        ({"class_names": np.arange(4)}, "expected class names as text"),
    ],
)
def test_arrays_that_do_not_fit_are_named(kept, keras, change, message):
    with pytest.raises(InputError, match=message):
        kept(keras | change)


def test_a_pickle_in_an_npz_is_never_loaded(tmp_path, keras):
    class Harmful:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'ran'}",)

    path = write_npz(tmp_path / "d", keras | {"x_test": np.array([Harmful()], dtype=object)})
    with pytest.raises(InputError, match=r"d\.npz/x_test: expected an array of numbers. Received: Python objects"):
        datasets.load("npz", path, {})
    with zipfile.ZipFile(path, "w") as archive:
        for key in keras:
            archive.writestr(f"{key}.npy", pickle.dumps(Harmful()))
    with pytest.raises(InputError, match=r"d\.npz/x_train"):
        datasets.load("npz", path, {})
    assert not (tmp_path / "ran").exists()


def test_broken_files_and_bombs_are_one_line(tmp_path, keras, monkeypatch):
    for loader, path in (("npz", write_npz(tmp_path / "d", keras)), ("hdf5", write_h5(tmp_path / "d", keras))):
        content = path.read_bytes()
        for bad in (content[: len(content) // 2], b"", b"<html>not found</html>"):
            path.write_bytes(bad)
            with pytest.raises(InputError, match=rf"{path.name}: expected a whole"):
                datasets.load(loader, path, {})
    monkeypatch.setattr(npz, "LIMIT", 2**20)
    path = write_npz(tmp_path / "bomb", keras | {"x_train": np.zeros((40, 200, 200, 3), np.uint8)})
    assert path.stat().st_size < 2**18
    with pytest.raises(InputError, match=r"unpacked. Received: 4"):
        datasets.load("npz", path, {})


def test_values_of_an_hdf5_file_come_from_that_file_only(tmp_path, keras):
    other = write_h5(tmp_path / "other", keras)
    (tmp_path / "raw").write_bytes(keras["x_train"].tobytes())
    shape = keras["x_train"].shape
    layout = h5py.VirtualLayout(shape, np.uint8)
    layout[:] = h5py.VirtualSource(other, "x_train", shape)

    def virtual(file):
        file.create_virtual_dataset("x_train", layout)

    def external(file):
        file.create_dataset("x_train", shape, np.uint8, external=[(tmp_path / "raw", 0, h5py.h5f.UNLIMITED)])

    for name, add in {
        "external link": lambda file: file.__setitem__("x_train", h5py.ExternalLink(str(other), "x_train")),
        "soft link": lambda file: file.__setitem__("x_train", h5py.SoftLink("/elsewhere")),
        "virtual": virtual,
        "external": external,
    }.items():
        path = write_h5(tmp_path / "d", {key: values for key, values in keras.items() if key != "x_train"})
        with h5py.File(path, "a") as file:
            add(file)
        with pytest.raises(
            InputError, match=r"expected to be stored in the file itself. Received: (a link|data of other files)"
        ):
            datasets.load("hdf5", path, {})
        assert name


def test_groups_of_an_hdf5_file_are_searched_and_rings_end(tmp_path, keras):
    path = write_h5(tmp_path / "d", {f"data/{key}": values for key, values in keras.items()})
    with h5py.File(path, "a") as file:
        file["data/ring"] = file["data"]
    splits, _ = datasets.load("hdf5", path, {"keys": {key: f"data/{key}" for key in keras}})
    np.testing.assert_array_equal(splits["test"][0], keras["x_test"])


def test_hdf5_images_stay_on_disk_until_sliced(tmp_path, keras):
    splits, _ = datasets.load("hdf5", write_h5(tmp_path / "d", keras), {"validation": 0.5})
    images, _ = splits["validation"]
    assert isinstance(images.source, hdf5.StoredArray)
    np.testing.assert_array_equal(images[3:9], keras["x_train"][images.positions[3:9]])


def test_a_file_that_claims_more_images_than_a_disk_holds_is_refused(tmp_path):
    n = 2**27
    with h5py.File(tmp_path / "d.h5", "w") as file:
        for part in ("train", "test"):
            file.create_dataset(f"x_{part}", (n if part == "train" else 4, 64, 64, 3), np.uint8, chunks=(1, 64, 64, 3))
            file.create_dataset(f"y_{part}", data=np.zeros(4, np.uint8))
    with pytest.raises(
        InputError, match=r"d\.h5/x_train: expected whole. Received: 1649267441664 bytes declared, 0 stored"
    ):
        datasets.write_dataset(tmp_path / "out.h5", *datasets.load("hdf5", tmp_path / "d.h5", {}))
    assert not (tmp_path / "out.h5").exists()


@pytest.mark.skipif("TOPODEPTH_SHARED" not in os.environ, reason="TOPODEPTH_SHARED names no folder of real images")
@pytest.mark.parametrize(
    ("name", "keys", "counts", "first"),
    [
        ("cifar10_lossless", None, (7897, 932), "0"),
        ("buildings_64x64", {"class_names": "names"}, (2000, 300), "barn"),
    ],
)
def test_real_images_pass_unchanged(tmp_path, name, keys, counts, first):
    path = Path(os.environ["TOPODEPTH_SHARED"], f"data/{name}.npz")
    splits, names = datasets.load("npz", path, {"validation": 0.1, "keys": keys})
    assert (len(names), names[0]) == (10, first)
    datasets.write_dataset(tmp_path / "d.h5", splits, names)
    with np.load(path) as source, hdf5.open_h5(tmp_path / "d.h5") as file:
        dataset = datasets.DataSet(file)
        total = sum(len(dataset.labels(split)) for split in ("train", "validation"))
        assert (total, len(dataset.labels("test"))) == counts
        for split, part in (("train", "train"), ("validation", "train"), ("test", "test")):
            rows = dataset.positions(split)
            np.testing.assert_array_equal(dataset.images(split)[:], source[f"x_{part}"][rows])
            np.testing.assert_array_equal(dataset.labels(split), source[f"y_{part}"].ravel()[rows])
