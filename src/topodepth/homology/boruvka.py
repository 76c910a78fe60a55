"""Borůvka's algorithm on lists of near points: an exact minimum spanning tree of a graph of which few edges are known.

The shortest edge that leaves a component belongs to a minimum spanning tree, whatever the other components are (cut
property), so components may be joined in any order, and only those need be joined whose shortest edge is certain.
Every point has a list of near points and a bound: all its other distances to other components are at least the bound.
Joining components keeps that true. If the shortest listed edge of a component is not longer than the bounds of all its
points, no edge outside the lists is shorter, and it is taken.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Edges = tuple[np.ndarray, np.ndarray, np.ndarray]  # weights and two ends, (m,)
Search = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]


class Joined(NamedTuple):
    """Components after all that are certain of their shortest edge have taken it, again and again.

    Attributes
    ----------
    taken
        The edges taken.
    left
        Those that still lie between two components, ascending.
    labels
        Component of each point, (n,), from 0.
    reach
        Weight of the shortest edge that is known to leave each component, inf if none is; of no use if it is one.
    """

    taken: Edges
    left: Edges
    labels: np.ndarray
    reach: np.ndarray


def join(edges: Edges, labels: np.ndarray, bounds: np.ndarray | None = None, *, tie: float = 0.0) -> Joined:
    """Join components as long as one is certain of its shortest edge.

    Parameters
    ----------
    edges
        The edges known.
    labels
        Component of each point, (n,), from 0.
    bounds
        (n,): below which no point has another edge to another component. None: all edges are known.
    tie
        Weights that differ by less, relatively, count as equal.
    """
    order = np.argsort(edges[0], kind="stable")
    left: Edges = (edges[0][order], edges[1][order], edges[2][order])
    taken, reach = [], np.full(labels.max() + 1, np.inf)
    while labels.any():
        left = _picked(left, np.flatnonzero(labels[left[1]] != labels[left[2]]))
        shortest = _shortest_edges(left, labels)
        reach = np.append(left[0], np.inf)[shortest]
        certain = shortest < len(left[0])
        if bounds is not None:
            least = np.full(len(shortest), np.inf)
            np.minimum.at(least, labels, bounds)
            certain &= reach * (1 - tie) <= least
        if not certain.any():
            break
        taken.append(_picked(left, np.unique(shortest[certain])))
        labels = _joined_labels(labels, left, shortest, certain)
    return Joined(joined_edges(taken), left if labels.any() else joined_edges([]), labels, reach)


def joined_edges(parts: list[Edges]) -> Edges:
    """Return the edges of several lists as one."""
    none = np.empty(0), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    weights, first, second = (np.concatenate(column) for column in zip(none, *parts, strict=True))
    return weights, first, second


def tree_of_lists(edges: Edges, bounds: np.ndarray, search: Search, *, tie: float = 0.0) -> np.ndarray:
    """Return the n − 1 edge weights of a minimum spanning tree, ascending.

    Where no component is certain of its shortest edge, the doubtful points outside the largest one are searched again,
    among the points of other components only; after that all of these components are certain. Each such search at
    least halves the number of components, so a few suffice even for nested clusters.

    Parameters
    ----------
    edges
        The edges known.
    bounds
        (n,): below which no point has another edge. Changed in place.
    search
        ``search(points, labels)`` gives edges from points to others with another label, as weights and two ends, and
        new bounds of these points; none below the shortest edge that it found of that point.
    tie
        Weights that differ by less, relatively, count as equal.

    References
    ----------
    Nešetřil, Milková & Nešetřilová (2001), Otakar Borůvka on minimum spanning tree problem, Discrete Math. 233.
    """
    taken, edges, labels, reach = join(edges, np.arange(len(bounds)), bounds, tie=tie)
    tree = [taken[0]]
    while labels.any():
        largest = np.bincount(labels).argmax()
        points = np.flatnonzero((labels != largest) & (bounds < reach[labels] * (1 - tie)))
        *found, bounds[points] = search(points, labels)
        taken, edges, labels, reach = join(
            joined_edges([edges, (found[0], found[1], found[2])]), labels, bounds, tie=tie
        )
        tree.append(taken[0])
    return np.sort(np.concatenate(tree))


def _picked(edges: Edges, places: np.ndarray) -> Edges:
    return edges[0][places], edges[1][places], edges[2][places]


def _shortest_edges(edges: Edges, labels: np.ndarray) -> np.ndarray:
    """Return the place of each component's shortest edge; edges lie between components and ascend."""
    count = len(edges[0])
    shortest = np.full(labels.max() + 1, count)
    for ends in edges[1:]:
        np.minimum.at(shortest, labels[ends], np.arange(count))
    return shortest


def _joined_labels(labels: np.ndarray, edges: Edges, shortest: np.ndarray, certain: np.ndarray) -> np.ndarray:
    """Return the labels, from 0, after every component that is certain of its shortest edge has taken it.

    Ties are broken by place, so the edges taken make no cycle but that of two components that choose the same one.
    """
    own = np.flatnonzero(certain)
    ends = labels[edges[1][shortest[own]]], labels[edges[2][shortest[own]]]
    parents = np.arange(len(shortest))
    parents[own] = np.where(ends[0] == own, ends[1], ends[0])
    roots = (parents[parents] == np.arange(len(parents))) & (np.arange(len(parents)) < parents)
    parents[roots] = np.flatnonzero(roots)
    while (parents != parents[parents]).any():
        parents = parents[parents]
    return np.unique(parents, return_inverse=True)[1][labels]
