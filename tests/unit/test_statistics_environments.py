"""Sign errors by environment and forecasts of a group left out, against hand-worked examples."""

import math

import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.statistics import correlation, leave_one_group_out, sign_error


def test_a_measure_that_holds_in_one_group_and_fails_in_another_is_caught():
    # group a: all 6 pairs in order; group b: all 3 reversed. The common direction is +, for 6 - 3 > 0
    found = sign_error([1, 2, 3, 4, 1, 2, 3], [1, 2, 3, 4, 3, 2, 1], {"run": list("aaaabbb")})
    assert found.errors == {"run=a": 0, "run=b": 1}
    assert found.pairs == {"run=a": 6, "run=b": 3}
    assert (found.mean, found.worst, found.direction) == (0.5, 1, 1)


def test_pairs_along_axes_by_hand():
    # (depth, rate) and (x, y): (0,0) 1,1; (0,1) 2,2; (1,0) 3,0; (1,1) 4,5
    # along depth: (0,0)-(1,0) x rises, y falls: wrong; (0,1)-(1,1) right. Along rate both right. Diagonals do not count
    axes = {"depth": [0, 0, 1, 1], "rate": [0, 1, 0, 1]}
    found = sign_error([1, 2, 3, 4], [1, 2, 0, 5], axes, pairs="along")
    assert found.errors == {"depth": 0.5, "rate": 0}
    assert found.pairs == {"depth": 2, "rate": 2}
    assert (found.mean, found.worst) == (0.25, 0.5)


def test_the_direction_is_common_and_an_inverse_measure_is_as_good():
    x, y, runs = [1, 2, 3, 4, 1, 2, 3], [1, 2, 3, 4, 3, 2, 1], {"run": list("aaaabbb")}
    found, inverse = sign_error(x, y, runs), sign_error([-value for value in x], y, runs)
    assert inverse.errors == found.errors
    assert (found.direction, inverse.direction) == (1, -1)


def test_ties_of_the_measure_are_half_wrong_and_ties_of_the_target_are_dropped():
    # pairs: (1,2) x ties: 1/2; (1,3), (2,3) right; then y of the last two tie: (3,4) dropped, (1,4), (2,4) right
    found = sign_error([1, 1, 2, 3], [1, 2, 3, 3], {"all": [0, 0, 0, 0]})
    assert found.pairs == {"all=0": 5}
    assert found.mean == pytest.approx(0.5 / 5)


def test_noise_errs_half_the_time_and_a_monotone_map_changes_nothing():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 200))
    runs = {"run": np.arange(200) % 4}
    found = sign_error(x, y, runs)
    assert found.mean == pytest.approx(0.5, abs=0.06)
    assert sign_error(np.exp(x), y, runs) == found


def test_models_without_a_label_or_value_are_left_out():
    plain = sign_error([1, 2, 3], [1, 3, 2], {"run": ["a", "a", "a"]})
    more = sign_error([1, 2, 3, 9, math.nan], [1, 3, 2, -9, 1], {"run": ["a", "a", "a", None, "a"]})
    assert more == plain
    assert plain.mean == pytest.approx(1 / 3)


@pytest.mark.parametrize("rule", ["within", "along"])
@pytest.mark.parametrize(("x", "y"), [([], []), ([1], [1]), ([1, 2], [3, 3])])
def test_environments_without_pairs_are_nan_and_no_crash(x, y, rule):
    found = sign_error(x, y, {"run": ["a"] * len(x)}, pairs=rule)
    assert math.isnan(found.mean)
    assert math.isnan(found.worst)
    assert sum(found.pairs.values()) == 0


def test_an_environment_without_pairs_does_not_spoil_the_mean():
    found = sign_error([1, 2, 5], [1, 2, 0], {"run": ["a", "a", "b"]})
    assert math.isnan(found.errors["run=b"])
    assert (found.mean, found.worst) == (0, 0)


def test_leave_one_group_out_by_hand():
    # others of b: (0,1), (1,3), (2,5), the line y = 1 + 2x, mean 3. In b: (3,7) right, (4,8) forecast as 9.
    # rmse sqrt((0 + 1)/2); baseline errors 4 and 5: sqrt((16 + 25)/2)
    x, y, groups = [0, 1, 2, 3, 4], [1, 3, 5, 7, 8], list("aaabb")
    a, b = leave_one_group_out(x, y, groups)
    assert (b.group, b.n) == ("b", 2)
    assert b.rmse == pytest.approx(math.sqrt(1 / 2))
    assert b.baseline_rmse == pytest.approx(math.sqrt(41 / 2))
    assert b.kendall_without == 1
    assert math.isnan(b.kendall_within)  # two models
    # others of a are two models: no line is fitted, the mean is 7.5
    assert math.isnan(a.rmse)
    assert a.baseline_rmse == pytest.approx(math.sqrt((6.5**2 + 4.5**2 + 2.5**2) / 3))
    assert a.kendall_within == 1


def test_leave_one_group_out_agrees_with_polyfit_and_correlation():
    rng = np.random.default_rng(1)
    x, groups = rng.normal(size=30), np.arange(30) % 3
    y = 2 * x + groups + rng.normal(size=30)
    for held in leave_one_group_out(x, y, groups):
        inside = groups == int(held.group)
        forecast = np.polyval(np.polyfit(x[~inside], y[~inside], 1), x[inside])
        assert held.rmse == pytest.approx(np.sqrt(np.mean((y[inside] - forecast) ** 2)))
        assert held.kendall_within == pytest.approx(correlation(x[inside], y[inside]))
        assert held.kendall_without == pytest.approx(correlation(x[~inside], y[~inside]))
        assert held.rmse < held.baseline_rmse


def test_one_group_or_a_constant_measure_forecasts_nothing():
    (only,) = leave_one_group_out([1, 2, 3, 4], [1, 2, 3, 4], ["a"] * 4)
    assert (only.n, only.kendall_within) == (4, 1)
    assert all(map(math.isnan, (only.rmse, only.baseline_rmse, only.kendall_without)))
    constant = leave_one_group_out([1, 1, 1, 1, 1, 1], [1, 2, 3, 4, 5, 6], list("aaabbb"))
    assert [math.isnan(held.rmse) for held in constant] == [True, True]
    assert constant[0].baseline_rmse > 0


def test_a_group_whose_values_are_all_undefined_is_not_listed():
    held = leave_one_group_out([1, 2, math.nan, 4], [1, 2, 3, 4], ["a", "a", "b", None])
    assert [one.group for one in held] == ["a"]
    assert leave_one_group_out([], [], []) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda: sign_error([1, 2], [1, 2], {}),
        lambda: sign_error([1, 2], [1, 2], {"run": ["a"]}),
        lambda: sign_error([1, 2], [1, 2], {"run": ["a", "a"]}, pairs="between"),
        lambda: leave_one_group_out([1, 2], [1, 2], ["a"]),
        lambda: leave_one_group_out([1, 2, 3], [1, 2], ["a", "b"]),
    ],
)
def test_bad_input_is_refused_in_one_line(call):
    with pytest.raises(InputError, match="Received") as error:
        call()
    assert "\n" not in str(error.value)
