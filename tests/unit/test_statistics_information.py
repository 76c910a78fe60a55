"""The conditional mutual information score: worked out by hand on tiny sets of models."""

import math

import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.statistics import conditional_mutual_information


def entropy(p):
    """Entropy of a coin in bits."""
    return -p * math.log2(p) - (1 - p) * math.log2(1 - p)


def test_the_empty_set_by_hand():
    # of 6 pairs, all but (3, 4) are in order; both orders of each pair make both signs equally frequent, so the
    # information is 1 - h(1/6) of 1 bit
    found = conditional_mutual_information([1, 2, 4, 3], [1, 2, 3, 4], {"depth": [0, 0, 1, 1]})
    assert found.by_axes[()] == pytest.approx(1 - entropy(1 / 6))
    # given both depths: (0, 0) has one pair, in order; (1, 1) one, out of order; between depths nothing is open.
    # So each sign of y is known from x where it is open at all
    assert found.by_axes["depth",] == pytest.approx(1)
    assert found.score == found.by_axes[()]
    assert found.axes == ()
    assert found.pairs == 6


def test_a_measure_that_only_knows_the_depth_is_found_out():
    # depth decides most of both; within each depth x is 2, 1, 3 against y 1, 2, 3: two of three pairs in order.
    # Empty set: 13 of 15 pairs in order. Given the depths only pairs of the same depth are open
    x, y = [2, 1, 3, 12, 11, 13], [1, 2, 3, 11, 12, 13]
    found = conditional_mutual_information(x, y, {"depth": [1, 1, 1, 2, 2, 2]})
    assert found.by_axes[()] == pytest.approx(1 - entropy(2 / 15))
    assert found.score == pytest.approx(1 - entropy(1 / 3))
    assert found.axes == ("depth",)


def test_conditions_weigh_by_their_pairs_and_unequal_values_are_conditions_too():
    # depth 1 holds y 1, 5; depth 2 holds y 2, 3. Given (1, 2) in this order, the pairs' signs of y are
    # (1,2) -, (1,3) -, (5,2) +, (5,3) +: 1 bit open. x orders 1 < 2 < 3 < 5 but for the pair (5, 3): x = 1, 2.5, 2, 3.
    # Signs of x there: (1: -, -), (2.5 against 2: +, against 3: -).
    # Joint of (x, y): (-,-) 2, (+,+) 1, (-,+) 1. H(y) = 1, H(y | x) = 3/4 h(1/3). The same for (2, 1) by symmetry.
    # (1, 1): the pair (1, 5) is in order: 1 bit of 1. (2, 2): the pair (2, 3) likewise.
    found = conditional_mutual_information([1, 2.5, 2, 3], [1, 5, 2, 3], {"depth": [1, 1, 2, 2]})
    between = 1 - 3 / 4 * entropy(1 / 3)
    assert found.by_axes["depth",] == pytest.approx((2 * 1 + 2 * 1 + 8 * between) / 12)


def test_at_most_two_axes_are_conditioned_on_and_the_least_value_is_the_score():
    rng = np.random.default_rng(0)
    axes = {name: rng.integers(0, 2, 30) for name in "abc"}
    x, y = rng.normal(size=(2, 30))
    found = conditional_mutual_information(x, y, axes)
    assert set(found.by_axes) == {(), ("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c")}
    assert found.score == min(found.by_axes.values()) == found.by_axes[found.axes]
    assert 0 <= found.score < 0.1  # noise


def test_direction_monotone_maps_and_order_of_models_do_not_matter():
    rng = np.random.default_rng(1)
    axes = {"depth": rng.integers(0, 3, 20), "rate": rng.integers(0, 3, 20)}
    y = rng.normal(size=20)
    x = y + rng.normal(size=20)
    plain = conditional_mutual_information(x, y, axes)
    assert 0 < plain.score < 1
    for mapped in (-x, np.exp(x)):
        assert conditional_mutual_information(mapped, y, axes).score == pytest.approx(plain.score)
    order = rng.permutation(20)
    shuffled = {name: values[order] for name, values in axes.items()}
    assert conditional_mutual_information(x[order], y[order], shuffled).score == pytest.approx(plain.score)


def test_the_target_itself_scores_one():
    y = np.random.default_rng(2).normal(size=12)
    found = conditional_mutual_information(-y, y, {"depth": np.arange(12) % 3})
    assert found.score == pytest.approx(1)


def test_tied_pairs_and_models_off_the_grid_are_dropped():
    plain = conditional_mutual_information([1, 2, 4, 3], [1, 2, 3, 4], {"depth": [0, 0, 1, 1]})
    axes = {"depth": [0, 0, 1, 1, None, 0]}
    assert conditional_mutual_information([1, 2, 4, 3, 9, math.nan], [1, 2, 3, 4, -9, 0], axes) == plain
    # with the first two tied in y, the pair (1, 2) goes: 5 pairs, one out of order
    tied = conditional_mutual_information([1, 2, 4, 3], [2, 2, 3, 4], {"depth": [0, 0, 1, 1]})
    assert tied.pairs == 5
    assert tied.by_axes[()] == pytest.approx(1 - entropy(1 / 5))


@pytest.mark.parametrize(("x", "y"), [([], []), ([1], [1]), ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [4, 4, 4])])
def test_nothing_to_compare_is_nan_and_no_crash(x, y):
    found = conditional_mutual_information(x, y, {"depth": [0] * len(x)})
    assert math.isnan(found.score)
    assert found.pairs == 0


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="axes: expected at least one"):
        conditional_mutual_information([1, 2, 3], [1, 2, 3], {})
