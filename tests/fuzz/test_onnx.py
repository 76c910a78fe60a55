"""ONNX files of others, damaged: read, made whole and computed in native code, or refused in one line."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.fuzz.damage import damaged_bytes
from tests.fuzz.harness import fuzz
from tests.unit.onnx_graphs import model, node, normal, residual, scoped, value
from topodepth.networks import files, runtime


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Files with all that is read of one: weights inside and beside, names of modules, branches, functions, shapes."""
    folder = tmp_path_factory.mktemp("onnx")
    nodes, weights = residual()
    plain = model([scoped(each, f"block.{k // 3}", "x") for k, each in enumerate(nodes)], weights)
    onnx.save_model(plain, folder / "beside.onnx", save_as_external_data=True, location="weights", size_threshold=0)
    branch = helper.make_graph([node("Conv", "x w", "o")], "branch", [], [value("o", None)])
    choice = helper.make_node("If", ["q"], ["c"], then_branch=branch, else_branch=branch)
    shape = [node("Shape", "x", "s"), node("Gather", "s one", "k"), node("Equal", "k three", "q")]
    block = helper.make_function("pkg", "Block", ["a"], ["b"], [node("Relu", "a", "b")], [helper.make_opsetid("", 17)])
    tail = [node("Block", "c", "r", domain="pkg"), node("Reshape", "r flat", "f"), node("Gemm", "f h", "z"),
            node("Sigmoid", "z", "g"), node("Mul", "z g", "a"), node("Softmax", "a", "y")]  # fmt: skip
    constants = {"w": normal(4, 3, 3, 3), "one": np.array(1), "three": np.array(3), "flat": np.array([0, -1]),
                 "h": normal(144, 5)}  # fmt: skip
    branched = model([*shape, choice, *tail], constants, functions=[block], opsets=[helper.make_opsetid("pkg", 1)])
    whole = model([node("Cast", "x", "f", to=1), node("Relu", "f", "y")], shape=[1, 4, 2], kind=TensorProto.INT64)
    contents = [item.SerializeToString() for item in (plain, branched, whole)]
    return [*contents, (folder / "beside.onnx").read_bytes()], (folder / "weights").read_bytes()


def test_onnx_files_with_damaged_bytes(scratch, real):
    contents, weights = real
    scratch.file(weights, name="weights")

    def read(content):
        path = scratch.file(content, name="net.onnx")
        network = runtime.open_network(path, files.auto_layers(path), scores=True)
        assert all(tap.tensor.shape[-1] > 0 for tap in network.taps)

    for content in contents:
        read(content)
    fuzz("onnx, bytes", damaged_bytes(contents), read, refused=0.3)
