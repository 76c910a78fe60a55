"""Residual networks for CIFAR of any depth 6n + 2, original blocks (He et al. 2016, arXiv:1512.03385, section 4.2)."""

from typing import TYPE_CHECKING, Any

from topodepth.architectures import _cifar_resnet, register
from topodepth.errors import InputError

if TYPE_CHECKING:
    import keras


def blocks_of(depth: int) -> int:
    """Return the blocks a stage of a network of ``depth`` layers.

    Raises
    ------
    InputError
        If the depth is not 8, 14, 20, …
    """
    if depth < 8 or (depth - 2) % 6:
        raise InputError(f"cifar_resnet: depth expected as 6n + 2: 8, 14, 20, 26, 32, …. Received: {depth}")
    return (depth - 2) // 6


def taps(depth: int) -> list[str]:
    """Return the layers worth tapping, as those of :mod:`topodepth.architectures.resnet32`."""
    return _cifar_resnet.taps(blocks_of(depth))


@register("cifar_resnet", layers=taps, depth=20, activation="relu", width=16, l2=1e-4, optimizer="adam")
def build(*, depth: int, **settings: Any) -> "keras.Model":
    """Build the network; with depth 32 it is ``resnet32``."""
    return _cifar_resnet.network("cifar_resnet", blocks=blocks_of(depth), preactivation=False, **settings)
