"""How a live PyTorch model is called: with tensors where its weights lie, in their precision."""

import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.errors import InputError
from topodepth.networks.torch_pooling import MASKS

if TYPE_CHECKING:
    import torch


class Caller:
    """A model, and how inputs are passed to it.

    Parameters
    ----------
    model
        As :func:`topodepth.networks.torch_state.live_module` returns it.
    name
        For messages.

    Attributes
    ----------
    precision
        Of the weights, ``"float32"``; of weights of several, that of the first.
    """

    def __init__(self, model: "torch.nn.Module", name: str) -> None:
        self.model, self.name = model, name
        weights = [*model.parameters(), *model.buffers()]
        kinds = [weight.dtype for weight in weights if weight.is_floating_point()]
        self._device = weights[0].device if weights else None
        self._dtype = kinds[0] if len(set(kinds)) == 1 else None
        self.precision = str(kinds[0] if kinds else "float32").removeprefix("torch.")
        forward = inspect.signature(model.forward).parameters.values()
        self._keywords = {item.name for item in forward if item.kind is not item.VAR_KEYWORD}
        self._any_keyword = any(item.kind is item.VAR_KEYWORD for item in forward)

    def __call__(self, inputs: Any) -> Any:
        """Call the model: a map as keywords, unless it takes none of them; a tuple as several inputs.

        Raises
        ------
        InputError
            If it fails on whole numbers that look like images as they are stored.
        """
        try:
            if isinstance(inputs, Mapping) and (self._any_keyword or self._keywords & set(inputs)):
                return self.model(**inputs)
            return self.model(*inputs) if isinstance(inputs, tuple) else self.model(inputs)
        except RuntimeError as error:
            shape = tuple(getattr(inputs, "shape", ()))
            if len(shape) < 3 or inputs.is_floating_point():
                raise
            raise InputError(
                f"{self.name}: inputs expected as the model takes them, images as normalised fractions (n, channels, "
                f"height, width). Received: {inputs.dtype} {shape}"
            ) from error

    def placed(self, value: Any) -> Any:
        """Return inputs as tensors on the model's device, floating ones in the precision of its weights."""
        import torch

        if isinstance(value, Mapping):
            return {key: self.placed(item) for key, item in value.items()}
        if isinstance(value, tuple | list):
            return tuple(self.placed(item) for item in value)
        if isinstance(value, np.ndarray | np.generic):
            if value.dtype.kind not in "fiub":
                raise InputError(f"{self.name}: inputs expected as numbers. Received: {value.dtype} {value.shape}")
            value = torch.tensor(value)
        if not isinstance(value, torch.Tensor):
            return value
        return value.to(device=self._device, dtype=self._dtype if value.is_floating_point() else None)

    def count(self, inputs: Any) -> int:
        """Return how many items inputs hold: the length of the first axis of the first of them.

        Raises
        ------
        InputError
            If there is none, or others of a tuple, or the mask, hold another number of items.
        """
        lengths = _lengths(inputs)
        if not lengths or not lengths[0]:
            raise InputError(f"{self.name}: inputs expected as arrays or tensors (items, …). Received: {_kind(inputs)}")
        others = inputs if isinstance(inputs, tuple | list) else ()
        if isinstance(inputs, Mapping):
            others = [value for key, value in inputs.items() if key.removeprefix("decoder_") in MASKS]
        for length in _lengths(others):
            if length != lengths[0]:
                raise InputError(
                    f"{self.name}: inputs of a batch expected with {lengths[0]} items each, as the first. Received: "
                    f"{length}, a ragged batch"
                )
        return lengths[0]


def part(inputs: Any, start: int, stop: int, n: int) -> Any:
    """Return some items of inputs that hold n; what has another length belongs to all of them."""
    if isinstance(inputs, Mapping):
        return {key: part(value, start, stop, n) for key, value in inputs.items()}
    if isinstance(inputs, tuple | list):
        return tuple(part(value, start, stop, n) for value in inputs)
    whole = not getattr(inputs, "shape", ()) or inputs.shape[0] != n
    return inputs if whole else inputs[start:stop]


def _lengths(inputs: Any) -> list[int]:
    values = inputs.values() if isinstance(inputs, Mapping) else inputs
    values = values if isinstance(values, Iterable) and not hasattr(values, "shape") else [values]
    return [int(value.shape[0]) for value in values if len(getattr(value, "shape", ()))]


def _kind(inputs: Any) -> str:
    shape = getattr(inputs, "shape", None)
    return type(inputs).__name__ if shape is None else f"{type(inputs).__name__} {tuple(shape)}"
