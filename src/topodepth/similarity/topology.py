"""Whether clusters and loops arise at the same scales: divergences of two filtrations, distances of diagrams.

Distances of each side are divided by their 0.9 quantile first, so all of it is free of scale.
"""

import numpy as np

from topodepth.errors import InputError, is_whole
from topodepth.homology import persistence_diagrams
from topodepth.homology.spanning_tree import prim
from topodepth.similarity import WHOLE, Side, register

LINES = 50
ROUNDING = 1e-12  # a cost is less if it is less by more than this, relatively


@register("rtd_lite", distance=True)
def rtd_lite(a: Side, b: Side, /) -> float:
    """Return RTD-lite: how much later clusters merge on each side than where both are looked at together.

    With m the least of both distances, edge by edge, and MST the length of the minimum spanning tree, it is
    (MST(a) − MST(m)) / 2 + (MST(b) − MST(m)) / 2: the mean over both directions of the summed lengths of the
    RTD-lite barcode. It is 0 for equal distances, and grows with the number of points.

    References
    ----------
    Tulchinskii et al. (2025), RTD-Lite: scalable topological analysis for comparing weighted graphs in learning tasks,
    AISTATS.
    """
    if not (a.unit and b.unit):
        return float("nan")
    trees = (side.once("tree", lambda side: _tree(side.scaled), WHOLE) for side in (a, b))
    return max(0.0, sum(trees) / 2 - _tree(np.minimum(a.scaled, b.scaled)))


def _tree(distances: np.ndarray) -> float:
    return float(prim(distances.__getitem__, len(distances)).sum())


@register("rtd", distance=True)
def rtd(a: Side, b: Side, /, *, points: int = 100) -> float:
    """Return RTD: the summed lengths of the bars of H_1 of the cross-barcode, averaged over both directions.

    The cross-barcode of (a, b) is that of 2n vertices with distances 0 within the first n, those of a between both
    halves, and the least of both within the second (:func:`cross_matrix`). H_1 of 2n vertices: exact, so for few.

    Parameters
    ----------
    a, b
        Points of the same images.
    points
        At most this many of them, spread evenly over the order in which they come.

    References
    ----------
    Barannikov et al. (2022), Representation topology divergence: a method for comparing neural network
    representations, ICML.
    """
    if not is_whole(points, 2):
        raise InputError(f"points: expected a whole number from 2. Received: {points!r}.")
    if len(a) > points:
        rows = np.linspace(0, len(a) - 1, points).round().astype(int)
        a, b = a.take(rows), b.take(rows)
    if not (a.unit and b.unit):
        return float("nan")
    return sum(_loops(one, other) for one, other in ((a, b), (b, a))) / 2


def _loops(one: Side, other: Side) -> float:
    bars = persistence_diagrams(distances=cross_matrix(one.scaled, other.scaled), max_dim=1)[1]
    return float((bars[:, 1] - bars[:, 0]).sum())


def cross_matrix(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the distances (2n, 2n) whose H_1 is the cross-barcode of one (n, n) and the other.

    This is the simpler of two matrices in use, as in the code of the source. The paper's has the distances of ``one``
    within its first half, only half of those between the halves, and one vertex more; its H_1 is the same.
    """
    return np.block([[np.zeros_like(one), one], [one, np.minimum(one, other)]])


@register("bottleneck_h0", distance=True, paired=False)
def bottleneck_h0(a: Side, b: Side, /) -> float:
    """Return the bottleneck distance of both H_0 diagrams; see :func:`bottleneck_h1`."""
    return _bottleneck(a, b, 0)


@register("bottleneck_h1", distance=True, paired=False)
def bottleneck_h1(a: Side, b: Side, /) -> float:
    """Return the bottleneck distance of both H_1 diagrams, exactly: GUDHI's, or Hera's where that is too large.

    Its norm between two bars is the largest difference of births and deaths (L∞), so a bar alone costs half its length.
    Only finite bars are compared: the one essential bar of H_0 is born at 0 on every side, and costs nothing.

    References
    ----------
    Kerber, Morozov & Nigmetov (2017), Geometry helps to compare persistence diagrams, ACM J. Exp. Algorithmics 22.

    Notes
    -----
    Of few bars GUDHI 3.13.0 can make the distance too large (``findings/gudhi_bottleneck_distance_is_too_large.sh``).
    """
    return _bottleneck(a, b, 1)


@register("sliced_wasserstein_h0", distance=True, paired=False)
def sliced_wasserstein_h0(a: Side, b: Side, /, *, lines: int = LINES) -> float:
    """Return the sliced Wasserstein distance of both H_0 diagrams; see :func:`sliced_wasserstein_h1`."""
    return _sliced(a, b, 0, lines)


@register("sliced_wasserstein_h1", distance=True, paired=False)
def sliced_wasserstein_h1(a: Side, b: Side, /, *, lines: int = LINES) -> float:
    """Return the sliced Wasserstein distance of both H_1 diagrams.

    Finite bars of each side, with those of the other projected to the diagonal, are projected to lines through 0;
    sorted projections are compared by the sum of absolute differences (W_1), and that is averaged over the lines.

    Parameters
    ----------
    a, b
        Points of the same images.
    lines
        Number of lines, at angles spread evenly over half a turn.

    References
    ----------
    Carrière, Cuturi & Oudot (2017), Sliced Wasserstein kernel for persistence diagrams, ICML.

    Notes
    -----
    GUDHI 3.13's ``SlicedWassersteinDistance(num_directions=m)`` averages over m − 1 lines: it leaves the last of m even
    angles out, and half a turn is not covered. Here all count.
    """
    return _sliced(a, b, 1, lines)


def bottleneck(one: np.ndarray, other: np.ndarray) -> float:
    """Return the bottleneck distance of finite bars, (k, 2) and (m, 2); bars of no length cost nothing.

    GUDHI's search for a matching can end too early, so what it found is kept where no matching costs less. Hera, of the
    same package, is exact, and slower.
    """
    from gudhi import bottleneck_distance, hera

    one, other = (bars[bars[:, 0] < bars[:, 1]] for bars in (one, other))  # Hera takes no others
    found = float(bottleneck_distance(one, other))
    return float(hera.bottleneck_distance(one, other, delta=0)) if _can_cost_less(one, other, found) else found


def _can_cost_less(one: np.ndarray, other: np.ndarray, cost: float) -> bool:
    """Tell whether bars can be matched at less than a cost.

    Bars that cost less alone need no partner. If those of one side that need one can all have one, and those of the
    other side too, then both at once can (Mendelsohn & Dulmage 1958).
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    cost *= 1 - ROUNDING
    near = np.abs(one[:, None] - other).max(axis=2) < cost
    needy = (near[np.ptp(one, axis=1) / 2 >= cost], near.T[np.ptp(other, axis=1) / 2 >= cost])
    return all((maximum_bipartite_matching(csr_array(rows), perm_type="column") >= 0).all() for rows in needy)


def _bottleneck(a: Side, b: Side, degree: int) -> float:
    if not (a.unit and b.unit):
        return float("nan")
    return bottleneck(a.diagram(degree), b.diagram(degree))


def _sliced(a: Side, b: Side, degree: int, lines: int) -> float:
    if not is_whole(lines, 1):
        raise InputError(f"lines: expected a whole number from 1. Received: {lines!r}.")
    if not (a.unit and b.unit):
        return float("nan")
    return sliced_wasserstein(a.diagram(degree), b.diagram(degree), lines)


def sliced_wasserstein(one: np.ndarray, other: np.ndarray, lines: int = LINES) -> float:
    """Return the sliced Wasserstein distance of two diagrams of finite bars, (k, 2) and (l, 2)."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, lines, endpoint=False)
    directions = np.stack([np.cos(angles), np.sin(angles)])
    ends = [
        np.sort(np.concatenate([bars, np.repeat(opposite.mean(axis=1, keepdims=True), 2, axis=1)]) @ directions, axis=0)
        for bars, opposite in ((one, other), (other, one))
    ]
    return float(np.abs(ends[0] - ends[1]).sum(axis=0).mean())
