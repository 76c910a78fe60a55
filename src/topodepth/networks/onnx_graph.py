"""An ONNX graph made from Keras layers as a file describes them; :mod:`topodepth.networks.onnx_layers` knows them.

Tensors have their channels first, as ONNX wants; shapes are told as Keras tells them, channels last.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 8
# what decides how a layer is trained, and not what it computes; initial values, penalties and constraints too
INERT = {"name", "trainable", "dtype", "data_format", "batch_input_shape", "seed", "rate", "stddev", "noise_shape",
         "momentum", "renorm_momentum", "l1", "l2"}  # fmt: skip
INERT_ENDINGS = ("_initializer", "_regularizer", "_constraint")
SIMPLE = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "softplus": "Softplus", "softsign": "Softsign",
          "exponential": "Exp", "elu": "Elu", "selu": "Selu"}  # fmt: skip


class Unsupported(Exception):  # noqa: N818
    """A layer, or a setting of one, that only Keras computes; the message says which."""


@dataclass(frozen=True)
class Value:
    """A tensor of an ONNX graph: its name, and its shape as Keras tells it, (None, …, channels)."""

    name: str
    shape: tuple[Any, ...]


@dataclass(frozen=True)
class SavedLayer:
    """What a file says of a layer: its class, its settings, and its weights in the order in which Keras lists them."""

    kind: str
    settings: dict
    weights: list[np.ndarray]


@dataclass
class OnnxGraph:
    """An ONNX graph in the making."""

    nodes: list = field(default_factory=list)
    constants: list = field(default_factory=list)

    def add(
        self, operator: str, inputs: Sequence[Value | np.ndarray | np.float32], shape: tuple, **attributes: object
    ) -> Value:
        """Add an operator, whose inputs may be arrays; return its output."""
        names = [item.name if isinstance(item, Value) else self._constant(item) for item in inputs]
        output = f"value{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [output], **attributes))
        return Value(output, shape)

    def _constant(self, array: np.ndarray | np.float32) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def activate(self, function: object, x: Value) -> Value:
        """Add an activation function, by its name or as Keras 3 writes it."""
        name = function.get("config") if isinstance(function, dict) else function
        if name == "linear":
            return x
        if isinstance(name, str) and name in SIMPLE:
            return self.add(SIMPLE[name], [x], x.shape)
        if name == "relu6":
            return self.add("Clip", [x, np.float32(0), np.float32(6)], x.shape)
        if name == "softmax":  # over the channels
            return self.add("Softmax", [x], x.shape, axis=1)
        if name in ("swish", "silu"):
            return self.add("Mul", [x, self.add("Sigmoid", [x], x.shape)], x.shape)
        if name == "gelu":
            inner = self.add("Erf", [self.add("Mul", [x, np.float32(0.5**0.5)], x.shape)], x.shape)
            gate = self.add("Mul", [self.add("Add", [inner, np.float32(1)], x.shape), np.float32(0.5)], x.shape)
            return self.add("Mul", [x, gate], x.shape)
        raise Unsupported(f"activation {name!r}")

    def model(self, source: Value, outputs: Sequence[Value]) -> bytes:
        """Return the whole graph as an ONNX file has it, from one input, channels last, to these outputs."""
        first = helper.make_tensor_value_info(source.name, TensorProto.FLOAT, ["n", *source.shape[1:]])
        last = [helper.make_tensor_value_info(item.name, TensorProto.FLOAT, None) for item in outputs]
        graph = helper.make_graph(self.nodes, "network", [first], last, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        return model.SerializeToString()


CONVERTERS: dict[str, tuple[Callable, set[str], tuple[str, ...]]] = {}


def converts(*kinds: str, settings: str = "", rooms: tuple[str, ...] = ("keras.layers",)) -> Callable:
    """Register the converter of layer classes: from a graph, the layer and its inputs to the output before activation.

    ``settings`` are those it knows, beside what every layer has; a layer with others is refused. ``rooms`` are the
    parts of Keras that these classes are of: some functions of Keras 3 have the name and meaning of a layer.
    """

    def register(convert: Callable) -> Callable:
        CONVERTERS.update(dict.fromkeys(kinds, (convert, set(settings.split()), rooms)))
        return convert

    return register


def convert(graph: OnnxGraph, record: dict, weights: list[np.ndarray], inputs: list[Value]) -> tuple[Value, Value]:
    """Add a layer to a graph; return its output before and after the activation inside it.

    Parameters
    ----------
    graph
        Where to add it.
    record
        What a Keras file says of the layer.
    weights
        In the order in which Keras lists them.
    inputs
        What the layer takes.

    Raises
    ------
    Unsupported
        If the layer, or a setting of it, is not known, or weights or inputs are not as it needs them.
    """
    kind, settings = record["class_name"], record["config"]
    convert_kind = _converter(record)
    if _dtype(settings) != "float32":
        raise Unsupported(f"{kind} in {_dtype(settings)}")
    if settings.get("data_format", "channels_last") != "channels_last" and kind != "ZeroPadding2D":
        raise Unsupported(f"{kind} with channels first")
    _check_calls(record)
    try:
        before = convert_kind(graph, SavedLayer(kind, settings, weights), inputs)
    except (KeyError, ValueError, TypeError, IndexError, ArithmeticError) as error:  # not as expected
        raise Unsupported(f"{kind}: {type(error).__name__} {error}") from error
    if kind == "Activation" or settings.get("activation") is None:
        return before, before
    return before, graph.activate(settings["activation"], before)


def _converter(record: dict) -> Callable:
    kind = record["class_name"]
    if kind not in CONVERTERS:
        raise Unsupported(repr(kind))
    found, known, rooms = CONVERTERS[kind]
    module = str(record.get("module") or "keras.layers").replace("tf_keras", "keras").replace("keras.src", "keras")
    if not module.startswith(rooms):
        raise Unsupported(f"{kind} of {module!r}")
    for key, value in record["config"].items():
        off = value is None or value is False
        if not (off or key in INERT or key.endswith(INERT_ENDINGS) or key in known or key == "activation"):
            raise Unsupported(f"{kind} with {key}: {value!r}")
    return found


def _dtype(settings: dict) -> str:
    dtype = settings.get("dtype") or "float32"
    return str(dtype["config"]["name"] if isinstance(dtype, dict) else dtype)


def _check_calls(record: dict) -> None:
    """Refuse a layer that is called with more than its inputs, such as ``training=True``."""
    for call in record.get("inbound_nodes") or []:
        options = [call["kwargs"]] if isinstance(call, dict) else [item[3] for item in call if len(item) > 3]
        for key, value in (pair for found in options for pair in found.items()):
            if value is not None and value is not False:
                raise Unsupported(f"{record['class_name']} called with {key}")
