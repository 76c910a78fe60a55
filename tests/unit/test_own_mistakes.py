"""A mistake of ours is a traceback of its own kind, never told as damage; no file of a user's is to be deleted."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from dataset_files import pixels, write_folders, write_svhn

from topodepth import datasets
from topodepth.activations import file
from topodepth.activations.file import read_activations, validate
from topodepth.datasets import _array_pickle, _files, npz, samples, svhn
from topodepth.datasets import hdf5 as hdf5_loader
from topodepth.errors import InputError
from topodepth.figures import adversarial_images
from topodepth.files import archives, hdf5, texts
from topodepth.networks import files, weights
from topodepth.networks.files import auto_layers, inspect
from topodepth.topology import diagrams
from topodepth.topology.place import Place

MISTAKES = [KeyError, TypeError, AttributeError, ValueError, IndexError, RuntimeError]


def activations_file(path):
    with h5py.File(path, "w") as file:
        file["layers/0_first"] = np.random.default_rng(0).normal(size=(30, 4))
        file["labels"] = np.arange(30) % 2


def diagrams_file(path):
    points = np.random.default_rng(0).normal(size=(30, 4))
    place = Place("a", "b", 0, 0.5)
    diagrams.write_diagrams(path, points, np.arange(30) % 2, place, diagrams.DiagramSettings())


def dataset_file(path):
    splits = {split: (pixels(6, 4), np.arange(6) % 2) for split in datasets.SPLITS}
    datasets.write_dataset(path, splits, ["a", "b"])


def shown_file(path):
    """Write images of an attack, as :mod:`topodepth.attacks.sweep` leaves them."""
    with h5py.File(path, "w") as file:
        file["pixels"] = np.zeros((1, 1, 4, 4, 3), np.float32)
        file.update({"labels": [0], "predicted": [[1]], "epsilons": [0.0], "macro_f1": [1.0]})
        file.attrs.update({"class_names": ["a", "b"], "target": -1})


def hdf5_source(path):
    with h5py.File(path, "w") as file:
        file.update({"images": pixels(40, 4), "labels": np.arange(40) % 2})


def npz_source(path):
    with path.open("wb") as handle:
        np.savez(handle, images=pixels(40, 4), labels=np.arange(40) % 2)


def pickle_source(path):
    path.write_bytes(pixels(4, 4).dumps())


def keras_file(path, layers="layers"):
    """Write what Keras reads of a network: one dense layer."""
    kept = io.BytesIO()
    with h5py.File(kept, "w") as file:
        file[f"{layers}/dense/vars/0"] = np.ones((4, 2), np.float32)
    dense = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "dense", "units": 2}}
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "mine", "layers": [dense]}}
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", json.dumps(config))
        file.writestr("metadata.json", json.dumps({"keras_version": "3.1.0"}))
        file.writestr("model.weights.h5", kept.getvalue())


def old_keras_file(path):
    keras_file(path, layers="_layer_checkpoint_dependencies")


def keras_hdf5_file(path):
    keras_file(path.with_name("archive"))
    config = inspect(path.with_name("archive")).config
    with h5py.File(path, "w") as file:
        file.attrs.update({"model_config": json.dumps(config), "keras_version": "3.1.0"})
        file["model_weights/dense/kernel"] = np.ones((4, 2), np.float32)


def zip_archive(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("inner/a.txt", "a")


def tar_archive(path):
    with tarfile.open(path, "w:gz") as file:
        file.addfile(tarfile.TarInfo("inner"))


def loaded(name):
    return lambda path: datasets.write_dataset(path.with_name("out"), *datasets.load(name, path, {}))


def unpacked(path):
    archives.unpack(path, path.with_name("out"))


def points(path):
    return read_activations(path).points("first")


# a good file; what opens it, in whose block the caller makes the mistake
BLOCKS = {
    "open_h5": (hdf5_source, hdf5.open_h5),
    "create_h5": (hdf5_source, hdf5.create_h5),
    "open_dataset": (dataset_file, datasets.open_dataset),
    "weights in an archive": (keras_file, lambda path: weights.open_weights(inspect(path))),
    "weights in HDF5": (keras_hdf5_file, lambda path: weights.open_weights(inspect(path))),
    "model for Keras": (keras_file, lambda path: weights.as_keras_reads(inspect(path))),
    "model for Keras, renamed": (old_keras_file, lambda path: weights.as_keras_reads(inspect(path))),
}

# a good file; the function of ours that is wrong; what reads the file by it
READERS = {
    "data set file": (
        dataset_file,
        (datasets.DataSet, "_check_arrays"),
        lambda path: block(datasets.open_dataset, path),
    ),
    "activations": (activations_file, (file, "_check_tokens"), read_activations),
    "activations, all that is wrong": (activations_file, (file, "_check_values"), validate),
    "activations, points": (activations_file, (file, "check_finite"), points),
    "diagrams": (diagrams_file, (diagrams, "_check_draws"), diagrams.read_diagrams),
    "shown images": (shown_file, (adversarial_images, "AttackedImages"), adversarial_images.read),
    "loader hdf5": (hdf5_source, (hdf5_loader, "splits_of"), loaded("hdf5")),
    "form of hdf5": (hdf5_source, (hdf5_loader, "form_of"), lambda path: datasets.form("hdf5", path, {})),
    "loader npz": (npz_source, (npz, "splits_of"), loaded("npz")),
    "form of npz": (npz_source, (npz, "form_of"), lambda path: datasets.form("npz", path, {})),
    "loader svhn": (write_svhn, (svhn, "ArrayImages"), loaded("svhn")),
    "pickle": (pickle_source, (_array_pickle._Array, "array"), _array_pickle.read),
    "images": (lambda path: write_folders(path, ["a", "b"]), (_files, "decode"), loaded("images_folder")),
    "weights by name": (
        old_keras_file,
        (weights, "_class_of"),
        lambda path: block(weights.as_keras_reads, inspect(path)),
    ),
    "model": (keras_file, (files, "code_in"), inspect),
    "model's layers": (keras_file, (files, "auto_tokens"), auto_layers),
    "zip archive": (zip_archive, (archives._Unpacking, "path"), unpacked),
    "tar archive": (tar_archive, (archives._Unpacking, "path"), unpacked),
}


def block(opener, path, mistake=lambda: None):
    with opener(path):
        mistake()


def wrong(error):
    def raises(*_, **__):
        raise error("ours")

    return raises


@pytest.mark.parametrize("error", [*MISTAKES, OSError])
@pytest.mark.parametrize("kind", BLOCKS)
def test_a_callers_mistake_stays_what_it_is(tmp_path, kind, error):
    make, opener = BLOCKS[kind]
    make(tmp_path / "file")
    block(opener, tmp_path / "file")  # the file is good
    with pytest.raises(error, match="ours") as caught:
        block(opener, tmp_path / "file", wrong(error))
    assert type(caught.value) is error


@pytest.mark.parametrize("error", MISTAKES)
@pytest.mark.parametrize("kind", READERS)
def test_a_readers_own_mistake_is_not_told_as_damage(tmp_path, monkeypatch, kind, error):
    make, place, read = READERS[kind]
    make(tmp_path / "file")
    monkeypatch.setattr(*place, wrong(error))
    with pytest.raises(error, match="ours") as caught:
        read(tmp_path / "file")
    assert type(caught.value) is error


MADE_HERE = {"data set file": dataset_file, "diagrams": diagrams_file, "shown images": shown_file}
BROUGHT = {
    "activations": (activations_file, read_activations),
    "activations, all that is wrong": (activations_file, validate),
    "loader hdf5": (hdf5_source, loaded("hdf5")),
    "loader npz": (npz_source, loaded("npz")),
    "pickle": (pickle_source, _array_pickle.read),
    "model": (keras_file, inspect),
    "model in HDF5": (keras_hdf5_file, inspect),
    "positions": (npz_source, samples.read_positions),
    "JSON": (npz_source, texts.read_json),
    "archive": (tar_archive, unpacked),
}


@pytest.mark.parametrize("kind", [*MADE_HERE, *BROUGHT])
def test_only_what_the_pipeline_made_is_to_be_deleted_wherever_it_lies(tmp_path, monkeypatch, kind):
    make, read = (MADE_HERE[kind], READERS[kind][2]) if kind in MADE_HERE else BROUGHT[kind]
    monkeypatch.chdir(tmp_path)
    for path in (Path("results/run/file"), tmp_path / "file"):
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
        path.write_bytes(path.read_bytes()[:60])
        with pytest.raises(InputError) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert ("elete" in str(caught.value)) == (kind in MADE_HERE)
