"""Code that a Keras file carries, found in its configuration without Keras."""

from collections.abc import Iterator

from topodepth.networks.graph import CONTAINERS

# The legacy Keras wraps a TensorFlow function in a layer by naming it: these name spaces compute, and do nothing else.
HARMLESS_SPACES = {"__operators__", "math", "nn", "linalg", "image", "signal"}
# Parts of Keras whose objects describe a network; others read files, fetch addresses or change settings.
KERAS_ROOMS = {
    "layers", "initializers", "regularizers", "constraints", "activations", "models", "ops", "dtype_policies",
    "mixed_precision", "optimizers", "losses", "metrics", "quantizers", "random", "backend", "engine",
}  # fmt: skip
# Classes of keras.applications itself: by module and class, and under no name that others have registered
APPLICATIONS = {
    ("applications.convnext", "LayerScale"), ("applications.convnext", "StochasticDepth"),
    ("applications.inception_resnet_v2", "CustomScaleLayer"),
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


def code_in(config: object, legacy: bool) -> Iterator[str]:
    """Yield a description of each thing in a configuration that would run code that is not Keras' own."""
    if isinstance(config, list):
        for item in config:
            yield from code_in(item, legacy)
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
        yield from code_in(value, legacy)


def _is_harmless(function: str) -> bool:
    space, _, name = function.removeprefix("compat.v1.").rpartition(".")
    return space in HARMLESS_SPACES or (not space and (name in HARMLESS_FUNCTIONS or name.startswith("reduce_")))


def _is_custom(config: dict, kind: str, legacy: bool) -> bool:
    module, registered = config.get("module"), config.get("registered_name")
    if is_of_applications(kind, module, registered, legacy=legacy):
        return False
    if isinstance(registered, str) and ">" in registered:
        return True
    if isinstance(module, str):
        root, *rooms = [part for part in module.split(".") if part != "src"] or [""]
        known = root == "builtins" or (root in ("keras", "tf_keras") and (not rooms or rooms[0] in KERAS_ROOMS))
        return not known
    if not legacy or "config" not in config or kind in CONTAINERS or kind.startswith("__"):
        return False
    return plain_kind(kind) not in LEGACY_CLASSES


def is_of_applications(kind: str, module: object, registered: object, *, legacy: bool) -> bool:
    """Whether a class is one of keras.applications: named so, or in the short form of the legacy Keras' HDF5 files."""
    plain = kind.removeprefix("Custom>")  # what the legacy Keras registers its own CustomScaleLayer as
    if registered not in (None, plain, f"Custom>{plain}"):
        return False
    if module is None:
        return legacy and plain in {name for _, name in APPLICATIONS}
    root, _, room = str(module).replace(".src.", ".").partition(".")
    return root in ("keras", "tf_keras") and (room, plain) in APPLICATIONS


def plain_kind(kind: str) -> str:
    """Return the name of a class today: TensorFlow 1 added V1 or V2 to some, and some have an alias."""
    if kind.startswith(("Convolution", "SeparableConvolution")):
        kind = kind.replace("Convolution", "Conv")
    return kind[:-2] if kind.endswith(("V1", "V2")) else kind
