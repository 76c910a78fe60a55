"""MobileNetV2: inverted residuals with linear bottlenecks (Sandler et al. 2018, arXiv:1801.04381)."""

from typing import TYPE_CHECKING

from topodepth.architectures import register
from topodepth.architectures._layers import Layers, Shape

if TYPE_CHECKING:
    import keras

EXPANSIONS = (1, 6, 6, 6, 6)  # one a stage
BLOCKS = 3


@register(
    "mobilenet_v2",
    layers=[*(f"stage{stage}_block{block}_add" for stage in range(1, 6) for block in (2, 3)), "logits"],
    activation="relu6",
    width=128,
    l2=0.0,
    optimizer="adamax",
)
def build(
    *, input_shape: Shape, classes: int, activation: str, width: int, l2: float = 0.0, seed: int = 0
) -> "keras.Model":
    """Build the network: five stages of three inverted residual blocks, each stage halving height and width.

    One activation layer object is shared by the whole network, as in the original: layer ``activation`` has many
    applications. 2,639,466 weights at width 128 on 3 channels.
    """
    import keras

    make = Layers(seed=seed, activation=activation, initializer="GlorotUniform", l2=l2)
    shared = make.act("activation")
    images = keras.Input(input_shape, name="images")
    x = make.conv("stem_conv", max(8, width // 4), 3, strides=2)(images)
    x = shared(make.norm("stem_norm")(x))
    for stage, expansion in enumerate(EXPANSIONS, start=1):
        for block in range(1, BLOCKS + 1):
            x = _block(
                make, shared, x, f"stage{stage}_block{block}", width=width, expansion=expansion, first=block == 1
            )
    x = shared(make.norm("head_norm")(make.conv("head_conv", width, 1)(x)))
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name="features")(x)
    x = make.dropout("dropout", 0.3)(x)
    logits = make.conv("logits", classes, 1)(x)
    outputs = keras.layers.Reshape((classes,), name="output")(make.softmax()(logits))
    return keras.Model(images, outputs, name="mobilenet_v2")


def _block(
    make: Layers,
    shared: "keras.Layer",
    x: "keras.KerasTensor",
    name: str,
    *,
    width: int,
    expansion: int,
    first: bool,
) -> "keras.KerasTensor":
    import keras

    y = make.conv(f"{name}_expand", expansion * x.shape[-1], 1)(x)
    y = shared(make.norm(f"{name}_expand_norm")(y))
    y = make.depthwise(f"{name}_depthwise", 3, strides=2 if first else 1)(y)
    y = shared(make.norm(f"{name}_depthwise_norm")(y))
    y = make.norm(f"{name}_project_norm")(make.conv(f"{name}_project", width, 1)(y))
    return y if first else keras.layers.Add(name=f"{name}_add")([y, x])
