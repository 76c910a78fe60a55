"""Taps of an ONNX file bear the names of modules; branches and functions in it are laid open."""

import numpy as np
import pytest
from onnx import helper

from tests.unit.onnx_graphs import IMAGES, auto, convolved, node, normal, scoped, taps, value, written
from topodepth.errors import InputError
from topodepth.networks.onnx_file import inspect


def block(k, source, names):
    """A block of PyTorch's: two convolutions, a ReLU between and the shortcut, in the module ``layer.k``."""
    return [
        scoped(node("Conv", f"{source} w", names[0], pads=[1] * 4, name=f"node_Conv_{k}"), f"layer.{k}.bn1", "norm"),
        scoped(node("Relu", names[0], names[1], name=f"node_relu_{k}"), f"layer.{k}", "relu"),
        scoped(node("Conv", f"{names[1]} w", names[2], pads=[1] * 4, name=f"node_Conv_{k}b"), f"layer.{k}.bn2", "norm"),
        scoped(node("Add", f"{names[2]} {source}", names[3], name=f"node_add_{k}"), f"layer.{k}", "add"),
        scoped(node("Relu", names[3], names[4], name=f"node_relu_{k}b"), f"layer.{k}", "relu"),
    ]


@pytest.mark.parametrize("numbers", [range(20), range(100, 120)])  # PyTorch counts values anew with dynamic axes
def test_taps_bear_the_names_of_modules_whatever_values_are_called(numbers, tmp_path):
    names = [f"value_{number}" for number in numbers]
    nodes = block(0, "x", names[:5]) + block(1, names[4], names[5:10]) + block(2, names[9], names[10:15])
    head = [
        scoped(node("GlobalAveragePool", names[14], "p"), "", "mean"),
        scoped(node("Flatten", "p", "y"), "", "view"),
    ]
    path = written(tmp_path / "net.onnx", nodes + head, {"w": normal(3, 3, 3, 3) / 9}, producer_name="pytorch")
    assert auto(path) == ["layer.0/Add", "layer.1/Add", "layer.2/Add", "logits"]
    known = [name for _, name, _ in inspect(path).layers]
    assert known[:6] == ["x", "layer.0.bn1", "layer.0/Relu", "layer.0.bn2", "layer.0/Add", "layer.0"]
    assert known[-2:] == ["GlobalAveragePool", "Flatten"]
    # a block by its module, the last one by the module around it; a value and a node as other tools show them
    found, values = taps(path, ["layer.0", "layer"])
    assert [tap.name for tap in found] == ["layer.0", "layer.2"]
    assert [tap.token for tap in found] == ["layer.0", "layer"]
    _, others = taps(path, [names[4], "node_relu_2b"])
    np.testing.assert_array_equal(values, others)
    with pytest.raises(InputError, match=r"unknown layer of net 'layer.0.bn11'. Did you mean 'layer.0.bn1'\? Known: "):
        taps(path, ["layer.0.bn11"])


def test_the_older_exporter_of_pytorch_writes_modules_into_the_names_of_nodes(tmp_path):
    nodes = [
        node("Conv", "x w", "/conv1/Conv_output_0", pads=[1] * 4, name="/conv1/Conv"),
        node("Relu", "/conv1/Conv_output_0", "/Relu_output_0", name="/Relu"),
        node("Conv", "/Relu_output_0 w", "a", pads=[1] * 4, name="/layer1/layer1.0/conv2/Conv"),
        node("Sigmoid", "a", "b", name="/layer1/layer1.0/act/Sigmoid"),
        node("Mul", "a b", "c", name="/layer1/layer1.0/act/Mul"),
        node("GlobalAveragePool", "c", "y", name="/GlobalAveragePool"),
    ]
    path = written(tmp_path / "net.onnx", nodes, {"w": normal(3, 3, 3, 3)}, producer_name="pytorch")
    assert [name for _, name, _ in inspect(path).layers] == [
        "x", "conv1", "Relu", "layer1.0.conv2", "layer1.0.act", "GlobalAveragePool"
    ]  # fmt: skip
    foreign = written(tmp_path / "other.onnx", nodes, {"w": normal(3, 3, 3, 3)})  # of nobody known: names as they are
    assert [name for _, name, _ in inspect(foreign).layers][1:3] == ["/conv1/Conv", "/Relu"]


def test_without_modules_the_name_of_weights_of_a_node_or_of_a_value_is_taken(tmp_path):
    nodes = [node("Conv", "x stem.0.weight", "conv2d", name="node_Conv_1"),
             node("Relu", "conv2d", "relu_5", name="act"), node("Tanh", "relu_5", "t", name="n17"),
             node("Neg", "t", "y")]  # fmt: skip
    path = written(tmp_path / "net.onnx", nodes, {"stem.0.weight": normal(3, 3, 1, 1)})
    assert [name for _, name, _ in inspect(path).layers] == ["x", "stem.0", "act", "t", "y"]


def test_scopes_that_are_none_are_let_be(tmp_path):
    nodes = [node("Relu", "x", "a"), node("Tanh", "a", "b"), node("Neg", "b", "y")]
    for made, text in zip(nodes, ["['", "[1, 2]", "__import__('os').getcwd()"], strict=True):
        made.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=text)
    path = written(tmp_path / "net.onnx", nodes)
    assert [name for _, name, _ in inspect(path).layers] == ["x", "a", "b", "y"]


# branches and functions


def either(condition, then, other, taken="y"):
    """An If between two chains of nodes, each of which ends in ``o``."""
    branches = [helper.make_graph(chain, "branch", [], [value("o", None)]) for chain in (then, other)]
    return helper.make_node("If", [condition], [taken], then_branch=branches[0], else_branch=branches[1])


DEEP = [node("Conv", "x w", "c", pads=[1] * 4), node("Relu", "c", "r"), node("Conv", "r w", "o", pads=[1] * 4)]
SHALLOW = [node("Tanh", "x", "c"), node("Neg", "c", "o")]
WEIGHTS = {"w": normal(3, 3, 3, 3) / 9, "yes": np.array(True), "three": np.array(3), "one": np.array(1)}
CHANNELS = [node("Shape", "x", "s"), node("Gather", "s one", "k"), node("Equal", "k three", "q")]


@pytest.mark.parametrize(
    "nodes",
    [
        [either("yes", DEEP, SHALLOW)],
        [*CHANNELS, either("q", DEEP, SHALLOW)],
        [*CHANNELS, node("Not", "q", "no"), either("no", SHALLOW, DEEP)],
        [either("yes", [*CHANNELS, either("q", DEEP, SHALLOW, "o")], SHALLOW)],
    ],
    ids=["constant", "shape", "else", "branch in branch"],
)
def test_a_branch_that_all_images_take_is_measured_as_if_there_were_none(nodes, tmp_path):
    tail = [node("GlobalAveragePool", "y", "end")]
    path = written(tmp_path / "net.onnx", nodes + tail, WEIGHTS, outputs=["end"])
    plain = written(tmp_path / "plain.onnx", [*DEEP[:2], node("Conv", "r w", "y", pads=[1] * 4), *tail], WEIGHTS,
                    outputs=["end"])  # fmt: skip
    assert auto(path) == auto(plain) == ["r", "y", "logits"]
    for ours, theirs in zip(taps(path)[1], taps(plain)[1], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_values_of_the_same_name_in_two_branches_stay_apart(tmp_path):
    nodes = [either("yes", DEEP, SHALLOW, "a"), either("no", SHALLOW, DEEP, "b"), node("Concat", "a b", "y", axis=1)]
    path = written(tmp_path / "net.onnx", nodes, WEIGHTS | {"no": np.array(False)})
    found = inspect(path)
    assert sum(kind == "Conv2D" for _, _, kind in found.layers) == 4
    _, (values,) = taps(path, ["logits"])
    np.testing.assert_array_equal(values[:, :3], values[:, 3:])


def test_a_branch_that_an_image_decides_keeps_its_values_to_itself(tmp_path):
    decided = [node("ReduceMax", "x", "m", keepdims=0), node("Greater", "m zero", "q"), either("q", DEEP, SHALLOW)]
    path = written(tmp_path / "net.onnx", decided, WEIGHTS | {"zero": np.float32(0)})
    with pytest.raises(
        InputError, match="no layers found to tap: 5 nodes stand inside If, whose values cannot be asked"
    ):
        auto(path)
    found, (values,) = taps(path, ["logits"])
    assert (found[0].layer_class, values.shape) == ("If", (5, 3))
    with pytest.raises(InputError, match="unknown layer of net 'r'"):
        taps(path, ["r"])


def test_functions_of_a_file_are_laid_open(tmp_path):
    body = [node("Relu", "a", "b"), node("Conv", "b k", "c", pads=[1] * 4), node("Add", "a c", "d")]
    function = helper.make_function("pkg", "Block", ["a", "k"], ["d"], body, [helper.make_opsetid("", 17)])
    nodes = [node("Block", f"v{k} w" if k else "x w", f"v{k + 1}", domain="pkg") for k in range(3)]
    path = written(tmp_path / "net.onnx", [*nodes, node("GlobalAveragePool", "v3", "y")], WEIGHTS,
                   functions=[function], opsets=[helper.make_opsetid("pkg", 1)])  # fmt: skip
    assert len(auto(path)) == 4
    found, values = taps(path)
    assert [tap.layer_class for tap in found] == ["Add"] * 3 + ["GlobalAveragePooling2D"]
    x = IMAGES.astype(float)
    for k in range(3):
        x = x + convolved(np.maximum(x, 0), WEIGHTS["w"])
        np.testing.assert_allclose(values[k], x.mean(axis=(1, 2)), atol=1e-4)
