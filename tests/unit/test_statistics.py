"""Intervals: hand-computed values, nominal coverage, and what is said where the data allow no interval."""

import logging
import math

import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.statistics import (
    bootstrap_interval,
    jackknife_interval,
    mean_interval,
    ratio_interval,
    ratio_of_estimates,
)


def test_mean_interval_equals_the_textbook_formula():
    # mean 3, standard deviation sqrt(2.5), t(4, 0.975) = 2.7764451 from a printed table
    interval = mean_interval([1, 2, 3, 4, 5])
    assert interval.value == pytest.approx(3)
    assert interval.high - 3 == pytest.approx(2.7764451 * math.sqrt(2.5 / 5))
    assert 3 - interval.low == pytest.approx(interval.high - 3)


def test_a_higher_level_widens_the_interval():
    narrow, wide = mean_interval([1, 2, 4], 0.8), mean_interval([1, 2, 4], 0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize("values", [[7.0], [7.0, float("nan")]])
def test_one_replicate_has_a_mean_but_no_interval(values):
    interval = mean_interval(values)
    assert interval.value == 7
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_nothing_gives_nan():
    assert all(map(math.isnan, mean_interval([])))
    assert all(map(math.isnan, bootstrap_interval([math.nan], np.mean)))
    assert all(map(math.isnan, ratio_interval([1.0], [0.0])))


def test_nan_is_dropped_and_said_so(caplog):
    with caplog.at_level(logging.WARNING):
        interval = mean_interval([1, 2, math.nan, 3])
    assert interval == mean_interval([1, 2, 3])
    assert "dropped 1 undefined of 4" in caplog.text


def test_nothing_is_said_of_complete_replicates(caplog):
    with caplog.at_level(logging.WARNING):
        mean_interval([1, 2, 3])
    assert not caplog.text


def coverage(interval, truth, trials):
    """Share of the trials whose interval contains the truth."""
    return np.mean([low <= truth <= high for _, low, high in map(interval, range(trials))])


def test_mean_interval_covers_at_its_nominal_rate():
    rng = np.random.default_rng(1)
    samples = rng.normal(5, 2, (2000, 6))
    # three binomial standard errors of 2000 trials at 90 % are 2 %
    assert coverage(lambda trial: mean_interval(samples[trial], 0.9), 5, 2000) == pytest.approx(0.9, abs=0.02)


def test_ratio_interval_covers_at_its_nominal_rate():
    rng = np.random.default_rng(2)
    values, nulls = rng.normal(30, 3, (2000, 10)), rng.normal(100, 2, (2000, 10))
    truth = 0.3 * np.mean(100 / rng.normal(100, 2, 10**6))
    assert coverage(lambda t: ratio_interval(values[t], nulls[t], 0.9), truth, 2000) == pytest.approx(0.9, abs=0.02)


def test_bootstrap_interval_covers_near_its_nominal_rate():
    rng = np.random.default_rng(3)
    samples = rng.exponential(1, (200, 60))
    rate = coverage(lambda trial: bootstrap_interval(samples[trial], np.mean, level=0.9, resamples=400), 1, 200)
    assert rate == pytest.approx(0.9, abs=0.08)


def test_jackknife_interval_of_a_mean_equals_the_t_interval_of_the_mean():
    # with groups of one point the jackknife of the mean is Student's interval exactly
    sample = np.random.default_rng(4).normal(size=12)
    leave_outs = [np.delete(sample, index).mean() for index in range(12)]
    assert jackknife_interval(sample.mean(), leave_outs) == pytest.approx(mean_interval(sample))


def test_jackknife_interval_by_hand():
    # G = 2: variance 1/2 ((1-2)² + (3-2)²) = 1, t(1, 0.975) = 12.7062047
    interval = jackknife_interval(2.5, [1, 3])
    assert interval.value == 2.5
    assert interval.high == pytest.approx(2.5 + 12.7062047)
    assert interval.low == pytest.approx(2.5 - 12.7062047)


def test_an_undefined_leave_out_estimate_leaves_no_interval_and_is_said(caplog):
    with caplog.at_level(logging.WARNING):
        interval = jackknife_interval(2.0, [1, math.nan, 3])
    assert interval.value == 2
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert "1 of 3" in caplog.text


def test_ratio_interval_by_hand():
    # ratios 1 and 3: mean 2, standard error 1, t(1, 0.975) = 12.7062047
    interval = ratio_interval([2, 3], [2, 1])
    assert interval.value == pytest.approx(2)
    assert math.log(interval.high / 2) == pytest.approx(12.7062047 / 2)
    assert interval.low * interval.high == pytest.approx(4)


def test_ratio_does_not_depend_on_the_unit():
    values, nulls = np.array([3.0, 4.0, 8.0]), np.array([5.0, 6.0, 7.0])
    assert ratio_interval(values * 1000, nulls * 1000) == pytest.approx(ratio_interval(values, nulls))


def test_ratio_interval_stays_positive_with_a_class_without_bars():
    interval = ratio_interval([0, 1, 2, 5], 2.0)
    assert interval.value == pytest.approx(1)
    assert 0 < interval.low < 1 < interval.high


def test_ratios_that_are_all_zero_have_no_interval():
    interval = ratio_interval([0, 0], [1, 1])
    assert interval.value == 0
    assert math.isnan(interval.low)


def test_ratio_of_estimates_by_hand():
    # both known within a factor 2: on the log scale the half-widths log 2 add in quadrature
    interval = ratio_of_estimates((6, 3, 12), (2, 1, 4))
    assert interval.value == pytest.approx(3)
    assert math.log(interval.high / 3) == pytest.approx(math.sqrt(2) * math.log(2))
    assert interval.low * interval.high == pytest.approx(9)


def test_ratio_of_estimates_covers_at_its_nominal_rate():
    rng = np.random.default_rng(6)
    values, nulls = rng.normal(30, 1, 4000), rng.normal(100, 3, 4000)
    z = 1.6448536  # normal quantile of a two-sided 90 %

    def interval(trial):
        value, null = values[trial], nulls[trial]
        return ratio_of_estimates((value, value - z, value + z), (null, null - 3 * z, null + 3 * z))

    assert coverage(interval, 0.3, 4000) == pytest.approx(0.9, abs=0.015)


@pytest.mark.parametrize("null", [(2, math.nan, math.nan), (2, -1, 5)])
def test_a_ratio_without_positive_bounds_has_no_interval(null):
    interval = ratio_of_estimates((6, 3, 12), null)
    assert interval.value == 3
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_a_null_of_zero_allows_no_ratio():
    assert all(map(math.isnan, ratio_of_estimates((6, 3, 12), (0, 0, 1))))


def test_bootstrap_is_seeded():
    values = np.random.default_rng(5).exponential(1, 30)
    first, again = (bootstrap_interval(values, np.median, resamples=200, seed=1) for _ in range(2))
    assert first == again
    assert first != bootstrap_interval(values, np.median, resamples=200, seed=2)


@pytest.mark.parametrize("method", ["BCa", "percentile"])
def test_bootstrap_contains_its_value_and_takes_plain_functions(method):
    values = np.arange(20.0)
    low, high = bootstrap_interval(values, lambda sample: sum(sample) / len(sample), resamples=300, method=method)[1:]
    assert low < values.mean() < high


def test_equal_replicates_give_an_interval_of_no_width():
    assert bootstrap_interval([2, 2, 2], np.mean) == (2, 2, 2)
    assert mean_interval([2, 2, 2]) == (2, 2, 2)
    assert ratio_interval([2, 2, 2], 1) == (2, 2, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_interval([1, 2], level=1.5), "level.*Received: 1.5"),
        (lambda: mean_interval([[1, 2]]), r"shape \(n,\).*Received: shape \(1, 2\)"),
        (lambda: mean_interval([1, math.inf]), "Received: 1 infinite"),
        (lambda: ratio_interval([1, 2], [1, 2, 3]), r"Received: shape \(3,\)"),
        (lambda: ratio_interval([1, -2], 1), "Received: smallest -2"),
        (lambda: bootstrap_interval([1, 2], np.mean, method="magic"), "Received: 'magic'"),
        (lambda: bootstrap_interval([1, 2], np.mean, resamples=0), "Received: 0"),
        (lambda: bootstrap_interval([1], np.mean, level=0), "Received: 0"),
        (lambda: jackknife_interval(1, [[1]]), r"Received: shape \(1, 1\)"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
