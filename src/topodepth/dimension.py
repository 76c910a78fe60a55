"""Intrinsic dimension of a point cloud: the persistent homological dimension and two cross-checks. NumPy only.

An estimator is called as ``estimator(points, seed=..., **settings)`` and returns a :class:`DimensionEstimate`. Adding
one = a function here with ``@register("name")``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from topodepth.clouds import check_cloud
from topodepth.errors import InputError
from topodepth.homology import squared_distance_matrix, subset_tree_lengths
from topodepth.registry import Registry

registry = Registry(__name__, "dimension estimator")
register = registry.register

PH_MIN_POINTS = 50
NEIGHBOUR_MIN_POINTS = 10


@dataclass(frozen=True)
class DimensionEstimate:
    """An estimated dimension.

    Attributes
    ----------
    value
        The dimension; NaN where the data allow none, and ``note`` says why.
    ci_low, ci_high
        Bounds of a 95 % interval; what it covers is told by the estimator. NaN with the value.
    n_points
        Number of points used.
    note
        Empty, or one sentence on why the value is undefined or to be read with care.
    """

    value: float
    ci_low: float
    ci_high: float
    n_points: int
    note: str

    @property
    def defined(self) -> bool:
        """Whether there is a value."""
        return bool(np.isfinite(self.value))


@dataclass(frozen=True)
class PHDimension(DimensionEstimate):
    """A persistent homological dimension and the line it comes from.

    Attributes
    ----------
    r_squared
        Share of the variance of log E_0^α (every draw) that the line in log n explains; NaN if all are equal.
    sizes
        Numbers of points n of the subsamples, (s,) ascending integers.
    lengths
        E_0^α of every subsample (weight 1), (s, draws).
    """

    r_squared: float
    sizes: np.ndarray
    lengths: np.ndarray


@register("ph_dimension")
def ph_dimension(
    points: np.ndarray,
    *,
    alpha: float = 1.0,
    sizes: Sequence[int] | None = None,
    draws: int = 10,
    seed: int = 0,
    bootstrap: int = 1000,
) -> PHDimension:
    """Return the persistent homological (H_0) fractal dimension."""
    points = check_cloud(points)
    n = len(points)
    sizes = _checked_sizes(sizes, n)
    rng = np.random.default_rng(seed)
    squares = squared_distance_matrix(points)
    lengths = np.array(
        [
            [np.sum(subset_tree_lengths(squares, np.sort(rng.permutation(n)[:m])) ** alpha) for _ in range(draws)]
            for m in sizes
        ]
    )
    value, r_squared, note = _dimension(sizes, lengths, alpha)
    picks = rng.integers(draws, size=(bootstrap, len(sizes), draws))
    slopes = np.polyfit(np.log(sizes), np.log(lengths)[np.arange(len(sizes))[:, None], picks].mean(-1).T, 1)[0]
    low, high = np.percentile(alpha / (1 - slopes), [2.5, 97.5])
    return PHDimension(value, float(low), float(high), n, note, r_squared, sizes, lengths)


def _checked_sizes(sizes, n):
    if n < PH_MIN_POINTS:
        raise InputError(f"PH dimension: expected at least {PH_MIN_POINTS} points. Received: {n}")
    if sizes is None:
        return np.linspace(n / 6, 0.98 * n, 8).astype(int)
    return np.asarray(sizes, dtype=int)


def _dimension(sizes, lengths, alpha):
    x, y = np.log(sizes), np.log(lengths)
    slope, intercept = np.polyfit(x, y.mean(axis=1), 1)
    residual = np.sum((y - intercept - slope * x[:, None]) ** 2)
    r2 = 1 - residual / np.sum((y - y.mean()) ** 2)
    if slope >= 1:
        return float("nan"), float(r2), "slope"
    return float(alpha / (1 - slope)), float(r2), ""
