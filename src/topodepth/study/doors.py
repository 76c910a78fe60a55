"""Whose model it is, and what opens it: a live model or a file becomes a :class:`topodepth.networks.network.Network`.

One more framework is one more function here, and its line in DOORS.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from topodepth.errors import InputError
from topodepth.networks import taps
from topodepth.networks.frameworks import is_keras, is_torch
from topodepth.networks.inputs import fits
from topodepth.networks.network import Network
from topodepth.networks.torch_state import random_state
from topodepth.study.settings import OF_TORCH, Passing

Example = Callable[[], Any] | None  # returns the inputs of the first batch


class Door(NamedTuple):
    """What models of a kind are called, how one is told from others, and what opens it with its layers tapped.

    ``settings`` are those of ``topodepth.study.settings.OF_SOME`` that say something of such a model.
    """

    kind: str
    takes: Callable[[Any], bool]
    opens: Callable[[Any, Any, Example, Passing], Network]
    settings: tuple[str, ...] = ()


def open_model(model: Any, layers: Any, example: Example, passing: Passing) -> Network:
    """Open a model and tap its layers; its ``predict`` returns the model's own output last.

    Parameters
    ----------
    model
        Any that a door takes.
    layers
        ``"auto"``, or names, indices and patterns such as ``"conv*"``.
    example
        Returns the inputs of the first batch, for a framework that has to see a pass to know its layers; such a network
        has no ``inputs``, and gets batches as they are given. None where only taps are asked for, without data.
    passing
        How data will be passed through it.

    Raises
    ------
    InputError
        If no door takes it, it cannot be opened, a layer is unknown, or a setting is of other models only.
    """
    for door in DOORS:
        if door.takes(model):
            passing.require(door.settings, door.kind)
            return door.opens(model, layers, example, passing)
    known = ", ".join(door.kind for door in DOORS)
    received = f"{type(model).__module__}.{type(model).__qualname__}"
    raise InputError(f"model: expected {known}, or arrays: layers={{name: (n, d)}}. Received: {received}.")


def name_of(model: Any) -> str:
    """Return what a model is called in tables where no name is given: that of its file, or its own."""
    if is_path(model):
        return Path(model).stem
    if _is_onnx(model):
        return model.graph.name or "model"
    own = getattr(model, "name", None)
    return own if isinstance(own, str) and own else type(model).__name__


def is_path(model: Any) -> bool:
    """Tell whether a model is the path of a file."""
    return isinstance(model, str | os.PathLike)


def _keras_model(model: Any, layers: Any, _example: Any, _passing: Passing) -> Network:
    from topodepth.networks.opened import KerasGraph
    from topodepth.networks.runtime import by_keras

    if not getattr(model, "outputs", None):
        raise InputError(
            f"model: expected a functional or sequential model of Keras, built for one shape of input. "
            f"Received: {type(model).__name__}."
        )
    layers = taps.matching(KerasGraph(model), layers) if _has_pattern(layers) else layers
    return by_keras(model, layers, scores=len(model.outputs) == 1)


def _keras_file(path: Any, layers: Any, _example: Any, passing: Passing) -> Network:
    from topodepth.networks.files import inspect
    from topodepth.networks.runtime import open_network

    if _has_pattern(layers):
        layers = taps.matching(inspect(path, trust=passing.trust).graph(), layers)
    return open_network(path, layers, scores=True, trust=passing.trust, threads=_threads(passing))


def _is_onnx(model: Any) -> bool:
    if is_path(model):
        return Path(model).suffix.lower() == ".onnx"
    return type(model).__name__ == "ModelProto"


def _onnx_model(model: Any, layers: Any, example: Example, passing: Passing) -> Network:
    from topodepth.networks import onnx_file
    from topodepth.networks.runtime import open_network

    if _has_pattern(layers):
        found = onnx_file.inspect(model) if is_path(model) else onnx_file.of_model(model)
        layers = taps.matching(found.graph(), layers)
    network = open_network(model, layers, scores=True, threads=_threads(passing), layout=passing.layout)
    return network if example is None else _as_given(network, np.shape(example())[1:])


def _as_given(network: Network, shape: tuple[int, ...]) -> Network:
    """Let a network that is asked with its channels last take them first, where data of this shape have them there."""
    (source,) = network.inputs
    batch, *inner = source.shape
    first = (*inner[-1:], *inner[:-1])
    if len(inner) < 2 or tuple(shape) == tuple(inner) or not fits(first, shape):
        return network
    return replace(
        network,
        inputs=[replace(source, shape=(batch, *first))],
        predict=lambda images, size: network.predict(np.moveaxis(images, 1, -1), size),
    )


def _torch_model(model: Any, layers: Any, example: Example, passing: Passing) -> Network:
    from topodepth.networks.torch_network import open_torch

    if example is None:
        raise InputError("images: expected a first batch: a PyTorch model shows its layers in a pass. Received: none.")
    return open_torch(model, example(), layers, pooling=passing.pooling, channels=passing.channels, scores=True)


@contextmanager
def as_found(model: Any, images: Any) -> Iterator[None]:
    """Put back all that a framework draws from by chance, and what opening a model leaves in it.

    Images can come from a DataLoader of PyTorch whatever the model is.
    """
    with ExitStack() as stack:
        if "torch" in sys.modules:
            stack.enter_context(random_state(images))
        if is_keras(model):
            from topodepth.networks import keras_state

            stack.enter_context(keras_state.as_found(model))
        yield


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _threads(passing: Passing) -> int:
    return passing.threads or cores()


def _has_pattern(layers: Any) -> bool:
    return any(map(taps.is_pattern, layers if isinstance(layers, list | tuple) else [layers]))


DOORS = [
    Door("a Keras model", is_keras, _keras_model),
    Door("a PyTorch model", is_torch, _torch_model, OF_TORCH),
    Door("a model of ONNX or its path", _is_onnx, _onnx_model, ("layout",)),
    Door("the path of a Keras model", is_path, _keras_file),  # the last for files: it says what any other file is
]
