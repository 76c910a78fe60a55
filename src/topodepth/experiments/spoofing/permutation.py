"""The permutation test of two clouds: statistics from distances computed once, and p corrected for many tests."""

from collections.abc import Mapping

import numpy as np

from topodepth.experiments.spoofing.settings import SpoofSettings
from topodepth.homology import SubsetTrees, distance_matrix, persistence_diagrams, squared_distance_matrix
from topodepth.tables.dimensions import PH_DIMENSION
from topodepth.tables.values import Key, values_of
from topodepth.topology import dimension
from topodepth.topology.clouds import WHOLE, originals
from topodepth.topology.diagrams import Diagrams
from topodepth.topology.dimension.scales import ORDERS, likeliest

ROUNDING = 1e-7  # permutations of the same clouds give the same difference up to rounding


def of_distances(matrix: np.ndarray, *, max_dim: int, engine: str) -> list[np.ndarray]:
    """Return the persistence diagrams of a cloud from its distances."""
    return persistence_diagrams(distances=matrix, max_dim=max_dim, engine=engine)


class Statistics:
    """What the test compares, of any n of the pooled points.

    The distances of all 2n points are computed once and taken apart; the positions of the subsamples behind PHdim are
    drawn once, so that a statistic depends on nothing but the points it is given.

    Parameters
    ----------
    pooled, scaled
        Points of both clouds, (2n, d), as the estimators and as the descriptors take them.
    estimates
        Estimates of one cloud: which estimators there are, and PHdim's numbers of points.
    settings
        What is compared, and how.
    """

    def __init__(
        self,
        pooled: np.ndarray,
        scaled: np.ndarray,
        estimates: Mapping[Key, dimension.DimensionEstimate],
        settings: SpoofSettings,
    ) -> None:
        self.points, self.squares = pooled, squared_distance_matrix(pooled)
        self.trees = SubsetTrees(self.squares)
        self.matrix = distance_matrix(scaled)
        self.settings = settings
        self.identity = originals(pooled)
        self.estimators = list(estimates)
        self.subsamples: dict[int, list[np.ndarray]] = {}
        estimate = estimates.get(PH_DIMENSION)
        if isinstance(estimate, dimension.PHDimension):
            sizes, rng = estimate.sizes.tolist(), np.random.default_rng([settings.seed, 3])
            for size in sizes:
                # large subsamples of one cloud are nearly the same points: a few of them tell as much
                count = max(1, round(settings.test_draws * sizes[0] / size))
                chosen = [rng.choice(len(pooled) // 2, size, replace=False) for _ in range(count)]
                self.subsamples[size] = [np.sort(positions) for positions in chosen]

    def __call__(self, members: np.ndarray) -> dict[Key, float]:
        """Return every statistic of the cloud of these points."""
        found: dict[Key, float] = {}
        for name, degree in self.estimators:
            options = self.settings.parameters.get(name, {})
            if (name, degree) == PH_DIMENSION:
                value = self._slope(members, **options)
            elif name == "two_nn":
                value = self._two_nn(members, **options)
            elif name == "mle":
                value = self._mle(members, **options)
            elif name in ORDERS:
                value = self._gride(members, ORDERS[name])
            else:
                value = dimension.registry.get(name)(self.points[members], seed=self.settings.seed, **options).value
            found[name, degree] = value
        limit, max_dim = self.settings.test_points, self.settings.max_dim
        if max_dim and len(members) > limit:
            return found | self._described(members[:limit], max_dim) | self._described(members, 0)
        return found | self._described(members, max_dim)

    def _described(self, members: np.ndarray, max_dim: int) -> dict[Key, float]:
        """Return every descriptor in every homology dimension of these points."""
        names, parameters = self.settings.descriptors, self.settings.parameters
        if not names:
            return {}
        distances = self.matrix[np.ix_(members, members)]
        found = Diagrams({WHOLE: of_distances(distances, max_dim=max_dim, engine=self.settings.engine)})
        return {each.key: each.data[WHOLE] for each in values_of(found, names, parameters)}

    def _slope(self, members: np.ndarray, *, alpha: float = 1.0, **_: object) -> float:
        """Return the slope of log E_0^α in log n, NaN without subsamples or where their points coincide."""
        if not self.subsamples:
            return np.nan
        means = []
        for subsamples in self.subsamples.values():
            trees = [self.trees.lengths(members[positions]) for positions in subsamples]
            sums = np.array([np.sum(edges[edges > 0] ** alpha) for edges in trees])
            means.append(np.log(sums).mean() if (sums > 0).all() else np.nan)
        return line(np.log(list(self.subsamples)), np.array(means))[0]

    def _two_nn(self, members: np.ndarray, *, discard: float = 0.1) -> float:
        """Return the mean log μ without the largest: for all ratios the inverse of the dimension."""
        near = self._log_neighbours(members, 2)
        ratios = np.sort(near[:, 1] - near[:, 0])
        return float(ratios[: max(2, int(len(ratios) * (1 - discard)))].mean())

    def _mle(self, members: np.ndarray, *, neighbours: int = 20) -> float:
        """Return the inverse of the maximum-likelihood dimension."""
        near = self._log_neighbours(members, neighbours)
        return float((near[:, -1:] - near[:, :-1]).mean())

    def _gride(self, members: np.ndarray, order: int) -> float:
        """Return the GRIDE dimension, without its interval."""
        return likeliest(np.exp(self._log_neighbours(members, 2 * order)), order)

    def _log_neighbours(self, members: np.ndarray, k: int) -> np.ndarray:
        """Return the logarithms of the distances of every distinct point to its k nearest others, ascending."""
        distinct = members[np.unique(self.identity[members], return_index=True)[1]]
        if len(distinct) <= k:
            return np.full((1, k), np.nan)
        squares = self.squares[np.ix_(distinct, distinct)]
        np.fill_diagonal(squares, np.inf)
        squares.partition(k - 1, axis=1)
        return 0.5 * np.log(np.sort(squares[:, :k], axis=1))


def permuted_differences(test: Statistics, size: int, permutations: int, seed: int) -> dict[Key, np.ndarray]:
    """Return the difference of every statistic, (1 + permutations,): as observed, then under each permutation."""

    def difference(order: np.ndarray) -> dict[Key, float]:
        one, other = test(order[:size]), test(order[size:])
        return {key: one[key] - other[key] for key in one}

    order = np.arange(2 * size)
    rng = np.random.default_rng([seed, 4])
    found = [difference(order), *(difference(rng.permutation(order)) for _ in range(permutations))]
    return {key: np.array([differences[key] for differences in found]) for key in found[0]}


def p_value(differences: np.ndarray) -> float:
    """Return the two-sided p of the first of these differences; NaN if that is undefined."""
    return float(step_down(differences[None])[0]) if np.isfinite(differences[0]) else np.nan


def step_down(differences: np.ndarray) -> np.ndarray:
    """Return p of m tests, (m,), corrected for their number by the step-down maximum (of one test, its own p).

    The largest observed difference is compared with the largest of all tests in each permutation, the next with the
    largest of all but the first, and so on. As all tests share the permutations, what depends on each other (layers of
    one network) costs little, and p can be as small as the permutations allow however many tests there are.

    Parameters
    ----------
    differences
        (m, 1 + permutations): observed, then permuted. Each test is brought to one scale, its root mean square; an
        undefined permuted difference counts as larger than any.

    References
    ----------
    Westfall & Young (1993), Resampling-based multiple testing, Wiley. Ge, Dudoit & Speed (2003), Resampling-based
    multiple testing for microarray data analysis, Test 12.
    """
    far = np.where(np.isfinite(differences), np.abs(differences), np.inf)
    squares = np.where(np.isfinite(far), far, 0.0) ** 2
    spread = np.sqrt(squares.mean(axis=1, keepdims=True))
    far = far / np.where(spread > 0, spread, 1.0)
    order = np.argsort(-far[:, 0], kind="stable")
    largest = np.maximum.accumulate(far[order][::-1], axis=0)[::-1]
    reached = largest >= far[order, :1] * (1 - ROUNDING)
    p_values = np.empty(len(far))
    p_values[order] = np.maximum.accumulate(reached.mean(axis=1))
    return p_values


def line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return slope and intercept of the least-squares line of y in x, (n,) each; NaN if a value is."""
    centred = x - x.mean()
    slope = float(centred @ y / (centred @ centred))
    return slope, float(y.mean() - slope * x.mean())
