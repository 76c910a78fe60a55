"""Images through a network, a batch at a time."""

import math

import numpy as np

PIXELS = 2**16  # of all images that are passed on at once: beyond, memory grows and speed does not


def batch_for(shape: tuple[int, ...]) -> int:
    """Return how many images (n, height, width, channels), or other items (n, …), to pass through a network at once."""
    return max(1, PIXELS // math.prod(shape[1:3]))


def even_batch(n: int, most: int) -> int:
    """Return the size of equal batches of n images, at most ``most``, so that filling up the last one wastes little."""
    return math.ceil(n / math.ceil(n / most))


def predict(model: "keras.Model", batch: np.ndarray, size: int) -> np.ndarray | list[np.ndarray]:  # noqa: F821
    """Run a model on a batch of at most ``size`` inputs.

    A smaller batch is filled up, and its output cut, so that the graph is traced for one shape only.
    """
    n = len(batch)
    if n < size:
        batch = np.concatenate([batch, np.repeat(batch[-1:], size - n, axis=0)])
    outputs = model.predict_on_batch(batch)
    return [output[:n] for output in outputs] if isinstance(outputs, list) else outputs[:n]
