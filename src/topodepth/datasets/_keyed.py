"""What files of named arrays share (.npz and HDF5): which keys they have, and what becomes of them.

Arrays with four axes, and uint8 ones with three, are images; all others are kept as the numbers that they are. The
option ``kind``, ``images`` or ``arrays``, says otherwise.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from topodepth.datasets import Form, random_split, three_splits
from topodepth.datasets._images import ArrayImages, Arrays, Items, is_images, pixel_scale
from topodepth.datasets._splits import Splits
from topodepth.errors import InputError, unknown_name
from topodepth.files import hdf5
from topodepth.files.kinds import KINDS, kind_of
from topodepth.jobs.commands import log

ROLES = ("x_train", "y_train", "x_validation", "y_validation", "x_test", "y_test", "images", "labels", "class_names")
CHOICES = ("images", "arrays")
AS_NUMBERS = "; `options: {kind: arrays}` keeps numbers that are none as they are"
PAIRS = {"train": ("x_train", "y_train"), "validation": ("x_validation", "y_validation"), "test": ("x_test", "y_test")}


class Keyed(NamedTuple):
    """A file of named arrays, opened.

    ``path`` is for messages, ``known`` are the names of its arrays; ``get`` returns the array or HDF5 data set of a
    name, and ``owner`` must stay open while these are read.
    """

    path: Path
    known: Iterable[str]
    get: Callable[[str], Any]
    owner: object = None


def splits_of(
    file: Keyed,
    *,
    size: int | None,
    validation: float,
    test: float,
    seed: int,
    keys: Mapping[str, str] | None,
    kind: str | None = None,
) -> tuple[dict, list[str]]:
    """Return the splits and class names of a file of named arrays.

    Parameters
    ----------
    file
        The file.
    size, validation, test, seed
        As every loader has them.
    keys
        The file's own name for each of :data:`ROLES` that is called otherwise: ``{"x_train": "data/train"}``.
    kind
        ``"images"``, ``"arrays"``, or None: decided by :func:`topodepth.datasets._images.is_images`.

    Raises
    ------
    InputError
        If neither ``x_train, y_train, x_test, y_test`` nor ``images, labels`` are there, or they do not fit together.
    """
    path, known, get, owner = file
    names, found = _found(path, known, keys)
    arrays = {split: (get(names[x]), get(names[y])) for split, (x, y) in found.items()}
    where = {split: f"{path}/{names[x]}" for split, (x, _) in found.items()}
    kind = _kind(kind, [x for x, _ in arrays.values()])
    for split, (x, _) in arrays.items():
        _check_shape(kind, x, where[split], size)
    labels = {split: _labels(y, x.shape, f"{path}/{names[found[split][1]]}") for split, (x, y) in arrays.items()}
    items = _items(kind, {split: x for split, (x, _) in arrays.items()}, where, size, owner)
    shapes = {where[split]: tuple(map(int, part.shape[1:])) for split, part in items.items()}
    if len(set(shapes.values())) > 1:
        raise InputError(f"{path}: expected items of one shape in all splits. Received: {shapes}.")
    parts: Splits = {split: (items[split], labels[split]) for split in items}
    classes = max(int(y.max()) for y in labels.values()) + 1
    empty = sorted(set(range(classes)) - {label for y in labels.values() for label in np.unique(y).tolist()})
    if empty:
        hint = " Do they begin at 1? Save y - 1." if empty == [0] else ""
        log.warning("%s: of the classes 0 to %d, %s have no items.%s", path, classes - 1, empty[:20], hint)
    class_names = _class_names(get(names["class_names"]), path) if "class_names" in names else map(str, range(classes))
    if "all" in parts:
        fractions = {"train": 0, "validation": validation, "test": test}
        return random_split(*parts["all"], fractions, np.random.default_rng(seed)), list(class_names)
    if "validation" not in parts:
        parts = three_splits(parts["train"], parts["test"], validation=validation, seed=seed)
    return parts, list(class_names)


def form_of(file: Keyed, settings: Mapping[str, Any]) -> Form:
    """Return what one item will be; of ``get`` nothing but shape and type of an array is asked.

    Raises
    ------
    InputError
        If neither pair of keys is there, or the arrays can be neither images nor arrays of numbers.
    """
    path, known, get, _ = file
    names, found = _found(path, known, settings.get("keys"))
    arrays = {split: get(names[x]) for split, (x, _) in found.items()}
    kind, size = _kind(settings.get("kind"), list(arrays.values())), settings.get("size")
    for split, values in arrays.items():
        _check_shape(kind, values, f"{path}/{names[found[split][0]]}", size)
    shape = tuple(map(int, next(iter(arrays.values())).shape[1:]))
    if kind == "arrays":
        return Form(kind, shape)
    height, width, channels = (*shape, 1)[:3]
    return Form(kind, (size, size, channels) if size else (height, width, channels))


def not_a(expected: str, path: Path, error: Exception) -> InputError:
    """Return the error for a file that is none of the kind that a loader reads, or that is broken."""
    found = kind_of(path)
    instead = {
        KINDS[b"\x93NUMPY"]: " Save it with its labels: np.savez('mine.npz', images=…, labels=…).",
        KINDS[b"PK\3\4"]: " Loader npz reads .npz files.",
        KINDS[hdf5.START]: " Loader hdf5 reads HDF5 files.",
        "a folder": " Loader images_folder reads folders of images.",
    }
    own = {"an .npz file": KINDS[b"PK\3\4"], "an HDF5 file": KINDS[hdf5.START]}[expected]
    received = f"one that is damaged or cut short ({error})." if found == own else f"{found}.{instead.get(found, '')}"
    return InputError(f"{path}: expected a whole {expected.split(' ', 1)[1]}. Received: {received}")


def _found(path: Path, known: Iterable[str], keys: Mapping[str, str] | None) -> tuple[dict, dict]:
    """Return the file's own name of each role that it has, and the roles of items and labels of each split."""
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
        x, y = ("x_train", "y_train") if names.keys() >= {"x_train", "y_train"} else ("their name", "their name")
        hint = f"Say how they are called: `options: {{keys: {{images: {x}, labels: {y}}}}}`; parts for "
        hint += "validation and test are set aside from these."
        raise InputError(
            f"{path}: expected x_train, y_train, x_test, y_test, or images, labels. "
            f"Received: {', '.join(map(repr, known[:20])) or 'no arrays'}. {hint}"
        )
    return names, found


def _kind(wanted: str | None, arrays: list) -> str:
    if wanted is None:
        return "images" if all(is_images(x.shape or (), x.dtype) for x in arrays) else "arrays"
    if wanted not in CHOICES:
        raise unknown_name("value of the option kind", wanted, CHOICES)
    return wanted


def _check_shape(kind: str, values: Any, where: str, size: int | None) -> None:
    """Refuse an array that is of no such kind, and what looks like images with the channels first."""
    shape = tuple(map(int, values.shape or ()))
    if kind == "arrays":
        if len(shape) < 2:
            expected = "images (n, height, width, channels), or arrays (n, …)"
            raise InputError(f"{where}: expected {expected}. Received: {shape}.")
        if size is not None:
            raise InputError(
                f"size: expected none for arrays of numbers, which are not resized; `options: {{kind: images}}` takes "
                f"{where} for images. Received: {size}, for {values.dtype} {shape}."
            )
    elif len(shape) == 4 and shape[1] in (1, 3, 4) and shape[2] > 4 and shape[3] > 4:
        raise InputError(
            f"{where}: expected images (n, height, width, channels). Received: {shape}. Channels first? Save "
            "np.moveaxis(images, 1, -1). If these are no images: `options: {kind: arrays}`."
        )


def _items(
    kind: str, arrays: Mapping[str, Any], where: Mapping[str, str], size: int | None, owner: object
) -> Mapping[str, Items]:
    """Return the items of each split, still unread, all of one scale or type."""
    if kind == "arrays":
        dtype = np.uint8 if all(values.dtype == np.uint8 for values in arrays.values()) else np.float32
        return {split: Arrays(x, where=where[split], owner=owner, dtype=dtype) for split, x in arrays.items()}
    images = {split: ArrayImages(x, size=size, where=where[split], owner=owner) for split, x in arrays.items()}
    scales = {split: pixel_scale(x, where[split], AS_NUMBERS) for split, x in arrays.items()}
    for part in images.values():  # one scale for all: a dark test set of 0–255 can stay below 1
        part.scale = min((scales[split] for split in images if arrays[split].dtype != np.uint8), default=1)
    return images


def _labels(values: Any, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Return labels as int64 (n,) for images of a shape; checked before they are read, as a file can claim anything."""
    count, given = (shape[0] if shape else 0), tuple(values.shape or ())
    if values.dtype.kind not in "ui" or given not in [(count,), (count, 1)] or not count:
        hint = ""
        if len(given) == 2 and given[1] > 1:
            hint = " One-hot? Save y.argmax(axis=1)."
        elif given in [(count,), (count, 1)]:
            hint = " Save them as whole numbers from 0: np.unique(y, return_inverse=True)[1]."
        raise InputError(
            f"{where}: expected one class an item, whole numbers ({count},) or ({count}, 1). "
            f"Received: {values.dtype} {given} for items {tuple(shape)}.{hint}"
        )
    labels = np.asarray(values[...]).ravel().astype(np.int64)
    if labels.min() < 0 or labels.max() >= 100_000:
        raise InputError(f"{where}: expected classes 0, 1, 2, …. Received: {labels.min()} to {labels.max()}.")
    return labels


def _class_names(values: Any, path: Path) -> list[str]:
    """Return the names in an array of text."""
    if values.dtype.kind not in "USO" or values.ndim != 1 or values.shape[0] > 100_000:
        raise InputError(f"{path}: expected class names as text (classes,). Received: {values.dtype} {values.shape}.")
    return [hdf5.as_text(name) for name in values[...].tolist()]
