"""Does a measure hold everywhere? Its errors environment by environment, and its forecast of a group left out."""

from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from topodepth.errors import InputError
from topodepth.statistics.correlation import correlation
from topodepth.statistics.pairs import codes, complete


class SignError(NamedTuple):
    """Mean and worst sign error over environments, both by environment with their pairs, and the direction (1, -1)."""

    mean: float
    worst: float
    errors: dict[str, float]
    pairs: dict[str, int]
    direction: int


class HeldOut(NamedTuple):
    """Association in a group and in all others, and the error of the others' line in the group beside a baseline's."""

    group: str
    n: int
    kendall_within: float
    kendall_without: float
    rmse: float
    baseline_rmse: float


def sign_error(
    x: ArrayLike, y: ArrayLike, environments: Mapping[str, Iterable[Hashable]], *, pairs: str = "within"
) -> SignError:
    """Return how often a measure gets the order of two models wrong, by environment.

    The error of an environment is the mean over its pairs of (1 - d sign(x_i - x_j) sign(y_i - y_j)) / 2: 0 for a
    measure that orders every pair rightly, 1/2 for chance and for ties in x. Pairs that tie in y are dropped. The
    direction d is one for all environments: the sign of the number of concordant minus discordant pairs, over all
    environments' pairs together (1 if they balance). As it is fitted to the same pairs, a mean slightly below 1/2 says
    little; what counts is the worst environment, where the common direction can be wrong.

    Parameters
    ----------
    x, y
        Measure and target, shape (n,). Models with NaN are left out.
    environments
        Labels of the models by name, shape (n,) each: groups (architecture, run) or the axes of a grid. Models without
        a label (None, NaN) are left out.
    pairs
        ``"within"``: every label is an environment, its pairs all models that share it. ``"along"``: every name is an
        environment, its pairs all models that differ on it and on no other name.

    Returns
    -------
    SignError
        Mean and worst over environments that have pairs, NaN if none has; errors and numbers of pairs by
        environment (``name=label`` or ``name``), errors NaN where there is no pair; and the direction.

    Raises
    ------
    InputError
        If shapes differ, a value is infinite, no environment is given, or the rule of pairs is unknown.

    References
    ----------
    Dziugaite et al. (2020), In search of robust measures of generalization, NeurIPS. There, an environment is a pair
    of values of one hyper-parameter, pairs weigh by how sure their order is, and the direction is known beforehand.
    """
    if pairs not in ("within", "along"):
        raise InputError(f"pairs: expected 'within' or 'along'. Received: {pairs!r}.")
    if not environments:
        raise InputError("environments: expected at least one. Received: none.")
    (x, y), kept = complete([x, y], ("x", "y"))
    sides = np.triu_indices(x.size, k=1)
    rule = _pairs_within if pairs == "within" else _pairs_along
    chosen = {name: mask & (y[sides[0]] != y[sides[1]]) for name, mask in rule(environments, kept, sides).items()}
    agreement = np.sign(x[sides[0]] - x[sides[1]]) * np.sign(y[sides[0]] - y[sides[1]])
    direction = -1 if agreement[np.any(list(chosen.values()), axis=0)].sum() < 0 else 1
    wrong = (1 - direction * agreement) / 2
    errors = {name: float(wrong[mask].mean()) if mask.any() else float("nan") for name, mask in chosen.items()}
    known = [error for error in errors.values() if not np.isnan(error)] or [float("nan")]
    counts = {name: int(mask.sum()) for name, mask in chosen.items()}
    return SignError(float(np.mean(known)), max(known), errors, counts, direction)


def leave_one_group_out(x: ArrayLike, y: ArrayLike, groups: Iterable[Hashable]) -> list[HeldOut]:
    """Return, for each group, how well the other groups' models forecast its target from the measure.

    The forecast is the least-squares line of the other groups' models; the baseline forecasts their mean. A measure
    is of use across groups where its error is below the baseline's.

    Parameters
    ----------
    x, y
        Measure and target, shape (n,). Models with NaN are left out.
    groups
        Label of each model's group (such as its architecture), shape (n,). Models without one (None, NaN) are left out.

    Returns
    -------
    list of HeldOut
        In order of appearance: group, its number of models, Kendall's τ-b in it and among all others together, and
        root mean square errors in the unit of y. The line's is NaN if the others' measure is constant or there
        are fewer than three of them; with one group nothing can be forecast, so both are NaN.

    Raises
    ------
    InputError
        If shapes differ or a value is infinite.
    """
    (x, y), kept = complete([x, y], ("x", "y"))
    names, numbers = _named_codes(groups, kept, "groups")
    return [
        _held_out(name, (x[numbers == number], y[numbers == number]), (x[others], y[others]))
        for number, name in enumerate(names)
        if (numbers == number).any()
        for others in [(numbers >= 0) & (numbers != number)]
    ]


def _held_out(group: str, inside: tuple[np.ndarray, np.ndarray], others: tuple[np.ndarray, np.ndarray]) -> HeldOut:
    (x, y), (other_x, other_y) = inside, others
    rmse = baseline = float("nan")
    if other_y.size:
        baseline = _root_mean_square(y - other_y.mean())
    if other_x.size >= 3 and np.ptp(other_x) > 0:
        centred = other_x - other_x.mean()
        slope = centred @ other_y / (centred @ centred)
        rmse = _root_mean_square(y - other_y.mean() - slope * (x - other_x.mean()))
    return HeldOut(group, x.size, correlation(x, y), correlation(other_x, other_y), rmse, baseline)


def _root_mean_square(residuals: np.ndarray) -> float:
    return float(np.sqrt((residuals**2).mean()))


def _pairs_within(
    environments: Mapping[str, Iterable[Hashable]], kept: np.ndarray, sides: tuple[np.ndarray, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return which pairs share each label."""
    masks = {}
    for name, labels in environments.items():
        names, numbers = _named_codes(labels, kept, f"environments/{name}")
        for number, label in enumerate(names):
            masks[f"{name}={label}"] = (numbers[sides[0]] == number) & (numbers[sides[1]] == number)
    return masks


def _pairs_along(
    environments: Mapping[str, Iterable[Hashable]], kept: np.ndarray, sides: tuple[np.ndarray, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return which pairs differ on each axis and on no other."""
    placed = np.stack([codes(labels, kept.size, f"environments/{name}") for name, labels in environments.items()])
    placed = placed[:, kept]
    differ = placed[:, sides[0]] != placed[:, sides[1]]
    inside = np.all(placed >= 0, axis=0)
    single = (differ.sum(axis=0) == 1) & inside[sides[0]] & inside[sides[1]]
    return {name: single & along for name, along in zip(environments, differ, strict=True)}


def _named_codes(labels: Iterable[Hashable], kept: np.ndarray, name: str) -> tuple[list[str], np.ndarray]:
    """Return the labels' names in order of appearance, and the number of each kept model's label (-1 for none)."""
    labels = list(labels)
    numbers = codes(labels, kept.size, name)
    names = {number: str(label) for number, label in zip(numbers, labels, strict=True)}
    return [names[number] for number in range(numbers.max(initial=-1) + 1)], numbers[kept]
