"""A whole Keras file as a network of ONNX Runtime: graph, weights and taps, without Keras."""

from collections.abc import Callable

import numpy as np
import onnxruntime

from topodepth.errors import InputError
from topodepth.model_files import ModelFile, file_graph
from topodepth.model_graph import Choice, LayerGraph, Tap, choose
from topodepth.model_weights import open_weights
from topodepth.onnx_graph import Graph, Unsupported, Value, convert
from topodepth.onnx_layers import TO_FIRST  # and with them the layers

__all__ = ["RUNTIME", "Unsupported", "convert_file"]

RUNTIME = f"onnxruntime {onnxruntime.__version__}"


def convert_file(
    found: ModelFile, layers, *, scores: bool, threads: int
) -> tuple[Value, list[Tap], Callable[[np.ndarray], list[np.ndarray]]]:
    """Convert a model file to ONNX and open that.

    Parameters
    ----------
    found
        The file, as :func:`topodepth.model_files.inspect` returns it.
    layers, scores, threads
        As for :func:`topodepth.networks.open_network`.

    Returns
    -------
    tuple
        The input, the taps, and a function from images (n, height, width, channels) float32 to the values of each tap.

    Raises
    ------
    Unsupported
        If only Keras can open the file, or can say what is wrong with it.
    InputError
        If a layer is unknown, or weights lie in other files or are damaged.
    """
    try:
        known = file_graph(found)
    except (AttributeError, KeyError, TypeError, IndexError, RecursionError, InputError) as error:
        raise Unsupported(f"{type(error).__name__} {error}") from error  # Keras says better what is wrong
    graph = Graph()
    source, before, after = _converted(graph, known, found)
    taps, outputs = [], []
    for choice in choose(known, layers):
        value = (before if choice.before_activation else after)[choice.application.key]
        taps.append(_tap(known, choice, value))
        outputs.append(_averaged(graph, value))
    if scores:
        outputs.append(_averaged(graph, after[known.output.key]))
    try:
        session = _session(graph.model(source, outputs), threads)
        trial = session.run(None, {source.name: np.zeros((1, *source.shape[1:]), np.float32)})
    except Exception as error:  # whatever ONNX Runtime has against a graph
        raise Unsupported(" ".join(str(error).split())) from error
    if [values.shape[1:] for values in trial] != [value.shape[1:] for value in outputs]:
        raise Unsupported(f"shapes {[values.shape for values in trial]}")
    return source, taps, lambda images: session.run(None, {source.name: images})


def _session(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # jobs beside this one need the cores
    return onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])


def _converted(graph: Graph, known: LayerGraph, found: ModelFile) -> tuple[Value, dict, dict]:
    """Convert all layers; return the input, and the outputs by application before and after the activation inside."""
    before, after = {}, {}
    source = Value("images", _input_shape(found))
    with open_weights(found) as weights:
        for use in known.applications:
            if use.nested or use.key[2] != 0:
                raise Unsupported(f"{use.kind} {use.name!r}")
            if use.kind == "InputLayer":
                value = graph.add("Transpose", [source], source.shape, perm=TO_FIRST)
                before[use.key] = after[use.key] = value
                continue
            inputs = [after[item.key] for item in use.inputs]
            before[use.key], after[use.key] = convert(graph, use.record, weights.of(use.name), inputs)
    return source, before, after


def _input_shape(found: ModelFile) -> tuple:
    """Return the shape (None, height, width, channels) of the images that a network takes."""
    inner = found.config["config"]
    records = inner if isinstance(inner, list) else inner["layers"]
    first = next((item for item in records if item["class_name"] == "InputLayer"), records[0])["config"]
    shape = first.get("batch_shape") or first.get("batch_input_shape") or ()
    fixed = len(shape) == 4 and shape[0] is None and all(isinstance(size, int) for size in shape[1:])
    if not fixed or first.get("dtype", "float32") != "float32":
        raise Unsupported(f"an input {first.get('dtype')} {shape}")
    return tuple(shape)


def _tap(known: LayerGraph, choice: Choice, value: Value) -> Tap:
    use = choice.application
    return Tap(
        token=choice.token,
        index=known.index(use),
        name=choice.name,
        layer_class=use.kind,
        relative_depth=known.relative_depth(use),
        tensor=value,
        reduction="none" if len(value.shape) == 2 else "mean",
    )


def _averaged(graph: Graph, value: Value) -> Value:
    """Return a tensor (n, d): averaged over space, where it has any."""
    if len(value.shape) == 4:
        value = graph.add("Flatten", [graph.add("GlobalAveragePool", [value], value.shape)], (None, value.shape[3]))
    return graph.add("Identity", [value], value.shape)
