"""Where models are snapshots of training runs, the run is the unit: whole runs are drawn and exchanged."""

import itertools

import numpy as np
import pytest
from scipy import stats

from topodepth.statistics import association, max_statistic_test, paired_difference, partial_correlations
from topodepth.statistics.resampling import bootstrap_models
from topodepth.statistics.runs import exchanges, runs_of


def runs_and(*blocks_of_runs):
    """Return runs and blocks of models, a list of blocks for each run."""
    labels = np.repeat(np.arange(len(blocks_of_runs)), [len(own) for own in blocks_of_runs])
    blocks = np.concatenate(blocks_of_runs)
    return runs_of(labels, np.ones(len(blocks), dtype=bool), blocks), blocks


def level_shifts(count=6, length=10, seed=0):
    """Runs that hardly change, each at a level of its own: two variables, and the runs' labels."""
    rng = np.random.default_rng(seed)
    levels, labels = rng.normal(size=(2, count)), np.repeat(np.arange(count), length)
    return levels[:, labels] + rng.normal(scale=1e-3, size=(2, count * length)), labels


def test_runs_of_one_snapshot_are_independent_models():
    x, y, rival = np.random.default_rng(0).normal(size=(3, 12))
    settings = {"resamples": 50, "seed": 3}
    alone = {"runs": [f"run {k}" for k in range(12)]}
    assert association(x, y, **settings, permutations=99) == association(x, y, **settings, permutations=99, **alone)
    assert paired_difference(x, rival, y, **settings) == paired_difference(x, rival, y, **settings, **alone)
    given = rival[:, None]
    for own in ({}, alone):
        assert partial_correlations([x], y, given, permutations=99, **own) == partial_correlations(
            [x], y, given, permutations=99
        )


def test_whole_runs_are_exchanged_with_the_order_of_their_training():
    runs, blocks = runs_and([0, 0], [0, 0], [0, 0])
    orders = {tuple(order) for order in exchanges(runs, blocks, 200, seed=0)}
    pairs = [(0, 1), (2, 3), (4, 5)]
    assert orders == {tuple(itertools.chain(*order)) for order in itertools.permutations(pairs)}


def test_the_first_order_is_that_of_the_models_themselves_also_where_lengths_differ():
    runs, blocks = runs_and([0], [0] * 4, [0] * 3)
    found = exchanges(runs, blocks, 50, seed=0)
    assert found[0].tolist() == list(range(8))
    # a run of one gets the middle of a longer one, which gets that one throughout; three of four are 1st, 3rd, 4th
    assert {tuple(order) for order in found[1:, :1]} == {(0,), (3,), (6,)}
    assert {tuple(order) for order in found[1:, 1:5]} == {(0,) * 4, (1, 2, 3, 4), (5, 6, 6, 7)}


def test_only_runs_with_models_in_the_same_blocks_are_exchanged_block_by_block():
    runs, blocks = runs_and([0, 0, 1], [0, 1, 1], [0], [0])
    assert runs.strata.tolist() == [0, 0, 1, 1]
    orders = {tuple(order[:6]) for order in exchanges(runs, blocks, 50, seed=0)}
    assert orders == {(0, 1, 2, 3, 4, 5), (3, 3, 5, 1, 2, 2)}


def test_the_effective_number_of_runs_is_kishs():
    assert runs_and([0] * 4, [0] * 4, [0] * 4)[0].effective == pytest.approx(3)
    assert runs_and([0] * 8, [0], [0])[0].effective == pytest.approx(100 / 66)


def test_the_p_value_of_equal_runs_is_the_share_of_all_orders_of_runs():
    (x, y), labels = level_shifts(count=5)
    tau = abs(stats.kendalltau(x, y)[0])
    courses = y.reshape(5, -1)
    taus = [abs(stats.kendalltau(x, courses[list(order)].ravel())[0]) for order in itertools.permutations(range(5))]
    exact = np.mean(np.array(taus) >= tau - 1e-9)
    found = association(x, y, runs=labels, resamples=50, permutations=20_000)
    assert found.p_value == pytest.approx(exact, abs=0.01)
    assert found.kendall.value == pytest.approx(stats.kendalltau(x, y)[0])
    assert found.least_p == pytest.approx(1 / 120)


def test_intervals_draw_whole_runs_and_not_their_snapshots():
    (x, y), labels = level_shifts(count=8, length=30)
    pooled = association(x, y, resamples=200, permutations=0)
    of_runs = association(x, y, runs=labels, resamples=200, permutations=0)
    for name in ("pearson", "spearman", "kendall"):
        plain, wide = getattr(pooled, name), getattr(of_runs, name)
        assert plain.value == wide.value
        assert wide.high - wide.low > 3 * (plain.high - plain.low)


def test_bounds_are_those_of_a_mean_of_runs_by_students_quantile():
    """The mean over snapshots of equal runs is the mean of runs, whose interval is known."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        values = np.repeat(rng.normal(size=6), 4)
        runs, blocks = runs_and(*[[0] * 4] * 6)
        low, high = bootstrap_models(
            lambda counts, v=values: counts @ v / counts.sum(axis=1), blocks, runs, level=0.95, resamples=400, seed=0
        )[1:]
        covered += low <= 0 <= high
    assert 0.91 <= covered / 300 <= 0.99


def test_fewer_than_five_runs_have_no_bounds():
    (x, y), labels = level_shifts(count=4)
    found = association(x, y, runs=labels, resamples=50, permutations=99)
    assert np.isfinite(found.kendall.value)
    assert np.isnan([found.kendall.low, found.kendall.high]).all()
    partial = partial_correlations([x], y, np.arange(40.0)[:, None], runs=labels, permutations=99)[0]
    assert np.isfinite(partial.value)
    assert np.isnan([partial.low, partial.high]).all()


def test_what_all_runs_have_in_common_is_no_evidence_and_hides_no_measure():
    """Ten runs rise alike; one measure tells the levels of their targets, too small to show in its τ."""
    rng = np.random.default_rng(0)
    course, levels = np.tile(np.linspace(0, 10, 12), 10), np.repeat(rng.normal(size=10), 12)
    y = course + 0.5 * levels
    common = course + rng.normal(scale=0.05, size=120)
    labels = np.repeat(np.arange(10), 12)
    assert association(common, y, runs=labels, permutations=299, resamples=20).p_value > 0.05
    assert association(common, y, permutations=299, resamples=20).p_value < 0.01
    measures = [common, course + 0.5 * levels + rng.normal(scale=0.05, size=120), *rng.normal(size=(3, 120))]
    corrected = max_statistic_test(measures, y, runs=labels, permutations=499).corrected
    assert corrected[1] < 0.05 < corrected[0]


def test_a_partial_correlation_of_snapshots_is_tested_and_bounded_by_runs():
    """Runs that share no cause are found in 5 % of sets, where snapshots taken for models are in most."""
    found = {"runs": [], "pooled": []}
    for seed in range(60):
        (x, y), labels = level_shifts(count=8, length=12, seed=seed)
        given = np.random.default_rng(seed).normal(size=(96, 1))
        for name, runs in (("runs", labels), ("pooled", None)):
            one = partial_correlations([x], y, given, runs=runs, permutations=99, seed=seed)[0]
            found[name].append((one.p_value <= 0.05, one.low <= 0 <= one.high))
    wrong, covered = np.mean(found["runs"], axis=0)
    assert wrong <= 0.12
    assert covered >= 0.88
    wrong, covered = np.mean(found["pooled"], axis=0)
    assert wrong > 0.5
    assert covered < 0.5
