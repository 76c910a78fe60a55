"""Pixel space as a representation: images (or other data) as points, in an activations file with one layer."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from topodepth.activations import extraction
from topodepth.activations.file import Representation
from topodepth.datasets import SPLITS, ArrayImages, DataSet, take
from topodepth.errors import InputError, is_whole, unknown_name

LAYER = "pixels"
COLOURS = ("grey", "colour")
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # weights of red, green and blue, ITU-R BT.601
BLOCK = 256  # images in memory at a time


def write_pixels(
    out: str | Path,
    dataset: DataSet,
    split: str,
    *,
    indices: Sequence[int] | np.ndarray,
    size: int | None = None,
    colour: str = "colour",
) -> None:
    """Write images as points, one coordinate for each pixel and channel, from 0 to 1, at relative depth 0.

    Arrays that are no images are flattened: each number is a coordinate, as it is.

    Parameters
    ----------
    out
        The activations file to make; it appears only when whole.
    dataset
        The open data set.
    split
        train, validation or test.
    indices
        Rows of the split to use, in this order.
    size
        Resize to ``size`` × ``size``; None keeps the data set's.
    colour
        ``"grey"`` (the luma of colour images) or ``"colour"`` (the channels that the data set has).

    Raises
    ------
    InputError
        If the split or colour is unknown, or size or indices are out of their range.
    """
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if colour not in COLOURS:
        raise unknown_name("colour", colour, COLOURS)
    if size is not None and not is_whole(size, 1):
        raise InputError(f"size: expected a whole number of pixels from 1, or none. Received: {size!r}")
    labels, rows = dataset.labels(split), np.asarray(indices)
    if rows.ndim != 1 or not len(rows) or rows.dtype.kind not in "iu":
        raise InputError(f"indices: expected whole numbers (n,), n ≥ 1. Received: {rows.dtype} of shape {rows.shape}")
    if rows.min() < 0 or rows.max() >= len(labels):
        raise InputError(f"indices: expected from 0 to {len(labels) - 1}. Received: {rows.min()} to {rows.max()}")
    if size is not None and dataset.kind != "images":
        raise InputError(f"size: expected none for arrays of numbers, which are not resized. Received: {size}")
    images = dataset.images(split) if dataset.kind == "arrays" else ArrayImages(dataset.images(split), size=size)
    grey = colour == "grey" and dataset.kind == "images" and images.shape[3] == len(LUMA)
    width = int(np.prod(images.shape[1:3] if grey else images.shape[1:]))
    white = np.float32(255 if images.dtype == np.uint8 else 1)
    layer = Representation(LAYER, LAYER, layer_class="", reduction="flatten", relative_depth=0.0, d=width)
    with extraction.create(out, [layer], rows.astype(np.int64), labels[rows], {"model": LAYER}) as put:
        for start in range(0, len(rows), BLOCK):
            block = take(images, rows[start : start + BLOCK]).astype(np.float32) / white
            put(start, [(block @ LUMA if grey else block).reshape(len(block), width)])
