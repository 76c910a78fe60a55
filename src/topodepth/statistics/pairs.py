"""Coefficients of association as sums over pairs of models, for many samples of the same models at once.

A sample with replacement is a vector of counts, how often each model is in it; r samples are a matrix (r, n), and each
coefficient is a matrix product with the differences (Pearson) or their signs (Spearman, Kendall) of all pairs.
Controlled variables enter as blocks: only pairs within a block are compared.
"""

from collections.abc import Callable, Hashable, Iterable

import numpy as np
from numpy.typing import ArrayLike

from topodepth.errors import InputError, unknown_name

METHODS = ("pearson", "spearman", "kendall")

Statistic = Callable[[np.ndarray], np.ndarray]  # counts (r, n) to values (r,)


def complete(arrays: list[ArrayLike], names: Iterable[str]) -> tuple[list[np.ndarray], np.ndarray]:
    """Return arrays of one length as rows without the models (columns) that hold a NaN, and which were kept."""
    rows = [np.asarray(values, dtype=float) for values in arrays]
    for row, name in zip(rows, names, strict=True):
        if row.ndim != 1 or row.shape != rows[0].shape:
            raise InputError(f"{name}: expected {rows[0].size} numbers, shape (n,). Received: shape {row.shape}.")
        if np.isinf(row).any():
            raise InputError(f"{name}: expected finite numbers or NaN. Received: {int(np.isinf(row).sum())} infinite.")
    stacked = np.stack(rows)
    kept = ~np.isnan(stacked).any(axis=0)
    return [*stacked[:, kept]], kept


def codes(labels: Iterable[Hashable], n: int, name: str) -> np.ndarray:
    """Return n labels as integers in order of appearance, -1 for a missing one (None or NaN)."""
    labels = list(labels)
    if len(labels) != n:
        raise InputError(f"{name}: expected {n} labels. Received: {len(labels)}.")
    numbers: dict[Hashable, int] = {}
    return np.array([-1 if _missing(label) else numbers.setdefault(label, len(numbers)) for label in labels], dtype=int)


def signs(values: np.ndarray) -> np.ndarray:
    """Return sign(v_i - v_j) of all pairs, shape (n, n)."""
    return np.sign(values[:, None] - values[None, :])


def tau_b(sign_x: np.ndarray, sign_y: np.ndarray) -> float:
    """Return τ-b over pairs given by the signs of their differences; NaN if all tie on a side."""
    return float(ratio((sign_x * sign_y).sum(), np.abs(sign_x).sum(), np.abs(sign_y).sum()))


def coefficient(x: np.ndarray, y: np.ndarray, method: str, blocks: np.ndarray) -> Statistic:
    """Return a coefficient of x and y within blocks as a function of counts."""
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    if method == "kendall":
        return _kendall(x, y, blocks)
    score_x, score_y = (_scores(values, method, blocks) for values in (x, y))

    def product_moment(counts: np.ndarray) -> np.ndarray:
        a, b = score_x(counts), score_y(counts)
        return ratio(*((counts * products).sum(axis=1) for products in (a * b, a**2, b**2)))

    return product_moment


def ratio(covariance: np.ndarray, variance_a: np.ndarray, variance_b: np.ndarray) -> np.ndarray:
    """Return covariance over the root of both variances, NaN where one is zero."""
    norm = np.sqrt(np.multiply(variance_a, variance_b, dtype=float))
    quotient = np.divide(covariance, norm, out=np.full(np.shape(norm), np.nan), where=norm > 0)
    return np.clip(quotient, -1, 1)


def _kendall(x: np.ndarray, y: np.ndarray, blocks: np.ndarray) -> Statistic:
    """Return τ-b within blocks as a function of counts; copies of a model are tied with each other."""
    same = blocks[:, None] == blocks[None, :]
    sign_x, sign_y = signs(x) * same, signs(y) * same

    def tau(counts: np.ndarray) -> np.ndarray:
        sums = (((counts @ pairs) * counts).sum(axis=1) for pairs in (sign_x * sign_y, sign_x**2, sign_y**2))
        return ratio(*sums)

    return tau


def _scores(values: np.ndarray, method: str, blocks: np.ndarray) -> Statistic:
    """Return values (or ranks) minus their block's mean as a function of counts, (r, n) to (r, n).

    The mean of a model's differences to its block is its value minus the mean; the sum of their signs is twice its
    midrank minus the mean rank.
    """
    same = (blocks[:, None] == blocks[None, :]).astype(float)
    if method == "pearson":
        pairs, added = (values[:, None] - values[None, :]) * same, 0
    else:
        pairs, added = signs(values) * same, 1
    return lambda counts: counts @ pairs.T / np.maximum(counts @ same + added, 1)


def _missing(label: Hashable) -> bool:
    return label is None or (isinstance(label, float | np.floating) and np.isnan(label))
