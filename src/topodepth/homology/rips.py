"""Vietoris–Rips persistence diagrams of points or distances: which of the ways to them is taken."""

from importlib.util import find_spec
from typing import Any

import numpy as np

from topodepth.errors import InputError, is_whole, unknown_name
from topodepth.homology.condensed import Condensed
from topodepth.homology.devices import computing_on
from topodepth.homology.distances import checked_distances, checked_points, condensed, prepared, squared_norms
from topodepth.homology.engines import COMPUTE, HIGHER, diagrams_of, sorted_diagrams
from topodepth.homology.h1 import h1_diagrams
from topodepth.homology.h2 import h2_diagrams
from topodepth.homology.spanning_tree import minimum_spanning_tree_lengths, prim
from topodepth.homology.ties import merged_bars
from topodepth.jobs import memory

MAX_DIMENSION = 3
ENGINES = ("auto", *COMPUTE)
PIVOTS = 16


def persistence_diagrams(
    points: np.ndarray | None = None,
    *,
    distances: np.ndarray | None = None,
    max_dim: int = 1,
    engine: str = "auto",
    device: Any = None,
) -> list[np.ndarray]:
    """Return the persistence diagrams of the Vietoris–Rips filtration, over the field with two elements.

    Parameters
    ----------
    points
        Points in Euclidean space, shape (n, d). Either this or ``distances``.
    distances
        Symmetric matrix of distances (or any dissimilarity) with zero diagonal, shape (n, n). Taken as exact.
    max_dim
        Highest homology dimension, 0 to 3. Time and memory grow about as n to the power ``max_dim + 2``.
    engine
        ``"auto"``: H_0 alone from the minimum spanning tree, the rest from the fastest engine installed (redzed-tda
        for H_1, GUDHI beyond), H_1 from as many edges as it needs; ``"redzed"``, of which a call cannot be interrupted;
        ``"gudhi"``; ``"ripser"``, the reference, which works in float32.
    device
        Where H_0 of points is computed, with ``max_dim=0``: ``"cpu"``; ``"cuda"``, a GPU, by PyTorch; or ``"auto"``,
        as :func:`topodepth.homology.computing_on` says. None: as the block of that around the call says, the CPU
        without one. H_1 and above need all distances, and are computed on the CPU.

    Returns
    -------
    list of ndarray
        One float64 array (k, 2) of bars (birth, death) for each homology dimension 0..max_dim, in the unit of the
        distances, sorted by birth, then death. The one essential bar of H_0 has death inf. Bars of length zero, such
        as those of repeated points, are left out. Distances of points are right to a relative error of 1e-11, equal
        ones are equal, and shorter bars than that there are none.

    Raises
    ------
    InputError
        If the input is not 2-D, empty or not finite; if distances are negative, asymmetric or not zero on the
        diagonal; if ``max_dim`` is out of range or the engine unknown or missing; if there is too little memory.

    References
    ----------
    Edelsbrunner & Harer (2010), Computational Topology. Bauer (2021), Ripser: efficient computation of
    Vietoris–Rips persistence barcodes, J. Appl. Comput. Topology 5.
    """
    if engine not in ENGINES:
        raise unknown_name("homology engine", engine, ENGINES)
    if not is_whole(max_dim, 0, MAX_DIMENSION):
        raise InputError(f"max_dim: expected a whole number from 0 to {MAX_DIMENSION}. Received: {max_dim!r}")
    if (points is None) == (distances is None):
        raise InputError("expected either points or distances. Received: " + ("neither" if points is None else "both"))
    if points is not None:
        points = checked_points(points)
        n, d = points.shape
        memory.require(
            memory.memory_estimate(n, d, int(max_dim), engine), f"H_{max_dim} of {n} points with engine {engine}"
        )
        if max_dim == 0 and engine == "auto":
            with computing_on(device):
                return [_h0_diagram(minimum_spanning_tree_lengths(points))]
        return _of_points(points, int(max_dim), engine)
    assert distances is not None
    matrix = checked_distances(distances)
    if max_dim == 0 and engine == "auto":
        return [_h0_diagram(prim(matrix.__getitem__, len(matrix)))]
    return _of_distances(Condensed.of_matrix(matrix), int(max_dim), engine)


def _of_points(points: np.ndarray, max_dim: int, engine: str) -> list[np.ndarray]:
    """Return the diagrams of points, in which equal distances are equal whatever the way to them."""
    diagrams = _of_distances(distances_side_by_side(points, engine), max_dim, engine)
    return sorted_diagrams(merged_bars(diagrams), max_dim + 1)


def distances_side_by_side(points: np.ndarray, engine: str = "auto") -> Condensed:
    """Return all distances of points, these in the order of :func:`side_by_side`, as an engine takes them."""
    # float32 may carry two equal distances farther apart than float64 can
    merging = engine == "ripser" or find_spec("gudhi") is None

    def make() -> np.ndarray:  # the copies of the points do not outlive it
        cloud = prepared(points)
        return condensed(cloud.take(side_by_side(cloud.centred)), merging)

    return Condensed(len(points), make)


def side_by_side(points: np.ndarray) -> np.ndarray:
    """Return an order of points in which near ones tend to follow each other: the engines read memory in that order.

    Points of overlapping clusters, nearest to the same of a few of them, make redzed-tda a third faster.
    """
    pivots = points[:: max(1, len(points) // PIVOTS)]
    return np.argsort((squared_norms(pivots) - 2 * points @ pivots.T).argmin(axis=1), kind="stable")


def _of_distances(distances: Condensed, max_dim: int, engine: str) -> list[np.ndarray]:
    if len(distances) == 1:
        return [_h0_diagram(np.empty(0))] + [np.empty((0, 2)) for _ in range(max_dim)]
    if engine != "auto":
        return diagrams_of(distances, max_dim, [engine])
    if max_dim > 2:
        return diagrams_of(distances, max_dim, HIGHER)
    return h1_diagrams(distances) if max_dim == 1 else h2_diagrams(distances)


def _h0_diagram(lengths: np.ndarray) -> np.ndarray:
    """Return the H_0 diagram whose finite bars die at the edge lengths of the minimum spanning tree."""
    deaths = np.append(lengths[lengths > 0], np.inf)
    return np.column_stack([np.zeros_like(deaths), deaths])
