"""Compare the diagrams of attacked images with those of the clean ones: values, changes, trends."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from topodepth import statistics
from topodepth.errors import InputError
from topodepth.experiments.adversarial.series import Series, Strengths
from topodepth.experiments.adversarial.verdicts import sentence, verdict
from topodepth.statistics.ranks import rank_test
from topodepth.tables import tables
from topodepth.tables.values import values_of
from topodepth.topology import diagrams

if TYPE_CHECKING:
    import pandas

log = logging.getLogger(__name__)

STRENGTH = ("epsilon", "epsilon_unit", "accuracy", "macro_f1", "success_rate")
COLUMNS = (*tables.COLUMNS, *STRENGTH)
PLACE = ("layer_index", "layer", "relative_depth", "class", "homology_dimension", "descriptor", "version")
CHANGE_COLUMNS = (
    *PLACE, "model", *STRENGTH, "clean_value", "value", "change", "ci_low", "ci_high",
    "percent", "percent_ci_low", "percent_ci_high",
)  # fmt: skip
AGAINST = {"success": "success_rate", "f1": "macro_f1"}
TREND_COLUMNS = (
    *PLACE, *(f"{name}_{against}{part}" for against in AGAINST for name, part in
              (("kendall", ""), ("kendall", "_p"), ("spearman", ""))),
    "epsilon", "success_rate", "macro_f1", "percent", "percent_ci_low", "percent_ci_high", "verdict", "sentence",
)  # fmt: skip


@dataclass(frozen=True)
class AttackComparison:
    """All that is said of one attack: rows of the three tables, with this module's columns."""

    rows: list[dict]
    changes: list[dict]
    trends: list[dict]


def compare(
    metrics: "pandas.DataFrame",
    paths: Iterable[str | Path],
    dimensions: Sequence[Mapping] = (),
    *,
    names: Sequence[str] = ("lifespan_sum",),
    parameters: Mapping[str, Mapping] | None = None,
) -> AttackComparison:
    """Compare the diagrams of attacked images with those of the clean ones.

    Parameters
    ----------
    metrics
        One row per strength: model, epsilon, epsilon_unit, accuracy, macro_f1, success_rate.
    paths
        Diagram files of all strengths and layers; their attribute ``model`` is that of a row of ``metrics``.
    dimensions
        Rows of dimension estimates, with ``tables.COLUMNS``; their changes have no interval, as nothing pairs them.
    names, parameters
        Registered descriptors, and their keyword arguments.

    Raises
    ------
    InputError
        If a model has no metrics, the clean images or a file are missing, or files do not belong together.
    """
    metrics = metrics.sort_values("epsilon", kind="stable").reset_index(drop=True)
    if metrics.empty or metrics["epsilon"][0] != 0:
        raise InputError("metrics: expected a row of the clean images, epsilon 0. Received: none.")
    strengths = {row["model"]: row for row in metrics.to_dict("records")}
    rows, measured = [], Strengths(list(strengths))
    for path in paths:
        file = diagrams.read_diagrams(path)
        values = list(values_of(file, names, parameters or {}))
        rows += tables.descriptor_rows(file, values)
        measured.add(path, file.attributes, values)
    measured.add_rows(dimensions)
    rows += [dict(row) for row in dimensions]
    for row in rows:
        row |= {key: strengths[row["model"]][key] for key in STRENGTH}
    rows.sort(key=lambda row: (row["epsilon"], row["layer_index"]))
    found = measured.series()
    changes = [_changes(series, strengths.values()) for series in found]
    _say_undefined([row for series, own in zip(found, changes, strict=True) if series.sources for row in own[1:]])
    return AttackComparison(
        rows, [row for own in changes for row in own], [_trend(series, metrics) for series in found]
    )


def _changes(series: Series, strengths: Iterable[Mapping]) -> list[dict]:
    rows = []
    for k, strength in enumerate(strengths):
        change, percent = series.change(k), series.percent(k)
        rows.append({
            **series.place, "model": strength["model"], **{key: strength[key] for key in STRENGTH},
            "clean_value": series.full[0], "value": series.full[k],
            "change": change.value, "ci_low": change.low, "ci_high": change.high,
            "percent": percent.value, "percent_ci_low": percent.low, "percent_ci_high": percent.high,
        })  # fmt: skip
    return rows


def _say_undefined(changes: Sequence[Mapping]) -> None:
    """Log once how many of the changes that are tested have no interval, and why."""
    undefined = int(np.isnan([row["percent_ci_low"] for row in changes]).sum())
    if undefined:
        log.warning(
            "%d of %d changes have no interval: a value is 0, with all images or without a group of them; it is the "
            "same without any group; or the null model has a single draw",
            undefined, len(changes),
        )  # fmt: skip


def most_successful(metrics: "pandas.DataFrame") -> int:
    """Return the place of the strength with the highest success rate; the last one where none is above the clean."""
    success = metrics["success_rate"].to_numpy(dtype=float)
    return (0 if np.isnan(success).all() else int(np.nanargmax(success))) or len(success) - 1


def _trend(series: Series, metrics: "pandas.DataFrame") -> dict:
    k, constant = most_successful(metrics), series.constant()
    percent, row = series.percent(k), {**series.place}
    tests = {}
    for name, column in AGAINST.items():
        against = metrics[column].to_numpy(dtype=float)
        tests[name] = rank_test(series.full, against)
        row |= {f"kendall_{name}": tests[name].tau, f"kendall_{name}_p": tests[name].p_value}
        row[f"spearman_{name}"] = statistics.correlation(series.full, against, "spearman")
    row |= {key: metrics[key][k] for key in ("epsilon", "success_rate", "macro_f1")}
    row |= {"percent": percent.value, "percent_ci_low": percent.low, "percent_ci_high": percent.high}
    row["verdict"] = verdict(percent, tests["success"], tests["f1"], constant=constant)
    return row | {"sentence": sentence(row, metrics.iloc[0], metrics.iloc[k], constant=constant)}
