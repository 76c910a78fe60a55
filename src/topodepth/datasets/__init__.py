"""Data sets, one file each, made known with ``@register(name)``; every one becomes the same kind of HDF5 file.

A loader is a function ``load(source, *, size, validation, test, seed, **options) -> (splits, class_names)``. ``source``
is the path of a file or an unpacked folder, described by ``@register(name, source="…")``, or None where the images come
with a package. ``splits`` maps ``train``, ``validation`` and ``test`` to ``(images, labels)``: uint8 (n, height, width,
channels), or other real numbers (n, …), an array or :class:`~topodepth.datasets._images.Images` read when sliced, and
int64 (n,). ``@register(name, shape=…)`` says what one item will be before anything is read: see :func:`form`.
"""

import hashlib
import inspect
import os
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import NamedTuple

import numpy as np

from topodepth.datasets._images import ArrayImages, Images
from topodepth.datasets._opened import DataSet, Normaliser, normaliser, open_dataset
from topodepth.datasets._writing import SPLITS, write
from topodepth.errors import InputError, unknown_name
from topodepth.files import storage
from topodepth.registry import Registry

__all__ = [
    "SPLITS",
    "ArrayImages",
    "DataSet",
    "Form",
    "Normaliser",
    "draw_sample",
    "form",
    "images_only",
    "load",
    "normaliser",
    "open_dataset",
    "random_split",
    "register",
    "registry",
    "source_sha256",
    "take",
    "three_splits",
    "write",
]

registry = Registry(__name__, "data set")
register = registry.register


class Form(NamedTuple):
    """What one item of a data set is: its kind, ``"images"`` or ``"arrays"``, and its shape."""

    kind: str
    shape: tuple[int, ...]


def form(name: str, source: str | Path | None, settings: Mapping[str, object]) -> Form | None:
    """Return what a loader will make of a source, from headers alone; None if that cannot be known yet.

    A loader says so with ``@register(name, shape=…)``: the shape (height, width, channels) of its images before they
    are resized, or a function of source and settings that returns a :class:`Form` or None.

    Parameters
    ----------
    name, source, settings
        As for :func:`load`; a source that is not there yet is not looked at.

    Raises
    ------
    InputError
        If the source is not what the loader reads.
    """
    loader = registry.get(name)
    shape, size = getattr(loader, "shape", None), settings.get("size")
    if callable(shape):
        return shape(Path(source), settings) if source is not None and Path(source).exists() else None
    if shape is None:
        return None
    return Form("images", (size, size, shape[2]) if size else shape)


def load(name: str, source: str | Path | None, settings: Mapping[str, object]) -> tuple[dict, list[str]]:
    """Load a data set with its registered loader; settings and source are checked first.

    Parameters
    ----------
    name
        Registered loader, such as ``"cifar10"``.
    source
        File or folder that the loader reads; None for one that needs none.
    settings
        ``size``, ``validation``, ``test``, ``seed`` and the loader's own options.

    Returns
    -------
    tuple
        ``(splits, class_names)``, what :func:`write` takes.

    Raises
    ------
    InputError
        If the loader or an option is unknown, a setting is out of its range, or the source is missing or not what the
        loader reads.
    """
    loader = registry.get(name)
    options = [key for key, item in inspect.signature(loader).parameters.items() if item.kind is item.KEYWORD_ONLY]
    for key in settings:
        if key not in options:
            raise unknown_name(f"option of loader {name}", key, options)
    _check_settings(settings)
    if loader.source is None and source is not None:
        raise InputError(f"source: loader {name} needs none. Received: {source}.")
    if loader.source is not None and source is None:
        raise InputError(f"source: loader {name} expected {loader.source}. Received: none.")
    if source is not None and not Path(source).exists():
        raise InputError(f"{source}: expected {loader.source}. Received: no such file or folder.")
    return loader(None if source is None else Path(source), **settings)


def _check_settings(settings: Mapping[str, object]) -> None:
    size, seed = settings.get("size"), settings.get("seed", 0)
    if size is not None and (not isinstance(size, Integral) or isinstance(size, bool) or not 1 <= size <= 4096):
        raise InputError(f"size: expected a whole number from 1 to 4096, or null. Received: {size!r}.")
    if not isinstance(seed, Integral) or isinstance(seed, bool) or seed < 0:
        raise InputError(f"seed: expected a whole number, at least 0. Received: {seed!r}.")
    parts = [settings.get(key, 0.1) for key in ("validation", "test")]
    if not all(isinstance(part, Real) and part > 0 for part in parts) or sum(parts) >= 1:
        raise InputError(f"validation, test: expected fractions above 0 with a sum below 1. Received: {parts}.")


def source_sha256(source: str | Path, names: Iterable[str] = ()) -> str:
    """Return the SHA-256 of a file, or for a folder that of the sorted names and sizes of the files in it.

    Parameters
    ----------
    source
        File or folder.
    names
        Only these files of the folder count, as it may hold others' too; all if empty.
    """
    source = Path(source)
    if source.is_file():
        return storage.sha256(source)
    files = [source / name for name in names] or [
        Path(base, name) for base, _, found in os.walk(source) for name in found
    ]
    lines = sorted(f"{path.relative_to(source).as_posix()}\0{path.lstat().st_size}\n" for path in files)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def random_split(
    images: np.ndarray | Images, labels: np.ndarray, parts: Mapping[str, float], rng: np.random.Generator
) -> dict[str, tuple[Images, np.ndarray]]:
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
    images = images if isinstance(images, Images) else ArrayImages(images)
    return {split: (images.subset(rows), labels[rows]) for split, rows in chosen.items()}


def three_splits(
    train: tuple[np.ndarray | Images, np.ndarray],
    test: tuple[np.ndarray | Images, np.ndarray],
    *,
    validation: float,
    seed: int,
) -> dict[str, tuple[np.ndarray | Images, np.ndarray]]:
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


def images_only(form: Form | DataSet, where: str) -> Form | DataSet:
    """Return a data set, or its form, that holds images; another is refused."""
    if form.kind != "images":
        shape = form.image_shape if isinstance(form, DataSet) else form.shape
        text = ", ".join("any" if size is None else str(size) for size in shape)
        raise InputError(
            f"{where}: expected images (n, height, width, channels). Received: arrays (n, {text}). "
            "If they are images: `options: {kind: images}` in the data set's entry."
        )
    return form


def take(source, rows: np.ndarray) -> np.ndarray:
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
