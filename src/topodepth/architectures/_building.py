"""Which architectures there are, which layers each has, and the building itself."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING

from topodepth.architectures._layers import Shape
from topodepth.errors import InputError, is_whole, unknown_name
from topodepth.registry import Registry

if TYPE_CHECKING:
    import keras

ACTIVATIONS = ("relu", "swish", "tanh", "relu6", "sigmoid", "elu")
SMALLEST_SIDE = 8

registry = Registry("topodepth.architectures", "architecture")
register = registry.register


def build(
    name: str,
    *,
    input_shape: Sequence[int],
    classes: int,
    activation: str | None = None,
    width: int | None = None,
    depth: int | None = None,
    l2: float | None = None,
    seed: int = 0,
) -> "keras.Model":
    """Build an untrained, uncompiled network by the name of its architecture.

    Parameters
    ----------
    name
        A registered architecture: ``"vgg"``, ``"resnet"``, ``"se_resnet"``, ``"mobilenet_v2"``, ``"resnet32"`` …
    input_shape
        Height, width and channels of one image; height and width at least 8.
    classes
        Number of classes, at least 2.
    activation
        One of ``relu``, ``swish``, ``tanh``, ``relu6``, ``sigmoid``, ``elu``; the architecture's own if None.
    width
        Number of channels that the whole network scales with; the architecture's own if None.
    depth
        Number of layers, of an architecture that exists in several depths; the architecture's own if None.
    l2
        Weight of the L2 penalty on the convolutions that have one; the architecture's own if None.
    seed
        Seed of the initial weights and of dropout: the same seed gives the same network in every process.

    Returns
    -------
    keras.Model
        A model named ``name``; its layer ``logits`` holds the values before the softmax.

    Raises
    ------
    InputError
        If a name is unknown or a number out of range.
    """
    entry = registry.get(name)
    activation = entry.activation if activation is None else activation
    width = entry.width if width is None else width
    l2 = entry.l2 if l2 is None else l2
    if activation not in ACTIVATIONS:
        raise unknown_name("activation", activation, ACTIVATIONS)
    _check_integer(f"{name}: width", width, 1)
    _check_integer(f"{name}: classes", classes, 2)
    _check_integer(f"{name}: seed", seed, 0)
    if isinstance(l2, bool) or not isinstance(l2, Real) or not 0 <= float(l2) < float("inf"):
        raise InputError(f"{name}: l2 expected to be a number of at least 0. Received: {l2!r}")
    options = {"depth": checked_depth(name, depth)} if hasattr(entry, "depth") or depth is not None else {}
    model = entry(
        input_shape=_checked_shape(name, input_shape),
        classes=int(classes),
        activation=activation,
        width=int(width),
        l2=float(l2),
        seed=int(seed),
        **options,
    )
    if not hasattr(model, "layers"):
        raise InputError(f"architecture {name}: expected to return a Keras model. Received: {model!r:.100}.")
    return model


def layers(name: str, depth: int | None = None) -> list[str]:
    """Return the layers of an architecture that are worth tapping, in order of depth, without importing Keras.

    Raises
    ------
    InputError
        As :func:`build`, for the name and the depth.
    """
    declared = registry.get(name).layers
    if depth is None and not callable(declared):
        return list(declared)
    return list(declared(checked_depth(name, depth)))


def checked_depth(name: str, depth: int | None) -> int:
    """Return the depth of a network, the architecture's own if None.

    Raises
    ------
    InputError
        If the architecture exists in one depth only, or not in this one.
    """
    entry = registry.get(name)
    if not hasattr(entry, "depth"):
        several = [other for other in registry.names() if hasattr(registry.get(other), "depth")]
        raise InputError(f"{name}: has one depth, expected none to be set (of any depth: {several}). Received: {depth}")
    depth = entry.depth if depth is None else depth
    _check_integer(f"{name}: depth", depth, 1)
    entry.layers(depth)  # which refuses a depth that this architecture has not
    return int(depth)


def _check_integer(what: str, value: object, least: int) -> None:
    if not is_whole(value, least):
        raise InputError(f"{what} expected to be a whole number of at least {least}. Received: {value!r}")


def _checked_shape(name: str, shape: Sequence[int]) -> Shape:
    if len(shape) != 3 or not all(isinstance(side, Integral) and side > 0 for side in shape):
        raise InputError(f"{name}: input shape expected as (height, width, channels). Received: {tuple(shape)}")
    height, width, channels = map(int, shape)
    if min(height, width) < SMALLEST_SIDE:
        expected = f"at least {SMALLEST_SIDE}×{SMALLEST_SIDE} pixels"
        raise InputError(f"{name}: input too small, expected {expected}. Received: {height}×{width}")
    return height, width, channels
