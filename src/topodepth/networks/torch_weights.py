"""The weights of a PyTorch model, and the classifier that it is."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from topodepth.errors import InputError
from topodepth.networks.network import are_probabilities, probabilities
from topodepth.networks.torch_caller import Caller
from topodepth.networks.torch_calls import first_tensor
from topodepth.networks.torch_state import as_found


class TorchClassifier:
    """A PyTorch model whose output is probabilities, as :class:`topodepth.networks.models.Classifier` is of Keras.

    Its own output on the example tells what it is: probabilities, sigmoids (all from 0 to 1), else logits, of which
    logarithms of probabilities are some.

    Attributes
    ----------
    name, ends_in, classes
        As of a Keras classifier.

    Parameters
    ----------
    model, name
        The model, and what messages call it.
    turned
        Gives it a batch in the order of axes that it takes.
    example
        A batch, normalised.

    Raises
    ------
    InputError
        If it does not return (n, classes).
    """

    def __init__(self, model: Any, turned: Callable[[np.ndarray], np.ndarray], example: np.ndarray, name: str) -> None:
        self.name = name
        self._caller, self._turned = Caller(model, name), turned
        values = self._outputs(example)
        self.classes = max(2, values.shape[1])
        within = bool(values.min() >= 0 and values.max() <= 1)
        self.ends_in = "softmax" if are_probabilities(values) else "sigmoid" if within else "logits"

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities (n, classes), float64."""
        return probabilities(self._outputs(images), self.ends_in)

    def _outputs(self, images: np.ndarray) -> np.ndarray:
        with as_found(self._caller.model):
            made: Any = first_tensor(self._caller(self._caller.placed(self._turned(images))))
        shape = None if made is None else tuple(made.shape)
        if not shape or shape[0] != len(images) or len([size for size in shape[1:] if size != 1]) > 1:
            raise InputError(f"{self.name}: output expected as (n, classes). Received: {shape or 'no tensor'}")
        return made.float().cpu().numpy().reshape(len(images), -1)


def parameters(model: Any) -> int:
    """Return how many numbers a model has for weights, each once; statistics of normalisations count, as in Keras."""
    real = [value for value in model.state_dict().values() if value.is_floating_point()]
    return sum({(value.data_ptr(), tuple(value.shape)): value.numel() for value in real}.values())


def kernels(model: Any) -> Iterator[np.ndarray]:
    """Yield the kernels of a model as matrices; one that several layers share comes once.

    A convolution (filters, channels, height, width) becomes (channels · height · width, filters), a depthwise one as
    Keras has it: (channels · height · width, filters of a channel).
    """
    seen = set()
    for module in model.modules():
        for weight in module.parameters(recurse=False):
            if weight.ndim > 1 and id(weight) not in seen:
                seen.add(id(weight))
                yield _matrix(weight.detach().double().cpu().numpy(), module)


def _matrix(array: np.ndarray, module: Any) -> np.ndarray:
    kind, groups = type(module).__name__, getattr(module, "groups", 1)
    if kind.startswith("ConvTranspose"):  # (channels, filters, …)
        return np.moveaxis(array, 1, -1).reshape(-1, array.shape[1])
    if kind.startswith("Conv") and groups > 1 and groups == getattr(module, "in_channels", None):
        many = len(array) // groups
        return array.reshape(groups, many, -1).transpose(0, 2, 1).reshape(-1, many)
    if array.ndim == 2 or kind.startswith("Conv"):
        return array.reshape(len(array), -1).T
    return array.reshape(-1, array.shape[-1])
