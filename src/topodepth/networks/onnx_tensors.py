"""The tensors of an ONNX file, wherever they are: in its graph, in graphs in that, and in other files beside it."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from topodepth.errors import InputError
from topodepth.networks.graph import LARGEST

if TYPE_CHECKING:
    import onnx

FLOATS = {1: "float32", 10: "float16", 11: "float64", 16: "bfloat16"}  # of onnx.TensorProto
WHOLE = {2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 12: "uint32", 13: "uint64"}
MOST_NODES = 20 * LARGEST  # of a graph, constants and shapes among them
LARGEST_FILE = 2**31 - 1  # bytes, with the weights that lie beside it: protobuf has no larger messages


def subgraphs(node: "onnx.NodeProto") -> Iterator["onnx.GraphProto"]:
    """Yield the graphs in a node: branches of an If, bodies of a Loop or Scan."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def all_nodes(nodes: "Iterable[onnx.NodeProto]") -> Iterator["onnx.NodeProto"]:
    """Yield nodes, and those of the graphs in them; protobuf reads no more than about 30 in each other."""
    for node in nodes:
        yield node
        for graph in subgraphs(node):
            yield from all_nodes(graph.node)


def _tensors(nodes: "Iterable[onnx.NodeProto]", graph: "onnx.GraphProto | None" = None) -> Iterator["onnx.TensorProto"]:
    """Yield all tensors of a graph, or of the nodes of a function: initializers, constants, and those of subgraphs."""
    if graph is not None:
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            if attribute.HasField("sparse_tensor"):
                yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)
            yield from attribute.tensors
        for inner in subgraphs(node):
            yield from _tensors(inner.node, inner)


def all_tensors(model: "onnx.ModelProto") -> Iterator["onnx.TensorProto"]:
    """Yield all tensors of a model, those of its functions too."""
    yield from _tensors(model.graph.node, model.graph)
    for function in model.functions:
        yield from _tensors(function.node)


def external_tensors(model: "onnx.ModelProto") -> list["onnx.TensorProto"]:
    """Return the tensors of a model whose numbers lie in other files."""
    return [tensor for tensor in all_tensors(model) if tensor.data_location == tensor.EXTERNAL]


def _location(path: Path, tensor: "onnx.TensorProto") -> tuple[Path, int, int | None]:
    """Return the file that holds a tensor's numbers, and where they begin and how many bytes they are."""
    said = {entry.key: entry.value for entry in tensor.external_data}
    name = said.get("location", "")
    if not name or name in (".", "..") or "\0" in name or {"/", "\\", ":"} & set(name):
        raise InputError(f"{path}: expected its weights in a file beside it. Received: {name!r} for {tensor.name!r}.")
    try:
        start, length = int(said.get("offset", 0)), int(said["length"]) if "length" in said else None
    except ValueError:
        start, length = -1, None
    if start < 0 or (length or 0) < 0:
        raise InputError(f"{path}: expected a place of {tensor.name!r} in {name!r}. Received: {said}.")
    return path.parent / name, start, length


def external_files(path: Path, model: "onnx.ModelProto") -> tuple[Path, ...]:
    """Return the files beside a model that hold its weights; each is there, a file of its own and no link."""
    files = dict.fromkeys(_location(path, tensor)[0] for tensor in external_tensors(model))
    total = 0
    for file in files:
        try:
            about = file.lstat()
        except OSError:
            raise InputError(
                f"{path}: its weights lie in {file.name!r}, expected beside it; the two belong together. "
                f"Received: no such file."
            ) from None
        if not stat.S_ISREG(about.st_mode):
            received = "a link" if stat.S_ISLNK(about.st_mode) else "no file"
            raise InputError(f"{path}: expected its weights in a file of its own, {file.name!r}. Received: {received}.")
        total += about.st_size
    if total > LARGEST_FILE:
        raise InputError(f"{path}: expected at most {LARGEST_FILE} bytes of weights. Received: {total}.")
    return tuple(files)


def whole(path: Path, model: "onnx.ModelProto") -> "onnx.ModelProto":
    """Return a copy of the model of a file that holds all its weights itself.

    Raises
    ------
    InputError
        If a file beside it is shorter than its tensors.
    """
    import onnx

    made = onnx.ModelProto()
    made.CopyFrom(model)
    tensors = external_tensors(made)
    contents = {file: _content(path, file) for file in external_files(path, made)}
    for tensor in tensors:
        file, start, length = _location(path, tensor)
        end = len(contents[file]) if length is None else start + length
        if end > len(contents[file]):
            received = f"{len(contents[file])} bytes"
            raise InputError(f"{path}: {tensor.name!r} expected up to byte {end} of {file}. Received: {received}.")
        tensor.raw_data = bytes(contents[file][start:end])
        tensor.data_location = tensor.DEFAULT
        del tensor.external_data[:]
    return made


def _content(path: Path, file: Path) -> memoryview:
    try:
        with open(os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as handle:
            return memoryview(handle.read())
    except OSError as error:
        raise InputError(f"{path}: its weights in {file.name!r} cannot be read. Received: {error}") from None
