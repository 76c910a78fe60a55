"""What a PyTorch model calls in one forward pass: every application of every module, in order of execution.

PyTorch has no graph of a live model. One pass of a few items, with a hook before and behind every module, shows which
modules are called, how often, on whose output, and in which of them two tensors are added or concatenated.
"""

import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from topodepth.networks.torch_state import as_found

if TYPE_CHECKING:
    import torch

ADDITIONS = {"add", "add_", "__add__", "__iadd__"}
CONCATENATIONS = {"cat", "concat", "concatenate"}
DEEPEST = 4  # levels of tuples and maps that an output is looked through


@dataclass(eq=False)
class Call:
    """One application of a module.

    Attributes
    ----------
    name, module
        The module's, without what wrappers add; ``""`` is the model itself.
    number
        Its place among the applications of the same module in a pass, from 1.
    parent
        The call that it happened in; None of the model's own.
    start, end
        When it began and ended, on a clock of all calls.
    leaves
        How many calls without calls inside had ended then, itself included.
    producer
        The call whose output its first tensor is; None if there is none.
    tensor
        Number of what it returned: equal of two calls that returned the same tensor, with nothing written in between.
    inner
        Calls inside it.
    merged
        When tensors were added or concatenated last in its own code; 0 if never.
    shape
        Of the tensor that it returned; of nested and packed sequences their number and that of features. None if it
        returned no tensor.
    taken
        Shape of the first tensor that it was called with; None if there was none, or one of sequences.
    sequences
        Whether it returned nested or packed sequences.
    """

    name: str
    module: "torch.nn.Module" = field(repr=False)
    number: int
    parent: "Call | None" = field(repr=False)
    start: int
    end: int = 0
    leaves: int = 0
    producer: "Call | None" = field(default=None, repr=False)
    tensor: int = 0
    inner: int = 0
    merged: int = 0
    shape: tuple[int, ...] | None = None
    taken: tuple[int, ...] | None = None
    sequences: bool = False

    @property
    def kind(self) -> str:
        """Class of the module."""
        return type(self.module).__name__

    @property
    def key(self) -> tuple[str, int]:
        """Name and number."""
        return self.name, self.number

    @property
    def ancestors(self) -> Iterator["Call"]:
        """The call itself, and those that it happened in, without the model's own."""
        call = self
        while call is not None and call.parent is not None:
            yield call
            call = call.parent


class Recorder:
    """Records the calls of one pass.

    Parameters
    ----------
    names
        Modules by name, see :func:`topodepth.networks.torch_state.named_modules`.
    """

    def __init__(self, names: "dict[str, torch.nn.Module]") -> None:
        self.calls: list[Call] = []
        self._names = {id(module): name for name, module in reversed(names.items())}
        self._modules = {id(module): module for module in names.values()}
        self._stack: list[Call] = []
        self._counts: Counter = Counter()
        self._made: dict[int, tuple[weakref.ref, int, Call]] = {}
        self._clock = self._leaves = 0

    def run(self, model: Any, call: Callable[[], Any]) -> Any:
        """Call a model with hooks on all its modules, and return what it returned."""
        with as_found(model) as stack:
            self._listen(stack)
            with _additions(self):
                output = call()
        self.calls.sort(key=lambda item: item.end)
        return output

    @property
    def leaves(self) -> int:
        """How many calls without calls inside there were."""
        return self._leaves

    def _listen(self, stack: ExitStack) -> None:
        import torch

        for module in self._modules.values():
            if not isinstance(module, torch.jit.ScriptModule):  # refuses hooks in and on it
                stack.callback(module.register_forward_pre_hook(self._begin, with_kwargs=True).remove)
                stack.callback(module.register_forward_hook(self._end).remove)

    def _tick(self) -> int:
        self._clock += 1
        return self._clock

    def _begin(self, module: "torch.nn.Module", args: tuple, kwargs: dict) -> None:
        name, parent = self._names[id(module)], self._stack[-1] if self._stack else None
        self._counts[name] += 1
        call = Call(name, module, self._counts[name], parent, self._tick())
        taken = next(tensors((args, kwargs)), None)
        if made := self._maker(taken):
            call.producer = made[1]
        if taken is not None and not is_sequences(taken):
            call.taken = tuple(taken.shape)
        if parent is not None:
            parent.inner += 1
        self._stack.append(call)

    def _end(self, module: "torch.nn.Module", args: tuple, output: Any) -> None:
        while self._stack and self._stack[-1].module is not module:  # an exception, caught further out, skips hooks
            self._stack.pop()
        if not self._stack:
            return
        call = self._stack.pop()
        self._leaves += call.inner == 0
        call.end, call.leaves = self._tick(), self._leaves
        made = first_tensor(output)
        if made is not None:
            call.sequences = is_sequences(made)
            if call.sequences:
                parts = unbound(made)
                call.shape = len(parts), parts[0].shape[-1]
            else:
                call.shape = tuple(made.shape)
            version, before = _version(made), self._maker(made)
            call.tensor = before[1].tensor if before is not None and before[0] == version else self._clock
            if not call.sequences:
                self._made[id(made)] = weakref.ref(made), version, call
        self.calls.append(call)

    def _maker(self, tensor: "torch.Tensor") -> tuple[int, Call] | None:
        """Return which call returned a tensor last, and in which version."""
        made = self._made.get(id(tensor))
        return made[1:] if made is not None and made[0]() is tensor else None

    def merge(self) -> None:
        """Take down that the call that is running adds or concatenates."""
        if self._stack:
            self._stack[-1].merged = self._tick()


def _additions(recorder: Recorder) -> "torch.overrides.TorchFunctionMode":
    """Return what tells a recorder of additions of two tensors of one shape, and of concatenations of features.

    A mode of functions: one of operators (TorchDispatchMode) would import the compiler, which takes seconds.
    """
    from torch.overrides import TorchFunctionMode

    class Additions(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
            kwargs = kwargs or {}
            if (getattr(function, "__name__", "") in ADDITIONS and _same((*args, *kwargs.values())[:2])) or (
                getattr(function, "__name__", "") in CONCATENATIONS and _joins_features(*args, **kwargs)
            ):
                recorder.merge()
            return function(*args, **kwargs)

    return Additions()


def _same(pair: tuple) -> bool:
    """Tell whether both are activations of one shape: a bias, a position or a number has another."""
    import torch

    return (
        len(pair) == 2
        and all(isinstance(item, torch.Tensor) and item.is_floating_point() for item in pair)
        and not any(item.is_nested or item.ndim < 2 for item in pair)
        and pair[0].shape == pair[1].shape
    )


def _joins_features(parts: Any, dim: Any = 0, **kwargs: object) -> bool:
    """Tell whether a concatenation joins maps of images along their features."""
    import torch

    first = next(iter(parts), None) if isinstance(parts, tuple | list) else None
    dim = kwargs.get("axis", dim)
    return isinstance(first, torch.Tensor) and not first.is_nested and first.ndim == 4 and dim in (1, -3)


def _version(tensor: "torch.Tensor") -> int:
    """Return how often was written into a tensor; those of inference_mode do not count it."""
    import torch

    counts = isinstance(tensor, torch.Tensor) and not tensor.is_inference()
    return tensor._version if counts else 0


def tensors(value: Any, depth: int = DEEPEST) -> "Iterator[torch.Tensor]":
    """Yield the floating tensors in an output, in order: through tuples, lists, maps and data classes.

    Single numbers, such as a loss, are left out; a packed sequence is one.
    """
    import torch

    if isinstance(value, torch.Tensor):
        if value.is_floating_point() and (value.is_nested or value.ndim > 0):
            yield value
    elif isinstance(value, torch.nn.utils.rnn.PackedSequence):
        yield value
    elif depth and not isinstance(value, str | bytes):
        for item in _parts(value):
            yield from tensors(item, depth - 1)


def _parts(value: Any) -> list:
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, tuple | list):
        return list(value)
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, item.name) for item in fields(value)]
    return []


def first_tensor(value: Any) -> Any:
    """Return the first floating tensor in an output; None if there is none."""
    return next(tensors(value), None)


def is_sequences(value: Any) -> bool:
    """Tell whether an output holds sequences of different lengths: a nested tensor or a packed sequence."""
    return not hasattr(value, "is_nested") or value.is_nested


def unbound(made: Any) -> list:
    """Return the sequences of a nested tensor or of a packed sequence, each (places, features)."""
    import torch

    if isinstance(made, torch.nn.utils.rnn.PackedSequence):
        padded, lengths = torch.nn.utils.rnn.pad_packed_sequence(made, batch_first=True)
        return [item[: int(length)] for item, length in zip(padded, lengths, strict=True)]
    return list(made.unbind())
