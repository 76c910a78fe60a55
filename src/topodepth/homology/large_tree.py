"""The minimum spanning tree of many points: which distances matter is known from a tree of few of them.

A tree of a sample, and the edge from every other point to the nearest of the sample, make a tree of all points. An edge
of the graph that is longer than all those on the path between its ends in any such tree is not needed (cycle
property). So one pass over the distances finds all that is needed (:mod:`topodepth.homology.near_pairs`), where paths
are short; but within one cluster of points nearly all paths are a little longer than what is needed. There the pass
finds only pairs that are nearer than one of the two is to the sample, Borůvka's algorithm joins what is certain by
these (:mod:`topodepth.homology.boruvka`), and a second pass over the components left, if any, brings the rest.
"""

import heapq

import numpy as np

from topodepth.homology.boruvka import Edges, join, joined_edges
from topodepth.homology.distances import Cloud, squared_norms, squares_between
from topodepth.homology.near_pairs import NONE, NearPairs, Row, above

FEW = 1024  # points of a sample whose tree is made from all their distances
WITHIN = 0.99  # of the points are nearer to the sample than the parts of a cluster are to each other


def tree_of_many(cloud: Cloud, precision: type = np.float32) -> Edges:
    """Return the n − 1 edges of a minimum spanning tree.

    All lengths are those of :func:`topodepth.homology.distances.squares_between`.

    Parameters
    ----------
    cloud
        Distinct points, n ≥ 2, in random order.
    precision
        np.float32 or np.float64, in which near points are searched for.

    Returns
    -------
    tuple of ndarray
        Squared lengths and two ends of the edges, (n − 1,).

    Raises
    ------
    topodepth.homology.near_pairs.CrowdedError
        If this precision does not tell enough of the points apart.
    """
    n = len(cloud)
    search = NearPairs(cloud, precision)
    sample = _tree_of_sample(cloud.take(np.arange(search.sampled)), precision)
    nearest, thresholds = search.nearest_of_sample()
    row, clusters = _row(sample, nearest, thresholds)
    known = joined_edges([sample, search.below([row])])
    certain = join(known, np.arange(n), thresholds.astype(np.float64))
    if not certain.labels.any():
        return certain.taken
    rest = search.below(_open_rows(certain.labels, certain.left, clusters, thresholds))
    return joined_edges([certain.taken, join(joined_edges([certain.left, rest]), certain.labels).taken])


def _tree_of_sample(cloud: Cloud, precision: type) -> Edges:
    """Return edges of a spanning tree, exact in their lengths; of few points it is short but for rounding."""
    if len(cloud) > FEW:
        return tree_of_many(cloud, precision)
    norms = squared_norms(cloud.centred)
    squares = norms[:, None] - 2 * cloud.centred @ cloud.centred.T + norms
    nearest, parents = squares[0].copy(), np.zeros(len(cloud), dtype=np.int64)
    order, outside = [0], np.ones(len(cloud), dtype=np.bool)
    while len(order) < len(cloud):
        outside[order[-1]] = False
        closer = outside & (squares[order[-1]] < nearest)
        nearest[closer], parents[closer] = squares[order[-1], closer], order[-1]
        order.append(int(np.where(outside, nearest, np.inf).argmin()))
    ends = np.array(order[1:]), parents[order[1:]]
    return squares_between(cloud, *ends), *ends


def _row(sample: Edges, nearest: np.ndarray, thresholds: np.ndarray) -> tuple[Row, np.ndarray]:
    """Return all points, those of one cluster together and the foremost nearest to the sample, and their clusters.

    Clusters are the parts of the tree of the sample without its longest edges, and what is nearest to them.
    """
    long = sample[0] > np.quantile(thresholds, WITHIN)
    short = join((sample[0][~long], sample[1][~long], sample[2][~long]), np.arange(len(sample[0]) + 1))
    clusters = short.labels[nearest]
    ends = short.labels[sample[1][long]], short.labels[sample[2][long]]
    places, gaps = _in_a_row((sample[0][long], *ends), np.bincount(clusters, minlength=np.count_nonzero(long) + 1))
    order = np.lexsort((thresholds, places[clusters]))
    gaps = _gaps_of(places[clusters[order]], above(gaps, thresholds.dtype.type))
    return Row(order, thresholds[order], gaps, np.full_like(thresholds, NONE)), clusters


def _open_rows(labels: np.ndarray, edges: Edges, clusters: np.ndarray, known: np.ndarray) -> list[Row]:
    """Return the points of every cluster that has several components, with thresholds of pairs of components."""
    path = join(edges, np.arange(labels.max() + 1)[labels]).taken
    places, gaps = _in_a_row((path[0], labels[path[1]], labels[path[2]]), np.bincount(labels))
    gaps = above(gaps, known.dtype.type)
    rows = []
    by_cluster = np.argsort(clusters, kind="stable")
    for members in np.split(by_cluster, np.flatnonzero(np.diff(clusters[by_cluster])) + 1):
        points = members[np.argsort(places[labels[members]], kind="stable")]
        between = _gaps_of(places[labels[points]], gaps)
        if between.max() > NONE:
            rows.append(Row(points, np.full_like(between, NONE), between, known[points]))
    return rows


def _gaps_of(places: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Return the greatest gap from each place to the one before it, (k,); places ascend."""
    between = np.full(len(places), NONE, gaps.dtype)
    steps = np.flatnonzero(np.diff(places)) + 1
    if len(steps):
        starts = np.append(places[0], places[steps]) + 1
        between[steps] = np.maximum.reduceat(np.append(gaps, gaps[:1]), starts)[:-1]
    return between


def _in_a_row(tree: Edges, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return places of the vertices of a tree in a row, in which paths can be read, from the largest one on.

    The longest edge on the path between two vertices is the longest gap between their places: such is the order in
    which Prim's algorithm comes to them.

    Parameters
    ----------
    tree
        Weights and two ends of its edges.
    sizes
        Size of each vertex, (m,).

    Returns
    -------
    places, gaps : ndarray
        Place of each vertex, (m,) int; and the weight of the edge that led to each place, (m,), NONE for the first.
    """
    edges: list[list[tuple[float, int]]] = [[] for _ in sizes]
    for weight, one, other in zip(*(column.tolist() for column in tree), strict=True):
        edges[one].append((weight, other))
        edges[other].append((weight, one))
    places, gaps = np.full(len(sizes), -1), np.full(len(sizes), NONE)
    ahead, place = [(NONE, int(sizes.argmax()))], 0
    while ahead:
        gap, vertex = heapq.heappop(ahead)
        if places[vertex] < 0:
            places[vertex], gaps[place] = place, gap
            place += 1
            for edge in edges[vertex]:
                heapq.heappush(ahead, edge)
    return places, gaps
