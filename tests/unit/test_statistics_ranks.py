"""Kendall's rank test is exact, and SciPy's where there are no ties."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from topodepth.statistics.ranks import rank_test


@pytest.mark.parametrize("count", [3, 5, 7, 12])
def test_the_rank_test_is_scipys(count):
    values, against = np.random.default_rng(count).normal(size=(2, count))
    found, expected = rank_test(values, against), stats.kendalltau(values, against, method="exact")
    assert found.tau == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue, abs=0 if count <= 8 else 0.02)
    if count <= 8:
        assert found.least == pytest.approx(2 / math.factorial(count))


def test_the_rank_test_knows_ties_and_gaps():
    values, against = [1.0, 2.0, 2.0, 5.0, np.nan, 4.0], [0.0, 0.3, 0.6, 0.6, 0.7, 0.9]
    kept = [0, 1, 2, 3, 5]
    values_kept, against_kept = np.array(values)[kept], np.array(against)[kept]
    taus = [stats.kendalltau(values_kept, order).statistic for order in itertools.permutations(against_kept)]
    found = rank_test(values, against)
    assert found.tau == pytest.approx(stats.kendalltau(values_kept, against_kept).statistic)
    assert found.p_value == pytest.approx(np.mean(np.abs(taus) >= abs(found.tau) - 1e-9))
    assert found.least == pytest.approx(np.mean(np.abs(taus) >= np.max(np.abs(taus)) - 1e-9))


@pytest.mark.parametrize("against", [[1.0, 1.0, 1.0], [np.nan, 1.0, 2.0]])
def test_a_rank_test_of_nothing_is_undefined(against):
    assert np.isnan(rank_test([1.0, 2.0, 3.0], against)).all()
