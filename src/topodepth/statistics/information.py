"""The information a measure has about the order of two models, beyond what their hyper-parameters tell."""

from collections.abc import Hashable, Iterable, Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from topodepth.statistics.granulated import on_grid

LARGEST = 2  # hyper-parameters conditioned on at once


class InformationScore(NamedTuple):
    """The smallest normalised information, the axes it was conditioned on, the pairs, and the value of each set."""

    score: float
    axes: tuple[str, ...]
    pairs: int
    by_axes: dict[tuple[str, ...], float]


def conditional_mutual_information(
    x: ArrayLike, y: ArrayLike, axes: Mapping[str, Iterable[Hashable]]
) -> InformationScore:
    """Return the conditional mutual information score of the PGDL competition, between 0 and 1.

    For an ordered pair of models, V_x and V_y are the signs of the differences of the measure and of the target, and
    U_S the values of *both* models on a set S of axes. The score is min over S of I(V_x; V_y | U_S) / H(V_y | U_S),
    over all sets of at most two axes, the empty one among them: how much of what the hyper-parameters leave open
    about which model generalises better does the measure tell? It does not depend on the measure's direction.

    The variant: all ordered pairs of different models, each counted in both orders (so the order of the rows has no
    influence); pairs that tie in x or y dropped; conditions weighted by their share of the pairs; plug-in
    entropies in bits. The competition's published program differs: sets of exactly two axes, ties counted as
    negative signs, each model paired with itself, all conditions weighted alike, result times 100. Plug-in information
    is biased upwards where a condition holds few pairs, so compare scores on the same models only.

    Parameters
    ----------
    x, y, axes
        As for :func:`topodepth.statistics.granulated.granulated_kendall`.

    Returns
    -------
    InformationScore
        Score as a fraction (multiply by 100 for the competition's scale), the minimising axes, number of unordered
        pairs, and the value of every set. A set that leaves nothing open (H = 0) is passed over; NaN if all are.

    Raises
    ------
    InputError
        As there.

    References
    ----------
    Jiang et al. (2020), NeurIPS 2020 competition: Predicting generalization in deep learning, arXiv:2012.07976.
    """
    x, y, grid, _ = on_grid(x, y, axes)
    first, second = np.nonzero((x[:, None] != x[None, :]) & (y[:, None] != y[None, :]))
    outcome = 2 * (x[first] > x[second]) + (y[first] > y[second])
    by_axes = {}
    for size in range(LARGEST + 1):
        for chosen in combinations(grid, size):
            values = [grid[name][side] for name in chosen for side in (first, second)]
            by_axes[chosen] = _normalised_information(outcome, values)
    defined = {chosen: value for chosen, value in by_axes.items() if not np.isnan(value)}
    least = min(defined, key=defined.__getitem__, default=())
    return InformationScore(defined.get(least, float("nan")), least, first.size // 2, by_axes)


def _normalised_information(outcome: np.ndarray, values: list[np.ndarray]) -> float:
    """Return I(V_x; V_y | U) / H(V_y | U); outcomes are 2 V_x + V_y, and U is the tuple of values."""
    if outcome.size == 0:
        return float("nan")
    condition = np.zeros(outcome.size, dtype=int)
    for value in values:
        _, condition = np.unique(condition * (value.max() + 1) + value, return_inverse=True)
    table = np.bincount(4 * condition + outcome, minlength=4 * (condition.max() + 1)).reshape(-1, 2, 2)
    base = _entropy(table.sum(axis=(1, 2)))
    of_y = _entropy(table.sum(axis=1)) - base
    of_x = _entropy(table.sum(axis=2)) - base
    of_both = _entropy(table) - base
    return float(np.clip((of_x + of_y - of_both) / of_y, 0, 1)) if of_y > 1e-12 else float("nan")


def _entropy(counts: np.ndarray) -> float:
    """Return the entropy of a table of counts, in bits."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())
