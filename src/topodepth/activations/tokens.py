"""Tokens as points: a seeded sample of a stream of them, and the same tokens in another order, for the null model."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from topodepth.errors import InputError
from topodepth.networks.torch_pooling import MASKS


class TokenSample:
    """A sample of at most so many tokens of a stream, each as likely as any other (Vitter 1985, algorithm R).

    Which tokens are drawn depends on the seed and their place in the stream, and not on the batches they come in.

    Parameters
    ----------
    most
        Tokens to keep; all that come if None.
    seed
        Of the draw.
    """

    def __init__(self, most: int | None, seed: int = 0) -> None:
        if most is not None and most < 1:
            raise InputError(f"tokens: expected at least 1 to keep. Received: {most}")
        self._most, self._seen = most, 0
        self._random = np.random.default_rng([seed, 0x70C])

    @property
    def size(self) -> int:
        """Tokens kept so far."""
        return self._seen if self._most is None else min(self._most, self._seen)

    def take(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw from the next n tokens of the stream.

        Returns
        -------
        tuple of ndarray
            Which of them are kept, and the row of the sample that each goes to, ascending; a row that was taken before
            is taken over.
        """
        places = np.arange(self._seen, self._seen + n)
        rows = places if self._most is None else self._rows(places)
        self._seen += n
        kept = np.flatnonzero(rows >= 0)
        last = {int(rows[k]): int(k) for k in kept}  # of two tokens for one row, the later
        order = sorted(last)
        return np.array([last[row] for row in order], dtype=np.int64), np.array(order, dtype=np.int64)

    def _rows(self, places: np.ndarray) -> np.ndarray:
        """Return the row that each place of the stream takes over; −1 if none."""
        drawn = np.floor(self._random.random(len(places)) * (places + 1)).astype(np.int64)
        return np.where(places < self._most, places, np.where(drawn < self._most, drawn, -1))


def shuffled(inputs: Any, seed: int, start: int = 0) -> Any:
    """Return inputs with the real tokens of each item in another order: what has the same words, and no sentences.

    The points of a network on them are the null model that the literature on token clouds uses, such as Viswanathan et
    al. (2025).

    Parameters
    ----------
    inputs
        Tokens (items, places), whole numbers, an array or a tensor; or a map with them as ``input_ids``, and a mask.
    seed, start
        Each item has an order of its own, given by the seed and its place in the data, the first of these at ``start``.

    Raises
    ------
    InputError
        If there are no tokens.
    """
    ids: Any = inputs.get("input_ids") if isinstance(inputs, Mapping) else inputs
    if getattr(ids, "ndim", 0) != 2 or "int" not in str(ids.dtype):
        received = f"{ids.dtype} {tuple(ids.shape)}" if hasattr(ids, "dtype") else type(inputs).__name__
        raise InputError(f"tokens to shuffle: expected whole numbers (items, places). Received: {received}")
    real = np.ones(tuple(ids.shape), dtype=bool)
    for key, value in MASKS.items() if isinstance(inputs, Mapping) else ():
        if inputs.get(key) is not None:
            real = np.asarray(inputs[key].cpu() if hasattr(inputs[key], "cpu") else inputs[key]).astype(bool) == value
            break
    order = np.tile(np.arange(ids.shape[1]), (len(ids), 1))
    for k, keep in enumerate(real):
        order[k, keep] = np.random.default_rng([seed, start + k]).permutation(order[k, keep])
    mixed = ids[np.arange(len(ids))[:, None], order]
    return mixed if ids is inputs else {**inputs, "input_ids": mixed}
