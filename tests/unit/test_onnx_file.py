"""Anyone's ONNX file: what is read of it, and what is refused in one line, before anything in it is computed."""

import os
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.unit.onnx_graphs import model, node, normal, residual, value, written
from topodepth.errors import InputError
from topodepth.networks import files, inputs, normalisation, runtime
from topodepth.networks.models import load_model
from topodepth.networks.onnx_file import inspect

IMAGES = normal(4, 8, 8, 3)


def refused(path, match):
    with pytest.raises(InputError, match=match) as caught:
        inspect(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "an empty file"),
        (b"hello, this is a text\n" * 9, "text that begins with"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "an image"),
        (b"PK\x03\x04" + bytes(50), "zip"),
        (bytes(1000), "of another kind or truncated"),
        (b"\x08\x08\x12\x07pytorch", "of another kind or truncated"),  # begins like one, and is nothing else
    ],
)
def test_what_is_no_onnx_file_is_called_what_it_is(content, match, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    refused(path, match)


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path):
    content = model(*residual()).SerializeToString()
    path = tmp_path / "net.onnx"
    for end in np.linspace(1, len(content) - 1, 40).astype(int):
        path.write_bytes(content[:end])
        refused(path, "whole ONNX file")


def test_a_file_that_is_not_there_or_is_a_folder_is_named(tmp_path):
    refused(tmp_path / "none.onnx", "no such file")
    (tmp_path / "folder.onnx").mkdir()
    refused(tmp_path / "folder.onnx", "a folder")


RELU = [node("Relu", "x", "y")]
TRAINED = [node("BatchNormalization", "x s b m v", "y rm rv", training_mode=1)]
DROPPED = [node("Dropout", "x ratio yes", "y")]
PAIR = {"inputs": [value("a", [1, 4]), value("b", [1, 4])]}
BRANCH = helper.make_graph([node("Relu", "x", "o")], "branch", [], [value("o", None)])
# what is written, and what is said of it
HOSTILE = {
    "two inputs": (model([node("Add", "a b", "y")], **PAIR), "one input. Received: 2 inputs, 'a', 'b'"),
    "no input": (model([node("Relu", "w", "y")], {"w": normal(1, 2)}, inputs=[]), "one input. Received: 0"),
    "text": (model([node("Identity", "x", "y")], kind=TensorProto.STRING), "of numbers. Received: text"),
    "truth": (model([node("Not", "x", "y")], kind=TensorProto.BOOL), "of numbers. Received: true or false"),
    "library": (
        model([node("Run", "x", "y", domain="evil.ops")], opsets=[helper.make_opsetid("evil.ops", 1)]),
        "libraries of others are never loaded. Received: Run of 'evil.ops'",
    ),
    "no such operator": (model([node("Rellu", "x", "y")]), "operators of ONNX opset 17. Received: 'Rellu'"),
    "operator to come": (model([node("Gelu", "x", "y")], opset=17), "opset 17. Received: 'Gelu'"),
    "too few inputs": (model([node("Conv", "x", "y")]), "at least 2 inputs, 1 outputs of a Conv"),
    "no branch": (model([node("If", "c", "y")], {"c": np.array(True)}), "without else_branch, then_branch"),
    "a weight that is none": (
        model([helper.make_node("If", ["c"], ["y"], then_branch=BRANCH, else_branch=BRANCH)], {"c": np.array(True)}),
        "tensor 'c': expected whole. Received: ",
    ),
    "new opset": (model(RELU, opset=999), "Received: opset 999"),
    "old opset": (model(RELU, opset=6), "from 7 to .* Received: opset 6"),
    "order": (model([node("Relu", "z", "y"), node("Relu", "x", "z")]), "made later or never"),
    "ring": (model([node("Add", "x y", "z"), node("Relu", "z", "y")]), "made later or never"),
    "twice": (model([node("Relu", "x", "y"), node("Tanh", "x", "y")]), "made once. Received: 'y', twice"),
    "no end": (model(RELU, outputs=["other"]), "which is not"),
    "no use": (
        model([node("Relu", "w", "y"), node("Relu", "x", "z")], {"w": normal(2, 2)}),
        "depends on the input. Received: none",
    ),
    "training": (
        model(TRAINED, {name: np.ones(3, np.float32) for name in "sbmv"}),
        "exported to be evaluated. Received: a BatchNormalization that takes the batch's own mean",
    ),
    "dropout": (
        model(DROPPED, {"ratio": np.float32(0.5), "yes": np.array(True)}), "to be evaluated. Received: a Dropout"
    ),
    "chance": (model([node("RandomNormalLike", "x", "y")]), "RandomNormalLike, so other values each time"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_network_that_cannot_be_measured_is_refused_in_one_line(case, tmp_path):
    found, match = HOSTILE[case]
    if case == "a weight that is none":
        found.graph.initializer[0].raw_data = b""
    path = tmp_path / "net.onnx"
    onnx.save_model(found, path)
    refused(path, match)


def test_more_nodes_than_any_network_has_are_refused(tmp_path):
    chain = [node("Relu", "x" if k == 0 else f"v{k}", f"v{k + 1}") for k in range(10_050)]
    refused(written(tmp_path / "net.onnx", chain, outputs=["v10050"]), "at most 10000 layers")


def nested(depth):
    """A network whose nodes stand in so many branches in each other; an image decides which."""
    inner = helper.make_graph([node("Identity", "x", "o")], "g", [], [value("o", None)])
    for _ in range(depth - 1):
        either = helper.make_node("If", ["c"], ["o"], then_branch=inner, else_branch=inner)
        other = helper.make_graph([node("Identity", "x", "o")], "g", [], [value("o", None)])
        either.attribute[1].g.CopyFrom(other)
        inner = helper.make_graph([either], "g", [], [value("o", None)])
    last = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    condition = [node("ReduceMax", "x", "m", keepdims=0), node("Greater", "m zero", "c")]
    return [*condition, last], {"zero": np.float32(0)}


def test_branches_in_each_other_that_an_image_decides_stay_where_they_are(tmp_path):
    network = runtime.open_network(written(tmp_path / "net.onnx", *nested(5)), ["logits"])
    np.testing.assert_allclose(network.predict(IMAGES, 4)[0], IMAGES.mean(axis=(1, 2)), atol=1e-6)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_an_onnx_file_under_the_name_of_another_kind_is_told_its_ending(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(model(*residual(), producer_name="pytorch").SerializeToString())
    with pytest.raises(InputError, match=r"looks like an ONNX file; give it the ending .onnx"):
        files.inspect(path)


def test_keras_refuses_an_onnx_file_in_one_line(tmp_path):
    with pytest.raises(InputError, match=r"which has gradients and can be trained. Received: an ONNX file"):
        load_model(written(tmp_path / "net.onnx", *residual()))


# weights in other files


def beside(folder, name="net.onnx", location=None):
    """The residual network with its weights in a file beside it, as PyTorch's exporter writes even small ones."""
    path = folder / name
    onnx.save_model(
        model(*residual()), path, save_as_external_data=True, location=location or f"{name}.data", size_threshold=0
    )
    return path


def relocated(path, **entries):
    """Let a file say of its first weights that they lie elsewhere."""
    made = onnx.load_model(path, load_external_data=False)
    for item in made.graph.initializer[0].external_data:
        item.value = entries.get(item.key, item.value)
    path.write_bytes(made.SerializeToString())
    return path


def values(path, **options):
    return runtime.open_network(path, ["s1", "logits"], **options).predict(IMAGES, 4)


def test_weights_beside_a_file_give_what_weights_in_it_give_and_nothing_is_written(tmp_path):
    path = beside(tmp_path)
    whole = written(tmp_path / "whole.onnx", *residual())
    before = {item: item.read_bytes() for item in tmp_path.iterdir()}
    assert inspect(path).external == (tmp_path / "net.onnx.data",)
    assert inspect(whole).external == ()
    for ours, theirs in zip(values(path), values(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert {item: item.read_bytes() for item in tmp_path.iterdir()} == before


def test_weights_that_are_missing_are_named(tmp_path):
    path = beside(tmp_path)
    (tmp_path / "net.onnx.data").unlink()
    refused(path, "its weights lie in 'net.onnx.data', expected beside it.* Received: no such file")


@pytest.mark.parametrize(
    "place", ["../secret", "/etc/hostname", "sub/net.onnx.data", "..", ".", "", "..\\secret", "C:secret"]
)
def test_weights_elsewhere_than_beside_the_file_are_refused(place, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(10_000))
    (tmp_path / "inner/sub").mkdir(parents=True)
    path = beside(tmp_path / "inner")
    shutil.copy(tmp_path / "inner/net.onnx.data", tmp_path / "inner/sub")
    refused(relocated(path, location=place), "weights in a file beside it")


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_weights_behind_a_link_or_in_no_file_are_refused(kind, tmp_path):
    path = beside(tmp_path)
    data = tmp_path / "net.onnx.data"
    data.rename(tmp_path / "moved")
    {"link": lambda: data.symlink_to("moved"), "folder": data.mkdir, "pipe": lambda: os.mkfifo(data)}[kind]()
    refused(path, f"a file of its own, 'net.onnx.data'. Received: {'a link' if kind == 'link' else 'no file'}")


def test_a_link_that_comes_later_is_not_followed(tmp_path):
    path = beside(tmp_path)
    found = inspect(path)
    data = tmp_path / "net.onnx.data"
    data.rename(tmp_path / "moved")
    data.symlink_to("moved")
    with pytest.raises(InputError, match="Received: a link"):
        runtime.open_network(path)
    assert inspect(path) == found  # and what was read before is no way round


@pytest.mark.parametrize(("entry", "told"), [("offset", "1000000"), ("length", "99999999999")])
def test_weights_beyond_the_end_of_their_file_are_refused(entry, told, tmp_path):
    path = relocated(beside(tmp_path), **{entry: told})
    with pytest.raises(InputError, match=r"'stem' expected up to byte \d+ of .*net.onnx.data. Received: \d+ bytes"):
        runtime.open_network(path)


@pytest.mark.parametrize("told", ["-8", "many"])
def test_a_place_of_weights_that_is_none_is_refused(told, tmp_path):
    refused(relocated(beside(tmp_path), offset=told), "expected a place of 'stem'")


def test_weights_of_constants_and_of_branches_are_looked_for_too(tmp_path):
    tensor = helper.make_tensor("t", TensorProto.FLOAT, [3], np.zeros(3, np.float32).tobytes(), raw=True)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../out")
    tensor.ClearField("raw_data")
    constant = helper.make_node("Constant", [], ["k"], value=tensor)
    path = tmp_path / "net.onnx"
    onnx.save_model(model([constant, node("Add", "x k", "y")]), path)
    refused(path, "weights in a file beside it. Received: '../out'")
    inner = helper.make_graph([constant], "g", [], [value("k", None)])
    either = helper.make_node("If", ["c"], ["z"], then_branch=inner, else_branch=inner)
    onnx.save_model(model([either, node("Add", "x z", "y")], {"c": np.array(True)}), path)
    refused(path, "weights in a file beside it. Received: '../out'")


def test_a_model_in_memory_opens_as_its_file_does_and_is_not_changed(tmp_path):
    made = model(*residual())
    before = made.SerializeToString()
    path = written(tmp_path / "net.onnx", *residual())
    for ours, theirs in zip(values(made), values(path), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert made.SerializeToString() == before
    with pytest.raises(InputError, match=r"^unknown layer of net 'nothing'"):
        runtime.open_network(made, ["nothing"])


def test_a_model_in_memory_is_asked_for_its_weights(tmp_path):
    half = onnx.load_model(beside(tmp_path), load_external_data=False)
    with pytest.raises(InputError, match=r"expected a model that holds its weights itself; onnx.load brings them"):
        runtime.open_network(half)


# what a network takes

TURNED = [node("Transpose", "x", "t", perm=[0, 3, 1, 2])]


@pytest.mark.parametrize(
    ("nodes", "weights", "shape", "expected"),
    [
        ([node("Conv", "x w", "y")], {"w": normal(4, 5, 1, 1)}, ["n", 5, 6, 7], (None, 6, 7, 5)),
        ([node("Conv", "x w", "y", group=2)], {"w": normal(4, 3, 1, 1)}, ["n", None, "h", "w"], (None, None, None, 6)),
        ([node("Div", "x k", "d"), node("Conv", "d w", "y")], {"w": normal(4, 3, 1, 1), "k": np.float32(9)},
         [2, 3, 3, 3], (2, 3, 3, 3)),
        ([*TURNED, node("Conv", "t w", "y")], {"w": normal(4, 5, 1, 1)}, ["n", 6, 7, 5], (None, 6, 7, 5)),
        ([node("Relu", "x", "y")], {}, ["n", 3, 8, 9], (None, 8, 9, 3)),
        ([node("Relu", "x", "y")], {}, ["n", 8, 9, 1], (None, 8, 9, 1)),
        ([node("Conv", "x w", "y")], {"w": normal(4, 5, 1)}, ["n", 5, 30], (None, 30, 5)),
        ([node("Relu", "x", "y")], {}, ["n", 5, 30], (None, 5, 30)),
        ([node("Relu", "x", "y")], {}, ["n", 7], (None, 7)),
        ([node("Conv", "x w", "y")], {"w": normal(4, 3, 1, 1, 1)}, ["n", 3, 4, 5, 6], (None, 4, 5, 6, 3)),
        ([node("Conv", "x w", "y")], {"w": normal(4, 3, 1, 1)}, None, (None, None, None, 3)),
    ],
)  # fmt: skip
def test_the_order_of_axes_is_found_by_the_first_convolution_else_by_the_shape(
    nodes, weights, shape, expected, tmp_path
):
    found = inspect(written(tmp_path / "net.onnx", nodes, weights, shape=shape))
    assert found.source().shape == expected
    assert inputs.declared(found) == (expected, "float32")


@pytest.mark.parametrize("shape", [["n", 3, 8, 3], ["n", 8, 8, 8], ["n", 1, 1, 1]])
def test_an_order_that_nothing_tells_is_asked_for(shape, tmp_path):
    found = inspect(written(tmp_path / "net.onnx", [node("Relu", "x", "y")], shape=shape))
    with pytest.raises(InputError, match=r"expected `layout: channels_first` or `channels_last`. Received: "):
        found.source()
    assert found.source("channels_last").shape == (None, *shape[1:])
    assert found.source("channels_first").shape == (None, *shape[2:], shape[1])


def test_weights_that_older_files_list_as_inputs_are_none(tmp_path):
    nodes, weights = residual()
    listed = [value("x", ["n", 3, 8, 8]), *(value(name, array.shape) for name, array in weights.items())]
    found = inspect(written(tmp_path / "net.onnx", nodes, weights, inputs=listed))
    assert found.source().shape == (None, 8, 8, 3)


SCALING = {
    "div": ([node("Div", "x k", "y")], np.float32(255), "raw"),
    "mul": ([node("Mul", "k x", "y")], np.float32(1 / 127.5), "raw"),
    "after a shift": ([node("Sub", "x k", "s"), node("Div", "s k", "y")], np.full((3, 1, 1), 58, np.float32), "raw"),
    "deviations of a unit": ([node("Div", "x k", "y")], np.full((3, 1, 1), 0.25, np.float32), "global"),
    "of nothing": ([node("Relu", "x", "y")], np.float32(255), "global"),
    "the other way": ([node("Div", "k x", "y")], np.float32(255), "global"),
}


@pytest.mark.parametrize("case", SCALING)
def test_a_network_that_scales_pixels_itself_gets_them_as_they_are(case, tmp_path):
    nodes, constant, expected = SCALING[case]
    path = written(tmp_path / "net.onnx", nodes, {"k": constant})
    assert normalisation.normalisation("auto", path)[0] == expected


def test_a_network_of_whole_numbers_takes_them_as_they_are(tmp_path):
    path = written(
        tmp_path / "net.onnx", [node("Cast", "x", "f", to=1), node("Relu", "f", "y")], kind=TensorProto.UINT8
    )
    assert normalisation.normalisation("auto", path) == ("raw", "takes whole numbers (uint8)")
    with pytest.raises(InputError, match=r"takes whole numbers .*uint8.*expected `normalisation: raw`"):
        normalisation.normalisation("unit", path)
    network = runtime.open_network(path, ["logits"])
    pixels = np.arange(2 * 8 * 8 * 3, dtype=np.float32).reshape(2, 8, 8, 3) % 256
    np.testing.assert_allclose(network.predict(pixels, 2)[0], pixels.mean(axis=(1, 2)), rtol=1e-6)
