"""A Keras model as a graph of layer applications: the same for Keras 3, the legacy Keras and a file not yet opened.

No Keras is imported here: opened layers and tensors are asked for what both Keras have.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from topodepth.errors import InputError

LARGEST = 10_000  # applications of layers in a network; those of published ones are some hundreds
CONTAINERS = {"Functional", "Sequential", "Model"}
WRAPPERS = {"SpectralNormalization", "TimeDistributed", "Bidirectional"}
# fmt: off
KERNELS = {
    "Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose",
    "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D", "LocallyConnected1D",
    "LocallyConnected2D",
}
# fmt: on
SEQUENCES = {
    "SimpleRNN",
    "LSTM",
    "GRU",
    "RNN",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "Embedding",
    "MultiHeadAttention",
    "GroupedQueryAttention",
    "Attention",
    "AdditiveAttention",
}  # fmt: skip
MERGES = {"Add", "Concatenate", "add", "concat", "Concat"}
ELEMENTWISE = {
    "BatchNormalization",
    "Activation",
    "ReLU",
    "LeakyReLU",
    "PReLU",
    "ELU",
    "LayerNormalization",
    "Dropout",
    "Bias",
    "Scale",
}  # fmt: skip; the last two of ONNX: a constant added, or multiplied
# layers and functions that move values, or take them as they are
RESHAPES = {"Reshape", "Flatten", "Dropout", "Permute", "Identity", "Cast", "Squeeze", "ActivityRegularization",
            "reshape", "cast", "squeeze", "identity"}  # fmt: skip
# what turns logits into probabilities: layers and functions, and the same inside another layer
PROBABILITIES = {"Softmax", "softmax", "Sigmoid", "sigmoid"}
# what mixes probabilities into others, from which no logits come back; of a Lambda nobody knows
MIXTURES = {"Average", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "AveragePooling1D",
            "AveragePooling2D", "AveragePooling3D", "Lambda", "Mean", "mean", "reduce_mean", "Rescaling"}  # fmt: skip


@dataclass(frozen=True)
class Tap:
    """One tensor of a model.

    Attributes
    ----------
    token
        How it was asked for.
    index
        Position of its layer in ``model.layers``; -1 if the tensor is the output of none of them.
    name
        The layer's name, with ``@k`` for the k-th application of a shared one, and behind ``inner/`` for a layer of an
        inner model of that name; or ``logits``, ``penultimate``.
    layer_class
        Class of the layer.
    relative_depth
        Longest path from the input, counted in layer applications, over the same of the output; in [0, 1].
    tensor
        The symbolic tensor.
    reduction
        ``"mean"`` over all axes but the first and the last (of a masked sequence, over the steps that the mask leaves),
        or ``"none"`` for a tensor (n, d).
    """

    token: str
    index: int
    name: str
    layer_class: str
    relative_depth: float
    tensor: Any = field(repr=False, compare=False)
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
        Name of the activation function inside it, or inside the layer that it wraps; None if it has none.
    core
        Class of the layer that it wraps; its own if it wraps none.
    nested
        Whether it is a model of its own, whose layers are applications too. It stands for that model's output.
    opaque
        Whether it is a model of its own that cannot be looked into.
    within
        Layer and call of the inner model that it is part of, as in a key; None in the outermost.
    inputs
        The applications whose outputs it takes.
    depth
        Longest path from the input, in applications; an inner model counts as its layers do.
    number
        Its place among the applications of the same layer.
    counts
        Whether it adds to the depth; what only moves values in ONNX does not.
    layer, output
        The Keras layer and tensor; None in a graph that was read from a file, and of ONNX the name of the value.
    record
        What the file says of the layer; None in the graph of an opened model.
    """

    key: tuple
    name: str
    kind: str
    activation: str | None
    core: str
    nested: bool = False
    opaque: bool = False
    within: tuple | None = None
    inputs: list["Application"] = field(default_factory=list)
    depth: int = 0
    number: int = 0
    counts: bool = True
    layer: Any = None
    output: Any = None
    record: dict | None = field(default=None, repr=False)

    @property
    def has_kernel(self) -> bool:
        """Whether it is a dense or convolutional layer."""
        return self.core in KERNELS

    @property
    def has_weights(self) -> bool:
        """Whether it is worth a tap: a dense, convolutional, recurrent, attention or embedding layer."""
        return self.core in KERNELS or self.core in SEQUENCES or (self.kind in WRAPPERS and self.core in CONTAINERS)

    @property
    def is_softmax(self) -> bool:
        """Whether it does nothing but turn logits into probabilities."""
        return self.core in PROBABILITIES or (self.core == "Activation" and self.activation in PROBABILITIES)

    @property
    def passes_on(self) -> bool:
        """Whether its output has the values of its input."""
        return self.kind in RESHAPES or self.nested or (self.activation == "linear" and self.kind == "Activation")

    @property
    def source(self) -> "Application":
        """The application that computes its output: the last one in it if it is an inner model."""
        found = self
        while found.nested:
            found = found.inputs[0]
        return found


def check_one_input(name: str, inputs: Sequence[str]) -> None:
    """Refuse a model that takes other than one input.

    Parameters
    ----------
    name, inputs
        The model's name, and those of its input layers.
    """
    if len(inputs) != 1:
        received = f"{len(inputs)} inputs, {', '.join(map(repr, inputs))}"
        raise InputError(f"{name}: expected a network with one input. Received: {received}.")


class LayerGraph:
    """All layer applications between the input and the output of a model, in topological order.

    Parameters
    ----------
    name
        The model's, for messages.
    outputs
        Handles of the model's outputs.
    describe
        From a handle to its application, without inputs and depth, and the handles of its inputs.
    order
        The first part of each layer's key, in the order of ``model.layers``.
    """

    def __init__(
        self, name: str, outputs: Sequence, describe: Callable[[Any], tuple[Application, list]], order: Sequence = ()
    ) -> None:
        if not outputs:
            raise InputError(f"{name}: expected a network with an output. Received: none.")
        self.name = name
        self.order = list(order)
        self.applications: list[Application] = []
        made_by: dict[tuple, Application] = {}
        for output in outputs:
            self._walk(output, describe, made_by)
        self.by_layer: dict[object, list[Application]] = defaultdict(list)
        for application in sorted(self.applications, key=lambda a: a.key[1]):
            uses = self.by_layer[application.key[0]]
            application.number = len(uses)
            uses.append(application)
        self.outputs = [made_by[describe(output)[0].key] for output in outputs]
        self._consumers: dict[tuple, list[Application]] = defaultdict(list)
        for application in self.applications:
            for item in dict.fromkeys(application.inputs):
                self._consumers[item.key].append(application)

    @property
    def output(self) -> Application:
        """The first output, and the only one of most models."""
        return self.outputs[0]

    def _walk(self, output: object, describe: Callable, made_by: dict[tuple, Application]) -> None:
        """Visit the graph from an output backwards, without recursion: networks are deeper than Python's stack."""
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
                if len(started) > LARGEST:  # inner models, each applied twice in the next, grow beyond all bounds
                    raise InputError(f"{self.name}: expected at most {LARGEST} layers, those of inner models too.")
                pending.append((handle, True))
                pending.extend((item, False) for item in inputs)
                continue
            application.inputs = [made_by[describe(item)[0].key] for item in inputs]
            before = max((item.depth for item in application.inputs), default=-1)
            application.depth = max(0, before + (application.counts and not application.nested))
            made_by[application.key] = application
            self.applications.append(application)

    def consumers(self, application: Application) -> list[Application]:
        """Return the applications that take an output; an inner model's own output is looked through."""
        found = self._consumers[application.key]
        return [use for other in found for use in (self.consumers(other) if other.nested else [other])]

    def index(self, application: Application) -> int:
        """Return the place of its layer in ``model.layers``; -1 if it is none of them."""
        key = application.key[0]
        return self.order.index(key) if key in self.order else -1

    def relative_depth(self, application: Application) -> float:
        """Return its depth over that of the model's deepest output."""
        deepest = max(output.depth for output in self.outputs)
        return min(1.0, application.depth / deepest) if deepest else 1.0

    def tap(self, choice: Choice, tensor: Any) -> Tap:
        """Return the tap of a choice, of which ``tensor`` has the values."""
        use = choice.application
        return Tap(
            token=choice.token,
            index=self.index(use),
            name=choice.name,
            layer_class=use.kind if use.layer is None else type(use.layer).__name__,
            relative_depth=self.relative_depth(use),
            tensor=tensor,
            reduction="none" if len(tensor.shape) == 2 else "mean",
        )

    def path(self, application: Application) -> str:
        """Return its layer's name, behind the names of the inner models that it is part of."""
        if application.within is None:
            return application.name
        layer, call = application.within
        outer = next(use for use in self.by_layer[layer] if use.key[1] == call)
        return f"{self.tap_name(outer)}/{application.name}"

    def tap_name(self, application: Application) -> str:
        """Return the path of its layer, with ``@k`` for the k-th application of a shared one."""
        shared = len(self.by_layer[application.key[0]]) > 1
        return f"{self.path(application)}@{application.number}" if shared else self.path(application)

    def head(self) -> tuple[Application, bool]:
        """Return the application before which, or inside which, the softmax is, and whether it is inside.

        The logits are the output of the application if the softmax is a layer of its own or if there is none.

        Raises
        ------
        InputError
            If the model has several outputs, or one that consists of probabilities that have no logits.
        """
        self.check_one_output()
        application = self.output
        while application.inputs:
            if application.is_softmax:
                return application.inputs[0], False
            if application.opaque:
                raise self._no_logits(application, "an inner model that is no graph of layers")
            if application.activation in PROBABILITIES:
                if not application.has_kernel:
                    raise self._no_logits(
                        application, f"a {application.activation} in the midst of a {application.kind}"
                    )
                return application, True
            if not application.passes_on:
                break
            application = application.inputs[0]
        for made in self._probabilities(application):
            raise self._no_logits(made, f"probabilities, which {application.name!r} changes")
        return self.output, False

    def check_one_output(self) -> None:
        """Refuse to look for the logits of a model with several outputs."""
        if len(self.outputs) > 1:
            names = ", ".join(repr(output.name) for output in self.outputs)
            raise InputError(
                f"{self.name}: a network with one output expected, for logits, the penultimate layer or accuracy; name "
                f"other layers to tap. Received: {len(self.outputs)} outputs, {names}."
            )

    def ending(self) -> str:
        """Return what the model's output is: ``"softmax"``, ``"sigmoid"`` or ``"logits"``."""
        made = next(self._probabilities(self.output), None)
        if made is None:
            return "logits"
        return (made.activation if made.activation in PROBABILITIES else made.core).lower()

    def _probabilities(self, end: Application) -> Iterator[Application]:
        """Yield what makes the probabilities that an output consists of, be it they or a mixture of them."""
        pending, seen = [end], set()
        while pending:
            application = pending.pop()
            if application.key in seen:
                continue
            seen.add(application.key)
            if application.is_softmax or application.activation in PROBABILITIES:
                yield application
            elif application.passes_on or application.kind in MIXTURES:
                pending.extend(application.inputs)

    def _no_logits(self, application: Application, received: str) -> InputError:
        return InputError(
            f"{self.name}: logits expected of a head that ends in a softmax or a sigmoid. Received: {received}, at "
            f"{application.name!r}; tap other layers by name."
        )
