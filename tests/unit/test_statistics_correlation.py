"""Correlations agree with SciPy, intervals cover, permutation p-values are exact and honest, gaps are said aloud."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from topodepth.errors import InputError
from topodepth.statistics import (
    METHODS,
    association,
    correlation,
    max_statistic_test,
    paired_difference,
)

SCIPY = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}
# population values for a bivariate normal of correlation r
TRUTH = {
    "pearson": lambda r: r,
    "spearman": lambda r: 6 / math.pi * math.asin(r / 2),
    "kendall": lambda r: 2 / math.pi * math.asin(r),
}


def normal_pair(rng, n, r):
    return rng.multivariate_normal([0, 0], [[1, r], [r, 1]], size=n).T


def tied_pair(seed=0, n=30):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 6, n).astype(float)
    return x, x + rng.integers(0, 7, n)


@pytest.mark.parametrize("method", METHODS)
def test_coefficients_agree_with_scipy_where_values_tie(method):
    for seed in range(5):
        x, y = tied_pair(seed)
        assert correlation(x, y, method) == pytest.approx(SCIPY[method](x, y).statistic, abs=1e-12)


def test_association_holds_the_same_coefficients():
    x, y = tied_pair()
    found = association(x, y, resamples=50, permutations=0)
    for method in METHODS:
        assert getattr(found, method).value == pytest.approx(correlation(x, y, method), abs=1e-12)
    assert found.n == 30
    assert found.note == ""
    assert math.isnan(found.p_value)


def test_within_blocks_the_coefficients_are_the_textbook_ones():
    rng = np.random.default_rng(1)
    blocks = np.repeat(["a", "b", "c"], [5, 8, 7])
    x, y = rng.normal(size=(2, 20)).round(1)  # rounding makes ties
    members = [np.flatnonzero(blocks == block) for block in "abc"]
    found = association(x, y, blocks=blocks, resamples=10, permutations=0)

    centred = [np.concatenate([v[m] - v[m].mean() for m in members]) for v in (x, y)]
    assert found.pearson.value == pytest.approx(stats.pearsonr(*centred).statistic)
    ranks = [np.concatenate([stats.rankdata(v[m]) / (m.size + 1) - 0.5 for m in members]) for v in (x, y)]
    assert found.spearman.value == pytest.approx(stats.pearsonr(*ranks).statistic)
    pairs = [pair for m in members for pair in itertools.combinations(m, 2)]
    signs = np.array([[np.sign(v[i] - v[j]) for v in (x, y) for i, j in pairs]]).reshape(2, -1)
    tau = signs.prod(axis=0).sum() / math.sqrt(np.abs(signs[0]).sum() * np.abs(signs[1]).sum())
    assert found.kendall.value == pytest.approx(tau)


def test_what_differs_between_blocks_does_not_count():
    rng = np.random.default_rng(2)
    blocks = np.repeat([0, 1, 2, 3], 6)
    x, y = rng.normal(size=(2, 24))
    shift = np.array([0.0, 50.0, -20.0, 9.0])[blocks]
    plain = association(x, y, blocks=blocks, resamples=200, permutations=199)
    shifted = association(x + shift, y - 3 * shift, blocks=blocks, resamples=200, permutations=199)
    assert shifted.p_value == plain.p_value
    for method in METHODS:
        np.testing.assert_allclose(getattr(shifted, method), getattr(plain, method), atol=1e-9)
    assert abs(correlation(x + shift, y - 3 * shift)) > 0.5  # pooled, the shift is all there is


def test_rank_coefficients_ignore_monotone_maps_and_pearson_affine_ones():
    x, y = normal_pair(np.random.default_rng(3), 25, 0.5)
    plain = association(x, y, resamples=100, permutations=99)
    mapped = association(np.exp(x), y**3, resamples=100, permutations=99)
    np.testing.assert_allclose(mapped.spearman, plain.spearman)
    np.testing.assert_allclose(mapped.kendall, plain.kendall)
    assert mapped.p_value == plain.p_value
    np.testing.assert_allclose(
        association(3 * x - 7, 0.1 * y + 2, resamples=100, permutations=0).pearson, plain.pearson
    )


def test_the_order_of_the_models_does_not_change_the_coefficients():
    x, y = tied_pair()
    order = np.random.default_rng(4).permutation(30)
    for method in METHODS:
        assert correlation(x[order], y[order], method) == pytest.approx(correlation(x, y, method))


def test_the_same_call_gives_the_same_result_and_another_seed_other_bounds():
    x, y = tied_pair()
    once, again, other = (association(x, y, resamples=200, permutations=99, seed=seed) for seed in (1, 1, 2))
    assert once == again
    assert once.pearson.low != other.pearson.low


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("r", [0.0, 0.7])
def test_intervals_over_20_models_cover_the_truth(method, r):
    """A binomial with 150 trials at 95 % lies within 0.90 and 0.99 with probability 0.99."""
    rng = np.random.default_rng(5)
    hits = 0
    for trial in range(150):
        x, y = normal_pair(rng, 20, r)
        interval = getattr(association(x, y, resamples=400, permutations=0, seed=trial), method)
        hits += interval.low <= TRUTH[method](r) <= interval.high
    assert 0.88 <= hits / 150 <= 1.0


def test_bounds_are_those_of_scipys_bca_bootstrap():
    """Skewed values, where bias and acceleration matter: the percentile bounds are off by ten times the tolerance."""
    rng = np.random.default_rng(19)
    x = rng.exponential(size=15) ** 2
    y = x + rng.exponential(size=15) ** 2
    settings = {"paired": True, "vectorized": True, "n_resamples": 20_000, "rng": np.random.default_rng(1)}
    pearson = lambda a, b, axis: stats.pearsonr(a, b, axis=axis).statistic  # noqa: E731
    bca, percentile = (
        stats.bootstrap((x, y), pearson, method=method, **settings).confidence_interval
        for method in ("BCa", "percentile")
    )
    found = association(x, y, resamples=20_000, permutations=0).pearson
    np.testing.assert_allclose(found[1:], bca, atol=0.02)
    assert np.abs(np.subtract(bca, percentile)).max() > 0.1


def test_intervals_narrow_with_more_models_and_widen_with_the_level():
    rng = np.random.default_rng(6)
    few, many = (association(*normal_pair(rng, n, 0.5), permutations=0).kendall for n in (15, 150))
    assert many.high - many.low < 0.6 * (few.high - few.low)
    x, y = normal_pair(rng, 20, 0.5)
    narrow, wide = (association(x, y, level=level, permutations=0).kendall for level in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def exact_p(x, y, blocks):
    """Share of all arrangements of y within blocks whose |τ| within blocks is at least the observed."""
    members = [np.flatnonzero(blocks == block) for block in np.unique(blocks)]
    pairs = np.array([pair for m in members for pair in itertools.combinations(m, 2)])

    def tau(values):
        return abs((np.sign(np.diff(x[pairs])) * np.sign(np.diff(values[pairs]))).sum())

    taus = []
    for parts in itertools.product(*(itertools.permutations(m) for m in members)):
        values = np.empty_like(y)
        for m, part in zip(members, parts, strict=True):
            values[m] = y[list(part)]
        taus.append(tau(values))
    return np.mean(np.array(taus) >= tau(y))


@pytest.mark.parametrize("sizes", [[5], [3, 3], [4, 1, 2]])
def test_permutation_p_agrees_with_full_enumeration(sizes):
    rng = np.random.default_rng(11)
    blocks = np.repeat(np.arange(len(sizes)), sizes)
    x, y = rng.integers(0, 4, (2, blocks.size)).astype(float)
    x[0], y[0] = -1, -2  # not all tied
    exact = exact_p(x, y, blocks)
    found = max_statistic_test([x], y, blocks=blocks, permutations=20_000)
    error = 4 * math.sqrt(exact * (1 - exact) / 20_000) + 1e-4
    assert found.p_values[0] == pytest.approx(exact, abs=error)
    assert found.corrected[0] == found.p_values[0]
    assert association(x, y, blocks=blocks, resamples=10).p_value == pytest.approx(exact, abs=2 * error)


def test_p_values_are_uniform_under_the_null_where_blocks_move_both_sides():
    """Of 300 sets a share t has p ≤ t, within 3.5 standard errors; without the blocks nearly all would reject."""
    rng = np.random.default_rng(12)
    blocks = np.repeat(np.arange(4), 6)
    within, pooled = [], []
    for trial in range(300):
        x, y = rng.normal(size=(2, 24)) + 3 * blocks
        within.append(max_statistic_test([x], y, blocks=blocks, permutations=199, seed=trial).p_values[0])
        pooled.append(max_statistic_test([x], y, permutations=99, seed=trial).p_values[0])
    for share in (0.05, 0.1, 0.25, 0.5):
        error = 3.5 * math.sqrt(share * (1 - share) / 300)
        assert np.mean(np.array(within) <= share) == pytest.approx(share, abs=error)
    assert np.mean(np.array(pooled) <= 0.05) > 0.95


def test_the_corrected_p_keeps_its_level_over_twenty_measures_with_ties_and_gaps():
    """Any of 20 null measures is called significant in 5 % of 200 sets; uncorrected, in most."""
    rng = np.random.default_rng(13)
    corrected, own = [], []
    for trial in range(200):
        measures = rng.normal(size=(20, 20)) + rng.normal(size=20)
        measures[5:10] = measures[5:10].round()
        measures[3, :8] = np.nan
        found = max_statistic_test(measures, rng.normal(size=20), permutations=199, seed=trial)
        corrected.append(found.corrected.min())
        own.append(found.p_values.min())
        assert (found.corrected >= found.p_values).all()
    assert 0.01 <= np.mean(np.array(corrected) <= 0.05) <= 0.1
    assert np.mean(np.array(own) <= 0.05) > 0.3


def test_a_true_measure_is_found_among_noise_and_a_constant_one_changes_nothing():
    rng = np.random.default_rng(14)
    y = rng.normal(size=20)
    measures = np.vstack([y + 0.3 * rng.normal(size=20), rng.normal(size=(10, 20))])
    found = max_statistic_test(measures, y, permutations=999)
    assert found.corrected[0] == 1 / 1000
    pair = np.where(np.arange(20) < 2, np.arange(20.0), np.nan)  # its τ is 1 or -1, always
    padded = max_statistic_test(np.vstack([measures, np.ones(20), np.full(20, np.nan), pair]), y, permutations=999)
    np.testing.assert_array_equal(padded.p_values[:11], found.p_values)
    np.testing.assert_array_equal(padded.corrected[:11], found.corrected)
    assert np.isnan(padded.p_values[11:]).all()
    assert np.isnan(padded.corrected[11:]).all()
    among_undefined = max_statistic_test([measures[1], pair], y, permutations=999)
    assert among_undefined.corrected[0] == among_undefined.p_values[0]


def test_paired_difference_is_that_of_the_absolute_taus_and_knows_the_better_one():
    rng = np.random.default_rng(15)
    y = rng.normal(size=30)
    good, poor = -y + 0.3 * rng.normal(size=30), rng.normal(size=30)
    interval = paired_difference(good, poor, y)
    expected = abs(stats.kendalltau(good, y).statistic) - abs(stats.kendalltau(poor, y).statistic)
    assert interval.value == pytest.approx(expected)
    assert 0 < interval.low < interval.value < interval.high
    mirrored = paired_difference(poor, good, y)
    assert mirrored.high < 0
    assert paired_difference(good, -good, y) == (0, 0, 0)


def test_paired_difference_within_blocks_ignores_what_differs_between_them():
    rng = np.random.default_rng(16)
    blocks = np.repeat([0, 1, 2], 8)
    x, rival, y = rng.normal(size=(3, 24))
    plain = paired_difference(x, rival, y, blocks=blocks)
    assert paired_difference(x + 10 * blocks, rival, y - 10 * blocks, blocks=blocks) == plain


def test_models_with_undefined_values_are_left_out_and_the_note_says_so():
    x, y = tied_pair()
    gappy = np.append(x, [np.nan, 1.0])
    found = association(gappy, np.append(y, [2.0, np.nan]), resamples=50, permutations=99)
    complete = association(x, y, resamples=50, permutations=99)
    assert found[:-1] == complete[:-1]
    assert found.n == 30
    assert "2 of 32 models left out" in found.note


@pytest.mark.parametrize(
    ("x", "y", "blocks", "said"),
    [
        ([], [], None, "0 models"),
        ([1, 2], [2, 1], None, "2 models"),
        ([1, 2, np.nan], [2, 1, 3], None, "2 models"),
        ([4, 4, 4, 4], [1, 2, 3, 4], None, "the measure is constant"),
        ([1, 2, 3, 4], [5, 5, 5, 5], None, "the target is constant"),
        ([4, 4, 4], [5, 5, 5], None, "the measure and the target is constant"),
        ([1, 1, 2, 2], [1, 2, 3, 4], [0, 0, 1, 1], "the measure is constant within every block"),
        ([1, 2, 3], [3, 1, 2], ["a", "b", "c"], "no two models share a block"),
    ],
)
def test_what_cannot_be_said_is_nan_with_the_reason(x, y, blocks, said):
    found = association(x, y, blocks=blocks, resamples=50, permutations=99)
    assert said in found.note
    assert all(math.isnan(number) for method in METHODS for number in getattr(found, method))
    assert math.isnan(found.p_value)
    assert math.isnan(paired_difference(x, x, y, blocks=blocks).value)


def test_the_note_names_the_floor_of_the_p_value():
    # 3! · 2! = 12 arrangements; one block of five with two equal targets: 5!/2! = 60
    found = association([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], blocks=[0, 0, 0, 1, 1])
    assert "12 distinct arrangements" in found.note
    assert found.p_value >= 1 / 12 - 0.02
    assert "60 distinct arrangements" in association([1, 2, 3, 4, 5], [1, 2, 2, 4, 5]).note


def test_the_note_warns_of_an_interval_without_width():
    found = association([1, 2, 3, 4, 5, 6], [2, 3, 4, 5, 6, 7])
    assert found.kendall.value == 1
    assert "no width" in found.note


def test_three_models_and_any_small_tied_set_do_not_crash():
    rng = np.random.default_rng(17)
    for n in (3, 4, 5):
        for _ in range(20):
            x, y = rng.integers(0, 3, (2, n)).astype(float)
            found = association(x, y, blocks=rng.integers(0, 2, n), resamples=40, permutations=19)
            assert math.isnan(found.kendall.value) == ("No association" in found.note)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: correlation(x, y, "kendal"),
        lambda x, y: correlation(x, y[:-1]),
        lambda x, y: correlation(np.append(x[:-1], np.inf), y),
        lambda x, y: association(x, y, blocks=[1, 2]),
        lambda x, y: association(x, y, level=95),
        lambda x, y: association(x, y, resamples=0),
        max_statistic_test,
        lambda x, y: max_statistic_test([x], y, permutations=0),
        lambda x, y: max_statistic_test([x * np.inf], y),
    ],
)
def test_bad_input_is_refused_in_one_line(call):
    with pytest.raises(InputError, match=r"Received|Did you mean") as error:
        call(np.arange(1.0, 9), np.arange(8.0) ** 2)
    assert "\n" not in str(error.value)
