"""A PyTorch model as a classifier."""

from collections.abc import Callable

import numpy as np

from topodepth.networks.openers import Source
from topodepth.networks.torch_source import open_module, turning
from topodepth.networks.torch_weights import TorchClassifier, kernels, parameters
from topodepth.training.classifiers import register
from topodepth.training.complexity import of_kernels


@register("torch")
def open_torch_model(
    source: Source, example: Callable[[], np.ndarray]
) -> tuple[object, tuple[int, ...], Callable[[], dict]]:
    """Open a PyTorch model, see :mod:`topodepth.training.classifiers`."""
    module, batch = open_module(source), example()
    classifier = TorchClassifier(module, turning(module, batch, source.layout, source.path), batch, source.path)
    return classifier, batch.shape[1:], lambda: of_kernels(list(kernels(module)), parameters(module))
