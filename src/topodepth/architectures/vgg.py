"""A VGG network: plain pairs of 3×3 convolutions (Simonyan & Zisserman 2015, arXiv:1409.1556)."""

from typing import TYPE_CHECKING

from topodepth.architectures import register
from topodepth.architectures._layers import Layers, Shape

if TYPE_CHECKING:
    import keras

POOLS = (2, 2, 2, 2, 1)  # one a block


@register(
    "vgg",
    layers=["block1_conv2", *(f"block{block}_conv{k}" for block in range(2, 6) for k in (1, 2)), "logits"],
    activation="relu",
    width=128,
    l2=1e-3,
    optimizer="adamax",
)
def build(
    *, input_shape: Shape, classes: int, activation: str, width: int, l2: float = 1e-3, seed: int = 0
) -> "keras.Model":
    """Build the network: five blocks of [convolution, activation, normalisation] × 2 and a pooling, two dense layers.

    The L2 penalty is on every convolution but the first. 1,867,402 weights at width 128 on 32×32×3.
    A Sequential model, so that the original's layer indices hold: its ``layers`` begin with the first convolution.
    """
    import keras

    make = Layers(seed=seed, activation=activation, initializer="GlorotUniform", l2=l2)
    stack = [keras.Input(input_shape, name="images")]
    for block, pool in enumerate(POOLS, start=1):
        for k in (1, 2):
            penalty = 0.0 if block == k == 1 else l2
            stack.append(make.conv(f"block{block}_conv{k}", width, 3, activation=activation, l2=penalty))
            stack.append(make.norm(f"block{block}_norm{k}"))
        stack.append(make.pool(f"block{block}_pool", pool))
    stack.append(keras.layers.Flatten(name="flatten"))
    for k in (1, 2):
        stack.append(make.dense(f"dense{k}", 4 * width, activation=activation))
        stack.append(make.dropout(f"dropout{k}", 0.2))
    stack += [make.dense("logits", classes), make.softmax()]
    return keras.Sequential(stack, name="vgg")
