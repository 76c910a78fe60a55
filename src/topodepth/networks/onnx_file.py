"""An ONNX file of anyone: read, checked and made whole before anything in it is computed.

Nothing in such a file is code, but it names other files, operators and sizes. Names of files are held to the folder of
the file, operators to those that ONNX defines or ONNX Runtime brings, sizes to what one message of protobuf holds.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from topodepth.errors import InputError
from topodepth.networks.graph import LayerGraph, check_one_input
from topodepth.networks.kinds import not_onnx
from topodepth.networks.onnx_tensors import (
    FLOATS,
    LARGEST_FILE,
    MOST_NODES,
    WHOLE,
    all_nodes,
    all_tensors,
    external_files,
    external_tensors,
    subgraphs,
)
from topodepth.networks.taps import auto_tokens

if TYPE_CHECKING:
    import onnx

    from topodepth.networks.onnx_flow import Flow

ENDING = ".onnx"
OLDEST = 7  # opset; before it, ONNX Runtime lacks additions and products
STANDARD = ("", "ai.onnx")
KNOWN = (*STANDARD, "ai.onnx.ml", "com.microsoft")  # ONNX Runtime computes these without a library of anyone's
OTHERS = {8: "text", 9: "true or false"}


@dataclass(frozen=True)
class OnnxInput:
    """A tensor as the rest of the house sees it: its shape, channels last, None for a free axis, and its type."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class OnnxFile:
    """What an ONNX file says of itself.

    Attributes
    ----------
    path
        The file.
    name
        The graph's own name.
    model
        The ``onnx.ModelProto`` without weights of other files; functions and branches that are always taken stand in
        the graph itself.
    external
        Files with its weights, beside it.
    code
        Empty: nothing in such a file is code.
    """

    path: Path
    name: str
    model: "onnx.ModelProto" = field(repr=False, compare=False)
    external: tuple[Path, ...] = ()
    code: tuple[str, ...] = ()

    @cached_property
    def flow(self) -> "Flow":
        """What flows from its input to its outputs."""
        from topodepth.networks.onnx_flow import Flow

        return Flow(self.model, self.name, self.input.name)

    def graph(self) -> LayerGraph:
        """Return the graph of its layers."""
        return self.flow.graph

    def auto(self) -> list[str]:
        """Return what ``layers: auto`` taps, by the rules for Keras files.

        Raises
        ------
        InputError
            If all layers stand in branches or loops that the images decide.
        """
        graph = self.graph()
        found = auto_tokens(graph)
        hidden = self.flow.hidden()
        if hidden and len(found) <= len(graph.outputs) and not any(use.has_weights for use in graph.applications):
            raise InputError(
                f"{self.name}: no layers found to tap: {sum(hidden.values())} nodes stand inside {', '.join(hidden)}, "
                "whose values cannot be asked for. Export it without, or name its outputs as `layers`."
            )
        return found

    @property
    def layers(self) -> tuple[tuple[int, str, str], ...]:
        """(index, name, class) of each layer."""
        graph = self.graph()
        return tuple((k, name, graph.by_layer[name][0].kind) for k, name in enumerate(graph.order))

    @property
    def input(self) -> "onnx.ValueInfoProto":
        """The one input, as the file declares it."""
        return only_input(self.model, self.name)

    @property
    def opset(self) -> int:
        """The version of ONNX's own operators."""
        return opset_of(self.model)

    @cached_property
    def shape(self) -> tuple[int | None, ...]:
        """The input's shape as the file has it, the batch's axis first; None for a free axis."""
        from topodepth.networks.onnx_input import shape_of

        return shape_of(self)

    def source(self, layout: str = "auto") -> OnnxInput:
        """Return the input as data come: channels last, whatever order the network takes them in.

        Raises
        ------
        InputError
            If neither the shape nor the first convolution tells the order and ``layout`` is ``"auto"``.
        """
        from topodepth.networks.onnx_input import channels_first, type_of

        shape = self.shape
        if channels_first(self, layout):
            shape = (shape[0], *shape[2:], shape[1])
        return OnnxInput(self.input.name, shape, type_of(self))


def is_onnx(path: str | Path) -> bool:
    """Tell whether a file is one of ONNX, by its name: the format has no signature."""
    return Path(path).suffix.lower() == ENDING


def inspect(path: str | Path) -> OnnxFile:
    """Read what an ONNX file says of itself; weights in other files are not read yet.

    Raises
    ------
    InputError
        If it is missing, too large, truncated or no ONNX file, has other than one input of numbers, asks for operators
        that nothing here computes, was exported while it was trained, or has weights elsewhere than beside it.
    """
    path = Path(path)
    if not path.is_file():
        raise not_onnx(path)
    about = path.stat()
    return _inspected(path, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=2)  # a plan asks several times of one file
def _inspected(path: Path, _changed: int, size: int) -> OnnxFile:
    if size > LARGEST_FILE:
        raise InputError(f"{path}: expected at most {LARGEST_FILE} bytes. Received: {size}.")
    return _checked(path, _parsed(path))


def of_model(model: "onnx.ModelProto", name: str = "model") -> OnnxFile:
    """Return what an ``onnx.ModelProto`` says of itself, as :func:`inspect` does of a file; it is not changed.

    Raises
    ------
    InputError
        As :func:`inspect`; also if its weights lie in other files, of which nobody knows where they are.
    """
    if external_tensors(model):
        expected = "expected a model that holds its weights itself; onnx.load brings them"
        raise InputError(f"{name}: {expected}. Received: weights in other files.")
    return _checked(Path(name), model)


def _checked(path: Path, model: "onnx.ModelProto") -> OnnxFile:
    from topodepth.networks.onnx_branches import without_branches, without_functions

    _check_texts(path, model)
    name = model.graph.name or path.stem
    _check_operators(path, model)
    external = external_files(path, model)
    try:
        model = without_functions(model)
        check_order(model.graph)
        only_input(model, name)
        found = OnnxFile(path, name, model, external)
        found = replace(found, model=without_branches(found))
        _check_evaluation(found)
        found.graph()
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return found


def _parsed(path: Path) -> "onnx.ModelProto":
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except DecodeError:
        raise not_onnx(path) from None
    if not model.ir_version or not model.opset_import or not model.graph.node:
        raise not_onnx(path)  # protobuf takes many a file for a message without the fields that it knows
    return model


def _check_texts(path: Path, model: "onnx.ModelProto") -> None:
    """Refuse names that are no text: the messages of ONNX are of an old kind, where they then are bytes in Python."""
    texts = [model.graph.name, *(value.name for value in (*model.graph.input, *model.graph.output))]
    for node in all_nodes([*model.graph.node, *(node for function in model.functions for node in function.node)]):
        texts += [node.name, node.op_type, node.domain, *node.input, *node.output]
        for graph in subgraphs(node):
            texts += [value.name for value in (*graph.input, *graph.output)]
    texts += [entry for item in model.functions for entry in (item.name, item.domain, *item.input, *item.output)]
    texts += [entry.domain for entry in model.opset_import]
    for tensor in all_tensors(model):
        texts += [tensor.name, *(text for entry in tensor.external_data for text in (entry.key, entry.value))]
    for text in texts:
        if not isinstance(text, str):
            raise InputError(f"{path}: expected names in UTF-8. Received: {text!r}.")


def opset_of(model: "onnx.ModelProto") -> int:
    """Return the version of ONNX's own operators that a model is made of; the oldest if it has none of them."""
    return max((entry.version for entry in model.opset_import if entry.domain in STANDARD), default=OLDEST)


def _check_operators(path: Path, model: "onnx.ModelProto") -> None:
    """Refuse operators that neither ONNX defines nor ONNX Runtime brings: no library of anyone's is loaded."""
    import onnx

    newest, opset = onnx.defs.onnx_opset_version(), opset_of(model)
    if not OLDEST <= opset <= newest:
        raise InputError(f"{path}: expected an opset of ONNX from {OLDEST} to {newest}. Received: opset {opset}.")
    own = {(function.domain, function.name) for function in model.functions}
    bodies = [function.node for function in model.functions]
    count = 0
    for nodes in (model.graph.node, *bodies):
        for node in all_nodes(nodes):
            count += 1
            if count > MOST_NODES:
                raise InputError(f"{path}: expected at most {MOST_NODES} nodes. Received: more.")
            if (node.domain, node.op_type) in own:
                continue
            if node.domain not in KNOWN:
                raise InputError(
                    f"{path}: expected operators of ONNX or ONNX Runtime itself, libraries of others are never loaded. "
                    f"Received: {node.op_type} of {node.domain!r}."
                )
            if node.domain in STANDARD:
                _check_standard(path, node, opset)


def _check_standard(path: Path, node: "onnx.NodeProto", opset: int) -> None:
    """Refuse an operator that ONNX does not have, or with fewer inputs, outputs or branches than it takes."""
    import onnx

    if not onnx.defs.has(node.op_type, opset):
        raise InputError(f"{path}: expected operators of ONNX opset {opset}. Received: {node.op_type!r}.")
    schema = onnx.defs.get_schema(node.op_type, opset)
    needed = {name for name, attribute in schema.attributes.items() if attribute.required}
    missing = needed - {attribute.name for attribute in node.attribute}
    if len(node.input) < schema.min_input or len(node.output) < schema.min_output or missing:
        received = f"one with {len(node.input)} and {len(node.output)}, without {', '.join(sorted(missing)) or 'none'}"
        expected = f"at least {schema.min_input} inputs, {schema.min_output} outputs"
        raise InputError(f"{path}: expected {expected} of a {node.op_type}, and its attributes. Received: {received}.")


def only_input(model: "onnx.ModelProto", name: str) -> "onnx.ValueInfoProto":
    """Return the one input of a network; older files list its weights as inputs too.

    Raises
    ------
    InputError
        If it has several, or one that is no tensor of numbers.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    weights.update(tensor.values.name for tensor in model.graph.sparse_initializer)
    inputs = [value for value in model.graph.input if value.name not in weights]
    check_one_input(name, [value.name for value in inputs])
    kind = inputs[0].type.tensor_type.elem_type
    if kind not in (FLOATS | WHOLE) or not inputs[0].type.HasField("tensor_type"):
        received = OTHERS.get(kind, "another type")
        raise InputError(f"{name}: expected an input {inputs[0].name!r} of numbers. Received: {received}.")
    return inputs[0]


def check_order(graph: "onnx.GraphProto") -> None:
    """Refuse a graph whose nodes do not stand in the order in which they are computed, or name a value twice."""
    known = {"", *(value.name for value in graph.input), *(tensor.name for tensor in graph.initializer)}
    known.update(tensor.values.name for tensor in graph.sparse_initializer)
    for node in graph.node:
        for name in node.input:
            if name not in known:
                raise InputError(f"expected nodes after those that they use. Received: {name!r}, made later or never.")
        for name in filter(None, node.output):
            if name in known:
                raise InputError(f"expected values that are made once. Received: {name!r}, twice.")
            known.add(name)
    missing = [value.name for value in graph.output if value.name not in known]
    if missing:
        raise InputError(f"expected outputs that are made. Received: {missing[0]!r}, which is not.")


def _check_evaluation(found: OnnxFile) -> None:
    """Refuse a network that was exported as it is trained: its outputs depend on the batch, or on chance."""
    for node in found.flow.nodes:
        if node.op_type == "BatchNormalization" and any(a.name == "training_mode" and a.i for a in node.attribute):
            received = "a BatchNormalization that takes the batch's own mean"
        elif node.op_type == "Dropout" and len(node.input) > 2 and found.flow.truth(node.input[2]):
            received = "a Dropout that drops"
        elif node.op_type in ("RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"):
            received = f"{node.op_type}, so other values each time"
        else:
            continue
        raise InputError(f"{found.name}: expected a network exported to be evaluated. Received: {received}.")
