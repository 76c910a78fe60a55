"""Numbers of single precision that stand for distances, in the same order."""

import numpy as np

FIRST = (
    0x00800000  # the bits of the least normal number; the float after a positive one has the bits of the next integer
)
BEYOND = float(np.finfo(np.float32).max)  # stands for a distance above the threshold
CELLS = 1 << 30  # equally wide, from the least distance to the longest
MOST = 0x7F7FFFFF - FIRST - CELLS  # different distances that surely find numbers below BEYOND
MARKS = 1 << 25  # at most, and eight for each distance: a cell shares its mark with others
BLOCK = 1 << 18  # distances at a time, in cache


class Keys:
    """Numbers of single precision for distances up to the longest that counts, in their order, equal ones for equal.

    A distance gets the number of its cell. Few cells hold several different distances: those after the first take the
    next free numbers, and so does who is in the way. Only these few are looked up one by one; ranks for all, which
    would do as well, need a sort with places, of ten times the time.

    Parameters
    ----------
    values
        Distances, (k,), not negative.
    longest
        The longest that counts.

    Raises
    ------
    ValueError
        If more than MOST different distances count.
    """

    def __init__(self, values: np.ndarray, longest: float) -> None:
        blocks = (values[start : start + BLOCK] for start in range(0, len(values), BLOCK))
        ordered = np.concatenate([block[block <= longest] for block in blocks])
        if not len(ordered):
            ordered = np.zeros(1)
        ordered.sort()
        kept = np.append(True, ordered[1:] > ordered[:-1])
        self.lengths = ordered if kept.all() else ordered[kept]  # all different distances that count
        del ordered, kept
        if len(self.lengths) > MOST:
            raise ValueError(f"expected at most {MOST} different distances. Received: more")
        self._longest = longest
        self._low, span = float(self.lengths[0]), float(self.lengths[-1] - self.lengths[0])
        with np.errstate(over="ignore", divide="ignore"):
            self._scale = min(float(np.float64(CELLS) / span), np.finfo(float).max)

    def write_over(self, values: np.ndarray) -> float:
        """Put their numbers in the place of distances, and BEYOND where one is too long to count.

        Returns
        -------
        float
            The number of the longest distance that counts.
        """
        cells = self._cells(self.lengths)
        keys = _increasing(cells)
        moved = np.flatnonzero(keys != cells)
        coarse = (CELLS // min(MARKS, 8 * len(cells))).bit_length()
        marks = np.zeros((CELLS >> coarse) + 1, dtype=np.bool)
        marks[cells[moved] >> coarse] = True
        last, lengths, keys = float(_numbers(keys[-1:])[0]), np.append(self.lengths[moved], np.inf), keys[moved]
        del cells
        for start in range(0, len(values), BLOCK):
            block = values[start : start + BLOCK]
            kept = np.flatnonzero(block <= self._longest)
            distances = block[kept]
            cells = self._cells(distances)
            suspects = np.flatnonzero(marks[cells >> coarse])
            places = np.searchsorted(lengths, distances[suspects])
            is_moved = lengths[places] == distances[suspects]
            cells[suspects[is_moved]] = keys[places[is_moved]]
            block.fill(BEYOND)
            block[kept] = _numbers(cells)
        return last

    def looked_up(self, diagrams: list[np.ndarray]) -> list[np.ndarray]:
        """Return bars of numbers as bars of distances, where 0 and inf stay.

        Raises
        ------
        ValueError
            If one is no distance's number, or no birth is before its death.
        """
        keys = _increasing(self._cells(self.lengths))
        found = []
        for bars in diagrams:
            with np.errstate(invalid="ignore", over="ignore"):
                wanted = bars.astype(np.float32).view(np.int32).astype(np.int64) - FIRST
            places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            is_kept = (bars == 0) | np.isposinf(bars)
            if not (is_kept | (keys[places] == wanted)).all() or not (bars[:, 0] < bars[:, 1]).all():
                raise ValueError("expected births before deaths, at distances that there are. Received: others")
            found.append(np.where(is_kept, bars, self.lengths[places]))
        return found

    def _cells(self, values: np.ndarray) -> np.ndarray:
        """Return the cells of distances that count, from 0 to CELLS."""
        cells = values - self._low
        cells *= self._scale
        return np.minimum(cells, CELLS).astype(np.int32)


def _increasing(cells: np.ndarray) -> np.ndarray:
    """Return keys of ascending cells: the cell, or the next key that is free."""
    places = np.arange(len(cells), dtype=np.int32)
    cells = cells - places
    return np.maximum.accumulate(cells, out=cells) + places


def _numbers(keys: np.ndarray) -> np.ndarray:
    return (keys + FIRST).astype(np.int32).view(np.float32)
