"""A plain convolutional network of any depth, small and quick: what a grid over depth needs."""

from typing import TYPE_CHECKING

from topodepth.architectures import register
from topodepth.architectures._layers import Layers, Shape

if TYPE_CHECKING:
    import keras

LEAST_SIDE = 4  # pooling stops at this many pixels


def taps(depth: int) -> list[str]:
    """Return the layers worth tapping: every convolution's output and the head."""
    return [*(f"conv{k}" for k in range(1, depth + 1)), "features", "logits"]


@register("cnn", layers=taps, depth=4, activation="relu", width=32, l2=1e-4, optimizer="adam")
def build(
    *, input_shape: Shape, classes: int, activation: str, width: int, depth: int, l2: float = 1e-4, seed: int = 0
) -> "keras.Model":
    """Build the network: ``depth`` 3×3 convolutions, each normalised and activated, average pooling, one dense layer.

    Pixels are halved after each convolution until 4 are left on a side.
    """
    import keras

    make = Layers(seed=seed, activation=activation, initializer="HeNormal", l2=l2)
    images = keras.Input(input_shape, name="images")
    x = images
    for k in range(1, depth + 1):
        x = make.conv(f"conv{k}", width, 3, use_bias=False)(x)
        x = make.act(f"activation{k}")(make.norm(f"norm{k}")(x))
        if min(x.shape[1:3]) >= 2 * LEAST_SIDE:
            x = make.pool(f"pool{k}", 2)(x)
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(images, make.softmax()(make.dense("logits", classes)(x)), name="cnn")
