"""Minimum spanning trees of many subsets of the same points, such as those of the persistent homological dimension."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np

from topodepth.homology.boruvka import tree_of_lists
from topodepth.homology.devices import is_tensor, settled
from topodepth.homology.distances import checked_points
from topodepth.homology.spanning_tree import prim, prim_together

NEAR = 32  # points in the list of each
LEAST = 2.5  # of them that a subset must hold on average, or the full graph of its points is quicker
FEW = 200  # points, of which it always is
DOUBTFUL = 0.1  # of the points searched again beside the lists: in more the full graph is quicker, as of far clusters
STRIP = 64  # rows that are looked through at a time
TOGETHER = 1024  # points, of as many or fewer of which many subsets are quickest together, on their full graph
AT_ONCE = 80  # subsets: their rows stay in cache


class SubsetTrees:
    """Trees of subsets of n points, from their common matrix and, made once, a list of near points of each.

    Parameters
    ----------
    squares
        Squared distances of all points, (n, n), from :func:`topodepth.homology.squared_distance_matrix`.
    """

    def __init__(self, squares: np.ndarray) -> None:
        self.squares = squares

    def lengths(self, members: np.ndarray) -> np.ndarray:
        """Return the edge lengths of the minimum spanning tree of some of the points, ascending.

        Parameters
        ----------
        members
            Indices of the m points that count, (m,), each once.

        Returns
        -------
        ndarray
            (m − 1,) float64.
        """
        n, m = len(self.squares), len(members)
        if m < FEW or m * NEAR < LEAST * n or not self._lists_suffice:
            return np.sqrt(prim(lambda i: self.squares[members[i]].take(members), m))
        return self._from_lists(members)[0]

    def of_many(self, members: np.ndarray, subsets: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield :meth:`lengths` of each of many subsets, which lie among some of the points.

        Parameters
        ----------
        members
            Indices of the points that the subsets lie among, (m,), each once.
        subsets
            Indices of points.
        """
        if len(members) > TOGETHER:
            yield from map(self.lengths, subsets)
            return
        squares = self.squares[np.ix_(members, members)]
        places = np.full(len(self.squares), -1)
        places[members] = np.arange(len(members))
        for start in range(0, len(subsets), AT_ONCE):
            batch = [places[subset] for subset in subsets[start : start + AT_ONCE]]
            yield from map(np.sqrt, prim_together(squares, batch))

    def _from_lists(self, members: np.ndarray) -> tuple[np.ndarray, int]:
        """Return the lengths for some points, and how many points had to be searched again."""
        n, m, searched = len(self.squares), len(members), 0
        places = np.full(n, -1)
        places[members] = np.arange(m)
        weights, first, second, bounds = self._lists
        first, second = places[first], places[second]
        kept = np.flatnonzero((first >= 0) & (second >= 0))

        def search(points: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
            nonlocal searched
            searched += len(points)
            rows = self.squares[np.ix_(members[points], members)]
            rows[labels[points][:, None] == labels] = np.inf
            nearest = rows.argmin(axis=1)
            least = rows[np.arange(len(points)), nearest]
            return least, points, nearest, least

        edges = weights[kept], first[kept], second[kept]
        return np.sqrt(tree_of_lists(edges, bounds[members], search)), searched

    @cached_property
    def _lists_suffice(self) -> bool:
        """Whether few points are left in doubt by the lists, which the tree of all points tells."""
        n = len(self.squares)
        return self._from_lists(np.arange(n))[1] <= DOUBTFUL * n

    @cached_property
    def _lists(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Weights and two ends of the edges to near points, ascending, and below what a point has no other edge."""
        n = len(self.squares)
        near = np.empty((n, NEAR), dtype=np.int64)
        for start in range(0, n, STRIP):
            rows = self.squares[start : start + STRIP].copy()
            rows[np.arange(len(rows)), np.arange(start, start + len(rows))] = np.inf
            near[start : start + STRIP] = rows.argpartition(NEAR - 1, axis=1)[:, :NEAR]
        bounds = np.take_along_axis(self.squares, near, axis=1).max(axis=1)
        ends = np.repeat(np.arange(n), NEAR), near.ravel()
        first, second = np.divmod(np.unique(np.minimum(*ends) * n + np.maximum(*ends)), n)
        weights = self.squares[first, second]
        order = np.argsort(weights, kind="stable")
        return weights[order], first[order], second[order], bounds


def device_subset_trees(points: np.ndarray) -> Callable[[np.ndarray, list[np.ndarray]], list[np.ndarray]] | None:
    """Return :meth:`topodepth.homology.torch_tree.TorchSubsetTrees.lengths` of points; None where the CPU is to do it.

    Parameters
    ----------
    points
        (n, d).
    """
    points = settled(checked_points(points))
    if not is_tensor(points):
        return None
    from topodepth.homology.torch_tree import TorchSubsetTrees

    return TorchSubsetTrees(points).lengths
