"""Near points of all points of a cloud at once: one pass over half of its matrix of distances, tile by tile.

Below n²/2 distances of n points some n · SAMPLED are wanted, and which is known by a threshold for each pair. A tile
is one product of matrices, small enough to stay in cache; blocks of rows are shared out to as many
threads as BLAS may use, each of which multiplies by itself.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from topodepth.homology.boruvka import Edges, joined_edges
from topodepth.homology.distances import Cloud, squared_norms, squares_between
from topodepth.jobs import memory

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

SAMPLED = 12  # one point of so many is in the sample; a point has on average about so many points below its threshold
CROWDED = 64  # so many near points of a point are no longer near: the precision cannot tell them apart
ROWS, COLUMNS = 512, 4096  # of a tile
NONE = -np.inf  # the threshold of pairs that are not wanted

Places = np.ndarray | slice
IsNear = Callable[[np.ndarray], np.ndarray]  # from the squared distances of a tile to which of them are wanted


class CrowdedError(Exception):
    """The precision does not tell enough of the points apart."""


class Row(NamedTuple):
    """Points in a row, with a threshold for every pair: the greatest of those of both and of all gaps between them.

    Attributes
    ----------
    order
        The points, (k,).
    own
        Threshold of each, (k,), or NONE.
    gaps
        Threshold between each and the one before it, (k,), or NONE.
    known
        Pairs below this of one of their points are known and need not be found, (k,), or NONE.
    """

    order: np.ndarray
    own: np.ndarray
    gaps: np.ndarray
    known: np.ndarray


class NearPairs:
    """Searches of the distances of a cloud.

    Parameters
    ----------
    cloud
        Distinct points, n ≥ 2, in random order: the first ones are the sample.
    precision
        np.float32 or np.float64, of all products. Thresholds are given in it.
    """

    def __init__(self, cloud: Cloud, precision: type = np.float32) -> None:
        self.cloud, self.precision = cloud, precision
        self.sampled = max(2, len(cloud) // SAMPLED)
        self.factors, self.columns = lowered(cloud, precision)

    def nearest_of_sample(self) -> tuple[np.ndarray, np.ndarray]:
        """Return for every point the nearest of the sample but itself, and a number just above its squared distance.

        Returns
        -------
        nearest, thresholds : ndarray
            (n,) each.
        """
        n, sample = len(self.cloud), self.columns[: self.sampled].T

        def nearest_of(start: int) -> tuple[np.ndarray, np.ndarray]:
            squares = self.factors[start : start + ROWS] @ sample
            np.fill_diagonal(squares[:, start:], np.inf)  # a point of the sample itself
            nearest = squares.argmin(axis=1)
            exact = squares_between(self.cloud, np.arange(start, start + len(squares)), nearest)
            return nearest, np.maximum(squares[np.arange(len(squares)), nearest], exact)

        with _threads() as (pool, _):
            parts = list(pool.map(nearest_of, range(0, n, ROWS)))
        nearest, least = (np.concatenate(column) for column in zip(*parts, strict=True))
        return nearest, above(least, self.precision)

    def below(self, rows: Iterable[Row]) -> Edges:
        """Return the pairs of each row that are nearer than their threshold, and some that are a little farther.

        No pair is missed but those that are known: tiles are never above the true squared distances
        (:func:`lowered`), so that every pair below its threshold lies below it in its tile.

        Raises
        ------
        CrowdedError
            If they are more than CROWDED · n.
        """
        room = _Room(CROWDED * len(self.cloud))
        with _threads() as (pool, threads):
            width = min(COLUMNS, max(ROWS, memory.STRIP_BYTES // (self.factors.itemsize * ROWS * threads)))
            search = partial(self._of_block, room, width)
            blocks = [
                (points, start) for points in map(self._lined_up, rows) for start in range(0, len(points.factors), ROWS)
            ]
            return joined_edges([pairs for found in pool.map(lambda block: search(*block), blocks) for pairs in found])

    def _lined_up(self, row: Row) -> "_LinedUp":
        return _LinedUp(row, self.factors[row.order], self.columns[row.order])

    def _of_block(self, room: "_Room", width: int, points: "_LinedUp", start: int) -> list[Edges]:
        """Return the pairs of the points of a block with one another, and with those that come later in their row."""
        row = points.row
        block = slice(start, min(start + ROWS, len(row.order)))
        found = []
        if max(row.own[block].max(), row.gaps[block][1:].max(initial=NONE)) > NONE:
            within = partial(_below_within, own=row.own[block], gaps=row.gaps[block])
            found.append(self._of_tile(room, points, block, block, within))
        lower, upper = _thresholds_beyond(row, block)
        rows = np.flatnonzero(row.known[block] < np.maximum(lower, upper.max(initial=NONE)))
        columns = np.flatnonzero(row.known[block.stop :] < np.maximum(upper, lower.max()))
        for left in range(0, len(columns) if len(rows) else 0, width):
            part = columns[left : left + width]
            near = partial(_below, lower=lower[rows], upper=upper[part])
            found.append(self._of_tile(room, points, _places(start + rows), _places(block.stop + part), near))
        return found

    def _of_tile(self, room: "_Room", points: "_LinedUp", rows: Places, columns: Places, is_near: IsNear) -> Edges:
        """Return the near pairs of a tile."""
        near = is_near(points.factors[rows] @ points.columns[columns].T)
        room.take(int(np.count_nonzero(near)))
        firsts, seconds = np.divmod(np.flatnonzero(near), near.shape[1])
        first, second = points.row.order[rows][firsts], points.row.order[columns][seconds]
        return squares_between(self.cloud, first, second), first, second


class _LinedUp(NamedTuple):
    """Factors and columns in the order of a row."""

    row: Row
    factors: np.ndarray
    columns: np.ndarray


class _Room:
    """Room for so many pairs, of all tiles together."""

    def __init__(self, most: int) -> None:
        self.left, self.lock = most, Lock()

    def take(self, pairs: int) -> None:
        """Take room for the pairs of a tile, or raise."""
        with self.lock:
            self.left -= pairs
        if self.left < 0:
            raise CrowdedError


@contextmanager
def _threads() -> Iterator[tuple["ThreadPoolExecutor", int]]:
    """Yield as many threads as BLAS may use, and their number; meanwhile a product uses the one that asks for it."""
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import ThreadpoolController

    controller = ThreadpoolController()
    number = max((library["num_threads"] for library in controller.info() if library["user_api"] == "blas"), default=1)
    with controller.limit(limits=1, user_api="blas"), ThreadPoolExecutor(number) as pool:
        try:
            yield pool, number
        except BaseException:  # an interrupt too waits for what is being multiplied only
            pool.shutdown(cancel_futures=True)
            raise


def above(squares: np.ndarray, precision: type) -> np.ndarray:
    """Return numbers of a precision just above numbers; NONE stays."""
    return np.where(squares == NONE, precision(NONE), np.nextafter(squares.astype(precision), precision(np.inf)))


def lowered(cloud: Cloud, precision: type) -> tuple[np.ndarray, np.ndarray]:
    """Return factors and columns, (n, d + 2): their products are squared distances, and never above the true ones.

    The norms in them are lowered by more than a product can be rounded, (d + 4) units of |x|² + |y|² at its d + 2
    terms, and by as much again for the rounding of centred points, at most four units of float64; and by more than can
    vanish below the least number.
    """
    n, d = cloud.centred.shape
    limits = np.finfo(precision)
    norms = squared_norms(cloud.centred) * (1 - 2 * (d + 4) * float(limits.eps)) - 4 * (d + 2) * float(limits.tiny)
    factors, columns = np.empty((n, d + 2), precision), np.empty((n, d + 2), precision)
    np.multiply(cloud.centred, -2, out=factors[:, :d], casting="same_kind")
    columns[:, :d] = cloud.centred
    factors[:, d] = columns[:, d + 1] = 1
    factors[:, d + 1] = columns[:, d] = norms
    return factors, columns


def _below_within(squares: np.ndarray, *, own: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Return which entries of a tile on the diagonal lie below the threshold of their pair, each pair once."""
    earlier = np.tri(len(own), dtype=np.bool)
    near = _below(squares, lower=own, upper=own)
    if gaps[1:].max(initial=NONE) > NONE:
        near |= squares < np.maximum.accumulate(np.where(earlier, NONE, gaps), axis=1)
    return near & ~earlier


def _thresholds_beyond(row: Row, block: slice) -> tuple[np.ndarray, np.ndarray]:
    """Return what every point of a block, and every later one, asks for; the threshold of a pair is the greater."""
    gaps = np.maximum.accumulate(np.append(row.gaps.dtype.type(NONE), row.gaps[block.start + 1 : block.stop][::-1]))[
        ::-1
    ]
    later = slice(block.stop, None)
    return np.maximum(row.own[block], gaps), np.maximum(row.own[later], np.maximum.accumulate(row.gaps[later]))


def _below(squares: np.ndarray, *, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Return which entries of a tile lie below what their row or column asks for; mostly one tells for both."""
    if upper.max() <= lower.min():
        return squares < lower[:, None]
    near = squares < upper
    if lower.max() > upper.min():
        near |= squares < lower[:, None]
    return near


def _places(indices: np.ndarray) -> Places:
    """Return ascending places as a slice where none is left out, which needs no copy."""
    whole = len(indices) and indices[-1] - indices[0] < len(indices)
    return slice(indices[0], indices[-1] + 1) if whole else indices
