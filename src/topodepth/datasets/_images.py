"""Images read, converted and resized a block at a time, so that memory does not grow with a data set."""

import math
from collections.abc import Iterator

import numpy as np

from topodepth.errors import InputError

LIMIT_BYTES = 256 * 2**30  # a small hostile file can claim any number of images


class Images:
    """uint8 images (n, height, width, channels) that are read only when sliced.

    A subclass sets ``shape`` and ``positions``, the index (n,) of each image in the source's own order, and reads.
    """

    dtype = np.dtype(np.uint8)
    shape: tuple[int, ...]
    positions: np.ndarray

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: slice | int | np.ndarray) -> np.ndarray:
        rows = np.arange(len(self))[key]
        return self.read(np.atleast_1d(rows)).reshape(*np.shape(rows), *self.shape[1:])

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype, copy=False)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the images of some rows, uint8 (rows, height, width, channels)."""
        raise NotImplementedError

    def subset(self, rows: np.ndarray) -> "Images":
        """Return the images of some increasing rows, still unread."""
        raise NotImplementedError

    def blocks(self, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows and their images, ``count`` at a time; a source may leave out rows that cannot be read."""
        for start in range(0, len(self), count):
            rows = np.arange(start, min(start + count, len(self)))
            yield rows, self.read(rows)

    def finish(self) -> None:
        """Say what was left out, once all images of a data set have been read; a source may refuse it here."""


class ArrayImages(Images):
    """Images in anything that can be sliced: an array, a memory map, an HDF5 data set.

    Parameters
    ----------
    source
        (n, height, width, channels), or (n, height, width) for one channel.
    size
        Resize to ``size`` × ``size``; None keeps the source's size.
    scale
        What the source's values are multiplied by to be 0–255, see :func:`pixel_scale`.
    where
        File and key, for error messages.
    rows
        Rows of ``source``, increasing; all if None.
    owner
        What must stay open while the images are read.
    """

    def __init__(
        self, source, *, size: int | None = None, scale: int = 1, where: str = "images", rows=None, owner=None
    ) -> None:
        if source.ndim not in (3, 4):
            raise InputError(f"{where}: expected images (n, height, width, channels). Received: {source.shape}.")
        self.source, self.size, self.scale, self.where, self.owner = source, size, scale, where, owner
        count = source.shape[0] if rows is None else len(rows)
        height, width, channels = (*source.shape[1:], 1)[:3]
        if size is not None:
            height = width = size
        self.shape = (count, height, width, channels)
        claimed = math.prod(map(int, self.shape))
        if claimed > LIMIT_BYTES:
            raise InputError(f"{where}: expected at most {LIMIT_BYTES >> 30} GiB. Received: {claimed >> 30} GiB.")
        self.positions = np.arange(count) if rows is None else np.asarray(rows)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the images of some increasing rows."""
        rows = self.positions[rows]
        whole = len(rows) and rows[-1] - rows[0] == len(rows) - 1
        try:
            block = self.source[rows[0] : rows[-1] + 1] if whole else self.source[rows]
        except OSError as error:  # HDF5's own words name no file
            raise InputError(f"{self.where}: expected a whole file. Received: {error}") from error
        if block.ndim == 3:
            block = block[..., None]
        if block.dtype != np.uint8:
            block = np.rint(block * np.float32(self.scale)).astype(np.uint8)
        return resize(block, self.size)

    def subset(self, rows: np.ndarray) -> "ArrayImages":
        """Return the images of some increasing rows, still unread."""
        return ArrayImages(
            self.source, size=self.size, scale=self.scale, where=self.where,
            rows=self.positions[rows], owner=self.owner,
        )  # fmt: skip


def resize(images: np.ndarray, size: int | None) -> np.ndarray:
    """Resize uint8 images (n, height, width, channels) bilinearly to ``size`` × ``size``; None leaves them."""
    from PIL import Image

    if size is None or images.shape[1:3] == (size, size):
        return images
    made = np.empty((len(images), size, size, images.shape[3]), dtype=np.uint8)
    for k in np.ndindex(len(images), images.shape[3]):
        plane = Image.fromarray(np.ascontiguousarray(images[k[0], ..., k[1]]))
        made[k[0], ..., k[1]] = plane.resize((size, size), Image.Resampling.BILINEAR)
    return made


def pixel_scale(source, where: str) -> int:
    """Return what pixel values must be multiplied by to lie in 0–255.

    The rule: truth values and floats that never exceed 1 are taken as 0–1 and multiplied by 255; all other numbers
    are 0–255 already and are only rounded.

    Parameters
    ----------
    source
        Anything that can be sliced: all splits that share one scale must give the same.
    where
        File and key, for error messages.

    Raises
    ------
    InputError
        If a value is not finite, below 0 or above 255, or no number.
    """
    kind = source.dtype.kind
    if kind not in "buif":
        raise InputError(f"{where}: expected numbers 0 to 255 or 0 to 1. Received: {source.dtype}.")
    if source.dtype == np.uint8:
        return 1
    if kind == "b":
        return 255
    low, high = np.inf, -np.inf
    step = max(1, 2**22 // max(1, int(np.prod(source.shape[1:]))))
    for start in range(0, source.shape[0], step):
        block = source[start : start + step]
        low, high = np.minimum(low, block.min()), np.maximum(high, block.max())  # these keep NaN, Python's do not
    if not (low >= 0 and high <= 255):
        raise InputError(f"{where}: expected pixels 0 to 255 or 0 to 1. Received: {low} to {high}.")
    return 255 if kind == "f" and high <= 1 else 1
