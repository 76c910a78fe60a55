"""Where the channels of each value of an ONNX graph are, so that it is averaged over space, or steps, and not them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from topodepth.networks.onnx_flow import Flow
from topodepth.networks.onnx_kinds import ATTENTIONS, CONVOLUTIONS

if TYPE_CHECKING:
    import onnx

IMAGES_FIRST = {
    *CONVOLUTIONS, "BatchNormalization", "InstanceNormalization", "GroupNormalization", "LRN", "MaxPool", "AveragePool",
    "GlobalAveragePool", "GlobalMaxPool", "LpPool", "GlobalLpPool", "DepthToSpace", "SpaceToDepth", "GroupNorm",
}  # fmt: skip
FEATURES_LAST = {"Gemm", "LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization",
                 "SkipLayerNormalization", "EmbedLayerNormalization", *ATTENTIONS}  # fmt: skip

Shapes = Mapping[str, tuple[int | None, ...]]


def shapes_of(model: "onnx.ModelProto") -> Shapes:
    """Return the shapes of values as far as they follow from the input's; None for a free axis."""
    import onnx

    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception:  # of the library's own kinds: the file says something that is not so, which shows when it is run
        inferred = model
    known = {}
    for value in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output):
        if value.type.HasField("tensor_type") and value.type.tensor_type.HasField("shape"):
            axes = value.type.tensor_type.shape.dim
            known[value.name] = tuple(axis.dim_value if axis.dim_value > 0 else None for axis in axes)
    return known


def channel_axes(flow: Flow, shapes: Shapes, first: bool) -> dict[str, int]:
    """Return the axis of the channels, or features, of every value whose shape is known.

    It is followed from the input on: convolutions, pools and batch normalisations have it second, dense layers and
    layer normalisations last, transpositions move it, most others leave it. Where nothing tells, it is the second of
    images, the last of sequences.

    Parameters
    ----------
    flow
        What flows through the graph.
    shapes
        Of :func:`shapes_of`.
    first
        Whether the input has its channels before height and width.
    """
    found: dict[str, int] = {}
    if len(shapes.get(flow.source, ())) > 1:
        found[flow.source] = 1 if first else len(shapes[flow.source]) - 1
    for number, node in enumerate(flow.nodes):
        for value in node.output:
            rank = len(shapes.get(value, ()))
            if rank > 1:
                axis = _axis(flow, number, shapes, found, value)
                found[value] = axis if axis is not None and 0 < axis < rank else _usual(rank)
    return found


def _usual(rank: int) -> int:
    return rank - 1 if rank <= 3 else 1


def _axis(flow: Flow, number: int, shapes: Shapes, found: Mapping[str, int], value: str) -> int | None:
    node, kind, rank = flow.nodes[number], flow.kinds[number], len(shapes[value])
    if node.op_type in IMAGES_FIRST:
        return 1
    if node.op_type in FEATURES_LAST or kind.core in ("Dense", "EinsumDense", "Embedding"):
        from_left = kind.kernel == 0 and node.op_type == "MatMul"  # a kernel that multiplies columns
        return rank - 2 if from_left else rank - 1
    ways = [name for name in flow.inputs[number] if name in found]
    return _moved(node, max(ways, key=lambda name: len(shapes[name])), value, shapes, found) if ways else None


def _moved(
    node: "onnx.NodeProto",
    before: str,
    after: str,
    shapes: Shapes,
    found: Mapping[str, int],
) -> int | None:
    """Return where a node that neither makes nor mixes channels puts them."""
    axis, rank = found[before], len(shapes[after])
    if node.op_type == "Transpose":
        perm = next((list(a.ints) for a in node.attribute if a.name == "perm"), [*reversed(range(rank))])
        return perm.index(axis) if axis in perm else None
    if rank == len(shapes[before]) and node.op_type != "Reshape":
        return axis
    return _kept(shapes[before], axis, shapes[after])


def _kept(before: tuple[int | None, ...], axis: int, after: tuple[int | None, ...]) -> int | None:
    """Return where as many channels are after a change of axes: at the same end as before."""
    size = before[axis]
    at_end = axis == len(before) - 1
    for place in (len(after) - 1, 1) if at_end else (1, len(after) - 1):
        if size is not None and 0 < place < len(after) and after[place] == size:
            return place
    return None
