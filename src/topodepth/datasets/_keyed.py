"""What files of named arrays share (.npz and HDF5): which keys they have, and what becomes of them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from topodepth.datasets import random_split, three_splits
from topodepth.datasets._images import ArrayImages, pixel_scale
from topodepth.errors import InputError, unknown_name

ROLES = ("x_train", "y_train", "x_validation", "y_validation", "x_test", "y_test", "images", "labels", "class_names")
PAIRS = {"train": ("x_train", "y_train"), "validation": ("x_validation", "y_validation"), "test": ("x_test", "y_test")}


def splits_of(
    path: Path,
    known: Iterable[str],
    get: Callable[[str], object],
    *,
    size: int | None,
    validation: float,
    test: float,
    seed: int,
    keys: Mapping[str, str] | None,
    owner: object = None,
) -> tuple[dict, list[str]]:
    """Return the splits and class names of a file of named arrays.

    Parameters
    ----------
    path
        The file, for error messages.
    known
        Names of the arrays in the file.
    get
        Returns the array or HDF5 data set of a name.
    size, validation, test, seed
        As every loader has them.
    keys
        The file's own name for each of :data:`ROLES` that is called otherwise: ``{"x_train": "data/train"}``.
    owner
        What must stay open while the images are read.

    Raises
    ------
    InputError
        If neither ``x_train, y_train, x_test, y_test`` nor ``images, labels`` are there, or they do not fit together.
    """
    known, keys = list(known), {} if keys is None else keys
    if not isinstance(keys, Mapping):
        raise InputError(f"keys: expected a map such as {{x_train: images_of_training}}. Received: {keys!r}.")
    for role, key in keys.items():
        if role not in ROLES:
            raise unknown_name("role in keys", role, ROLES)
        if key not in known:
            raise unknown_name(f"key of {path}", key, known)
    names = {role: keys.get(role, role) for role in ROLES if keys.get(role, role) in known}
    found = {split: pair for split, pair in PAIRS.items() if names.keys() >= set(pair)}
    if not found.keys() >= {"train", "test"}:
        found = {"all": ("images", "labels")} if names.keys() >= {"images", "labels"} else {}
    if not found:
        raise InputError(
            f"{path}: expected x_train, y_train, x_test, y_test, or images, labels (or the option keys, to say how "
            f"they are called). Received: {', '.join(map(repr, known[:20])) or 'no arrays'}."
        )
    arrays = {split: (get(names[x]), get(names[y])) for split, (x, y) in found.items()}
    where = {split: f"{path}/{names[x]}" for split, (x, _) in found.items()}
    images = {split: ArrayImages(x, size=size, where=where[split], owner=owner) for split, (x, _) in arrays.items()}
    labels = {split: _labels(y, x.shape, f"{path}/{names[found[split][1]]}") for split, (x, y) in arrays.items()}
    scales = {split: pixel_scale(x, where[split]) for split, (x, _) in arrays.items()}
    for part in images.values():  # one scale for all: a dark test set of 0–255 can stay below 1
        part.scale = min((scales[split] for split in images if images[split].source.dtype != np.uint8), default=1)
    parts = {split: (images[split], labels[split]) for split in images}
    classes = max(int(y.max()) for y in labels.values()) + 1
    class_names = _class_names(get(names["class_names"]), path) if "class_names" in names else map(str, range(classes))
    if "all" in parts:
        fractions = {"train": 0, "validation": validation, "test": test}
        return random_split(*parts["all"], fractions, np.random.default_rng(seed)), list(class_names)
    if "validation" not in parts:
        parts = three_splits(parts["train"], parts["test"], validation=validation, seed=seed)
    return parts, list(class_names)


def _labels(values, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Return labels as int64 (n,) for images of a shape; checked before they are read, as a file can claim anything."""
    count = shape[0] if shape else 0
    if values.dtype.kind not in "ui" or tuple(values.shape or ()) not in [(count,), (count, 1)] or not count:
        raise InputError(
            f"{where}: expected one whole number an image, ({count},) or ({count}, 1). "
            f"Received: {values.dtype} {values.shape} for images {shape}."
        )
    labels = np.asarray(values[...]).ravel().astype(np.int64)
    if labels.min() < 0 or labels.max() >= 100_000:
        raise InputError(f"{where}: expected labels 0, 1, 2, …. Received: {labels.min()} to {labels.max()}.")
    return labels


def _class_names(values, path: Path) -> list[str]:
    """Return the names in an array of text."""
    if values.dtype.kind not in "USO" or values.ndim != 1 or values.shape[0] > 100_000:
        raise InputError(f"{path}: expected class names as text (classes,). Received: {values.dtype} {values.shape}.")
    return [name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in values[...].tolist()]
