"""Keras layers of convolutional networks as ONNX operators, each by the letter of what a file says of it.

Whatever is not known to be computed exactly as Keras does is refused, never guessed
(:class:`topodepth.networks.onnx_graph.Unsupported`): Keras itself opens such a network. Errors of Python, such as a
missing weight, are taken for that too.
"""

import math
from collections.abc import Sequence

import numpy as np

from topodepth.networks.onnx_graph import OnnxGraph, SavedLayer, Unsupported, Value, converts

TO_LAST, TO_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]  # axes, of channels first and of channels last
CONVOLUTION = "kernel_size strides padding dilation_rate use_bias groups"
POOLS = {"MaxPooling2D": "MaxPool", "AveragePooling2D": "AveragePool",
         "GlobalMaxPooling2D": "GlobalMaxPool", "GlobalAveragePooling2D": "GlobalAveragePool"}  # fmt: skip
MERGES = {"Add": "Add", "Multiply": "Mul", "Maximum": "Max", "Minimum": "Min"}


@converts("Activation")
def _activation(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    (x,) = inputs
    return graph.activate(layer.settings["activation"], x)


@converts("ReLU", settings="max_value negative_slope threshold")
def _relu(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    (x,) = inputs
    if layer.settings.get("negative_slope") or layer.settings.get("threshold"):
        raise Unsupported("ReLU with a slope or a threshold")
    highest = layer.settings.get("max_value")
    if highest is None:
        return graph.add("Relu", [x], x.shape)
    return graph.add("Clip", [x, np.float32(0), np.float32(highest)], x.shape)


@converts("LeakyReLU", settings="alpha negative_slope")
def _leaky_relu(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    (x,) = inputs
    slope = layer.settings["negative_slope" if "negative_slope" in layer.settings else "alpha"]
    return graph.add("LeakyRelu", [x], x.shape, alpha=float(slope))


@converts("ELU", settings="alpha")
def _elu(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    (x,) = inputs
    return graph.add("Elu", [x], x.shape, alpha=float(layer.settings["alpha"]))


@converts("Softmax", settings="axis")
def _softmax(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    (x,) = inputs
    _over_channels(layer, x)
    return graph.activate("softmax", x)


@converts("Conv2D", settings=f"{CONVOLUTION} filters")
def _conv(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    kernel, bias = _kernel_and_bias(layer.settings, layer.weights)
    groups = layer.settings.get("groups", 1)
    return _convolve(graph, inputs, kernel.transpose(3, 2, 0, 1), bias, groups=groups, settings=layer.settings)


@converts("DepthwiseConv2D", settings=f"{CONVOLUTION} depth_multiplier")
def _depthwise_conv(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    kernel, bias = _kernel_and_bias(layer.settings, layer.weights)
    _check_groups(layer)
    return _convolve(graph, inputs, _depthwise(kernel), bias, groups=kernel.shape[2], settings=layer.settings)


@converts("SeparableConv2D", settings=f"{CONVOLUTION} filters depth_multiplier")
def _separable_conv(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    depthwise, *rest = layer.weights
    _check_groups(layer)
    pointwise, bias = _kernel_and_bias(layer.settings, rest)
    x = _convolve(graph, inputs, _depthwise(depthwise), [], groups=depthwise.shape[2], settings=layer.settings)
    return _convolve(graph, [x], pointwise.transpose(3, 2, 0, 1), bias)


@converts("Dense", settings="units use_bias")
def _dense(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    (x,) = inputs
    kernel, bias = _kernel_and_bias(layer.settings, layer.weights)
    if len(x.shape) == 4:  # over the last axis of an image: a convolution of one pixel
        return _convolve(graph, inputs, kernel.T[:, :, None, None], bias)
    if len(kernel) != x.shape[1]:
        raise ValueError(f"a kernel {kernel.shape} on {x.shape}")
    return graph.add("Gemm", [x, kernel, *bias], (None, kernel.shape[1]))


def _check_groups(layer: SavedLayer) -> None:
    if layer.settings.get("groups", 1) != 1:  # a group a channel is what these layers are
        raise Unsupported(f"{layer.kind} in groups")


def _kernel_and_bias(settings: dict, weights: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the kernel, and the bias in a list that is empty if there is none."""
    kernel, *bias = weights
    if len(bias) != int(settings.get("use_bias", True)):
        raise ValueError(f"{len(weights)} weights")
    return kernel, bias


def _depthwise(kernel: np.ndarray) -> np.ndarray:
    """Return a kernel (height, width, channels, multiplier) as ONNX has it, one group a channel."""
    height, width, channels, multiplier = kernel.shape
    return kernel.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)


def _convolve(
    graph: OnnxGraph,
    inputs: list[Value],
    kernel: np.ndarray,
    bias: list[np.ndarray],
    *,
    groups: int = 1,
    settings: dict | None = None,
) -> Value:
    """Add a convolution by a kernel (filters, channels of a group, height, width)."""
    (x,) = inputs
    settings = settings or {}
    if kernel.shape[1] * groups != x.shape[3]:
        raise ValueError(f"a kernel {kernel.shape} in {groups} groups on {x.shape}")
    size, strides, steps = kernel.shape[2:], settings.get("strides", [1, 1]), settings.get("dilation_rate", [1, 1])
    extents = [step * (k - 1) + 1 for k, step in zip(size, steps, strict=True)]
    shape, pads = _window(x, extents, strides, settings.get("padding", "valid"))
    return graph.add(
        "Conv", [x, kernel, *bias], (*shape, len(kernel)),
        kernel_shape=list(size), strides=list(strides), dilations=list(steps), pads=pads, group=int(groups),
    )  # fmt: skip


def _window(x: Value, extents: Sequence[int], strides: Sequence[int], padding: str) -> tuple[tuple, list[int]]:
    """Return the shape (None, height, width) that a sliding window leaves, and the padding around the image.

    With ``same`` padding TensorFlow adds what is missing evenly, and the odd pixel at the end.
    """
    if padding not in ("same", "valid"):
        raise ValueError(f"padding {padding!r}")
    shape: list[int | None] = [None]
    before, after = [], []
    for size, extent, step in zip(x.shape[1:3], extents, strides, strict=True):
        places = -(-size // step) if padding == "same" else (size - extent) // step + 1
        missing = max(0, (places - 1) * step + extent - size) if padding == "same" else 0
        if places < 1:
            raise ValueError(f"a window of {extent} pixels on {size}")
        shape.append(places)
        before.append(missing // 2)
        after.append(missing - missing // 2)
    return tuple(shape), before + after


@converts("MaxPooling2D", "AveragePooling2D", settings="pool_size strides padding")
def _pool(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    (x,) = inputs
    size = layer.settings["pool_size"]
    strides = layer.settings.get("strides") or size
    shape, pads = _window(x, size, strides, layer.settings["padding"])
    windows = {"kernel_shape": list(size), "strides": list(strides), "pads": pads}
    return graph.add(POOLS[layer.kind], [x], (*shape, x.shape[3]), **windows)


@converts("GlobalMaxPooling2D", "GlobalAveragePooling2D", settings="keepdims")
def _global_pool(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    (x,) = inputs
    pooled = graph.add(POOLS[layer.kind], [x], (None, 1, 1, x.shape[3]))
    return pooled if layer.settings.get("keepdims") else graph.add("Flatten", [pooled], (None, x.shape[3]))


@converts("ZeroPadding2D", settings="padding")
def _zero_padding(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    (x,) = inputs
    first, second = (tuple(pair) for pair in layer.settings["padding"])
    # "channels first" pads the last two axes of whatever it is given
    last = layer.settings.get("data_format", "channels_last") == "channels_last"
    height, width, channels = (first, second, (0, 0)) if last else ((0, 0), first, second)
    pads = [pair[end] for end in (0, 1) for pair in ((0, 0), channels, height, width)]
    shape = (size + sum(pair) for size, pair in zip(x.shape[1:], (height, width, channels), strict=True))
    return graph.add("Pad", [x, np.array(pads, dtype=np.int64)], (None, *shape))


@converts("BatchNormalization", settings="axis epsilon center scale")
def _batch_normalization(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    (x,) = inputs
    _over_channels(layer, x)
    width, weights = x.shape[-1], list(layer.weights)
    scale = weights.pop(0) if layer.settings["scale"] else np.ones(width, np.float32)
    centre = weights.pop(0) if layer.settings["center"] else np.zeros(width, np.float32)
    mean, variance = weights
    if {array.shape for array in (scale, centre, mean, variance)} != {(width,)}:
        raise ValueError(f"weights {[array.shape for array in layer.weights]} on {x.shape}")
    epsilon = float(layer.settings["epsilon"])
    return graph.add("BatchNormalization", [x, scale, centre, mean, variance], x.shape, epsilon=epsilon)


def _over_channels(layer: SavedLayer, x: Value) -> None:
    last = len(x.shape) - 1
    if layer.settings.get("axis", -1) not in (-1, last, [-1], [last]):
        raise Unsupported(f"{layer.kind} over another axis than the last")


@converts("Flatten")
def _flatten(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    (x,) = inputs
    return graph.add("Flatten", [_channels_last(graph, x)], (None, math.prod(x.shape[1:])))


@converts("Reshape", settings="target_shape")
def _reshape(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    (x,) = inputs
    target, total = [int(size) for size in layer.settings["target_shape"]], math.prod(x.shape[1:])
    if -1 in target:
        target[target.index(-1)] = total // math.prod(size for size in target if size != -1)
    if len(target) not in (1, 3) or min(target) < 1 or math.prod(target) != total:
        raise Unsupported(f"Reshape of {x.shape} to {target}")
    flat = graph.add("Reshape", [_channels_last(graph, x), np.array([-1, *target])], (None, *target))
    return flat if len(target) == 1 else graph.add("Transpose", [flat], flat.shape, perm=TO_FIRST)


def _channels_last(graph: OnnxGraph, x: Value) -> Value:
    return graph.add("Transpose", [x], x.shape, perm=TO_LAST) if len(x.shape) == 4 else x


@converts("Dropout", "SpatialDropout2D", "GaussianDropout", "GaussianNoise", "AlphaDropout", "ActivityRegularization")
def _nothing(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    (x,) = inputs
    return x


@converts("Rescaling", settings="scale offset")
def _rescaling(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    (x,) = inputs
    scaled = graph.add("Mul", [x, np.float32(float(layer.settings["scale"]))], x.shape)
    return graph.add("Add", [scaled, np.float32(float(layer.settings["offset"]))], x.shape)


@converts(*MERGES, rooms=("keras.layers", "keras.ops"))
def _merge(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    if len(inputs) < 2 or len({len(item.shape) for item in inputs}) != 1:
        raise Unsupported(f"{layer.kind} of {[item.shape for item in inputs]}")
    result, *others = inputs
    for other in others:
        shape = (None, *np.broadcast_shapes(result.shape[1:], other.shape[1:]))
        result = graph.add(MERGES[layer.kind], [result, other], shape)
    return result


@converts("Concatenate", settings="axis")
def _concatenate(graph: OnnxGraph, layer: SavedLayer, inputs: list[Value]) -> Value:
    if len(inputs) < 2 or len({len(item.shape) for item in inputs}) != 1:
        raise Unsupported(f"{layer.kind} of {[item.shape for item in inputs]}")
    _over_channels(layer, inputs[0])
    shape = (*inputs[0].shape[:-1], sum(item.shape[-1] for item in inputs))
    return graph.add("Concat", inputs, shape, axis=1)
