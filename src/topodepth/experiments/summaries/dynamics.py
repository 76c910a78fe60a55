"""The dynamics experiment in words: where descriptors change from the first to the last snapshot of a training."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from topodepth.experiments.summaries.rows import APART, CHANGES, FALLS, RISES, change, count, curves, foremost, told
from topodepth.files import pages
from topodepth.statistics.ranks import RankTest, rank_test

if TYPE_CHECKING:
    import pandas

LEVEL = 0.05
FEWEST = 5  # snapshots with which a rank test can reach it: 2/4! is 0.083, 2/5! is 0.017
METHOD = (
    "τ: Kendall's rank correlation of the value with the test accuracy over the snapshots of one training. p: the "
    "share of all orders of the snapshots with at least this |τ|, two-sided; four snapshots cannot reach 0.05. Those "
    "of one training are not independent, so a small p says that this training went that way, not that trainings do."
)
COLUMNS = (
    "model", "measure", "layer", "first epoch", "value", "low", "high", "last epoch", "value", "low", "high", "change",
    "value / null, first", "last", "change", "τ with accuracy", "p",
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
    tables = [_by_measure(rows), pages.Table("First and last snapshot, layer by layer", COLUMNS, shown)]
    return pages.page(title, _answer(table, rows, labels), tables, [APART, METHOD])


def _changes(table: "pandas.DataFrame") -> list[dict]:
    """Return a row for each measure, model and layer: how the value changes from the first to the last snapshot."""
    rows = []
    for measure, own in curves(table):
        for (model, layer), line in own.groupby(["model", "layer"], sort=False):
            snapshots = line.sort_values("epoch", kind="stable")
            first, last = (snapshots.iloc[place].to_dict() for place in (0, -1))
            follows = rank_test(snapshots["value"], snapshots["test_accuracy"])
            row = {"measure": measure, "model": model, "snapshots": len(snapshots), "follows": follows}
            row |= {name: change(first, last, name) for name in ("", "relative_")}
            row["shown"] = [
                measure.name(), layer,
                *(end[key] for end in (first, last) for key in ("epoch", "value", "ci_low", "ci_high")), row[""],
                first["relative_value"], last["relative_value"], row["relative_"], follows.tau, follows.p_value,
            ]  # fmt: skip
            rows.append(row)
    return rows


def _answer(table: "pandas.DataFrame", rows: list[dict], labels: Mapping[str, str]) -> list[str]:
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
        f"The snapshots: {ends}. {_follow(rows)}",
    ]


def _ends(table: "pandas.DataFrame", label: str) -> str:
    snapshots = table.drop_duplicates("epoch").sort_values("epoch")
    first, last = snapshots.iloc[0], snapshots.iloc[-1]
    return (
        f"{label}, {len(snapshots)} from epoch {first['epoch']:g} (test accuracy {100 * first['test_accuracy']:.1f} %) "
        f"to epoch {last['epoch']:g} ({100 * last['test_accuracy']:.1f} %)"
    )


def _follow(rows: list[dict]) -> str:
    """Say whether the values follow the accuracy from snapshot to snapshot."""
    tests = [row["follows"] for row in rows if np.isfinite(row["follows"].p_value)]
    able = [test for test in tests if test.least <= LEVEL]
    if not able:
        return (
            f"Whether values follow the accuracy from snapshot to snapshot cannot be said: at least {FEWEST} snapshots "
            "of different accuracy are needed."
        )
    up, down = (sum(_shown(test) and sign * test.tau > 0 for test in able) for sign in (1, -1))
    return (
        f"Of {len(able)} values (measures and layers) {up} rise and {down} fall with the accuracy from snapshot to "
        f"snapshot (p at most {LEVEL:g}, not corrected for their number)."
    )


def _shown(test: RankTest) -> bool:
    return bool(np.isfinite(test.p_value)) and test.p_value <= LEVEL


def _by_measure(rows: list[dict]) -> pages.Table:
    """Return a row for each measure: at how many layers its value, and its value / null, fall and rise."""
    listed = []
    for measure in dict.fromkeys(row["measure"] for row in rows):
        own = [row for row in rows if row["measure"] == measure]
        counts = [count(row[name] for row in own) for name in ("", "relative_")]
        listed.append([measure.name(), len(own), *(found[name] for found in counts for name in CHANGES)])
    columns = ["measure", "layers", *CHANGES, *(f"/ null {name}" for name in CHANGES)]
    return pages.Table("From the first to the last snapshot, layers of all models by change", columns, listed)
