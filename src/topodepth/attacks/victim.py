"""A classifier in the coordinates in which it is attacked; each framework has one of its own."""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from topodepth.attacks.attacks import AttackSettings, registry
from topodepth.datasets import Normaliser
from topodepth.errors import InputError

WHITE = np.float32(255)


class Victim(ABC):
    """A classifier in the coordinates in which it is attacked: pixels from black 0 to white 1, or its own input.

    Parameters
    ----------
    name
        The model's.
    normalise
        Turns pixels into the model's input.
    settings
        The attack.

    Attributes
    ----------
    faint
        L2 norm of a gradient below which a step of that norm is shorter than ε.
    classes
        How many classes the model tells apart.
    """

    faint: ClassVar[float]
    classes: int

    def __init__(self, name: str, normalise: Normaliser, settings: AttackSettings) -> None:
        self.name, self.normalise, self.settings = name, normalise, settings

    def _tells_apart(self, classes: int) -> None:
        """Take in how many classes the model tells apart; refuse a target that is none of them."""
        self.classes, target = classes, self.settings.target
        if target is not None and target >= classes:
            raise InputError(f"{self.name}: target expected from 0 to {classes - 1}. Received: {target}")

    @property
    @abstractmethod
    def scores(self) -> Callable[[Any], Any]:
        """From images in the coordinates of the attack to logits (n, classes), or what stands for them.

        Takes and returns tensors of the model's framework, and can be differentiated.
        """

    @abstractmethod
    def step(self, start: Any, gradient: Any, epsilon: float) -> Any:
        """Return images moved by ε along a gradient, within the bounds."""

    @abstractmethod
    def descend(self, start: Any, labels: Any, epsilon: float, *, random_start: bool) -> Any:
        """Return images after several steps along their gradients, each cut back to ε and to the bounds."""

    @abstractmethod
    def _tensor(self, images: np.ndarray) -> Any:
        """Return float32 images as a tensor of the framework, in the memory that NumPy reads."""

    @abstractmethod
    def _labels(self, start: Any) -> Any:
        """Return the classes that the loss is of: the target, or the model's own answers for clean images."""

    @abstractmethod
    def _gradient(self, start: Any, labels: Any) -> Any:
        """Return where the loss rises, or, with a target, where it falls."""

    def start(self, images: np.ndarray) -> Any:
        """Return clean images, pixels 0–255, in the coordinates of the attack.

        Raises
        ------
        InputError
            If a value is outside that range, or no number.
        """
        if not (np.min(images) >= 0 and np.max(images) <= WHITE):
            received = f"{np.min(images)} to {np.max(images)}"
            raise InputError(f"{self.name}: images expected with values from 0 to 255. Received: {received}")
        return self._tensor(np.asarray(images, np.float32) / WHITE if self._in_pixels else self.normalise(images))

    def gradient(self, start: Any) -> tuple[Any, Any]:
        """Return the gradient of the loss at clean images, of their shape, and the labels (n,) that the loss is of.

        It is what every strength of the fast gradient method, and the first step of the others, follows. Without a
        target the labels are the model's own answers: true ones would leak into the perturbation.

        Raises
        ------
        InputError
            If it is not finite.
        """
        labels = self._labels(start)
        gradient = self._gradient(start, labels)
        if not np.isfinite(np.asarray(gradient)).all():
            raise InputError(
                f"{self.name}: gradient of the loss expected to be finite. Received: NaN or infinite values"
            )
        return gradient, labels

    def attack(self, start: Any, gradient: Any, labels: Any, epsilon: float) -> np.ndarray:
        """Return the attacked images at a strength, in the coordinates of the attack; at 0 they are the clean ones."""
        if epsilon == 0:
            return np.asarray(start)
        moved = np.asarray(registry.get(self.settings.attack)(self, start, gradient, labels, epsilon))
        if moved.shape != tuple(start.shape) or moved.dtype.kind != "f":
            raise InputError(
                f"attack {self.settings.attack!r}: expected to return images {tuple(start.shape)}, as numbers. "
                f"Received: {moved.dtype} {moved.shape}."
            )
        return moved.astype(np.float32, copy=False)

    def model_input(self, x: np.ndarray) -> np.ndarray:
        """Return the model's input, float32, of images in the coordinates of the attack."""
        return self.normalise(x * WHITE) if self._in_pixels else x

    def perturbation(self, start: Any, x: np.ndarray) -> dict[str, np.ndarray]:
        """Return the norms of a perturbation, one an image (n,), by norm and unit: ``linf_pixel``, ``l2_standardised``.

        Pixels count from black 0 to white 1.
        """
        change, scale = x - np.asarray(start), self.normalise.scale / WHITE
        pixel, standardised = (change, change / scale) if self._in_pixels else (change * scale, change)
        norms: dict[str, np.ndarray] = {}
        for unit, values in (("pixel", pixel), ("standardised", standardised)):
            flat = values.reshape(len(values), -1)
            squares = np.einsum("ij,ij->i", flat, flat, dtype=np.float64)
            norms |= {f"linf_{unit}": np.abs(flat).max(axis=1).astype(np.float64), f"l2_{unit}": np.sqrt(squares)}
        return norms

    def pixels(self, x: np.ndarray) -> np.ndarray:
        """Return images in the coordinates of the attack as pixels from black 0 to white 1, cut to that range."""
        values = x if self._in_pixels else (x * self.normalise.scale + self.normalise.shift) / WHITE
        return np.clip(values, 0, 1).astype(np.float32)

    @cached_property
    def bounds(self) -> tuple[Any, Any]:
        """Lowest and highest valid value in the coordinates of the attack; None twice where it does not clip."""
        if not self.settings.clip:
            return None, None
        return (0.0, 1.0) if self._in_pixels else (self.normalise(0), self.normalise(WHITE))

    def seed_of(self, images: np.ndarray) -> int:
        """Return the seed of a random start, which depends on the images and the seed of the settings alone."""
        return (self.settings.seed + zlib.crc32(images.tobytes())) % 2**31

    @property
    def _in_pixels(self) -> bool:
        return self.settings.units == "pixel"
