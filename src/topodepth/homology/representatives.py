"""Which points make a bar: the ends of the edge that ends it, of the edge that bears it, of a triangle that fills it.

A bar is born by a simplex and dies by another, and its birth and death are the lengths of their longest edges. So a
diagram can be read back: which two points are where two clusters meet, which points lie around a loop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import combinations

import numpy as np

from topodepth.errors import InputError, is_whole
from topodepth.homology.condensed import Condensed
from topodepth.homology.distances import prepared
from topodepth.homology.engines import EngineError
from topodepth.homology.keys import Keys
from topodepth.homology.rips import distances_side_by_side, persistence_diagrams, side_by_side
from topodepth.homology.ties import TIE, merged_bars
from topodepth.jobs import memory

HIGHEST = 1  # homology dimension whose bars are told
MARGIN = 1 + 10 * TIE  # beyond the last death, which may have been moved by a tie

SIMPLEX = 64  # bytes of GUDHI's simplex tree, each

Simplex = tuple[int, ...]
Pair = tuple[Simplex, Simplex]  # of a bar, the simplex that bears it and the one that ends it


@dataclass(frozen=True)
class Bar:
    """A finite bar, and which points make it.

    Attributes
    ----------
    birth, death
        As in the diagram, to the last bit.
    birth_points
        Of H_0 none, as every point is born at 0; of H_1 the two ends of the edge that closes the loop.
    death_points
        Of H_0 the two ends of the edge of the minimum spanning tree that joins two clusters; of H_1 the three corners
        of the triangle that fills the loop. Its first two are the ends of its longest edge, whose length is the death.
    """

    birth: float
    death: float
    birth_points: Simplex
    death_points: Simplex

    @property
    def persistence(self) -> float:
        """Death minus birth."""
        return self.death - self.birth


def longest_bars(points: np.ndarray, *, max_dim: int = 1, longest: int = 10) -> list[list[Bar]]:
    """Return the longest finite bars of H_0 and H_1 with the points that make them.

    The bars are those of :func:`topodepth.homology.persistence_diagrams` of the same points and ``max_dim``, to the
    last bit. Where no two distances are equal, the edges that bear and end a bar are those of the data and depend on
    no engine; among equal distances several serve, and the engine's are told. The third corner of a triangle is a
    convention: all triangles of that longest edge enter the filtration with it. Of these the one is told whose shortest
    side is longest, which reaches farthest around the loop.

    Takes about twice the time of the diagrams.

    Parameters
    ----------
    points
        Shape (n, d).
    max_dim
        Highest homology dimension, 0 or 1.
    longest
        How many bars of each dimension, fewer where there are fewer.

    Returns
    -------
    list of list of Bar
        For H_0 to H_``max_dim``, the longest bar first; of equal ones that which is born first. The essential bar of
        H_0 has no death and is left out.

    Raises
    ------
    InputError
        As :func:`topodepth.homology.persistence_diagrams`; if ``max_dim`` or ``longest`` is out of range.

    References
    ----------
    Edelsbrunner & Harer (2010), Computational Topology, chapter VII.
    """
    for name, value, least, most in [("max_dim", max_dim, 0, HIGHEST), ("longest", longest, 1, None)]:
        if not is_whole(value, least, most):
            end = f" to {most}" if most is not None else ""
            raise InputError(f"{name}: expected a whole number from {least}{end}. Received: {value!r}.")
    points = np.asarray(points, dtype=np.float64)
    diagrams = [bars[np.isfinite(bars[:, 1])] for bars in persistence_diagrams(points, max_dim=max_dim)]
    if not any(len(bars) for bars in diagrams):
        return [[] for _ in diagrams]
    n, d = points.shape
    memory.require(memory.memory_estimate(n, d, HIGHEST), f"bars of {n} points with what makes them")
    distances, order = distances_side_by_side(points), side_by_side(prepared(points).centred)
    last = MARGIN * max(float(bars[:, 1].max(initial=0.0)) for bars in diagrams)
    pairs = _sorted_pairs(distances, _pairs(distances, max_dim, last), diagrams)
    return [_longest(bars, of, distances, order, longest) for bars, of in zip(diagrams, pairs, strict=True)]


def _longest(
    bars: np.ndarray, pairs: Sequence[Pair], distances: Condensed, order: np.ndarray, longest: int
) -> list[Bar]:
    """Return the longest bars of one diagram from the pairs of all its bars, in the same order."""
    found = []
    for place in np.argsort(bars[:, 0] - bars[:, 1], kind="stable")[:longest]:
        born, died = pairs[place]
        edge, corner = _roundest(distances, died) if len(died) > 2 else (died, ())
        birth_points = _named(born, order) if len(born) > 1 else ()
        death_points = _named(edge, order) + _named(corner, order)
        found.append(Bar(float(bars[place, 0]), float(bars[place, 1]), birth_points, death_points))
    return found


def _named(simplex: Simplex, order: np.ndarray) -> Simplex:
    """Return the points that an engine's vertices stand for, ascending."""
    return tuple(sorted(order[[*simplex]].tolist())) if simplex else ()


def _pairs(distances: Condensed, max_dim: int, threshold: float) -> list[list[Pair]]:
    """Return the pairs of simplices of the finite bars of each homology dimension, of edges up to a threshold."""
    compute = _redzed_pairs if find_spec("redzed_tda") else _gudhi_pairs
    found = compute(distances, max_dim, threshold)
    return [[(tuple(born), tuple(died)) for born, died in pairs if died] for pairs in found]


def _redzed_pairs(distances: Condensed, max_dim: int, threshold: float) -> list[list]:
    """Return pairs from redzed-tda, which gets numbers of single precision for distances (:class:`Keys`)."""
    from redzed_tda import rips

    values = distances.take()
    last = Keys(values, threshold).write_over(values)
    _, pairs = rips(values, max_dim, threshold=last, simplex_pairs=True)
    return pairs


def _gudhi_pairs(distances: Condensed, max_dim: int, threshold: float) -> list[list]:
    """Return pairs from GUDHI's simplex tree, which holds every simplex: for some hundreds of points."""
    from gudhi import RipsComplex

    degrees = np.array([np.count_nonzero(distances.row(i) <= threshold) for i in range(len(distances))])
    memory.require(SIMPLEX * int((degrees * degrees).sum()) // 6, f"pairs of simplices of {len(distances)} points")
    tree = RipsComplex(distance_matrix=distances.square(), max_edge_length=threshold).create_simplex_tree(max_dim + 1)
    tree.compute_persistence(homology_coeff_field=2, min_persistence=0)
    pairs = tree.persistence_pairs()
    return [[pair for pair in pairs if len(pair[0]) == degree + 1] for degree in range(max_dim + 1)]


def _sorted_pairs(
    distances: Condensed, pairs: Sequence[Sequence[Pair]], diagrams: Sequence[np.ndarray]
) -> list[list[Pair]]:
    """Return the pairs in the order of the bars of the diagrams.

    Raises
    ------
    EngineError
        If they are not those of the diagrams.
    """
    bars = [
        np.column_stack([_diameters(distances, np.array([pair[end] for pair in of], dtype=np.intp)) for end in (0, 1)])
        for of in pairs
    ]
    found = []
    for of, ends, expected in zip(pairs, merged_bars(bars), diagrams, strict=True):
        rows = [row for row in np.lexsort((ends[:, 1], ends[:, 0])) if ends[row, 0] < ends[row, 1]]
        if len(rows) != len(expected) or not np.allclose(ends[rows], expected, rtol=10 * TIE, atol=0):
            raise EngineError("expected pairs of simplices of the bars of the diagram. Received: others")
        found.append([of[row] for row in rows])
    return found


def _diameters(distances: Condensed, simplices: np.ndarray) -> np.ndarray:
    """Return the length of the longest edge of each simplex, (k,) from (k, vertices); 0 of a point."""
    longest = np.zeros(len(simplices))
    for first, second in combinations(np.sort(simplices, axis=-1).T, 2):
        np.maximum(longest, distances.between(first, second), out=longest)
    return longest


def _between(distances: Condensed, one: int, other: int) -> float:
    return float(_diameters(distances, np.array([[one, other]]))[0])


def _roundest(distances: Condensed, triangle: Simplex) -> Pair:
    """Return the longest edge of a triangle, and of all points nearer to both its ends than these the farthest one."""
    one, other = max(combinations(triangle, 2), key=lambda edge: _between(distances, *edge))
    near, far = np.sort([distances.row(one), distances.row(other)], axis=0)
    inside = far <= _between(distances, one, other)
    inside[[one, other]] = False
    return (one, other), (int(np.where(inside, near, -np.inf).argmax()),)
