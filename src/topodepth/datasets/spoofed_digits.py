"""A stand-in for spoofing attacks: genuine digits, and other digits through a simulated print-and-photograph.

It exists to show the spoofing experiment where no face data are at hand. Nothing here was printed or photographed; how
the simulation differs from real spoofs is unknown, so what is measured on it says nothing about them.
"""

from typing import Any

import numpy as np

from topodepth.datasets import random_split, register

CLASSES = ["real", "simulated spoof"]

# Strengths of the simulation. Each image draws its own values, evenly from the range where there is one. Lengths are
# shares of the image's side, so that they hold at every size; brightness runs from 0 to 1.
PERSPECTIVE = 0.07  # the most that a corner of the print is displaced, along either axis
BLUR = (0.015, 0.03)  # standard deviation of the Gaussian blur: 0.5 to 1 pixel of 32
MOIRE = (0.03, 0.08)  # amplitude of the sinusoidal grating added to the brightness
MOIRE_PERIOD = (0.1, 0.3)  # its wavelength; direction and phase are free
GAMMA = (0.7, 1.4)  # exponent of the tone curve: below 1 brighter, above 1 darker
NOISE = (0.01, 0.03)  # standard deviation of the sensor's Gaussian noise


@register("spoofed_digits", source=None, shape=(32, 32, 1))
def load(
    source: None = None, *, size: int | None = 32, validation: float, test: float, seed: int
) -> tuple[dict, list[str]]:
    """Return the digits in two classes, one channel, 0–255: half of each numeral as it is, the other half spoofed.

    No image is in both classes: a pair of an image and its own spoof would tie the two clouds together.

    Parameters
    ----------
    source
        None: the images come with scikit-learn.
    size
        Side in pixels, from 8×8 bilinearly; 32 if None.
    validation, test
        Fractions of each numeral of each class.
    seed
        Decides the halves, the splits and, with an image's position, what the simulation does to that image.

    Returns
    -------
    tuple
        Splits, whose positions are those of scikit-learn's digits, and the class names real and simulated spoof.
    """
    from topodepth.datasets import digits

    size = size or 32
    # nothing set aside: all images are in the training split, in the order of the source
    splits, numerals = digits.load(size=size, validation=0, test=0, seed=0)
    images, labels = np.array(splits["train"][0]), splits["train"][1]
    rng = np.random.default_rng(seed)
    spoofed = np.zeros(len(labels), dtype=np.int64)
    for numeral in range(len(numerals)):
        members = rng.permutation(np.flatnonzero(labels == numeral))
        spoofed[members[: len(members) // 2]] = 1
    for position in np.flatnonzero(spoofed):
        own = np.random.default_rng([seed, int(position)])
        images[position, ..., 0] = print_and_photograph(images[position, ..., 0], own)
    parts = {"train": 0, "validation": validation, "test": test}
    drawn = random_split(images, labels + len(numerals) * spoofed, parts, rng)
    return {split: (part, groups // len(numerals)) for split, (part, groups) in drawn.items()}, list(CLASSES)


def print_and_photograph(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a grey image as a photograph of its print might look: warped, blurred, with moiré, other tones and noise.

    Parameters
    ----------
    image
        uint8 (side, side).
    rng
        Draws the strengths, within the constants of this module, and the noise.

    Returns
    -------
    ndarray
        uint8 (side, side).
    """
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    side = len(image)
    how: dict[str, Any] = {"method": Image.Transform.PERSPECTIVE, "resample": Image.Resampling.BILINEAR}
    warped = Image.fromarray(image).transform((side, side), data=_perspective(side, rng).tolist(), **how)
    light = gaussian_filter(np.asarray(warped) / 255, side * rng.uniform(*BLUR))
    direction, phase = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[:side, :side] / side
    along = rows * np.sin(direction) + columns * np.cos(direction)
    light += rng.uniform(*MOIRE) * np.sin(2 * np.pi * along / rng.uniform(*MOIRE_PERIOD) + phase)
    light = np.clip(light, 0, 1) ** rng.uniform(*GAMMA)
    light += rng.normal(scale=rng.uniform(*NOISE), size=light.shape)
    return np.rint(255 * np.clip(light, 0, 1)).astype(np.uint8)


def _perspective(side: int, rng: np.random.Generator) -> np.ndarray:
    """Return the eight coefficients (a … h) of a random perspective.

    The pixel (x, y) made is read at ((ax + by + c)/(gx + hy + 1), (dx + ey + f)/(gx + hy + 1)), which takes the four
    corners of the image to corners displaced at random.
    """
    made = np.array([(0, 0), (side, 0), (side, side), (0, side)], dtype=float)
    read = made + side * rng.uniform(-PERSPECTIVE, PERSPECTIVE, size=(4, 2))
    equations, values = [], []
    for (x, y), (u, v) in zip(made, read, strict=True):
        equations += [(x, y, 1, 0, 0, 0, -u * x, -u * y), (0, 0, 0, x, y, 1, -v * x, -v * y)]
        values += [u, v]
    return np.linalg.solve(equations, values)
