"""Association of a measure with a target over models: correlations, their intervals, tests and comparisons."""

from collections.abc import Hashable, Iterable
from math import factorial, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from topodepth.errors import InputError
from topodepth.statistics.intervals import Interval
from topodepth.statistics.pairs import METHODS, codes, coefficient, complete
from topodepth.statistics.resampling import FEWEST, ROUNDING, bootstrap_models, largest_of_many, permuted_taus, whole
from topodepth.statistics.runs import FEWEST_RUNS, Runs, runs_of

ARRANGEMENTS = 10_000  # of the target within blocks; fewer keep p above what the usual 9999 permutations can show


class Association(NamedTuple):
    """The three coefficients with their intervals, the permutation p-value of Kendall's, and what cannot be said.

    ``reason`` says why there is no coefficient ('' if there is one); ``least_p`` is the smallest p-value that the
    distinct arrangements of the target within blocks allow. ``runs`` are known where models are snapshots of runs.
    """

    pearson: Interval
    spearman: Interval
    kendall: Interval
    p_value: float
    n: int
    runs: Runs | None
    least_p: float
    reason: str
    note: str


class MaxTest(NamedTuple):
    """Permutation p-values of m measures, each on its own and corrected for having tried them all; shape (m,)."""

    p_values: np.ndarray
    corrected: np.ndarray


def correlation(x: ArrayLike, y: ArrayLike, method: str = "kendall") -> float:
    """Return Pearson's r, Spearman's ρ or Kendall's τ-b of two variables over models.

    Parameters
    ----------
    x, y
        Values, shape (n,). Models with a NaN in either are left out.
    method
        ``"pearson"``, ``"spearman"`` or ``"kendall"``.

    Returns
    -------
    float
        Between -1 and 1; NaN with fewer than three models or where a side is constant.

    Raises
    ------
    InputError
        If the shapes differ, a value is infinite, or the method is unknown.

    References
    ----------
    Kendall (1945), The treatment of ties in ranking problems, Biometrika 33(3).
    """
    (x, y), _ = complete([x, y], ("x", "y"))
    return whole(coefficient(x, y, method, np.zeros(x.size, dtype=int)), x.size)


def association(
    x: ArrayLike,
    y: ArrayLike,
    *,
    blocks: Iterable[Hashable] | None = None,
    runs: Iterable[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    permutations: int = 9999,
    seed: int = 0,
) -> Association:
    """Return the three coefficients of a measure and a target with intervals over models, and a permutation p-value.

    With blocks, coefficients, intervals and p-value are all those *within* blocks: Pearson's of the values minus their
    block's mean; Spearman's of the ranks within the block, minus their mean and divided by the block's size + 1, so
    that blocks weigh by their size; Kendall's concordant minus discordant pairs of the same block over the
    tie-corrected number of such pairs. Differences between blocks, the controlled variables' doing, count in none of
    them.

    The intervals are BCa. On normal samples of 15 to 40 models (correlation 0, 0.5, 0.9; 400 samples each) their 95 %
    covered 92 to 98 %, Pearson's 92 to 95 %; percentile intervals 91 to 98 %, Pearson's 91 to 95 %.

    Parameters
    ----------
    x, y
        Measure and target, shape (n,). Models with a NaN in either are left out, and the note says so.
    blocks
        Label of each model's combination of controlled variables, shape (n,); models without one (None, NaN) are a
        block of their own. ``None``: all models are one block.
    runs
        Training run of each model, shape (n,), where models are snapshots, in the order of their training; models
        without one (None, NaN) are a run of their own. Then the run is the unit: whole runs are drawn for the
        intervals, and whole runs exchange their targets for the p-value, both among runs with models in the same
        blocks. With fewer than five runs there are no bounds. ``None``: every model is independent.
    level
        Coverage of the intervals, between 0 and 1.
    resamples
        Number of bootstrap resamples of models, drawn within blocks.
    permutations
        Number of permutations of the target within blocks; 0 for no test (a p-value of NaN).
    seed
        Seed of resamples and permutations.

    Returns
    -------
    Association
        Coefficients with bounds, p-value (two-sided, of Kendall's τ-b, see ``max_statistic_test``), models used, and
        a note of what cannot be said (empty if there is nothing of the kind).

    Raises
    ------
    InputError
        If shapes differ, a value is infinite, or an argument is out of range.

    References
    ----------
    Efron (1987), Better bootstrap confidence intervals, Journal of the American Statistical Association 82(397).
    van Elteren (1960), On the combination of independent two-sample tests of Wilcoxon, Bulletin of the International
    Statistical Institute 37: ranks over the block's size + 1.
    """
    (x, y), kept = complete([x, y], ("x", "y"))
    numbers = _blocks(blocks, kept)
    units = runs_of(runs, kept, numbers)
    found = [
        bootstrap_models(
            coefficient(x, y, method, numbers), numbers, units, level=level, resamples=resamples, seed=seed
        )
        for method in METHODS
    ]
    p_value = float("nan")
    if permutations:
        own = units.own if units else None
        tested = max_statistic_test([x], y, blocks=numbers, runs=own, permutations=permutations, seed=seed)
        p_value = float(tested.p_values[0])
    reason = _reason(x, y, numbers, found[-1])
    arrangements = _arrangements(np.arange(units.number), units.strata) if units else _arrangements(y, numbers)
    few = f"fewer than {FEWEST_RUNS} runs" if units and units.number < FEWEST_RUNS else ""
    note = _note(kept.size, x.size, reason, found[-1], arrangements, few=few, several=len(np.unique(numbers)) > 1)
    # the arrangement that is reversed in every block has the same |τ|, but not that of whole runs
    least_p = min(1.0, (1 if units else 2) / arrangements)
    pearson, spearman, kendall = found
    return Association(pearson, spearman, kendall, p_value, x.size, units, least_p, reason, note)


def max_statistic_test(
    measures: ArrayLike,
    y: ArrayLike,
    *,
    blocks: Iterable[Hashable] | None = None,
    runs: Iterable[Hashable] | None = None,
    permutations: int = 9999,
    seed: int = 0,
) -> MaxTest:
    """Test m measures for an association with the target, permuting the target within blocks.

    The statistic is Kendall's τ-b within blocks (see ``association``): without ties its distribution under
    permutation is the same for every measure, so the largest of many is a fair yardstick. A measure with ties or
    missing values scatters more; so that it does not set the bar for all others, each τ is divided by its root mean
    square over the permutations. All measures see the same permutations, which accounts for their dependence.

    Two-sided, p = (1 + number of permutations with at least this |τ|) / (1 + permutations); corrected, the largest
    of all measures' is what must be reached.

    Parameters
    ----------
    measures
        Values of each measure, shape (m, n). NaN is left out, measure by measure.
    y
        Target, shape (n,). Models with NaN are left out.
    blocks
        Label of each model's combination of controlled variables, shape (n,). ``None``: all models are one block.
    runs
        As for ``association``: whole runs exchange their targets. Of each |τ| the mean over the permutations is then
        taken off before it is divided, for what all runs have in common stays under exchange.
    permutations
        Number of random permutations. Where the blocks allow only A distinct arrangements of the target, p stays above
        about 1/A; the note of ``association`` says so.
    seed
        Seed of the permutations.

    Returns
    -------
    MaxTest
        NaN for a measure whose τ is undefined (constant within every block, fewer than three models).

    Raises
    ------
    InputError
        If shapes differ, a value is infinite, or there is not at least one permutation.

    References
    ----------
    Westfall & Young (1993), Resampling-based multiple testing.
    Phipson & Smyth (2010), Permutation p-values should never be zero, Statistical Applications in Genetics and
    Molecular Biology 9(1).
    """
    if permutations < 1:
        raise InputError(f"permutations: expected at least 1. Received: {permutations}.")
    (y,), kept = complete([y], ("y",))
    measures = np.asarray(measures, dtype=float)
    if measures.ndim != 2 or measures.shape[1] != kept.size:
        raise InputError(f"measures: expected shape (m, {kept.size}). Received: shape {measures.shape}.")
    if np.isinf(measures).any():
        raise InputError(f"measures: expected finite numbers or NaN. Received: {np.isinf(measures).sum()} infinite.")
    measures = measures[:, kept]
    numbers = _blocks(blocks, kept)
    units = runs_of(runs, kept, numbers)
    taus = np.abs(permuted_taus(measures, y, numbers, units, permutations=permutations, seed=seed))
    undefined = np.isnan(taus[0]) | (np.isfinite(measures).sum(axis=1) < FEWEST)
    tested = largest_of_many(np.where(undefined, 0, np.nan_to_num(taus)), centred=units is not None)
    return MaxTest(*(np.where(undefined, np.nan, p_values) for p_values in tested))


def paired_difference(
    x: ArrayLike,
    rival: ArrayLike,
    y: ArrayLike,
    *,
    blocks: Iterable[Hashable] | None = None,
    runs: Iterable[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return by how much a measure orders the models better than a rival: |τ(x, y)| - |τ(rival, y)|.

    Both τ-b are of the same models in every resample, so what is common to both cancels. An absolute value of noise is
    above zero, so the lead over a rival without any association is understated. On normal samples of 17 and 40 models
    the 95 % intervals covered 92 to 97 %.

    Parameters
    ----------
    x, rival, y
        Measure, rival and target, shape (n,). Models with a NaN in any are left out.
    blocks, runs, level, resamples, seed
        As for ``association``: with blocks, both τ are those within blocks.

    Returns
    -------
    Interval
        Difference and BCa bounds, between -1 and 1; NaN where either τ is undefined.

    Raises
    ------
    InputError
        If shapes differ, a value is infinite, or an argument is out of range.
    """
    (x, rival, y), kept = complete([x, rival, y], ("x", "rival", "y"))
    numbers = _blocks(blocks, kept)
    of_x, of_rival = (coefficient(values, y, "kendall", numbers) for values in (x, rival))
    return bootstrap_models(
        lambda counts: np.abs(of_x(counts)) - np.abs(of_rival(counts)),
        numbers, runs_of(runs, kept, numbers), level=level, resamples=resamples, seed=seed,
    )  # fmt: skip


def _blocks(blocks: Iterable[Hashable] | None, kept: np.ndarray) -> np.ndarray:
    """Return each kept model's block as an integer."""
    return np.zeros(kept.sum(), dtype=int) if blocks is None else codes(blocks, kept.size, "blocks")[kept]


def _reason(x: np.ndarray, y: np.ndarray, blocks: np.ndarray, kendall: Interval) -> str:
    """Say why there is no association to state; empty if there is one."""
    if not np.isnan(kendall.value):
        return ""
    members = [np.flatnonzero(blocks == block) for block in np.unique(blocks)]
    if x.size < FEWEST:
        return f"{x.size} models, at least {FEWEST} are needed"
    if max(map(len, members)) == 1:
        return "no two models share a block"
    within = " within every block" if len(members) > 1 else ""
    constant = [name for name, v in (("measure", x), ("target", y)) if all(np.ptp(v[m]) == 0 for m in members)]
    return f"the {' and the '.join(constant)} is constant{within}"


def _note(n_all: int, n: int, reason: str, kendall: Interval, arrangements: int, *, few: str, several: bool) -> str:
    """Say what the numbers cannot tell, and why."""
    parts = [f"{n_all - n} of {n_all} models left out for undefined values."] if n < n_all else []
    if reason:
        return " ".join([*parts, f"No association can be stated: {reason}."])
    if np.isnan(kendall.low):
        parts.append(f"No interval can be stated: {few or 'most resamples are constant'}.")
    elif kendall.high - kendall.low < ROUNDING:
        parts.append("Kendall's interval has no width: every resample gives the same.")
    if arrangements < ARRANGEMENTS:
        parts.append(
            f"Only {arrangements} distinct arrangements of the target{' within every block' if several else ''}: "
            f"a permutation p-value cannot fall below about {1 / arrangements:.2g}."
        )
    return " ".join(parts)


def _arrangements(values: np.ndarray, blocks: np.ndarray) -> int:
    """Return in how many distinct orders the values can be put within their blocks."""
    count = 1
    for block in np.unique(blocks):
        own = values[blocks == block]
        _, ties = np.unique(own, return_counts=True)
        count *= factorial(own.size) // prod(factorial(int(tied)) for tied in ties)
    return count
