"""A live PyTorch model as a :class:`topodepth.networks.network.Network`: its taps, and what a batch gives in them.

Every batch takes one pass, with hooks on the tapped modules only, and only during it; what to tap is found before, by
:mod:`topodepth.networks.torch_probe`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.errors import InputError
from topodepth.homology.devices import on_host
from topodepth.networks.graph import Tap
from topodepth.networks.network import Network
from topodepth.networks.torch_caller import Caller
from topodepth.networks.torch_calls import first_tensor
from topodepth.networks.torch_pooling import Masks, Pooling
from topodepth.networks.torch_probe import Probe, TorchTap
from topodepth.networks.torch_state import as_found, live_module, named_modules

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Pass:
    """What a batch gave.

    Attributes
    ----------
    values
        Of each tap, (m, d) float32; tensors on the model's device where these were asked for, and so are ``scores``.
    rows
        (m,) item of the batch that each point belongs to: 0 … n − 1, once each unless tokens are points.
    scores
        The model's own output (n, classes) float32, where it was asked for and is of that shape; else None.
    """

    values: list[Any]
    rows: np.ndarray
    scores: Any = None


@dataclass(frozen=True)
class Points:
    """What stands for a symbolic tensor in a tap: its shape."""

    shape: tuple[None, int]


@dataclass(frozen=True)
class TorchNetwork(Network):
    """A live model of PyTorch with its taps; ``inputs`` is empty, since only the model knows what it takes.

    Attributes
    ----------
    run
        From the inputs of a batch (an array or tensor, several in a tuple, or a map of them) to a :class:`Pass`; with
        ``in_place=True`` to one of tensors.
    """

    run: Callable[..., Pass] = field(kw_only=True)


def open_torch(
    model: "torch.nn.Module",
    example: Any,
    layers: str | Sequence[str] = "auto",
    *,
    pooling: str = "mean",
    channels: str = "auto",
    scores: bool = False,
    name: str | None = None,
) -> TorchNetwork:
    """Find what to tap in a live PyTorch model.

    The model's modes, hooks, gradients, buffers and the random state are as before afterwards, also after an error, and
    so they are after every batch. Values are those of ``eval()`` without gradients and without autocast, in the
    precision of the model's own weights.

    Parameters
    ----------
    model
        Of a compiled or parallel one, what is inside is called.
    example
        The inputs of the first batch, without labels: an array or tensor, several in a tuple, or a map of them. They go
        to the device of the model's first weights; floating ones get the precision of its weights.
    layers
        ``"auto"``, or names of modules and patterns such as ``"layer*.conv1"``, one or a list; ``relu#2`` is the second
        application of a module that is applied several times. ``"logits"`` is the model's own output before a softmax,
        ``"penultimate"`` the features that they are made of, ``"output"`` the output whatever it is. ``"auto"`` takes
        at most twelve: outputs of blocks with a residual addition or a concatenation, attention inside them, the
        normalisation behind them, and the logits; in models with fewer than three blocks what layers with weights give,
        behind their normalisation and activation.
    pooling
        What is taken of a sequence of tokens: their ``"mean"``, the ``"first"``, the ``"last"``, or every token as a
        point of its own, ``"tokens"``. ``attention_mask`` and ``src_key_padding_mask`` in the inputs say which are
        real. Maps of images are averaged over space, or their places are tokens.
    channels
        Whether maps of images have their features ``"first"`` or ``"last"``; ``"auto"`` infers it of each.
    scores
        Let ``run`` and ``predict`` return the model's own output too.
    name
        The model's; that of its class if None.

    Raises
    ------
    InputError
        If the model is scripted, traced or exported, returns nothing tensor-like, a layer is unknown or never called,
        or nothing can be tapped; later, if a batch is ragged or gives a tap of another size.
    """
    import torch

    model = live_module(model)
    caller = Caller(model, name or type(model).__name__)
    how, order = Pooling(pooling, channels), list(named_modules(model))
    sources = probed(caller, how, example).sources(layers)
    taps = [_tap(source, order.index(source.call.name), pooling) for source in sources]

    def run(inputs: Any, *, in_place: bool = False) -> Pass:
        return _passed(caller, how, inputs, sources, scores=scores, in_place=in_place)

    def predict(inputs: Any, _: int = 0) -> list[np.ndarray]:
        found = run(inputs)
        return found.values if found.scores is None else [*found.values, found.scores]

    precision = "" if caller.precision == "float32" else f", {caller.precision}"
    return TorchNetwork(caller.name, f"torch {torch.__version__}{precision}", [], taps, predict, run=run)


def probed(caller: Caller, pooling: Pooling, example: Any) -> Probe:
    """Return a model as a pass of its first items shows it."""

    def values(inputs: Any, sources: Sequence[TorchTap]) -> list[np.ndarray]:
        return _passed(caller, pooling, inputs, sources).values

    return Probe(caller, named_modules(caller.model), pooling, example, values)


def _tap(source: TorchTap, index: int, pooling: str) -> Tap:
    axes = source.axes
    reduction = pooling if axes.sequence or pooling == "tokens" else "mean"
    return Tap(
        token=source.token,
        index=index,
        name=source.token,
        layer_class=source.call.kind,
        relative_depth=source.depth,
        tensor=Points((None, axes.features)),
        reduction=reduction if axes.places else "none",
    )


def _passed(
    caller: Caller,
    pooling: Pooling,
    inputs: Any,
    sources: Sequence[TorchTap],
    *,
    scores: bool = False,
    in_place: bool = False,
) -> Pass:
    """Pass one batch, and pool at once what the tapped calls return: later calls may write into it."""
    n = caller.count(inputs)
    inputs = caller.placed(inputs)
    masks = Masks(inputs)
    found: dict[tuple[str, int, bool], Any] = {}
    by_module: dict[Any, list[TorchTap]] = {}
    for source in sources:
        by_module.setdefault(source.call.module, []).append(source)
    with as_found(caller.model) as stack:
        for module, items in by_module.items():
            listening = listener(pooling, items, masks, found)
            stack.callback(module.register_forward_hook(listening, with_kwargs=True).remove)
        output = caller(inputs)
    values = []
    for source in sources:
        if source.key not in found:
            raise InputError(
                f"{caller.name}: layer {source.token!r} expected to be called in every batch. Received: one without it."
            )
        values.append(_points(caller, source, found[source.key]))
    rows = np.arange(n)
    if pooling.kind == "tokens" and sources:
        mask = masks.real(sources[0].call.name)
        rows = np.repeat(rows, len(values[0]) // n) if mask is None else mask.nonzero()[:, 0].cpu().numpy()
    for source, points in zip(sources, values, strict=True):
        if len(points) != len(rows):
            raise InputError(
                f"{caller.name}: layer {source.token!r} expected {len(rows)} points of {n} items. "
                f"Received: {len(points)}"
            )
    said = _scores(output, n) if scores else None
    if in_place:
        return Pass(values, rows, said)
    return Pass(list(map(on_host, values)), rows, None if said is None else on_host(said))


def listener(pooling: Pooling, sources: Sequence[TorchTap], masks: Masks, found: dict) -> Callable:
    """Return a forward hook with keywords of the module that sources are calls of: it puts their points into ``found``.

    They are tensors under the keys of their sources, with their gradients where there are any.
    """
    number = 0

    def listen(module: "torch.nn.Module", args: tuple, kwargs: dict, output: Any) -> None:
        # returns nothing: a value would replace the output
        nonlocal number
        number += 1
        for source in sources:
            value = (args, kwargs) if source.taken else output
            made = first_tensor(value) if source.call.number == number else None
            if made is not None:
                found[source.key] = pooling(made, source.axes, masks, source.token)

    return listen


def _points(caller: Caller, source: TorchTap, made: "torch.Tensor") -> "torch.Tensor":
    values = made.detach()
    where = f"{caller.name}: layer {source.token!r}"
    if values.shape[1] != source.axes.features:
        raise InputError(
            f"{where} expected {source.axes.features} features in every batch. Received: {values.shape[1]} in one"
        )
    if caller.precision == "float16" and values.isinf().any():
        raise InputError(
            f"{where} expected finite values. Received: more than half precision holds (65504); measure model.float()."
        )
    return values.float()


def _scores(output: Any, n: int) -> "torch.Tensor | None":
    made = first_tensor(output)
    flat = made is not None and not made.is_nested and made.ndim in (1, 2) and len(made) == n
    return made.detach().float().reshape(n, -1) if flat else None
