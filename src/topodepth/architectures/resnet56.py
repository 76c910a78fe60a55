"""ResNet-56 for CIFAR: three stages of 9 original blocks."""

from typing import TYPE_CHECKING, Any

from topodepth.architectures import register
from topodepth.architectures._cifar_resnet import network, taps

if TYPE_CHECKING:
    import keras

BLOCKS = 9  # a stage


@register("resnet56", layers=taps(BLOCKS), activation="relu", width=16, l2=1e-4, optimizer="adam")
def build(**settings: Any) -> "keras.Model":
    """Build the network, 866,810 weights at width 16 on 3 channels and 10 classes."""
    return network("resnet56", blocks=BLOCKS, preactivation=False, **settings)
