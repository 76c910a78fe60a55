"""Every statistic of every measure with every target: over all models, within blocks, within each group."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from topodepth import statistics
from topodepth.errors import InputError
from topodepth.experiments.generalization.design import AssociationSettings, Covariates, Scope, covariates, scopes
from topodepth.experiments.generalization.records import ABOUT_MEASURE
from topodepth.experiments.generalization.verdicts import COMPARED, verdict

if TYPE_CHECKING:
    import pandas

COEFFICIENTS = ("pearson", "spearman", "kendall")


def _with_bounds(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


COLUMNS = (
    "target", "scope", *ABOUT_MEASURE, "n", *(column for name in COEFFICIENTS for column in _with_bounds(name)),
    "p_value", "p_corrected", "least_p", *_with_bounds("partial"), "partial_p", "partial_corrected", "partial_given",
    "partial_unknown", "partial_reason",
    "granulated", "cells_skipped", "cmi", "sign_error", "sign_error_worst",
    *(column for rival in COMPARED for column in _with_bounds(f"beats_{rival}")), "verdict", "verdict_class",
    "reason", "note",
)  # fmt: skip
RUN_COLUMNS = ("runs", "effective_runs")  # only where models are snapshots of runs
GRANULATED_COLUMNS = ("target", "measure", "axis", "psi", "cells", "skipped")
HELD_OUT_COLUMNS = ("target", "measure", "group", "n", "kendall_within", "kendall_without", "rmse", "baseline_rmse")


class Results(NamedTuple):
    """Rows of ``associations.csv``, ``granulated.csv`` and ``held_out.csv``."""

    associations: list[dict]
    granulated: list[dict]
    held_out: list[dict]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of ``associations.csv``."""
        if not any(RUN_COLUMNS[0] in row for row in self.associations):
            return COLUMNS
        place = COLUMNS.index("n") + 1
        return (*COLUMNS[:place], *RUN_COLUMNS, *COLUMNS[place:])


class Measures(NamedTuple):
    """All measures of all models: ``about`` has the cells that describe each, ``values`` (m, n) follow the models."""

    about: dict[str, dict]
    values: np.ndarray

    def of(self, name: str) -> np.ndarray:
        """Return the values of one measure, (n,); NaN if there is none of that name."""
        names = list(self.about)
        return self.values[names.index(name)] if name in names else np.full(self.values.shape[1], np.nan)


def associate(
    models: "pandas.DataFrame",
    measures: "pandas.DataFrame",
    settings: Mapping,
) -> Results:
    """Return how every measure goes with every target, and the verdict on every descriptor.

    Parameters
    ----------
    models, measures
        The tables of :mod:`topodepth.experiments.generalization.records`.
    settings
        See :class:`topodepth.experiments.generalization.design.AssociationSettings`.

    Raises
    ------
    InputError
        If the settings name an unknown target or column, or the two tables do not fit each other.
    """
    asked = AssociationSettings.of(settings, models)
    found = pivot(models, measures)
    results = Results([], [], [])
    for target in asked.targets:
        y = models[target].to_numpy(dtype=float)
        chosen = scopes(models, target, asked)
        rows = []
        for scope in chosen:
            own = models.iloc[scope.rows]
            case = Case(own, y[scope.rows], covariates(own, scope.given), scope, asked)
            rows += _scope_rows(case, found._replace(values=found.values[:, scope.rows]))
        _judge(rows, chosen)
        results.associations.extend({"target": target} | row for row in rows)
        results.granulated.extend({"target": target} | row for row in _granulated_rows(models, found, y, asked))
        results.held_out.extend({"target": target} | row for row in _held_out_rows(models, found, y, asked))
    return results


def pivot(models: "pandas.DataFrame", measures: "pandas.DataFrame") -> Measures:
    """Return the long table of measures as one row of values a measure, in the order of the models.

    Raises
    ------
    InputError
        If a model of the measures is not among the models, or has one measure twice.
    """
    strangers = sorted(set(measures["model"]) - set(models["model"]))
    if strangers:
        raise InputError(f"measures: expected models of the table of models. Received: {strangers[0]!r}.")
    twice = measures[measures.duplicated(["model", "measure"])]
    if len(twice):
        received = f"{twice.iloc[0]['measure']!r} of {twice.iloc[0]['model']!r} twice"
        raise InputError(f"measures: expected one value of each measure for each model. Received: {received}.")
    about = measures.drop_duplicates("measure").set_index("measure", drop=False)
    # architectures of different depth have the same layer at different places
    about = about.assign(relative_depth=measures.groupby("measure")["relative_depth"].mean())
    wide = measures.pivot(index="measure", columns="model", values="value")
    values = wide.reindex(index=about.index, columns=models["model"]).to_numpy(dtype=float)
    records = about[list(ABOUT_MEASURE)].to_dict("records")
    return Measures({record["measure"]: record for record in records}, values)


class Case(NamedTuple):
    """One target in one scope: its models, their target (n,) and covariates, and what is asked."""

    models: "pandas.DataFrame"
    y: np.ndarray
    given: Covariates
    scope: Scope
    asked: AssociationSettings


def _scope_rows(case: Case, measures: Measures) -> list[dict]:
    """Return one row per measure; ``measures`` hold the models of the scope only."""
    tested, partials = _tested(case, measures), _partials(case, measures)
    rows = []
    for (name, about), x, (p_value, corrected) in zip(measures.about.items(), measures.values, tested, strict=True):
        found = statistics.association(
            x, case.y, blocks=case.scope.blocks, runs=case.scope.runs, resamples=case.asked.resamples, permutations=0,
            seed=case.asked.seed,
        )  # fmt: skip
        row = {"scope": case.scope.name, **about, "n": found.n, "reason": found.reason, "note": found.note}
        if found.runs:
            row |= dict(zip(RUN_COLUMNS, (found.runs.number, found.runs.effective), strict=True))
        for coefficient in COEFFICIENTS:
            row |= _bounds(coefficient, getattr(found, coefficient))
        row |= {"p_value": p_value, "p_corrected": corrected}
        row |= {"least_p": max(found.least_p, 1 / (1 + case.asked.permutations))}
        row |= partials.get(name, {})
        if case.given.unknown:
            row["partial_unknown"] = ", ".join(case.given.unknown)
        if case.scope.blocks is None:  # blocks change nothing in a grid, whose other axes are held fixed anyway
            row |= _on_grid(case, x)
        for rival in COMPARED:
            if rival != name:
                row |= _bounds(f"beats_{rival}", _difference(case, x, measures.of(rival)))
        rows.append(row)
    return rows


def _bounds(name: str, interval: statistics.Interval) -> dict:
    return dict(zip(_with_bounds(name), interval, strict=True))


def _tested(case: Case, measures: Measures) -> np.ndarray:
    """Return the p-value of every measure, its own and corrected, (m, 2).

    The descriptors are one family: whoever tries many layers, versions and homology dimensions pays for it. The rivals
    are another, for nothing is claimed of them; one family for all would let the rivals' number hide a descriptor.
    """
    kinds = np.array([about["kind"] for about in measures.about.values()])
    p_values = np.full((len(kinds), 2), np.nan)
    for kind in np.unique(kinds):
        tested = statistics.max_statistic_test(
            measures.values[kinds == kind], case.y,
            blocks=case.scope.blocks, runs=case.scope.runs, permutations=case.asked.permutations, seed=case.asked.seed,
        )  # fmt: skip
        p_values[kinds == kind] = np.column_stack([tested.p_values, tested.corrected])
    return p_values


def _partials(case: Case, measures: Measures) -> dict[str, dict]:
    """Return the partial correlation of every measure given the covariates; nothing of one without covariates.

    A rival that is one of the covariates is left out of those it is given. Of the descriptors p is corrected for their
    number, as in :func:`_tested`; of rivals, of which nothing is claimed, it is not.
    """
    families: dict[tuple[str, str], list[int]] = {}
    for place, (name, about) in enumerate(measures.about.items()):
        own = name if about["kind"] == "rival" and name in case.given.used else ""
        families.setdefault((about["kind"], own), []).append(place)
    names, rows = list(measures.about), {}
    for (kind, own), places in families.items():
        given = {column: values for column, values in case.given.used.items() if column != own}
        if not given:
            continue
        found = statistics.partial_correlations(
            measures.values[places], case.y, np.hstack(list(given.values())),
            runs=case.scope.runs, permutations=case.asked.permutations, seed=case.asked.seed,
        )  # fmt: skip
        for place, one in zip(places, found, strict=True):
            row = _bounds("partial", statistics.Interval(*one[:3])) | {"partial_p": one.p_value}
            row |= {"partial_corrected": one.p_corrected} if kind == "descriptor" else {}
            rows[names[place]] = row | {"partial_given": ", ".join(given), "partial_reason": one.reason}
    return rows


def _difference(case: Case, x: np.ndarray, rival: np.ndarray) -> statistics.Interval:
    """Return |τ| of the measure minus |τ| of a rival, within the scope's blocks."""
    asked = case.asked
    return statistics.paired_difference(
        x, rival, case.y, blocks=case.scope.blocks, runs=case.scope.runs, resamples=asked.resamples, seed=asked.seed
    )


def _axes(models: "pandas.DataFrame", asked: AssociationSettings) -> dict[str, np.ndarray]:
    """Return the axes of the grid along which these models differ."""
    return {axis: models[axis].to_numpy() for axis in asked.axes if models[axis].nunique() > 1}


def _on_grid(case: Case, x: np.ndarray) -> dict:
    """Return what a scope's models say as a grid and as environments: its groups, or the axes if it is one group."""
    row: dict[str, float] = {}
    axes, groups = _axes(case.models, case.asked), case.asked.groups
    if axes:
        grid = statistics.granulated_kendall(x, case.y, axes)
        score = statistics.conditional_mutual_information(x, case.y, axes)
        row |= {"granulated": grid.mean, "cells_skipped": sum(grid.skipped.values()), "cmi": score.score}
    environments, pairs = axes, "along"
    if groups and case.models[groups].nunique() > 1:
        environments, pairs = {groups: case.models[groups].to_numpy()}, "within"
    if environments:
        errors = statistics.sign_error(x, case.y, environments, pairs=pairs)
        row |= {"sign_error": errors.mean, "sign_error_worst": errors.worst}
    return row


def _granulated_rows(
    models: "pandas.DataFrame", measures: Measures, y: np.ndarray, asked: AssociationSettings
) -> list[dict]:
    known = np.isfinite(y)
    axes = {axis: values[known] for axis, values in _axes(models, asked).items()}
    rows = []
    for name, x in zip(measures.about, measures.values[:, known], strict=True) if axes else ():
        grid = statistics.granulated_kendall(x, y[known], axes)
        rows += [
            {"measure": name, "axis": axis, "psi": psi, "cells": grid.cells[axis], "skipped": grid.skipped[axis]}
            for axis, psi in grid.psi.items()
        ]
    return rows


def _held_out_rows(
    models: "pandas.DataFrame", measures: Measures, y: np.ndarray, asked: AssociationSettings
) -> list[dict]:
    if not asked.groups or models[asked.groups].nunique() < 2:
        return []
    groups, rows = models[asked.groups].to_numpy(), []
    for name, x in zip(measures.about, measures.values, strict=True):
        held_out = statistics.leave_one_group_out(x, y, groups)
        rows += [{"measure": name} | {key: getattr(one, key) for key in HELD_OUT_COLUMNS[2:]} for one in held_out]
    return rows


def _judge(rows: list[dict], chosen: list[Scope]) -> None:
    """Give every row of a descriptor the verdict on it: the same in every scope, for it is drawn from them all."""
    scopes_by_name = {scope.name: scope for scope in chosen}
    main = scopes_by_name.get("within", scopes_by_name["all"])
    by_measure: dict[str, dict[str, dict]] = {}
    for row in rows:
        if row["kind"] == "descriptor":
            by_measure.setdefault(row["measure"], {})[row["scope"]] = row
    for found in by_measure.values():
        judged = verdict(found["all"], found[main.name], main, scopes_by_name["all"])
        for row in found.values():
            row |= {"verdict": judged.sentence, "verdict_class": judged.kind}
