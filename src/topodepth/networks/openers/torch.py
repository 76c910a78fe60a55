"""A PyTorch model: a user's own code, and a file of weights."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.errors import InputError
from topodepth.networks import torch_network
from topodepth.networks.network import Network
from topodepth.networks.openers import Source, register
from topodepth.networks.torch_source import open_module, turning

if TYPE_CHECKING:
    import torch


@register("torch")
class TorchOpener:
    """Opens a PyTorch model; what it takes is tried."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def normalisation(self, how: str) -> tuple[str, str]:
        """Return the normalisation as it is: nothing in a module tells it, so that a plan has to say it."""
        return how, ""

    @cached_property
    def module(self) -> "torch.nn.Module":
        """The model itself."""
        return open_module(self._source)

    def network(self, layers: Any, example: Callable[[], np.ndarray], *, scores: bool = False) -> Network:
        """Return the network; its taps bear the names that were asked for."""
        module, batch, name = self.module, example(), self._source.path
        turned = turning(module, batch, self._source.layout, name)
        network = torch_network.open_torch(module, turned(batch), layers, scores=scores, name=name)
        taps = network.taps
        if isinstance(layers, Sequence) and not isinstance(layers, str):
            if len(taps) != len(layers):
                found = ", ".join(tap.token for tap in taps)
                raise InputError(f"{name}: layers expected to be one call each, and different. Received: {found}.")
            taps = [replace(tap, token=str(token)) for tap, token in zip(taps, layers, strict=True)]
        return replace(network, taps=taps, predict=lambda images, size: network.predict(turned(images), size))
