"""What an operator of ONNX is, in the words that Keras has for layers, so that the same rules choose what to tap."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from topodepth.networks.graph import KERNELS, MERGES, SEQUENCES

if TYPE_CHECKING:
    import onnx

SHAPES = {"Shape", "Size"}  # what they return depends on no value
RECURRENT = {"LSTM": "LSTM", "GRU": "GRU", "RNN": "SimpleRNN"}
# operators that only move values; they add no depth
MOVES = {
    "Reshape": "Reshape", "Flatten": "Flatten", "Squeeze": "Squeeze", "Unsqueeze": "Reshape", "Transpose": "Permute",
    "Identity": "Identity", "Cast": "Cast", "CastLike": "Cast", "Pad": "ZeroPadding", "Slice": "Slice",
    "Split": "Split", "Expand": "Expand", "Tile": "Tile", "DepthToSpace": "DepthToSpace",
    "SpaceToDepth": "SpaceToDepth", "QuantizeLinear": "QuantizeLinear", "DequantizeLinear": "DequantizeLinear",
    "Gather": "Gather",
}  # fmt: skip
# name here, and the class of Keras whose rules it follows where that is another
ACTIVATIONS = {
    "Relu": "ReLU", "LeakyRelu": "LeakyReLU", "PRelu": "PReLU", "Elu": "ELU", "Dropout": "Dropout",
    "BatchNormalization": "BatchNormalization", "LayerNormalization": "LayerNormalization",
}  # fmt: skip
OTHER_ACTIVATIONS = {
    "Selu", "Celu", "Clip", "HardSwish", "HardSigmoid", "Tanh", "Softplus", "Softsign", "Gelu", "Mish", "Swish",
    "ThresholdedRelu", "Exp", "BiasGelu", "FastGelu", "QuickGelu", "BiasSplitGelu",
}  # fmt: skip
NORMALISATIONS = {
    "InstanceNormalization", "GroupNormalization", "RMSNormalization", "SimplifiedLayerNormalization", "LRN",
    "LpNormalization", "GroupNorm",
}  # fmt: skip
POOLS = {"GlobalAveragePool": "GlobalAveragePooling2D", "AveragePool": "AveragePooling2D", "MaxPool": "MaxPooling2D",
         "GlobalMaxPool": "GlobalMaxPooling2D", "ReduceMean": "Mean", "Mean": "Average"}  # fmt: skip
# (name, place of the kernel among the inputs); of convolutions the name gets the number of their axes
CONVOLUTIONS = {"Conv": ("Conv", 1), "ConvInteger": ("Conv", 1), "QLinearConv": ("Conv", 3), "FusedConv": ("Conv", 1),
                "NhwcConv": ("Conv", 1), "DeformConv": ("Conv", 1), "ConvTranspose": ("Conv", 1)}  # fmt: skip
PRODUCTS = {"Gemm": 1, "MatMul": 1, "MatMulInteger": 1, "QLinearMatMul": 3, "MatMulNBits": 1, "FusedMatMul": 1,
            "FusedGemm": 1, "QGemm": 3}  # fmt: skip
ATTENTIONS = {"Attention", "MultiHeadAttention", "GroupQueryAttention", "PackedAttention", "QAttention"}
PROBABILITIES = {"Softmax": "Softmax", "LogSoftmax": "Softmax", "Sigmoid": "Sigmoid"}
JOINING = {"Add", "Sum", "Concat", "SkipLayerNormalization", "Mul", "Div", "Sub"}
# what activation functions and normalisations are written out in
ELEMENTARY = {
    "Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Reciprocal", "Neg", "Abs", "Exp", "Log", "Erf", "Tanh", "Sigmoid",
    "HardSigmoid", "Softplus", "Clip", "Relu", "Min", "Max", "Where", "Greater", "Less", "GreaterOrEqual",
    "LessOrEqual", "ReduceMean", "ReduceMax", "ReduceSum", "Cast", "Identity",
    "Reshape", "Expand", "Squeeze", "Unsqueeze",
}  # fmt: skip
# what a chain of these is, by the first of them that it has
COMPOSITES = {"ReduceMean": "LayerNormalization", "Erf": "Gelu", "HardSigmoid": "HardSwish", "Clip": "HardSwish",
              "Softplus": "Mish", "Tanh": "Gelu", "Sigmoid": "Swish"}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """What an operator is.

    Attributes
    ----------
    name
        What tables call it: the class of Keras that does the same, else the operator's own name.
    core
        The class of Keras whose rules it follows; its name if left out.
    counts
        Whether it adds to the depth.
    kernel
        The place of its weights among the node's inputs; -1 if it has none of its own.
    """

    name: str
    core: str = ""
    counts: bool = True
    kernel: int = -1

    def __post_init__(self) -> None:
        object.__setattr__(self, "core", self.core or self.name)

    @property
    def weighted(self) -> bool:
        """Whether it is a layer with weights."""
        return self.core in KERNELS or self.core in SEQUENCES

    @property
    def merges(self) -> bool:
        """Whether it joins two ways."""
        return self.name in MERGES


KINDS = (
    {operator: Kind(name, counts=False) for operator, name in MOVES.items()}
    | {operator: Kind(name, kernel=1) for operator, name in RECURRENT.items()}
    | {operator: Kind(operator, "MultiHeadAttention") for operator in ATTENTIONS}
    | {operator: Kind(operator, "Activation") for operator in OTHER_ACTIVATIONS}
    | {operator: Kind(operator, "LayerNormalization") for operator in NORMALISATIONS}
    | {operator: Kind(name) for operator, name in (ACTIVATIONS | POOLS).items()}
    | {operator: Kind(operator, core) for operator, core in PROBABILITIES.items()}
    | {"EmbedLayerNormalization": Kind("EmbedLayerNormalization", "Embedding")}
)


def kind_of(node: "onnx.NodeProto", values: Collection[str], constants: Mapping) -> Kind:
    """Return what a node is.

    Parameters
    ----------
    node
        Of the graph.
    values
        The names of all values that the input reaches; the others are weights, or shapes.
    constants
        The tensors of the file, by name.
    """
    operator = node.op_type
    if operator in CONVOLUTIONS or operator in PRODUCTS or operator == "Einsum":
        return _with_kernel(node, values, constants)
    if operator in JOINING:
        return _joining(node, values)
    if operator == "Gather" and len(node.input) > 1 and node.input[0] not in values:
        return Kind("Embedding", kernel=0)
    return KINDS.get(operator, Kind(operator))


def composite(operators: Collection[str]) -> Kind:
    """Return what a function is that is written out in elementary operators."""
    if "ReduceMax" in operators:  # the first part of a softmax
        return Kind("Shift", counts=False)
    for operator, name in COMPOSITES.items():
        if operator in operators:
            return Kind(name, "LayerNormalization" if name == "LayerNormalization" else "Activation")
    return Kind("Activation")


def _joining(node: "onnx.NodeProto", values: Collection[str]) -> Kind:
    """Return what an operator of several inputs is: of one way and constants, a bias or a scale."""
    ways, operator = [name for name in node.input if name in values], node.op_type
    if operator == "SkipLayerNormalization":
        return Kind("Add")
    if len(ways) > 1:
        return Kind({"Add": "Add", "Sum": "Add", "Concat": "Concatenate", "Mul": "Multiply"}.get(operator, operator))
    if operator == "Concat":
        return Kind("Concatenation", counts=False)
    return Kind("Bias", counts=False) if operator in ("Add", "Sum", "Sub") else Kind("Scale")


def _with_kernel(node: "onnx.NodeProto", values: Collection[str], constants: Mapping) -> Kind:
    """Return what a convolution or product is; a product of two values that the input reaches has no weights."""
    operator = node.op_type
    if operator == "Einsum":
        place = next((k for k, name in enumerate(node.input) if name not in values), -1)
        return Kind("EinsumDense", kernel=place) if place >= 0 and len(node.input) == 2 else Kind(operator)
    place = CONVOLUTIONS[operator][1] if operator in CONVOLUTIONS else PRODUCTS[operator]
    if operator == "MatMul" and node.input[0] not in values:
        place = 0
    if len(node.input) <= place or node.input[place] in values:
        return Kind(operator)
    if operator in PRODUCTS:
        return Kind("Dense", kernel=place)
    settings = {a.name: a for a in node.attribute}
    weight = constants.get(node.input[place])
    window = len(settings["kernel_shape"].ints) if "kernel_shape" in settings else 2
    axes = window if weight is None else len(weight.dims) - 2
    axes = axes if axes in (1, 2, 3) else 2
    if operator == "ConvTranspose":
        return Kind(f"Conv{axes}DTranspose", kernel=place)
    groups = settings["group"].i if "group" in settings else 1
    depthwise = groups > 1 and weight is not None and len(weight.dims) > 1 and weight.dims[1] == 1 and axes < 3
    return Kind(f"{'Depthwise' if depthwise else ''}Conv{axes}D", kernel=place)
