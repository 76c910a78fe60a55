"""A Keras model as a graph of layer applications, the same for Keras 3 and the legacy Keras."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from topodepth.errors import InputError, unknown_name

MERGES = {"Add", "Concatenate", "add", "concat", "Concat"}
ELEMENTWISE = {"BatchNormalization", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "LayerNormalization", "Dropout"}
RESHAPES = {"Reshape", "Flatten", "Dropout", "Permute"}
AUTO_TAPS = 12


@dataclass(frozen=True)
class Tap:
    """One tensor of a model.

    Attributes
    ----------
    token
        How it was asked for.
    index
        Position of its layer in ``model.layers``; -1 if the tensor is no layer's output.
    name
        The layer's name, with ``@k`` for the k-th application of a shared one, or ``logits``, ``penultimate``.
    layer_class
        Class of the layer.
    relative_depth
        Longest path from the input, counted in layer applications, over the same of the output; in [0, 1].
    tensor
        The symbolic tensor.
    reduction
        ``"mean"`` over all axes but the first and the last, or ``"none"`` for a tensor (n, d).
    """

    token: str
    index: int
    name: str
    layer_class: str
    relative_depth: float
    tensor: object = field(repr=False, compare=False)
    reduction: str


@dataclass(eq=False)
class Application:
    """A layer called once: its input tensors, its output tensor, and its depth."""

    layer: object
    inputs: list
    output: object
    depth: int
    number: int = 0  # among the applications of the same layer

    @property
    def kind(self) -> str:
        """Class of the layer, or the name of the function that it wraps."""
        name = type(self.layer).__name__
        if name == "TFOpLambda":
            return str(self.layer.get_config()["function"]).rpartition(".")[2]
        return name


class Graph:
    """All layer applications between the input and the output of a model, in topological order."""

    def __init__(self, model) -> None:
        if not getattr(model, "inputs", None) or len(model.inputs) != 1 or len(model.outputs) != 1:
            raise InputError(f"{model.name}: expected a functional or sequential model with one input and one output.")
        self.model = model
        self.applications: list[Application] = []
        self._made_by: dict[tuple, Application] = {}
        self._walk(model.outputs[0])
        self.by_layer: dict[int, list[Application]] = defaultdict(list)
        position = {id(layer): k for k, layer in enumerate(model.layers)}
        for application in sorted(self.applications, key=lambda a: _key(a.output)[1]):
            application.number = len(self.by_layer[id(application.layer)])
            self.by_layer[id(application.layer)].append(application)
        self._position = position
        self.output = self._made_by[_key(model.outputs[0])]

    def _walk(self, output) -> None:
        """Visit the graph from the output backwards, without recursion: networks are deeper than Python's stack."""
        pending = [(output, False)]
        while pending:
            tensor, ready = pending.pop()
            if _key(tensor) in self._made_by:
                continue
            inputs = _inputs(tensor)
            if not ready:
                pending.append((tensor, True))
                pending.extend((item, False) for item in inputs)
                continue
            depth = 1 + max(self._made_by[_key(item)].depth for item in inputs) if inputs else 0
            application = Application(tensor._keras_history[0], inputs, tensor, depth)
            self._made_by[_key(tensor)] = application
            self.applications.append(application)

    def maker(self, tensor) -> Application:
        """Return the application whose output a tensor is."""
        return self._made_by[_key(tensor)]

    def consumers(self, application: Application) -> list[Application]:
        """Return the applications that take an output."""
        key = _key(application.output)
        return [other for other in self.applications if any(_key(item) == key for item in other.inputs)]

    def list_layers(self, record) -> list:
        """Return ``record(index, name, class, applications, output shape)`` for each of the model's layers."""
        rows = []
        for index, layer in enumerate(self.model.layers):
            uses = self.by_layer.get(id(layer), [])
            shape = tuple(uses[0].output.shape) if uses else None
            rows.append(record(index, layer.name, type(layer).__name__, len(uses), shape))
        return rows

    def relative_depth(self, depth: int) -> float:
        """Return a depth relative to the output's, at most 1."""
        return min(1.0, depth / self.output.depth) if self.output.depth else 1.0

    def tap(self, token: str, application: Application, name: str | None = None) -> Tap:
        """Return the tap of an application's output."""
        layer = application.layer
        if name is None:
            shared = len(self.by_layer[id(layer)]) > 1
            name = f"{layer.name}@{application.number}" if shared else layer.name
        rank = len(application.output.shape)
        return Tap(
            token=token,
            index=self._position.get(id(layer), -1),
            name=name,
            layer_class=type(layer).__name__,
            relative_depth=self.relative_depth(application.depth),
            tensor=application.output,
            reduction="none" if rank == 2 else "mean",
        )

    def head(self) -> tuple[Application, bool]:
        """Return the application before which, or inside which, the softmax is, and whether it is inside.

        The logits are the output of the application if the softmax is a layer of its own or if there is none.
        """
        application = self.output
        while application.inputs:
            if _is_softmax(application):
                return self.maker(application.inputs[0]), False
            if hasattr(application.layer, "layers"):
                raise InputError(
                    f"{self.model.name}: logits expected in the outer model. Received: an inner model "
                    f"{application.layer.name!r} as its head; open and tap the inner one."
                )
            if _activation(application) in ("softmax", "sigmoid"):
                return application, True
            if application.kind not in RESHAPES and _activation(application) != "linear":
                break
            if _has_kernel(application):
                break
            application = self.maker(application.inputs[0])
        return self.output, False


def _key(tensor) -> tuple:
    layer, node, index = tensor._keras_history[:3]
    return id(layer), node, index


def _inputs(tensor) -> list:
    layer, node_index = tensor._keras_history[:2]
    node = layer._inbound_nodes[node_index]
    if getattr(node, "is_input", False):
        return []
    return list(node.keras_inputs if hasattr(node, "keras_inputs") else node.input_tensors)


def _activation(application: Application) -> str | None:
    activation = getattr(application.layer, "activation", None)
    return getattr(activation, "__name__", None)


def _is_softmax(application: Application) -> bool:
    if application.kind in ("Softmax", "softmax"):
        return True
    return application.kind == "Activation" and _activation(application) in ("softmax", "sigmoid")


def _has_kernel(application: Application) -> bool:
    layer = application.layer
    return any(hasattr(layer, name) for name in ("kernel", "depthwise_kernel", "_kernel")) and not hasattr(
        layer, "layers"
    )


def resolve_taps(model, layers) -> list[Tap]:
    """Find the taps that :func:`topodepth.models.tap_layers` describes."""
    graph = Graph(model)
    if isinstance(layers, str | int):
        layers = _auto_tokens(graph) if layers == "auto" else [layers]
    if not isinstance(layers, Sequence) or not layers:
        raise InputError(
            f"{model.name}: layers expected as 'auto' or a list of names and indices. Received: {layers!r}"
        )
    taps: list[Tap] = []
    seen: dict[tuple, str] = {}
    for token in layers:
        tap = _resolve(graph, token)
        key = _key(tap.tensor)
        if tap.token in [other.token for other in taps] or key in seen:
            twin = seen.get(key, tap.token)
            raise InputError(
                f"{model.name}: layers {twin!r} and {tap.token!r} are the same tensor, expected each once."
            )
        seen[key] = tap.token
        taps.append(tap)
    return taps


def _resolve(graph: Graph, token: object) -> Tap:
    model, layers = graph.model, graph.model.layers
    names = {application.layer.name for application in graph.applications}
    text = str(token)
    if text == "logits":
        return _logits(graph)
    if text == "penultimate" and text not in names:
        return _penultimate(graph)
    if text not in names and re.fullmatch(r"-?\d+", text):
        index = int(text)
        if not -len(layers) <= index < len(layers):
            expected = f"an index from {-len(layers)} to {len(layers) - 1}"
            raise InputError(f"{model.name}: layer expected as {expected}. Received: {index}")
        uses, name, number = graph.by_layer.get(id(layers[index]), []), layers[index].name, None
    else:
        name, number = text, None
        shared = re.fullmatch(r"(.+)@(\d+)", text)
        if text not in names and shared:
            name, number = shared[1], int(shared[2])
        uses = next((use for use in graph.by_layer.values() if use[0].layer.name == name), [])
    if not uses:
        raise _unknown_layer(graph, text)
    if (number is None and len(uses) > 1) or (number is not None and number >= len(uses)):
        known = f"{name}@0 to {name}@{len(uses) - 1}"
        raise InputError(
            f"{model.name}: layer {name!r} is applied {len(uses)} times, expected one of {known}. Received: {text!r}"
        )
    return graph.tap(text, uses[number or 0])


def _unknown_layer(graph: Graph, text: str) -> InputError:
    inner = text.split("/", maxsplit=1)[0].split(".", maxsplit=1)[0]
    for application in graph.applications:
        nested = getattr(application.layer, "layers", None)
        if nested and (inner == application.layer.name or text in [layer.name for layer in nested]):
            return InputError(
                f"{graph.model.name}: layer {text!r} is inside the inner model {application.layer.name!r}; only the "
                "inner model's own output can be tapped."
            )
    known = [
        f"{uses[0].layer.name}@k (k < {len(uses)})" if len(uses) > 1 else uses[0].layer.name
        for uses in graph.by_layer.values()
    ]
    return unknown_name(f"layer of {graph.model.name}", text, [*known, "logits", "penultimate"])


def _logits(graph: Graph) -> Tap:
    application, inside = graph.head()
    if not inside:
        return graph.tap("logits", application, "logits")
    layer = application.layer
    name = f"{layer.name}_before_activation"
    twin = type(layer).from_config({**layer.get_config(), "activation": "linear", "name": name})
    tensor = twin(application.inputs[0])
    twin.set_weights(layer.get_weights())
    return graph.tap("logits", Application(layer, application.inputs, tensor, application.depth), "logits")


def _penultimate(graph: Graph) -> Tap:
    dense = [application for application in graph.applications if application.kind == "Dense"]
    if dense:
        last = max(dense, key=lambda application: application.depth)
    else:
        last, _ = graph.head()
        while last.inputs and not _has_kernel(last):
            last = graph.maker(last.inputs[0])
    if not last.inputs:
        raise InputError(f"{graph.model.name}: layer 'penultimate' expected before a dense or convolutional head.")
    return graph.tap("penultimate", graph.maker(last.inputs[0]), "penultimate")


def _auto_tokens(graph: Graph) -> list[str]:
    """Return the taps that suit a model nobody described."""
    from topodepth.architectures import registry

    names = {application.layer.name for application in graph.applications}
    if graph.model.name in registry.names():
        declared = list(registry.get(graph.model.name).layers)
        if names.issuperset(declared):
            return declared
    try:
        logits, tokens = graph.head()[0], ["logits"]
    except InputError:
        logits, tokens = graph.output, [graph.tap("", graph.output).name]
    chosen = [application for application in graph.applications if application.kind in MERGES]
    if len(chosen) < 3:
        chosen = [_after_activation(graph, use) for use in graph.applications if _has_kernel(use) and use is not logits]
    chosen = [use for use in dict.fromkeys(chosen) if use is not logits and use is not graph.output]
    room = AUTO_TAPS - 1
    if len(chosen) > room:
        chosen = [chosen[round(k * (len(chosen) - 1) / (room - 1))] for k in range(room)]
    return [graph.tap("", use).name for use in chosen] + tokens


def _after_activation(graph: Graph, application: Application) -> Application:
    """Follow a layer with weights through the normalisation and activation that belong to it."""
    while True:
        following = graph.consumers(application)
        if len(following) != 1 or following[0].kind not in ELEMENTWISE or _is_softmax(following[0]):
            return application
        application = following[0]
