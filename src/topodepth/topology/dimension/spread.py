"""How much an estimate varies from sample to sample: intervals from disjoint parts of the one sample there is.

Neighbouring points share distances, so what they say of the dimension is not independent, and how much it is not
depends on the dimension and on the shape of the cloud. Resampling with replacement makes copies, whose distance is 0;
leaving points out moves an estimate by more than a new sample would. But disjoint parts, drawn at random, are
independent samples, only smaller; and the variance of log d falls as 1/n (``benchmarks/dimension_coverage.py``).
"""

from collections.abc import Callable

import numpy as np

from topodepth.homology import nearest_neighbours
from topodepth.statistics.intervals import t_quantile
from topodepth.topology.dimension.estimate import DimensionEstimate, count_once, joined

ROUNDING = 1e-8  # logarithms of distance ratios below it are noise of the distances
HALVINGS = 30
CONFIDENCE = 0.95

Estimator = Callable[[np.ndarray], float]  # distances to the k nearest, (m, k) ascending -> dimension


def near_dimension(
    points: np.ndarray, kept: np.ndarray | None, name: str, *, least: int, k: int, estimator: Estimator, seed: int,
    equal: str,
) -> DimensionEstimate:  # fmt: skip
    """Return an estimate from the distances to the k nearest neighbours, in which copies count once.

    Parameters
    ----------
    points, kept
        As for :func:`topodepth.topology.dimension.two_nn`.
    name, least
        Of the estimator, and how many points it asks for.
    k, estimator, seed
        As for :func:`near_estimate`.
    equal
        What is equally far where there is no dimension, for the note.
    """
    points, note = count_once(points, kept, least, name)
    n = len(points)
    if n < least:
        return DimensionEstimate(np.nan, np.nan, np.nan, n, note)
    value, low, high = near_estimate(points, k, estimator, seed)
    if np.isnan(value):
        note = joined(f"no dimension: {equal} equally far", note)
    return DimensionEstimate(value, low, high, n, note)


def near_estimate(points: np.ndarray, k: int, estimator: Estimator, seed: int) -> tuple[float, float, float]:
    """Return an estimate from the distances to the k nearest neighbours, and its interval; NaN where there is none.

    The sample is halved at random, again and again. Both halves have the estimator, whose logarithms differ by twice
    the variance at n/2, four times that at n.

    Parameters
    ----------
    points
        (n, d), distinct, n > k.
    k
        Neighbours that the estimator asks for. Without k + 1 points in each half there is no interval.
    estimator
        NaN where the distances allow no dimension.
    seed
        Of the halves.
    """
    n = len(points)
    reach = min(n - 1, enough(k))
    distances, indices = nearest_neighbours(points, k, reach)
    value = estimator(distances[:, :k])
    if n // 2 <= k or not np.isfinite(value):
        return value, np.nan, np.nan
    rng = np.random.default_rng([seed, 3])
    squares = []
    for _ in range(HALVINGS):
        half = rng.permutation(n) < n // 2
        near = within(distances, half[indices] == half[:, None], k)
        squares.append((np.log(estimator(near[half])) - np.log(estimator(near[~half]))) ** 2)
    return value, *log_interval(value, float(np.mean(squares)) / 4, HALVINGS)


def enough(k: int) -> int:
    """Return how many neighbours hold k of a point's own half, but once in some 100 000 times."""
    return int(2 * k + 6.5 * np.sqrt(k) + 18)


def within(distances: np.ndarray, own: np.ndarray, k: int) -> np.ndarray:
    """Return the distances to the k nearest of a point's own half, (n, k) ascending.

    Parameters
    ----------
    distances
        To the nearest, (n, reach) ascending.
    own
        Which of these belong to the point's half, (n, reach). A point with fewer than k has its last ones too.
    k
        How many.
    """
    missing = k - np.count_nonzero(own, axis=1)
    for row in np.flatnonzero(missing > 0):
        own[row, np.flatnonzero(~own[row])[-missing[row] :]] = True
    first = np.cumsum(own, axis=1, dtype=np.int32) <= k
    return distances[own & first].reshape(-1, k)


def log_interval(value: float, variance: float, freedom: int) -> tuple[float, float]:
    """Return the bounds of a dimension whose logarithm has that variance; NaN without any."""
    if not (variance > 0 and freedom > 0):
        return np.nan, np.nan
    factor = float(np.exp(t_quantile(CONFIDENCE, freedom) * np.sqrt(variance)))
    return value / factor, value * factor
