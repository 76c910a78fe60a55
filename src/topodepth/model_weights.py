"""The weights in a Keras file, layer by layer, read without Keras."""

import re
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from topodepth import storage
from topodepth.errors import InputError
from topodepth.model_files import HDF5_SIGNATURE, WEIGHTS, ModelFile
from topodepth.storage import open_h5, plain, reading

WEIGHTS_PACKING, WEIGHTS_SLACK = 200, 2**26  # no ratio is suspicious below 64 MiB; trained weights hardly pack at all


class Weights:
    """Weights of a whole model, by layer name; a layer that has none, or is not there, has an empty list."""

    def __init__(self, file: "h5py.File", found: ModelFile) -> None:  # noqa: F821
        self._file, self._path = file, found.path
        self._keys = _keys_of_archive(found) if found.format == "keras" else None

    def of(self, layer: str) -> list[np.ndarray]:
        """Return the arrays of a layer in the order in which Keras lists them, float32.

        Raises
        ------
        InputError
            If the file is damaged where they lie.
        """
        with reading(self._path, "a whole model file"):
            return [self._file[key][()].astype(np.float32) for key in self._keys_of(layer)]

    def _keys_of(self, layer: str) -> list[str]:
        if self._keys is None:
            folder = f"model_weights/{layer}"
            names = self._file[folder].attrs.get("weight_names", []) if folder in self._file else []
            return [f"{folder}/{plain(name)}" for name in names]
        folder = f"{self._keys[layer]}/vars" if layer in self._keys else ""
        return [f"{folder}/{k}" for k in range(len(self._file[folder]))] if folder in self._file else []


@contextmanager
def open_weights(found: ModelFile) -> Iterator[Weights]:
    """Open the weights of a model file that holds them all itself.

    Raises
    ------
    InputError
        If weights lie in other files, or the file is damaged.
    """
    import h5py

    check_self_contained(found.path)
    if found.format != "keras":
        with open_h5(found.path) as file:
            yield Weights(file, found)
        return
    with tempfile.TemporaryDirectory() as folder:
        with reading(found.path, "a whole model file"), zipfile.ZipFile(found.path) as archive:
            path = archive.extract(WEIGHTS, folder)  # a fixed name, so it stays in the folder
            file = h5py.File(path, "r")
        with file:
            yield Weights(file, found)


def _keys_of_archive(found: ModelFile) -> dict[str, str]:
    """Return the group of each layer: Keras 3 numbers the layers of each class in the order of ``model.layers``."""
    seen, keys = Counter(), {}
    for _, name, kind in found.layers:
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", kind).lower()
        keys[name] = f"layers/{snake}_{seen[snake]}" if seen[snake] else f"layers/{snake}"
        seen[snake] += 1
    return keys


def check_self_contained(path: Path) -> None:
    """Refuse a model whose weights lie in other files: opening it would read them wherever they are.

    Raises
    ------
    InputError
        Also if the weights in an archive unpack to far more than weights can be packed.
    """
    import h5py

    expected = "a model file that holds all its weights itself"
    with path.open("rb") as handle, reading(path, "a whole model file"):
        if handle.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE:
            with open_h5(path) as file:
                return storage.check_self_contained(path, file, expected)
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryFile() as copy:
            member = archive.getinfo(WEIGHTS)
            if member.file_size > max(WEIGHTS_SLACK, WEIGHTS_PACKING * member.compress_size):
                received = f"{member.compress_size} bytes that claim to unpack to {member.file_size}"
                raise InputError(f"{path}: {WEIGHTS} expected as numbers. Received: {received}")
            with archive.open(member) as source:
                shutil.copyfileobj(source, copy)
            with h5py.File(copy, "r") as file:
                return storage.check_self_contained(path, file, expected)
