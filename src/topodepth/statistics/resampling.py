"""Bootstrap of models and permutation of their target, both within blocks of controlled variables."""

import numpy as np

from topodepth.errors import InputError
from topodepth.statistics.intervals import UNDEFINED, Interval
from topodepth.statistics.pairs import Statistic, ratio, signs

FEWEST = 3  # models; the sign of a single difference is no association
CELLS = 4_000_000  # permutations × pairs held at once: 16 MB an array
ROUNDING = 1e-9  # two statistics that differ by less are equal


def whole(statistic: Statistic, n: int) -> float:
    """Return the statistic of all n models; NaN if they are too few."""
    return float(statistic(np.ones((1, n)))[0]) if n >= FEWEST else float("nan")


def bootstrap_models(statistic: Statistic, blocks: np.ndarray, *, level: float, resamples: int, seed: int) -> Interval:
    """Return a statistic over models with its BCa bootstrap interval; models are drawn within their blocks.

    Parameters
    ----------
    statistic
        Function of counts, see ``pairs``.
    blocks
        Block of each model, integers of shape (n,).
    level, resamples, seed
        Coverage of the interval, number of resamples, and their seed: the same seed draws the same models.

    References
    ----------
    Efron (1987), Better bootstrap confidence intervals, Journal of the American Statistical Association 82(397).
    Davison & Hinkley (1997), Bootstrap methods and their application, section 5.3: several strata.
    """
    if not 0 < level < 1:
        raise InputError(f"level: expected a number between 0 and 1. Received: {level}.")
    if resamples < 1:
        raise InputError(f"resamples: expected at least 1. Received: {resamples}.")
    value = whole(statistic, blocks.size)
    if np.isnan(value):
        return UNDEFINED
    values = statistic(_resamples(blocks, resamples, seed))
    values = values[~np.isnan(values)]
    if 2 * values.size < resamples:  # what is left is no picture of the whole
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(values, _bca_shares(statistic, blocks, value, values, level))
    return Interval(value, float(low), float(high))


def permuted_taus(
    measures: np.ndarray, y: np.ndarray, blocks: np.ndarray, *, permutations: int, seed: int
) -> np.ndarray:
    """Return τ-b within blocks of measures (m, n) with the target (n,) as it is, then permuted, (1 + permutations, m).

    Signs and their counts are whole numbers, exact in float32.
    """
    first, second = np.nonzero(np.triu(blocks[:, None] == blocks[None, :], k=1))
    difference = measures[:, first] - measures[:, second]
    known = np.isfinite(difference).astype(np.float32)
    sign_x = np.nan_to_num(np.sign(difference)).astype(np.float32)
    untied_x = np.abs(sign_x).sum(axis=1)
    sign_y = signs(y).astype(np.float32)
    orders = _orders(blocks, permutations, seed)
    taus = np.empty((len(orders), len(measures)))
    step = max(1, CELLS // max(1, first.size))
    for start in range(0, len(orders), step):
        order = orders[start : start + step]
        permuted = sign_y[order[:, first], order[:, second]]
        agreement, untied_y = permuted @ sign_x.T, np.abs(permuted) @ known.T
        taus[start : start + step] = ratio(agreement.astype(float), untied_y, untied_x)
    return taus


def largest_of_many(statistics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the permutation p-value of every measure, its own and corrected for all of them, (m,) each.

    Parameters
    ----------
    statistics
        Sizes of m statistics as observed, then under each permutation, (1 + permutations, m). Each is divided by its
        root mean square, so that one that scatters more does not set the bar for all others.

    References
    ----------
    Westfall & Young (1993), Resampling-based multiple testing.
    """
    scale = np.sqrt((statistics**2).mean(axis=0))
    scaled = statistics / np.where(scale > 0, scale, 1)
    reached = scaled[0] - ROUNDING
    return (scaled >= reached).mean(axis=0), (scaled.max(axis=1, initial=0)[:, None] >= reached).mean(axis=0)


def _bca_shares(statistic: Statistic, blocks: np.ndarray, value: float, values: np.ndarray, level: float) -> np.ndarray:
    """Return the shares of the resamples that lie below the bias-corrected and accelerated bounds."""
    from scipy.special import ndtr, ndtri

    # half of those that equal the value count as below it: τ has few values
    below = ((values < value - ROUNDING).mean() + (values <= value + ROUNDING).mean()) / 2
    bias = ndtri(np.clip(below, 0.5 / values.size, 1 - 0.5 / values.size))
    left_out = statistic(1 - np.eye(blocks.size))
    cubes = squares = 0.0
    for block in np.unique(blocks):
        jackknife = left_out[blocks == block]
        jackknife = jackknife[~np.isnan(jackknife)]
        if jackknife.size > 1:
            influence = (jackknife.mean() - jackknife) * (1 - 1 / jackknife.size)
            cubes += (influence**3).sum()
            squares += (influence**2).sum()
    acceleration = cubes / (6 * squares**1.5) if squares > 0 else 0.0
    shifted = bias + ndtri([(1 - level) / 2, (1 + level) / 2])
    return ndtr(bias + shifted / (1 - acceleration * shifted))


def _resamples(blocks: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Return how often each model is drawn, with replacement within its block, (resamples, n)."""
    rng = np.random.default_rng(seed)
    drawn = np.empty((resamples, blocks.size), dtype=int)
    for block in np.unique(blocks):
        members = np.flatnonzero(blocks == block)
        drawn[:, members] = members[rng.integers(members.size, size=(resamples, members.size))]
    drawn += blocks.size * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(float)


def _orders(blocks: np.ndarray, permutations: int, seed: int) -> np.ndarray:
    """Return the models' own order and random ones within their blocks, (1 + permutations, n)."""
    rng = np.random.default_rng(seed)
    orders = np.tile(np.arange(blocks.size), (1 + permutations, 1))
    for block in np.unique(blocks):
        members = np.flatnonzero(blocks == block)
        orders[1:, members] = rng.permuted(orders[1:, members], axis=1)
    return orders
