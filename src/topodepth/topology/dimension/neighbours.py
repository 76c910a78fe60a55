"""Dimensions from the distances to a point's nearest neighbours: TwoNN and maximum likelihood."""

from dataclasses import replace
from functools import partial

import numpy as np

from topodepth.errors import InputError
from topodepth.topology.dimension.calibration import truth
from topodepth.topology.dimension.estimate import DimensionEstimate, check_whole, register
from topodepth.topology.dimension.spread import ROUNDING, near_dimension

DISCARD, NEIGHBOURS = 0.1, 20  # the defaults, which the calibration is for


@register("two_nn", tensors=True)
def two_nn(
    points: np.ndarray, *, discard: float = DISCARD, seed: int = 0, kept: np.ndarray | None = None
) -> DimensionEstimate:
    """Return the TwoNN dimension: from the ratio μ of the distances to a point's second and first neighbour.

    log μ is exponentially distributed with rate d. The line through the origin is fitted to −log(1 − F(μ)) against
    log μ, leaving out the largest ratios.

    Parameters
    ----------
    points
        Shape (n, d), n ≥ 10. Copies count once: their ratios tell of rounding, not of the data.
    discard
        Share of the largest ratios left out, 0 ≤ discard < 1.
    seed
        Of the halves of the sample that the interval comes from. The value is deterministic.
    kept
        Indices of the points that count, as in :func:`topodepth.topology.dimension.ph_dimension`.

    Returns
    -------
    DimensionEstimate
        NaN with a note where fewer than 10 points are left without copies, or all have two nearest that are equally
        far. The interval is for the chance of the sample, from its halves (:mod:`topodepth.topology.dimension.spread`):
        neighbours share ratios, so that n of them tell as much as 0.5 n to 0.8 n independent ones. The bias is not
        covered; with the default ``discard`` and 200 points or more its size is told.

    Raises
    ------
    InputError
        If there are fewer than 10 points, or a setting is out of its range.

    References
    ----------
    Facco et al. (2017), Estimating the intrinsic dimension of datasets by a minimal neighborhood information,
    Sci. Rep. 7.
    """
    if not 0 <= discard < 1:
        raise InputError(f"discard: expected a share from 0 to below 1. Received: {discard!r}")
    found = near_dimension(
        points, kept, "TwoNN", least=10, k=2, estimator=partial(_line, discard=discard), seed=seed,
        equal="the two nearest neighbours are",
    )  # fmt: skip
    return _with_truth(found, "two_nn") if discard == DISCARD else found


def _line(near: np.ndarray, discard: float) -> float:
    """Return the slope of −log(1 − F(μ)) in log μ; NaN where the two nearest are equally far."""
    n = len(near)
    logs = np.sort(np.log(near[:, 1] / near[:, 0]))
    used = max(2, int(n * (1 - discard)))
    # With nothing discarded the last value, where the empirical F is 1, is left out: its logarithm does not exist.
    used = min(used, n - 1)
    heights = -np.log1p(-np.arange(1, used + 1) / n)
    if logs[used - 1] < ROUNDING:
        return np.nan
    return float(logs[:used] @ heights / (logs[:used] @ logs[:used]))


@register("mle", tensors=True)
def mle_dimension(
    points: np.ndarray, *, neighbours: int = NEIGHBOURS, seed: int = 0, kept: np.ndarray | None = None
) -> DimensionEstimate:
    """Return the Levina–Bickel maximum-likelihood dimension from the distances to the k nearest neighbours.

    The mean of log(T_k / T_j), j < k, at a point estimates 1/d there. These inverses are averaged over the points
    before they are inverted, as MacKay & Ghahramani advise: that is the maximum of the pooled likelihood.

    Parameters
    ----------
    points
        Shape (n, d), n > k and n ≥ 10. Copies count once.
    neighbours
        k ≥ 3.
    seed, kept
        As for :func:`two_nn`.

    Returns
    -------
    DimensionEstimate
        NaN with a note where at most k points, or fewer than 10, are left without copies, or all neighbours are
        equally far. The interval is made as that of :func:`two_nn`, and needs 2k + 2 points; neighbourhoods overlap,
        and the variance is 1.1 to 2.1 times that of independent ones. The bias (low in high dimension) is not covered;
        with the default k and 200 points or more its size is told.

    Raises
    ------
    InputError
        If there are too few points, or k is out of its range.

    References
    ----------
    Levina & Bickel (2004), Maximum likelihood estimation of intrinsic dimension, NeurIPS 17. MacKay & Ghahramani
    (2005), Comments on "Maximum likelihood estimation of intrinsic dimension".
    """
    check_whole("neighbours", neighbours, 3)
    least = max(10, neighbours + 1)
    found = near_dimension(
        points, kept, "maximum-likelihood dimension", least=least, k=neighbours, estimator=_pooled, seed=seed,
        equal="all neighbours are",
    )  # fmt: skip
    return _with_truth(found, "mle") if neighbours == NEIGHBOURS else found


def _with_truth(found: DimensionEstimate, estimator: str) -> DimensionEstimate:
    """Return an estimate with what true dimension it may stand for."""
    known = truth(estimator, found.value, found.ci_low, found.ci_high, found.n_points)
    return replace(found, **known._asdict())


def _pooled(near: np.ndarray) -> float:
    """Return the maximum of the pooled likelihood; NaN where all neighbours are equally far."""
    mean = float(np.log(near[:, -1:] / near[:, :-1]).mean(axis=1).mean())
    return 1 / mean if mean >= ROUNDING else np.nan
