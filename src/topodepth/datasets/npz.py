"""Any NumPy archive: ``x_train, y_train, x_test, y_test`` as Keras names them, or ``images, labels``."""

import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from topodepth.datasets import Form, register
from topodepth.datasets._keyed import Keyed, form_of, not_a, splits_of
from topodepth.errors import InputError
from topodepth.files.reading import of_file

LIMIT = 16 * 2**30  # bytes unpacked in memory; more belongs in HDF5, which is read in parts
NUMBERS = "an array of numbers"


def _form(source: Path, settings: Mapping[str, object]) -> Form:
    """Return what one item of the file will be, from the arrays' headers."""
    with _opened(source) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        return form_of(Keyed(source, names, lambda key: _header(source, archive, key)), settings)


@register("npz", source="an .npz file with x_train, y_train, x_test, y_test, or images, labels", shape=_form)
def load(
    source: Path,
    *,
    size: int | None = None,
    validation: float = 0.1,
    test: float = 0.15,
    seed: int = 0,
    keys: dict[str, str] | None = None,
    kind: str | None = None,
) -> tuple[dict, list[str]]:
    """Return the images, or other arrays, of an .npz file; it never runs code: arrays of Python objects are refused.

    Parameters
    ----------
    source
        The file: images (n, height, width[, channels]) uint8, or other numbers 0–255 or 0–1, or arrays of numbers that
        are no images (n, …); labels (n,) or (n, 1) whole numbers from 0; optionally ``x_validation, y_validation``,
        and text ``class_names`` (classes,).
    size
        Resize images to ``size`` × ``size``; None keeps the source's size.
    validation, test
        Fractions of each class, where the file has no such split.
    seed
        Seed of the split.
    keys
        The file's own names where they differ: ``{"class_names": "names"}``.
    kind
        ``"images"``, or ``"arrays"`` of numbers that are kept as they are; None takes four axes, and three of uint8,
        for images.

    Raises
    ------
    InputError
        If the file is broken or larger than 16 GiB in memory, keys are missing (those there are listed), or arrays do
        not fit together.
    """
    source = Path(source)
    with _opened(source) as archive:
        size_unpacked = sum(item.file_size for item in archive.infolist())
        if size_unpacked > LIMIT:
            raise InputError(f"{source}: expected at most {LIMIT >> 30} GiB unpacked. Received: {size_unpacked} bytes.")
        names = [name.removesuffix(".npy") for name in archive.namelist()]

        def get(key: str) -> np.ndarray:
            _header(source, archive, key)
            return of_file(f"{source}/{key}:", _array, archive, key, expected=NUMBERS)

        keyed = Keyed(source, names, get)
        return splits_of(keyed, size=size, validation=validation, test=test, seed=seed, keys=keys, kind=kind)


@contextmanager
def _opened(source: Path) -> Iterator[zipfile.ZipFile]:
    """Open the archive that an .npz file is."""
    try:
        archive = zipfile.ZipFile(source)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise not_a("an .npz file", source, error) from error
    with archive:
        yield archive


def _header(source: Path, archive: zipfile.ZipFile, key: str) -> SimpleNamespace:
    """Return what an array says of itself: shape and type.

    One that claims more than its file unpacks to is refused: NumPy would take the memory before reading.
    """
    where = f"{source}/{key}:"
    shape, dtype = of_file(where, _shape_and_type, archive, key, expected=NUMBERS)
    if dtype.hasobject:
        received = "Python objects, which run code when they are read. Save numbers: values.astype(…)"
        raise InputError(f"{where} expected {NUMBERS}. Received: {received}")
    claimed, there = math.prod(shape) * dtype.itemsize, archive.getinfo(f"{key}.npy").file_size
    if claimed > there:
        raise InputError(f"{where} expected {NUMBERS}. Received: {claimed} bytes claimed, {there} there")
    return SimpleNamespace(shape=shape, dtype=dtype)


def _shape_and_type(archive: zipfile.ZipFile, key: str) -> tuple[tuple[int, ...], np.dtype]:
    with archive.open(f"{key}.npy") as member:
        reader = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = reader[np.lib.format.read_magic(member)](member)
    return shape, dtype


def _array(archive: zipfile.ZipFile, key: str) -> np.ndarray:
    with archive.open(f"{key}.npy") as member:
        return np.lib.format.read_array(member, allow_pickle=False)
