"""Any NumPy archive: ``x_train, y_train, x_test, y_test`` as Keras names them, or ``images, labels``."""

import math
import zipfile
from pathlib import Path

import numpy as np

from topodepth import storage
from topodepth.datasets import register
from topodepth.datasets._keyed import splits_of
from topodepth.errors import InputError

LIMIT = 16 * 2**30  # bytes unpacked in memory; more belongs in HDF5, which is read in parts


@register("npz", source="an .npz file with x_train, y_train, x_test, y_test, or images, labels")
def load(
    source: Path,
    *,
    size: int | None = None,
    validation: float = 0.1,
    test: float = 0.15,
    seed: int = 0,
    keys: dict[str, str] | None = None,
) -> tuple[dict, list[str]]:
    """Return the images of an .npz file; it never runs code: arrays of Python objects are refused.

    Parameters
    ----------
    source
        The file: images (n, height, width[, channels]) uint8, or other numbers 0–255 or 0–1; labels (n,) or (n, 1)
        whole numbers from 0; optionally ``x_validation, y_validation``, and text ``class_names`` (classes,).
    size
        Resize to ``size`` × ``size``; None keeps the source's size.
    validation, test
        Fractions of each class, where the file has no such split.
    seed
        Seed of the split.
    keys
        The file's own names where they differ: ``{"class_names": "names"}``.

    Raises
    ------
    InputError
        If the file is broken or larger than 16 GiB in memory, keys are missing (those there are listed), or arrays do
        not fit together.
    """
    source = Path(source)
    try:
        with zipfile.ZipFile(source) as archive:
            size_unpacked = sum(item.file_size for item in archive.infolist())
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InputError(f"{source}: expected a whole .npz file. Received: {error}") from error
    if size_unpacked > LIMIT:
        raise InputError(f"{source}: expected at most {LIMIT >> 30} GiB unpacked. Received: {size_unpacked} bytes.")
    with storage.reading(source, "a whole .npz file"), np.load(source, allow_pickle=False) as archive:

        def get(key: str) -> np.ndarray:
            try:
                _check_claim(archive.zip, f"{key}.npy")
                array = archive[key]
            except Exception as error:  # a hostile archive may raise anything
                raise InputError(f"{source}/{key}: expected an array of numbers. Received: {error}") from error
            if not isinstance(array, np.ndarray):
                raise InputError(f"{source}/{key}: expected an array. Received: {type(array).__name__}.")
            return array

        return splits_of(
            source, archive.files, get, size=size, validation=validation, test=test, seed=seed, keys=keys
        )  # fmt: skip


def _check_claim(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse an array whose header claims more than its file unpacks to: NumPy would take the memory before reading."""
    with archive.open(name) as member:
        reader = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = reader[np.lib.format.read_magic(member)](member)
        claimed, there = math.prod(shape) * dtype.itemsize, archive.getinfo(name).file_size
    if claimed > there:
        raise ValueError(f"{claimed} bytes claimed, {there} there")
