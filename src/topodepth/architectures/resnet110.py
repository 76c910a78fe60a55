"""ResNet-110 for CIFAR: three stages of 18 pre-activation blocks."""

from typing import TYPE_CHECKING, Any

from topodepth.architectures import register
from topodepth.architectures._cifar_resnet import network, taps

if TYPE_CHECKING:
    import keras

BLOCKS = 18  # a stage


@register("resnet110", layers=taps(BLOCKS), activation="relu", width=16, l2=1e-4, optimizer="adam")
def build(**settings: Any) -> "keras.Model":
    """Build the network, 1,748,346 weights at width 16 on 3 channels and 10 classes."""
    return network("resnet110", blocks=BLOCKS, preactivation=True, **settings)
