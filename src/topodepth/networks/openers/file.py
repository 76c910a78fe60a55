"""A model file of Keras or ONNX."""

from collections.abc import Callable

import numpy as np

from topodepth.networks import normalisation, runtime
from topodepth.networks.network import Network
from topodepth.networks.openers import Source, register
from topodepth.networks.taps import Layers


@register("file")
class FileOpener:
    """Opens a model file; what it takes is told by the file."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def normalisation(self, how: str) -> tuple[str, str]:
        """Return the normalisation, see :func:`topodepth.networks.normalisation.normalisation`."""
        return normalisation.normalisation(how, self._source.path, trust=self._source.trust)

    def network(self, layers: Layers, _example: Callable[[], np.ndarray], *, scores: bool = False) -> Network:
        """Return the network, see :func:`topodepth.networks.runtime.open_network`."""
        source = self._source
        return runtime.open_network(
            source.path, layers, scores=scores, trust=source.trust, threads=source.threads, gpu=source.gpu,
            layout=source.layout,
        )  # fmt: skip
