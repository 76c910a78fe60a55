"""Files that are no Keras models: the message says what they are and which way in there is."""

import gzip
import json
import pickle
import struct
import zipfile

import h5py
import numpy as np
import pytest

from topodepth import plan
from topodepth.errors import InputError
from topodepth.networks.files import inspect


def archive(*members):
    def write(path):
        with zipfile.ZipFile(path, "w") as target:
            for member in members:
                target.writestr(member, "x")

    return write


def hdf5(key, **attributes):
    def write(path):
        with h5py.File(path, "w") as file:
            file.attrs.update(attributes)
            file.create_group(key)

    return write


def content(data):
    return lambda path: path.write_bytes(data)


def folder(*members):
    def make(path):
        path.mkdir()
        for member in members:
            (path / member).parent.mkdir(exist_ok=True)
            (path / member).write_text("x")

    return make


ACTIVATIONS, WEIGHTS, TORCH = "docs/activations.md", "save the whole model", "docs/pytorch.md"
SAFE = struct.pack("<Q", 2) + b"{}" + bytes(20)
OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
# what is written where a model was expected: how to write it, what it is, which way in there is
WRONG = {
    "net.onnx": (content(b"\x08\x08\x12\x07pytorch"), "of another kind or truncated", ACTIVATIONS),
    "net.th": (content(pickle.dumps({"weights": 1}, protocol=2)), "a PyTorch file", TORCH),
    "net.pt": (archive("net/data.pkl", "net/version"), "a PyTorch file", TORCH),
    "renamed.keras": (archive("net/data.pkl", "net/version"), "a PyTorch file", TORCH),
    "old.pth": (content(OLD_TORCH), "a PyTorch file", TORCH),
    "clf.joblib": (content(pickle.dumps({"weights": 1}, protocol=4)), "a pickle, which is never opened", ACTIVATIONS),
    "net.safetensors": (content(SAFE), "weights without a network", TORCH),
    "renamed.h5": (content(SAFE), "weights without a network", TORCH),
    "net.tflite": (content(b"\x1c\0\0\0TFL3"), "a TensorFlow Lite file", ACTIVATIONS),
    "graph.pb": (content(b"\x0a\x10abc"), "a TensorFlow graph", "save it as .keras"),
    "model.ckpt.index": (content(b"\0\0\1"), "a TensorFlow checkpoint", WEIGHTS),
    "model.ckpt.data-00000-of-00001": (content(b"\0\0\1"), "a TensorFlow checkpoint", WEIGHTS),
    "weights.h5": (hdf5("dense", layer_names=["dense"]), "weights only", WEIGHTS),
    "model.weights.h5": (hdf5("layers/dense/vars"), "weights only", WEIGHTS),
    "windows.weights.h5": (hdf5("layers\\dense/vars"), "weights only", WEIGHTS),
    "data.h5": (hdf5("images"), "HDF5 data without an architecture: images", WEIGHTS),
    "ours.h5": (hdf5("layers", format="topodepth-activations"), "topodepth-activations", "under `activations`"),
    "a.npy": (lambda path: np.save(path, np.ones(3)), "a NumPy array", "under `datasets`"),
    "z.keras": (archive("x.npy"), r"NumPy arrays \(.npz\)", "under `datasets`"),
    "models.zip": (archive("a.keras", "b.h5"), "an archive with 2 of them", "`unpack: true`"),
    "net.tar.gz": (content(gzip.compress(b"x")), "a gzip archive", "`unpack: true`"),
    "saved.zip": (archive("net/saved_model.pb"), "a SavedModel folder", "save it as .keras"),
    "empty.keras": (content(b""), "an empty file", "fetch"),
    "page.h5": (content(b"<!DOCTYPE html><html>"), "a web page in place of the file", "fetch"),
    "pointer.h5": (content(b"version https://git-lfs.github.com/spec/v1"), "a Git LFS pointer", "git lfs pull"),
    "net.json": (content(json.dumps({"class_name": "Model"}).encode()), "an architecture without weights", WEIGHTS),
    "net.py": (content(b"import keras"), 'text that begins with "import keras"', "name the model's own file"),
    "cat.png": (content(b"\x89PNG\r\n"), "an image", "under `datasets`"),
    "half.keras": (content(b"PK\3\4" + bytes(50)), "truncated", "again"),
    "unknown.bin": (content(b"\xaa\xbb"), "of another kind or truncated", ACTIVATIONS),
    "saved": (folder("saved_model.pb", "variables/x"), "a SavedModel folder", "save it as .keras"),
    "unpacked": (folder("config.json", "metadata.json", "model.weights.h5"), "was unpacked", "one .keras file"),
    "hub": (folder("config.json", "model.safetensors"), "a model folder of Hugging Face", ACTIVATIONS),
    "zoo": (folder("a.keras", "b.h5"), "a folder with 2 of them", "name it as `directory`"),
    "other": (folder("readme.txt"), "a folder", "name the file in it"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_model_is_called_what_it_is_with_the_way_in(name, tmp_path):
    write, what, way = WRONG[name]
    write(tmp_path / name)
    with pytest.raises(InputError, match=f"{what}.*; .*{way}") as caught:
        inspect(tmp_path / name)
    line = str(caught.value)
    assert line.startswith(f"{tmp_path / name}: ")
    assert "expected a whole" in line
    assert "Received: " in line


def settings(**changes):
    entry = {"dataset": "d", "architecture": None, "asset": None, "file": None, "directory": None, "torch": None,
             "label": None, "layers": "auto", "trust": False, "stated_accuracy": None, "normalisation": "auto",
             "mean": None, "std": None, "layout": "auto"} | changes  # fmt: skip
    return {"activations": {}, "assets": {}, "models": {"mine": entry}}


@pytest.mark.parametrize("layers", ["auto", ["logits"]])
def test_a_wrong_file_is_refused_by_the_plan_under_its_key(layers, tmp_path):
    archive("net/data.pkl")(tmp_path / "net.pt")
    config = settings(file=str(tmp_path / "net.pt"), layers=layers)
    with pytest.raises(InputError, match=r"^config key 'models\.mine\.file': .*net\.pt: .*a PyTorch file"):
        plan.units(config, {"mine"})


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (None, "no such folder"),
        (archive("net/data.pkl"), "one file; name it as `file`, not as `directory`"),
        (folder("a.pt", "b.pth"), r"a folder of \.pt, \.pth files; .*docs/pytorch\.md"),
        (folder("saved_model.pb"), "a SavedModel folder of TensorFlow; .*save it as .keras"),
        (folder(), "a folder without model files; models of subfolders are not looked for"),
    ],
)
def test_a_wrong_folder_is_refused_by_the_plan_under_its_key(make, received, tmp_path):
    if make:
        make(tmp_path / "zoo")
    config = settings(directory=str(tmp_path / "zoo"))
    expected = (
        r"^config key 'models\.mine\.directory': expected a folder of \.keras, \.h5, \.hdf5, \.onnx files\. "
        r"Received: .*zoo, "
    )
    with pytest.raises(InputError, match=expected + received):
        plan.units(config, {"mine"})


def test_a_file_that_another_rule_will_make_can_be_planned_with_its_layers(tmp_path):
    found = plan.units(settings(file=str(tmp_path / "later.keras"), layers=["logits"]), {"mine"})
    assert list(found["mine"][0].model.layers) == ["logits"]
    with pytest.raises(InputError, match=r"'models\.mine\.file': .*later\.keras: no such file"):
        plan.units(settings(file=str(tmp_path / "later.keras")), {"mine"})
