"""The graph of a Keras model that is open, and the tensors in it."""

from collections.abc import Callable
from typing import Any, TypeVar

from topodepth.errors import InputError
from topodepth.networks.graph import CONTAINERS, WRAPPERS, Application, Choice, LayerGraph, Tap, check_one_input
from topodepth.networks.taps import Layers, choose

Row = TypeVar("Row")

# A tensor is told from others of its name by where it lies: None in the outermost model, in an inner one a
# place (the place of that model's call, the inner model, the number of the call).


class KerasGraph(LayerGraph):
    """The graph of an opened model."""

    def __init__(self, model: Any) -> None:
        if not getattr(model, "inputs", None) or not model.outputs:
            raise InputError(
                f"{model.name}: expected a functional or sequential model. Received: {type(model).__name__}."
            )
        check_one_input(model.name, [tensor._keras_history[0].name for tensor in model.inputs])
        self.model = model
        self._replayed: dict[tuple, Any] | None = None
        handles = [(None, tensor) for tensor in model.outputs]
        super().__init__(model.name, handles, _describe, [id(layer) for layer in model.layers])

    def list_layers(self, record: Callable[..., Row]) -> list[Row]:
        """Return ``record(index, name, class, applications, output shape)`` for each of the model's layers."""
        rows = []
        for index, layer in enumerate(self.model.layers):
            uses = self.by_layer.get(id(layer), [])
            shape = tuple(uses[0].output.shape) if uses else None
            rows.append(record(index, layer.name, type(layer).__name__, len(uses), shape))
        return rows

    def taps(self, layers: Layers) -> list[Tap]:
        """Return the taps that :func:`topodepth.networks.models.tap_layers` describes."""
        choices = choose(self, layers)
        inside = any(choice.application.source.within for choice in choices)
        outputs = self._replay() if inside else {use.key: use.output for use in self.applications}
        return [self.tap(choice, _values(choice, outputs)) for choice in choices]

    def _replay(self) -> dict[tuple, Any]:
        """Return the outputs of all applications, computed anew without inner models, by key.

        The tensors of an inner model belong to it alone; its layers, called once more on the outer model's tensors,
        give the same values there.
        """
        outputs: dict[tuple, Any] = {}
        called: dict[tuple, list] = {}
        for use in self.applications:  # inputs come first
            if use.nested:
                outputs[use.key] = outputs[use.inputs[0].key]
            elif not use.inputs:
                outputs[use.key] = use.output
            else:
                call = use.key[:2]
                if call not in called:
                    called[call] = _call(use, [outputs[item.key] for item in use.inputs])
                outputs[use.key] = called[call][use.key[2]]
        return outputs


def _call(application: Application, inputs: list) -> list:
    """Call a layer again, with other tensors in place of those that it was called with."""
    node = _node(application.output)
    if hasattr(node, "arguments"):  # Keras 3
        before = node.arguments.keras_tensors
        args, kwargs = node.arguments.fill_in({id(old): new for old, new in zip(before, inputs, strict=True)})
    else:
        before = node.keras_inputs
        stacks = {str(id(old)): [new] * len(before) for old, new in zip(before, inputs, strict=True)}
        args, kwargs = node.map_arguments(stacks)
    result = application.layer(*args, **kwargs)
    while isinstance(result, dict):
        result = list(result.values())
    return list(result) if isinstance(result, list | tuple) else [result]


def _values(choice: Choice, outputs: dict) -> Any:
    """Return the tensor that a choice means, of the outputs of all applications."""
    application = choice.application
    return _before_activation(application, outputs) if choice.before_activation else outputs[application.key]


def _before_activation(application: Application, outputs: dict) -> Any:
    """Return what a layer computes before the activation inside it: the output of a twin without it."""
    layer = application.layer
    settings = layer.get_config() | {"name": f"{layer.name}_before_activation"}
    innermost = settings
    while "layer" in innermost:  # of a wrapper
        innermost["layer"] = dict(innermost["layer"])
        innermost["layer"]["config"] = dict(innermost["layer"]["config"])
        innermost = innermost["layer"]["config"]
    innermost["activation"] = "linear"
    twin = type(layer).from_config(settings)
    tensor = twin(outputs[application.inputs[0].key])
    twin.set_weights(layer.get_weights())
    return tensor


def _describe(handle: tuple) -> tuple[Application, list]:
    """Return the application that made a tensor at its place, and the tensors that it takes, each with its place."""
    place, tensor = _resolved(*handle)
    layer, number, index = tensor._keras_history[:3]
    kind = type(layer).__name__
    if kind == "TFOpLambda":
        kind = str(layer.get_config()["function"]).rpartition(".")[2]
    core = layer
    while type(core).__name__ in WRAPPERS:
        core = core.layer if hasattr(core, "layer") else core.forward_layer
    application = Application(
        key=(_identity(place, layer), number, index),
        name=layer.name,
        kind=kind,
        activation=_activation(core),
        core=kind if core is layer else type(core).__name__,
        within=None if place is None else (_identity(place[0], place[1]), place[2]),
        layer=layer,
        output=tensor,
    )
    inputs = _inputs(tensor)
    if hasattr(layer, "layers"):
        application.nested = _is_graph(layer, tensor)
        application.opaque = not application.nested
    if application.nested:
        return application, [((place, layer, number), layer.outputs[index])]
    return application, [(place, item) for item in inputs]


def _is_graph(layer: Any, tensor: Any) -> bool:
    """Whether an inner model computes its graph and nothing else: not in training mode, with each input given."""
    if type(layer).__name__ not in CONTAINERS or not getattr(layer, "inputs", None) or not layer.outputs:
        return False
    node = _node(tensor)
    settings = node.arguments.kwargs if hasattr(node, "arguments") else node.call_kwargs
    return not settings.get("training") and len(_inputs(tensor)) == len(layer.inputs)


def _resolved(place: tuple | None, tensor: Any) -> tuple:
    """Return the tensor that is passed to an inner model in place of that model's own input."""
    while place is not None and not _inputs(tensor):
        outer, model, number = place
        own = [item._keras_history[:3] for item in model.inputs]
        position = next(k for k, (layer, *rest) in enumerate(own)
                        if layer is tensor._keras_history[0] and rest == list(tensor._keras_history[1:3]))  # fmt: skip
        place, tensor = outer, _node_inputs(model._inbound_nodes[number])[position]
    return place, tensor


def _identity(place: tuple | None, layer: Any) -> object:
    return id(layer) if place is None else ((_identity(place[0], place[1]), place[2]), id(layer))


def _activation(layer: Any) -> str | None:
    function: Any = getattr(layer, "activation", None)
    while hasattr(function, "activation"):  # a layer Activation in place of a function
        function = function.activation
    return "softmax" if type(function).__name__ == "Softmax" else getattr(function, "__name__", None)


def _node(tensor: Any) -> Any:
    layer, number = tensor._keras_history[:2]
    return layer._inbound_nodes[number]


def _inputs(tensor: Any) -> list:
    return _node_inputs(_node(tensor))


def _node_inputs(node: Any) -> list:
    if getattr(node, "is_input", False):
        return []
    return list(node.keras_inputs if hasattr(node, "keras_inputs") else node.input_tensors)
