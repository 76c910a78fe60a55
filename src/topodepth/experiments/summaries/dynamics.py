"""The dynamics experiment in words: where descriptors change from the first to the last snapshot of a training."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from topodepth.experiments.summaries.rows import APART, CHANGES, FALLS, RISES, change, count, curves, foremost, told
from topodepth.files import pages
from topodepth.statistics import Interval, correlation, mean_interval
from topodepth.statistics.resampling import common_direction

if TYPE_CHECKING:
    import pandas

LEVEL = 0.05
FEWEST = 6  # trainings with which the test of a common direction can reach it: 2/2⁵ is 0.063, 2/2⁶ is 0.031
METHOD = (
    "τ: Kendall's rank correlation of the value with the test accuracy over the snapshots of one training. Snapshots "
    "of one training are not independent, so τ has no p of its own: the training is the unit. Over trainings: the mean "
    "of their τ with its 95 % interval (Student's t), and the share of all signs of the trainings that make any "
    "value's τ agree as well, two-sided, for all values tried; five trainings cannot reach 0.05."
)
OVER_TRAININGS = ("measure", "layer", "trainings", "mean τ with accuracy", "low", "high", "corrected p")
COLUMNS = (
    "model", "measure", "layer", "first epoch", "value", "low", "high", "last epoch", "value", "low", "high", "change",
    "value / null, first", "last", "change", "τ with accuracy",
)  # fmt: skip


def page(table: "pandas.DataFrame", labels: Mapping[str, str], title: str) -> str:
    """Return the page of a dynamics experiment.

    Parameters
    ----------
    table
        Rows of all snapshots, with the columns of ``topodepth.tables.tables``, epoch and test_accuracy.
    labels
        Names for the models; models without one keep their own.
    title
        Title of the page.
    """
    rows = _changes(table)
    shown = [[labels.get(row["model"], row["model"]), *row["shown"]] for row in rows]
    followed = _over_trainings(rows)
    tables = [_by_measure(rows), *([_trainings_table(followed)] if followed else []),
              pages.Table("First and last snapshot, layer by layer", COLUMNS, shown)]  # fmt: skip
    return pages.page(title, _answer(table, rows, followed, labels), tables, [APART, METHOD])


def _changes(table: "pandas.DataFrame") -> list[dict]:
    """Return a row for each measure, model and layer: how the value changes from the first to the last snapshot."""
    rows = []
    for measure, own in curves(table):
        for (model, layer), line in own.groupby(["model", "layer"], sort=False):
            snapshots = line.sort_values("epoch", kind="stable")
            first, last = (snapshots.iloc[place].to_dict() for place in (0, -1))
            tau = correlation(snapshots["value"], snapshots["test_accuracy"])
            row = {"measure": measure, "layer": layer, "model": model, "snapshots": len(snapshots), "tau": tau}
            row |= {name: change(first, last, name) for name in ("", "relative_")}
            row["shown"] = [
                measure.name(), layer,
                *(end[key] for end in (first, last) for key in ("epoch", "value", "ci_low", "ci_high")), row[""],
                first["relative_value"], last["relative_value"], row["relative_"], tau,
            ]  # fmt: skip
            rows.append(row)
    return rows


def _over_trainings(rows: list[dict]) -> list[dict]:
    """Return, for each measure and layer of at least six trainings, their mean τ and its p, corrected for all."""
    models = {row["model"]: place for place, row in enumerate({row["model"]: row for row in rows}.values())}
    taus: dict[tuple, np.ndarray] = {}
    for row in rows:
        own = taus.setdefault((row["measure"], row["layer"]), np.full(len(models), np.nan))
        own[models[row["model"]]] = row["tau"]
    taus = {key: own for key, own in taus.items() if np.isfinite(own).sum() >= FEWEST}
    if not taus:
        return []
    p_values = common_direction(list(taus.values()))
    return [
        {"measure": measure, "layer": layer, "trainings": int(np.isfinite(own).sum()), "p": float(p),
         "mean": mean_interval(own[np.isfinite(own)])}
        for ((measure, layer), own), p in zip(taus.items(), p_values, strict=True)
    ]  # fmt: skip


def _trainings_table(followed: list[dict]) -> pages.Table:
    cells = [
        [row["measure"].name(), row["layer"], row["trainings"], *_interval(row["mean"]), row["p"]] for row in followed
    ]
    return pages.Table("Values and accuracy along the training, over trainings", OVER_TRAININGS, cells)


def _interval(mean: Interval) -> tuple[float, float, float]:
    """Return a mean of correlations with its bounds, cut at -1 and 1."""
    return mean.value, max(-1.0, mean.low), min(1.0, mean.high)


def _answer(table: "pandas.DataFrame", rows: list[dict], followed: list[dict], labels: Mapping[str, str]) -> list[str]:
    rows = [row for row in rows if row["snapshots"] > 1]
    if not rows:
        return ["Nothing can be said of a change with training: no model has two snapshots."]
    values: list[str] = []
    relative: list[str] = []
    for measure in foremost(row["measure"] for row in rows):
        own = [row for row in rows if row["measure"] == measure]
        for name, texts, end in (("", values, ""), ("relative_", relative, " / null")):
            counts = count(row[name] for row in own)
            texts.append(f"{measure.name()}{end} {told(counts, 'at', (FALLS, RISES), 'layers')}")
    ends = "; ".join(_ends(own, labels.get(model, model)) for model, own in table.groupby("model", sort=False))
    return [
        f"From the first to the last snapshot {'; '.join(values)}.",
        f"Relative to the null model: {'; '.join(relative)}.",
        f"The snapshots: {ends}. {_follow(rows, followed)}",
    ]


def _ends(table: "pandas.DataFrame", label: str) -> str:
    snapshots = table.drop_duplicates("epoch").sort_values("epoch")
    first, last = snapshots.iloc[0], snapshots.iloc[-1]
    return (
        f"{label}, {len(snapshots)} from epoch {first['epoch']:g} (test accuracy {100 * first['test_accuracy']:.1f} %) "
        f"to epoch {last['epoch']:g} ({100 * last['test_accuracy']:.1f} %)"
    )


def _follow(rows: list[dict], followed: list[dict]) -> str:
    """Say whether the values follow the accuracy from snapshot to snapshot, in trainings and not in one of them."""
    if not followed:
        count = len({row["model"] for row in rows if np.isfinite(row["tau"])})
        return (
            "Whether values follow the accuracy from snapshot to snapshot cannot be said: snapshots of one training "
            f"are not independent, so a training counts once, and at least {FEWEST} of the same layers, of three "
            f"snapshots of different accuracy each, are needed. There are {count}."
        )
    shown = [row for row in followed if row["p"] <= LEVEL]
    up, down = (sum(sign * row["mean"].value > 0 for row in shown) for sign in (1, -1))
    return (
        f"Of {len(followed)} values (measures and layers) {up} rise and {down} fall with the accuracy from snapshot to "
        f"snapshot in trainings on the whole (p at most {LEVEL:g}, corrected for their number)."
    )


def _by_measure(rows: list[dict]) -> pages.Table:
    """Return a row for each measure: at how many layers its value, and its value / null, fall and rise."""
    listed = []
    for measure in dict.fromkeys(row["measure"] for row in rows):
        own = [row for row in rows if row["measure"] == measure]
        counts = [count(row[name] for row in own) for name in ("", "relative_")]
        listed.append([measure.name(), len(own), *(found[name] for found in counts for name in CHANGES)])
    columns = ["measure", "layers", *CHANGES, *(f"/ null {name}" for name in CHANGES)]
    return pages.Table("From the first to the last snapshot, layers of all models by change", columns, listed)
