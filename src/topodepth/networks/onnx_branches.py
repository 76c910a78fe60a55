"""Branches and functions of an ONNX graph laid into the graph itself, so that values in them can be asked for.

The value of a node inside an If cannot be an output of the graph. Exporters write an If where a Python condition asked
for a shape, so the branch taken is often the same for all images; it then takes the place of the If.
"""

from collections.abc import Iterable, Mapping
from itertools import chain, count
from typing import TYPE_CHECKING

import numpy as np

from topodepth.errors import InputError
from topodepth.networks.onnx_flow import reached, truth_of
from topodepth.networks.onnx_tensors import MOST_NODES, subgraphs, whole

if TYPE_CHECKING:
    import onnx

    from topodepth.networks.onnx_file import OnnxFile

ROUNDS = 20  # of branches in branches
IMAGES = 2  # that are passed through to see which branch is taken, where the batch is free


def without_functions(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """Return a model whose local functions are nodes of its graph: PyTorch 2.1 to 2.4 wrote one a module."""
    if not model.functions:
        return model
    import onnx.inliner

    try:
        made = onnx.inliner.inline_local_functions(model)
    except Exception as error:  # of the library's own kinds
        raise InputError(f"expected local functions that can be laid open. Received: {error}") from error
    if len(made.graph.node) > MOST_NODES:
        raise InputError(f"expected at most {MOST_NODES} nodes, those of functions too. Received: more.")
    return made


def without_branches(found: "OnnxFile") -> "onnx.ModelProto":
    """Return a model in which each If whose condition no image decides is the branch that it takes.

    What depends on the images, or on axes that the file leaves free, stays as it is.
    """
    import onnx

    model = found.model
    if not any(node.op_type == "If" for node in model.graph.node):
        return model
    model = onnx.ModelProto()
    model.CopyFrom(found.model)
    for _ in range(ROUNDS):
        decided = _decided(model, found)
        if not decided:
            break
        nodes = list(model.graph.node)
        del model.graph.node[:]
        taken = {name for node in nodes for name in node.output} | {tensor.name for tensor in model.graph.initializer}
        for node in nodes:
            condition = decided.get(node.input[0]) if node.op_type == "If" else None
            model.graph.node.extend([node] if condition is None else _opened(model, node, condition, taken))
        if len(model.graph.node) > MOST_NODES:
            raise InputError(f"expected at most {MOST_NODES} nodes, those of branches too. Received: more.")
    return model


def _decided(
    model: "onnx.ModelProto",
    found: "OnnxFile",
) -> dict[str, bool]:
    """Return the conditions of Ifs that are the same for all images, by name."""
    images = reached(model.graph, found.input.name)
    asked = {node.input[0] for node in model.graph.node if node.op_type == "If"} - images
    decided = {name: value for name in asked if (value := truth_of(model.graph, name)) is not None}
    rest = sorted(asked - set(decided))
    n, *axes = found.shape
    lengths = [length for length in axes if length is not None]
    if rest and len(lengths) == len(axes):
        decided.update(_computed(model, found, rest, (n or IMAGES, *lengths)))
    return decided


def _computed(
    model: "onnx.ModelProto",
    found: "OnnxFile",
    names: list[str],
    shape: tuple[int, ...],
) -> Mapping[str, bool]:
    """Compute conditions that depend on shapes, for images of this shape."""
    import onnx

    from topodepth.networks.onnx_input import type_of
    from topodepth.networks.onnx_session import session

    asking = whole(found.path, model)
    del asking.graph.output[:]
    asking.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    try:
        values = session(asking.SerializeToString()).run(None, {found.input.name: np.zeros(shape, type_of(found))})
    except Exception:  # whatever ONNX Runtime has against it is told where the network is opened
        return {}
    return {name: bool(np.asarray(value).reshape(-1)[0]) for name, value in zip(names, values, strict=True)}


def _opened(
    model: "onnx.ModelProto", node: "onnx.NodeProto", condition: bool, taken: set[str]
) -> Iterable["onnx.NodeProto"]:
    """Return the nodes of the branch of an If that is taken, which make the outputs of the If."""
    from onnx import helper

    branch = next(a.g for a in node.attribute if a.name == ("then_branch" if condition else "else_branch"))
    made = [name for inner in branch.node for name in inner.output if name]
    names: dict[str, str] = {}
    copies = []
    for inner, outer in zip(branch.output, node.output, strict=False):
        if inner.name in made and inner.name not in names:
            names[inner.name] = outer
        elif outer:  # a value of outside, or one twice
            copies.append(helper.make_node("Identity", [names.get(inner.name, inner.name)], [outer]))
    for name in [*made, *(tensor.name for tensor in branch.initializer)]:
        if name not in names:  # both branches, and two Ifs, may name their values alike
            others = (f"{name}#{k}" for k in count(len(taken)))
            names[name] = next(new for new in chain([name], others) if new not in taken)
            taken.add(names[name])
    for tensor in branch.initializer:
        kept = model.graph.initializer.add()
        kept.CopyFrom(tensor)
        kept.name = names[tensor.name]
    return [_renamed(inner, names) for inner in branch.node] + copies


def _renamed(node: "onnx.NodeProto", names: Mapping[str, str]) -> "onnx.NodeProto":
    """Return a copy of a node with other names of values, in its subgraphs too where they are not their own."""
    import onnx

    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    if all(old == new for old, new in names.items()):
        return copy
    _rename(copy, names)
    return copy


def _rename(node: "onnx.NodeProto", names: Mapping[str, str]) -> None:
    for values in (node.input, node.output):
        for k, name in enumerate(values):
            values[k] = names.get(name, name)
    for graph in subgraphs(node):
        own = {name for inner in graph.node for name in inner.output} | {value.name for value in graph.input}
        outer = {old: new for old, new in names.items() if old not in own}
        for inner in graph.node:
            _rename(inner, outer)
        for value in graph.output:
            value.name = outer.get(value.name, value.name)
