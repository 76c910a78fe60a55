"""A whole Keras file as a network of ONNX Runtime: graph, weights and taps, without Keras."""

from collections.abc import Callable

import numpy as np
import onnxruntime

from topodepth.networks.files import ModelFile
from topodepth.networks.graph import LayerGraph, Tap
from topodepth.networks.inputs import declared
from topodepth.networks.onnx_graph import OnnxGraph, Unsupported, Value, convert
from topodepth.networks.onnx_layers import TO_FIRST  # and with them the layers
from topodepth.networks.onnx_session import run_parts, session
from topodepth.networks.taps import Layers, choose
from topodepth.networks.weights import open_weights

__all__ = ["Unsupported", "convert_file"]

MALFORMED = (ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError)


def convert_file(
    found: ModelFile, layers: Layers, *, scores: bool, threads: int
) -> tuple[Value, list[Tap], Callable[[np.ndarray], list[np.ndarray]]]:
    """Convert a model file to ONNX and open that.

    Parameters
    ----------
    found
        The file, as :func:`topodepth.networks.files.inspect` returns it.
    layers, scores, threads
        As for :func:`topodepth.networks.runtime.open_network`.

    Returns
    -------
    tuple
        The input, the taps, and a function from images (n, height, width, channels) float32 to the values of each tap.

    Raises
    ------
    Unsupported
        If only Keras can open the file, or can say what is wrong with it.
    InputError
        If a layer to tap is unknown.
    """
    graph = OnnxGraph()
    try:
        known = found.graph()
        source, before, after = _converted(graph, known, found)
    except MALFORMED as error:
        raise Unsupported(f"{type(error).__name__} {error}") from error  # Keras says better what is wrong
    taps, outputs = [], []
    for choice in choose(known, layers):
        value = (before if choice.before_activation else after)[choice.application.key]
        taps.append(known.tap(choice, value))
        outputs.append(_averaged(graph, value))
    if scores:
        outputs.append(_averaged(graph, after[known.output.key]))
    try:
        opened = session(graph.model(source, outputs))
    except Exception as error:  # whatever ONNX Runtime has against a graph
        raise Unsupported(" ".join(str(error).split())) from error
    found_shapes = [tuple(output.shape[1:]) for output in opened.get_outputs()]
    if found_shapes != [value.shape[1:] for value in outputs]:
        raise Unsupported(f"outputs of shapes {found_shapes}")
    return source, taps, lambda images: _run(opened, source.name, images, threads)


def _run(opened: onnxruntime.InferenceSession, name: str, images: np.ndarray, threads: int) -> list[np.ndarray]:
    parts = run_parts(
        lambda part: opened.run(None, {name: part}), np.array_split(images, min(threads, len(images))), threads
    )
    return [np.concatenate(values) for values in zip(*parts, strict=True)]


def _converted(graph: OnnxGraph, known: LayerGraph, found: ModelFile) -> tuple[Value, dict, dict]:
    """Convert all layers; return the input, and the outputs by application before and after the activation inside."""
    before, after = {}, {}
    source = Value("images", _input_shape(found))
    with open_weights(found) as weights:
        for use in known.applications:
            if use.nested or use.opaque or use.key[2] != 0:
                raise Unsupported(f"{use.kind} {use.name!r}")
            if use.kind == "InputLayer":
                value = graph.add("Transpose", [source], source.shape, perm=TO_FIRST)
                before[use.key] = after[use.key] = value
                continue
            inputs = [after[item.key] for item in use.inputs]
            assert use.record is not None  # it is from a file
            before[use.key], after[use.key] = convert(graph, use.record, weights.of(use.name), inputs)
    return source, before, after


def _input_shape(found: ModelFile) -> tuple:
    """Return the shape (None, height, width, channels) of the images that a network takes."""
    shape, dtype = declared(found) or ((), "unknown")
    fixed = len(shape) == 4 and shape[0] is None and all(isinstance(size, int) for size in shape[1:])
    if not fixed or dtype != "float32":
        raise Unsupported(f"an input {dtype} {shape}")
    return shape


def _averaged(graph: OnnxGraph, value: Value) -> Value:
    """Return a tensor (n, d): averaged over space, where it has any."""
    if len(value.shape) == 4:
        value = graph.add("Flatten", [graph.add("GlobalAveragePool", [value], value.shape)], (None, value.shape[3]))
    return graph.add("Identity", [value], value.shape)
