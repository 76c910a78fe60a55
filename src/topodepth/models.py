"""Open any Keras model file, list its layers and tap them, whether Keras 3 or the legacy Keras wrote it."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from topodepth.errors import InputError
from topodepth.model_graph import Graph, Tap, resolve_taps
from topodepth.storage import open_h5

__all__ = ["Layer", "Tap", "list_layers", "load_model", "tap_layers", "tapped_model"]

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# The legacy Keras wraps a TensorFlow function in a layer by naming it: these name spaces compute, and do nothing else.
HARMLESS_SPACES = {"__operators__", "math", "nn", "linalg", "image", "signal"}
# fmt: off
HARMLESS_FUNCTIONS = {
    "abs", "add", "argmax", "argmin", "cast", "clip_by_value", "concat", "convert_to_tensor", "cos", "cumsum",
    "divide", "einsum", "exp", "expand_dims", "eye", "fill", "gather", "gather_nd", "identity", "matmul", "maximum",
    "minimum", "multiply", "negative", "norm", "one_hot", "ones", "ones_like", "pad", "pow", "range", "rank",
    "repeat", "reshape", "reverse", "roll", "round", "shape", "sigmoid", "sign", "sin", "size", "slice", "split",
    "sqrt", "square", "squeeze", "stack", "stop_gradient", "strided_slice", "subtract", "tanh", "tensordot", "tile",
    "transpose", "unstack", "where", "zeros", "zeros_like",
}
# fmt: on
CONTAINERS = {"Functional", "Sequential", "Model"}


@dataclass(frozen=True)
class Layer:
    """One entry of ``model.layers``.

    Attributes
    ----------
    index
        Position in ``model.layers``.
    name
        The layer's name.
    layer_class
        Its class, such as ``"Conv2D"``.
    applications
        How often the model applies it; more than 1 for a shared layer.
    output_shape
        Shape of the first application's output, None for free axes; None for a layer that is never applied.
    """

    index: int
    name: str
    layer_class: str
    applications: int
    output_shape: tuple[int | None, ...] | None


def load_model(path: str | Path, *, trust: bool = False):
    """Open a whole Keras model: ``.keras`` or HDF5, written by Keras 3 or by the legacy Keras 2.

    The file itself says which Keras wrote it; the legacy Keras is imported only if that is needed.

    Parameters
    ----------
    path
        The model file.
    trust
        Open a file although it carries code (Lambda layers, custom objects), which runs on this machine.

    Returns
    -------
    keras.Model or tf_keras.Model
        The functions of this module take both.

    Raises
    ------
    InputError
        If the file is missing, truncated, holds weights only, or carries code and is not trusted.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    config, version = _read_config(path)
    legacy = int(version.split(".")[0]) < 3
    if not trust:
        for finding in _code_in(config, legacy):
            raise InputError(
                f"{path}: carries code, expected plain Keras layers; open it with trust=True only if you trust whoever "
                f"made it. Received: {finding}"
            )
    if legacy:
        import tf_keras as framework
    else:
        import keras as framework
    options = {"compile": False, **({"safe_mode": False} if trust else {})}
    try:
        model = framework.models.load_model(path, **options)
    except Exception as error:  # whatever a damaged or foreign file raises, the user needs the file's name
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{path}: cannot be opened by Keras {framework.__version__}. Received: {reason}") from error
    if not getattr(model, "inputs", None):
        raise InputError(f"{path}: expected a functional or sequential model. Received: {type(model).__name__}")
    return model


def _read_config(path: Path) -> tuple[object, str]:
    """Return the layer configuration inside a model file and the version of Keras that wrote it."""
    with path.open("rb") as handle:
        head = handle.read(len(HDF5_SIGNATURE))
    if head == HDF5_SIGNATURE:
        with open_h5(path) as file:
            config, version = file.attrs.get("model_config"), file.attrs.get("keras_version", "2.0")
        if config is None:
            raise InputError(f"{path}: expected a whole model. Received: no architecture, weights only at most.")
    elif zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                config = archive.read("config.json")
                version = json.loads(archive.read("metadata.json"))["keras_version"]
        except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: not a whole Keras file. Received: {error}") from error
    else:
        expected = "expected a .keras or HDF5 file"
        raise InputError(f"{path}: not a Keras model, or a truncated one, {expected}. Received: first bytes {head!r}")
    config, version = (x.decode() if isinstance(x, bytes) else str(x) for x in (config, version))
    try:
        int(version.split(".")[0])
        return json.loads(config), version
    except ValueError as error:
        raise InputError(f"{path}: unreadable architecture or Keras version {version!r}. Received: {error}") from error


def _code_in(config: object, legacy: bool):
    """Yield a description of each thing in a configuration that would run code that is not Keras' own."""
    if isinstance(config, list):
        for item in config:
            yield from _code_in(item, legacy)
        return
    if not isinstance(config, dict):
        return
    kind = config.get("class_name")
    if isinstance(kind, str):
        inner = config.get("config")
        name = inner.get("name", kind) if isinstance(inner, dict) else kind
        if kind in ("Lambda", "__lambda__"):
            yield f"Lambda layer {name!r}"
        elif kind in ("TFOpLambda", "SlicingOpLambda"):
            function = inner.get("function") if isinstance(inner, dict) else None
            if not _is_harmless(str(function)):
                yield f"TensorFlow function {function!r}"
        elif _is_custom(config, kind, legacy):
            yield f"custom object {kind!r}"
    for value in config.values():
        yield from _code_in(value, legacy)


def _is_harmless(function: str) -> bool:
    space, _, name = function.removeprefix("compat.v1.").rpartition(".")
    return space in HARMLESS_SPACES or (not space and (name in HARMLESS_FUNCTIONS or name.startswith("reduce_")))


def _is_custom(config: dict, kind: str, legacy: bool) -> bool:
    module, registered = config.get("module"), config.get("registered_name")
    if isinstance(registered, str) and ">" in registered:
        return True
    if isinstance(module, str):
        return module.split(".")[0] not in ("keras", "tf_keras", "builtins")
    if not legacy or "config" not in config or kind in CONTAINERS or kind.startswith("__"):
        return False
    import tf_keras

    rooms = ("layers", "initializers", "regularizers", "constraints", "mixed_precision", "activations", "models")
    return not any(hasattr(getattr(tf_keras, room), kind) for room in rooms)


def list_layers(model) -> list[Layer]:
    """Return one record for each of ``model.layers``, in their order."""
    return Graph(model).list_layers(Layer)


def tap_layers(model, layers="auto") -> list[Tap]:
    """Find the tensors to tap in a model.

    Parameters
    ----------
    model
        A functional or sequential model of Keras 3 or of the legacy Keras, with one input.
    layers
        ``"auto"``, or a list of: a layer's name; an index into ``model.layers``, negative ones from the end;
        ``"logits"``, the values before the softmax, also if the softmax is inside the last layer; ``"penultimate"``,
        the input of the layer that makes the logits; ``"name@k"``, the k-th application, from 0, of a shared layer.
        ``"auto"`` takes the layers that a registered architecture declares; of any other model the block outputs
        (additions and concatenations, at least three), else the outputs of layers with weights, at most twelve.

    Returns
    -------
    list of Tap
        In the order asked for.

    Raises
    ------
    InputError
        If a layer is unknown (lists the known ones), is shared and no application is named (lists them), or two
        entries mean the same tensor.
    """
    return resolve_taps(model, layers)


def tapped_model(model, taps: list[Tap]):
    """Return a model with one output (n, d) a tap, averaged over space or positions: one forward pass for all."""
    framework = framework_of(model)
    pools = {
        3: framework.layers.GlobalAveragePooling1D,
        4: framework.layers.GlobalAveragePooling2D,
        5: framework.layers.GlobalAveragePooling3D,
    }
    outputs = []
    for tap in taps:
        rank = len(tap.tensor.shape)
        if rank != 2 and rank not in pools:
            raise InputError(f"{model.name}: layer {tap.token!r} expected to have 2 to 5 axes. Received: {rank}")
        if tap.tensor.shape[-1] is None:
            raise InputError(f"{model.name}: layer {tap.token!r} expected to have a fixed number of features.")
        options = {} if rank == 3 else {"data_format": "channels_last"}
        outputs.append(tap.tensor if rank == 2 else pools[rank](**options)(tap.tensor))
    tapped = framework.Model(model.inputs, outputs)
    tapped.compile(jit_compile=False)  # XLA's compilation costs more than it saves in one pass over the images
    return tapped


def framework_of(model):
    """Return the Keras that a model belongs to: the module ``keras`` or ``tf_keras``."""
    if any(base.__module__.startswith("tf_keras") for base in type(model).__mro__):
        import tf_keras

        return tf_keras
    import keras

    return keras
