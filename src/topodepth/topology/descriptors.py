"""Scalar summaries of one persistence diagram. NumPy only.

A descriptor takes a diagram, (k, 2) bars (birth, death), and returns a float; an empty diagram gives 0. Essential
bars (death inf) count in the Betti curve only. Adding one = a function here with ``@register("name")``.
"""

import numpy as np

from topodepth.errors import InputError
from topodepth.registry import Registry

registry = Registry(__name__, "descriptor")
register = registry.register

# descriptor and homology dimension: every point is a component at 0, so this is the number of points whatever the data
CONSTANT = {("betti_peak", 0)}


@register("lifespan_sum")
def lifespan_sum(diagram: np.ndarray, alpha: float = 1.0, weight: float = 0.5) -> float:
    """Return E^α = Σ weight · (death − birth)^α over the finite bars, in the unit of the distances to the power α.

    With α = 1 and weight 1 the value for H_0 is the length of the minimum spanning tree. The weight 0.5 is that of
    Magai & Ayzenberg (2022), arXiv:2204.08624.

    Raises
    ------
    InputError
        If α is not positive or the diagram is not of shape (k, 2).
    """
    if not alpha > 0:
        raise InputError(f"alpha: expected a positive number. Received: {alpha!r}")
    return float(weight * np.sum(lifespans(diagram) ** alpha))


@register("persistent_entropy")
def persistent_entropy(diagram: np.ndarray) -> float:
    """Return the Shannon entropy, in nats, of the finite lifespans divided by their sum; 0 for at most one bar.

    Chintakunta et al. (2015), An entropy-based persistence barcode, Pattern Recognition 48.
    """
    lengths = lifespans(diagram)
    if len(lengths) < 2:
        return 0.0
    shares = lengths / lengths.sum()
    return float(-np.sum(shares * np.log(shares)))


@register("longest_bar")
def longest_bar(diagram: np.ndarray) -> float:
    """Return the length of the longest finite bar, in the unit of the distances."""
    return float(lifespans(diagram).max(initial=0.0))


@register("betti_peak")
def betti_peak(diagram: np.ndarray) -> float:
    """Return the largest Betti number along the filtration: the maximum of :func:`betti_curve`."""
    bars = _checked(diagram)
    # The curve rises only at births, so its maximum is reached at one of them.
    return float(betti_curve(bars, np.unique(bars[:, 0])).max(initial=0))


def betti_curve(diagram: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return the number of bars alive (birth ≤ t < death) at every value t of ``grid``, (m,) integers.

    Essential bars are alive from their birth on. Edelsbrunner & Harer (2010), Computational Topology, VII.1.
    """
    bars = _checked(diagram)
    grid = np.asarray(grid, dtype=np.float64)
    born = np.searchsorted(np.sort(bars[:, 0]), grid, side="right")
    dead = np.searchsorted(np.sort(bars[:, 1]), grid, side="right")
    return born - dead


def lifespans(diagram: np.ndarray) -> np.ndarray:
    """Return death − birth of the finite bars of positive length, (k,) float64.

    Raises
    ------
    InputError
        If the diagram is not of shape (k, 2), holds NaN, or a bar dies before its birth.
    """
    bars = _checked(diagram)
    lengths = bars[:, 1] - bars[:, 0]
    return lengths[np.isfinite(lengths) & (lengths > 0)]


def _checked(diagram: np.ndarray) -> np.ndarray:
    bars = np.asarray(diagram, dtype=np.float64)
    if bars.size == 0:
        return np.empty((0, 2))
    if bars.ndim != 2 or bars.shape[1] != 2:
        raise InputError(f"diagram: expected bars of shape (k, 2). Received: shape {bars.shape}")
    if not (np.isfinite(bars[:, 0]).all() and (bars[:, 1] >= bars[:, 0]).all()):
        raise InputError("diagram: expected finite births and deaths not before them. Received: a bar that is neither")
    return bars
