"""Granulated Kendall: hand-computed on tiny grids, with gaps, ties and replicates counted as promised."""

import math

import numpy as np
import pytest
from scipy import stats

from topodepth.errors import InputError
from topodepth.statistics import correlation, granulated_kendall

# a 3 × 2 grid: depth 1, 2, 3 at rate "a", then at rate "b"
GRID = {"depth": [1, 2, 3, 1, 2, 3], "rate": ["a", "a", "a", "b", "b", "b"]}
X = [1.0, 2.0, 3.0, 6.0, 5.0, 4.0]
Y = [1.0, 3.0, 2.0, 4.0, 5.0, 6.0]


def without(index):
    keep = [k for k in range(6) if k != index]
    return (
        [X[k] for k in keep],
        [Y[k] for k in keep],
        {name: [values[k] for k in keep] for name, values in GRID.items()},
    )


def test_psi_by_hand():
    # depth at rate a: pairs (1,2) +, (1,3) +, (2,3) -, so 1/3; at rate b all three discordant, -1; mean -1/3
    # rate at each depth: both sides rise, so 1
    found = granulated_kendall(X, Y, GRID)
    assert found.psi == pytest.approx({"depth": -1 / 3, "rate": 1})
    assert found.mean == pytest.approx(1 / 3)
    assert found.cells == {"depth": 2, "rate": 3}
    assert found.skipped == {"depth": 0, "rate": 0}


def test_a_missing_model_skips_the_cell_it_leaves_without_a_pair():
    # without depth 3 at rate b: rate has no pair at depth 3; depth keeps the pair (1,2) at rate b, still -1
    found = granulated_kendall(*without(5))
    assert found.psi == pytest.approx({"depth": -1 / 3, "rate": 1})
    assert found.cells == {"depth": 2, "rate": 2}
    assert found.skipped == {"depth": 0, "rate": 1}


def test_an_undefined_value_is_a_gap_in_the_grid():
    y = [*Y[:5], math.nan]
    assert granulated_kendall(X, y, GRID) == granulated_kendall(*without(5))


def test_cells_absent_from_the_data_count_as_skipped():
    # 2 × 2 × 2 with models at 000, 100 and 011 only: one pair differs on p alone, none on q alone or r alone
    axes = {"p": [0, 1, 0], "q": [0, 0, 1], "r": [0, 0, 1]}
    found = granulated_kendall([1, 2, 3], [1, 2, 3], axes)
    assert found.cells == {"p": 1, "q": 0, "r": 0}
    assert found.skipped == {"p": 3, "q": 4, "r": 4}
    assert math.isnan(found.psi["q"])
    assert found.mean == 1  # axes without a ψ are left out


def test_tied_cells_are_skipped_and_partly_tied_ones_are_tau_b():
    # rate b: all targets tie. rate a: y = 1, 3, 3 against x = 1, 2, 3
    y = [1.0, 3.0, 3.0, 4.0, 4.0, 4.0]
    found = granulated_kendall(X, y, GRID)
    assert found.psi["depth"] == pytest.approx(stats.kendalltau([1, 2, 3], [1, 3, 3]).statistic)
    assert (found.cells["depth"], found.skipped["depth"]) == (1, 1)


def test_a_measure_that_only_follows_one_axis_has_a_high_pooled_tau_but_no_psi_elsewhere():
    rng = np.random.default_rng(0)
    depth, rate, seed = (axis.ravel() for axis in np.meshgrid(range(4), range(4), range(4), indexing="ij"))
    y = 10 * depth + rng.normal(size=64)
    x = depth + 0.01 * rng.normal(size=64)
    found = granulated_kendall(x, y, {"depth": depth, "rate": rate, "seed": seed})
    assert correlation(x, y) > 0.7
    assert found.psi["depth"] == 1
    assert abs(found.psi["rate"]) < 0.35


def test_the_seed_is_held_fixed_but_has_no_psi():
    # seed 0 as in psi_by_hand; seed 1 with x reversed in sign: ψ of opposite sign, so the means vanish
    axes = {name: values * 2 for name, values in GRID.items()} | {"seed": [0] * 6 + [1] * 6}
    found = granulated_kendall([*X, *(-x for x in X)], Y * 2, axes)
    assert found.psi == pytest.approx({"depth": 0, "rate": 0})
    assert found.cells == {"depth": 4, "rate": 6}


def test_replicates_without_an_axis_of_their_own_are_not_compared_with_each_other():
    # two models at each depth; across depths only the pair of x = 3 and 2 is out of order: (3 - 1) / 4. The two pairs
    # of the same depth, both in order, would make it (5 - 1) / 6
    found = granulated_kendall([1, 3, 2, 4], [1, 2, 3, 4], {"depth": [1, 1, 2, 2]})
    assert found.psi["depth"] == pytest.approx(2 / 4)
    assert correlation([1, 3, 2, 4], [1, 2, 3, 4]) == pytest.approx(4 / 6)


def test_models_off_the_grid_are_left_out():
    axes = {"depth": [*GRID["depth"], None], "rate": [*GRID["rate"], math.nan]}
    assert granulated_kendall([*X, 9], [*Y, -9], axes) == granulated_kendall(X, Y, GRID)


def test_the_order_of_the_models_does_not_matter():
    order = [4, 0, 3, 5, 2, 1]
    axes = {name: [values[k] for k in order] for name, values in GRID.items()}
    shuffled = granulated_kendall([X[k] for k in order], [Y[k] for k in order], axes)
    assert shuffled.psi == pytest.approx(granulated_kendall(X, Y, GRID).psi)


@pytest.mark.parametrize(("x", "y"), [([], []), ([1.0], [2.0]), ([math.nan, 1.0], [1.0, 2.0])])
def test_nothing_to_compare_is_nan_and_no_crash(x, y):
    found = granulated_kendall(x, y, {"depth": list(range(len(x)))})
    assert math.isnan(found.mean)
    assert found.cells == {"depth": 0}


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="axes: expected at least one"):
        granulated_kendall(X, Y, {})
    with pytest.raises(InputError, match="axes/depth: expected 6 labels"):
        granulated_kendall(X, Y, {"depth": [1, 2]})
