"""H_1 from part of the edges: the threshold beyond which no loop is born or dies."""

from collections.abc import Iterator

import numpy as np

from topodepth.homology.condensed import Condensed
from topodepth.homology.engines import COMPUTE, diagrams_of
from topodepth.homology.thresholds import FEW_POINTS, LEVELS, first_complete, levels_of, some_distances, with_margin

ENGINES = [*COMPUTE]  # the fastest first
WITNESSES = 8  # near points that are tried on all the edges of a point at once
MARGIN = 1.4  # the first threshold takes this many times the edges that are known to be needed
GROWTH = 2.0  # the second at least so many times those of the first
SUBSAMPLE = 8  # every eighth point tells how late bars may die,
LATE = 3.0  # which is believed at once where it takes this many times the edges that are known to be needed
STRIP_BYTES = 1 << 19  # strips of rows that stay in cache
CHUNK = 1024  # edges that are tried on all points at once


def h1_diagrams(distances: Condensed) -> list[np.ndarray]:
    """Return the diagrams of H_0 and H_1, from edges up to a threshold beyond which no loop is born or dies.

    The fastest engine that is installed computes them.

    An edge uv that enters the filtration after a path u–w–v of two shorter edges brings its triangle with w along: it
    may end loops, but is never the birth of one. So loops are born by edges without such a witness w only, the edges
    of the relative neighbourhood graph, and nothing is born after the longest of these. If, moreover, every loop has
    died by some threshold that is not shorter, H_1 is zero there, stays zero, and the diagram is complete. Both are
    checked here, so the result is exact; how the threshold is guessed matters for speed only. Beyond the enclosing
    radius, the last resort, the complex is a cone. Time and memory grow with the third and first power of the number
    of edges to a point: with an eighth to a half of them, as is usual, a half to a tenth of the time. The spanning
    tree is part of the relative neighbourhood graph, so H_0 is complete too.

    Parameters
    ----------
    distances
        All distances; they are taken.

    Raises
    ------
    InputError
        If the edges would not fit into memory.

    References
    ----------
    Toussaint (1980), The relative neighbourhood graph of a finite planar set, Pattern Recognition 12. Koyama, Mémoli,
    Robins & Turner (2023), Faster computation of degree-1 persistent homology using the reduced Vietoris–Rips
    filtration, arXiv:2307.16333.
    """
    radius = distances.enclosing_radius()
    some = some_distances(distances)
    return first_complete(distances, 1, ENGINES, some, _thresholds(distances, some, radius))


def _thresholds(distances: Condensed, some: np.ndarray, radius: float) -> Iterator[float]:
    """Yield thresholds to try, none below the last birth of a loop; the last is the enclosing radius.

    Most loops of features die soon after the last is born, so that a margin does. Where the loops are large, as those
    of a torus, a few of the points tell it: theirs die later than those of all points, as a rule.
    """
    if len(distances) > FEW_POINTS:
        birth = longest_unwitnessed_edge(distances)
        fewer = distances.every(SUBSAMPLE)
        death = diagrams_of(fewer, 1, ENGINES, fewer.enclosing_radius())[1][:, 1].max(initial=0.0)
        is_late = np.mean(some <= death) > LATE * np.mean(some <= birth)
        first = max(birth, with_margin(some, birth, MARGIN), death if is_late else 0.0)
        if first < radius:
            yield first
            second = max(death, with_margin(some, first, GROWTH))
            if second < radius:
                yield second
    yield radius


def longest_unwitnessed_edge(distances: Condensed) -> float:
    """Return the length of the longest edge of the relative neighbourhood graph.

    Its edges uv have no witness: no point w with d(u, w) < d(u, v) and d(w, v) < d(u, v). A few near points are
    witnesses for all but a few per cent of the edges; of the rest the longest are tried on all points. Whole numbers
    of two bytes stand for the distances until few edges are left: what they tell apart is told apart rightly.

    Parameters
    ----------
    distances
        All distances of two or more points.
    """
    n = len(distances)
    levels = levels_of(distances)
    near = _near_witnesses(levels)
    size = max(1, STRIP_BYTES // (levels.itemsize * n))
    longest = 0.0
    for start in range(0, n, size):
        rows, columns = _without_near_witness(levels, near, start, min(start + size, n))
        lengths = distances.between(rows, columns)
        order = np.flatnonzero(lengths > longest)
        order = order[np.argsort(-lengths[order])]
        for first in range(0, len(order), CHUNK):
            chunk = order[first : first + CHUNK]
            alone = _first_alone(distances, levels, near, rows[chunk], columns[chunk])
            if alone is not None:
                longest = float(lengths[chunk[alone]])
                break
    return longest


def _near_witnesses(levels: np.ndarray) -> np.ndarray:
    """Return for each point some others, (n, WITNESSES): near ones, rather than which those in the midst of the points.

    Edges to far points go by the midst. Where clusters overlap, that leaves a third fewer of them to try.
    """
    n, middle = len(levels), (levels.mean(axis=1) / 4).astype(levels.dtype)
    near = np.empty((n, min(n, WITNESSES)), dtype=np.intp)
    size = max(1, STRIP_BYTES // (levels.itemsize * n))
    for start in range(0, n, size):
        cost = (levels[start : start + size] >> 1) + middle
        for first in range(near.shape[1]):
            near[start : start + size, first] = cost[:, first::WITNESSES].argmin(axis=1) * WITNESSES + first
    return near


def _without_near_witness(levels: np.ndarray, near: np.ndarray, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends u < v, for u from ``start`` to ``stop``, of edges that have no witness near u."""
    rows, columns = np.arange(start, stop), levels[:, start:]
    path = np.full((stop - start, len(levels) - start), LEVELS, dtype=levels.dtype)  # u–w–v by the best w so far
    for witness in near[rows].T:
        through = columns[witness]
        np.maximum(through, levels[rows, witness][:, None], out=through)
        np.minimum(path, through, out=path)
    left = path >= columns[start:stop]
    left[np.tri(*left.shape, dtype=np.bool)] = False
    rows, columns = np.divmod(np.flatnonzero(left), left.shape[1])
    return rows + start, columns + start


def _first_alone(
    distances: Condensed, levels: np.ndarray, near: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> int | None:
    """Return the place of the first of some edges that has no witness at all."""
    edges, left = levels[rows, columns], np.arange(len(rows))
    for witnesses in near[columns].T:  # so far they came from near the one end
        through = witnesses[left]
        path = np.maximum(levels[rows[left], through], levels[columns[left], through])
        left = left[path >= edges[left]]
    left = left[np.maximum(levels[rows[left]], levels[columns[left]]).min(axis=1) >= edges[left]]
    for place in left:
        from_u, from_v = distances.row(rows[place]), distances.row(columns[place])
        if np.maximum(from_u, from_v).min() >= from_u[columns[place]]:
            return int(place)
    return None
