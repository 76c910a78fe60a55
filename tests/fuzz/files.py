"""Small whole files of every kind that comes from outside, to be damaged."""

import io
import json
import pickle
import tarfile
import zipfile

import h5py
import numpy as np
from PIL import Image
from scipy.io import savemat

from tests.unit.dataset_files import CIFAR10_NAMES, pixels


def _h5(fill, version: str = "earliest") -> bytes:
    """An HDF5 file; the earliest format has no checksums, so damage goes deep, and ours has them."""
    stream = io.BytesIO()
    with h5py.File(stream, "w", libver=version) as file:
        fill(file)
    return stream.getvalue()


POINTS = np.random.default_rng(0).normal(size=(6, 3)).astype("f4")


def activations() -> list[bytes]:
    def ours(file):
        file.attrs.update({"format": "topodepth-activations", "version": 1, "model": "mine"})
        for k, name in enumerate("ab"):
            layer = file.create_dataset(f"layers/{k:03d}_{name}", data=POINTS)
            layer.attrs.update({"token": name, "layer_class": "Dense", "reduction": "none", "relative_depth": k / 2})
        file["labels"], file["indices"] = np.arange(6) % 2, np.arange(6)

    def tokens(file):
        ours(file)
        file["places"] = np.arange(6) % 3
        for draw in range(2):
            file[f"shuffled/{draw}/000_a"], file[f"shuffled/{draw}/001_b"] = POINTS, POINTS

    def by_hand(file):
        file.create_dataset("layers/only", data=POINTS, compression="gzip", chunks=(3, 3))

    return [_h5(ours), _h5(ours, "v110"), _h5(by_hand), _h5(tokens)]


def diagrams() -> list[bytes]:
    def fill(file):
        file.attrs.update({"model": "m", "layer": "l", "layer_index": 0, "relative_depth": 0.5, "dimension": 3,
                           "clouds": "both", "seed": 0})  # fmt: skip
        h0, h1 = np.array([[0, 0.5], [0, 1.0], [0, np.inf]]), np.array([[0.5, 0.75]])
        for prefix in ("", "null/0/", "null/1/"):
            for name in ("all", "0", "1"):
                file[f"{prefix}class_{name}/H0"], file[f"{prefix}class_{name}/H1"] = h0, h1
                file[f"{prefix}class_{name}"].attrs["n_points"] = 3
        for group in range(2):
            file[f"jackknife/{group}/class_all/H0"], file[f"jackknife/{group}/class_all/H1"] = h0, h1
        for name in ("all", "0", "1"):
            file[f"shuffled/0/class_{name}/H0"], file[f"shuffled/0/class_{name}/H1"] = h0, h1

    return [_h5(fill), _h5(fill, "v110")]


def dataset() -> list[bytes]:
    def fill(file):
        for split in ("train", "validation", "test"):
            file.create_dataset(f"{split}/images", data=pixels(4, 4), chunks=(2, 4, 4, 3))
            file[f"{split}/labels"], file[f"{split}/positions"] = np.arange(4) % 2, np.arange(4)
        for name in ("mean_image", "channel_mean", "channel_std", "global_mean", "global_std"):
            file[f"statistics/{name}"] = np.ones({"m": (4, 4, 3), "c": (3,), "g": ()}[name[0]])
        file.attrs["class_names"] = ["a", "b"]

    def arrays(file):
        for split in ("train", "validation", "test"):
            file[f"{split}/images"] = POINTS
            file[f"{split}/labels"], file[f"{split}/positions"] = np.arange(6) % 2, np.arange(6)
        for name in ("mean_image", "channel_mean", "channel_std", "global_mean", "global_std", "lowest", "highest"):
            file[f"statistics/{name}"] = np.ones({"m": (3,), "c": (3,)}.get(name[0], ()))
        file.attrs["class_names"], file.attrs["kind"] = ["a", "b"], "arrays"

    return [_h5(fill), _h5(fill, "v110"), _h5(arrays)]


def _keyed() -> dict[str, np.ndarray]:
    return {"x_train": pixels(12, 2), "y_train": np.arange(12) % 2, "x_test": pixels(4, 2), "y_test": np.arange(4) % 2}


def hdf5() -> list[bytes]:
    def plain(file):
        file.update(_keyed())
        file["class_names"] = ["a", "b"]

    def packed(file):
        file.create_dataset("images", data=pixels(12, 2) / 255, compression="gzip", chunks=(4, 2, 2, 3))
        file.create_dataset("labels", data=(np.arange(12) % 2)[:, None].astype("u1"))

    return [_h5(plain), _h5(packed)]


def npz() -> list[bytes]:
    made = []
    for save, names in ((np.savez, {"class_names": np.array(["a", "b"])}), (np.savez_compressed, {})):
        stream = io.BytesIO()
        save(stream, **_keyed(), **names)
        made.append(stream.getvalue())
    return made


def svhn() -> list[bytes]:
    made = []
    for packed in (True, False):
        stream = io.BytesIO()
        values = {"X": np.zeros((32, 32, 3, 8), "u1"), "y": np.arange(1, 5, dtype="u1").repeat(2)[:, None]}
        savemat(stream, values, do_compression=packed)
        made.append(stream.getvalue())
    return made


def cifar10() -> list[bytes]:
    """Return archives; one record of each class a file, all pixels alike so that little but the headers can break."""
    records = b"".join(bytes([label]) + bytes([17 * label]) * 3072 for label in range(10))
    names = [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]
    members = dict.fromkeys(names, records) | {"batches.meta.txt": "\n".join(CIFAR10_NAMES).encode()}
    return [tar({f"cifar-10-batches-bin/{name}": content for name, content in members.items()}, "w:gz")]


def buildings() -> list[bytes]:
    array = pixels(12, 2).reshape(2, 6, 2, 2, 3)
    return [pickle.dumps(array, protocol) for protocol in (2, 3, 4, 5)] + [pickle.dumps(array / 255, 4)]


def images() -> list[bytes]:
    made = []
    for form, image in {
        "PNG": Image.fromarray(pixels(1, 6)[0]),
        "JPEG": Image.fromarray(pixels(1, 8)[0]),
        "png": Image.fromarray(pixels(1, 6, channels=1)[0, ..., 0]).convert("P"),
    }.items():
        stream = io.BytesIO()
        image.save(stream, form.upper())
        made.append(stream.getvalue())
    return made


def tar(members: dict[str, bytes], mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        if mode == "w":
            for kind, target in ((tarfile.SYMTYPE, "b"), (tarfile.LNKTYPE, "sub/a")):
                member = tarfile.TarInfo(f"link{kind.decode()}")
                member.type, member.linkname = kind, target if kind == tarfile.LNKTYPE else "sub/a"
                archive.addfile(member)
    return stream.getvalue()


def archives() -> list[bytes]:
    members = {"sub/a": b"one", "sub/b": b"two" * 20, "c": b""}
    made = [tar(members, mode) for mode in ("w", "w", "w:gz", "w:bz2", "w:xz")]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        made += [stream.getvalue()] * 2
    return made


def table() -> list[bytes]:
    header = "model,layer,relative_depth,class,homology_dimension,descriptor,value,ci_low,ci_high"
    rows = [f"m,{k},{k / 4},mean,{k % 2},lifespan_sum,{k + 0.5},," for k in range(4)]
    return ["\n".join([header, *rows]).encode() + b"\n", b"index,label\n3,0\n7,1\n"]


def lock() -> list[bytes]:
    entry = {"sha256": "0" * 64, "size": 10, "source": "Google Drive x"}
    return [json.dumps({"a": entry, "b": entry}, indent=2).encode()]


def drive_pages() -> list[bytes]:
    form = (
        "<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>"
        '<form id="download-form" action="https://drive.usercontent.google.com/download" method="get">'
        '<input type="submit" value="Download anyway"/><input type="hidden" name="id" value="abc">'
        '<input type="hidden" name="confirm" value="t"><input type="hidden" name="uuid" value="1-2"></form></html>'
    )
    link = (
        '<html><body><a id="uc-download-link" href="/uc?export=download&amp;confirm=x&amp;id=abc">Download</a></body>'
    )
    script = '<html><script>var x = {"downloadUrl":"https://example.org/a\\u003db"};</script><title>&lt;t&gt;</title>'
    error = '<html><p class="uc-error-subcaption">Too many users have viewed</p></html>'
    return [form.encode(), link.encode(), script.encode(), error.encode()]


def keras_configs() -> list[dict]:
    """Return configurations as the two Keras write them: with additions, as a chain, and of the legacy Keras."""
    return [_functional(), _sequential(), _legacy()]


def _layer(kind: str, name: str, inputs: list[str], **config: object) -> dict:
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"shape": [None, 4], "keras_history": [source, 0, 0]}}
        for source in inputs
    ]
    calls = [{"args": [tensors if len(tensors) > 1 else tensors[0]], "kwargs": {}}] if inputs else []
    return {"module": "keras.layers", "class_name": kind, "config": {"name": name, **config}, "registered_name": None,
            "name": name, "inbound_nodes": calls}  # fmt: skip


def _functional() -> dict:
    layers = [_layer("InputLayer", "in", [], batch_shape=[None, 4]), _layer("Dense", "d0", ["in"], units=4)]
    for k in range(3):
        layers.append(_layer("Dense", f"d{k + 1}", [f"a{k}" if k else "d0"], units=4, activation="relu"))
        layers.append(_layer("Add", f"a{k + 1}", [f"d{k + 1}", f"a{k}" if k else "d0"]))
    layers.append(_layer("Dense", "head", ["a3"], units=2, activation="softmax"))
    inner = {"name": "net", "layers": layers, "input_layers": [["in", 0, 0]], "output_layers": [["head", 0, 0]]}
    return {"module": "keras", "class_name": "Functional", "config": inner, "registered_name": "Functional"}


def _sequential() -> dict:
    layers = [_layer("InputLayer", "in", [], batch_shape=[None, 4])]
    layers += [_layer("Dense", f"d{k}", [], units=4, activation="relu") for k in range(4)]
    layers.append(_layer("Softmax", "soft", []))
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "chain", "layers": layers}}


def _legacy() -> dict:
    def layer(kind: str, name: str, inputs: list[str], **config: object) -> dict:
        calls = [[[source, 0, 0, {}] for source in inputs]] if inputs else []
        return {"class_name": kind, "config": {"name": name, **config}, "name": name, "inbound_nodes": calls}

    layers = [
        layer("InputLayer", "in", [], batch_input_shape=[None, 4]),
        layer("Dense", "d1", ["in"], units=4, activation="linear"),
        layer("TFOpLambda", "tf.nn.relu", ["d1"], function="nn.relu"),
        layer("Concatenate", "join", ["d1", "tf.nn.relu"], axis=-1),
        layer("Dense", "head", ["join"], units=2, activation="softmax"),
    ]
    inner = {"name": "old", "layers": layers, "input_layers": [["in", 0, 0]], "output_layers": [["head", 0, 0]]}
    return {"class_name": "Functional", "config": inner}


def keras_archive(config: bytes, version: str = "3.12.0") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", _h5(lambda file: file.update({"layers/d/vars/0": POINTS})))
    return stream.getvalue()


def keras_hdf5(config: bytes, version: str = "2.15.0") -> bytes:
    def fill(file):
        file.attrs.update({"model_config": config.decode(), "keras_version": version})
        file["model_weights/d1/kernel"] = POINTS

    return _h5(fill)
