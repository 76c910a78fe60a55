"""Data sets, one file each, made known with ``@register(name)``; every one becomes the same kind of HDF5 file.

A loader is a function ``load(*, size, validation, test, seed) -> (splits, class_names)`` where ``splits`` maps
``train``, ``validation`` and ``test`` to ``(images, labels)``: uint8 (n, height, width, channels) and int64 (n,).
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from topodepth import storage
from topodepth.errors import InputError
from topodepth.registry import Registry

SPLITS = ("train", "validation", "test")

registry = Registry(__name__, "data set")
register = registry.register


def write(path: str | Path, splits: Mapping[str, tuple[np.ndarray, np.ndarray]], class_names: list[str]) -> None:
    """Write a data set file: ``/{split}/images``, ``/{split}/labels``, class names and the training set's statistics.

    Parameters
    ----------
    path
        File to make.
    splits
        uint8 images (n, height, width, channels) and integer labels (n,) of each split.
    class_names
        One name a class, in the order of the labels.

    Raises
    ------
    InputError
        If a split is missing or empty, or its images and labels do not fit together.
    """
    for split in SPLITS:
        images, labels = splits.get(split, ((), ()))
        if len(images) == 0 or len(images) != len(labels) or np.asarray(images[:1]).ndim != 4:
            raise InputError(
                f"{path}: split {split!r} needs images (n, height, width, channels) and n labels. "
                f"Received: images {np.shape(images)}, labels {np.shape(labels)}."
            )
        if np.asarray(images[:1]).dtype != np.uint8:
            raise InputError(f"{path}: split {split!r}: expected uint8 images. Received: {images.dtype}.")
        if labels.min() < 0 or labels.max() >= len(class_names):
            raise InputError(
                f"{path}: split {split!r}: expected labels 0 to {len(class_names) - 1}. "
                f"Received: {labels.min()} to {labels.max()}."
            )
    with storage.create_h5(path) as file:
        for split in SPLITS:
            images, labels = splits[split]
            file.create_dataset(f"{split}/images", data=images, chunks=(min(64, len(images)), *images.shape[1:]))
            file.create_dataset(f"{split}/labels", data=labels.astype(np.int64))
        file.attrs["class_names"] = class_names
        for name, value in _statistics(splits["train"][0]).items():
            file[f"statistics/{name}"] = value


def _statistics(images: np.ndarray) -> dict[str, np.ndarray]:
    """Return the pixel statistics of the training images that normalisations need, in units of 0–255."""
    total = np.zeros(images.shape[1:])
    squares = np.zeros(images.shape[1:])
    for start in range(0, len(images), 1024):
        block = images[start : start + 1024].astype(np.float64)
        total += block.sum(axis=0)
        squares += (block**2).sum(axis=0)
    mean_image, mean_square = total / len(images), squares / len(images)
    channel_mean, global_mean = mean_image.mean(axis=(0, 1)), mean_image.mean()
    return {
        "mean_image": mean_image,
        "channel_mean": channel_mean,
        "channel_std": np.sqrt(mean_square.mean(axis=(0, 1)) - channel_mean**2),
        "global_mean": global_mean,
        "global_std": np.sqrt(mean_square.mean() - global_mean**2),
    }


def random_split(
    images: np.ndarray, labels: np.ndarray, parts: Mapping[str, float], rng: np.random.Generator
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Split images at random, each class in the same proportions.

    Parameters
    ----------
    images, labels
        (n, ...) and (n,).
    parts
        Fraction of each split but the first, which takes the rest: ``{"train": 0, "test": 0.15}``.
    rng
        Source of the randomness.
    """
    first, *others = parts
    members = {split: [] for split in parts}
    for label in np.unique(labels):
        order = rng.permutation(np.flatnonzero(labels == label))
        start = 0
        for split in others:
            stop = start + round(parts[split] * len(order))
            members[split].append(order[start:stop])
            start = stop
        members[first].append(order[start:])
    chosen = {split: np.sort(np.concatenate(groups)) for split, groups in members.items()}
    return {split: (images[rows], labels[rows]) for split, rows in chosen.items()}


def normaliser(how: str, statistics: Mapping[str, np.ndarray]) -> "callable":
    """Return the function that turns uint8 pixels into a network's input.

    Parameters
    ----------
    how
        ``raw`` (0–255 as they are), ``unit`` (x/255), ``centred`` (x/255 minus the mean image), ``channel`` (each
        channel to mean 0 and standard deviation 1) or ``global`` (all values to mean 0 and standard deviation 1).
    statistics
        The training set's, in units of 0–255, as :func:`write` stores them.

    Returns
    -------
    callable
        uint8 (n, height, width, channels) → float32 of the same shape.

    Raises
    ------
    InputError
        If ``how`` is unknown.
    """
    shift, scale = {
        "raw": (0.0, 1.0),
        "unit": (0.0, 255.0),
        "centred": (statistics["mean_image"], 255.0),
        "channel": (statistics["channel_mean"], statistics["channel_std"]),
        "global": (statistics["global_mean"], statistics["global_std"]),
    }.get(how, (None, None))
    if shift is None:
        raise InputError(f"normalisation: expected raw, unit, centred, channel or global. Received: {how!r}.")
    shift = np.asarray(shift, dtype=np.float32)
    scale = np.where(np.asarray(scale) > 0, scale, 1.0).astype(np.float32)  # a constant channel stays at 0
    return lambda images: (np.asarray(images, dtype=np.float32) - shift) / scale


class DataSet:
    """An open data set file; images stay on disk until they are sliced.

    Parameters
    ----------
    file
        As :func:`topodepth.storage.open_h5` yields it.
    """

    def __init__(self, file: "h5py.File") -> None:  # noqa: F821
        for split in SPLITS:
            if f"{split}/images" not in file or f"{split}/labels" not in file:
                raise InputError(f"{file.filename}: no data set file: /{split}/images or /{split}/labels is missing.")
        self._file = file
        self.class_names = [str(name) for name in file.attrs["class_names"]]
        self.image_shape = tuple(file["train/images"].shape[1:])
        self.statistics = {name: value[()] for name, value in file["statistics"].items()}

    def images(self, split: str) -> "h5py.Dataset":  # noqa: F821
        """Return the images of a split, uint8 (n, height, width, channels), not yet read."""
        return self._file[f"{split}/images"]

    def labels(self, split: str) -> np.ndarray:
        """Return the labels of a split, int64 (n,)."""
        return self._file[f"{split}/labels"][:]

    def normaliser(self, how: str) -> "callable":
        """Return :func:`normaliser` with this data set's statistics."""
        return normaliser(how, self.statistics)


def draw_sample(labels: np.ndarray, images: int | None, seed: int) -> np.ndarray:
    """Return the sorted positions of a random sample of images, the same for every model.

    Parameters
    ----------
    labels
        (n,) of the split; every class must be met in the sample.
    images
        How many; None or more than there are takes all.
    seed
        Seed of the draw.

    Raises
    ------
    InputError
        If a class of the split is missing from the sample.
    """
    count = len(labels) if images is None else min(images, len(labels))
    chosen = np.sort(np.random.default_rng(seed).choice(len(labels), size=count, replace=False))
    missing = sorted(set(labels.tolist()) - set(labels[chosen].tolist()))
    if missing:
        raise InputError(
            f"sample: class {missing[0]} is missing from {count} images drawn with seed {seed}; "
            f"expected every class. Ask for more images. Received: images={images}."
        )
    return chosen
