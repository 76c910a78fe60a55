"""ResNet-32 for CIFAR: three stages of 5 original blocks."""

from typing import TYPE_CHECKING, Any

from topodepth.architectures import register
from topodepth.architectures._cifar_resnet import network, taps

if TYPE_CHECKING:
    import keras

BLOCKS = 5  # a stage


@register("resnet32", layers=taps(BLOCKS), activation="relu", width=16, l2=1e-4, optimizer="adam")
def build(**settings: Any) -> "keras.Model":
    """Build the network, 476,154 weights at width 16 on 3 channels and 10 classes."""
    return network("resnet32", blocks=BLOCKS, preactivation=False, **settings)
