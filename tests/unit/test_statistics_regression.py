"""A fitted line and its band agree with SciPy and with the hand formula; what cannot be said is NaN."""

import numpy as np
import pytest
from scipy import stats

from topodepth.errors import InputError
from topodepth.statistics.regression import line_band


def test_a_line_and_its_band_are_those_of_scipy_and_of_the_hand_formula():
    rng = np.random.default_rng(3)
    x = rng.uniform(2, 9, 15)
    y = 4 - 0.7 * x + rng.normal(0, 1, 15)
    grid = np.array([0.0, x.mean(), 20.0])
    fit, low, high = line_band(x, y, grid, level=0.9)
    fitted = stats.linregress(x, y)
    np.testing.assert_allclose(fit, fitted.intercept + fitted.slope * grid)
    half = stats.t.ppf(0.95, 13) * fitted.intercept_stderr  # at 0 the line's height is the intercept
    np.testing.assert_allclose([low[0], high[0]], [fit[0] - half, fit[0] + half])
    residuals = y - fitted.intercept - fitted.slope * x
    at_mean = stats.t.ppf(0.95, 13) * np.sqrt(residuals @ residuals / 13 / 15)
    np.testing.assert_allclose(high[1] - fit[1], at_mean)
    np.testing.assert_allclose(fit - low, high - fit)


def test_points_on_a_line_have_a_band_of_no_width():
    np.testing.assert_allclose(line_band([0, 1, np.nan, 3], [1, 3, 9, 7], [0, 2]), [[1, 5]] * 3)


def test_a_band_needs_three_points_and_a_line_needs_two_places():
    fit, low, high = line_band([0, 1], [1, 3], [2.0])
    assert fit == [5]
    assert np.isnan([low, high]).all()
    assert np.isnan(line_band([1, 1, 1], [1, 2, 3], [1.0])).all()
    assert np.isnan(line_band([], [], [1.0])).all()
    with pytest.raises(InputError, match="x and y: expected one shape"):
        line_band([1, 2], [1], [0])
