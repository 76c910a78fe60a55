"""A Keras model as a graph of layer applications: the same for Keras 3, the legacy Keras and a file not yet opened.

No Keras is imported here: opened layers and tensors are asked for what both Keras have.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from topodepth.errors import InputError, unknown_name

CONTAINERS = {"Functional", "Sequential", "Model"}
# fmt: off
KERNELS = {
    "Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose",
    "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D", "LocallyConnected1D",
    "LocallyConnected2D", "SpectralNormalization",
}
# fmt: on
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
    """A layer called once.

    Attributes
    ----------
    key
        What tells its output from others: layer, call, and which of the call's outputs.
    name, kind
        The layer's name; its class, or the name of the function that it wraps.
    activation
        Name of the activation function inside it; None if it has none.
    nested
        Whether it is a model of its own.
    inputs
        The applications whose outputs it takes.
    depth
        Longest path from the input, in applications.
    number
        Its place among the applications of the same layer.
    layer, output
        The Keras layer and tensor; None in a graph that was read from a file.
    """

    key: tuple
    name: str
    kind: str
    activation: str | None
    nested: bool
    inputs: list["Application"] = field(default_factory=list)
    depth: int = 0
    number: int = 0
    layer: object = None
    output: object = None

    @property
    def has_kernel(self) -> bool:
        """Whether it is a dense or convolutional layer."""
        return self.kind in KERNELS

    @property
    def is_softmax(self) -> bool:
        """Whether it does nothing but turn logits into probabilities."""
        if self.kind in ("Softmax", "softmax"):
            return True
        return self.kind == "Activation" and self.activation in ("softmax", "sigmoid")


class LayerGraph:
    """All layer applications between the input and the output of a model, in topological order.

    Parameters
    ----------
    name
        The model's, for messages.
    output
        Handle of the model's output.
    describe
        From a handle to its application, without inputs and depth, and the handles of its inputs.
    """

    def __init__(self, name: str, output: object, describe: Callable[[object], tuple[Application, list]]) -> None:
        self.name = name
        self.applications: list[Application] = []
        made_by = self._walk(output, describe)
        self.by_layer: dict[object, list[Application]] = defaultdict(list)
        for application in sorted(self.applications, key=lambda a: a.key[1]):
            uses = self.by_layer[application.key[0]]
            application.number = len(uses)
            uses.append(application)
        self.output = made_by[describe(output)[0].key]

    def _walk(self, output: object, describe: Callable) -> dict[tuple, Application]:
        """Visit the graph from the output backwards, without recursion: networks are deeper than Python's stack."""
        made_by: dict[tuple, Application] = {}
        started = set()
        pending = [(output, False)]
        while pending:
            handle, ready = pending.pop()
            application, inputs = describe(handle)
            if application.key in made_by:
                continue
            if not ready:
                if application.key in started:  # met again below itself
                    raise InputError(f"{self.name}: expected layers without a cycle. Received: {application.name!r}")
                started.add(application.key)
                pending.append((handle, True))
                pending.extend((item, False) for item in inputs)
                continue
            application.inputs = [made_by[describe(item)[0].key] for item in inputs]
            application.depth = 1 + max(item.depth for item in application.inputs) if inputs else 0
            made_by[application.key] = application
            self.applications.append(application)
        return made_by

    def consumers(self, application: Application) -> list[Application]:
        """Return the applications that take an output."""
        return [other for other in self.applications if application in other.inputs]

    def tap_name(self, application: Application) -> str:
        """Return the layer's name, with ``@k`` for the k-th application of a shared one."""
        shared = len(self.by_layer[application.key[0]]) > 1
        return f"{application.name}@{application.number}" if shared else application.name

    def head(self) -> tuple[Application, bool]:
        """Return the application before which, or inside which, the softmax is, and whether it is inside.

        The logits are the output of the application if the softmax is a layer of its own or if there is none.
        """
        application = self.output
        while application.inputs:
            if application.is_softmax:
                return application.inputs[0], False
            if application.nested:
                raise InputError(
                    f"{self.name}: logits expected in the outer model. Received: an inner model "
                    f"{application.name!r} as its head; open and tap the inner one."
                )
            if application.activation in ("softmax", "sigmoid"):
                return application, True
            if application.kind not in RESHAPES and application.activation != "linear":
                break
            if application.has_kernel:
                break
            application = application.inputs[0]
        return self.output, False


class Graph(LayerGraph):
    """The graph of an opened model."""

    def __init__(self, model) -> None:
        if not getattr(model, "inputs", None) or len(model.inputs) != 1 or len(model.outputs) != 1:
            raise InputError(f"{model.name}: expected a functional or sequential model with one input and one output.")
        self.model = model
        self._position = {id(layer): k for k, layer in enumerate(model.layers)}
        super().__init__(model.name, model.outputs[0], _describe)

    def list_layers(self, record) -> list:
        """Return ``record(index, name, class, applications, output shape)`` for each of the model's layers."""
        rows = []
        for index, layer in enumerate(self.model.layers):
            uses = self.by_layer.get(id(layer), [])
            shape = tuple(uses[0].output.shape) if uses else None
            rows.append(record(index, layer.name, type(layer).__name__, len(uses), shape))
        return rows

    def tap(self, token: str, application: Application, name: str | None = None, tensor=None) -> Tap:
        """Return the tap of an application's output, or of another tensor in its place."""
        layer, tensor = application.layer, application.output if tensor is None else tensor
        deepest = self.output.depth
        return Tap(
            token=token,
            index=self._position.get(id(layer), -1),
            name=name or self.tap_name(application),
            layer_class=type(layer).__name__,
            relative_depth=min(1.0, application.depth / deepest) if deepest else 1.0,
            tensor=tensor,
            reduction="none" if len(tensor.shape) == 2 else "mean",
        )


def _describe(tensor) -> tuple[Application, list]:
    """Return the application that made a tensor, and the tensors that it takes."""
    layer = tensor._keras_history[0]
    kind = type(layer).__name__
    if kind == "TFOpLambda":
        kind = str(layer.get_config()["function"]).rpartition(".")[2]
    function = getattr(layer, "activation", None)
    activation = "softmax" if type(function).__name__ == "Softmax" else getattr(function, "__name__", None)
    nested = hasattr(layer, "layers")
    application = Application(_key(tensor), layer.name, kind, activation, nested, layer=layer, output=tensor)
    return application, _inputs(tensor)


def _key(tensor) -> tuple:
    layer, node, index = tensor._keras_history[:3]
    return id(layer), node, index


def _inputs(tensor) -> list:
    layer, node_index = tensor._keras_history[:2]
    node = layer._inbound_nodes[node_index]
    if getattr(node, "is_input", False):
        return []
    return list(node.keras_inputs if hasattr(node, "keras_inputs") else node.input_tensors)


def auto_tokens(graph: LayerGraph) -> list[str]:
    """Return the taps that suit a model nobody described, in order of depth; at most twelve unless declared."""
    from topodepth.architectures import registry

    declared = registry.get(graph.name).layers if graph.name in registry.names() else None
    known = declared and not callable(declared)  # a file does not say the depth of an architecture that has several
    if known and {application.name for application in graph.applications}.issuperset(declared):
        return list(declared)
    try:
        logits, tokens = graph.head()[0], ["logits"]
    except InputError:
        logits, tokens = graph.output, [graph.tap_name(graph.output)]
    chosen = [use for use in graph.applications if use.kind in MERGES]
    if len(chosen) < 3:
        chosen = [_after_activation(graph, use) for use in graph.applications if use.has_kernel and use is not logits]
    chosen = [use for use in dict.fromkeys(chosen) if use is not logits and use is not graph.output]
    room = AUTO_TAPS - 1
    if len(chosen) > room:
        chosen = [chosen[round(k * (len(chosen) - 1) / (room - 1))] for k in range(room)]
    return [graph.tap_name(use) for use in chosen] + tokens


def _after_activation(graph: LayerGraph, application: Application) -> Application:
    """Follow a layer with weights through the normalisation and activation that belong to it."""
    while True:
        following = graph.consumers(application)
        if len(following) != 1 or following[0].kind not in ELEMENTWISE or following[0].is_softmax:
            return application
        application = following[0]


def resolve_taps(model, layers) -> list[Tap]:
    """Find the taps that :func:`topodepth.models.tap_layers` describes."""
    graph = Graph(model)
    if isinstance(layers, str | int):
        layers = auto_tokens(graph) if layers == "auto" else [layers]
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
    names = {application.name for application in graph.applications}
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
        uses = next((use for use in graph.by_layer.values() if use[0].name == name), [])
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
        if nested and (inner == application.name or text in [layer.name for layer in nested]):
            return InputError(
                f"{graph.model.name}: layer {text!r} is inside the inner model {application.name!r}; only the "
                "inner model's own output can be tapped."
            )
    known = [
        f"{uses[0].name}@k (k < {len(uses)})" if len(uses) > 1 else uses[0].name for uses in graph.by_layer.values()
    ]
    return unknown_name(f"layer of {graph.model.name}", text, [*known, "logits", "penultimate"])


def _logits(graph: Graph) -> Tap:
    application, inside = graph.head()
    if not inside:
        return graph.tap("logits", application, "logits")
    layer = application.layer
    name = f"{layer.name}_before_activation"
    twin = type(layer).from_config({**layer.get_config(), "activation": "linear", "name": name})
    tensor = twin(application.inputs[0].output)
    twin.set_weights(layer.get_weights())
    return graph.tap("logits", application, "logits", tensor)


def _penultimate(graph: Graph) -> Tap:
    dense = [application for application in graph.applications if application.kind == "Dense"]
    if dense:
        last = max(dense, key=lambda application: application.depth)
    else:
        last, _ = graph.head()
        while last.inputs and not last.has_kernel:
            last = last.inputs[0]
    if not last.inputs:
        raise InputError(f"{graph.model.name}: layer 'penultimate' expected before a dense or convolutional head.")
    return graph.tap("penultimate", last.inputs[0], "penultimate")
