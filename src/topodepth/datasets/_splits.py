"""Images parted into splits, and drawn from them, by a seed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from topodepth.datasets._images import ArrayImages, Items
from topodepth.errors import InputError

Splits = dict[str, tuple[np.ndarray | Items, np.ndarray]]  # items and labels (n,) by name


def random_split(
    images: np.ndarray | Items, labels: np.ndarray, parts: Mapping[str, float], rng: np.random.Generator
) -> Splits:
    """Split images at random, each class in the same proportions; they are not read, and keep their positions.

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
    members: dict[str, list[np.ndarray]] = {split: [] for split in parts}
    for label in np.unique(labels):
        order = rng.permutation(np.flatnonzero(labels == label))
        start = 0
        for split in others:
            stop = start + round(parts[split] * len(order))
            members[split].append(order[start:stop])
            start = stop
        members[first].append(order[start:])
    chosen = {split: np.sort(np.concatenate(groups)) for split, groups in members.items()}
    images = images if isinstance(images, Items) else ArrayImages(images)
    return {split: (images.subset(rows), labels[rows]) for split, rows in chosen.items()}


def three_splits(
    train: tuple[np.ndarray | Items, np.ndarray],
    test: tuple[np.ndarray | Items, np.ndarray],
    *,
    validation: float,
    seed: int,
) -> Splits:
    """Return the splits of a source that has training and test images: a seeded part of training steers training.

    Parameters
    ----------
    train, test
        Images and labels (n,) of the source's own splits; ``test`` stays as it is.
    validation
        Fraction of each class of ``train`` that becomes the validation split.
    seed
        Seed of the draw.
    """
    parts = {"train": 0, "validation": validation}
    return random_split(*train, parts, np.random.default_rng(seed)) | {"test": test}


def take(source: Any, rows: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return rows in the order given; HDF5 hands out rows only once each, and in ascending order."""
    wanted, place = np.unique(rows, return_inverse=True)
    if wanted[-1] - wanted[0] + 1 == len(wanted):
        return np.asarray(source[wanted[0] : wanted[-1] + 1])[place]
    return np.asarray(source[wanted])[place] if hasattr(source, "shape") else np.asarray(source)[rows]


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
