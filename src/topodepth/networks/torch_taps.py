"""Which calls of a PyTorch model to tap: the rules are those of :mod:`topodepth.networks.taps`, on calls of modules."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from topodepth.errors import InputError, unknown_name
from topodepth.networks.taps import AUTO_TAPS, is_pattern, matched
from topodepth.networks.torch_calls import Call

Each = TypeVar("Each")

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")
WEIGHTED = ("Linear", "Conv", "LSTM", "GRU", "RNN", "Embedding", "MultiheadAttention", "Attention")
# what belongs to the layer before it
ELEMENTWISE = ("Norm", "Dropout", "ReLU", "ELU", "GELU", "GLU", "SiLU", "Mish", "Tanh", "Sigmoid", "swish", "Softplus",
               "Softsign", "Shrink", "Threshold", "Activation", "FrozenBatchNorm")  # fmt: skip
ATTENTION = re.compile("attention|attn", re.IGNORECASE)


class Calls:
    """The calls of a pass whose outputs can be points, and their names.

    Parameters
    ----------
    model
        The model's name, for messages.
    calls
        All of a pass, in order of their ends.
    names
        Modules by all names that they have.
    usable
        Tells of a call whether its output can be points.
    """

    def __init__(
        self, model: str, calls: Sequence[Call], names: dict[str, Any], usable: Callable[[Call], bool]
    ) -> None:
        self.model, self.all = model, list(calls)
        self.usable = [call for call in calls if usable(call)]
        self.root = self.all[-1]
        self._names = names
        self._counts = Counter(call.name for call in self.all)
        self._by_name = {self.name(call): call for call in self.usable}

    def name(self, call: Call) -> str:
        """Return a call's name: its module's, with ``#k`` for the k-th application of one that has several."""
        if call.parent is None:
            return "output" if "output" not in self._names else "model output"
        return f"{call.name}#{call.number}" if self._counts[call.name] > 1 else call.name

    def named(self, layers: Sequence[str]) -> list[Call]:
        """Find calls by names and patterns, such as ``layer1.*``; each once.

        Raises
        ------
        InputError
            If there is no such module, it is never called, or its output can be no points.
        """
        found = [call for token in layers for call in self._named(str(token))]
        return list(dict.fromkeys(found))

    def _named(self, token: str) -> list[Call]:
        if token in self._by_name:
            return [self._by_name[token]]
        if token in ("logits", "output") and token not in self._names:
            if self.root not in self.usable:
                raise self.useless(token, self.root)
            return [self.root]
        if is_pattern(token):
            return [self._by_name[name] for name in matched([token], list(self._by_name), f"layer of {self.model}")]
        name, _, number = token.partition("#")
        if name not in self._names or (number and not number.isdigit()):
            raise unknown_name(f"layer of {self.model}", token, self._by_name)
        calls = [call for call in self.all if call.module is self._names[name]]
        if not calls:
            raise InputError(
                f"{self.model}: layer {token!r} expected to be called in a forward pass. Received: a module that is "
                "not, or whose weights others use; tap the one around it."
            )
        if len(calls) > 1 or number:
            chosen = [call for call in calls if str(call.number) == number]
            if not chosen:
                known = f"{name}#1 to {name}#{len(calls)}" if len(calls) > 1 else repr(name)
                raise InputError(
                    f"{self.model}: layer {name!r} is applied {len(calls)} times, expected {known}. Received: {token!r}"
                )
            calls = chosen
        if calls[0] not in self.usable:
            raise self.useless(token, calls[0])
        return calls

    def useless(self, token: str, call: Call) -> InputError:
        """Return the error for a call whose output can be no points, asked for by a name."""
        what = "nothing tensor-like"
        if call.shape is not None:
            what = f"{call.shape}, in which no axis is that of the items, or places are not those of the mask"
        return InputError(f"{self.model}: layer {token!r} expected to return points of the items. Received: {what}.")

    def auto(self) -> list[Call]:
        """Return what suits a model that nobody described, in order of execution, and perhaps more than are wanted.

        Blocks with a residual addition or a concatenation, beside them their kin in the same container, attention
        inside them if there is room, and the normalisation after the last; where there are fewer than three blocks,
        layers with weights, behind the normalisation and activation that belong to them.
        """
        blocks = self._blocks()
        if len(blocks) < 3:
            return self._weighted()
        last = max(blocks, key=lambda call: call.end)
        norms = [call for call in self.usable if call.end > last.end and _is_final_norm(call, last)]
        attention = self._attention(blocks)
        if len(blocks) + len(attention) + len(norms[:1]) >= AUTO_TAPS:
            attention = []
        return _in_order({*blocks, *attention, *norms[:1]})

    def _blocks(self) -> list[Call]:
        merged = [call for call in self.all if call.merged and call.parent is not None and call.inner]
        found = {self._block(call): call for call in merged}
        kin = {self._container(call.name) for call in found} - {None}
        beside = [call for call in self.all if call.inner and call.parent and self._container(call.name) in kin]
        chosen = {*found, *beside}
        around = [call for call in chosen if any(call in [*item.ancestors][1:] for item in chosen)]
        # around other blocks one counts only if it adds or concatenates after the last of them
        chosen -= {call for call in around if call.merged < max(i.end for i in chosen if call in [*i.ancestors][1:])}
        usable = [call for call in self.usable if call in chosen]
        if len(usable) > AUTO_TAPS:
            outer = [call for call in usable if not set([*call.ancestors][1:]) & set(usable)]
            usable = outer if len(outer) >= 3 else usable
        return _in_order(usable)

    def _container(self, name: str) -> str | None:
        """Return the name of the list of modules that a module is in; None if it is in none."""
        parent = name.rpartition(".")[0]
        bases = {base.__name__ for base in type(self._names.get(parent)).__mro__}
        return parent if name and bases & set(CONTAINERS) else None

    def _block(self, call: Call) -> Call:
        """Return the call around a merge that is an item of a list of modules; the merging one itself if none is."""
        return next((item for item in call.ancestors if self._container(item.name) is not None), call)

    def _attention(self, blocks: list[Call]) -> list[Call]:
        """Return attention inside blocks, the outermost of each."""
        found = [call for call in self.usable if call.parent and ATTENTION.search(call.kind) and call not in blocks]
        inside = [call for call in found if set(call.ancestors) & set(blocks)]
        return [call for call in inside if not set([*call.ancestors][1:]) & set(inside)]

    def _weighted(self) -> list[Call]:
        usable = set(self.usable)
        leaves = [call for call in self.all if not call.inner and call.parent is not None]
        chosen = []
        for call in leaves:
            if has_weights(call):
                behind = self._after_activation(call, leaves)
                chosen.append(behind if behind in usable else call)
        return _in_order({call for call in chosen if call in usable})

    def _after_activation(self, call: Call, leaves: list[Call]) -> Call:
        """Follow a layer with weights through the normalisation and activation that are called on its output."""
        found = call
        while True:
            following = [item for item in leaves if item.producer is call]
            if len(following) != 1 or not any(word in following[0].kind for word in ELEMENTWISE):
                return found
            call = following[0]
            found = found if "Dropout" in call.kind else call  # in eval it gives what it takes


def _is_final_norm(call: Call, last: Call) -> bool:
    """Tell whether a call after the last block normalises what comes out of it, and not what a layer made of it."""
    takes_it = call.producer is not None and call.producer.tensor == last.tensor
    return not call.inner and "Norm" in call.kind and (takes_it or "LayerNorm" in call.kind or "RMSNorm" in call.kind)


def has_weights(call: Call) -> bool:
    """Tell whether a call is one of a dense, convolutional, recurrent, attention or embedding layer, or alike."""
    if any(word in call.kind for word in ELEMENTWISE):
        return False
    own = [weight for weight in call.module.parameters(recurse=False) if weight.ndim > 1]
    return bool(own) or any(word in call.kind for word in WEIGHTED)


def _in_order(calls: Iterable[Call]) -> list[Call]:
    return sorted(calls, key=lambda call: call.end)


def thin(calls: Sequence[Each], room: int) -> list[Each]:
    """Return at most so many calls, evenly spread, with the first and the last."""
    calls = list(calls)
    if len(calls) <= room:
        return calls
    return [calls[round(k * (len(calls) - 1) / (room - 1))] for k in range(room)]
