"""Correlation of a measure and a target given covariates: residuals of normal scores, tested by permuting them."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from topodepth.errors import InputError
from topodepth.statistics.intervals import _check_level, t_quantile
from topodepth.statistics.resampling import CELLS, largest_of_many
from topodepth.statistics.runs import FEWEST_RUNS, Runs, exchanges, runs_of

FEWEST = 2  # degrees of freedom; with fewer there is no interval
MOST = 5  # functions of one covariate: itself, its normal scores, and their powers up to the fourth
DETERMINED = 1e-10  # share of the variance left by the covariates that is rounding

TOO_FEW = "too few models for the covariates"
CONSTANT = "the measure or the target is constant"
DETERMINED_MEASURE = "the covariates determine the measure"
DETERMINED_TARGET = "the covariates determine the target"


class Partial(NamedTuple):
    """A partial correlation, its bounds, its p-values, the models used, and why it is undefined ('' if it is not).

    ``p_corrected`` allows for all measures that were tested together; ``freedom`` is the number of models less two and
    less the independent functions of the covariates.
    """

    value: float
    low: float
    high: float
    p_value: float
    p_corrected: float
    n: int
    freedom: int
    reason: str

    @property
    def determined(self) -> bool:
        """Whether nothing of the measure or of the target is left once the covariates are known."""
        return self.reason in (DETERMINED_MEASURE, DETERMINED_TARGET)


def partial_correlation(
    x: ArrayLike, y: ArrayLike, given: ArrayLike, *, level: float = 0.95, permutations: int = 9999, seed: int = 0
) -> Partial:
    """Return the correlation of x and y given covariates: :func:`partial_correlations` of a single measure, (n,)."""
    return partial_correlations(np.expand_dims(x, 0), y, given, level=level, permutations=permutations, seed=seed)[0]


def partial_correlations(
    measures: ArrayLike,
    y: ArrayLike,
    given: ArrayLike,
    *,
    runs: Iterable[Hashable] | None = None,
    level: float = 0.95,
    permutations: int = 9999,
    seed: int = 0,
) -> list[Partial]:
    """Return the correlation of each of m measures with the target given covariates.

    Measure and target are replaced by their normal scores Φ⁻¹((rank − 1/2) / n), so monotone changes of either do not
    matter. What functions of the covariates explain of both by least squares is taken away, and Pearson's correlation
    of the residuals is the result. (Spearman's, of residuals of ranks, is biased: a line through ranks removes the
    effect of a covariate only in part, and what remains is common to both sides. Given three normal covariates,
    independent measures and targets of 100 models then look associated in a third of cases.)

    The functions are the covariate itself and its normal scores, and powers of the latter as far as the models allow:
    n / 3 columns over all covariates (for this, one counts as two), at least two and at most five of each covariate,
    and one where two would leave fewer than four degrees of freedom. A covariate that is constant or follows from the
    others changes nothing.

    The interval is Fisher's: atanh r ± z / √(freedom − 1). The p-value is that of a permutation of the target's
    residuals. Corrected, it allows for all m measures by the largest |r| of each permutation, every |r| divided by its
    root mean square over the permutations.

    Where models are snapshots of training runs, whole runs exchange their residuals, and the interval is atanh r ±
    t √(variance by the jackknife that leaves out one run at a time), with one degree of freedom less than runs.

    Parameters
    ----------
    measures
        Values of each measure, shape (m, n). Models with NaN are left out, measure by measure.
    y
        Target, shape (n,). Models with NaN are left out.
    given
        Covariates, shape (n, k). Models with NaN are left out.
    runs
        Training run of each model, shape (n,), in the order of training, see ``association``. ``None``: every model is
        independent.
    level
        Coverage of the intervals, between 0 and 1.
    permutations
        Number of permutations; 0 for no test (p-values of NaN).
    seed
        Seed of the permutations.

    Returns
    -------
    list of Partial
        NaN with the reason where a side is constant, where fewer than two degrees of freedom are left, or where the
        covariates determine a side.

    Raises
    ------
    InputError
        If shapes differ, a value is infinite, or an argument is out of range.

    References
    ----------
    Fisher (1924), The distribution of the partial correlation coefficient, Metron 3. Freedman & Lane (1983), A
    nonstochastic interpretation of reported significance levels, Journal of Business & Economic Statistics 1(4): the
    residuals' permutation. MacKinnon, Nielsen & Webb (2023), Fast and reliable jackknife and bootstrap methods for
    cluster-robust inference, Journal of Applied Econometrics 38(5): runs left out. Westfall & Young (1993),
    Resampling-based multiple testing: the correction. Klaassen & Wellner (1997), Efficient estimation in the bivariate
    normal copula model, Bernoulli 3(1): normal scores. Newey (1997), Convergence rates and asymptotic normality for
    series estimators, Journal of Econometrics 79(1).
    """
    _check_level(level)
    if permutations < 0:
        raise InputError(f"permutations: expected at least 0. Received: {permutations}.")
    measures, y, given = _checked(measures, y, given)
    labels = None if runs is None else list(runs)
    about = [_residuals(x, y, given, labels) for x in measures]
    p_values, corrected = _tested(about, y.size, permutations, seed)
    estimates = [
        _of_runs(one, (x, y, given), level) if one.runs else _estimate(one, level)
        for one, x in zip(about, measures, strict=True)
    ]
    return [
        Partial(*estimate, float(p), float(q), int(one.kept.sum()), one.freedom, one.reason)
        for one, estimate, p, q in zip(about, estimates, p_values, corrected, strict=True)
    ]


class _Residuals(NamedTuple):
    """What covariates leave of measure and target, (n_kept,) each, and their orthonormal functions, (n_kept, p)."""

    kept: np.ndarray
    x: np.ndarray
    y: np.ndarray
    functions: np.ndarray
    freedom: int
    reason: str
    runs: Runs | None


def _checked(measures: ArrayLike, y: ArrayLike, given: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    measures, y, given = (np.asarray(values, dtype=float) for values in (measures, y, given))
    if y.ndim != 1:
        raise InputError(f"y: expected shape (n,). Received: shape {y.shape}.")
    if measures.ndim != 2 or measures.shape[1] != y.size:
        raise InputError(f"measures: expected shape (m, {y.size}). Received: shape {measures.shape}.")
    if given.ndim != 2 or len(given) != y.size:
        raise InputError(f"given: expected shape ({y.size}, k). Received: shape {given.shape}.")
    for name, values in (("measures", measures), ("y", y), ("given", given)):
        if np.isinf(values).any():
            raise InputError(f"{name}: expected finite numbers or NaN. Received: {np.isinf(values).sum()} infinite.")
    return measures, y, given


def _residuals(x: np.ndarray, y: np.ndarray, given: np.ndarray, labels: Sequence[Hashable] | None) -> _Residuals:
    kept = np.isfinite(x) & np.isfinite(y) & np.isfinite(given).all(axis=1)
    scores = [_normal_scores(values[kept]) for values in (x, y)]
    functions = _orthonormal(_functions(given[kept]))
    x_left, y_left = left = [values - functions @ (functions.T @ values) for values in scores]
    freedom = int(kept.sum()) - functions.shape[1] - 1
    determined = [rest @ rest <= DETERMINED * (own @ own) for rest, own in zip(left, scores, strict=True)]
    if any(own @ own == 0 for own in scores):
        reason = CONSTANT
    elif freedom < FEWEST:
        reason = TOO_FEW
    elif any(determined):
        reason = DETERMINED_MEASURE if determined[0] else DETERMINED_TARGET
    else:
        reason = ""
    units = runs_of(labels, kept, np.zeros(int(kept.sum()), dtype=int))
    return _Residuals(kept, x_left, y_left, functions, freedom, reason, units)


def _normal_scores(values: np.ndarray) -> np.ndarray:
    """Return Φ⁻¹((rank − 1/2) / n) of each value, (n,), tied ones at their mean rank, minus the mean."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    scores = ndtri((rankdata(values) - 0.5) / max(1, values.size))
    return scores - scores.mean() if np.unique(values).size > 1 else np.zeros(values.size)


def _functions(given: np.ndarray) -> np.ndarray:
    """Return a constant and the functions of the covariates (n, k), as columns of like size."""
    n, numeric = len(given), sum(np.unique(column).size > 2 for column in given.T)
    count = min(MOST, max(2, n // (3 * max(2, numeric))))
    if n - 2 - 2 * numeric - (given.shape[1] - numeric) < 4:
        count = 1
    columns = [np.ones(n)]
    for column in given.T:
        levels = np.unique(column).size
        if levels < 2:
            continue
        centred = column - column.mean()
        scores = _normal_scores(column)
        powers = [scores**power for power in range(1, count)]
        columns += [own / np.abs(own).max() for own in [centred, *powers][: min(count, levels - 1)]]
    return np.column_stack(columns)


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of what the columns span, (n, p)."""
    basis, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return basis[:, sizes > 1e-10 * sizes[0]] if sizes.size else basis


def _estimate(found: _Residuals, level: float) -> tuple[float, float, float]:
    if found.reason:
        return (float("nan"),) * 3
    from scipy.special import ndtri

    r = float(np.clip(found.x @ found.y / np.sqrt((found.x @ found.x) * (found.y @ found.y)), -1, 1))
    margin = ndtri((1 + level) / 2) / np.sqrt(found.freedom - 1)
    with np.errstate(divide="ignore"):  # a correlation of 1 has the interval from 1 to 1
        low, high = np.tanh(np.arctanh(r) + np.array([-margin, margin]))
    return r, float(low), float(high)


def _of_runs(
    found: _Residuals, values: tuple[np.ndarray, np.ndarray, np.ndarray], level: float
) -> tuple[float, float, float]:
    """Return the estimate of snapshots, with bounds by the jackknife over their runs; none with fewer than five."""
    r, runs = _estimate(found, level)[0], found.runs
    if found.reason or runs is None or runs.number < FEWEST_RUNS:
        return r, float("nan"), float("nan")
    x, y, given = (value[found.kept] for value in values)
    others = [_residuals(x[rest], y[rest], given[rest], None) for rest in runs.own != np.arange(runs.number)[:, None]]
    turned = np.arctanh(np.clip([_estimate(one, level)[0] for one in others], -1 + DETERMINED, 1 - DETERMINED))
    margin = t_quantile(level, runs.number - 1) * np.sqrt((runs.number - 1) * turned.var())
    low, high = np.tanh(np.arctanh(np.clip(r, -1 + DETERMINED, 1 - DETERMINED)) + np.array([-margin, margin]))
    return r, float(low), float(high)


def _tested(about: Sequence[_Residuals], n: int, permutations: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the p-value of every measure, its own and corrected, (m,) each; NaN where it is undefined."""
    undefined = np.array([bool(one.reason) for one in about], dtype=bool)
    p_values, corrected = np.full((2, len(about)), np.nan)
    defined = [one for one in about if not one.reason]
    if not permutations or not defined:
        return p_values, corrected
    found = np.concatenate(list(_permuted(defined, n, permutations, seed)))
    of_runs = any(one.runs for one in defined)
    p_values[~undefined], corrected[~undefined] = largest_of_many(found, centred=of_runs)
    return p_values, corrected


def _permuted(about: Sequence[_Residuals], n: int, permutations: int, seed: int) -> Iterator[np.ndarray]:
    """Yield |r| as observed, then with the target's residuals permuted, (some, m); all measures are permuted alike."""
    rng = np.random.default_rng(seed)
    yield np.abs([[_estimate(one, 0.95)[0] for one in about]])
    step = max(1, CELLS // max(1, n))
    for start in range(0, permutations, step):
        count = min(step, permutations - start)
        keys = rng.random((count, n))
        moved: dict[tuple[bytes, bytes], tuple[np.ndarray, np.ndarray]] = {}
        rows = []
        for one in about:
            key = one.kept.tobytes(), one.y.tobytes()
            if key not in moved:
                y = one.y[_orders(one, keys, count, seed + start)]
                # what the covariates explain of the permuted residuals is taken away again
                left = (y**2).sum(axis=1) - ((y @ one.functions) ** 2).sum(axis=1)
                moved[key] = y, np.sqrt(np.maximum(left, 0))
            y, size = moved[key]
            product = np.abs(y @ one.x)
            norm = np.sqrt(one.x @ one.x) * size
            # nothing left to correlate counts as the largest there can be
            rows.append(np.divide(product, norm, out=np.ones_like(norm), where=size > 1e-6 * np.sqrt(one.y @ one.y)))
        yield np.minimum(1, np.column_stack(rows))


def _orders(one: _Residuals, keys: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return which model's residual each model gets, (count, n_kept): of whole runs where models are snapshots."""
    if one.runs is None:
        return np.argsort(keys[:, one.kept], axis=1)
    return exchanges(one.runs, np.zeros(one.y.size, dtype=int), count, seed)[1:]
