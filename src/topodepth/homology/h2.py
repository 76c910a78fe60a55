"""H_2 from part of the edges: the threshold beyond which no bar is born."""

from collections.abc import Iterator

import numpy as np

from topodepth.homology.condensed import Condensed
from topodepth.homology.engines import HIGHER
from topodepth.homology.thresholds import FEW_POINTS, first_complete, levels_of, some_distances, with_margin

MARGIN = 1.2  # the first threshold takes this many times the edges up to the last birth
GROWTH = 2.0  # the second this many times those of the first
MOST, LEAST = 1 << 12, 1 << 8  # edges that are looked at together: fewer after some that fail, more after others
WORD = 64  # points in a word of bits


def h2_diagrams(distances: Condensed) -> list[np.ndarray]:
    """Return the diagrams of H_0, H_1 and H_2, from edges up to a threshold beyond which no bar is born or dies.

    The link of an edge uv, when it enters, is the complex of the points whose edges to u and v are there already. What
    the edge adds to H_k comes from the reduced H_k-2 of its link, so where the link is not empty, nothing is born in
    H_1, and where it is connected, nothing in H_2. After the last edge of another kind nothing is born at all; and if,
    by some threshold that is not shorter, all bars have died, the diagrams are complete. Both are checked here, so the
    result is exact; how the threshold is guessed matters for speed only.

    Parameters
    ----------
    distances
        All distances.

    Raises
    ------
    InputError
        If the edges would not fit into memory.

    References
    ----------
    Hatcher (2002), Algebraic Topology, chapter 2 (the long exact sequence of a pair). Boissonnat & Pritam (2020), Edge
    collapse and persistence of flag complexes, SoCG 2020, in which the link is a cone.
    """
    some = some_distances(distances)
    return first_complete(distances, 2, HIGHER, some, _thresholds(distances, some))


def _thresholds(distances: Condensed, some: np.ndarray) -> Iterator[float]:
    """Yield thresholds to try, none below the last birth; the last is the enclosing radius."""
    radius = distances.enclosing_radius()
    if len(distances) > FEW_POINTS:
        birth = last_birth(distances)
        first = max(birth, with_margin(some, birth, MARGIN))
        for threshold in (first, with_margin(some, first, GROWTH)):
            if threshold < radius:
                yield threshold
    yield radius


def last_birth(distances: Condensed) -> float:
    """Return a length such that the link of every longer edge, up to the enclosing radius, is connected.

    It is shown of many edges at once: one point of the link is a neighbour of all others, or of one of their
    neighbours. Whole numbers of two bytes stand for the distances, and one range of lengths for those of the edges of
    a part: points count as neighbours if their distance lies below it, and are in the link if no distance lies above.
    That errs on the one side only, and does so of edges of equal length too, whatever their order.

    Parameters
    ----------
    distances
        All distances of two or more points.
    """
    levels = levels_of(distances)
    central = np.argsort(levels.mean(axis=1), kind="stable")  # the first in common is a neighbour of most others
    levels = levels[np.ix_(central, central)]
    first, second = np.triu_indices(len(levels), 1)
    lengths = levels[first, second]
    order = np.argsort(lengths, kind="stable")[::-1]
    order = order[np.searchsorted(-lengths[order].astype(int), -int(levels.max(axis=1).min())) :]
    start, size = 0, MOST
    while start < len(order):
        part = order[start : start + size]
        failed = np.flatnonzero(in_doubt(levels, first[part], second[part]))
        if not len(failed):
            start, size = start + size, min(2 * size, MOST)
        elif size > LEAST:
            start, size = start + int(failed[0]), size // 2
        else:
            equal = order[lengths[order] == lengths[part[failed[0]]]]
            ends = np.sort([central[first[equal]], central[second[equal]]], axis=0)
            return float(distances.between(*ends).max())
    return 0.0


def in_doubt(levels: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return of which edges, of falling length, the link is not shown to be connected, (k,).

    Parameters
    ----------
    levels
        Distances, (n, n); a point is in the link of more edges, the earlier it comes.
    first, second
        The ends of the edges, (k,).
    """
    edges = np.arange(len(first))
    near = _bits(levels < levels[first[-1], second[-1]])
    link = _bits(levels <= levels[first[0], second[0]])
    link = link[first] & link[second]
    for ends in (first, second):
        link[edges, ends // WORD] &= ~_bit(ends)
    common = near[first] & near[second]
    word = (common != 0).argmax(axis=1)
    lowest = common[edges, word]
    lowest &= ~lowest + np.uint64(1)
    middle = np.where(lowest, WORD * word + np.frexp(lowest.astype(float))[1] - 1, 0)
    star = near[middle]
    left = link & ~star
    doubtful = lowest == 0
    open_edges = np.flatnonzero(left.any(axis=1) & ~doubtful)
    star &= common
    bits = np.unpackbits(left[open_edges].view(np.uint8), axis=1, bitorder="little").view(np.bool)
    places, points = np.divmod(np.flatnonzero(bits), bits.shape[1])
    places = open_edges[places]
    doubtful[places[~(star[places] & near[points]).any(axis=1)]] = True
    return doubtful


def _bits(matrix: np.ndarray) -> np.ndarray:
    """Return the rows of a matrix of truth values, (n, n), as words of bits."""
    n = len(matrix)
    padded = np.zeros((n, -(-n // WORD) * WORD // 8), dtype=np.uint8)
    padded[:, : -(-n // 8)] = np.packbits(matrix, axis=1, bitorder="little")
    return padded.view("<u8")


def _bit(points: np.ndarray) -> np.ndarray:
    return np.uint64(1) << (points % WORD).astype(np.uint64)
