"""What is asked of a set of models: targets, scopes, controls, covariates and axes, checked against the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from topodepth.errors import InputError, unknown_name
from topodepth.experiments.generalization import words
from topodepth.experiments.generalization.records import TARGETS
from topodepth.statistics.runs import Runs, runs_of

if TYPE_CHECKING:
    import pandas

FEWEST_IN_GROUP = 5  # models; a smaller group is no scope of its own
BINS = 4  # a numeric control with more values is cut into this many by its quantiles
OUTCOMES = {*TARGETS, "stated_accuracy", "stated_difference", "sample_accuracy"}


@dataclass(frozen=True)
class AssociationSettings:
    """The settings of one experiment.

    Attributes
    ----------
    targets
        What the measures should tell, columns of ``models.csv``.
    groups
        The column whose values are scopes and environments, such as ``architecture``; None for none.
    controls
        Columns whose combinations are the blocks of the permutations; without any, the groups are.
    covariates
        Columns given in the partial correlations.
    axes
        Columns that make the grid.
    resamples, permutations, seed
        Of every bootstrap and permutation test.
    """

    targets: Sequence[str] = ("test_error", "gap")
    groups: str | None = None
    controls: Sequence[str] = ()
    covariates: Sequence[str] = ()
    axes: Sequence[str] = ()
    resamples: int = 2000
    permutations: int = 9999
    seed: int = 0

    @classmethod
    def of(cls, settings: Mapping, models: "pandas.DataFrame") -> "AssociationSettings":
        """Return the settings that a mapping holds, other keys left out, checked against the table of models.

        Raises
        ------
        InputError
            If a target or a column is unknown, or an outcome is to be controlled for, which would explain it by itself.
        """
        known = {field.name for field in fields(cls)}
        found = cls(**{key: value for key, value in settings.items() if key in known})
        for target in found.targets:
            if target not in TARGETS:
                raise unknown_name("target", target, TARGETS)
        explaining = {"groups": [found.groups] if found.groups else [], "controls": found.controls,
                      "covariates": found.covariates, "axes": found.axes}  # fmt: skip
        for key, columns in explaining.items():
            for column in columns:
                if column not in models:
                    raise unknown_name(f"column of models.csv under '{key}'", column, models.columns)
                if column in OUTCOMES:
                    raise InputError(f"{key}: expected columns that do not hold the outcome. Received: {column!r}.")
        return found

    @property
    def blocking(self) -> list[str]:
        """The columns whose combinations are the blocks."""
        return list(self.controls) or ([self.groups] if self.groups else [])


class Scope(NamedTuple):
    """The models that a row of the results is about.

    ``rows`` (n,) are their places in the table, ``blocks`` (n,) their blocks or None, ``given`` the columns given in
    partial correlations, ``text`` names the scope in a sentence. ``runs`` (n,) are their runs, where some are
    snapshots; the snapshots of a run then follow the order of its training.
    """

    name: str
    rows: np.ndarray
    blocks: np.ndarray | None
    given: tuple[str, ...]
    text: str
    runs: np.ndarray | None = None


def scopes(models: "pandas.DataFrame", target: str, settings: AssociationSettings) -> list[Scope]:
    """Return all models pooled, all within blocks, and every group of at least five models.

    Models without a value of the target are in none. One block of all models is no scope. A model that is alone in its
    block has nothing to be compared with and is left out within blocks, where the groups are given in partial
    correlations as well. Of snapshots, so is a run that has no other one in the same blocks.
    """
    rows, given = _in_order(models, target), tuple(settings.covariates)
    runs = models["run"].to_numpy() if "run" in models else None

    def scope(name: str, own: np.ndarray, blocks: np.ndarray | None, given: tuple[str, ...], within: str) -> Scope:
        ours = None if runs is None else runs[own]
        counted = _counted(len(own), ours)
        text = f"within {within} ({counted})" if within else f"pooled over {counted}"
        return Scope(name, own, blocks, given, text, ours)

    found = [scope("all", rows, None, given, "")]
    codes = block_codes(models.iloc[rows], settings.blocking) if settings.blocking else np.zeros(len(rows), dtype=int)
    if codes.any():
        kept = _compared(codes, None if runs is None else runs[rows])
        also = (settings.groups,) if settings.groups and settings.groups not in given else ()
        within = f"blocks of equal {' and '.join(map(words.column, settings.blocking))}"
        found.append(scope("within", rows[kept], codes[kept], given + also, within))
    if settings.groups:
        labels = models[settings.groups].iloc[rows]
        for label in labels.dropna().unique():
            own = rows[labels == label]
            if FEWEST_IN_GROUP <= len(own) < len(rows):
                found.append(scope(f"group:{label}", own, None, given, f"{words.column(settings.groups)} {label}"))
    return found


def _in_order(models: "pandas.DataFrame", target: str) -> np.ndarray:
    """Return the places of the models that have the target; snapshots in the order of their trainings."""
    rows = np.flatnonzero(models[target].notna())
    if "snapshot" not in models:
        return rows
    return rows[np.argsort(models["snapshot"].to_numpy()[rows], kind="stable")]


def _counted(models: int, runs: np.ndarray | None) -> str:
    """Return how many models there are, and of how many runs if some are snapshots."""
    found = _runs(runs, np.zeros(models, dtype=int))
    if found is None:
        return f"{models} models"
    return f"{models} models of {found.number} training runs, effectively {found.effective:.1f}"


def _runs(runs: np.ndarray | None, blocks: np.ndarray) -> Runs | None:
    return runs_of(runs, np.ones(len(blocks), dtype=bool), blocks)


def _compared(codes: np.ndarray, runs: np.ndarray | None) -> np.ndarray:
    """Return which models have another one in their block; of snapshots, whose run has another one in its blocks."""
    found = _runs(runs, codes)
    if found is None:
        return np.bincount(codes, minlength=1)[codes] > 1
    return (np.bincount(found.strata)[found.strata] > 1)[found.own]


def block_codes(models: "pandas.DataFrame", columns: Sequence[str]) -> np.ndarray:
    """Return the block of every model, (n,) whole numbers from 0: models with equal values in all the columns.

    A numeric column of more than four values is cut at its quartiles; a missing value is a value of its own.
    """
    import pandas

    levels = pandas.DataFrame(index=models.index)
    for column in columns:
        values = models[column]
        if pandas.api.types.is_numeric_dtype(values) and values.nunique() > BINS:
            values = pandas.qcut(values, BINS, labels=False, duplicates="drop")
        levels[column] = values
    return levels.groupby(list(columns), sort=False, dropna=False).ngroup().to_numpy()


class Covariates(NamedTuple):
    """Covariates of a scope's models: those used, (n, k) each, and those that cannot be, unknown or all the same.

    ``unknown`` tells of how many models a column has no value.
    """

    used: dict[str, np.ndarray]
    unknown: dict[str, int]
    same: list[str]


def covariates(models: "pandas.DataFrame", columns: Sequence[str]) -> Covariates:
    """Return the columns as covariates, and why any of them is not used.

    Text becomes indicators. A column that is the same for all these models explains nothing, and one with missing
    values would drop models: neither is used.
    """
    import pandas

    unknown = {column: int(models[column].isna().sum()) for column in columns if models[column].isna().any()}
    same = [column for column in columns if column not in unknown and models[column].nunique() < 2]
    used = {
        column: (
            models[[column]]
            if pandas.api.types.is_numeric_dtype(models[column])
            else pandas.get_dummies(models[column], drop_first=True)
        ).to_numpy(dtype=float)
        for column in columns
        if column not in unknown and column not in same
    }
    return Covariates(used, unknown, same)
