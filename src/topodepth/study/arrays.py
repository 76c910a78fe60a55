"""Numbers as users have them, NumPy's or those of a deep-learning library, as the arrays that are measured."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from topodepth.activations.file import MEANS, NAME_LIMIT, Representation
from topodepth.errors import InputError


def as_array(values: Any) -> np.ndarray:
    """Return numbers as a NumPy array; a tensor leaves its graph and its device, bfloat16 becomes float32."""
    if hasattr(values, "detach"):  # PyTorch, which is not imported here
        values = values.detach().cpu()
        if str(values.dtype) == "torch.bfloat16":  # NumPy has none, and PyTorch converts it to none
            values = values.float()
    array = np.asarray(values)
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array  # JAX's: ml_dtypes


def as_labels(labels: Any, n: int | None = None) -> np.ndarray:
    """Return the class of each point, (n,) int64.

    Raises
    ------
    InputError
        If they are not whole numbers, or not ``n``; the message says how to make them.
    """
    array = as_array(labels)
    expected = f"labels: expected {'' if n is None else f'{n} '}whole numbers, one a point"
    if array.ndim != 1 or array.dtype.kind not in "iu" or (n is not None and len(array) != n):
        hint = " One-hot? Give labels.argmax(axis=1)." if array.ndim == 2 and array.shape[1] > 1 else ""
        if array.ndim == 1 and array.dtype.kind not in "iu":
            hint = " Give np.unique(labels, return_inverse=True)[1]."
        raise InputError(f"{expected}. Received: {array.dtype} {array.shape}.{hint}")
    return array.astype(np.int64)


def as_layers(layers: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the points of each layer, (n, d), as they are: real numbers, as many points in each.

    Raises
    ------
    InputError
        The message names the layer.
    """
    if not layers:
        raise InputError("layers: expected at least one. Received: none.")
    found = {str(name): as_array(values) for name, values in layers.items()}
    n = None
    for name, values in found.items():
        where = f"layer {name!r}"
        if not name or len(name) > NAME_LIMIT or not name.isprintable():
            raise InputError(
                f"layers: expected names of one line, 1 to {NAME_LIMIT} characters. Received: {name!r:.60}."
            )
        if values.ndim != 2 or values.dtype.kind not in "fiu":
            hint = MEANS.get(values.ndim, "").replace("before you write: ", "first: ").replace("Write ", "Give ")
            raise InputError(f"{where}: expected real numbers (n, d). Received: {values.dtype} {values.shape}. {hint}")
        if 0 in values.shape:
            raise InputError(f"{where}: expected at least one point and one feature. Received: {values.shape}.")
        n = len(values) if n is None else n
        if len(values) != n:
            raise InputError(f"{where}: expected {n} points, as in the first layer. Received: {len(values)}.")
    return found


def representations(layers: Mapping[str, np.ndarray]) -> list[Representation]:
    """Return what arrays are when nothing but their order is known: their depth is that of their place."""
    return [
        Representation(name, name, "", "", (k + 1) / len(layers), values.shape[1])
        for k, (name, values) in enumerate(layers.items())
    ]
