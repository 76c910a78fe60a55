"""What a file or folder is that was named as a Keras model and is none, and which way in there is for it."""

import json
import zipfile
from pathlib import Path

from topodepth.errors import InputError
from topodepth.files import hdf5

MODEL_ENDINGS = (".keras", ".h5", ".hdf5", ".onnx")
LOOKED_AT = 4096  # bytes

ACTIVATIONS = "its activations can be measured: write them to a file as docs/activations.md says"
TORCH = "name it as `weights`, and the code that builds its network as `torch: my_nets.py:name` (docs/pytorch.md)"
WEIGHTS_ONLY = "build the network in Keras, load these weights and save the whole model, or measure its activations"
UNPACK = "unpack it, or name it under `assets` with `unpack: true`"
SAVED_MODEL = (
    "open it with the Keras that wrote it and save it as .keras, or measure its activations (docs/activations.md)"
)
AGAIN = "fetch the file itself again"

# by how a file begins; (offset, bytes, what it is, which way in there is)
BEGINNINGS = [
    (0, b"GGUF", "a GGUF file of a language model", ACTIVATIONS),
    (4, b"TFL3", "a TensorFlow Lite file", ACTIVATIONS),
    (0, b"\x93NUMPY", "a NumPy array", "data belong under `datasets`, activations under `activations`"),
    (0, b"MATLAB 5.0", "a MATLAB file", "data belong under `datasets`"),
    (0, b"\x1f\x8b", "a gzip archive", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (0, b"Rar!", "a RAR archive", UNPACK),
    (0, b"\xfd7zXZ", "an xz archive", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (0, b"\x89PNG", "an image", "images belong under `datasets`"),
    (0, b"\xff\xd8\xff", "an image", "images belong under `datasets`"),
    (0, b"PK\x03\x04", "a zip archive without its end, a truncated file", AGAIN),
    (0, b"version https://git-lfs", "a Git LFS pointer in place of the file", "fetch the file itself: git lfs pull"),
    (0, b"<!doctype html", "a web page in place of the file", AGAIN),
    (0, b"<html", "a web page in place of the file", AGAIN),
]
# by a file's ending, where its first bytes do not tell
ENDINGS = {
    ".pb": ("a TensorFlow graph", SAVED_MODEL),
    ".tflite": ("a TensorFlow Lite file", ACTIVATIONS),
    ".safetensors": ("weights without a network (safetensors)", TORCH),
    ".mlmodel": ("a Core ML file", ACTIVATIONS),
    ".msgpack": ("weights without a network (msgpack)", ACTIVATIONS),
    ".caffemodel": ("a Caffe file", ACTIVATIONS),
    ".weights": ("weights without a network", ACTIVATIONS),
    ".ckpt": ("a checkpoint, which holds weights only", WEIGHTS_ONLY),
    ".index": ("a TensorFlow checkpoint, which holds weights only", WEIGHTS_ONLY),
} | dict.fromkeys((".pt", ".pth", ".th"), ("a PyTorch file", TORCH))
# by what a folder holds
CONTENTS = [
    (("saved_model.pb",), "a SavedModel folder of TensorFlow", SAVED_MODEL),
    (
        ("config.json", "model.weights.h5"),
        "a .keras file that was unpacked",
        "zip what is in it into one .keras file again",
    ),
    (("config.json", "model.safetensors"), "a model folder of Hugging Face", ACTIVATIONS),
    (("config.json", "pytorch_model.bin"), "a model folder of Hugging Face", ACTIVATIONS),
    (("checkpoint",), "a folder of TensorFlow checkpoints, which hold weights only", WEIGHTS_ONLY),
]


def not_a_model(path: Path) -> InputError:
    """Return the error for a path that holds no whole Keras model: it says what is there, and what to do."""
    if not path.exists():
        return InputError(f"{path}: no such file, expected a Keras model.")
    what, way = _folder(path) if path.is_dir() else _file(path)
    expected = "expected a whole one in a .keras or HDF5 file"
    return InputError(f"{path}: not a Keras model, {expected}. Received: {what}; {way}.")


def not_onnx(path: Path) -> InputError:
    """Return the error for a path that should be an ONNX file and is none."""
    if not path.exists():
        return InputError(f"{path}: no such file, expected an ONNX file.")
    what, way = _folder(path) if path.is_dir() else _file(path)
    return InputError(f"{path}: expected a whole ONNX file. Received: {what}; {way}.")


def weights_only(path: Path) -> InputError:
    """Return the error for an HDF5 file without an architecture."""
    with hdf5.open_h5(path) as file:
        form, keys = str(hdf5.attribute_of(f"{path}:", file, "format", "")), sorted(hdf5.names_in(f"{path}:", file))
        weights = hdf5.attribute_of(f"{path}:", file, "layer_names") is not None
        weights = weights or bool({"layers", "vars", "_layer_checkpoint_dependencies"} & set(keys))
        weights = weights or any("\\" in key for key in keys)
    what, way = f"HDF5 data without an architecture: {', '.join(keys[:5]) or 'nothing'}", "save the whole model"
    if form.startswith("topodepth"):
        what, way = f"a file of {form}", "activations belong under `activations`, data under `datasets`"
    elif weights:
        what, way = "weights only, no architecture", WEIGHTS_ONLY
    return InputError(f"{path}: expected a whole Keras model. Received: {what}; {way}.")


def what_a_folder_is(path: Path) -> str:
    """Return what is at a path where a folder of model files was expected, and what to do."""
    if not path.exists():
        return "no such folder"
    if not path.is_dir():
        return "one file; name it as `file`, not as `directory`"
    what, way = _folder(path)
    if what == "a folder":
        endings = sorted({item.suffix for item in path.iterdir() if item.suffix and not item.name.startswith(".")})
        ways = {ENDINGS[ending][1] for ending in endings if ending in ENDINGS}
        held = f"a folder of {', '.join(endings[:6])} files" if endings else "a folder without model files"
        what, way = held, next(iter(sorted(ways)), "models of subfolders are not looked for")
    return f"{what}; {way}"


def _folder(path: Path) -> tuple[str, str]:
    held = {item.name for item in path.iterdir()}
    for names, what, way in CONTENTS:
        if held.issuperset(names):
            return what, way
    models = sum(name.endswith(MODEL_ENDINGS) for name in held)
    if models:
        return f"a folder with {models} of them", "name it as `directory`, not as `file`"
    return "a folder", "name the file in it"


def _file(path: Path) -> tuple[str, str]:
    with path.open("rb") as handle:
        head = handle.read(LOOKED_AT)
    if not head:
        return "an empty file", AGAIN
    if zipfile.is_zipfile(path):
        return _archive(path)
    return _by_bytes(head, path) or _by_ending(head, path)


def _by_bytes(head: bytes, path: Path) -> tuple[str, str] | None:
    if head[0] == 0x80 and head[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        torch = b"torch" in head or path.suffix in (".pt", ".pth", ".th")
        return ("a PyTorch file", TORCH) if torch else ("a pickle, which is never opened here", ACTIVATIONS)
    for offset, beginning, what, way in BEGINNINGS:
        found = head[offset : offset + len(beginning)]
        if beginning in (found, found.lower()):
            return what, way
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size:
        return ENDINGS[".safetensors"]
    if head[0] == 8 and head[2:3] in (b"\x12", b"B", b":") and path.suffix.lower() != ".onnx":
        return "what looks like an ONNX file", "give it the ending .onnx"
    if head.lstrip()[:1] == b"{" and b'"class_name"' in head:
        return "an architecture without weights (JSON)", "save the whole model"
    return None


def _by_ending(head: bytes, path: Path) -> tuple[str, str]:
    ending = ".index" if ".data-00000-of-" in path.name else path.suffix.lower()
    if ending in ENDINGS:
        return ENDINGS[ending]
    if head.isascii() and min(head) >= ord("\t"):  # no control characters
        return f"text that begins with {json.dumps(head[:20].decode())}", "name the model's own file"
    return f"a file that begins with {head[:8]!r}, of another kind or truncated", ACTIVATIONS


def _archive(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return "a damaged zip archive", AGAIN
    if any(name.endswith("/data.pkl") for name in names):
        return "a PyTorch file", TORCH
    if names and all(name.endswith(".npy") for name in names):
        return "NumPy arrays (.npz)", "data belong under `datasets`, activations under `activations`"
    if any(name.endswith("saved_model.pb") for name in names):
        return "a SavedModel folder of TensorFlow in an archive", SAVED_MODEL
    models = sum(name.endswith(MODEL_ENDINGS) and not name.endswith("model.weights.h5") for name in names)
    if models:
        return f"an archive with {models} of them", UNPACK
    return f"a zip archive of other files: {', '.join(names[:3]) or 'none'}", "save the whole model as .keras"
