"""Data set files: written a block at a time, with the statistics of the training set that normalisations need."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.datasets._images import ArrayImages, Arrays, Items
from topodepth.errors import InputError
from topodepth.files import hdf5

if TYPE_CHECKING:
    import h5py

SPLITS = ("train", "validation", "test")
STATISTICS = ("mean_image", "channel_mean", "channel_std", "global_mean", "global_std")
BLOCK_BYTES = 8 * 2**20  # items in memory at a time
CHUNK_BYTES = 2**20  # what reading one item takes from disk, at most


def write_dataset(
    path: str | Path,
    splits: Mapping[str, tuple[np.ndarray | Items, np.ndarray]],
    class_names: list[str],
    attributes: Mapping[str, object] | None = None,
) -> None:
    """Write a data set file, reading the images (or other arrays) a block at a time.

    It holds ``/{split}/images``, ``/{split}/labels``, ``/{split}/positions`` (the index of each item in the source's
    own order), ``/statistics`` of the training split, and the attributes ``class_names`` and ``kind``.

    Parameters
    ----------
    path
        File to make.
    splits
        Items and integer labels (n,) of each split: uint8 images (n, height, width, channels), or other real numbers
        (n, …), which are kept as uint8 if they are that, else as float32.
    class_names
        One name a class, in the order of the labels.
    attributes
        Further attributes of the file.

    Raises
    ------
    InputError
        If a split is missing or empty, its items and labels do not fit together, or items cannot be read.
    """
    for split in SPLITS:
        images, labels = splits.get(split, ((), ()))
        _check_split(f"{path}: split {split!r}", images, labels, class_names)
    if any("\0" in name for name in class_names):
        raise InputError(f"{path}: expected class names as text. Received: {class_names!r:.200}.")
    read = {split: as_items(splits[split][0]) for split in SPLITS}
    forms = {split: f"{items.kind} of {items.dtype} {tuple(items.shape[1:])}" for split, items in read.items()}
    if len(set(forms.values())) > 1:
        raise InputError(f"{path}: expected items of one kind, type and shape in all splits. Received: {forms}.")
    with hdf5.create_h5(path) as file:
        for split, items in read.items():
            sums = _write_split(file.create_group(split), items, splits[split][1])
            if split == "train":
                file.update({f"statistics/{name}": value for name, value in sums.statistics().items()})
        for items in read.values():
            items.finish()
        for split in SPLITS:
            if not file[f"{split}/labels"].shape[0]:
                raise InputError(f"{path}: split {split!r}: expected images. Received: none that can be read.")
        file.attrs["class_names"] = class_names
        file.attrs["kind"] = read["train"].kind
        file.attrs.update(attributes or {})


def as_items(values: np.ndarray | Items) -> Items:
    """Return what a loader hands over as something to read in parts: uint8 with four axes are images."""
    if isinstance(values, Items):
        return values
    return ArrayImages(values) if values.dtype == np.uint8 and values.ndim == 4 else Arrays(values)


def _check_split(where: str, images: Any, labels: Any, class_names: list[str]) -> None:
    shape = np.shape(images) if isinstance(images, tuple) else images.shape
    if len(shape) > 1 and not shape[0]:
        raise InputError(
            f"{where}: expected at least one item. Received: none. Bring more items of each class, or set larger parts "
            "aside (`validation`, `test`)."
        )
    if len(shape) < 2 or 0 in shape or np.shape(labels) != shape[:1]:
        raise InputError(
            f"{where} needs images (n, height, width, channels), or arrays (n, …), and n labels. "
            f"Received: {tuple(shape)}, labels {np.shape(labels)}."
        )
    if labels.min() < 0 or labels.max() >= len(class_names):
        raise InputError(
            f"{where}: expected labels 0 to {len(class_names) - 1}. Received: {labels.min()} to {labels.max()}."
        )


def _write_split(group: "h5py.Group", items: Items, labels: np.ndarray) -> "_Sums":
    """Write the items that can be read; return the sums of their values."""
    item_bytes = int(np.prod(items.shape[1:])) * items.dtype.itemsize
    chunk = min(len(items), max(1, min(64, CHUNK_BYTES // item_bytes)))
    count = max(1, BLOCK_BYTES // item_bytes // chunk) * chunk
    values = group.create_dataset("images", items.shape, items.dtype, chunks=(chunk, *items.shape[1:]))
    sums = _Sums()
    kept: list[int] = []
    for rows, block in items.blocks(count):
        values[len(kept) : len(kept) + len(rows)] = block
        kept.extend(rows)
        sums.add(block)
    if len(kept) < len(items):
        values.resize(len(kept), axis=0)
    group["labels"] = labels[kept].astype(np.int64)
    group["positions"] = items.positions[kept].astype(np.int64)
    return sums


class _Sums:
    """Sums of values and of their squares, block by block, and what follows from them."""

    def __init__(self) -> None:
        self.count, self.total, self.squares = 0, 0, 0
        self.shift = np.float64(0)
        self.lowest, self.highest = np.inf, -np.inf

    def add(self, block: np.ndarray) -> None:
        """Take in a block (n, …)."""
        if block.dtype == np.uint8:  # whole numbers: exact, whatever the size of a block
            self.total += block.sum(axis=0, dtype=np.int64)
            self.squares += np.square(block, dtype=np.uint16).sum(axis=0, dtype=np.int64)
        else:  # from a first value: the variance of years or of times would drown in the square of their mean
            if not self.count:
                self.shift = block[0].astype(np.float64)
            moved = block - self.shift
            self.total += moved.sum(axis=0)
            self.squares += np.square(moved).sum(axis=0)
        self.count += len(block)
        self.lowest, self.highest = min(self.lowest, block.min()), max(self.highest, block.max())

    def statistics(self) -> dict[str, np.ndarray]:
        """Return what normalisations need, in the units of the values; the channels are the last axis."""
        count = max(self.count, 1)
        moved = self.total / count
        mean, within = self.shift + moved, np.maximum(self.squares / count - moved**2, 0)
        space = tuple(range(mean.ndim - 1))
        return {
            "mean_image": mean,
            "channel_mean": mean.mean(axis=space),
            "channel_std": np.sqrt(within.mean(axis=space) + mean.var(axis=space)),
            "global_mean": mean.mean(),
            "global_std": np.sqrt(within.mean() + mean.var()),
            "lowest": np.float64(self.lowest),
            "highest": np.float64(self.highest),
        }
