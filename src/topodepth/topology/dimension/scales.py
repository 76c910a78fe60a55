"""GRIDE: the dimension at the scale of a point's n-th to 2n-th neighbour, n = 1, 2, 4, …, 32: one estimator a scale.

Small n asks for the dimension at the least distances, where noise and rounding fill all of space; large n for that of
the cloud as a whole, whose border biases it. A plateau between them is the dimension that one can speak of.
"""

from functools import partial

import numpy as np

from topodepth.topology.dimension.estimate import DimensionEstimate, check_whole, register
from topodepth.topology.dimension.spread import ROUNDING, near_dimension

ORDERS = {f"gride_{order}": order for order in (1, 2, 4, 8, 16, 32)}  # by the name of the estimator


def gride(points: np.ndarray, order: int, *, seed: int = 0, kept: np.ndarray | None = None) -> DimensionEstimate:
    """Return the GRIDE dimension: of the likelihood of the ratios μ of the distances to the 2n-th and n-th neighbour.

    Where the density is constant out to the 2n-th neighbour, μ^−d is a Beta(n, n) variable. For n = 1 the maximum of
    the likelihood is the inverse of the mean log μ, the ratio of TwoNN.

    Parameters
    ----------
    points
        Shape (m, d), m ≥ 10 and m > 2n. Copies count once.
    order
        n ≥ 1.
    seed, kept
        As for :func:`topodepth.topology.dimension.two_nn`.

    Returns
    -------
    DimensionEstimate
        NaN with a note where too few points are left without copies, or all ratios are 1. The interval is made as that
        of TwoNN; there is none for fewer than 4n + 2 points.

    Raises
    ------
    InputError
        If there are too few points, or n is out of its range.

    References
    ----------
    Denti et al. (2022), The generalized ratios intrinsic dimension estimator, Sci. Rep. 12.
    """
    check_whole("order", order, 1)
    least = max(10, 2 * order + 1)
    return near_dimension(
        points, kept, f"GRIDE of order {order}", least=least, k=2 * order, estimator=partial(likeliest, order=order),
        seed=seed, equal="the neighbours are",
    )  # fmt: skip


def likeliest(near: np.ndarray, order: int) -> float:
    """Return the maximum of the likelihood, from distances to the 2n nearest, (m, 2n); NaN where all ratios are 1.

    With x = d log μ the derivative of the likelihood in d vanishes where 1 + (n − 1) mean(x / (1 − e^−x)) = (2n − 1)
    mean(x). The difference of both sides falls and is convex in d: Newton's method finds its zero from anywhere.
    """
    logs = np.log(near[:, -1] / near[:, order - 1])
    mean = float(logs.mean())
    if mean < ROUNDING:
        return np.nan
    logs = np.maximum(logs, ROUNDING)  # x / (1 − e^−x) tends to 1 at 0
    value = float(np.sum(1 / np.arange(order, 2 * order))) / mean  # what the mean log μ alone says
    for _ in range(50):
        x = value * logs
        gap = -np.expm1(-x)
        height = 1 + (order - 1) * float(np.mean(x / gap)) - (2 * order - 1) * value * mean
        slope = (order - 1) * float(np.mean(logs * (gap - x * (1 - gap)) / gap**2)) - (2 * order - 1) * mean
        step = height / slope
        value -= step
        if abs(step) <= 1e-12 * value:
            break
    return value


@register("gride_1", tensors=True)
def gride_1(points: np.ndarray, *, seed: int = 0, kept: np.ndarray | None = None) -> DimensionEstimate:
    """Return :func:`gride` of order 1: second to first neighbour."""
    return gride(points, 1, seed=seed, kept=kept)


@register("gride_2", tensors=True)
def gride_2(points: np.ndarray, *, seed: int = 0, kept: np.ndarray | None = None) -> DimensionEstimate:
    """Return :func:`gride` of order 2."""
    return gride(points, 2, seed=seed, kept=kept)


@register("gride_4", tensors=True)
def gride_4(points: np.ndarray, *, seed: int = 0, kept: np.ndarray | None = None) -> DimensionEstimate:
    """Return :func:`gride` of order 4."""
    return gride(points, 4, seed=seed, kept=kept)


@register("gride_8", tensors=True)
def gride_8(points: np.ndarray, *, seed: int = 0, kept: np.ndarray | None = None) -> DimensionEstimate:
    """Return :func:`gride` of order 8."""
    return gride(points, 8, seed=seed, kept=kept)


@register("gride_16", tensors=True)
def gride_16(points: np.ndarray, *, seed: int = 0, kept: np.ndarray | None = None) -> DimensionEstimate:
    """Return :func:`gride` of order 16."""
    return gride(points, 16, seed=seed, kept=kept)


@register("gride_32", tensors=True)
def gride_32(points: np.ndarray, *, seed: int = 0, kept: np.ndarray | None = None) -> DimensionEstimate:
    """Return :func:`gride` of order 32: 64th to 32nd neighbour."""
    return gride(points, 32, seed=seed, kept=kept)
