"""A Keras file as a victim."""

from topodepth.attacks.attacks import AttackSettings
from topodepth.attacks.keras_victim import KerasVictim, attacked
from topodepth.attacks.sweep import LabelledImages
from topodepth.attacks.victims import register
from topodepth.networks import models
from topodepth.networks.network import Network
from topodepth.networks.openers import Source
from topodepth.networks.runtime import open_network
from topodepth.networks.taps import Layers
from topodepth.training import training


@register("file")
def open_file(
    source: Source, layers: Layers, sample: LabelledImages, settings: AttackSettings
) -> tuple[KerasVictim, Network]:
    """Open a Keras file, see :mod:`topodepth.attacks.victims`."""
    training.set_determinism(settings.seed)
    model = models.load_model(source.path, trust=source.trust)
    network = open_network(
        source.path, layers, scores=True,
        trust=source.trust, threads=source.threads, gpu=source.gpu, model=model,
    )  # fmt: skip
    return attacked(model, sample.images.shape[1:], sample.normalise, settings), network
