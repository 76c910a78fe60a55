"""Images, and arrays that are none, read and converted a block at a time: memory does not grow with a data set."""

import copy
import math
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from topodepth.errors import InputError

LIMIT_BYTES = 256 * 2**30  # a small hostile file can claim any number of images


class Items:
    """What a data set holds, (n, …), read only when sliced: uint8 images (n, height, width, channels), or other arrays.

    A subclass sets ``shape`` and ``positions``, the index (n,) of each item in the source's own order, and reads.

    Attributes
    ----------
    kind
        ``"images"``, or ``"arrays"`` of numbers that are no images: tables, signals, sequences.
    dtype
        uint8, or float32 for numbers that are no pixels.
    """

    kind = "images"
    dtype: np.dtype = np.dtype(np.uint8)
    shape: tuple[int, ...]
    positions: np.ndarray

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: slice | int | np.ndarray) -> np.ndarray:
        rows = np.arange(len(self))[key]
        return self.read(np.atleast_1d(rows)).reshape(*np.shape(rows), *self.shape[1:])

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype, copy=False)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the items of some rows, (rows, …) of this ``dtype``."""
        raise NotImplementedError

    def subset(self, rows: np.ndarray) -> "Items":
        """Return the items of some increasing rows, still unread."""
        part = copy.copy(self)
        part.positions, part.shape = self.positions[rows], (len(rows), *self.shape[1:])
        return part

    def blocks(self, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows and their items, ``count`` at a time; a source may leave out rows that cannot be read."""
        for start in range(0, len(self), count):
            rows = np.arange(start, min(start + count, len(self)))
            yield rows, self.read(rows)

    def finish(self) -> None:
        """Say what was left out, once all items of a data set have been read; a source may refuse it here."""


class Sliceable(Protocol):
    """An array, a memory map, a data set of h5py."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    @property
    def dtype(self) -> np.dtype:
        """Type of the values."""

    @property
    def ndim(self) -> int:
        """Number of axes."""

    def __getitem__(self, key: Any, /) -> Any:
        """Return an array of the values at some places."""


class Sliced(Items):
    """Items of anything that can be sliced: an array, a memory map, an HDF5 data set.

    Parameters
    ----------
    source
        (n, …).
    shape
        Of one item, as it is handed out.
    where
        File and key, for error messages.
    owner
        What must stay open while the items are read.
    """

    def __init__(self, source: Sliceable, shape: tuple[int, ...], *, where: str, owner: object = None) -> None:
        self.source, self.where, self.owner = source, where, owner
        self.shape = (source.shape[0], *shape)
        claimed = math.prod(map(int, self.shape)) * self.dtype.itemsize
        if claimed > LIMIT_BYTES:
            raise InputError(f"{where}: expected at most {LIMIT_BYTES >> 30} GiB. Received: {claimed >> 30} GiB.")
        self.positions = np.arange(self.shape[0])

    def block(self, rows: np.ndarray) -> np.ndarray:
        """Return the source's own values at some increasing rows."""
        rows = self.positions[rows]
        whole = len(rows) and rows[-1] - rows[0] == len(rows) - 1
        return self.source[rows[0] : rows[-1] + 1] if whole else self.source[rows]


class ArrayImages(Sliced):
    """Images of anything that can be sliced.

    Parameters
    ----------
    source
        (n, height, width, channels), or (n, height, width) for one channel.
    size
        Resize to ``size`` × ``size``; None keeps the source's size.
    scale
        What the source's values are multiplied by to be 0–255, see :func:`pixel_scale`.
    where, owner
        As for :class:`Sliced`.
    """

    def __init__(
        self,
        source: Sliceable,
        *,
        size: int | None = None,
        scale: int = 1,
        where: str = "images",
        owner: object = None,
    ) -> None:
        if source.ndim not in (3, 4):
            raise InputError(
                f"{where}: expected images (n, height, width, channels) or (n, height, width). "
                f"Received: {source.shape}."
            )
        self.size, self.scale = size, scale
        height, width, channels = (*source.shape[1:], 1)[:3]
        if size is not None:
            height = width = size
        super().__init__(source, (height, width, channels), where=where, owner=owner)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the images of some increasing rows."""
        block = self.block(rows)
        if block.ndim == 3:
            block = block[..., None]
        if block.dtype != np.uint8:
            block = np.rint(block * np.float32(self.scale)).astype(np.uint8)
        return resize(block, self.size)


class Arrays(Sliced):
    """Numbers that are no images, as they are: uint8 stays uint8, all other numbers become float32.

    Parameters
    ----------
    source
        (n, …), two axes or more.
    where, owner
        As for :class:`Sliced`.
    dtype
        uint8 or float32; None takes what the source's own type becomes.
    """

    kind = "arrays"

    def __init__(
        self, source: Sliceable, *, where: str = "arrays", owner: object = None, dtype: type | None = None
    ) -> None:
        if source.ndim < 2 or source.dtype.kind not in "buif":
            raise InputError(
                f"{where}: expected real numbers (n, …), two axes or more. Received: {source.dtype} {source.shape}."
            )
        self.dtype = np.dtype(dtype or (np.uint8 if source.dtype == np.uint8 else np.float32))
        super().__init__(source, source.shape[1:], where=where, owner=owner)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the numbers of some increasing rows; NaN, infinity or more than float32 holds are refused."""
        with np.errstate(over="ignore"):
            block = self.block(rows).astype(self.dtype)
        bad = block.size - int(np.isfinite(block).sum())
        if bad:
            items = self.positions[rows[~np.isfinite(block).reshape(len(block), -1).all(axis=1)]]
            raise InputError(
                f"{self.where}: expected finite numbers of single precision. Received: {bad} that are NaN, infinite or "
                f"too large, first in item {items[0]}. Leave such items out, or fill them."
            )
        return block


def is_images(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    """Tell whether an array is taken for images where nobody says: four axes, or three of uint8 (grey)."""
    return len(shape) == 4 or (len(shape) == 3 and dtype == np.uint8)


def resize(images: np.ndarray, size: int | None) -> np.ndarray:
    """Resize uint8 images (n, height, width, channels) bilinearly to ``size`` × ``size``; None leaves them."""
    from PIL import Image

    if size is None or images.shape[1:3] == (size, size):
        return images
    made = np.empty((len(images), size, size, images.shape[3]), dtype=np.uint8)
    for k in np.ndindex(len(images), images.shape[3]):
        plane = Image.fromarray(np.ascontiguousarray(images[k[0], ..., k[1]]))
        made[k[0], ..., k[1]] = np.asarray(plane.resize((size, size), Image.Resampling.BILINEAR))
    return made


def pixel_scale(source: Sliceable, where: str, otherwise: str = "") -> int:
    """Return what pixel values must be multiplied by to lie in 0–255.

    The rule: truth values and floats that never exceed 1 are taken as 0–1 and multiplied by 255; all other numbers
    are 0–255 already and are only rounded.

    Parameters
    ----------
    source
        Anything that can be sliced: all splits that share one scale must give the same.
    where
        File and key, for error messages.
    otherwise
        What to do with numbers that are no pixels, for error messages.

    Raises
    ------
    InputError
        If a value is not finite, below 0 or above 255, or no number.
    """
    kind = source.dtype.kind
    if kind not in "buif":
        raise InputError(f"{where}: expected pixels, numbers 0 to 255 or 0 to 1. Received: type {source.dtype}.")
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
        raise InputError(f"{where}: expected pixels 0 to 255 or 0 to 1{otherwise}. Received: {low} to {high}.")
    return 255 if kind == "f" and high <= 1 else 1
