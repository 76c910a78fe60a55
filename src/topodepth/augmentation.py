"""Random affine changes of images, one transform an image, a function of seed and epoch only."""

from dataclasses import dataclass

import numpy as np


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
