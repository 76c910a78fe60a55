"""A residual network of ten bottleneck-like blocks (He et al. 2016, arXiv:1512.03385)."""

from typing import TYPE_CHECKING

from topodepth.architectures import register
from topodepth.architectures._layers import Layers, Shape

if TYPE_CHECKING:
    import keras

STRIDES = (1, 2, 2, 1, 2)  # one a pair of blocks


@register(
    "resnet",
    layers=[*(f"block{block}_add" for block in range(1, 11)), "logits"],
    activation="elu",
    width=128,
    l2=1e-3,
    optimizer="adamax",
)
def build(
    *, input_shape: Shape, classes: int, activation: str, width: int, l2: float = 1e-3, seed: int = 0
) -> "keras.Model":
    """Build the network: a strided 7×7 stem of half the width, five pairs of blocks, global average pooling.

    1,901,194 weights at width 128 on 3 channels.
    """
    import keras

    make = Layers(seed=seed, activation=activation, initializer="HeNormal", l2=l2)
    images = keras.Input(input_shape, name="images")
    x = keras.layers.ZeroPadding2D(3, name="stem_pad")(images)
    x = make.conv("stem_conv", max(8, width // 2), 7, strides=2, padding="valid")(x)
    x = make.act("stem_activation")(make.norm("stem_norm")(x))
    x = make.pool("stem_pool")(x)
    for pair, strides in enumerate(STRIDES):
        x = _block(make, x, f"block{2 * pair + 1}", width, strides, project=True)
        x = _block(make, x, f"block{2 * pair + 2}", width, 1, project=False)
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    logits = make.dense("logits", classes)(x)
    return keras.Model(images, make.softmax()(logits), name="resnet")


def _block(
    make: Layers, x: "keras.KerasTensor", name: str, width: int, strides: int, *, project: bool
) -> "keras.KerasTensor":
    import keras

    y = make.conv(f"{name}_conv1", width, 1, strides=strides)(x)
    y = make.act(f"{name}_activation1")(make.norm(f"{name}_norm1")(y))
    y = make.conv(f"{name}_conv2", width, 3)(y)
    y = make.act(f"{name}_activation2")(make.norm(f"{name}_norm2")(y))
    y = make.norm(f"{name}_norm3")(make.conv(f"{name}_conv3", width, 1)(y))
    if project:
        x = make.norm(f"{name}_shortcut_norm")(make.conv(f"{name}_shortcut", width, 1, strides=strides)(x))
    y = keras.layers.Add(name=f"{name}_add")([y, x])
    return make.act(f"{name}_activation")(y)
