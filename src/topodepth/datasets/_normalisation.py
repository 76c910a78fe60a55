"""How pixels 0–255, or other numbers, become the input of a network."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from topodepth.errors import InputError


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

    def __call__(self, images: ArrayLike) -> np.ndarray:
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
        The training set's, in units of 0–255, as :func:`topodepth.datasets.write_dataset` stores them.

    Raises
    ------
    InputError
        If ``how`` is unknown.
    """
    ways: dict[str, tuple[ArrayLike, ArrayLike]] = {
        "raw": (0.0, 1.0),
        "unit": (0.0, 255.0),
        "centred": (statistics["mean_image"], 255.0),
        "channel": (statistics["channel_mean"], statistics["channel_std"]),
        "global": (statistics["global_mean"], statistics["global_std"]),
    }
    if how not in ways:
        raise InputError(f"normalisation: expected raw, unit, centred, channel or global. Received: {how!r}.")
    shift, scale = ways[how]
    divisor = np.where(np.asarray(scale) > 0, scale, 1.0).astype(np.float32)  # a constant channel stays at 0
    return Normaliser(np.asarray(shift, dtype=np.float32), divisor)


@dataclass(frozen=True)
class Given:
    """A mean and a standard deviation of each channel, or of all: of pixels as torchvision counts them, from 0 to 1.

    Called with the shape of an item, and whether it holds pixels 0–255, it returns a :class:`Normaliser`.
    """

    mean: Sequence[float]
    std: Sequence[float]

    def __call__(self, shape: tuple[int, ...], *, pixels: bool) -> Normaliser:
        """Return what gives (x/255 − mean) / std of pixels, and (x − mean) / std of other numbers."""
        for name in ("mean", "std"):
            count = len(getattr(self, name))
            if count not in (1, shape[-1]):
                raise InputError(
                    f"{name}: expected one number, or one for each of {shape[-1]} channels. Received: {count} numbers."
                )
        scale = 255.0 if pixels else 1.0
        shift, deviation = (np.asarray(values, dtype=np.float64) * scale for values in (self.mean, self.std))
        return Normaliser(shift.astype(np.float32), deviation.astype(np.float32))


def given(how: str) -> Given | None:
    """Return the mean and deviation that a normalisation gives; None if it names a way to compute them.

    Raises
    ------
    InputError
        If it is neither.
    """
    if not how.startswith("{"):
        return None
    try:
        found = json.loads(how)
        values = [np.asarray(found.pop(name), dtype=np.float64) for name in ("mean", "std")]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"normalisation: expected numbers `mean` and `std`. Received: {how!r}.") from error
    if found or any(item.ndim != 1 or not np.isfinite(item).all() for item in values) or not (values[1] > 0).all():
        raise InputError(f"normalisation: expected finite `mean`, and `std` above 0. Received: {how!r}.")
    return Given(*(item.tolist() for item in values))
