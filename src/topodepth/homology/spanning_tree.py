"""The Euclidean minimum spanning tree: the lengths of its edges are the deaths of the finite H_0 bars.

Two ways to the same tree. On a few thousand points, and on any matrix of distances, Prim's algorithm on the full
graph. Beyond, and where points nearly coincide, two passes at most over the distances, made tile by tile, which hold
O(n d) memory (:mod:`topodepth.homology.large_tree`). Where no precision tells the points apart there, Borůvka's
algorithm on lists of near points, searched strip by strip again wherever they leave a doubt.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from topodepth.homology.boruvka import tree_of_lists
from topodepth.homology.devices import is_tensor, settled
from topodepth.homology.distances import (
    CANCELLATION,
    Cloud,
    checked_points,
    lengths,
    prepared,
    squared_norms,
    squares_between,
)
from topodepth.homology.large_tree import tree_of_many
from topodepth.homology.near_pairs import CrowdedError, lowered
from topodepth.homology.ties import TIE
from topodepth.jobs import memory

NEIGHBOURS = 16  # near neighbours wanted of every point
LISTED = 8 * NEIGHBOURS  # and at most kept; more than NEIGHBOURS are found only where points all but coincide
GROUPS = 64  # columns are searched in at most as many points a group, and at least as many groups


def minimum_spanning_tree_lengths(points: np.ndarray) -> np.ndarray:
    """Return the edge lengths of the Euclidean minimum spanning tree, (n − 1,) float64, ascending.

    To a relative error of 1e-11: also where points nearly coincide far from the origin, or far from all others; equal
    lengths are equal. Repeated points give edges of length 0. O(n² d) time; memory O(n d), as no n × n matrix is held
    beyond 4096 points. In a block of :func:`topodepth.homology.computing_on` another device computes.

    Parameters
    ----------
    points
        Shape (n, d), n ≥ 1.

    Raises
    ------
    InputError
        If the points are not a finite, non-empty 2-D array.

    References
    ----------
    Prim (1957), Shortest connection networks and some generalizations, Bell Syst. Tech. J. 36. Nešetřil, Milková &
    Nešetřilová (2001), Otakar Borůvka on minimum spanning tree problem, Discrete Math. 233.
    """
    points = settled(checked_points(points))
    if is_tensor(points):
        from topodepth.homology.torch_tree import tree_lengths

        return tree_lengths(points)
    cloud = prepared(points)
    squares = _prim_of_points(cloud) if len(cloud) <= memory.DENSE_POINTS else None
    if squares is None:
        cloud, copies = _distinct(cloud)
        squares = np.concatenate([np.zeros(copies), _of_near_points(cloud)])
    return lengths(cloud, squares)


def prim(row: Callable[[int], np.ndarray], n: int) -> np.ndarray:
    """Return the n − 1 edge weights of a minimum spanning tree, ascending; ``row(i)`` gives the weights at vertex i.

    Only the weights are wanted, so parents are not kept: three passes over one row per step, each a vector instruction.
    """
    weights = np.empty(n - 1)
    nearest = np.full(n, np.inf)  # weight of the lightest edge from the tree to each vertex outside it
    inside = np.zeros(n)  # inf for the vertices in the tree, which keeps them from being chosen again
    newest = 0
    for step in range(n - 1):
        inside[newest] = np.inf
        np.minimum(nearest, row(newest), out=nearest)
        np.maximum(nearest, inside, out=nearest)
        newest = int(nearest.argmin())
        weights[step] = nearest[newest]
    weights.sort()
    return weights


def prim_together(matrix: np.ndarray, subsets: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return what :func:`prim` gives of each of many subsets of some points: a step is one of all trees at once.

    Parameters
    ----------
    matrix
        Weights between the points, (n, n).
    subsets
        Indices of points, each once. The first of each begins its tree.
    """
    order = sorted(range(len(subsets)), key=lambda i: -len(subsets[i]))  # those that still grow come first
    sizes = np.array([len(subsets[i]) for i in order])
    trees, shape = np.arange(len(order)), (len(order), len(matrix))
    weights = np.empty((len(order), sizes[0] - 1))
    nearest, inside = np.full(shape, np.inf), np.full(shape, np.inf)  # other points count as in the tree
    rows = np.empty(shape)
    for tree, i in enumerate(order):
        inside[tree, subsets[i]] = 0.0
    newest = np.array([subsets[i][0] for i in order])
    for step in range(sizes[0] - 1):
        growing = trees[: np.count_nonzero(sizes > step + 1)]
        newest, least = newest[growing], nearest[: len(growing)]
        inside[growing, newest] = np.inf
        matrix.take(newest, axis=0, out=rows[: len(growing)], mode="clip")  # which spares a copy
        np.minimum(least, rows[: len(growing)], out=least)
        np.maximum(least, inside[: len(growing)], out=least)
        newest = least.argmin(axis=1)
        weights[growing, step] = least[growing, newest]
    found = {i: np.sort(weights[tree, : sizes[tree] - 1]) for tree, i in enumerate(order)}
    return [found[i] for i in range(len(subsets))]


def _prim_of_points(cloud: Cloud) -> np.ndarray | None:
    """Return the squared edge lengths of the tree of a cloud, ascending; None where points nearly coincide.

    Distances come from one matrix product, and those far below the norms have lost their digits. The shortest distance
    of all is an edge of the tree, so if the shortest edge is long enough, all distances are.
    """
    norms = squared_norms(cloud.centred)
    squares = _product_rows(cloud.centred) @ np.column_stack([cloud.centred, norms]).T
    weights = prim(lambda i: squares[i] + norms[i], len(cloud))
    accurate = cloud.exact or weights.min(initial=np.inf) > 2 * CANCELLATION * norms.max()
    return weights if accurate else None


def _product_rows(centred: np.ndarray) -> np.ndarray:
    """Return rows (−2 x, 1): times columns (y, |y|²) they give |x − y|² − |x|²."""
    return np.column_stack([-2.0 * centred, np.ones(len(centred))])


def _of_near_points(cloud: Cloud) -> np.ndarray:
    """Return the squared edge lengths of the tree of a cloud without copies, ascending.

    All lengths are computed in float64 from the differences of the points. In the lists, bounds err downwards only,
    edges that differ by less than TIE count as equal, and components of fewer than NEIGHBOURS points are certain.
    """
    if len(cloud) == 1:
        return np.empty(0)
    for precision in (np.float32, np.float64):
        with suppress(CrowdedError):
            return np.sort(tree_of_many(cloud, precision)[0])
    search, every = _Search(cloud), np.arange(len(cloud))
    squares, first, second, bounds = search.near_points(every, every)
    return tree_of_lists((squares, first, second), bounds, search.near_points, tie=TIE)


def _distinct(cloud: Cloud) -> tuple[Cloud, int]:
    """Return the distinct points in a seeded random order, and how many were copies."""
    rows = np.ascontiguousarray(cloud.points + 0.0)  # -0 becomes 0
    generator = np.random.default_rng(0)
    # equal rows have equal sums, and others differ in theirs but for one chance in 2^64, which is looked at
    sums = rows.view(np.uint64) @ generator.integers(0, 2**64, rows.shape[1], dtype=np.uint64)
    _, places, groups = np.unique(sums, return_index=True, return_inverse=True)
    if len(places) < len(rows) and not np.array_equal(rows[places[groups]], rows):
        places = np.unique(rows, axis=0, return_index=True)[1]
    order = generator.permutation(len(places))
    return cloud.take(places[order]), len(cloud) - len(places)


class _Search:
    """Strips of squared distances, searched for near points of other components.

    Strips are one matrix product, in float32, which halves its cost, until that tells too few points apart. What comes
    out is never above the true distance.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.precision: Any = None  # float32 or float64, once strips are made

    def _take(self, precision: type) -> None:
        n = len(self.cloud)
        self.precision = precision
        self.factors, self.columns = lowered(self.cloud, precision)
        size = max(1, min(n, memory.STRIP_BYTES // (self.columns.itemsize * n)))
        # fresh pages for every strip would cost as much as the product
        self.strip: np.ndarray = np.empty((size, n), precision)

    def near_points(
        self, rows: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the near points of other components of every row point, and a bound below all its other distances.

        Returns
        -------
        squares, points, near, bounds : ndarray
            Squared distance, point and near point of each pair found, (m,); squared bound of each row, (len(rows),).
            No bound is below the distance of the nearest point found.
        """
        if self.precision is None:
            self._take(np.float32)
        strips: list[tuple[np.ndarray, ...]] = []
        start = 0
        while start < len(rows):
            part = rows[start : start + len(self.strip)]
            found = self._strip(part, labels)
            if found is None:
                self._take(np.float64)
            else:
                strips.append(found)
                start += len(part)
        squares, points, near, bounds = (np.concatenate(column) for column in zip(*strips, strict=True))
        return squares, points, near, bounds

    def _strip(self, rows: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, ...] | None:
        """Search the points of some rows; None if single precision finds too many that may be the nearest."""
        squares = np.matmul(self.factors[rows], self.columns.T, out=self.strip[: len(rows)])
        np.copyto(squares, np.inf, where=labels[rows][:, None] == labels)
        nearest = squares.argmin(axis=1)
        least = squares_between(self.cloud, rows, nearest)
        # The k-th least of the minima of groups of columns bounds a little over k points at the cost of one pass.
        # Points that are nearer than the nearest found, but for rounding, all count.
        bounds = np.maximum(_kth_group_minimum(squares), least * (1 - TIE))
        below = np.nextafter(bounds.astype(self.precision), self.precision(np.inf))
        candidates = squares < below[:, None]
        if self.precision is np.float32 and np.count_nonzero(candidates) > LISTED * len(rows):
            return None
        places, near = np.divmod(np.flatnonzero(candidates), len(self.cloud))
        found = squares_between(self.cloud, rows[places], near)
        kept = _shortest_of_each(places, found, bounds)
        return (
            np.concatenate([least, found[kept]]),
            np.concatenate([rows, rows[places[kept]]]),
            np.concatenate([nearest, near[kept]]),
            bounds,
        )


def _shortest_of_each(places: np.ndarray, found: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return which pairs to keep, at most LISTED a row, and lower ``bounds`` to the shortest one dropped of a row.

    Without it the lists of points that all but coincide would fill the memory.
    """
    order = np.lexsort((found, places))
    ranks = np.arange(len(places)) - np.searchsorted(places, places)  # places ascend, and so do they in that order
    first = order[ranks == LISTED]
    np.minimum.at(bounds, places[first], found[first])
    return order[ranks < LISTED]


def _kth_group_minimum(squares: np.ndarray) -> np.ndarray:
    """Return for every row the k-th least of the minima of groups of columns that are in random order."""
    count, n = squares.shape
    size = max(1, min(GROUPS, n // GROUPS))
    groups = n // size
    minima = squares[:, : groups * size].reshape(count, size, groups).min(axis=1)
    k = min(NEIGHBOURS, groups) - 1
    minima.partition(k, axis=1)
    return minima[:, k]
