"""Near points of all points of a cloud at once: one pass over half of its matrix of distances, tile by tile.

Below n²/2 distances of n points some n · SAMPLED are wanted, and which is known by a threshold for each point: its
distance to the nearest of a small random sample. Every entry of a tile is compared with the thresholds of both its
points. A tile is one product of matrices in single precision, small enough to stay in cache; tiles are shared out to
as many threads as BLAS may use, each of which multiplies by itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from topodepth.homology.distances import Cloud, squared_norms, squares_between
from topodepth.jobs import memory

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

SAMPLED = 12  # one point of so many is in the sample; a point has on average about so many points below its threshold
CROWDED = 128  # so many near points of a point are no longer near: single precision cannot tell them apart
ROWS, COLUMNS = 512, 4096  # of a tile


def near_pairs(cloud: Cloud) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """Return pairs of near points, and for every point a bound below the distance of all others.

    Why no pair is missed. Tiles are never above the true squared distances (:func:`lowered`), so every pair that is
    nearer than the threshold of one of its points lies below it in its tile, and is returned. The threshold of a point
    is above the distance, from float64, of one point, so each has at least one pair not longer than its bound.

    Parameters
    ----------
    cloud
        Distinct points, n ≥ 2, in random order: the first ones are the sample.

    Returns
    -------
    tuple of ndarray, or None
        Squared distances in float64 from the differences of the points, and two points, of each pair, (m,); and the
        squared bound of each point, (n,). None where single precision cannot tell the points apart.
    """
    factors, columns = lowered(cloud, np.float32)
    with _threads() as (pool, threads):
        thresholds = _thresholds(cloud, factors, columns, pool)
        found = []
        for pairs in pool.map(lambda tile: _pairs(factors, columns, thresholds, *tile), _tiles(len(cloud), threads)):
            if pairs is None:
                pool.shutdown(cancel_futures=True)
                return None
            found.append(pairs)
    first, second = (np.concatenate(ends) for ends in zip(*found, strict=True))
    return squares_between(cloud, first, second), first, second, thresholds.astype(np.float64)


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


def _thresholds(cloud: Cloud, factors: np.ndarray, columns: np.ndarray, pool: "ThreadPoolExecutor") -> np.ndarray:
    """Return a number just above the squared distance of every point to the nearest of the sample, (n,) float32."""
    n = len(cloud)
    sample = columns[: max(2, n // SAMPLED)]

    def nearest_of(start: int) -> tuple[np.ndarray, np.ndarray]:
        squares = factors[start : start + ROWS] @ sample.T
        np.fill_diagonal(squares[:, start:], np.inf)  # a point of the sample itself
        nearest = squares.argmin(axis=1)
        return nearest, squares[np.arange(len(squares)), nearest]

    parts = pool.map(nearest_of, range(0, n, ROWS))
    nearest, least = (np.concatenate(column) for column in zip(*parts, strict=True))
    exact = squares_between(cloud, np.arange(n), nearest)
    return np.nextafter(np.maximum(least, exact).astype(np.float32), np.float32(np.inf))


def _tiles(n: int, threads: int) -> list[tuple[slice, slice]]:
    """Return the tiles on and above the diagonal, which all threads together hold within the memory for a strip."""
    width = min(COLUMNS, max(ROWS, memory.STRIP_BYTES // (2 * 4 * ROWS * threads)))
    return [
        (slice(start, min(start + ROWS, n)), slice(place, min(place + width, n)))
        for start in range(0, n, ROWS)
        for place in range(start, n, width)
    ]


def _pairs(
    factors: np.ndarray, columns: np.ndarray, thresholds: np.ndarray, rows: slice, others: slice
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the pairs of a tile that lie below a threshold of theirs; None if they are more than its share of all."""
    squares = factors[rows] @ columns[others].T
    if rows.start == others.start:
        squares[np.tri(*squares.shape, dtype=np.bool)] = np.inf
    near = squares < thresholds[rows, None]
    near |= squares < thresholds[others]
    if np.count_nonzero(near) > CROWDED * near.size / len(factors):
        return None
    first, second = np.divmod(np.flatnonzero(near), near.shape[1])
    return first + rows.start, second + others.start
