"""A straight line through points, with the confidence band of its height."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from topodepth.errors import InputError
from topodepth.statistics.intervals import _one_dimensional, t_quantile


class LineBand(NamedTuple):
    """Heights of a fitted line, shape (k,), and the bounds of the mean at each place; NaN where undefined."""

    fit: np.ndarray
    low: np.ndarray
    high: np.ndarray


def line_band(x: ArrayLike, y: ArrayLike, grid: ArrayLike, level: float = 0.95) -> LineBand:
    """Return the least-squares line of y on x over a grid, with the pointwise confidence band of the mean.

    The half-width at g is t(n−2) · s · √(1/n + (g − mean x)² / Σ(x − mean x)²), with s² = Σ residuals² / (n − 2).

    Parameters
    ----------
    x, y
        Points, shape (n,) each. A point with a NaN is dropped.
    grid
        Places at which the line is wanted, shape (k,), in the unit of ``x``.
    level
        Coverage of the band at one place, between 0 and 1.

    Returns
    -------
    LineBand
        In the unit of ``y``. The bounds are NaN with fewer than three points; with fewer than two, or all of them at
        one x, there is no line, and all is NaN.

    Raises
    ------
    InputError
        If the shapes differ, a number is infinite, or the level is not between 0 and 1.

    References
    ----------
    Draper & Smith (1998), Applied regression analysis, 3rd edition, section 3.1.
    """
    x, y, grid = _one_dimensional(x, "x"), _one_dimensional(y, "y"), _one_dimensional(grid, "grid")
    if x.shape != y.shape:
        raise InputError(f"x and y: expected one shape. Received: {x.shape} and {y.shape}.")
    kept = ~np.isnan(x) & ~np.isnan(y)
    x, y = np.compress(kept, x), np.compress(kept, y)
    quantile = t_quantile(level, x.size - 2)
    if x.size < 2 or np.ptp(x) == 0:
        return LineBand(*np.full((3, grid.size), np.nan))
    offset = x - x.mean()
    spread = float(offset @ offset)
    slope = float(offset @ (y - y.mean())) / spread
    fit = y.mean() + slope * (grid - x.mean())
    residuals = y - y.mean() - slope * offset
    freedom = max(1, x.size - 2)  # with two points the quantile is NaN, so the band is too
    variance = float(residuals @ residuals) / freedom
    margin = quantile * np.sqrt(variance * (1 / x.size + (grid - x.mean()) ** 2 / spread))
    return LineBand(fit, fit - margin, fit + margin)
