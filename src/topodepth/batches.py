"""Images through a network, a batch at a time."""

import math

import numpy as np

PIXELS = 2**16  # of all images that are passed on at once: beyond, memory grows and speed does not


def batch_for(shape: tuple[int, ...]) -> int:
    """Return how many images of a shape (n, height, width, channels) to pass through a network at once."""
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


def whole_numbers(source: object) -> bool:
    """Tell whether an input of a network takes whole numbers only: Keras casts what it gets to them, and says nothing.

    Both Keras (3.15.1, tf_keras 2.21.0) cut a float32 batch to the type of the input, negative numbers of a uint8 one
    included.

    Parameters
    ----------
    source
        A symbolic tensor of either Keras, or of ONNX Runtime, which has float32 inputs only here.
    """
    dtype = getattr(source, "dtype", "float32")
    return str(getattr(dtype, "name", dtype)).startswith(("int", "uint"))
