"""A PyTorch model that a command names by its code, as a configuration does: ``my_nets.py:resnet20``."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from topodepth.errors import InputError
from topodepth.networks.openers import Source
from topodepth.study import doors


def source_of(
    model: str, *, weights: str | None, arguments: Mapping[str, Any] | None, trust: bool, layout: str
) -> Source | None:
    """Return the source of a model of code; None if it is none.

    Raises
    ------
    InputError
        If weights or arguments are given of any other.
    """
    path, _, name = model.rpartition(":")
    if path.endswith(".py"):
        told = {"name": name, "arguments": dict(arguments or {}), "weights": weights}
        return Source(path, told, trust, layout, threads=doors.cores())
    for key, value in (("weights", weights), ("arguments", arguments)):
        if value is not None:
            raise InputError(f"{key}: expected of a PyTorch model, 'my_nets.py:resnet20'. Received: of {model}.")
    return None


def opened(
    source: Source, normalise: Callable[[np.ndarray], np.ndarray], example: np.ndarray
) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
    """Open a model of code, and return it with what makes its input of images (n, height, width, channels).

    Parameters
    ----------
    source
        As :func:`source_of` returns it.
    normalise
        Of images with their channels last.
    example
        Some of them, to find which order of axes the model takes.
    """
    from topodepth.networks.torch_source import open_module, turning

    module = open_module(source)
    turned = turning(module, normalise(example), source.layout, source.path)
    return module, lambda images: turned(normalise(images))
