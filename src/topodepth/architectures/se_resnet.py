"""A residual network with squeeze-and-excitation (Hu et al. 2018, arXiv:1709.01507)."""

from typing import TYPE_CHECKING

from topodepth.architectures import register
from topodepth.architectures._layers import Layers, Shape

if TYPE_CHECKING:
    import keras

BLOCKS = 6
RATIO = 8  # channels a unit of the squeezed layer


@register(
    "se_resnet",
    layers=["stem_excite", *(f"block{block}_add" for block in range(1, BLOCKS + 1)), "features", "logits"],
    activation="relu",
    width=128,
    l2=0.0,
    optimizer="adamax",
)
def build(
    *, input_shape: Shape, classes: int, activation: str, width: int, l2: float = 0.0, seed: int = 0
) -> "keras.Model":
    """Build the network: a narrow stem and six residual blocks, a max pooling after all but the last.

    1,703,068 weights at width 128 on 32×32×3.
    """
    import keras

    make = Layers(seed=seed, activation=activation, initializer="GlorotUniform", l2=l2)
    images = keras.Input(input_shape, name="images")
    stem = max(8, width // 8)
    x = make.norm("stem_norm")(make.conv("stem_conv", stem, 3, activation=activation)(images))
    x = _excite(make, x, "stem", stem)
    for block in range(1, BLOCKS + 1):
        x = _block(make, x, f"block{block}", width)
        if block < BLOCKS:
            x = make.pool(f"block{block}_pool")(x)
    x = keras.layers.Flatten(name="features")(x)
    logits = make.dense("logits", classes)(x)
    return keras.Model(images, make.softmax()(logits), name="se_resnet")


def _block(make: Layers, x: "keras.KerasTensor", name: str, width: int) -> "keras.KerasTensor":
    import keras

    y = make.norm(f"{name}_norm1")(make.conv(f"{name}_conv1", width, 3, activation=make.activation)(x))
    y = _excite(make, y, f"{name}_1", width)
    y = make.norm(f"{name}_norm2")(make.conv(f"{name}_conv2", width, 3)(y))
    y = _excite(make, y, f"{name}_2", width)
    if x.shape[-1] != width:
        x = make.conv(f"{name}_shortcut", width, 1)(x)
    y = keras.layers.Add(name=f"{name}_add")([y, x])
    return make.act(f"{name}_activation")(y)


def _excite(make: Layers, x: "keras.KerasTensor", name: str, channels: int) -> "keras.KerasTensor":
    """Scale each channel by a gate in (0, 1) computed from the mean of all channels."""
    import keras

    gate = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    gate = make.dense(f"{name}_dense1", max(1, channels // RATIO), activation=make.activation)(gate)
    gate = make.dense(f"{name}_dense2", channels, activation="sigmoid")(gate)
    return keras.layers.Multiply(name=f"{name}_excite")([x, gate])
