"""Tokens as points: a seeded sample of a stream of them, and the same tokens in another order, for the null model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from topodepth.errors import InputError
from topodepth.networks.torch_pooling import MASKS

SAMPLE, SHUFFLE = 0x70C, 0x5AFF1E  # what is drawn, for its seed


class PointSample:
    """A sample of at most so many points of a stream, each as likely as any other (Vitter 1985, algorithm R).

    Which points are kept depends on the seed and their place in the stream, and not on the batches they come in.

    Parameters
    ----------
    most
        Points to keep; all that come if None.
    seed
        Of the draw.

    Raises
    ------
    InputError
        If no point may be kept.
    """

    def __init__(self, most: int | None, seed: int = 0) -> None:
        if most is not None and most < 1:
            raise InputError(f"tokens: expected at least 1 to keep. Received: {most}")
        self._most, self._seen = most, 0
        self._random = np.random.default_rng([seed, SAMPLE])
        self._kept = np.empty((0, 2), dtype=np.int64)

    @property
    def size(self) -> int:
        """Points kept so far."""
        return self._seen if self._most is None else min(self._most, self._seen)

    @property
    def items(self) -> np.ndarray:
        """The item that each point kept is of, (size,)."""
        return self._kept[: self.size, 0]

    @property
    def places(self) -> np.ndarray:
        """Which point of its item each one is, counted from 0, (size,)."""
        return self._kept[: self.size, 1]

    def take(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw from the next points of the stream, all points of an item at once.

        Parameters
        ----------
        items
            (m,) the item that each point is of, ascending.

        Returns
        -------
        tuple of ndarray
            Which of them are kept, and the row of the sample that each goes to, ascending; a row that was taken before
            is taken over.
        """
        stream = np.arange(self._seen, self._seen + len(items))
        rows = stream if self._most is None else self._rows(stream)
        self._seen += len(items)
        kept = np.flatnonzero(rows >= 0)
        last = dict(zip(rows[kept].tolist(), kept.tolist(), strict=True))  # of two points for one row, the later
        rows = np.array(sorted(last), dtype=np.int64)
        chosen = np.array([last[row] for row in rows.tolist()], dtype=np.int64)
        if self.size > len(self._kept):
            more = max(self.size, 2 * len(self._kept)) - len(self._kept)
            self._kept = np.concatenate([self._kept, np.zeros((more, 2), dtype=np.int64)])
        places = np.arange(len(items)) - np.searchsorted(items, items)
        self._kept[rows] = np.column_stack([items, places])[chosen]
        return chosen, rows

    def _rows(self, stream: np.ndarray) -> np.ndarray:
        """Return the row that each point of the stream takes over; −1 if none."""
        drawn = np.floor(self._random.random(len(stream)) * (stream + 1)).astype(np.int64)
        return np.where(stream < self._most, stream, np.where(drawn < self._most, drawn, -1))


def shuffled(
    inputs: Any, seed: int, start: int = 0, *, draw: int = 0, pooling: str = "tokens", special: Sequence[int] = ()
) -> tuple[Any, np.ndarray]:
    """Return inputs with the real tokens of each item in another order: what has the same words, and no sentences.

    What a network gives for them is the null model that the literature on token clouds uses, such as Viswanathan et al.
    (2025), The geometry of tokens in internal representations of large language models.

    Parameters
    ----------
    inputs
        Tokens (items, places), whole numbers, an array or a tensor; or a map with them as ``input_ids``, and a mask.
    seed, start, draw
        Each item has an order of its own, given by the seed, the number of the draw and the item's place in the data,
        the first of these at ``start``.
    pooling
        With ``"first"`` or ``"last"`` that token stays where it is: it is the point, in another context.
    special
        Tokens that stay where they are.

    Returns
    -------
    tuple
        The inputs, and the row of the real tokens at which each of them stands now, (tokens,), in their own order.

    Raises
    ------
    InputError
        If there are no tokens, or tokens of a decoder beside them.
    """
    ids: Any = inputs.get("input_ids") if isinstance(inputs, Mapping) else inputs
    if getattr(ids, "ndim", 0) != 2 or "int" not in str(ids.dtype):
        received = f"{ids.dtype} {tuple(ids.shape)}" if hasattr(ids, "dtype") else type(inputs).__name__
        raise InputError(
            f"tokens to shuffle: expected whole numbers (items, places), in a map as 'input_ids'. Received: {received}"
        )
    if isinstance(inputs, Mapping) and (other := [key for key in inputs if str(key).startswith("decoder_")]):
        raise InputError(f"tokens to shuffle: expected one sequence an item, 'input_ids'. Received: {other[0]!r} too")
    real = _real(inputs, ids)
    moving = real & ~np.isin(_array(ids), special)
    order = np.tile(np.arange(ids.shape[1]), (len(ids), 1))
    for k, keep in enumerate(moving):
        places = np.flatnonzero(keep)
        if pooling in ("first", "last"):
            places = places[places != np.flatnonzero(real[k])[0 if pooling == "first" else -1]]
        random = np.random.default_rng([seed, SHUFFLE, draw, start + k])
        order[k, places] = random.permutation(places)
    mixed = ids[np.arange(len(ids))[:, None], order]
    numbers = np.cumsum(real).reshape(real.shape) - 1
    rows = np.empty(int(real.sum()), dtype=np.int64)
    rows[np.take_along_axis(numbers, order, axis=1)[real]] = numbers[real]
    return (mixed if ids is inputs else {**inputs, "input_ids": mixed}), rows


def _real(inputs: Any, ids: Any) -> np.ndarray:
    """Return which places hold tokens and no padding, (items, places), as a mask of the inputs says."""
    for key, value in MASKS.items() if isinstance(inputs, Mapping) else ():
        if getattr(inputs.get(key), "ndim", 0) == 2:
            return _array(inputs[key]).astype(bool) == value
    return np.ones(tuple(ids.shape), dtype=bool)


def _array(values: Any) -> np.ndarray:
    return np.asarray(values.cpu() if hasattr(values, "cpu") else values)
