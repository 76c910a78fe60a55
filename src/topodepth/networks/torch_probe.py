"""What to tap in a live PyTorch model, found by passing it a few items, whole and in two parts.

The passes show the calls of all modules (:mod:`topodepth.networks.torch_calls`), which axis is the batch's, which calls
give the same values, and whether an item's values depend on its neighbours or on chance.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from topodepth.errors import InputError
from topodepth.networks.network import PROBABILITY, are_probabilities
from topodepth.networks.taps import AUTO_TAPS
from topodepth.networks.torch_caller import Caller, part
from topodepth.networks.torch_calls import Call, Recorder, first_tensor
from topodepth.networks.torch_pooling import Axes, Masks, Pooling, find_axes
from topodepth.networks.torch_taps import Calls, has_weights, thin

log = logging.getLogger("topodepth")

PROBED = 8  # items
# how far an item's values may move with its neighbours, relative to the largest: rounding, by the model's own precision
ROUNDING = {"float32": 1e-3, "float64": 1e-3}
HALF = 0.05


@dataclass(frozen=True)
class TorchTap:
    """A call to tap: which, by what name, what its axes are, how deep it lies, and whether what it takes is meant."""

    call: Call
    token: str
    axes: Axes
    depth: float
    taken: bool = False

    @property
    def key(self) -> tuple[str, int, bool]:
        """What tells it from other taps of a pass."""
        return *self.call.key, self.taken


class Probe:
    """A model on the first items of a batch.

    Parameters
    ----------
    caller, names
        The model, and its modules by name.
    pooling
        What is taken of places.
    example
        Inputs of a batch.
    passed
        From inputs and sources to the values of each: one pass.

    Raises
    ------
    InputError
        If the model returns nothing tensor-like.
    """

    def __init__(
        self,
        caller: Caller,
        names: dict[str, Any],
        pooling: Pooling,
        example: Any,
        passed: Callable[[Any, Sequence[TorchTap]], list[np.ndarray]],
    ) -> None:
        n = caller.count(example)
        self.name, self._caller, self._passed = caller.name, caller, passed
        self.size = min(n, PROBED)
        self.head = max(1, self.size * 3 // 8)
        self.inputs = caller.placed(part(example, 0, self.size, n))
        recorder = again = self._recorded(names, self.inputs)
        if self.head < self.size:
            again = self._recorded(names, part(self.inputs, 0, self.head, self.size))
        self._names = names
        self._other = {call.key: call for call in again.calls}
        sizes = self.size, self.head
        self._axes = {
            call: axes
            for k, call in enumerate(recorder.calls)
            if (axes := find_axes(recorder.calls, k, self._other.get(call.key), sizes, pooling.channels)) is not None
        }
        usable = _usable(self._axes, Masks(self.inputs), pooling.kind)
        self.calls = Calls(self.name, recorder.calls, names, usable.__contains__)
        self._leaves = max(1, recorder.leaves)

    def _recorded(self, names: dict[str, Any], inputs: Any) -> Recorder:
        recorder = Recorder(names)
        output = recorder.run(self._caller.model, lambda: self._caller(inputs))
        if first_tensor(output) is None:
            raise InputError(
                f"{self.name}: expected to return a floating tensor, or a tuple, list or map with one. Received: "
                f"nothing tensor-like, {type(output).__name__}"
            )
        return recorder

    def sources(self, layers: Any) -> list[TorchTap]:
        """Choose what to tap; ``layers`` as for :func:`topodepth.networks.torch_network.open_torch`.

        Raises
        ------
        InputError
            If a layer is unknown, never called or of no use, or there is nothing to tap.
        """
        layers = [layers] if isinstance(layers, str) and layers != "auto" else layers
        if layers != "auto" and (not isinstance(layers, Sequence) or not layers):
            raise InputError(
                f"{self.name}: layers expected as 'auto' or a list of names and patterns. Received: {layers!r}"
            )
        chosen = self._auto() if layers == "auto" else self._named([str(token) for token in layers])
        if not chosen:
            raise InputError(
                f"{self.name}: found no layer to tap, expected modules that are called and return tensors with an axis "
                f"of the batch's {self.size} items. Received: {len(self.calls.all)} calls, none such; a traced or "
                "exported module does not call its layers (torch.export.unflatten makes one that does)."
            )
        self._check_independence(chosen)
        return chosen

    def output(self) -> TorchTap | None:
        """Return the model's own output; None if it cannot be points."""
        root = self.calls.root
        return self._source(root) if root in self.calls.usable else None

    def _source(self, call: Call, token: str | None = None) -> TorchTap:
        return TorchTap(call, token or self.calls.name(call), self._axes[call], call.leaves / self._leaves)

    def _named(self, layers: Sequence[str]) -> list[TorchTap]:
        found: dict[tuple, TorchTap] = {}
        for token in layers:
            if token == "penultimate" and token not in self._names:
                taps = [self._penultimate()]
            else:
                taps = [self._source(call) for call in self.calls.named([token])]
            found |= {tap.key: tap for tap in taps if tap.key not in found}
        root = self._source(self.calls.root).key if self.calls.root in self.calls.usable else None
        if "logits" in layers and root in found and self.calls.name(self.calls.root) not in layers:
            end, values = self.ending()
            if are_probabilities(values):
                raise InputError(
                    f"{self.name}: logits expected as the values before a softmax. Received: probabilities; tap other "
                    "layers by name, or 'output'."
                )
            found[root] = TorchTap(end.call, "logits", end.axes, end.depth)
        return list(found.values())

    def _penultimate(self) -> TorchTap:
        """Return what the layer takes that makes the logits."""
        if self.calls.root not in self.calls.usable:
            raise self.calls.useless("penultimate", self.calls.root)
        end = self.ending()[0]
        found = end.call, self._other.get(end.call.key)
        shapes = [(call.taken or ()) if call and end.token == "logits" else () for call in found]
        if [len(shape) for shape in shapes] != [2, 2] or [shape[0] for shape in shapes] != [self.size, self.head]:
            raise InputError(
                f"{self.name}: layer 'penultimate' expected as the features (n, d) that a layer with weights makes the "
                f"logits of. Received: {shapes[0] or 'no such layer'}."
            )
        depth = (end.call.leaves - 1) / self._leaves
        return TorchTap(end.call, "penultimate", Axes(0, 1, 0, shapes[0][1]), depth, taken=True)

    def _auto(self) -> list[TorchTap]:
        """Return what suits the model: each tensor once, at most twelve, the logits last."""
        root = self.calls.root
        body = [self._source(call) for call in self.calls.auto() if call is not root]
        end = []
        if root in self.calls.usable and (not body or not self._axes[root].places):
            end = [self.ending()[0]]
        seen = {source.call.tensor for source in end} | ({root.tensor} if end else set())
        kept = []
        for source in body:  # compared as tensors: of an untrained network, blocks can return what they are given
            if source.call.tensor not in seen:
                seen.add(source.call.tensor)
                kept.append(source)
        return thin(kept, AUTO_TAPS - len(end)) + end

    def ending(self) -> tuple[TorchTap, np.ndarray]:
        """Return the logits, where a layer with weights makes them, else the model's own output; and their values."""
        root = self.calls.root
        heads = [call for call in self.calls.usable if not call.inner and has_weights(call)][-3:]
        *found, scores = self._passed(self.inputs, [self._source(call) for call in (*heads, root)])
        for call, values in zip(reversed(heads), reversed(found), strict=True):
            if _are_logits(values, scores):
                return self._source(call, "logits"), values
        return self._source(root), scores

    def _check_independence(self, sources: Sequence[TorchTap]) -> None:
        """Warn of taps whose values depend on the other items of a batch, or on chance."""
        if self.head == self.size:
            return
        together = self._passed(self.inputs, sources)
        ends = (0, self.head), (self.head, self.size)
        parts = [self._passed(part(self.inputs, *pair, self.size), sources) for pair in ends]
        bound = ROUNDING.get(self._caller.precision, HALF)
        moved = []
        for k, source in enumerate(sources):
            apart = np.concatenate([values[k] for values in parts])
            if np.isfinite(together[k]).all() and not _near(apart, together[k], bound):
                moved.append(source.token)
        if moved:
            log.warning(
                "%s: warning: an item's values at %s are others in another batch: chance (dropout that ignores eval), "
                "or statistics of the batch (normalisation without running ones, dynamic quantisation). What is "
                "measured depends on the batches then.",
                self.name,
                ", ".join(map(repr, moved)),
            )


def _usable(found: Mapping[Call, Axes], masks: Masks, pooling: str) -> set[Call]:
    """Return the calls whose outputs can be points: those with an axis of the batch, and places that the mask knows."""
    shapes = {call: (call.shape[axis.batch], axis.places) for call, axis in found.items() if call.shape is not None}
    usable = {
        call
        for call, axis in found.items()
        if call.sequences or not axis.sequence or masks.fits(call.name, shapes[call])
    }
    if pooling != "tokens":
        return usable
    # as many tokens in every tap: as many as most sequences have, or, where there are none, most maps
    places = [found[call].places for call in usable if found[call].sequence and not call.sequences]
    places = places or [found[call].places for call in usable if found[call].places]
    most = max(sorted(set(places)), key=places.count, default=0)
    return {call for call in usable if call.sequences or (most and found[call].places == most)}


def _near(values: np.ndarray, others: np.ndarray, bound: float) -> bool:
    return values.shape == others.shape and bool(np.abs(values - others).max() <= bound * np.abs(others).max())


def _are_logits(values: np.ndarray, scores: np.ndarray) -> bool:
    """Tell whether a layer returned the logits of a model's output.

    That output, or what a softmax, the logarithm of one, or a sigmoid makes it of.
    """
    if values.shape != scores.shape:
        return False
    if np.array_equal(values, scores):
        return True
    values, found = values.astype(np.float64), scores.astype(np.float64)
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    made = powers / powers.sum(axis=1, keepdims=True)
    if values.shape[1] > 1 and found.max() < PROBABILITY:
        found = np.exp(found)
    elif not are_probabilities(scores):
        made = 0.5 + 0.5 * np.tanh(values / 2)  # a sigmoid
    return bool(np.abs(made - found).max() < PROBABILITY)
