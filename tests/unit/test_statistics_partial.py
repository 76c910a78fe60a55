"""Partial correlations have their nominal level, say why they are undefined, and pay for every measure tried."""

import math

import numpy as np
import pytest
from scipy import special, stats

from topodepth.errors import InputError
from topodepth.statistics import partial_correlation, partial_correlations
from topodepth.statistics.partial import CONSTANT, DETERMINED_MEASURE, DETERMINED_TARGET, TOO_FEW


def confounded(rng, n, k, rho=0.0):
    """A measure and a target that k normal covariates move, and otherwise of partial correlation rho."""
    given = rng.normal(size=(n, k))
    own = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=n)
    return *(given.sum(axis=1)[:, None] + own).T, given


def scores(values):
    return special.ndtri((stats.rankdata(values) - 0.5) / len(values))


def test_it_is_the_correlation_of_least_squares_residuals_of_normal_scores():
    """Of 12 models and a covariate of two values there is one function of it: the covariate itself."""
    rng = np.random.default_rng(7)
    given = np.repeat([0.0, 1.0], 6)[:, None]
    x, y = rng.normal(size=(2, 12)).round(1) + given[:, 0]
    design = np.column_stack([np.ones(12), given])
    residuals = [scores(v) - design @ np.linalg.lstsq(design, scores(v), rcond=None)[0] for v in (x, y)]
    found = partial_correlation(x, y, given, permutations=0)
    expected = stats.pearsonr(*residuals).statistic
    assert found.value == pytest.approx(expected)
    assert found.freedom == 9
    # Fisher (1924): as of a plain correlation of one model less for each covariate
    margin = 1.959964 / np.sqrt(12 - 1 - 3)
    centre = np.arctanh(expected)
    np.testing.assert_allclose([found.low, found.high], np.tanh([centre - margin, centre + margin]), rtol=1e-6)


def test_without_covariates_it_is_the_correlation_of_the_normal_scores():
    x, y = np.random.default_rng(1).normal(size=(2, 15))
    found = partial_correlation(x, y, np.empty((15, 0)))
    assert found.value == pytest.approx(stats.pearsonr(scores(x), scores(y)).statistic)
    assert found.p_value == pytest.approx(stats.pearsonr(scores(x), scores(y)).pvalue, abs=0.02)


@pytest.mark.parametrize(("n", "k"), [(12, 1), (20, 3), (30, 3), (100, 3)])
def test_given_covariates_independent_sides_are_rarely_called_associated_and_of_either_sign(n, k):
    """Of 300 sets 5 % are wrong; above 30 lies chance with probability 0.0003. Ranks made it 31 % of n = 100."""
    rng = np.random.default_rng(n)
    found = [partial_correlation(*confounded(rng, n, k), permutations=199, seed=trial) for trial in range(300)]
    assert sum(one.p_value <= 0.05 for one in found) <= 30
    assert sum(one.low > 0 or one.high < 0 for one in found) <= 30
    assert abs(np.mean([one.value for one in found])) < 4 / math.sqrt(300 * found[0].freedom) + 0.05


@pytest.mark.parametrize(("n", "k", "found_at_least"), [(30, 1, 0.9), (50, 3, 0.9), (20, 1, 0.6)])
def test_a_true_partial_correlation_is_covered_and_found(n, k, found_at_least):
    rng = np.random.default_rng(n)
    found = [partial_correlation(*confounded(rng, n, k, 0.7), permutations=199, seed=trial) for trial in range(150)]
    assert np.mean([one.low <= 0.7 <= one.high for one in found]) >= 0.88
    assert np.mean([one.p_value <= 0.05 for one in found]) >= found_at_least


@pytest.mark.parametrize("n", [20, 60, 150])
def test_any_of_twenty_null_measures_is_called_associated_in_five_percent_however_many_models(n):
    """Of 100 sets 5 are expected, above 14 lies chance with probability 0.0003."""
    rng = np.random.default_rng(n)
    wrong = alone = 0
    for trial in range(100):
        _, y, given = confounded(rng, n, 3)
        measures = given.sum(axis=1) + rng.normal(size=(20, n))
        found = partial_correlations(measures, y, given, permutations=199, seed=trial)
        assert all(one.p_corrected >= one.p_value for one in found)
        wrong += min(one.p_corrected for one in found) <= 0.05
        alone += min(one.p_value for one in found) <= 0.05
    assert wrong <= 14
    assert alone >= 30


def test_monotone_maps_of_either_side_and_the_order_of_models_change_nothing():
    x, y, given = confounded(np.random.default_rng(3), 25, 2, 0.5)
    plain = partial_correlation(x, y, given, permutations=99)
    assert partial_correlation(np.exp(x), y**3, given, permutations=99) == plain
    order = np.random.default_rng(4).permutation(25)
    np.testing.assert_allclose(partial_correlation(x[order], y[order], given[order], permutations=0)[:3], plain[:3])


def test_constant_and_collinear_covariates_change_nothing():
    x, y, given = confounded(np.random.default_rng(9), 60, 2)
    more = np.column_stack([given, np.full(60, 5.0), given[:, 0], 2 * given[:, 1]])
    plain, padded = (partial_correlation(x, y, g, permutations=0) for g in (given[:, :], more))
    assert padded.freedom <= plain.freedom
    constant = partial_correlation(x, y, np.column_stack([given, np.full(60, 5.0)]), permutations=0)
    np.testing.assert_allclose(constant[:3], plain[:3])
    twice = partial_correlation(x, y, np.column_stack([given, given]), permutations=0)
    assert twice.freedom >= plain.freedom  # powers may be fewer, but no column counts twice


@pytest.mark.parametrize(
    ("x", "y", "given", "reason"),
    [
        (lambda z, e: e[0], lambda z, e: np.exp(z[:, 0]), 1, DETERMINED_TARGET),
        (lambda z, e: -(z[:, 0] ** 3), lambda z, e: e[0], 1, DETERMINED_MEASURE),
        (lambda z, e: e[0], lambda z, e: e[1], 9, TOO_FEW),
        (lambda z, e: np.full(12, 2.0), lambda z, e: e[1], 1, CONSTANT),
        (lambda z, e: e[0], lambda z, e: e[1], 1, ""),
    ],
)
def test_what_is_undefined_says_why(x, y, given, reason):
    rng = np.random.default_rng(10)
    z, e = rng.normal(size=(12, given)), rng.normal(size=(2, 12))
    found = partial_correlation(x(z, e), y(z, e), z, permutations=99)
    assert found.reason == reason
    assert found.determined == (reason in (DETERMINED_TARGET, DETERMINED_MEASURE))
    assert np.isnan(found[:5]).all() == bool(reason)
    assert not np.isnan(found[:5]).any() or reason


def test_missing_values_are_left_out_measure_by_measure():
    x, y, given = confounded(np.random.default_rng(11), 30, 1)
    gappy = x.copy()
    gappy[:5] = np.nan
    whole, part = partial_correlations([x, gappy], y, given, permutations=99)
    assert (whole.n, part.n) == (30, 25)
    np.testing.assert_allclose(part[:3], partial_correlation(x[5:], y[5:], given[5:], permutations=0)[:3])


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: partial_correlation(x, y, x),
        lambda x, y: partial_correlation(x, y, x[:-1, None]),
        lambda x, y: partial_correlation(x[:-1], y, x[:, None]),
        lambda x, y: partial_correlation(x * np.inf, y, x[:, None]),
        lambda x, y: partial_correlation(x, y, x[:, None], level=95),
        lambda x, y: partial_correlation(x, y, x[:, None], permutations=-1),
        lambda x, y: partial_correlations(x, y, x[:, None]),
    ],
)
def test_bad_input_is_refused_in_one_line(call):
    with pytest.raises(InputError, match="Received") as error:
        call(np.arange(1.0, 9), np.arange(8.0) ** 2)
    assert "\n" not in str(error.value)
