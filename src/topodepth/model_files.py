"""What a Keras model file says of itself, read without Keras: its layers, code that it carries, layers worth tapping.

A plan needs one job a layer before anything runs, and must not pay for TensorFlow. So the file's own configuration,
JSON inside a ``.keras`` archive or an HDF5 attribute, is read here, and the choice of layers is made on a graph that
looks the same whether it comes from that JSON or from an opened model (see :mod:`topodepth.model_graph`).
"""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from topodepth import storage
from topodepth.errors import InputError
from topodepth.model_graph import CONTAINERS, Application, LayerGraph, auto_tokens
from topodepth.storage import open_h5, reading

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
CONFIG_LIMIT = 2**26  # bytes of JSON; that of the largest published networks is under 2 MB
WEIGHTS = "model.weights.h5"
WEIGHTS_PACKING, WEIGHTS_SLACK = 200, 2**26  # no ratio is suspicious below 64 MiB; trained weights hardly pack at all
# The legacy Keras wraps a TensorFlow function in a layer by naming it: these name spaces compute, and do nothing else.
HARMLESS_SPACES = {"__operators__", "math", "nn", "linalg", "image", "signal"}
# Parts of Keras whose objects describe a network; others read files, fetch addresses or change settings.
KERAS_ROOMS = {
    "layers", "initializers", "regularizers", "constraints", "activations", "models", "ops", "dtype_policies",
    "mixed_precision", "optimizers", "losses", "metrics", "quantizers", "random", "backend", "engine",
}  # fmt: skip
# Layers of Keras itself that open programs or pickles
RUNNING_LAYERS = {"Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
# fmt: off
HARMLESS_FUNCTIONS = {
    "abs", "add", "argmax", "argmin", "cast", "clip_by_value", "concat", "convert_to_tensor", "cos", "cumsum",
    "divide", "einsum", "exp", "expand_dims", "eye", "fill", "gather", "gather_nd", "identity", "matmul", "maximum",
    "minimum", "multiply", "negative", "norm", "one_hot", "ones", "ones_like", "pad", "pow", "range", "rank",
    "repeat", "reshape", "reverse", "roll", "round", "shape", "sigmoid", "sign", "sin", "size", "slice", "split",
    "sqrt", "square", "squeeze", "stack", "stop_gradient", "strided_slice", "subtract", "tanh", "tensordot", "tile",
    "transpose", "unstack", "where", "zeros", "zeros_like",
}
# What a legacy file may name without saying where it comes from: the legacy Keras' own classes.
LEGACY_CLASSES = frozenset("""
    Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention Average AveragePooling1D
    AveragePooling2D AveragePooling3D BatchNormalization Bidirectional CategoryEncoding CenterCrop Concatenate Conv1D
    Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D
    Cropping2D Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding
    Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
    GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization HashedCrossing
    Hashing InputLayer IntegerLookup LSTM LSTMCell LayerNormalization LeakyReLU LocallyConnected1D LocallyConnected2D
    Masking MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum MultiHeadAttention Multiply Normalization PReLU
    Permute RNN RandomBrightness RandomContrast RandomCrop RandomFlip RandomHeight RandomRotation RandomTranslation
    RandomWidth RandomZoom ReLU RepeatVector Rescaling Reshape Resizing SeparableConv1D SeparableConv2D SimpleRNN
    SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells
    StringLookup Subtract TextVectorization ThresholdedReLU TimeDistributed UnitNormalization UpSampling1D
    UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones Orthogonal
    RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros L1 L1L2 L2 OrthogonalRegularizer
    MaxNorm MinMaxNorm NonNeg RadialConstraint UnitNorm Policy
""".split())  # noqa: SIM905
# fmt: on


@dataclass(frozen=True)
class ModelFile:
    """What a model file says of itself.

    Attributes
    ----------
    path, format
        The file; ``"keras"`` (an archive) or ``"hdf5"``.
    keras_version
        The version of Keras that wrote it, such as ``"2.2.4"``.
    name, class_name
        The model's; its class is ``Functional``, ``Sequential`` or ``Model``.
    layers
        (index, name, class) of each layer, as in ``model.layers``.
    code
        Descriptions of what runs code that is not Keras' own; empty for a plain file.
    config
        The model's whole configuration.
    """

    path: Path
    format: str
    keras_version: str
    name: str
    class_name: str
    layers: tuple[tuple[int, str, str], ...]
    code: tuple[str, ...]
    config: dict = field(repr=False, compare=False)

    @property
    def legacy(self) -> bool:
        """Whether only the legacy Keras 2 opens it."""
        return int(self.keras_version.split(".")[0]) < 3


def inspect(path: str | Path, *, trust: bool = False) -> ModelFile:
    """Read what a model file says of itself, without opening the model: no Keras is imported, no code is run.

    Parameters
    ----------
    path
        A whole Keras model: ``.keras`` or HDF5, of Keras 3 or 2.
    trust
        Accept a file that carries code.

    Raises
    ------
    InputError
        If the file is missing, truncated, holds weights only, is neither functional nor sequential, or carries code
        and is not trusted.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    form, config, version = _read_config(path)
    kind = config.get("class_name") if isinstance(config, dict) else type(config).__name__
    try:
        legacy = int(version.split(".")[0]) < 3
        # how it was trained is not read when a model is opened to be measured
        network = {key: value for key, value in config.items() if key != "compile_config"}
        code = tuple(_code_in(network, legacy))
        if code and not trust:
            raise InputError(
                f"{path}: carries code, expected plain Keras layers; open it with trust=True only if you trust whoever "
                f"made it. Received: {code[0]}"
            )
        inner = config["config"]
        records = inner if isinstance(inner, list) else inner.get("layers")  # Keras 2.1 wrote a bare list
        if not isinstance(records, list):
            raise InputError(f"{path}: expected a functional or sequential model. Received: {kind}")
        name = inner.get("name", "") if isinstance(inner, dict) else ""
        # functions of Keras 3 stand among the layers in the file, and not in ``model.layers``
        listed = [(_name(item), str(item["class_name"])) for item in records if ".ops." not in f"{item.get('module')}."]
    except (AttributeError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise InputError(f"{path}: unreadable architecture. Received: {type(error).__name__} {error}") from error
    if kind == "Sequential":
        listed = [entry for entry in listed if entry[1] != "InputLayer"]
    layers = tuple((index, *entry) for index, entry in enumerate(listed))
    return ModelFile(path, form, version, str(name), str(kind), layers, code, config)


def auto_layers(path: str | Path, *, trust: bool = False) -> list[str]:
    """Return the layers that ``layers: auto`` taps in a model file, in order of depth, without opening the model.

    They are the tokens of ``models.tap_layers(models.load_model(path), "auto")``: the same choice, made on the graph
    that the file describes.

    Raises
    ------
    InputError
        As :func:`inspect`; also if the model has several inputs or outputs, or layers that form no network.
    """
    found = inspect(path, trust=trust)
    try:
        return auto_tokens(file_graph(found))
    except (AttributeError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise InputError(f"{path}: unreadable architecture. Received: {type(error).__name__} {error}") from error


def _read_config(path: Path) -> tuple[str, object, str]:
    """Return the kind of a model file, the configuration inside it and the version of Keras that wrote it."""
    with path.open("rb") as handle:
        head = handle.read(len(HDF5_SIGNATURE))
    if head == HDF5_SIGNATURE:
        form = "hdf5"
        with open_h5(path) as file:
            config, version = file.attrs.get("model_config"), file.attrs.get("keras_version", "2.0")
        if config is None:
            raise InputError(f"{path}: expected a whole model. Received: no architecture, weights only at most.")
    elif zipfile.is_zipfile(path):
        form = "keras"
        try:
            with zipfile.ZipFile(path) as archive:
                for member in ("config.json", "metadata.json"):
                    if archive.getinfo(member).file_size > CONFIG_LIMIT:
                        raise InputError(f"{path}: {member} expected below {CONFIG_LIMIT} bytes. Received: more.")
                archive.getinfo(WEIGHTS)
                config = archive.read("config.json")
                version = json.loads(archive.read("metadata.json"))["keras_version"]
        except InputError:
            raise
        except (KeyError, ValueError, TypeError, OSError, RuntimeError, zipfile.BadZipFile, RecursionError) as error:
            raise InputError(f"{path}: not a whole Keras file. Received: {error}") from error
    else:
        expected = "expected a .keras or HDF5 file"
        raise InputError(f"{path}: not a Keras model, or a truncated one, {expected}. Received: first bytes {head!r}")
    try:
        config, version = (x.decode() if isinstance(x, bytes) else str(x) for x in (config, version))
        int(version.split(".")[0])
        return form, json.loads(config), version
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: unreadable architecture or Keras version. Received: {error}") from error


def check_self_contained(path: Path) -> None:
    """Refuse a model whose weights lie in other files: opening it would read them wherever they are.

    Raises
    ------
    InputError
        Also if the weights in an archive unpack to far more than weights can be packed.
    """
    import h5py

    expected = "a model file that holds all its weights itself"
    with path.open("rb") as handle, reading(path, "a whole model file"):
        if handle.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE:
            with open_h5(path) as file:
                return storage.check_self_contained(path, file, expected)
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryFile() as copy:
            member = archive.getinfo(WEIGHTS)
            if member.file_size > max(WEIGHTS_SLACK, WEIGHTS_PACKING * member.compress_size):
                received = f"{member.compress_size} bytes that claim to unpack to {member.file_size}"
                raise InputError(f"{path}: {WEIGHTS} expected as numbers. Received: {received}")
            with archive.open(member) as source:
                shutil.copyfileobj(source, copy)
            with h5py.File(copy, "r") as file:
                return storage.check_self_contained(path, file, expected)


def _code_in(config: object, legacy: bool) -> Iterator[str]:
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
        if kind in RUNNING_LAYERS:
            yield f"{'Lambda' if kind == '__lambda__' else kind} layer {name!r}"
        elif isinstance(inner, dict) and isinstance(inner.get("vocabulary"), str):  # Keras would read that file
            yield f"{kind} {name!r} with a file {inner['vocabulary']!r}"
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
        root, *rooms = [part for part in module.split(".") if part != "src"]
        known = root == "builtins" or (root in ("keras", "tf_keras") and (not rooms or rooms[0] in KERAS_ROOMS))
        return not known
    if not legacy or "config" not in config or kind in CONTAINERS or kind.startswith("__"):
        return False
    return _plain_kind(kind) not in LEGACY_CLASSES


def _plain_kind(kind: str) -> str:
    """Return the name of a class today: TensorFlow 1 added V1 or V2 to some, and some have an alias."""
    if kind.startswith(("Convolution", "SeparableConvolution")):
        kind = kind.replace("Convolution", "Conv")
    return kind[:-2] if kind.endswith(("V1", "V2")) else kind


def _name(record: dict) -> str:
    return str(record["config"].get("name") or record["name"])


def file_graph(file: ModelFile) -> LayerGraph:
    """Return the graph that a file describes."""
    inner = file.config["config"]
    records = inner if isinstance(inner, list) else inner["layers"]
    if file.class_name == "Sequential":
        first = next((_name(record) for record in records if record["class_name"] == "InputLayer"), "")
        nodes, before = {}, first
        for record in records:
            if record["class_name"] != "InputLayer":
                nodes[_name(record)] = (record, [[[before, 0, 0]]])
                before = _name(record)
        nodes[first] = ({"class_name": "InputLayer", "config": {"name": first}}, [])
        output = (before, 0, 0)
    else:
        nodes = {str(record["name"]): (record, record.get("inbound_nodes") or []) for record in records}
        inputs, outputs = (list(_references(inner[key])) for key in ("input_layers", "output_layers"))
        if len(inputs) != 1 or len(outputs) != 1:
            raise InputError(f"{file.name}: expected a functional or sequential model with one input and one output.")
        output = outputs[0]
    highest: dict[str, int] = {}
    for name, node, _ in [output, *(reference for _, calls in nodes.values() for reference in _references(calls))]:
        highest[name] = max(node, highest.get(name, 0))

    def describe(reference: tuple) -> tuple[Application, list[tuple]]:
        name, node, index = reference
        record, calls = nodes[name]
        settings = record["config"]
        kind = _plain_kind(str(record["class_name"]))
        if kind == "TFOpLambda":
            kind = str(settings["function"]).rpartition(".")[2]
        nested = kind in CONTAINERS or isinstance(settings, list) or "layers" in settings
        activation = None if nested else _activation_name(settings)
        own = str(settings.get("name") or name) if isinstance(settings, dict) else name
        application = Application((name, node, index), own, kind, activation, nested, record=record)
        if not calls:
            return application, []
        # the legacy Keras counts the calls of an inner model from 1
        return application, list(_references(calls[node - (highest[name] == len(calls))]))

    return LayerGraph(file.name, output, describe, [name for _, name, _ in file.layers])


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
    if isinstance(value, dict):  # a function by name, or a layer in place of one
        value = value.get("config") if value.get("class_name") == "function" else value.get("class_name")
        return "softmax" if value == "Softmax" else str(value)
    return "linear" if value is None else str(value)
