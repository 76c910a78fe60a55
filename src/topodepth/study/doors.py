"""Whose model it is, and what opens it: a live model or a file becomes a :class:`topodepth.networks.runtime.Network`.

One more framework is one more function here, and its line in DOORS.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from topodepth.errors import InputError
from topodepth.networks import taps
from topodepth.networks.runtime import Network
from topodepth.study.settings import Passing


class Door(NamedTuple):
    """What models of a kind are called, how one is told from others, and what opens it with its layers tapped."""

    kind: str
    takes: Callable[[Any], bool]
    opens: Callable[[Any, Any, Callable[[], Any], Passing], Network]


def open_model(model: Any, layers: Any, example: Callable[[], Any], passing: Passing) -> Network:
    """Open a model and tap its layers; its ``predict`` returns the model's own output last.

    Parameters
    ----------
    model
        Any that a door takes.
    layers
        ``"auto"``, or names, indices and patterns such as ``"conv*"``.
    example
        Returns the inputs of the first batch, for a framework that has to see a pass to know its layers; such a network
        has no ``inputs``, and gets batches as they are given.
    passing
        How data will be passed through it.

    Raises
    ------
    InputError
        If no door takes it, it cannot be opened or a layer is unknown.
    """
    for door in DOORS:
        if door.takes(model):
            return door.opens(model, layers, example, passing)
    known = ", ".join(door.kind for door in DOORS)
    received = f"{type(model).__module__}.{type(model).__qualname__}"
    raise InputError(f"model: expected {known}, or arrays: layers={{name: (n, d)}}. Received: {received}.")


def name_of(model: Any) -> str:
    """Return what a model is called in tables where no name is given: that of its file, or its own."""
    if is_path(model):
        return Path(model).stem
    own = getattr(model, "name", None)
    return own if isinstance(own, str) and own else type(model).__name__


def from_package(*names: str) -> Callable[[Any], bool]:
    """Return what tells objects of a package's classes, and of classes that inherit from them; nothing is imported."""

    def takes(model: Any) -> bool:
        return any(base.__module__.partition(".")[0] in names for base in type(model).__mro__)

    return takes


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
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return open_network(path, layers, scores=True, trust=passing.trust, threads=passing.threads or cores)


def _has_pattern(layers: Any) -> bool:
    return any(map(taps.is_pattern, layers if isinstance(layers, list | tuple) else [layers]))


DOORS = [
    Door("a Keras model", from_package("keras", "tf_keras"), _keras_model),
    Door("the path of one", is_path, _keras_file),  # the last of those for files: it says what any other file is
]
