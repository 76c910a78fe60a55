"""Intervals for the values in the tables: over replicates, by bootstrap, as a ratio to a null model, by jackknife."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from topodepth.errors import InputError

log = logging.getLogger(__name__)

SAME = 1e-12  # half an interval below this part of the estimate is rounding


class Interval(NamedTuple):
    """A value with its confidence bounds; the bounds are NaN where the data allow none."""

    value: float
    low: float
    high: float


UNDEFINED = Interval(float("nan"), float("nan"), float("nan"))


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Return the mean of independent replicates with its Student t interval.

    Parameters
    ----------
    values
        Replicates (classes, draws, seeds), shape (n,). NaN is dropped, and a warning is logged.
    level
        Coverage of the interval, between 0 and 1.

    Returns
    -------
    Interval
        Mean and bounds in the unit of the values. With fewer than two replicates the bounds are NaN, with none
        the mean as well.

    Raises
    ------
    InputError
        If the values are not one-dimensional or infinite, or the level is not between 0 and 1.

    References
    ----------
    Student (1908), The probable error of a mean, Biometrika 6(1).
    """
    sample = _replicates(values, "values")
    quantile = t_quantile(level, sample.size - 1)
    if sample.size == 0:
        return UNDEFINED
    mean = float(sample.mean())
    margin = quantile * _standard_error(sample)
    return Interval(mean, mean - margin, mean + margin)


def ratio_interval(values: ArrayLike, nulls: ArrayLike, level: float = 0.95) -> Interval:
    """Return the mean of value / null over replicates with a t interval on the log scale.

    The interval is exp(log m ± t s/m), m the mean ratio and s its standard error (the delta method for log m). So its
    bounds are positive, it looks symmetric on a log axis, and a replicate whose value is 0 (a class without a single
    loop) needs no special treatment, which the logarithm of each ratio would.

    Parameters
    ----------
    values
        Values of the data, shape (n,), none negative.
    nulls
        Null value that belongs to each, shape (n,), or one for all, none negative. A null value of 0 allows no ratio:
        that replicate is dropped like a NaN, and a warning is logged.
    level
        Coverage of the interval, between 0 and 1.

    Returns
    -------
    Interval
        Mean ratio and bounds, without unit. With fewer than two ratios, or if every ratio is 0, the bounds are NaN.

    Raises
    ------
    InputError
        If the shapes differ, a value is negative or infinite, or the level is not between 0 and 1.

    References
    ----------
    Oehlert (1992), A note on the delta method, The American Statistician 46(1).
    """
    values, nulls = _one_dimensional(values, "values"), np.asarray(nulls, dtype=float)
    if nulls.shape not in ((), values.shape):
        raise InputError(f"nulls: expected one number or shape {values.shape}. Received: shape {nulls.shape}.")
    if (values < 0).any() or (nulls < 0).any() or np.isinf(nulls).any():
        raise InputError(f"values and nulls: expected numbers from 0. Received: {_extremes(values, nulls)}.")
    ratios = np.divide(values, nulls, out=np.full(values.shape, np.nan), where=nulls > 0)
    sample = _replicates(ratios, "ratios")
    quantile = t_quantile(level, sample.size - 1)
    mean = float(sample.mean()) if sample.size else float("nan")
    if not mean > 0:
        return Interval(mean, float("nan"), float("nan"))
    factor = float(np.exp(quantile * _standard_error(sample) / mean))
    return Interval(mean, mean / factor, mean * factor)


def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable[..., float],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    method: str = "BCa",
) -> Interval:
    """Return a statistic of a sample with its bootstrap interval.

    Parameters
    ----------
    values
        Independent replicates, shape (n,). NaN is dropped, and a warning is logged.
    statistic
        Function of a (k,) array that returns a number. One that takes ``axis`` is called on all resamples at once.
    level
        Coverage of the interval, between 0 and 1.
    resamples
        Number of resamples with replacement.
    seed
        Seed of the resampling: the same call gives the same bounds.
    method
        ``"BCa"`` (bias-corrected and accelerated) or ``"percentile"``.

    Returns
    -------
    Interval
        The statistic of the whole sample and its bounds. With fewer than two replicates the bounds are NaN; if all
        replicates are equal, the bounds equal the value.

    Raises
    ------
    InputError
        If an argument is out of range.

    References
    ----------
    Efron (1987), Better bootstrap confidence intervals, Journal of the American Statistical Association 82(397).
    """
    if method not in ("BCa", "percentile"):
        raise InputError(f"method: expected 'BCa' or 'percentile'. Received: {method!r}.")
    if resamples < 1:
        raise InputError(f"resamples: expected at least 1. Received: {resamples}.")
    sample = _replicates(values, "values")
    _check_level(level)
    if sample.size == 0:
        return UNDEFINED
    value = float(statistic(sample))
    if sample.size < 2:
        return Interval(value, float("nan"), float("nan"))
    if np.ptp(sample) == 0:  # every resample is the sample; BCa would divide by zero
        return Interval(value, value, value)
    from scipy.stats import bootstrap

    low, high = bootstrap(
        (sample,),
        statistic,
        confidence_level=level,
        n_resamples=resamples,
        method=method,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(value, float(low), float(high))


def jackknife_interval(full: float, leave_outs: ArrayLike, level: float = 0.95) -> Interval:
    """Return an estimate with its delete-a-group jackknife interval.

    For estimators that a bootstrap would mislead, because a resample repeats points and a repeated point has distance
    0 to itself (spanning trees, nearest neighbours). The sample is cut into G groups of (nearly) equal size and the
    estimator is applied G times, each time without one group. The variance is (G-1)/G Σ (θ_g - mean θ)², and the
    interval is the full estimate ± t with G-1 degrees of freedom times its root.

    Parameters
    ----------
    full
        Estimate from the whole sample.
    leave_outs
        Estimates without each group, shape (G,). If one is NaN the variance is unknown: the bounds are NaN, and a
        warning is logged.
    level
        Coverage of the interval, between 0 and 1.

    Returns
    -------
    Interval
        The full estimate and its bounds; NaN bounds with fewer than two groups, or where all estimates without a
        group are equal: a count or a rank that no group moves has a variance of its own, which this cannot see.

    Raises
    ------
    InputError
        If the leave-out estimates are not one-dimensional, or the level is not between 0 and 1.

    References
    ----------
    Tukey (1958), Bias and confidence in not quite large samples, Annals of Mathematical Statistics 29(2).
    Kott (2001), The delete-a-group jackknife, Journal of Official Statistics 17(4).
    """
    undefined = int(np.isnan(_one_dimensional(leave_outs, "leave_outs")).sum())
    if undefined:
        groups = np.size(leave_outs)
        log.warning("jackknife: %d of %d leave-out estimates are undefined, so no interval", undefined, groups)
    return joint_jackknife_interval(full, [leave_outs], level)


def joint_jackknife_interval(full: float, sources: Sequence[ArrayLike], level: float = 0.95) -> Interval:
    """Return an estimate whose chance has several independent sources, with the interval of one jackknife for each.

    The half-widths of the intervals of :func:`jackknife_interval` add in quadrature, each with its own t (MOVER). With
    one source this is :func:`jackknife_interval`. One t for the sum, with Satterthwaite's degrees of freedom, is
    narrower but covered 91 % where three draws of a null model were most of the chance.

    Parameters
    ----------
    full
        Estimate from everything.
    sources
        For each source of chance (groups of images, draws of a null model) the estimates without each of its units,
        shape (G_s,).
    level
        Coverage of the interval, between 0 and 1.

    Returns
    -------
    Interval
        The full estimate and its bounds. The bounds are NaN without a source, where one has fewer than two units or
        an undefined estimate (its variance is unknown), and where no unit of any source changes the estimate.

    Raises
    ------
    InputError
        If estimates are not one-dimensional, or the level is not between 0 and 1.

    References
    ----------
    Zou & Donner (2008), Construction of confidence limits about effect measures: a general approach, Statistics in
    Medicine 27(10): the method of variance estimates recovery.
    """
    _check_level(level)
    arrays = [_one_dimensional(source, "leave_outs") for source in sources]
    if not arrays or any(array.size < 2 or np.isnan(array).any() for array in arrays):
        return Interval(float(full), float("nan"), float("nan"))
    # each half-width: t times the root of (G - 1)/G Σ (θ_g - mean θ)²
    widths = [t_quantile(level, array.size - 1) * ((array.size - 1) * array.var()) ** 0.5 for array in arrays]
    margin = float(np.hypot.reduce(widths))
    if not margin > SAME * abs(full):
        return Interval(float(full), float("nan"), float("nan"))
    return Interval(float(full), float(full) - margin, float(full) + margin)


def t_quantile(level: float, freedom: int) -> float:
    """Return the two-sided Student t quantile; NaN without a degree of freedom."""
    _check_level(level)
    if freedom < 1:
        return float("nan")
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


def _standard_error(sample: np.ndarray) -> float:
    """Return the standard error of the mean; NaN for a single value."""
    return float(sample.std(ddof=1) / sample.size**0.5) if sample.size > 1 else float("nan")


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"level: expected a number between 0 and 1. Received: {level}.")


def _one_dimensional(values: ArrayLike, name: str) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1:
        raise InputError(f"{name}: expected shape (n,). Received: shape {array.shape}.")
    if np.isinf(array).any():
        raise InputError(f"{name}: expected finite numbers or NaN. Received: {int(np.isinf(array).sum())} infinite.")
    return array


def _replicates(values: ArrayLike, name: str) -> np.ndarray:
    """Return the values that are not NaN, and say how many were dropped."""
    array = _one_dimensional(values, name)
    kept = array[~np.isnan(array)]
    if kept.size < array.size:
        log.warning("%s: dropped %d undefined of %d replicates", name, array.size - kept.size, array.size)
    return kept


def _extremes(*arrays: np.ndarray) -> str:
    joined = np.concatenate([np.atleast_1d(array) for array in arrays])
    return f"smallest {np.nanmin(joined):g}, largest {np.nanmax(joined):g}"


def ratio_of_estimates(value: tuple[float, float, float], null: tuple[float, float, float]) -> Interval:
    """Return value / null of two independent estimates that each bring their own interval.

    The relative half-widths of the two intervals add in quadrature on the log scale (the delta method for a quotient
    of independent estimates), so the bounds are positive; a bound that is not above zero gives no interval.

    Parameters
    ----------
    value, null
        (estimate, lower bound, upper bound) each, of the same confidence level, which the result has too.
    """
    bounds = np.array([value, null], dtype=float)
    ratio = float(bounds[0, 0] / bounds[1, 0]) if bounds[1, 0] > 0 else float("nan")
    if not (ratio > 0 and (bounds > 0).all()):
        return Interval(ratio, float("nan"), float("nan"))
    logs = np.log(bounds)
    below, above = logs[:, 0] - logs[:, 1], logs[:, 2] - logs[:, 0]
    # the quotient is low when the value is low or the null is high
    low = ratio * np.exp(-np.hypot(below[0], above[1]))
    high = ratio * np.exp(np.hypot(above[0], below[1]))
    return Interval(ratio, float(low), float(high))
