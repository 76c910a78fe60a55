"""Bootstrap of models and permutation of their target, both within blocks of controlled variables.

Where models are snapshots of training runs, whole runs are drawn and exchanged.
"""

from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from topodepth.errors import InputError
from topodepth.statistics.intervals import UNDEFINED, Interval, t_quantile
from topodepth.statistics.pairs import Statistic, ratio, signs
from topodepth.statistics.runs import FEWEST_RUNS, Runs, exchanges

FEWEST = 3  # models; the sign of a single difference is no association
CELLS = 4_000_000  # permutations × pairs held at once: 16 MB an array
ROUNDING = 1e-9  # two statistics that differ by less are equal
EXACT = 12  # runs; with more, not all of their signs are tried
DRAWS = 9999


def whole(statistic: Statistic, n: int) -> float:
    """Return the statistic of all n models; NaN if they are too few."""
    return float(statistic(np.ones((1, n)))[0]) if n >= FEWEST else float("nan")


def bootstrap_models(
    statistic: Statistic, blocks: np.ndarray, runs: Runs | None = None, *, level: float, resamples: int, seed: int
) -> Interval:
    """Return a statistic over models with its BCa bootstrap interval; models are drawn within their blocks.

    Parameters
    ----------
    statistic
        Function of counts, see ``pairs``.
    blocks
        Block of each model, integers of shape (n,).
    runs
        Where models are snapshots: whole runs are drawn, within their strata. Of few runs a bootstrap gives too little
        scatter, and normal quantiles are too small; so the shares are those of √(R / (R − 1)) times Student's quantile
        of R − 1 degrees of freedom. With fewer than five runs there are no bounds.
    level, resamples, seed
        Coverage of the interval, number of resamples, and their seed: the same seed draws the same models.

    References
    ----------
    Efron (1987), Better bootstrap confidence intervals, Journal of the American Statistical Association 82(397).
    Davison & Hinkley (1997), Bootstrap methods and their application, section 3.8: whole clusters; 5.3: several strata.
    Hesterberg (2015), What teachers should know about the bootstrap, The American Statistician 69(4): the shares.
    """
    if not 0 < level < 1:
        raise InputError(f"level: expected a number between 0 and 1. Received: {level}.")
    if resamples < 1:
        raise InputError(f"resamples: expected at least 1. Received: {resamples}.")
    value = whole(statistic, blocks.size)
    if np.isnan(value):
        return UNDEFINED
    if runs and runs.number < FEWEST_RUNS:
        return Interval(value, float("nan"), float("nan"))
    own, strata = (runs.own, runs.strata) if runs else (np.arange(blocks.size), blocks)
    values = statistic(_resamples(strata, resamples, seed)[:, own])
    values = values[~np.isnan(values)]
    if 2 * values.size < resamples:  # what is left is no picture of the whole
        return Interval(value, float("nan"), float("nan"))
    quantiles = _quantiles(level, runs.number if runs else None)
    low, high = np.quantile(values, _bca_shares(_left_out(statistic, own), strata, value, values, quantiles))
    return Interval(value, float(low), float(high))


def _quantiles(level: float, runs: int | None) -> np.ndarray:
    """Return the normal quantiles of the bounds of an interval over models, and the wider ones of one over few runs."""
    from scipy.special import ndtri

    if runs is None:
        return ndtri([(1 - level) / 2, (1 + level) / 2])
    return np.sqrt(runs / (runs - 1)) * t_quantile(level, runs - 1) * np.array([-1, 1])


def _left_out(statistic: Statistic, own: np.ndarray) -> np.ndarray:
    """Return the statistic without each model, or without each run, (R,)."""
    return statistic(1 - np.eye(own.max() + 1)[:, own])


def permuted_taus(
    measures: np.ndarray,
    y: np.ndarray,
    blocks: np.ndarray,
    runs: Runs | None = None,
    *,
    permutations: int,
    seed: int,
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
    orders = exchanges(runs, blocks, permutations, seed) if runs else _orders(blocks, permutations, seed)
    taus = np.empty((len(orders), len(measures)))
    step = max(1, CELLS // max(1, first.size))
    for start in range(0, len(orders), step):
        order = orders[start : start + step]
        permuted = sign_y[order[:, first], order[:, second]]
        agreement, untied_y = permuted @ sign_x.T, np.abs(permuted) @ known.T
        taus[start : start + step] = ratio(agreement.astype(float), untied_y, untied_x)
    return taus


def largest_of_many(statistics: np.ndarray, *, centred: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return the permutation p-value of every measure, its own and corrected for all of them, (m,) each.

    Parameters
    ----------
    statistics
        Sizes of m statistics as observed, then under each permutation, (1 + permutations, m). Each is divided by its
        root mean square, so that one that scatters more does not set the bar for all others.
    centred
        Whether the mean over the permutations is taken off first: what all runs have in common along the training stays
        when whole runs are exchanged, and would make a measure without it never the largest.

    References
    ----------
    Westfall & Young (1993), Resampling-based multiple testing.
    """
    statistics = statistics - statistics.mean(axis=0) if centred else statistics
    scale = np.sqrt((statistics**2).mean(axis=0))
    scaled = statistics / np.where(scale > 0, scale, 1)
    reached = scaled[0] - ROUNDING
    return (scaled >= reached).mean(axis=0), (scaled.max(axis=1, initial=0)[:, None] >= reached).mean(axis=0)


def common_direction(values: ArrayLike) -> np.ndarray:
    """Return the p-value of each of m values over runs having one sign on the whole, corrected for all m, (m,).

    Two-sided: the share of all signs of the runs that make any value's |Σ v|, divided by its root mean square over the
    signs, at least as large; the observed signs are among them. A run turns the signs of all its values at once. Up to
    12 runs all signs are tried; with more, 9999 random ones (seeded).

    Parameters
    ----------
    values
        A number for each value and run, such as a correlation along the run, (m, R); NaN where there is none.

    References
    ----------
    Fisher (1935), The design of experiments, section 21.
    """
    known = np.nan_to_num(np.asarray(values, dtype=float))
    count = known.shape[1]
    if count <= EXACT:
        signs = np.array(list(product((1.0, -1.0), repeat=count)))
    else:
        signs = np.random.default_rng(0).choice([1.0, -1.0], size=(DRAWS + 1, count))
        signs[0] = 1
    return largest_of_many(np.abs(signs @ known.T))[1]


def _bca_shares(
    left_out: np.ndarray, strata: np.ndarray, value: float, values: np.ndarray, quantiles: np.ndarray
) -> np.ndarray:
    """Return the shares of the resamples that lie below the bias-corrected and accelerated bounds.

    ``left_out`` (R,) is the statistic without each model or run, ``strata`` (R,) where each is drawn.
    """
    from scipy.special import ndtr, ndtri

    # half of those that equal the value count as below it: τ has few values
    below = ((values < value - ROUNDING).mean() + (values <= value + ROUNDING).mean()) / 2
    bias = ndtri(np.clip(below, 0.5 / values.size, 1 - 0.5 / values.size))
    cubes = squares = 0.0
    for stratum in np.unique(strata):
        jackknife = left_out[strata == stratum]
        jackknife = jackknife[~np.isnan(jackknife)]
        if jackknife.size > 1:
            influence = (jackknife.mean() - jackknife) * (1 - 1 / jackknife.size)
            cubes += (influence**3).sum()
            squares += (influence**2).sum()
    acceleration = cubes / (6 * squares**1.5) if squares > 0 else 0.0
    shifted = bias + quantiles
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
