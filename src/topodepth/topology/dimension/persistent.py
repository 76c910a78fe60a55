"""The persistent homological dimension: how the spanning tree of more and more points grows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np

from topodepth.errors import InputError
from topodepth.homology import (
    SubsetTrees,
    device_subset_trees,
    minimum_spanning_tree_lengths,
    squared_distance_matrix,
)
from topodepth.jobs import memory
from topodepth.statistics.intervals import t_quantile
from topodepth.topology.dimension.calibration import UNKNOWN, truth
from topodepth.topology.dimension.estimate import DimensionEstimate, check_whole, count_once, joined, register
from topodepth.topology.dimension.spread import CONFIDENCE

# indices of points, and those of subsets of them -> edge lengths of the spanning tree of each subset
Trees = Callable[[np.ndarray, list[np.ndarray]], Iterable[np.ndarray]]

PH_MIN_POINTS = 50
# The interval's disjoint parts of the sample have about 8 √n points each: from some 150 on the slope's variance falls
# as 1/n. The sample is cut anew until the variance has so many degrees of freedom.
PART_ROOTS, FREEDOM = 8, 12


@dataclass(frozen=True, repr=False)
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

    def _details(self) -> list[str]:
        return [f"R² {self.r_squared:.4f}"]


@register("ph_dimension", tensors=True)
def ph_dimension(
    points: np.ndarray,
    *,
    alpha: float = 1.0,
    sizes: Sequence[int] | np.ndarray | None = None,
    draws: int = 10,
    seed: int = 0,
    kept: np.ndarray | None = None,
) -> PHDimension:
    """Return the persistent homological dimension for H_0.

    For n points drawn from a d-dimensional measure and 0 < α < d, E_0^α(n), the sum of the lengths of the minimum
    spanning tree's edges to the power α, grows as n^((d − α)/d). So d = α / (1 − m), where m is the slope of
    log E_0^α against log n: here the least-squares line through the mean log E_0^α of ``draws`` random subsamples of
    each size.

    Parameters
    ----------
    points
        Shape (n, d), n ≥ 50. Copies count once: they would flatten the growth.
    alpha
        Power α > 0. It must lie below the dimension sought.
    sizes
        Numbers of points of the subsamples, ascending, at least two; those beyond the number of points without copies
        become that. ``None``: eight from n/6 to 0.98 n, evenly.
    draws
        Subsamples of each size, drawn without replacement.
    seed
        Seed of the draws.
    kept
        Indices of the points that count. ``None``: those that :func:`topodepth.topology.clouds.distinct_rows` finds;
        give them where the points were scaled since they were computed.

    Returns
    -------
    PHDimension
        NaN with a note where the slope allows no dimension (m ≥ 1: E_0^α grows as fast as the number of points) or
        fewer than 50 points are left without copies. A slope m ≤ 0 gives a value of at most α, outside the law's
        range: the value stands and the note says so.

    Raises
    ------
    InputError
        If there are fewer than 50 points, or points, sizes or settings are out of their range; if the distances of
        all points would not fit into memory.

    Notes
    -----
    What the interval covers: the scatter of this estimator over independent samples of n points, and nothing else.
    Draws of one sample overlap, so resampling them gives intervals too narrow (a standard error of 0.63 to 0.73 of the
    true one). Therefore the sample is cut into disjoint parts, several times over; the same estimator, with as many
    draws, runs on each part with sizes in proportion. The parts are independent samples, so the variance of their
    slopes, times the part's share of the points, is that of the whole sample's slope. Not covered: the bias, low in
    high dimension; of a circle the estimate is a few per cent high, and the interval may exclude 1. More draws do not
    change that. With the default ``alpha`` and ``sizes`` and 200 points or more its size is told.
    ``benchmarks/dimension_coverage.py`` makes the table in docs/accuracy.md.

    References
    ----------
    Schweinhart (2020), Fractal dimension and the persistent homology of random geometric complexes, Adv. Math. 372.
    Adams et al. (2020), A fractal dimension for measures via persistent homology, Abel Symposia 15.
    """
    count, usual = len(points), sizes is None
    points, note = count_once(points, kept, PH_MIN_POINTS, "PH dimension")
    n = len(points)
    _check_number("alpha", alpha)
    check_whole("draws", draws, 1)
    sizes = np.unique(np.minimum(_subsample_sizes(sizes, n if sizes is None else count), n))
    if n < PH_MIN_POINTS or len(sizes) < 2:
        if n >= PH_MIN_POINTS:
            note = joined("no dimension: at least two sizes of subsamples are needed, one is left", note)
        return PHDimension(np.nan, np.nan, np.nan, n, note, np.nan, sizes, np.full((len(sizes), draws), np.nan))
    rng = np.random.default_rng(seed)
    memory.require(memory.dimension_memory_estimate(*points.shape), f"PH dimension of {n} points")
    trees = _spanning_trees(points)
    lengths = _subsample_lengths(trees, np.arange(n), sizes, alpha=alpha, draws=draws, rng=rng)
    slope, r_squared = _fit(sizes, lengths)
    if not slope < 1:
        note = joined("no dimension: the slope of log E_0 in log n is not below 1", note)
        return PHDimension(np.nan, np.nan, np.nan, n, note, r_squared, sizes, lengths)
    if slope <= 0:
        note = joined(f"slope {slope:.3g} is not positive: the dimension is at most about alpha = {alpha:g}", note)
    low = high = np.nan
    variance, freedom = _slope_variance(trees, n, sizes, alpha=alpha, draws=draws, rng=rng)
    if variance > 0:
        half = t_quantile(CONFIDENCE, freedom) * float(np.sqrt(variance))
        low, high = _dimension(slope - half, alpha), _dimension(slope + half, alpha)
    value = _dimension(slope, alpha)
    known = truth("ph_dimension", value, low, high, n) if alpha == 1 and usual else UNKNOWN
    return PHDimension(value, low, high, n, note, r_squared, sizes, lengths, **known._asdict())


def _dimension(slope: float, alpha: float) -> float:
    """Return α / (1 − m), which has no upper bound once the slope reaches 1."""
    return float(alpha / (1 - slope)) if slope < 1 else float("inf")


def _subsample_sizes(sizes: Sequence[int] | np.ndarray | None, n: int) -> np.ndarray:
    if sizes is None:
        return np.linspace(n / 6, 0.98 * n, 8).round().astype(np.int64)
    array = np.asarray(sizes)
    whole = array.ndim == 1 and len(array) >= 2 and np.issubdtype(array.dtype, np.integer)
    if not (whole and array[0] >= 2 and (np.diff(array) > 0).all()):
        raise InputError(f"sizes: expected at least two whole numbers from 2, ascending. Received: {sizes!r}")
    if array[-1] > n:
        raise InputError(f"sizes: expected at most the number of points, {n}. Received: {int(array[-1])}")
    return array.astype(np.int64)


def _spanning_trees(points: np.ndarray) -> Trees:
    """Return what gives the edge lengths of subsamples' spanning trees; subsamples share one matrix if it is small."""
    trees = device_subset_trees(points)
    if trees is not None:
        return trees
    if len(points) > memory.MATRIX_POINTS:
        return lambda _, subsets: (minimum_spanning_tree_lengths(points[subset]) for subset in subsets)
    return SubsetTrees(squared_distance_matrix(points)).of_many


def _subsample_lengths(
    trees: Trees, members: np.ndarray, sizes: np.ndarray, *, alpha: float, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Return E_0^α of random subsamples of ``members``, (s, draws)."""
    subsets = [np.sort(rng.choice(members, size=size, replace=False)) for size in sizes for _ in range(draws)]
    lengths = [np.sum(edges[edges > 0] ** alpha) for edges in trees(members, subsets)]
    return np.array(lengths).reshape(len(sizes), draws)


def _fit(sizes: np.ndarray, lengths: np.ndarray) -> tuple[float, float]:
    """Return the least-squares slope of log lengths in log sizes, and R²; NaN if a length is 0."""
    if not (lengths > 0).all():
        return np.nan, np.nan
    x, y = np.log(sizes), np.log(lengths)
    x, y = x - x.mean(), y - y.mean()
    slope = float(x @ y.mean(axis=1) / (x @ x))
    total = float(np.sum(y**2))
    residual = float(np.sum((y - slope * x[:, None]) ** 2))
    return slope, 1 - residual / total if total > 0 else np.nan


def _slope_variance(
    trees: Trees, n: int, sizes: np.ndarray, *, alpha: float, draws: int, rng: np.random.Generator
) -> tuple[float, int]:
    """Return the variance of the slope between samples of n points, and its degrees of freedom; NaN if unknown.

    The slopes of disjoint parts of the sample, with sizes in proportion, are those of independent samples. Their
    variance, of the chance of the draws too, times the share of points that a part has is that of the whole sample.
    """
    parts = max(2, round(np.sqrt(n) / PART_ROOTS))
    variances = []
    for _ in range(-(-FREEDOM // (parts - 1))):
        slopes = []
        for part in np.array_split(rng.permutation(n), parts):
            scaled = np.unique(np.maximum(2, sizes * len(part) // n))
            if len(scaled) >= 2:
                lengths = _subsample_lengths(trees, part, scaled, alpha=alpha, draws=draws, rng=rng)
                slopes.append(_fit(scaled, lengths)[0])
        if len(slopes) == parts and np.isfinite(slopes).all():
            variances.append(float(np.var(slopes, ddof=1)))
    return float(np.mean(variances)) / parts if variances else np.nan, len(variances) * (parts - 1)


def _check_number(name: str, value: object) -> None:
    if not (isinstance(value, Real) and 0 < float(value) < np.inf):
        raise InputError(f"{name}: expected a positive number. Received: {value!r}")
