"""What an ONNX network takes: the shape of its input, the order of its axes, the type and range of its numbers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from topodepth.errors import InputError
from topodepth.networks.onnx_flow import as_array
from topodepth.networks.onnx_kinds import CONVOLUTIONS
from topodepth.networks.onnx_tensors import FLOATS, WHOLE

if TYPE_CHECKING:
    import onnx

    from topodepth.networks.onnx_file import OnnxFile

TO_FIRST, TO_LAST = [0, 3, 1, 2], [0, 2, 3, 1]
ONE_BY_ONE = {
    "Cast",
    "Sub",
    "Div",
    "Mul",
    "Add",
    "Identity",
    "Clip",
    "Neg",
    "Dropout",
    "QuantizeLinear",
    "DequantizeLinear",
}  # fmt: skip; these leave axes where they are
ALIKE = (1, 3, 4)  # channels of images

LAYOUTS = ("channels_first", "channels_last")


def type_of(found: "OnnxFile") -> str:
    """Return the type of the numbers that a network takes."""
    kind = (FLOATS | WHOLE)[found.input.type.tensor_type.elem_type]
    if kind == "bfloat16":
        raise InputError(
            f"{found.path}: expected an input of float32, float16, float64 or whole numbers. Received: {kind}."
        )
    return kind


def shape_of(found: "OnnxFile") -> tuple[int | None, ...]:
    """Return the shape of a network's input as the file has it, the batch's axis first; None for a free axis.

    A convolution that takes it tells how many axes and channels it has, where the file does not.
    """
    declared = found.input.type.tensor_type
    shape = [axis.dim_value if axis.dim_value > 0 else None for axis in declared.shape.dim]
    number, kernel = _first_convolution(found)
    if not declared.HasField("shape") and kernel is not None:
        shape = [None] * len(kernel.dims)
    if not shape:
        raise InputError(f"{found.path}: expected an input of known axes, the batch first. Received: none.")
    if kernel is not None and len(kernel.dims) == len(shape) and len(shape) > 1:
        groups = next((a.i for a in found.flow.nodes[number].attribute if a.name == "group"), 1)
        shape[1] = shape[1] or kernel.dims[1] * groups
    return tuple(shape)


def channels_first(found: "OnnxFile", layout: str = "auto") -> bool:
    """Tell whether a network takes the channels of its input before height and width, as PyTorch has them.

    The first convolution or transposition tells it, else the shape: 1, 3 or 4 channels.

    Raises
    ------
    InputError
        If nothing tells, and ``layout`` is ``"auto"``.
    """
    shape = found.shape
    if len(shape) < 3:
        return False
    if layout in LAYOUTS:
        return layout == LAYOUTS[0]
    for number in _entrance(found):
        node = found.flow.nodes[number]
        perm = next((list(a.ints) for a in node.attribute if a.name == "perm"), None)
        if node.op_type in CONVOLUTIONS and found.flow.kinds[number].weighted:
            return True
        if node.op_type == "Transpose" and perm in (TO_FIRST, TO_LAST):
            return perm == TO_LAST
    if len(shape) == 3:  # a sequence: steps before features
        return False
    first, last = shape[1] in ALIKE, shape[-1] in ALIKE
    if first == last:
        text = ", ".join("any" if size is None else str(size) for size in shape[1:])
        raise InputError(
            f"{found.path}: neither the shape of its input nor a first convolution tells where the channels are; "
            f"expected `layout: {LAYOUTS[0]}` or `{LAYOUTS[1]}`. Received: (n, {text})."
        )
    return first


def _entrance(found: "OnnxFile") -> Iterator[int]:
    """Yield the nodes that the input passes through first, as far as each leaves its axes where they are."""
    flow, value, seen = found.flow, found.flow.source, set()
    while value not in seen:
        seen.add(value)
        users = flow.users[value]
        yield from users
        following = [k for k in users if flow.nodes[k].op_type in ONE_BY_ONE and len(flow.inputs[k]) == 1]
        if len(users) != 1 or not following:
            return
        value = flow.nodes[following[0]].output[0]


def _first_convolution(found: "OnnxFile") -> tuple[int, "onnx.TensorProto | None"]:
    flow = found.flow
    for number in _entrance(found):
        if flow.nodes[number].op_type in CONVOLUTIONS and flow.kinds[number].weighted:
            return number, flow.constants.get(flow.nodes[number].input[flow.kinds[number].kernel])
    return -1, None


def whole_numbers(found: "OnnxFile") -> str:
    """Say why a network takes whole numbers only; nothing if it does not."""
    kind = type_of(found)
    if kind.startswith(("int", "uint")):
        return f"takes whole numbers ({kind})"
    flow = found.flow
    for number in _entrance(found):
        if flow.kinds[number].core == "Embedding":
            return f"begins with {flow.kinds[number].name}, which takes whole numbers"
    return ""


def scales_itself(found: "OnnxFile", least: float) -> str:
    """Say how a network scales pixels itself: its first product with a number, where that is below ``least``."""
    flow = found.flow
    for number in _entrance(found):
        node = flow.nodes[number]
        if node.op_type not in ("Mul", "Div") or len(node.input) != 2:
            continue
        other = next((name for name in node.input if name not in flow.values), "")
        value = as_array(flow.constants.get(other))
        if (
            value is None
            or value.dtype.kind != "f"
            or not value.size
            or (node.op_type == "Div" and node.input[1] != other)
        ):
            return ""
        scale = float(np.abs(value).max() if node.op_type == "Mul" else 1 / max(np.abs(value).min(), 1e-30))
        return f"begins with a scaling by {scale:.4g}" if 0 < scale < least else ""
    return ""
