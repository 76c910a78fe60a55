"""A PyTorch model as a victim."""

from topodepth.attacks.attacks import AttackSettings
from topodepth.attacks.sweep import LabelledImages
from topodepth.attacks.torch_victim import TorchVictim
from topodepth.attacks.victims import register
from topodepth.networks.network import Network
from topodepth.networks.openers import Source
from topodepth.networks.openers.torch import TorchOpener
from topodepth.networks.torch_probe import PROBED
from topodepth.networks.torch_source import order_of


@register("torch")
def open_torch_model(
    source: Source, layers: object, sample: LabelledImages, settings: AttackSettings
) -> tuple[TorchVictim, Network]:
    """Open a PyTorch model, see :mod:`topodepth.attacks.victims`."""
    opener, example = TorchOpener(source), sample.first(PROBED)
    batch = sample.normalise(example)
    network = opener.network(layers, lambda: batch, scores=True)
    first = order_of(opener.module, batch, source.layout, source.path) == "channels_first"
    victim = TorchVictim(
        opener.module, example, sample.normalise, settings, channels_first=first, name=source.path
    )  # fmt: skip
    return victim, network
