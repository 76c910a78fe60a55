"""Borůvka's algorithm on lists of near points: an exact minimum spanning tree of a graph of which few edges are known.

The shortest edge that leaves a component belongs to a minimum spanning tree, whatever the other components are (cut
property), so components may be joined in any order, and only those need be joined whose shortest edge is certain.
Every point has a list of near points and a bound: all its other distances to other components are at least the bound.
Joining components keeps that true. If the shortest listed edge of a component is not longer than the bounds of all its
points, no edge outside the lists is shorter, and it is taken.
"""

from collections.abc import Callable

import numpy as np

Search = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]


def tree_of_lists(edges: list[np.ndarray], bounds: np.ndarray, search: Search, *, tie: float = 0.0) -> np.ndarray:
    """Return the n − 1 edge weights of a minimum spanning tree, ascending.

    Where no component is certain of its shortest edge, the doubtful points outside the largest one are searched again,
    among the points of other components only; after that all of these components are certain. Each such search at
    least halves the number of components, so a few suffice even for nested clusters.

    Parameters
    ----------
    edges
        Weights (m,), one end (m,) and the other (m,) of the edges known.
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
    labels, tree = np.arange(len(bounds)), [np.empty(0)]
    while labels.any():
        order = np.argsort(edges[0], kind="stable")
        edges = [column[order] for column in edges]
        joined = True
        while joined and labels.any():
            edges, shortest, certain = _shortest_edges(edges, labels, bounds, tie)
            tree.append(edges[0][np.unique(shortest[certain])])
            joined = bool(certain.any())
            if joined:
                labels = _join(labels, edges, shortest, certain)
        if not labels.any():
            break
        reach = np.append(edges[0], np.inf)[shortest][labels]
        largest = np.bincount(labels).argmax()
        points = np.flatnonzero((labels != largest) & (bounds < reach * (1 - tie)))
        *found, bounds[points] = search(points, labels)
        edges = [np.concatenate(pair) for pair in zip(edges, found, strict=True)]
    return np.sort(np.concatenate(tree))


def _shortest_edges(
    edges: list[np.ndarray], labels: np.ndarray, bounds: np.ndarray, tie: float
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return the edges between components, the place of each component's shortest, and whether that is certain."""
    between = np.flatnonzero(labels[edges[1]] != labels[edges[2]])
    edges = [column[between] for column in edges]
    count = len(between)
    shortest = np.full(labels.max() + 1, count)
    for ends in edges[1:]:
        np.minimum.at(shortest, labels[ends], np.arange(count))
    least = np.full(len(shortest), np.inf)
    np.minimum.at(least, labels, bounds)
    return edges, shortest, (shortest < count) & (np.append(edges[0], np.inf)[shortest] * (1 - tie) <= least)


def _join(labels: np.ndarray, edges: list[np.ndarray], shortest: np.ndarray, certain: np.ndarray) -> np.ndarray:
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
