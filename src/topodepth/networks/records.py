"""The graph of layers that a Keras file describes, read without Keras."""

from collections.abc import Iterator, Sequence
from typing import Any

from topodepth.networks.code import plain_kind
from topodepth.networks.graph import CONTAINERS, WRAPPERS, Application, LayerGraph, check_one_input


def file_graph(name: str, class_name: str, config: object, order: Sequence[str]) -> LayerGraph:
    """Return the graph that a file describes.

    Parameters
    ----------
    name, class_name, config
        The model's, as the file has them.
    order
        Names of the layers, as in ``model.layers``.
    """
    model = _Model(class_name == "Sequential", config)
    check_one_input(name, model.inputs)
    inner: dict[tuple, _Model] = {}

    def at(place: tuple | None) -> _Model:
        """Return the model at a place: None is the outermost, else (its place, layer, call) of an inner one."""
        return model if place is None else inner[place]

    def resolved(place: tuple | None, reference: tuple) -> tuple:
        """Return what is passed to an inner model in place of that model's own input."""
        while place is not None and not at(place).nodes[reference[0]][1]:
            outer, layer, call = place
            position = at(place).inputs.index(reference[0])
            place, reference = outer, list(_references(at(outer).call(layer, call)))[position]
        return place, reference

    def describe(handle: tuple) -> tuple[Application, list[tuple]]:
        place, (layer, call, index) = resolved(*handle)
        record, calls = at(place).nodes[layer]
        application = _application(record, layer, (_identity(place, layer), call, index))
        if place is not None:
            application.within = (_identity(place[0], place[1]), place[2])
        if not calls:
            return application, []
        inputs = list(_references(at(place).call(layer, call)))
        if application.nested:
            if (place, layer, call) not in inner:
                inner[place, layer, call] = _Model(str(record["class_name"]) == "Sequential", record["config"])
            found = inner[place, layer, call]
            if len(found.inputs) == len(inputs) and not _in_training(at(place).call(layer, call)):
                return application, [((place, layer, call), found.outputs[index])]
            application.nested, application.opaque = False, True
        return application, [(place, reference) for reference in inputs]

    return LayerGraph(name, [(None, reference) for reference in model.outputs], describe, order)


def layer_name(record: dict) -> str:
    """Return a layer's name."""
    return str(record["config"].get("name") or record["name"])


class _Model:
    """What a configuration says of a model: ``(record, calls)`` of each layer by name, its inputs and its outputs."""

    def __init__(self, sequential: bool, config: Any) -> None:
        records = config if isinstance(config, list) else config["layers"]
        if sequential:
            first = next((layer_name(record) for record in records if record["class_name"] == "InputLayer"), "")
            self.nodes, before = {}, first
            for record in records:
                if record["class_name"] != "InputLayer":
                    self.nodes[layer_name(record)] = (record, [[[before, 0, 0]]])
                    before = layer_name(record)
            self.nodes[first] = ({"class_name": "InputLayer", "config": {"name": first}}, [])
            self.inputs, self.outputs = [first], [(before, 0, 0)]
        else:
            self.nodes = {str(record["name"]): (record, record.get("inbound_nodes") or []) for record in records}
            self.inputs = [name for name, _, _ in _references(config["input_layers"])]
            self.outputs = list(map(self._counted, _references(config["output_layers"])))
        used = (reference for _, calls in self.nodes.values() for reference in _references(calls))
        self._highest: dict[str, int] = {}
        for name, call, _ in [*self.outputs, *used]:
            self._highest[name] = max(call, self._highest.get(name, 0))

    def _counted(self, output: tuple[str, int, int]) -> tuple[str, int, int]:
        """Return an output with its call counted from 0: Keras 3 counts an inner model's from 1 here, and only here."""
        name, number, index = output
        record, calls = self.nodes[name]
        counts_from_1 = record["class_name"] == "Functional" and calls and isinstance(calls[0], dict)
        return name, number - bool(counts_from_1), index

    def call(self, layer: str, number: int) -> Any:
        """Return a call of a layer, as the file has it."""
        calls = self.nodes[layer][1]
        return calls[number - (self._highest[layer] == len(calls))]  # the legacy Keras counts an inner model's from 1


def _application(record: dict, name: str, key: tuple) -> Application:
    settings = record["config"]
    kind = plain_kind(str(record["class_name"]))
    if kind == "TFOpLambda":
        kind = str(settings["function"]).rpartition(".")[2]
    if isinstance(settings, list):  # a chain in a file of Keras 2.1
        return Application(key, name, kind, None, kind, nested=True, record=record)
    core, inside = kind, settings
    while core in WRAPPERS:
        core, inside = plain_kind(str(inside["layer"]["class_name"])), inside["layer"]["config"]
    nested = kind in CONTAINERS
    return Application(
        key,
        str(settings.get("name") or name),
        kind,
        None if "layers" in inside else _activation_name(inside),
        core,
        nested=nested,
        opaque=not nested and "layers" in settings,
        record=record,
    )


def _identity(place: tuple | None, layer: str) -> object:
    return layer if place is None else ((_identity(place[0], place[1]), place[2]), layer)


def _in_training(call: Any) -> bool:
    options = [call["kwargs"]] if isinstance(call, dict) else [item[3] for item in call if len(item) > 3]
    return any(found.get("training") for found in options)


def _references(value: object) -> Iterator[tuple[str, int, int]]:
    """Yield the tensors that a serialised call takes, arguments before keywords, keywords in order of their names."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            value = value["config"]["keras_history"]
        else:
            args = [value["args"]] if "args" in value and "kwargs" in value else []
            rest = value["kwargs"] if args else value
            for item in [*args, *(rest[key] for key in sorted(rest))]:
                yield from _references(item)
            return
    if not isinstance(value, list):
        return
    if 3 <= len(value) <= 4 and isinstance(value[0], str) and all(type(x) is int for x in value[1:3]):
        if value[0] != "_CONSTANT_VALUE":
            yield tuple(value[:3])
        if len(value) == 4:
            yield from _references(value[3])
        return
    calls = [item for item in value if isinstance(item, list) and len(item) == 4 and isinstance(item[0], str)]
    for item in value:
        # a call of several tensors repeats its keywords beside each of them; they come after them all
        yield from _references(item[:3] if item in calls else item)
    if calls:
        yield from _references(calls[-1][3])


def _activation_name(settings: dict) -> str | None:
    if "activation" not in settings:
        return None
    value = settings["activation"]
    while isinstance(value, dict):  # a function by name, or a layer in place of one
        kind = str(value.get("class_name"))
        inside: Any = value.get("config")
        value = inside if kind == "function" else inside["activation"] if kind == "Activation" else kind
    return "softmax" if value == "Softmax" else "linear" if value is None else str(value)
