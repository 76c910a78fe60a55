"""Data sets, one file each, made known with ``@register(name)``; every one becomes the same kind of HDF5 file.

A loader is a function ``load(source, *, size, validation, test, seed, **options) -> (splits, class_names)``. ``source``
is the path of a file or an unpacked folder, described by ``@register(name, source="…")``, or None where the images come
with a package. ``splits`` maps ``train``, ``validation`` and ``test`` to ``(images, labels)``: uint8 (n, height, width,
channels), an array or :class:`~topodepth.datasets._images.Images` read when sliced, and int64 (n,).
"""

import hashlib
import inspect
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path

import numpy as np

from topodepth import storage
from topodepth.datasets._images import ArrayImages, Images
from topodepth.datasets._joined import Joined
from topodepth.errors import InputError, unknown_name
from topodepth.registry import Registry

SPLITS = ("train", "validation", "test")
STATISTICS = ("mean_image", "channel_mean", "channel_std", "global_mean", "global_std")
BLOCK_BYTES = 8 * 2**20  # pixels in memory at a time
CHUNK_BYTES = 2**20  # pixels that reading one image takes from disk, at most

registry = Registry(__name__, "data set")
register = registry.register


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


def write(
    path: str | Path,
    splits: Mapping[str, tuple[np.ndarray | Images, np.ndarray]],
    class_names: list[str],
    attributes: Mapping[str, object] | None = None,
) -> None:
    """Write a data set file, reading the images a block at a time.

    It holds ``/{split}/images``, ``/{split}/labels``, ``/{split}/positions`` (the index of each image in the source's
    own order), ``/statistics`` of the training images, and the attribute ``class_names``.

    Parameters
    ----------
    path
        File to make.
    splits
        uint8 images (n, height, width, channels) and integer labels (n,) of each split.
    class_names
        One name a class, in the order of the labels.
    attributes
        Further attributes of the file.

    Raises
    ------
    InputError
        If a split is missing or empty, its images and labels do not fit together, or images cannot be read.
    """
    for split in SPLITS:
        _check_split(f"{path}: split {split!r}", *splits.get(split, ((), ())), class_names)
    if any("\0" in name for name in class_names):
        raise InputError(f"{path}: expected class names as text. Received: {class_names!r:.200}.")
    shapes = {split: tuple(splits[split][0].shape[1:]) for split in SPLITS}
    if len(set(shapes.values())) > 1:
        raise InputError(f"{path}: expected images of one shape in all splits. Received: {shapes}.")
    with storage.create_h5(path) as file:
        read = {}
        for split in SPLITS:
            images, labels = splits[split]
            read[split] = images if isinstance(images, Images) else ArrayImages(images)
            sums = _write_split(file.create_group(split), read[split], labels)
            if split == "train":
                file.update({f"statistics/{name}": value for name, value in _statistics(*sums).items()})
        for images in read.values():
            images.finish()
        for split in SPLITS:
            if not file[f"{split}/labels"].shape[0]:
                raise InputError(f"{path}: split {split!r}: expected images. Received: none that can be read.")
        file.attrs["class_names"] = class_names
        file.attrs.update(attributes or {})


def _check_split(where: str, images, labels, class_names: list[str]) -> None:
    shape = np.shape(images) if isinstance(images, tuple) else images.shape
    if len(shape) != 4 or 0 in shape or np.shape(labels) != shape[:1]:
        raise InputError(
            f"{where} needs images (n, height, width, channels) and n labels. "
            f"Received: images {tuple(shape)}, labels {np.shape(labels)}."
        )
    if images.dtype != np.uint8:
        raise InputError(f"{where}: expected uint8 images. Received: {images.dtype}.")
    if labels.min() < 0 or labels.max() >= len(class_names):
        raise InputError(
            f"{where}: expected labels 0 to {len(class_names) - 1}. Received: {labels.min()} to {labels.max()}."
        )


def _write_split(group: "h5py.Group", images: Images, labels: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:  # noqa: F821
    """Write the images that can be read; return their number, and the sums of pixels and of their squares."""
    image_bytes = int(np.prod(images.shape[1:]))
    chunk = min(len(images), max(1, min(64, CHUNK_BYTES // image_bytes)))
    count = max(1, BLOCK_BYTES // image_bytes // chunk) * chunk
    pixels = group.create_dataset("images", images.shape, np.uint8, chunks=(chunk, *images.shape[1:]))
    total = np.zeros(images.shape[1:], dtype=np.int64)
    squares = np.zeros_like(total)
    kept: list[int] = []
    for rows, block in images.blocks(count):
        pixels[len(kept) : len(kept) + len(rows)] = block
        kept.extend(rows)
        total += block.sum(axis=0, dtype=np.int64)  # whole numbers: exact, whatever the size of a block
        squares += np.square(block, dtype=np.uint16).sum(axis=0, dtype=np.int64)
    if len(kept) < len(images):
        pixels.resize(len(kept), axis=0)
    group["labels"] = labels[kept].astype(np.int64)
    group["positions"] = images.positions[kept].astype(np.int64)
    return len(kept), total, squares


def _statistics(count: int, total: np.ndarray, squares: np.ndarray) -> dict[str, np.ndarray]:
    """Return the pixel statistics of the training images that normalisations need, in units of 0–255."""
    mean_image, mean_square = total / max(count, 1), squares / max(count, 1)
    channel_mean, global_mean = mean_image.mean(axis=(0, 1)), mean_image.mean()
    return {
        "mean_image": mean_image,
        "channel_mean": channel_mean,
        "channel_std": np.sqrt(mean_square.mean(axis=(0, 1)) - channel_mean**2),
        "global_mean": global_mean,
        "global_std": np.sqrt(mean_square.mean() - global_mean**2),
    }


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
    """Turns pixels 0–255 (n, height, width, channels) into a network's float32 input: (pixels − shift) / scale.

    Attributes
    ----------
    shift, scale
        float32 in units of 0–255, of shapes that stretch to an image's; no scale is 0.
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


class DataSet:
    """An open data set file; images stay on disk until they are sliced.

    Parameters
    ----------
    file
        As :func:`topodepth.storage.open_h5` yields it.
    """

    def __init__(self, file: "h5py.File") -> None:  # noqa: F821
        path, self._file = file.filename, file
        with storage.reading(path, "a whole data set file"):
            storage.check_self_contained(path, file)
            for split in SPLITS:
                if f"{split}/images" not in file or f"{split}/labels" not in file:
                    raise InputError(f"{path}: no data set file: /{split}/images or /{split}/labels is missing.")
                images, *others = (file[f"{split}/{name}"] for name in ("images", "labels", "positions"))
                if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != file["train/images"].shape[1:]:
                    raise InputError(f"{path}: /{split}/images: expected uint8 images of one shape. Received: others.")
                if any(item.dtype.kind not in "iu" or item.shape != images.shape[:1] for item in others):
                    raise InputError(f"{path}: /{split}: expected a label and position an image. Received: others.")
            self.class_names = [str(name) for name in file.attrs["class_names"]]
            self.image_shape = tuple(file["train/images"].shape[1:])
            self.statistics = {name: self._statistic(name) for name in STATISTICS}

    def _statistic(self, name: str) -> np.ndarray:
        value = np.asarray(self._file[f"statistics/{name}"][()], dtype=np.float64)
        if value.shape not in ((), self.image_shape[2:], self.image_shape) or not np.isfinite(value).all():
            raise InputError(f"{self._file.filename}: /statistics/{name}: expected finite. Received: {value.shape}.")
        return value

    def images(self, split: str) -> "h5py.Dataset | Joined":  # noqa: F821
        """Return the images of a split, uint8 (n, height, width, channels), not yet read.

        ``train+validation`` are the source's training images, whole and in the source's own order.
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
        """Return :func:`normaliser` with this data set's statistics."""
        return normaliser(how, self.statistics)


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
