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
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import NamedTuple

import numpy as np

from topodepth.datasets._images import ArrayImages, Images
from topodepth.datasets._joined import Joined
from topodepth.datasets._writing import SPLITS, STATISTICS, write
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


@dataclass(frozen=True)
class Normaliser:
    """Turns pixels 0–255 (n, height, width, channels), or other numbers, into float32 input: (values − shift) / scale.

    Attributes
    ----------
    shift, scale
        float32 in the units of the values (0–255), of shapes that stretch to an item's; no scale is 0.
    """

    shift: np.ndarray
    scale: np.ndarray

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the network's input, float32 of the images' shape."""
        return (np.asarray(images, dtype=np.float32) - self.shift) / self.scale


def normaliser(how: str, statistics: Mapping[str, np.ndarray]) -> Normaliser:
    """Return what turns uint8 pixels into a network's input.

    Parameters
    ----------
    how
        ``raw`` (0–255 as they are), ``unit`` (x/255), ``centred`` (x/255 minus the mean image), ``channel`` (each
        channel to mean 0 and standard deviation 1) or ``global`` (all values to mean 0 and standard deviation 1).
    statistics
        The training set's, in units of 0–255, as :func:`write` stores them.

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
    return Normaliser(shift, scale)


TYPES = {"images": (np.uint8,), "arrays": (np.uint8, np.float32)}


class DataSet:
    """An open data set file; images, or other arrays, stay on disk until they are sliced.

    Parameters
    ----------
    file
        As :func:`topodepth.files.storage.open_h5` yields it.

    Attributes
    ----------
    class_names
        One a class.
    kind
        ``"images"`` or ``"arrays"``, see :class:`Form`.
    image_shape
        Shape of one item: (height, width, channels) of images.
    statistics
        Of the training split, as :func:`write` stores them.
    """

    def __init__(self, file: "h5py.File") -> None:  # noqa: F821
        path, self._file = file.filename, file
        with storage.reading(path, "a whole data set file"):
            storage.check_self_contained(path, file)
            for split in SPLITS:
                if f"{split}/images" not in file or f"{split}/labels" not in file:
                    raise InputError(f"{path}: no data set file: /{split}/images or /{split}/labels is missing.")
                images, *others = (file[f"{split}/{name}"] for name in ("images", "labels", "positions"))
                first = file["train/images"]
                if images.ndim < 2 or images.shape[1:] != first.shape[1:] or images.dtype != first.dtype:
                    raise InputError(
                        f"{path}: /{split}/images: expected items of one shape and type. Received: others."
                    )
                if any(item.dtype.kind not in "iu" or item.shape != images.shape[:1] for item in others):
                    raise InputError(f"{path}: /{split}: expected a label and position an image. Received: others.")
            self.kind = str(file.attrs.get("kind", "images"))
            if first.dtype not in TYPES[self.kind] or (self.kind == "images" and first.ndim != 4):
                received = f"{first.dtype} {first.shape}"
                raise InputError(f"{path}: /train/images: expected {self.kind} (n, …). Received: {received}.")
            self.class_names = [str(name) for name in file.attrs["class_names"]]
            self.image_shape = tuple(file["train/images"].shape[1:])
            self.statistics = {name: self._statistic(name) for name in STATISTICS}

    def __str__(self) -> str:
        """Return in a few words what it holds."""
        shape = ", ".join(map(str, self.image_shape))
        counts = ", ".join(f"{len(self.images(split))} {split}" for split in SPLITS)
        what = f"{self.images('train').dtype} {self.kind} (n, {shape}) of {len(self.class_names)} classes"
        return f"{what}; n: {counts}"

    def _statistic(self, name: str) -> np.ndarray:
        value = np.asarray(self._file[f"statistics/{name}"][()], dtype=np.float64)
        if value.shape not in ((), self.image_shape[-1:], self.image_shape) or not np.isfinite(value).all():
            raise InputError(f"{self._file.filename}: /statistics/{name}: expected finite. Received: {value.shape}.")
        return value

    def images(self, split: str) -> "h5py.Dataset | Joined":  # noqa: F821
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

    def _of(self, split: str, name: str) -> "h5py.Dataset | Joined":  # noqa: F821
        parts = [self._file[f"{part}/{name}"] for part in split.split("+")]
        if len(parts) == 1:
            return parts[0]
        return Joined(parts, [self._file[f"{part}/positions"][:] for part in split.split("+")])

    def normaliser(self, how: str) -> Normaliser:
        """Return :func:`normaliser` with this data set's statistics.

        Raises
        ------
        InputError
            If ``how`` divides by 255 and the values are no pixels.
        """
        if how in ("unit", "centred") and self.images("train").dtype != np.uint8:
            with storage.reading(self._file.filename, "a whole data set file"):
                low, high = (float(self._file[f"statistics/{name}"][()]) for name in ("lowest", "highest"))
            if not (low >= 0 and 1 < high <= 255):
                raise InputError(
                    f"{self._file.filename}: normalisation {how} divides by 255, expected values from 0 to 255. "
                    f"Received: {low:g} to {high:g}. Use raw (as they are), channel or global."
                )
        return normaliser(how, self.statistics)


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
