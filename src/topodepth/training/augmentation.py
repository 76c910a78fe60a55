"""What a network sees of its training images: which of them, under which labels, and how changed in each epoch."""

from dataclasses import dataclass

import numpy as np

from topodepth.errors import InputError


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random changes; the defaults are the original's.

    Parameters
    ----------
    rotation
        Largest angle, in degrees, either way.
    shift
        Largest shift, as a fraction of height or width, either way.
    zoom
        Scales are drawn from 1 ± zoom, each axis its own.
    shear
        Largest horizontal shear, in pixels of shift per pixel of height, either way.
    flip
        Whether half of the images are mirrored left to right; wrong for digits and letters.
    """

    rotation: float = 15.0
    shift: float = 0.25
    zoom: float = 0.25
    shear: float = 0.15
    flip: bool = True


def random_transforms(n: int, height: int, width: int, *, ranges: Augmentation, seed: int, epoch: int) -> np.ndarray:
    """Draw one affine transform for each of ``n`` images.

    Returns
    -------
    numpy.ndarray
        (n, 8) float32: rows (a0, a1, a2, b0, b1, b2, 0, 0) that send the output pixel (x, y) to the input pixel
        (a0·x + a1·y + a2, b0·x + b1·y + b2), about the image's centre.
    """
    rng = np.random.default_rng([seed, epoch, 1])
    angle = np.deg2rad(rng.uniform(-ranges.rotation, ranges.rotation, n))
    shear = rng.uniform(-ranges.shear, ranges.shear, n)
    scale = rng.uniform(1 - ranges.zoom, 1 + ranges.zoom, (n, 2))
    shift = rng.uniform(-ranges.shift, ranges.shift, (n, 2)) * (width, height)
    mirror = np.where(rng.random(n) < 0.5, -1.0, 1.0) if ranges.flip else np.ones(n)

    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]]).transpose(2, 0, 1)
    matrix = matrix @ np.array([[np.ones(n), shear], [np.zeros(n), np.ones(n)]]).transpose(2, 0, 1)
    matrix[:, :, 0] *= (scale[:, 0] * mirror)[:, None]
    matrix[:, :, 1] *= scale[:, 1][:, None]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    offset = centre - matrix @ centre + shift

    rows = np.zeros((n, 8), dtype=np.float32)
    rows[:, 0:2], rows[:, 2] = matrix[:, 0], offset[:, 0]
    rows[:, 3:5], rows[:, 5] = matrix[:, 1], offset[:, 1]
    return rows


def apply(images: np.ndarray, transforms: np.ndarray) -> np.ndarray:
    """Apply one transform to each image; pixels from outside repeat the nearest edge.

    Parameters
    ----------
    images
        (n, height, width, channels) uint8.
    transforms
        (n, 8), from :func:`random_transforms`.

    Returns
    -------
    numpy.ndarray
        Images of the same shape and type.
    """
    import keras

    changed = keras.ops.image.affine_transform(
        images.astype(np.float32),
        transforms,
        interpolation="bilinear",
        fill_mode="nearest",
        data_format="channels_last",
    )
    return np.clip(np.rint(keras.ops.convert_to_numpy(changed)), 0, 255).astype(np.uint8)


def random_labels(count: int, classes: int, seed: int) -> np.ndarray:
    """Return labels drawn at random, (count,) whole numbers: networks fitted to them start a training badly."""
    return np.random.default_rng([seed, count, 1]).integers(classes, size=count)


def training_split(
    train: tuple[np.ndarray, np.ndarray], *, images: int | None, label_noise: float, classes: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the images that a network is to learn from: fewer than there are, or with wrong labels among them.

    With the same seed a smaller set is part of every larger one, and an image wrong at little noise is wrong in the
    same way at more.

    Parameters
    ----------
    train
        Images (n, ...) and labels (n,).
    images
        How many, drawn at random in equal shares of each class as far as it goes; all if None.
    label_noise
        Share of the labels, from 0 to 1, each replaced by one of the other classes at random.
    classes
        Number of classes.
    seed
        Seed of both.

    Raises
    ------
    InputError
        If there are fewer images than asked for.
    """
    pixels, labels = np.asarray(train[0]), np.array(train[1])
    if images is not None and not classes <= images <= len(labels):
        raise InputError(f"training: images expected from {classes} to {len(labels)}. Received: {images}")
    rng = np.random.default_rng([seed, 3])
    threshold, shift = rng.random(len(labels)), rng.integers(1, classes, len(labels))
    order = rng.permutation(len(labels))
    labels = np.where(threshold < label_noise, (labels + shift) % classes, labels)
    if images is not None:
        rank = np.empty(len(order), dtype=int)  # the place of each image among those of its class
        for label in np.unique(train[1]):
            members = order[train[1][order] == label]
            rank[members] = np.arange(len(members))
        chosen = np.sort(order[np.argsort(rank[order], kind="stable")][:images])
        pixels, labels = pixels[chosen], labels[chosen]
    return pixels, labels
