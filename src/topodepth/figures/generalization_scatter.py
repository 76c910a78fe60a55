"""The generalisation experiment: a descriptor against the test error of many models, one point per model."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.errors import InputError, unknown_name
from topodepth.figures import drawing, frame, grids, keys, style
from topodepth.figures.frame import Labels, Models, Panels
from topodepth.files import pages
from topodepth.statistics.regression import line_band
from topodepth.tables.rows import SUMMARIES

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame, Series

MEASURES = ("model", "measure", "descriptor", "layer", "relative_depth", "class", "homology_dimension", "version",
            *frame.VALUE)  # fmt: skip
BOUNDS = ("", "_low", "_high")
ASSOCIATIONS = (
    "target",
    "scope",
    "measure",
    "n",
    *(f"{name}{end}" for name in ("pearson", "kendall") for end in BOUNDS),
)
PER_ROW = 3  # panels side by side; more start a new block of rows
FEW = 6  # so many values of a covariate are named one by one, more go on a continuous scale
GROUPS_WRITTEN = 4  # groups whose r and τ stand in the panel; the others' are in the table
NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?|True|False")
GROUP_LINES = ((0, (5, 2)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (2.5, 3.5)), (0, (9, 1.5, 1, 1.5, 1, 1.5)))


@dataclass(frozen=True)
class Shown:
    """What the figure shows of the tables.

    Attributes
    ----------
    target
        What stands on the x axis: a column of the table of models named in ``frame.TARGETS``.
    version
        Of the descriptors: ``value``, or ``relative`` to the null model.
    layer
        Their layer; default: ``logits`` if there, else the last.
    group
        Column of the table of models that gives the marker; the scopes ``group:…`` of the associations are its values.
    colour
        Column of the table of models that gives the colour, numbers or text; None: the group.
    """

    target: str = "test_error"
    layer: str | None = None
    version: str = "value"
    group: str = "architecture"
    colour: str | None = "epochs_trained"


def draw(
    models_table: "DataFrame",
    measures: "DataFrame",
    associations: "DataFrame",
    *,
    models: Models = None,
    labels: Labels = None,
    title: str = "",
    panels: Panels = None,
    **shown: Any,
) -> "Figure":
    """Draw descriptors against the target, the fitted line with the band of its mean.

    The band takes models for independent: where some are snapshots of runs (a column run in the table of models), there
    is none.

    Correlations are read from the table, not computed. Where that has groups (scopes ``group:…``), a thin line is
    fitted to each as well: a pooled line may fall while those within the groups rise.

    Parameters
    ----------
    models_table
        One row per model, with the columns model, and those of target, group and colour.
    measures
        One row per model and measure, with the columns model, measure, descriptor, layer, relative_depth, class,
        homology_dimension, version, value, ci_low, ci_high. Of several classes the mean is drawn, else class all,
        else the first.
    associations
        One row per target, scope and measure, with the columns target, scope, measure, n, and pearson and kendall with
        their bounds ``_low`` and ``_high``.
    models, labels, title, panels
        As for every figure (:mod:`topodepth.figures`): models shown as points, while lines, r and τ are those of all
        models in any case; labels are of groups; by default the lifespan sum in all homology dimensions.
    **shown
        Fields of :class:`Shown`.

    Raises
    ------
    InputError
        If a table is empty or lacks a column or a model, the measures have no such descriptor, layer or version, or
        two values for one point.
    """
    what = Shown(**shown)
    points = _points(models_table, what)
    measures = frame.tidy(measures, MEASURES, "scatter")
    chosen = frame.present(measures, panels, [("lifespan_sum", None)], "scatter", classes=None)
    measured = {panel: _rows_of(measures, panel, what) for panel in chosen}
    correlations = frame.of_target(frame.tidy(associations, ASSOCIATIONS, "scatter"), what.target)
    drawn = frame.order(points, models)
    marks = style.marks(dict.fromkeys(points["group"]))
    labels = _group_names(what.group, marks) | dict(labels or {})
    lines = _group_lines(marks, correlations)
    blocks = grids.Blocks(len(chosen), PER_ROW)
    with style.look():
        figure = style.new_figure(max(7.0, 6.2 * blocks.columns), 5.2 * blocks.height, title)
        stacks = blocks.fill(figure)
        paint, colour_handles = _colouring(figure, points, what.colour, marks)
        fitted = gaps = False
        band = "run" not in models_table
        for ((axes,), *_), (panel, rows) in zip(stacks, measured.items(), strict=True):
            about = rows.iloc[0]
            own = points.merge(rows[["model", *frame.VALUE]], on="model")
            fitted |= _draw_lines(axes, own, lines, band=band)
            gaps |= _draw_points(axes, own[own["model"].isin(drawn)], marks, paint)
            written = _write_correlations(axes, correlations[correlations["measure"] == about["measure"]], labels)
            texts = frame.titles(panel)
            axes.set_title(f"{texts[0]}{_where(about)}", pad=10 + 11 * written, fontweight="bold")
            axes.set(xlabel=frame.TARGETS[what.target][0], ylabel=texts[2 if what.version == "relative" else 1])
            axes.locator_params(nbins=7)
        names = [*_group_handles(points, marks, lines, labels), *colour_handles]
        bars = any(rows["ci_low"].notna().any() for rows in measured.values())
        keys.legend(figure, names, _key(bars=bars, fitted=fitted, band=band, gaps=gaps))
    return figure


def _points(table: "DataFrame", what: Shown) -> "DataFrame":
    """Return one row per model: model, group, x (the target in the unit of its axis) and colour (of any type)."""
    target, group, colour = what.target, what.group, what.colour
    if target not in frame.TARGETS:
        raise unknown_name("target", target, frame.TARGETS)
    for name in (group, *([colour] if colour else [])):
        if hasattr(table, "columns") and name not in table.columns:
            raise unknown_name("column of the table of models", name, table.columns)
    points = frame.tidy(table, ("model", target), "scatter")
    return points[["model"]].assign(
        group=table[group].map(str).to_list(),  # astype(str) of pandas 3 leaves a missing text missing
        x=points[target] * frame.TARGETS[target][1],
        colour=table[colour].to_list() if colour else None,
    )


def _rows_of(measures: "DataFrame", panel: frame.Panel, what: Shown) -> "DataFrame":
    """Return one row per model."""
    rows, descriptor, layer, version = frame.rows_of(measures, panel), panel[0], what.layer, what.version
    if rows["layer"].notna().any():  # a trajectory is of no layer
        known = list(frame.layers(rows))
        layer = layer or ("logits" if "logits" in known else known[-1])
        if layer not in known:
            raise unknown_name("layer in the table of measures", layer, known)
        rows = rows[rows["layer"] == layer]
    if version not in set(rows["version"]):
        raise unknown_name(f"version of {descriptor} in the table of measures", version, set(rows["version"]))
    rows = frame.one_class(rows[rows["version"] == version])
    twice = rows[rows.duplicated("model")]
    if len(twice):
        raise InputError(
            f"scatter figure: expected one {descriptor} per model, layer and class. "
            f"Received: several for model {twice['model'].iloc[0]}, layer {layer}."
        )
    return rows


def _where(about: "Series") -> str:
    """Return what a panel's title says of layer and class."""
    if not isinstance(about["layer"], str):
        return ""
    where = about["layer"] if about["class"] in SUMMARIES else f"{about['layer']}, class {about['class']}"
    return f", {style.short(where, 36)}"


def _group_names(column: str, groups: Iterable[str]) -> dict[str, str]:
    """Return what groups are called: a number says nothing without the name of its column."""
    name = column.replace("_", " ")
    return {group: f"{name} {group}" for group in groups if NUMBER.fullmatch(group)} | {"nan": "unknown"}


def _colouring(
    figure: "Figure", points: "DataFrame", column: str | None, marks: Mapping[str, style.Mark]
) -> tuple[Callable, list["Artist"]]:
    """Return the function from rows to colours, and legend entries; a continuous scale gets its bar at the side."""
    import pandas
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    values, given = points["colour"], points["colour"].notna()
    if column is None or not given.any() or (values.astype(str) == points["group"]).all():
        return (lambda rows: [marks[group].colour for group in rows["group"]]), []
    name, known = column.replace("_", " "), values[given].unique()
    viridis = colormaps["viridis"]
    if pandas.api.types.is_numeric_dtype(values) and not pandas.api.types.is_bool_dtype(values):
        known = np.sort(known)
        if len(known) > FEW:
            scale = ScalarMappable(Normalize(known[0], known[-1]), cmap=viridis)
            figure.colorbar(scale, ax=figure.axes, pad=0.015, aspect=30).set_label(name)
            handles = [] if given.all() else [_dot(f"{name} unknown", style.GREY)]
            return (lambda rows: [scale.to_rgba(v) if np.isfinite(v) else style.GREY for v in rows["colour"]]), handles
        shades = viridis(np.linspace(0.05, 0.92, len(known)))
        palette = dict(zip(known, shades, strict=True))
    else:
        palette = dict(zip(sorted(known, key=str), style.COLOURS, strict=False))
    handles = [_dot(f"{name} {_label(value)}", shade) for value, shade in palette.items()]
    if len(palette) < len(values.unique()):
        handles.append(_dot(f"{name}: another or unknown", style.GREY))
    return (lambda rows: [palette.get(value, style.GREY) for value in rows["colour"]]), handles


def _draw_points(axes: "Axes", rows: "DataFrame", marks: Mapping[str, style.Mark], paint: Callable) -> bool:
    """Draw a marker a model with its interval as a thin bar; tell whether a value is undefined."""
    gaps, grey = False, style.Mark(style.GREY, "o", "-")
    bounded = rows[rows[["x", "ci_low", "ci_high"]].notna().all(axis=1)]
    axes.vlines(
        bounded["x"], bounded["ci_low"], bounded["ci_high"], color=style.GREY, linewidth=0.8, alpha=0.7, zorder=2
    )
    for group, mark in marks.items():
        own = rows[(rows["group"] == group) & rows["x"].notna()]
        axes.scatter(
            own["x"],
            own["value"],
            s=44,
            c=paint(own),
            marker=mark.marker,
            edgecolors="#333333",
            linewidths=0.6,
            zorder=3,
            label=group,
        )
        gaps |= drawing.undefined(axes, own["x"], own["value"], grey._replace(marker=mark.marker))
    if not (rows["x"].notna() & rows["value"].notna()).any():
        drawing.say(axes, "no model has both values")
    return gaps


def _group_lines(groups: Iterable[str], correlations: "DataFrame") -> dict[str, tuple]:
    """Return the dashes of each group that the associations have; none for a single group, which is all models."""
    scopes = set(correlations["scope"])
    having = [group for group in groups if f"group:{group}" in scopes]
    return dict(zip(having, cycle(GROUP_LINES), strict=False)) if len(having) > 1 else {}


def _draw_lines(axes: "Axes", rows: "DataFrame", lines: Mapping[str, tuple], *, band: bool) -> bool:
    """Draw the line of all models, with its band if asked for, and a thin line a group; tell whether there is any."""
    fitted = _draw_line(axes, rows, band=band, color="#222222", linewidth=1.6)
    for group, dashes in lines.items():
        _draw_line(axes, rows[rows["group"] == group], color="#444444", linewidth=1.2, linestyle=dashes)
    return fitted


def _draw_line(axes: "Axes", rows: "DataFrame", *, band: bool = False, **line: Any) -> bool:
    """Draw the least-squares line over the range of x; nothing where the points allow no band."""
    rows = rows[rows["x"].notna() & rows["value"].notna()]
    grid = np.linspace(rows["x"].min(), rows["x"].max(), 60)
    fitted = line_band(rows["x"], rows["value"], grid)
    if not np.isfinite(fitted.low).all():
        return False
    axes.plot(grid, fitted.fit, zorder=2.5, **line)
    if band:
        drawing.band(axes, grid, (fitted.low, fitted.high), style.GREY)
    return True


def _write_correlations(axes: "Axes", rows: "DataFrame", labels: Mapping[str, str]) -> int:
    """Write r and τ of all models and of the first groups above the panel; return the number of lines."""
    groups = rows[rows["scope"].str.startswith("group:")]
    groups = groups if len(groups) > 1 else groups.iloc[:0]  # one group is all models
    written = [*rows[rows["scope"] == "all"].to_dict("records"), *groups.head(GROUPS_WRITTEN).to_dict("records")]
    columns = [[""], ["Pearson r"], ["Kendall τ"]]
    for row in written:
        name = row["scope"].removeprefix("group:")
        count = f", n = {row['n']:.0f}" if np.isfinite(row["n"]) else ""
        columns[0].append(f"{style.short(labels.get(name, name), 16)}{count}")
        for column, method in zip(columns[1:], ("pearson", "kendall"), strict=True):
            column.append(pages.estimate(*(row[f"{method}{end}"] for end in BOUNDS)))
    left = len(groups) - GROUPS_WRITTEN
    if left > 0:
        columns[0].append(f"{left} more group{'s' if left > 1 else ''}: see table")
    if not written:
        columns = [["no correlation in the table"]]
    lines = max(map(len, columns))
    for place, column in zip((0, 0.42, 0.72), columns, strict=False):
        text = "\n".join(column + [""] * (lines - len(column)))
        axes.annotate(text, (place, 1), (0, 5), xycoords="axes fraction", textcoords="offset points", fontsize=8.8,
                      linespacing=1.25, color="#222222", ha="left", va="bottom")  # fmt: skip
    return lines


def _label(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else style.short(str(value), 24)


def _dot(label: str, colour: object) -> "Artist":
    return keys.line_handle(
        label, linestyle="none", marker="o", markerfacecolor=colour, markeredgecolor="#333333", markersize=6.5
    )


def _group_handles(
    points: "DataFrame", marks: Mapping[str, style.Mark], lines: Mapping[str, tuple], labels: Mapping[str, str]
) -> list["Artist"]:
    """Return a legend entry for each group: its marker, on its line where it has one; none for a single group."""
    if len(marks) == 1:
        return []
    coloured = points["colour"].notna().any() and (points["colour"].astype(str) != points["group"]).any()
    return [
        keys.line_handle(
            style.short(labels.get(group, group), 36),
            color="#444444",
            linewidth=1.2,
            linestyle=lines.get(group, "none"),
            marker=mark.marker,
            markersize=6.5,
            markerfacecolor="white" if coloured else mark.colour,
            markeredgecolor="#333333",
        )
        for group, mark in marks.items()
    ]


def _key(*, bars: bool, fitted: bool, band: bool, gaps: bool) -> list["Artist"]:
    """Return the entries that explain lines, band, bars and open markers, of those that are drawn."""
    from matplotlib.patches import Patch

    handles = []
    if fitted:
        handles.append(keys.line_handle("least squares, all models", color="#222222", linewidth=1.6))
    if fitted and band:
        handles.append(Patch(color=style.GREY, alpha=0.3, linewidth=0, label="95 % band of the line"))
    if bars:
        handles.append(keys.bar_handle("interval of a value"))
    return handles + keys.key_handles(null=False, interval=False, gaps=gaps)[1:]
