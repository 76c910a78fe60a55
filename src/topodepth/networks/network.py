"""A network with its taps, whatever computes it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from topodepth.errors import InputError
from topodepth.networks.graph import Tap

PROBABILITY = 5e-3  # how far from 1 the sum of probabilities in half precision can be


@dataclass(frozen=True)
class Network:
    """A network with its taps.

    Attributes
    ----------
    name
        The model's own.
    runtime
        What computes it: ``"onnxruntime 1.32.0"``, ``"keras 3.15.1"``.
    inputs
        As of a Keras model: one symbolic tensor, whose ``shape`` is (None, height, width, channels). None of a network
        that does not tell what it takes (:mod:`topodepth.networks.torch_network`).
    taps
        What is measured.
    predict
        From a batch of at most ``size`` inputs, and ``size``, to the values (n, d) of each tap, and last, where they
        were asked for, the model's own output (n, classes).
    """

    name: str
    runtime: str
    inputs: list
    taps: list[Tap]
    predict: Callable[[np.ndarray, int], list[np.ndarray]]


def are_probabilities(values: np.ndarray) -> bool:
    """Tell whether rows are probabilities; true logits of a batch never all sum to 1."""
    sums = np.abs(values.sum(axis=-1) - 1)
    return len(values) > 1 and values.shape[-1] > 1 and bool(values.min() >= 0 and sums.max() < PROBABILITY)


def check_logits(name: str, values: np.ndarray) -> None:
    """Refuse probabilities in place of logits, whatever layer made them.

    One batch settles it, so that the last image of a data set, alone in its batch, is not refused for its values.
    """
    if are_probabilities(values):
        raise InputError(
            f"{name}: logits expected as the values before a softmax, which no layer of this network is known to be. "
            "Received: probabilities; tap other layers by name."
        )


def probabilities(outputs: np.ndarray, ends_in: str) -> np.ndarray:
    """Return the probabilities (n, classes), float64, that the outputs of a network stand for.

    Parameters
    ----------
    outputs
        (n, …), one number per class, or one of two classes.
    ends_in
        ``"softmax"``, ``"sigmoid"`` or ``"logits"``, see :class:`topodepth.networks.models.Classifier`.
    """
    values = np.asarray(outputs, dtype=np.float64).reshape(len(outputs), -1)
    if values.shape[1] == 1 and ends_in != "softmax":
        second = values if ends_in == "sigmoid" else 1 / (1 + np.exp(-np.clip(values, -500, 500)))
        return np.hstack([1 - second, second])
    if ends_in == "logits":
        values = np.exp(values - values.max(axis=1, keepdims=True))
    total = values.sum(axis=1, keepdims=True)
    return values / np.where(total > 0, total, 1.0)
