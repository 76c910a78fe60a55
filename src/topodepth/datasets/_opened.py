"""Data set files, opened: their items read in parts, and what turns them into a network's input."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from topodepth.datasets._joined import Joined
from topodepth.datasets._normalisation import Normaliser, given, normaliser
from topodepth.datasets._writing import SPLITS, STATISTICS
from topodepth.errors import InputError
from topodepth.files import hdf5

if TYPE_CHECKING:
    import h5py

COLUMNS = ("images", "labels", "positions")  # of each split
TYPES = {"images": (np.uint8,), "arrays": (np.uint8, np.float32)}


class DataSet:
    """An open data set file; images, or other arrays, stay on disk until they are sliced.

    Parameters
    ----------
    file
        As :func:`topodepth.files.hdf5.open_h5` yields it.

    Attributes
    ----------
    class_names
        One a class.
    kind
        ``"images"`` or ``"arrays"``, see :class:`topodepth.datasets.Form`.
    image_shape
        Shape of one item: (height, width, channels) of images.
    statistics
        Of the training split, as :func:`topodepth.datasets.write_dataset` stores them.
    """

    def __init__(self, file: "h5py.File") -> None:
        self._file, self._path = file, file.filename
        hdf5.check_self_contained(self._path, file)
        self._arrays = {(split, name): self._stored(f"{split}/{name}") for split in SPLITS for name in COLUMNS}
        self._check_arrays()
        first = self._arrays["train", "images"]
        self.kind = hdf5.attribute_of(f"{self._path}:", file, "kind", "images")
        types = TYPES.get(self.kind, ()) if isinstance(self.kind, str) else ()
        if first.dtype not in types or (self.kind == "images" and first.ndim != 4):
            received = f"{first.dtype} {first.shape} of kind {self.kind!r:.60}"
            raise InputError(f"{self._path}: /train/images: expected images or arrays (n, …). Received: {received}.")
        names = hdf5.attribute_of(f"{self._path}:", file, "class_names")
        if not isinstance(names, np.ndarray) or names.ndim != 1:
            raise InputError(f"{self._path}: attribute 'class_names' expected as names. Received: {names!r:.60}")
        self.class_names = [str(name) for name in names]
        self.image_shape = tuple(first.shape[1:])
        self.statistics = {name: self._statistic(name) for name in STATISTICS}

    def _stored(self, name: str) -> hdf5.StoredArray:
        return hdf5.own_dataset(f"{self._path}: /{name}:", self._file, name, "part of a data set file")

    def _check_arrays(self) -> None:
        """Refuse splits of different items, and items without a label and a position each."""
        first = self._arrays["train", "images"]
        for split in SPLITS:
            where = f"{self._path}: /{split}"
            images, *others = (self._arrays[split, name] for name in COLUMNS)
            if images.ndim < 2 or images.shape[1:] != first.shape[1:] or images.dtype != first.dtype:
                raise InputError(f"{where}/images: expected items of one shape and type. Received: others.")
            if any(item.dtype.kind not in "iu" or item.shape != images.shape[:1] for item in others):
                raise InputError(f"{where}: expected a label and position an image. Received: others.")

    def __str__(self) -> str:
        """Return in a few words what it holds."""
        shape = ", ".join(map(str, self.image_shape))
        counts = ", ".join(f"{len(self.images(split))} {split}" for split in SPLITS)
        what = f"{self.images('train').dtype} {self.kind} (n, {shape}) of {len(self.class_names)} classes"
        return f"{what}; n: {counts}"

    def _statistic(self, name: str) -> np.ndarray:
        stored = self._stored(f"statistics/{name}")
        shapes = ((), self.image_shape[-1:], self.image_shape)
        value = stored[()] if stored.shape in shapes and stored.dtype.kind in "buif" else None
        if value is None or not np.isfinite(value).all():
            received = f"{stored.dtype} {stored.shape}"
            raise InputError(f"{self._path}: /statistics/{name}: expected finite. Received: {received}.")
        return np.asarray(value, dtype=np.float64)

    def images(self, split: str) -> hdf5.StoredArray | Joined:
        """Return the items of a split, not yet read: uint8 (n, height, width, channels), or uint8 or float32 (n, …).

        ``train+validation`` are the source's training items, whole and in the source's own order.
        """
        return self._of(split, "images")

    def labels(self, split: str) -> np.ndarray:
        """Return the labels of a split, int64 (n,)."""
        return self._of(split, "labels")[:]

    def positions(self, split: str) -> np.ndarray:
        """Return the index of each image of a split in the source's own order, int64 (n,)."""
        return self._of(split, "positions")[:]

    def _of(self, split: str, name: str) -> hdf5.StoredArray | Joined:
        parts = [self._arrays[part, name] for part in split.split("+")]
        if len(parts) == 1:
            return parts[0]
        return Joined(parts, [self._arrays[part, "positions"][:] for part in split.split("+")])

    def normaliser(self, how: str) -> Normaliser:
        """Return :func:`normaliser` with this data set's statistics.

        Raises
        ------
        InputError
            If ``how`` divides by 255 and the values are no pixels, or gives a mean and deviation that do not fit them.
        """
        if how in ("unit", "centred") and self.images("train").dtype != np.uint8:
            low, high = (float(self._statistic(name).min()) for name in ("lowest", "highest"))
            if not (low >= 0 and 1 < high <= 255):
                raise InputError(
                    f"{self._path}: normalisation {how} divides by 255, expected values from 0 to 255. "
                    f"Received: {low:g} to {high:g}. Use raw (as they are), channel or global."
                )
        if mean_and_std := given(how):
            return mean_and_std(self.image_shape, pixels=self.images("train").dtype == np.uint8)
        return normaliser(how, self.statistics)


@contextmanager
def open_dataset(path: str | Path) -> Iterator[DataSet]:
    """Open a data set file, which only the pipeline makes.

    Raises
    ------
    InputError
        If it is missing, damaged or no data set file.
    """
    with hdf5.open_h5(path, "Delete it and run again to make it anew.") as file:
        yield DataSet(file)
