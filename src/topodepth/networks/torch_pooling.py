"""From the output of a PyTorch module to points: which axes are items, features and places, and what becomes of places.

PyTorch's axes have no names. Which one is the batch's is seen by passing two batches of different sizes. Which one
holds the features is known of convolutions, normalisations and linear layers, and inferred for what is made of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from topodepth.errors import InputError, unknown_name
from topodepth.networks.torch_calls import Call, is_sequences, unbound

if TYPE_CHECKING:
    import torch

POOLINGS = ("mean", "first", "last", "tokens")
CHANNELS = ("auto", "first", "last")
MASKS = {
    "attention_mask": True,
    "src_key_padding_mask": False,
    "key_padding_mask": False,
}  # what True or 1 means: a token
FIRST = ("Conv", "BatchNorm", "InstanceNorm", "GroupNorm", "MaxPool", "AvgPool", "PixelShuffle", "Upsample")


@dataclass(frozen=True)
class Axes:
    """What the axes of a tensor are.

    Attributes
    ----------
    batch
        The axis of the items.
    channels
        The axis of the features once the batch's is the first; 0 if there is none but that.
    places
        How many places there are, of all other axes; 0 if there are none.
    features
        How many features there are.
    sequence
        Whether it is (items, places, features).
    """

    batch: int
    channels: int
    places: int
    features: int
    sequence: bool = False


def find_axes(
    calls: Sequence[Call], index: int, other: Call | None, sizes: tuple[int, int], channels: str
) -> Axes | None:
    """Return the axes of what a call returned; None if it has none of the batch's.

    Parameters
    ----------
    calls, index
        All calls of a pass in order, and the place of this one.
    other
        The same call in a pass of another number of items.
    sizes
        How many items the two passes had; equal if there was only one.
    channels
        ``"first"`` or ``"last"`` where the axes of images are known.
    """
    shape, again = calls[index].shape, other.shape if other else None
    if shape is None or again is None or len(shape) != len(again):
        return None
    if calls[index].sequences:
        return Axes(0, 2, 1, shape[1], sequence=True) if (shape[0], again[0]) == sizes else None
    changing = [axis for axis, pair in enumerate(zip(shape, again, strict=True)) if pair[0] != pair[1]]
    if sizes[0] == sizes[1]:  # one item: the first axis of that length, of the first two
        changing = [axis for axis, size in enumerate(shape[:2]) if size == sizes[0]][:1]
    if len(changing) != 1 or (shape[changing[0]], again[changing[0]]) != sizes:
        return None
    batch = changing[0]
    rest = shape[:batch] + shape[batch + 1 :]
    if 0 in rest:
        return None
    if len(rest) < 2:
        return Axes(batch, len(rest), 0, rest[0] if rest else 1)
    first = _features_first(calls, index, rest) if channels == "auto" or len(rest) == 2 else channels == "first"
    axis = 0 if first else len(rest) - 1
    places = 1
    for k, size in enumerate(rest):
        places *= 1 if k == axis else size
    return Axes(batch, axis + 1, places, rest[axis], sequence=len(rest) == 2 and axis == 1)


def _features_first(calls: Sequence[Call], index: int, rest: tuple[int, ...]) -> bool:
    """Tell whether features come before places (n, c, h, w), or behind them (n, h, w, c) and (n, tokens, features).

    A layer that has weights says so itself. Of others, the number of features of the last such layer decides, where
    only one end has that length; then two equal neighbours, height and width; then what that layer does.
    """
    said = _says(calls[index].module)
    if said is not None:
        return said[0]
    known = next((found for call in reversed(calls[:index]) if (found := _says(call.module)) and found[1]), None)
    ends = rest[0], rest[-1]
    if known and ends.count(known[1]) == 1:
        return ends[0] == known[1]
    if len(rest) == 3 and (rest[0] == rest[1]) != (rest[1] == rest[2]):
        return rest[1] == rest[2]
    return known[0] if known else len(rest) > 2


def _says(module: "torch.nn.Module") -> tuple[bool, int | None] | None:
    """Return whether a layer has features first, and how many; None if it does not tell."""
    kind = type(module).__name__
    if kind in ("LayerNorm", "RMSNorm"):  # over several axes it can be of maps with features first
        return (False, module.normalized_shape[0]) if len(module.normalized_shape) == 1 else None
    if any(word in kind for word in FIRST) and not kind.endswith("Conv1D"):
        sizes = [getattr(module, key, None) for key in ("out_channels", "num_features", "num_channels")]
        size = next((size for size in sizes if isinstance(size, int)), None)
        return (True, size) if size or not list(module.children()) else None
    if isinstance(getattr(module, "out_features", None), int):
        return False, module.out_features
    sizes = [getattr(module, key, None) for key in ("embedding_dim", "embed_dim", "hidden_size")]
    size = next((size for size in sizes if isinstance(size, int)), None)
    return (
        (False, size)
        if size and any(word in kind for word in ("Embedding", "Multihead", "LSTM", "GRU", "RNN"))
        else None
    )


@dataclass(frozen=True)
class Pooling:
    """What is taken of the places of a tensor, and which of them are real."""

    kind: str
    channels: str = "auto"

    def __post_init__(self) -> None:
        if self.kind not in POOLINGS:
            raise unknown_name("pooling", self.kind, POOLINGS)
        if self.channels not in CHANNELS:
            raise unknown_name("order of channels", self.channels, CHANNELS)

    def __call__(self, made: Any, axes: Axes, masks: "Masks", name: str) -> "torch.Tensor":
        """Return the points of a tensor, (n, d) or, of tokens, (all tokens, d), in single precision at least."""
        if is_sequences(made):
            return self._of_sequences(unbound(made))
        made = _wide(made).movedim(axes.batch, 0)
        if not axes.places:
            made = made.reshape(len(made), -1)
            return made.clone()  # what comes next may write into it
        made = made.movedim(axes.channels, -1).flatten(1, -2)
        mask = masks.of(name, made.shape[:2]) if axes.sequence or self.kind == "tokens" else None
        if self.kind == "tokens":
            return made.flatten(0, 1).clone() if mask is None else made[mask]
        if self.kind == "mean" or not axes.sequence:
            return made.mean(1) if mask is None else _masked_mean(made, mask)
        return made[_rows(made), _place(mask, made, last=self.kind == "last")]

    def _of_sequences(self, parts: Sequence) -> "torch.Tensor":
        import torch

        parts = [_wide(part) for part in parts]
        if self.kind == "tokens":
            return torch.cat(parts)
        take: Callable = {
            "mean": lambda part: part.mean(0),
            "first": lambda part: part[0],
            "last": lambda part: part[-1],
        }[self.kind]
        return torch.stack([take(part) for part in parts])


class Masks:
    """Which places of sequences are real, as the inputs say: ``attention_mask``, ``src_key_padding_mask`` and others.

    Parameters
    ----------
    inputs
        Of a model; masks are found where they are a map.
    """

    def __init__(self, inputs: Any) -> None:
        self._inputs: Mapping[str, Any] = inputs if isinstance(inputs, Mapping) else {}
        self._two = any(key.startswith("decoder_") for key in self._inputs)

    def real(self, name: str) -> "torch.Tensor | None":
        """Return the mask that belongs to a module, True at real places; None if all are."""
        return self._found(name)[1]

    def of(self, name: str, shape: tuple[int, int]) -> "torch.Tensor | None":
        """Return the mask (n, places) of a module's output; None if all places are real.

        Raises
        ------
        InputError
            If it has other places, or leaves an item without any.
        """
        key, mask = self._found(name)
        if mask is None:
            return None
        if tuple(mask.shape) != tuple(shape):
            raise InputError(
                f"layer {name!r}: places expected as in {key!r}, {tuple(mask.shape)}. Received: {tuple(shape)}"
            )
        if not mask.any(1).all():
            raise InputError(f"{key!r} expected to leave a token of every item. Received: none of one.")
        return mask

    def _found(self, name: str) -> "tuple[str, torch.Tensor | None]":
        prefix = "decoder_" if self._two and "decoder" in name else ""
        for key, real in MASKS.items():
            mask: Any = self._inputs.get(prefix + key)
            if getattr(mask, "ndim", 0) == 2:
                mask = mask.bool() if real else ~mask.bool()
                return prefix + key, None if mask.all() else mask
        return "", None

    def fits(self, name: str, shape: tuple[int, int]) -> bool:
        """Tell whether it is known which places of a module's output are real."""
        try:
            self.of(name, shape)
        except InputError:
            return False
        return True


def _wide(made: "torch.Tensor") -> "torch.Tensor":
    """Return a tensor in single precision, if it has less."""
    return made.float() if made.element_size() < 4 else made


def _masked_mean(made: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
    """Return means over real places; others may be anything, NaN too."""
    return made.masked_fill(~mask[..., None], 0).sum(1) / mask.sum(1, keepdim=True)


def _rows(made: "torch.Tensor") -> "torch.Tensor":
    import torch

    return torch.arange(len(made), device=made.device)


def _place(mask: "torch.Tensor | None", made: "torch.Tensor", *, last: bool) -> "torch.Tensor | int":
    """Return the first or last real place of each item: with padding on the left too."""
    if mask is None:
        return made.shape[1] - 1 if last else 0
    places = mask.int()
    return places.shape[1] - 1 - places.flip(1).argmax(1) if last else places.argmax(1)
