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


@dataclass(frozen=True)
class Choice:
    """What a token means in a graph: an application, its name there, and whether the activation inside is left out."""

    token: str
    application: "Application"
    name: str
    before_activation: bool = False


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
    record
        What the file says of the layer; None in the graph of an opened model.
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
    record: dict | None = field(default=None, repr=False)

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
    order
        The first part of each layer's key, in the order of ``model.layers``.
    """

    def __init__(
        self, name: str, output: object, describe: Callable[[object], tuple[Application, list]], order: Sequence = ()
    ) -> None:
        self.name = name
        self.order = list(order)
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

    def index(self, application: Application) -> int:
        """Return the place of its layer in ``model.layers``; -1 if it is none of them."""
        key = application.key[0]
        return self.order.index(key) if key in self.order else -1

    def relative_depth(self, application: Application) -> float:
        """Return its depth over that of the model's output."""
        return min(1.0, application.depth / self.output.depth) if self.output.depth else 1.0

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
        super().__init__(model.name, model.outputs[0], _describe, [id(layer) for layer in model.layers])

    def list_layers(self, record) -> list:
        """Return ``record(index, name, class, applications, output shape)`` for each of the model's layers."""
        rows = []
        for index, layer in enumerate(self.model.layers):
            uses = self.by_layer.get(id(layer), [])
            shape = tuple(uses[0].output.shape) if uses else None
            rows.append(record(index, layer.name, type(layer).__name__, len(uses), shape))
        return rows

    def tap(self, choice: Choice) -> Tap:
        """Return the tap of a choice."""
        application = choice.application
        tensor = _before_activation(application) if choice.before_activation else application.output
        return Tap(
            token=choice.token,
            index=self.index(application),
            name=choice.name,
            layer_class=type(application.layer).__name__,
            relative_depth=self.relative_depth(application),
            tensor=tensor,
            reduction="none" if len(tensor.shape) == 2 else "mean",
        )


def _before_activation(application: Application) -> object:
    """Return what a layer computes before the activation inside it: the output of a twin without it."""
    layer = application.layer
    name = f"{layer.name}_before_activation"
    twin = type(layer).from_config({**layer.get_config(), "activation": "linear", "name": name})
    tensor = twin(application.inputs[0].output)
    twin.set_weights(layer.get_weights())
    return tensor


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
    return [graph.tap(choice) for choice in choose(graph, layers)]


def choose(graph: LayerGraph, layers) -> list[Choice]:
    """Find what :func:`topodepth.models.tap_layers` describes in a graph, be its model opened or not."""
    if isinstance(layers, str | int):
        layers = auto_tokens(graph) if layers == "auto" else [layers]
    if not isinstance(layers, Sequence) or not layers:
        raise InputError(
            f"{graph.name}: layers expected as 'auto' or a list of names and indices. Received: {layers!r}"
        )
    seen: dict[object, str] = {}
    choices = [_choice(graph, str(token)) for token in layers]
    for choice in choices:
        same = (choice.application.key, choice.before_activation)
        if same in seen:
            raise InputError(
                f"{graph.name}: layers {seen[same]!r} and {choice.token!r} are the same tensor, expected each once."
            )
        seen[same] = choice.token
    return choices


def _choice(graph: LayerGraph, text: str) -> Choice:
    names = {application.name for application in graph.applications}
    if text == "logits":
        application, inside = graph.head()
        return Choice(text, application, text, before_activation=inside)
    if text == "penultimate" and text not in names:
        return Choice(text, _penultimate(graph), text)
    if text not in names and re.fullmatch(r"-?\d+", text):
        index, last = int(text), len(graph.order)
        if not -last <= index < last:
            expected = f"an index from {-last} to {last - 1}"
            raise InputError(f"{graph.name}: layer expected as {expected}. Received: {index}")
        uses, number = graph.by_layer.get(graph.order[index], []), None
    else:
        name, number = text, None
        shared = re.fullmatch(r"(.+)@(\d+)", text)
        if text not in names and shared:
            name, number = shared[1], int(shared[2])
        uses = next((use for use in graph.by_layer.values() if use[0].name == name), [])
    if not uses:
        raise _unknown_layer(graph, text)
    if (number is None and len(uses) > 1) or (number is not None and number >= len(uses)):
        name = uses[0].name
        known = f"{name}@0 to {name}@{len(uses) - 1}"
        raise InputError(
            f"{graph.name}: layer {name!r} is applied {len(uses)} times, expected one of {known}. Received: {text!r}"
        )
    return Choice(text, uses[number or 0], graph.tap_name(uses[number or 0]))


def _unknown_layer(graph: LayerGraph, text: str) -> InputError:
    inner = text.split("/", maxsplit=1)[0].split(".", maxsplit=1)[0]
    for application in graph.applications:
        nested = getattr(application.layer, "layers", None)
        if nested and (inner == application.name or text in [layer.name for layer in nested]):
            return InputError(
                f"{graph.name}: layer {text!r} is inside the inner model {application.name!r}; only the "
                "inner model's own output can be tapped."
            )
    known = [
        f"{uses[0].name}@k (k < {len(uses)})" if len(uses) > 1 else uses[0].name for uses in graph.by_layer.values()
    ]
    return unknown_name(f"layer of {graph.name}", text, [*known, "logits", "penultimate"])


def _penultimate(graph: LayerGraph) -> Application:
    dense = [application for application in graph.applications if application.kind == "Dense"]
    if dense:
        last = max(dense, key=lambda application: application.depth)
    else:
        last, _ = graph.head()
        while last.inputs and not last.has_kernel:
            last = last.inputs[0]
    if not last.inputs:
        raise InputError(f"{graph.name}: layer 'penultimate' expected before a dense or convolutional head.")
    return last.inputs[0]
