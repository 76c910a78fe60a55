"""Tidy tables: one row per model, layer, class, homology dimension and descriptor, with interval and null value."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from topodepth.statistics.intervals import UNDEFINED, mean_interval, ratio_interval
from topodepth.tables.rows import COLUMNS, about, as_shuffled, columns
from topodepth.tables.values import Values, cloud_columns
from topodepth.topology import descriptors
from topodepth.topology.clouds import WHOLE
from topodepth.topology.diagrams import Diagrams

if TYPE_CHECKING:
    import pandas

__all__ = [
    "BAR_COLUMNS",
    "BETTI_COLUMNS",
    "COLUMNS",
    "MODEL_COLUMNS",
    "bar_rows",
    "betti_rows",
    "descriptor_rows",
    "pool_seeds",
]

MODEL_COLUMNS = (*COLUMNS, "accuracy")  # of the network, on the images that are measured
BETTI_COLUMNS = ("model", "layer", "layer_index", "relative_depth", "class", "homology_dimension", "filtration_value",
                 "betti", "null_betti")  # fmt: skip
BAR_COLUMNS = ("model", "layer", "layer_index", "relative_depth", "class", "homology_dimension", "birth", "death",
               "source")  # fmt: skip


def descriptor_rows(diagrams: Diagrams, values: Iterable[Values]) -> list[dict]:
    """Return the rows of one layer: every descriptor of every class, and their mean over classes.

    A cloud of all points (class ``all``) gets its interval from the jackknife; the mean over classes (class ``mean``)
    from Student's t over the classes.

    Parameters
    ----------
    diagrams
        Of the layer.
    values
        Of its descriptors, :func:`topodepth.tables.values.values_of`.
    """
    rows = []
    for each in values:
        common = {**about(diagrams.attributes), "homology_dimension": each.degree, "descriptor": each.descriptor}
        own = _rows_of(each, diagrams.n_points)
        if each.shuffled:
            others = _rows_of(replace(each, null=each.shuffled), diagrams.n_points)
            own = [{**row, **as_shuffled(other)} for row, other in zip(own, others, strict=True)]
        rows += [{**common, **row} for row in own]
    return rows


def _rows_of(values: Values, n_points: Mapping[str, int]) -> list[dict]:
    """Return the rows of one descriptor: of the whole cloud, of each class, and of the mean over classes."""
    rows = []
    if WHOLE in values.data:
        row = cloud_columns(values.data[WHOLE], values.null[WHOLE], values.jackknife)
        rows.append({"class": WHOLE, **row, "n_points": n_points[WHOLE]})
    classes = [name for name in values.data if name != WHOLE]
    if classes:
        rows += [
            {"class": name, **cloud_columns(values.data[name], values.null[name]), "n_points": n_points[name]}
            for name in classes
        ]
        data, null = (np.array([of[name] for name in classes]) for of in (values.data, values.null))
        mean = _mean_over_classes(data, np.ascontiguousarray(null.T))
        rows.append({"class": "mean", **mean, "n_points": sum(n_points[name] for name in classes)})
    return rows


def _mean_over_classes(values: np.ndarray, null: np.ndarray) -> dict:
    """Return the columns of the mean over classes, (classes,), beside draws of its null model, (draws, classes)."""
    ratio = ratio_interval(values, null.mean(axis=0)) if len(null) else UNDEFINED
    return columns(mean_interval(values), mean_interval(null.mean(axis=1)), ratio)


def pool_seeds(table: "pandas.DataFrame", curves: Mapping[str, str]) -> list[dict]:
    """Return the table with models that differ in their seed only replaced by their mean, an interval over seeds.

    Parameters
    ----------
    table
        Rows of all models, with the columns of this module.
    curves
        The curve that each model belongs to. A model alone in its curve keeps its rows and takes the curve's name.
    """
    members = {curve: [model for model in curves if curves[model] == curve] for curve in curves.values()}
    rows = []
    for curve, models in members.items():
        own = table[table["model"].isin(models)].assign(model=curve)
        if len(models) == 1:
            rows += own.to_dict("records")
            continue
        keys = ["layer_index", "layer", "class", "homology_dimension", "descriptor"]
        for _, group in own.groupby(keys, sort=False, dropna=False):
            row = {**group.iloc[0].to_dict(), "seed": None, "r_squared": None, "note": f"{len(group)} seeds"}
            if "accuracy" in row:
                row["accuracy"] = group["accuracy"].mean()
            if "bias" in row:
                row |= {"bias": group["bias"].mean(), "true_low": group["true_low"].min(),
                        "true_high": group["true_high"].max()}  # fmt: skip
            for name in ("", "null_", "relative_"):
                interval = mean_interval(group[f"{name}value"].to_numpy(dtype=float))
                row |= {
                    f"{name}value": interval.value, f"{name}ci_low": interval.low, f"{name}ci_high": interval.high
                }  # fmt: skip
            rows.append(row)
    return rows


def betti_rows(file: Diagrams, points: int = 200) -> list[dict]:
    """Return the Betti curves of one layer, averaged over classes (and draws of the null model).

    Parameters
    ----------
    file
        Diagrams of the layer.
    points
        Filtration values, evenly spread from 0 to the last finite death of data and null model.
    """
    data, *null = ([draw[name] for name in _shown(file)] for draw in (file.data, *file.null))
    rows = []
    for degree in range(file.degrees):
        bars = [diagrams[degree] for clouds in (data, *null) for diagrams in clouds]
        deaths = np.concatenate([diagram[:, 1] for diagram in bars])
        last = deaths[np.isfinite(deaths)].max(initial=0.0)
        grid = np.linspace(0, last * 1.02 or 1.0, points)

        def curve(selected: list, degree: int = degree, grid: np.ndarray = grid) -> np.ndarray:
            curves = [descriptors.betti_curve(diagrams[degree], grid) for clouds in selected for diagrams in clouds]
            return np.mean(curves, axis=0) if curves else np.full(points, np.nan)

        betti, null_betti = curve([data]), curve(null)
        own = about(file.attributes)
        rows += [
            {
                **{key: own[key] for key in ("model", "layer", "layer_index", "relative_depth")},
                "class": WHOLE if _shown(file) == [WHOLE] else "mean",
                "homology_dimension": degree,
                "filtration_value": grid[k],
                "betti": betti[k],
                "null_betti": null_betti[k],
            }
            for k in range(points)
        ]
    return rows


def _shown(file: Diagrams) -> list[str]:
    """Return the clouds that curves and diagrams show: the classes where there are any, else the whole cloud."""
    return [name for name in file.data if name != WHOLE] or [WHOLE]


def bar_rows(file: Diagrams) -> list[dict]:
    """Return every bar of one layer's data and of its first null draw; an essential bar has no death."""
    own = about(file.attributes)
    shared = {key: own[key] for key in ("model", "layer", "layer_index", "relative_depth")}
    rows = []
    for source, collection in [("data", file.data), *[("null", draw) for draw in file.null[:1]]]:
        for cloud in _shown(file):
            for degree, diagram in enumerate(collection[cloud]):
                for birth, death in diagram:
                    rows.append(
                        {**shared, "class": cloud, "homology_dimension": degree, "birth": birth,
                         "death": death if np.isfinite(death) else None, "source": source}
                    )  # fmt: skip
    return rows
