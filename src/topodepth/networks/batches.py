"""Images through a network, a batch at a time."""

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

PIXELS = 2**16  # of all images that are passed on at once: beyond, memory grows and speed does not


def batch_for(shape: tuple[int, ...]) -> int:
    """Return how many images (n, height, width, channels), or other items (n, …), to pass through a network at once."""
    return max(1, PIXELS // math.prod(shape[1:3]))


def even_batch(n: int, most: int) -> int:
    """Return the size of equal batches of n images, at most ``most``, so that filling up the last one wastes little."""
    return math.ceil(n / math.ceil(n / most))


def predict(model: "keras.Model", batch: np.ndarray, size: int) -> np.ndarray | list[np.ndarray]:
    """Run a model on a batch of at most ``size`` inputs.

    A smaller batch is filled up, and its output cut, so that the graph is traced for one shape only. A network of a
    fixed batch gets batches of that size. What recurrent layers remember of earlier batches is forgotten before each,
    so the output for an input depends on nothing else.
    """
    fixed = model.inputs[0].shape[0] if hasattr(model, "inputs") else None
    step = fixed or max(size, len(batch))
    parts = []
    for start in range(0, len(batch), step):
        part = batch[start : start + step]
        missing = (fixed or size) - len(part)
        _forget(model)
        filled = np.concatenate([part, np.repeat(part[-1:], missing, axis=0)]) if missing > 0 else part
        outputs = model.predict_on_batch(filled)
        parts.append([output[: len(part)] for output in (outputs if isinstance(outputs, list) else [outputs])])
    whole = parts[0] if len(parts) == 1 else [np.concatenate(values) for values in zip(*parts, strict=True)]
    return whole if isinstance(outputs, list) else whole[0]


def _forget(layer: object) -> None:
    """Reset the states of all stateful layers in a model."""
    if hasattr(layer, "layers"):
        for inner in layer.layers:
            _forget(inner)
    elif getattr(layer, "stateful", False) and hasattr(layer, "reset_states"):
        layer.reset_states()


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
