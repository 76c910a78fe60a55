"""The depth experiment in words: where descriptors fall or rise from the first to the last layer of each model."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from topodepth.experiments.summaries.rows import (
    APART,
    CHANGES,
    FALLS,
    RISES,
    against_null,
    change,
    count,
    curves,
    foremost,
    told,
)
from topodepth.files import pages

if TYPE_CHECKING:
    import pandas

RELATIVE = (
    "Values also change because layers get narrower or wider. Relative to the null model (each feature permuted "
    "independently over the points), what differs from 1 is structure beyond width and marginal distributions."
)


def page(table: "pandas.DataFrame", labels: Mapping[str, str], title: str) -> str:
    """Return the page of a comparison.

    Parameters
    ----------
    table
        Rows of all models, with the columns of ``topodepth.tables.tables``.
    labels
        Names for the models, in order; models without one keep their own.
    title
        Title of the page.
    """
    rows = _changes(table)
    told_by_model = [[labels.get(row["model"], row["model"]), *row["shown"]] for row in rows]
    tables = [
        _by_measure(rows),
        pages.Table("First and last layer, model by model", ["model", *COLUMNS], told_by_model),
    ]
    return pages.page(title, _answer(rows), tables, [APART, RELATIVE])


COLUMNS = (
    "measure", "cloud", "first layer", "value", "low", "high", "last layer", "value", "low", "high", "change",
    "value / null, first", "last", "change", "last layer beside null",
)  # fmt: skip


def _changes(table: "pandas.DataFrame") -> list[dict]:
    """Return a row for each measure and model: how the value changes from the first to the last layer."""
    rows = []
    for measure, own in curves(table):
        for model, curve in own.groupby("model", sort=False):
            first, last = (curve.iloc[place].to_dict() for place in (0, -1))
            row = {"measure": measure, "model": model, "layers": len(curve), "null": against_null(last)}
            row |= {name: change(first, last, name) for name in ("", "relative_")}
            row["shown"] = [
                measure.name(), first["class"],
                *(end[key] for end in (first, last) for key in ("layer", "value", "ci_low", "ci_high")), row[""],
                first["relative_value"], last["relative_value"], row["relative_"], row["null"],
            ]  # fmt: skip
            rows.append(row)
    return rows


def _answer(rows: list[dict]) -> list[str]:
    """Return the paragraphs: the foremost measures as they are, then beside their null model."""
    values, relative = [], []
    for measure in foremost(row["measure"] for row in rows):
        own = [row for row in rows if row["measure"] == measure and row["layers"] > 1]
        if not own:
            continue
        changes, beside = ([row[name] for row in own] for name in ("relative_", "null"))
        sides = count(f"is {side}" if side in ("above", "below") else side for side in beside)
        values.append(f"{measure.name()} {told(count(row[''] for row in own), 'in', (FALLS, RISES), 'models')}")
        relative.append(
            f"{measure.name()} / null {told(count(changes), 'in', (FALLS, RISES), 'models')}; at the last layer it "
            f"{told(sides, 'in', ('is below', 'is above'), 'models')}"
        )
    if not values:
        return ["Nothing can be said of a change with depth: no model has two measured layers."]
    return [
        f"From the first to the last measured layer {'; '.join(values)}.",
        f"Relative to the null model: {'. '.join(relative)}.",
    ]


def _by_measure(rows: list[dict]) -> pages.Table:
    """Return a row for each measure: in how many models its value, and its value / null, fall and rise."""
    listed = []
    for measure in dict.fromkeys(row["measure"] for row in rows):
        own = [row for row in rows if row["measure"] == measure]
        counts = [count(row[name] for row in own) for name in ("", "relative_")]
        sides = count(row["null"] for row in own)
        listed.append([measure.name(), len(own), *(found[name] for found in counts for name in CHANGES),
                       sides["below"], sides["above"]])  # fmt: skip
    columns = ["measure", "models", *CHANGES, *(f"/ null {name}" for name in CHANGES), "last layer below null", "above"]
    return pages.Table("From the first to the last layer, models by change", columns, listed)
