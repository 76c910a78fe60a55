"""Layers of anyone's ONNX file: which are chosen, what they are called, and that their values are right."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.unit.onnx_graphs import IMAGES, auto, convolved, node, normal, residual, scoped, taps, value, written
from topodepth.activations import extraction
from topodepth.activations.file import read_activations
from topodepth.errors import InputError
from topodepth.networks import runtime
from topodepth.networks.onnx_file import inspect


def test_blocks_of_a_residual_network_are_tapped_and_their_values_are_right(tmp_path):
    nodes, weights = residual()
    path = written(tmp_path / "net.onnx", nodes, weights)
    assert auto(path) == ["s1", "s2", "s3", "logits"]
    found, values = taps(path, scores=True)
    x = convolved(IMAGES.astype(float), weights["stem"])
    for k in range(3):
        x = x + np.maximum(convolved(x, weights[f"w{k}"]), 0)
        np.testing.assert_allclose(values[k], x.mean(axis=(1, 2)), rtol=1e-4, atol=1e-4)
        assert (found[k].layer_class, found[k].reduction) == ("Add", "mean")
    np.testing.assert_allclose(values[3], x.mean(axis=(1, 2)) @ weights["head"], rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(values[4], values[3])
    # by hand: stem 1, then three layers a block, then pool and head
    assert [tap.relative_depth for tap in found] == pytest.approx([4 / 12, 7 / 12, 10 / 12, 1])
    assert found[3].layer_class == "Dense"


def test_a_chain_is_tapped_behind_the_normalisation_and_activation_of_each_layer(tmp_path):
    nodes = [
        node("Conv", "x w", "c"), node("BatchNormalization", "c s b m v", "n"), node("Relu", "n", "r"),
        node("Conv", "r k", "d"), node("LeakyRelu", "d", "l"), node("GlobalAveragePool", "l", "p"),
        node("Flatten", "p", "f"), node("MatMul", "f h", "z"), node("Add", "z bias", "q"), node("Tanh", "q", "t"),
        node("Gemm", "t o", "y"),
    ]  # fmt: skip
    weights = {
        "w": normal(4, 3, 3, 3),
        "k": normal(5, 4, 3, 3),
        "h": normal(5, 6),
        "bias": normal(6),
        "o": normal(6, 3),
    }
    path = written(tmp_path / "net.onnx", nodes, weights | {name: np.ones(4, np.float32) for name in "sbmv"})
    assert auto(path) == ["r", "l", "t", "logits"]
    found, _ = taps(path, ["n", "q", "penultimate", "logits"])
    assert [tap.layer_class for tap in found] == ["BatchNormalization", "Dense", "Tanh", "Dense"]


@pytest.mark.parametrize("way", ["constants", "shared", "filled", "inputs"])
def test_weights_count_wherever_they_stand(way, tmp_path):
    nodes, weights = residual()
    path = written(tmp_path / "plain.onnx", nodes, weights)
    other = tmp_path / "net.onnx"
    if way == "constants":
        made = [
            helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(array))
            for name, array in weights.items()
        ]
        written(other, made + nodes)
    elif way == "shared":
        renamed = {f"{name}_": array for name, array in weights.items()}
        written(other, [node("Identity", f"{name}_", name) for name in weights] + nodes, renamed)
    elif way == "filled":
        made = [node("ConstantOfShape", f"{name}_", name) for name in weights]
        written(other, made + nodes, {f"{name}_": np.array(array.shape) for name, array in weights.items()})
    else:
        listed = [value("x", ["n", 3, 8, 8]), *(value(name, array.shape) for name, array in weights.items())]
        written(other, nodes, weights, inputs=listed)
    assert auto(other) == auto(path)
    depths = [[(tap.name, tap.relative_depth, tap.layer_class) for tap in taps(item)[0]] for item in (path, other)]
    assert depths[0] == depths[1]


def test_a_shape_that_is_computed_on_the_way_is_no_layer(tmp_path):
    nodes = [
        node("Conv", "x w", "c"), node("Relu", "c", "r"), node("Shape", "r", "s"), node("Gather", "s zero", "n"),
        node("Unsqueeze", "n axis", "u"), node("Concat", "u rest", "to", axis=0), node("Reshape", "r to", "f"),
        node("Gemm", "f h", "y"),
    ]  # fmt: skip
    weights = {"w": normal(4, 3, 3, 3), "h": normal(144, 3), "zero": np.array(0), "axis": np.array([0]),
               "rest": np.array([-1])}  # fmt: skip
    path = written(tmp_path / "net.onnx", nodes, weights)
    assert auto(path) == ["r", "logits"]
    assert [name for _, name, _ in inspect(path).layers] == ["x", "c", "r", "f", "y"]


def test_shared_weights_are_a_layer_that_is_applied_twice(tmp_path):
    one, two = node("Conv", "x w", "a", pads=[1] * 4), node("Conv", "r w", "b", pads=[1] * 4)
    head = [node("GlobalAveragePool", "b", "p"), node("Flatten", "p", "y")]
    weights = {"w": normal(3, 3, 3, 3)}
    path = written(
        tmp_path / "net.onnx",
        [scoped(one, "conv", "conv2d"), scoped(node("Relu", "a", "r"), "act", "relu"),
         scoped(two, "conv", "conv2d_1"), *head], weights,
    )  # fmt: skip
    found, (first, second) = taps(path, ["conv@0", "conv@1"])
    assert [tap.name for tap in found] == ["conv@0", "conv@1"]
    expected = convolved(IMAGES.astype(float), weights["w"])
    np.testing.assert_allclose(first, expected.mean(axis=(1, 2)), atol=1e-4)
    again = convolved(np.maximum(expected, 0), weights["w"])
    np.testing.assert_allclose(second, again.mean(axis=(1, 2)), atol=1e-4)
    with pytest.raises(InputError, match="'conv' is applied 2 times, expected one of conv@0 to conv@1"):
        taps(path, ["conv"])


# what exporters write out in operators

WRITTEN_OUT = {
    "swish": ([node("Sigmoid", "z", "s"), node("Mul", "z s", "a")], {}, "Swish", lambda z: z / (1 + np.exp(-z))),
    "gelu": (
        [node("Div", "z root", "d"), node("Erf", "d", "e"), node("Add", "e one", "i"), node("Mul", "z i", "m"),
         node("Mul", "m half", "a")],
        {"root": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5)}, "Scale", None,
    ),
    "hard swish": (
        [node("HardSigmoid", "z", "s", alpha=1 / 6, beta=0.5), node("Mul", "z s", "a")], {}, "HardSwish",
        lambda z: z * np.clip(z / 6 + 0.5, 0, 1),
    ),
    "layer norm": (
        [node("ReduceMean", "z", "mu", axes=[-1]), node("Sub", "z mu", "d"), node("Pow", "d two", "q"),
         node("ReduceMean", "q", "v", axes=[-1]), node("Add", "v eps", "u"), node("Sqrt", "u", "sd"),
         node("Div", "d sd", "a")],
        {"two": np.float32(2), "eps": np.float32(1e-6)}, "LayerNormalization",
        lambda z: (z - z.mean(-1, keepdims=True)) / np.sqrt(z.var(-1, keepdims=True) + 1e-6),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRITTEN_OUT)
def test_a_function_written_out_in_operators_is_one_layer_behind_the_one_it_follows(case, tmp_path):
    function, constants, kind, reference = WRITTEN_OUT[case]
    start = [node("GlobalAveragePool", "x", "p"), node("Flatten", "p", "f"), node("Gemm", "f w", "z")]
    weights = {"w": normal(3, 6), "o": normal(6, 4)} | constants
    path = written(tmp_path / "net.onnx", [*start, *function, node("Gemm", "a o", "y")], weights)
    assert auto(path) == ["a", "logits"]
    found, values = taps(path, ["z", "a"])
    assert found[1].layer_class == kind
    z = IMAGES.mean(axis=(1, 2)).astype(float) @ weights["w"]
    np.testing.assert_allclose(values[0], z, atol=1e-5)
    if reference:
        np.testing.assert_allclose(values[1], reference(z), atol=1e-4)


def test_what_joins_two_ways_without_weights_between_is_no_block(tmp_path):
    """Rotary positions, x · cos + turned(x) · sin, are an addition and a concatenation, and no block."""
    nodes, weights = [node("Flatten", "x", "f"), node("Gemm", "f w0", "q0")], {"w0": normal(192, 8)}
    for k in range(4):
        nodes += [
            node("Split", f"q{k}", f"a{k} b{k}", axis=1), node("Neg", f"b{k}", f"m{k}"),
            node("Concat", f"m{k} a{k}", f"t{k}", axis=1), node("Mul", f"q{k} cos", f"c{k}"),
            node("Mul", f"t{k} sin", f"s{k}"), node("Add", f"c{k} s{k}", f"r{k}"),
            node("Gemm", f"r{k} w", f"q{k + 1}"),
        ]  # fmt: skip
    weights |= {"w": normal(8, 8), "cos": normal(8), "sin": normal(8)}
    path = written(tmp_path / "net.onnx", nodes, weights, outputs=["q4"])
    assert auto(path) == ["q0", "q1", "q2", "q3", "logits"]


ENDS = {
    "softmax": [node("Softmax", "z", "y")],
    "log softmax": [node("LogSoftmax", "z", "y")],
    "sigmoid": [node("Sigmoid", "z", "y")],
    "softmax, then a shape": [
        node("Softmax", "z", "s"), node("Unsqueeze", "s last", "u"), node("Squeeze", "u last", "y")
    ],
    "a softmax of exponentials": [
        node("ReduceMax", "z", "top", axes=[1]), node("Sub", "z top", "d"), node("Exp", "d", "e"),
        node("ReduceSum", "e one", "t"), node("Div", "e t", "y"),
    ],
    "nothing": [node("Identity", "z", "y")],
}  # fmt: skip


@pytest.mark.parametrize("case", ENDS)
def test_logits_are_what_comes_before_probabilities(case, tmp_path):
    start = [node("GlobalAveragePool", "x", "p"), node("Flatten", "p", "f"), node("Gemm", "f w", "z")]
    weights = {"w": normal(3, 4), "last": np.array([-1]), "one": np.array([1])}
    path = written(tmp_path / "net.onnx", start + ENDS[case], weights)
    found, (logits, before, _) = taps(path, ["logits", "penultimate"], scores=True)
    pooled = IMAGES.mean(axis=(1, 2))
    np.testing.assert_allclose(before, pooled, atol=1e-5)
    np.testing.assert_allclose(logits, pooled @ weights["w"], atol=1e-5)
    assert found[0].relative_depth == 1


def test_probabilities_of_an_unknown_kind_are_not_taken_for_logits(tmp_path):
    nodes = [node("GlobalAveragePool", "x", "p"), node("Flatten", "p", "f"), node("Abs", "f", "a"),
             node("ReduceSum", "a one", "t"), node("Div", "a t", "q"), node("Max", "q zero", "y")]  # fmt: skip
    path = written(tmp_path / "net.onnx", nodes, {"one": np.array([1]), "zero": np.float32(0)})
    with pytest.raises(InputError, match=r"logits expected .* Received: probabilities"):
        taps(path, ["logits"])


def test_a_network_of_several_outputs_has_all_of_them_tapped(tmp_path):
    nodes, weights = residual()
    path = written(tmp_path / "net.onnx", [*nodes, node("Gemm", "f other", "z")], weights | {"other": normal(6, 2)},
                   outputs=["y", "z"])  # fmt: skip
    assert auto(path) == ["s1", "s2", "s3", "y", "z"]
    with pytest.raises(InputError, match=r"network with one output expected.*Received: 2 outputs, 'y', 'z'"):
        taps(path, ["logits"])


# axes, batches, types


def test_a_network_with_channels_last_is_averaged_over_space_too(tmp_path):
    nodes, weights = residual()
    turned = [node("Transpose", "images", "x", perm=[0, 3, 1, 2]), *nodes[:4],
              node("Transpose", "s1", "back", perm=[0, 2, 3, 1]), node("Relu", "back", "last")]  # fmt: skip
    source = [value("images", ["n", 8, 8, 3])]
    path = written(tmp_path / "net.onnx", turned, weights, inputs=source, outputs=["last"])
    plain = written(tmp_path / "plain.onnx", [*nodes[:4], node("Relu", "s1", "last")], weights, outputs=["last"])
    for ours, theirs in zip(taps(path, ["s1", "last"])[1], taps(plain, ["s1", "last"])[1], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
        assert ours.shape == (5, 6)


def test_sequences_are_averaged_over_their_steps(tmp_path):
    """A patch embedding as in a vision transformer: a convolution, then steps before features."""
    nodes = [node("Conv", "x w", "c", strides=[4, 4]), node("Reshape", "c flat", "r"),
             node("Transpose", "r", "t", perm=[0, 2, 1]), node("MatMul", "t m", "d"), node("ReduceMean", "d", "y",
             axes=[1], keepdims=0)]  # fmt: skip
    weights = {"w": normal(6, 3, 4, 4), "flat": np.array([0, 6, -1]), "m": normal(6, 5)}
    path = written(tmp_path / "net.onnx", nodes, weights)
    found, values = taps(path, ["c", "r", "t", "d", "logits"])
    patches = IMAGES.reshape(5, 2, 4, 2, 4, 3).transpose(0, 1, 3, 5, 2, 4).reshape(5, 4, 48)
    expected = (patches @ weights["w"].reshape(6, 48).T).mean(axis=1)
    for k in range(3):
        np.testing.assert_allclose(values[k], expected, atol=1e-4)
    np.testing.assert_allclose(values[3], expected @ weights["m"], atol=1e-4)
    np.testing.assert_allclose(values[4], values[3], atol=1e-5)
    assert [tap.reduction for tap in found] == ["mean"] * 4 + ["none"]


def test_a_recurrent_layer_is_tapped_where_the_images_come_first_again(tmp_path):
    nodes = [node("Transpose", "x", "s", perm=[1, 0, 2]), node("LSTM", "s w r", "h", hidden_size=4),
             node("Squeeze", "h one", "q"), node("Transpose", "q", "b", perm=[1, 0, 2]),
             node("ReduceMean", "b", "m", axes=[1], keepdims=0), node("Gemm", "m o", "y")]  # fmt: skip
    weights = {"w": normal(1, 16, 5), "r": normal(1, 16, 4), "one": np.array([1]), "o": normal(4, 3)}
    path = written(tmp_path / "net.onnx", nodes, weights, shape=["n", 7, 5])
    assert auto(path) == ["b", "logits"]
    network = runtime.open_network(path, ["b", "m", "logits"])
    steps, mean, _ = network.predict(normal(6, 7, 5), 6)
    assert network.taps[0].layer_class == "LSTM"
    np.testing.assert_allclose(steps, mean, atol=1e-6)
    with pytest.raises(InputError, match=r"layer 'q': expected values \(n, …\), the images first. Received: shape "):
        runtime.open_network(path, ["q"])


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("batch", [1, 2, 4, "n"])
def test_a_fixed_batch_and_threads_change_no_value(batch, threads, tmp_path):
    nodes, weights = residual()
    free = taps(written(tmp_path / "free.onnx", nodes, weights))[1]
    path = written(tmp_path / "net.onnx", nodes, weights, shape=[batch, 3, 8, 8])
    network = runtime.open_network(path, threads=threads)
    for size in (1, 3, 5):  # batches that fill up none, one or several of the network's
        for ours, theirs in zip(network.predict(IMAGES[:size], 5), free, strict=True):
            np.testing.assert_array_equal(ours, theirs[:size])


def test_a_graph_of_any_batch_with_the_shape_of_one_image_in_it_gets_them_one_by_one(tmp_path, caplog):
    nodes = [node("Conv", "x w", "c"), node("Reshape", "c one", "f"), node("Gemm", "f h", "y")]
    weights = {"w": normal(4, 3, 3, 3), "one": np.array([1, 144]), "h": normal(144, 5)}
    path = written(tmp_path / "net.onnx", nodes, weights)
    right = written(tmp_path / "right.onnx", nodes, weights | {"one": np.array([-1, 144])})
    with caplog.at_level("INFO", logger="topodepth"):
        ours = taps(path)[1]
    assert "images pass one by one" in caplog.text
    for value_, expected in zip(ours, taps(right)[1], strict=True):
        np.testing.assert_allclose(value_, expected, atol=1e-5)


def test_half_precision_is_averaged_in_single_precision(tmp_path):
    """A sum over 64 pixels of 20,000 each is beyond float16; their mean is not."""
    nodes = [node("Cast", "x", "h", to=TensorProto.FLOAT16), node("Conv", "h w", "c"), node("Cast", "c", "f", to=1),
             node("GlobalAveragePool", "f", "y")]  # fmt: skip
    path = written(tmp_path / "net.onnx", nodes, {"w": np.full((2, 3, 1, 1), 20_000 / 3, np.float16)})
    network = runtime.open_network(path, ["c"])
    found = network.predict(np.ones((2, 8, 8, 3), np.float32), 2)[0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, 20_000, rtol=1e-3)


def test_a_layer_without_a_value_for_each_image_is_refused_by_its_name(tmp_path):
    nodes = [node("ReduceMean", "x", "all", keepdims=0), node("Unsqueeze", "all axes", "y")]
    path = written(tmp_path / "net.onnx", nodes, {"axes": np.array([0, 1])})
    with pytest.raises(InputError, match=r"layer 'all' expected to have 2 to 5 axes. Received: 0"):
        runtime.open_network(path, ["all"])


def test_what_onnx_runtime_cannot_compute_is_one_line_with_the_file(tmp_path):
    path = written(tmp_path / "net.onnx", [node("MatMul", "x w", "y")], {"w": normal(3, 3)})
    with pytest.raises(InputError, match=r"net.onnx: .*cannot be computed by onnxruntime .*Received: ") as caught:
        runtime.open_network(path, ["logits"])
    assert "\n" not in str(caught.value)


def test_an_activations_file_is_written_as_of_any_network(tmp_path):
    path = written(tmp_path / "net.onnx", *residual())
    network = runtime.open_network(path, scores=True)
    labels = np.arange(5) % 10
    accuracy = extraction.write_activations(
        network, IMAGES, out=tmp_path / "a.h5", labels=labels, classes=10, batch_size=2
    )
    file = read_activations(tmp_path / "a.h5")
    assert [layer.token for layer in file.layers] == ["s1", "s2", "s3", "logits"]
    _, values = taps(path)
    for layer, expected in zip(file.layers, values, strict=True):
        np.testing.assert_allclose(file.points(layer.token), expected, rtol=1e-6)
    assert accuracy.value == pytest.approx(np.mean(values[-1].argmax(axis=1) == labels))
    assert file.attributes["runtime"].startswith("onnxruntime ")
