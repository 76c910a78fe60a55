"""What the three residual networks for CIFAR share (He et al. 2016, arXiv:1512.03385, section 4.2)."""

from typing import TYPE_CHECKING

from topodepth.architectures._layers import Layers, Shape

if TYPE_CHECKING:
    import keras


def taps(blocks: int) -> list[str]:
    """Return the layers worth tapping: three blocks a stage (or all) evenly apart up to its last, and the head."""
    chosen = sorted({max(1, blocks // 3), max(1, 2 * blocks // 3), blocks})
    return [*(f"stage{stage}_block{block}_add" for stage in (1, 2, 3) for block in chosen), "dense", "logits"]


def network(
    name: str,
    *,
    blocks: int,
    preactivation: bool,
    input_shape: Shape,
    classes: int,
    activation: str,
    width: int,
    l2: float,
    seed: int,
) -> "keras.Model":
    """Build a network of three stages of ``blocks`` blocks, of ``width``, 2 and 4 times ``width`` channels.

    Parameters
    ----------
    preactivation
        False: original blocks, shortcuts without parameters. True: normalisation and activation come before the
        convolutions (He et al. 2016, arXiv:1603.05027), shortcuts are 1×1 convolutions where widths differ.
    """
    import keras

    make = Layers(seed=seed, activation=activation, initializer="HeNormal", l2=l2)
    block_of = _preactivation_block if preactivation else _original_block
    images = keras.Input(input_shape, name="images")
    x = make.conv("stem_conv", width, 3, use_bias=False)(images)
    if not preactivation:
        x = make.act("stem_activation")(make.norm("stem_norm")(x))
    for stage in (1, 2, 3):
        for block in range(1, blocks + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            x = block_of(make, x, f"stage{stage}_block{block}", width * 2 ** (stage - 1), strides)
    if preactivation:
        x = make.act("last_activation")(make.norm("last_norm")(x))
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    x = make.dense("dense", 8 * width, activation=activation)(make.norm("features_norm")(x))
    logits = make.dense("logits", classes)(make.norm("dense_norm")(x))
    return keras.Model(images, make.softmax()(logits), name=name)


def _original_block(make: Layers, x: "keras.KerasTensor", name: str, filters: int, strides: int) -> "keras.KerasTensor":
    import keras

    y = make.conv(f"{name}_conv1", filters, 3, strides=strides, use_bias=False)(x)
    y = make.act(f"{name}_activation1")(make.norm(f"{name}_norm1")(y))
    y = make.norm(f"{name}_norm2")(make.conv(f"{name}_conv2", filters, 3, use_bias=False)(y))
    if x.shape[-1] != filters:
        x = keras.layers.AveragePooling2D(2, strides=strides, padding="same", name=f"{name}_shortcut_pool")(x)
        missing = filters - x.shape[-1]
        before = missing // 2
        # Seen as "channels first", the last axis of an image is one of the two that zero padding widens: the channels.
        padding = ((0, 0), (before, missing - before))
        pad = keras.layers.ZeroPadding2D(padding, data_format="channels_first", name=f"{name}_shortcut_pad")
        x = pad(x)
    y = keras.layers.Add(name=f"{name}_add")([y, x])
    return make.act(f"{name}_activation")(y)


def _preactivation_block(
    make: Layers, x: "keras.KerasTensor", name: str, filters: int, strides: int
) -> "keras.KerasTensor":
    import keras

    y = make.act(f"{name}_activation1")(make.norm(f"{name}_norm1")(x))
    y = make.conv(f"{name}_conv1", filters, 3, strides=strides, use_bias=False)(y)
    y = make.act(f"{name}_activation2")(make.norm(f"{name}_norm2")(y))
    y = make.conv(f"{name}_conv2", filters, 3, use_bias=False)(y)
    if x.shape[-1] != filters:
        x = make.conv(f"{name}_shortcut", filters, 1, strides=strides, use_bias=False)(x)
    return keras.layers.Add(name=f"{name}_add")([y, x])
