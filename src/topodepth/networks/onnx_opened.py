"""An ONNX file of anyone as a network with taps, computed by ONNX Runtime.

Values in the midst of the graph become outputs of a copy of it in memory, averaged there over space or steps.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from topodepth.errors import InputError
from topodepth.files.reading import reason_of
from topodepth.jobs.commands import log
from topodepth.networks.graph import Choice, Tap
from topodepth.networks.network import Network, check_logits
from topodepth.networks.onnx_axes import channel_axes, shapes_of
from topodepth.networks.onnx_file import OnnxFile, OnnxInput, opset_of
from topodepth.networks.onnx_input import channels_first, type_of
from topodepth.networks.onnx_session import RUNTIME, run_parts, session
from topodepth.networks.onnx_tensors import whole
from topodepth.networks.taps import Layers, choose

if TYPE_CHECKING:
    import onnx

PREFIX = "topodepth:"
PROBE = 2  # images that are passed through to see that each has outputs of its own
SOME = 64  # pixels or steps, where any number will do


def open_file(
    found: OnnxFile, layers: Layers = "auto", *, scores: bool = False, threads: int = 1, layout: str = "auto"
) -> Network:
    """Open an ONNX file and tap its layers.

    Parameters
    ----------
    found
        The file, as :func:`topodepth.networks.onnx_file.inspect` returns it.
    layers, scores, threads, layout
        As for :func:`topodepth.networks.runtime.open_network`.

    Raises
    ------
    InputError
        If a layer is unknown, or is no value (n, …) of numbers with a fixed number of features, or ONNX Runtime cannot
        compute the network.
    """
    choices = chosen(found, layers)
    values = [found.flow.value_of(choice.application) for choice in choices]
    names = [choice.name for choice in choices]
    if scores:
        values, names = [*values, found.flow.outputs[0]], [*names, "scores"]
    source, abouts, run = passing(found, dict(zip(names, values, strict=True)), threads=threads, layout=layout)
    taps = [_tap(found, choice, *about) for choice, about in zip(choices, abouts, strict=False)]
    doubtful = [k for k, tap in enumerate(taps) if tap.name == "logits" and found.graph().ending() == "logits"]

    def predict(images: np.ndarray, size: int) -> list[np.ndarray]:
        outputs = run(images)
        if doubtful and len(images) > 1:
            check_logits(found.name, outputs[doubtful.pop()])
        return outputs

    return Network(found.name, RUNTIME, [source], taps, predict)


def passing(
    found: OnnxFile, values: Mapping[str, str], *, threads: int = 1, layout: str = "auto"
) -> tuple[OnnxInput, list[tuple[int, int]], Callable[[np.ndarray], list[np.ndarray]]]:
    """Return what passes images through a network to some of its values.

    Parameters
    ----------
    found, threads, layout
        As for :func:`open_file`.
    values
        ``{name for messages: value}``.

    Returns
    -------
    tuple
        The input; (axes, features) of each value; a function from images, channels last, to values (n, d) float32.

    Raises
    ------
    InputError
        As :func:`open_file`.
    """
    source, first = found.source(layout), channels_first(found, layout)
    tapped = _Tapped(found, whole(found.path, found.model), list(values.values()), list(values), first)
    return source, tapped.abouts, _Runner(found, tapped, source, first, threads)


def chosen(found: OnnxFile, layers: Layers) -> list[Choice]:
    """Find the layers to tap; they may be asked for by the names that other tools show, too."""
    graph = found.graph()
    if layers == "auto":
        return choose(graph, found.auto())
    if isinstance(layers, str | int) or not isinstance(layers, Sequence):
        return choose(graph, layers)
    known = {value: graph.tap_name(use) for use in graph.applications if (value := use.output)}
    renamed = [
        known.get(found.flow.aliases.get(token, ""), token) if isinstance(token, str) else token for token in layers
    ]
    choices = choose(graph, renamed)
    return [replace(choice, token=str(token)) for choice, token in zip(choices, layers, strict=True)]


def _tap(found: OnnxFile, choice: Choice, rank: int, features: int) -> Tap:
    value = OnnxInput(found.flow.value_of(choice.application), (None, *[None] * (rank - 2), features))
    return found.graph().tap(choice, value)


class _Tapped:
    """A copy of a model whose outputs are the values that are asked for, each (n, d) float32.

    Attributes
    ----------
    session
        Of ONNX Runtime.
    names
        Of the outputs, for messages.
    abouts
        The rank and number of features of each value.
    """

    def __init__(
        self, found: OnnxFile, model: "onnx.ModelProto", values: Sequence[str], names: Sequence[str], first: bool
    ) -> None:
        self.names = names
        shapes, axes = _shapes_and_axes(found, model, values, first)
        for value, name in zip(values, names, strict=True):
            if value not in shapes:
                raise InputError(f"layer {name!r}: expected numbers whose axes are known. Received: others.")
            if not 2 <= len(shapes[value]) <= 5:
                raise InputError(f"layer {name!r} expected to have 2 to 5 axes. Received: {len(shapes[value])}")
            if shapes[value][axes[value]] is None:
                raise InputError(f"layer {name!r} expected to have a fixed number of features. Received: a free one.")
        self.abouts = [(len(shapes[value]), shapes[value][axes[value]]) for value in values]
        opset = opset_of(model)
        del model.graph.output[:]
        for k, value in enumerate(values):
            over = [axis for axis in range(1, len(shapes[value])) if axis != axes[value]]
            _ask_for(model, f"{PREFIX}{k}", value, over, opset)
        try:
            self.session = session(model.SerializeToString())
        except Exception as error:  # whatever ONNX Runtime has against a graph
            raise InputError(f"cannot be computed by {RUNTIME}. Received: {reason_of(error)}") from error


def _shapes_and_axes(
    found: OnnxFile, model: "onnx.ModelProto", values: Sequence[str], first: bool
) -> tuple[dict, dict]:
    """Return the shapes of values, and where their channels are; what the file leaves open, a pass of zeros tells."""
    shapes = dict(shapes_of(model))
    axes = channel_axes(found.flow, shapes, first)
    lacking = [
        v for v in dict.fromkeys(values) if v not in shapes or (len(shapes[v]) > 1 and shapes[v][axes[v]] is None)
    ]
    if lacking:
        shapes.update(_measured(found, model, lacking))
        axes = channel_axes(found.flow, shapes, first)
    return shapes, axes


def _measured(found: OnnxFile, model: "onnx.ModelProto", values: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of values for zeros of the input's shape, its free axes of some length."""
    import onnx

    asking = onnx.ModelProto()
    asking.CopyFrom(model)
    del asking.graph.output[:]
    asking.graph.output.extend(onnx.ValueInfoProto(name=value) for value in values)
    shape = (found.shape[0] or PROBE, *(size or SOME for size in found.shape[1:]))
    try:
        made = session(asking.SerializeToString()).run(None, {found.input.name: np.zeros(shape, type_of(found))})
    except Exception as error:  # whatever ONNX Runtime has against it, or the lengths of its free axes
        if None in found.shape[1:]:
            return {}
        raise InputError(f"cannot be computed by {RUNTIME}. Received: {reason_of(error)}") from error
    return {value: array.shape for value, array in zip(values, made, strict=True) if isinstance(array, np.ndarray)}


def _ask_for(model: "onnx.ModelProto", name: str, value: str, axes: list[int], opset: int) -> None:
    """Add an output: a value as float32, averaged over these axes."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    cast = f"{name}:float32"
    model.graph.node.append(helper.make_node("Cast", [value], [cast if axes else name], to=TensorProto.FLOAT))
    if axes and opset < 18:  # axes became an input
        model.graph.node.append(helper.make_node("ReduceMean", [cast], [name], axes=axes, keepdims=0))
    elif axes:
        model.graph.initializer.append(numpy_helper.from_array(np.array(axes, dtype=np.int64), f"{name}:axes"))
        model.graph.node.append(helper.make_node("ReduceMean", [cast, f"{name}:axes"], [name], keepdims=0))
    model.graph.output.append(onnx.ValueInfoProto(name=name))


class _Runner:
    """Passes images, channels last, through a network; one of a fixed batch gets batches of that size."""

    def __init__(self, found: OnnxFile, tapped: _Tapped, source: OnnxInput, first: bool, threads: int) -> None:
        self.tapped, self.source, self.first, self.threads = tapped, source, first, threads
        self.path, self.batch = found.path, found.shape[0]
        lengths = [length for length in source.shape[1:] if length is not None]
        if len(lengths) == len(source.shape) - 1:
            self._probe(lengths)

    def _probe(self, lengths: Sequence[int]) -> None:
        """Pass two images through; where a graph of any batch has shapes of one image in it, go one by one."""
        images = np.zeros((self.batch or PROBE, *lengths), dtype=np.float32)
        try:
            self(images)
        except InputError as error:
            if self.batch is not None:
                raise
            self.batch = 1
            try:
                self(images)
            except InputError:
                raise error from None
            log.info("%s: images pass one by one, the graph takes no more", self.path)

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        """Return the values of each output, (n, d)."""
        axes = (0, images.ndim - 1, *range(1, images.ndim - 1))
        ready = np.ascontiguousarray(images.transpose(axes) if self.first else images, dtype=self.source.dtype)
        if self.batch is None:
            return self._checked(self._run(ready), len(images))
        missing = -len(ready) % self.batch
        filled = np.concatenate([ready, np.repeat(ready[-1:], missing, axis=0)]) if missing else ready
        blocks = np.split(filled, len(filled) // self.batch)
        parts = [self._checked(values, self.batch) for values in self._each(blocks)]
        return [np.concatenate(values)[: len(images)] for values in zip(*parts, strict=True)]

    def _each(self, blocks: list[np.ndarray]) -> list[list[np.ndarray]]:
        return run_parts(self._once, blocks, self.threads)

    def _run(self, images: np.ndarray) -> list[np.ndarray]:
        parts = self._each(np.array_split(images, min(self.threads, len(images))))
        return [np.concatenate(values) for values in zip(*parts, strict=True)]

    def _once(self, images: np.ndarray) -> list[np.ndarray]:
        try:
            return self.tapped.session.run(None, {self.source.name: images})
        except Exception as error:  # whatever goes wrong inside
            raise InputError(f"{self.path}: cannot be computed by {RUNTIME}. Received: {reason_of(error)}") from error

    def _checked(self, outputs: list[np.ndarray], n: int) -> list[np.ndarray]:
        for values, name in zip(outputs, self.tapped.names, strict=True):
            if values.ndim != 2 or len(values) != n:
                raise InputError(
                    f"{self.path}: layer {name!r}: expected values (n, …), the images first. "
                    f"Received: shape {values.shape} of {n} images."
                )
        return outputs
