"""The similarity experiment in words: how alike networks are at the same depth, beside chance and the classes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from topodepth.experiments.similarity.comparison import LABELS, MATCHED, SIMILARITY
from topodepth.experiments.similarity.words import name
from topodepth.files import pages

if TYPE_CHECKING:
    import pandas

LEVEL = 0.05
LEADING = ("linear_cka_unbiased", "mutual_knn", "rtd_lite")  # the sentences are about these, or the first three
METHOD = (
    "All networks see the same images. Intervals: delete-a-group jackknife over images (no image twice), nominally of "
    "95 %; those of diagrams are wider than that. They tell what as many other images would change, not what another "
    "training would. Null value: the mean with the images of one side in another order; null value in classes: "
    "in another order within each class, what knowing the class alone gives. p: share of the orders, that of the data "
    "among them, at least as alike; not corrected for the number of pairs. Distances of diagrams do not depend on "
    "which image is which: they have no such null value, and no verdict. Beyond null: (value − null) / (best − null), "
    "0 by chance, 1 for the same."
)
DEPTH = (
    "Networks as a whole: each layer with the other network's layer of the nearest relative depth, averaged over the "
    "layers of both. Procrustes, RTD-lite, RTD, bottleneck and sliced Wasserstein are distances: 0 for the same."
)
COLUMNS = ("measure", "networks", "value", "95 % low", "high", "null value", "p", "beyond null",
           "null value in classes", "p", "beyond classes")  # fmt: skip
SHOWN = ("value", "ci_low", "ci_high", "null_value", "p_value", "beyond_null", "class_null_value", "class_p_value",
         "beyond_class_null")  # fmt: skip


def page(table: "pandas.DataFrame", labels: Mapping[str, str], title: str) -> str:
    """Return the page of a similarity experiment.

    Parameters
    ----------
    table
        Rows with the columns of :mod:`topodepth.experiments.similarity`.
    labels
        Names for the models; models without one keep their own.
    title
        Title of the page.
    """
    layers = table[~table["layer_a"].isin([MATCHED]) & (table["layer_b"] != LABELS)]
    layers = layers[(layers["model_a"] != layers["model_b"]) | (layers["layer_a"] != layers["layer_b"])]
    whole = table[(table["layer_a"] == MATCHED) & (table["model_a"] != table["model_b"])]
    tables = [_counts(layers)]
    if len(whole):
        tables.append(
            pages.Table("Networks at the same depth", COLUMNS, [_networks(row, labels) for row in _rows(whole)])
        )
    named = table[table["layer_b"] == LABELS]
    if len(named):
        shown = [[labels.get(row["model_a"], row["model_a"]), row["layer_a"], *(row[key] for key in SHOWN[:5])]
                 for row in _rows(named)]  # fmt: skip
        columns = ["network", "layer", *COLUMNS[2:7]]
        tables.append(pages.Table("Share of an image's neighbours that bear its label", columns, shown))
    return pages.page(title, _answer(layers, whole, named, labels), tables, [METHOD, DEPTH])


def _rows(table: "pandas.DataFrame") -> list[dict]:
    return table.to_dict("records")


def _networks(row: Mapping, labels: Mapping[str, str]) -> list:
    both = " and ".join(labels.get(row[key], row[key]) for key in ("model_a", "model_b"))
    return [name(row["measure"]), both, *(row[key] for key in SHOWN)]


def _counts(layers: "pandas.DataFrame") -> pages.Table:
    """Return a row for each measure: in how many pairs of layers it is beyond chance, and beyond the classes."""
    rows = []
    for measure, own in layers.groupby("measure", sort=False):
        tested, in_classes = (int(own[key].notna().sum()) for key in ("p_value", "class_p_value"))
        beyond, beyond_classes = (_shown(own[key]) for key in ("p_value", "class_p_value"))
        rows.append([name(str(measure)), len(own), own["value"].min(), own["value"].median(), own["value"].max(),
                     beyond if tested else None, beyond_classes if in_classes else None])  # fmt: skip
    columns = ["measure", "pairs of layers", "smallest value", "median", "largest", f"beyond chance, p ≤ {LEVEL:g}",
               f"beyond the classes, p ≤ {LEVEL:g}"]  # fmt: skip
    return pages.Table("All pairs of layers", columns, rows)


def _shown(p_values: Iterable[float]) -> int:
    """Return how many p-values say something; one that is undefined never does."""
    return int(np.sum(np.asarray(p_values, dtype=float) <= LEVEL + 1e-12))


def _answer(
    layers: "pandas.DataFrame", whole: "pandas.DataFrame", named: "pandas.DataFrame", labels: Mapping[str, str]
) -> list[str]:
    paragraphs = []
    for measure in _leading(layers["measure"]):
        own = whole[whole["measure"] == measure].dropna(subset="value")
        if len(own):
            paragraphs.append(_between(measure, _rows(own.sort_values("value", kind="stable")), labels))
        inner = layers[(layers["measure"] == measure) & layers["p_value"].notna()]
        if len(inner):
            paragraphs.append(_beyond(measure, inner))
    if len(named):
        paragraphs.append(_of_labels(named, labels))
    return paragraphs or ["Nothing can be said: there is no pair of layers with a null value."]


def _leading(measures: Iterable[str]) -> list[str]:
    known = list(dict.fromkeys(measures))
    return [measure for measure in LEADING if measure in known] or known[: len(LEADING)]


def _between(measure: str, rows: Sequence[Mapping], labels: Mapping[str, str]) -> str:
    """Say which two networks are most and least alike."""
    ends = [rows[-1], rows[0]] if rows[0]["kind"] == SIMILARITY else [rows[0], rows[-1]]
    most, least = (_pair(row, labels) for row in ends)
    text = f"{_sentence(measure)}, networks at the same depth: "
    return f"{text}most alike {most}; least alike {least}." if len(rows) > 1 else f"{text}{most}."


def _pair(row: Mapping, labels: Mapping[str, str]) -> str:
    both = " and ".join(labels.get(row[key], row[key]) for key in ("model_a", "model_b"))
    value = pages.estimate(row["value"], row["ci_low"], row["ci_high"])
    nulls = [
        f"{what} {row[key]:z.2f}".replace("-", "−")
        for what, key in (("by chance", "null_value"), ("by class", "class_null_value"))
        if np.isfinite(row[key])
    ]
    return f"{both} with {value}" + (f" ({', '.join(nulls)})" if nulls else "")


def _beyond(measure: str, rows: "pandas.DataFrame") -> str:
    text = (
        f"{_sentence(measure)}: of {len(rows)} pairs of layers {_shown(rows['p_value'])} are more alike than images in "
    )
    text += f"another order (p ≤ {LEVEL:g}, not corrected for their number)"
    tested = int(rows["class_p_value"].notna().sum())
    if tested:
        text += f", {_shown(rows['class_p_value'])} of {tested} more than images in another order within their classes"
    return f"{text}."


def _of_labels(named: "pandas.DataFrame", labels: Mapping[str, str]) -> str:
    """Say where in each network an image's neighbours come to bear its label."""
    ends = []
    for model, own in named.groupby("model_a", sort=False):
        first, last = (own.sort_values("relative_depth_a", kind="stable").iloc[place] for place in (0, -1))
        values = [pages.estimate(*end[["value", "ci_low", "ci_high"]]) for end in (first, last)]
        ends.append(f"{labels.get(str(model), model)} from {values[0]} to {values[1]}")
    chance = named["null_value"].mean()
    beside = f"; labels in another order: {chance:.2f}" if np.isfinite(chance) else ""
    return (
        f"Share of neighbours with an image's own label, from the first to the last layer: {'; '.join(ends)}{beside}."
    )


def _sentence(measure: str) -> str:
    words = name(measure)
    return words[0].upper() + words[1:]
