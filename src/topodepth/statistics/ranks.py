"""Does a measured value follow the attack? Kendall's τ over the strengths, with its permutation test."""

from functools import lru_cache
from itertools import permutations
from math import factorial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

ROUNDING = 1e-12  # values that differ by less than this part of the largest are tied
EXACT = 8  # strengths; with more, not all orders are tried
DRAWS = 9999


class RankTest(NamedTuple):
    """Kendall's τ-b, its two-sided permutation p, and the smallest p that any order of these values could have."""

    tau: float
    p_value: float
    least: float


UNDEFINED = RankTest(float("nan"), float("nan"), float("nan"))


def rank_test(values: ArrayLike, against: ArrayLike) -> RankTest:
    """Return Kendall's τ-b of values with what the attack reached at the same strengths, and its permutation test.

    p is the share of all orders of ``against``, the observed one among them, with at least this |τ|. Up to 8 strengths
    all orders are tried; with more, 9999 random ones (seeded).

    Parameters
    ----------
    values, against
        One number for each strength, shape (K,). Strengths with a NaN in either are left out.

    Returns
    -------
    RankTest
        NaN with fewer than three strengths, or where a side is the same at all of them.

    References
    ----------
    Kendall (1938), A new measure of rank correlation, Biometrika 30(1/2).
    Phipson & Smyth (2010), Permutation p-values should never be zero, Statistical Applications in Genetics and
    Molecular Biology 9(1).
    """
    values, against = np.asarray(values, dtype=float), np.asarray(against, dtype=float)
    given = np.isfinite(values) & np.isfinite(against)
    if given.sum() < 3:
        return UNDEFINED
    orders, signs = _orders(tuple(against[given])), _signs(values[given])
    untied = np.count_nonzero(signs) * np.count_nonzero(orders[0])
    if not untied:
        return UNDEFINED
    scores = orders @ signs  # concordant minus discordant pairs
    sizes = np.abs(scores)
    return RankTest(
        float(scores[0] / untied**0.5), float(np.mean(sizes >= sizes[0])), float(np.mean(sizes == sizes.max()))
    )


def _signs(values: np.ndarray) -> np.ndarray:
    """Return the sign of the difference of each pair, 0 for a tie: (..., K) → (..., K (K - 1) / 2)."""
    first, second = np.triu_indices(values.shape[-1], 1)
    differences = values[..., second] - values[..., first]
    differences[np.abs(differences) <= ROUNDING * np.abs(values).max()] = 0
    return np.sign(differences).astype(np.int32)


@lru_cache(maxsize=64)
def _orders(against: tuple[float, ...]) -> np.ndarray:
    """Return the signs of all orders of the strengths, the observed one first: (A, K (K - 1) / 2)."""
    count = len(against)
    if count <= EXACT:
        places = np.fromiter(permutations(range(count)), dtype=(np.intp, count), count=factorial(count))
    else:
        rng = np.random.default_rng(0)
        places = rng.permuted(np.tile(np.arange(count), (DRAWS + 1, 1)), axis=1)
        places[0] = np.arange(count)
    return _signs(np.array(against)[places])
