"""The adversarial experiment: descriptors against what the attack does to the model, one line per layer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from topodepth.figures import drawing, frame, keys, style
from topodepth.figures.adversarial_depth import one_cloud
from topodepth.figures.frame import Labels, Models, Panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

COLUMNS = ("model", "layer", "relative_depth", "class", "homology_dimension", "descriptor", "version", "percent",
           "percent_ci_low", "percent_ci_high", "epsilon", "macro_f1", "success_rate")  # fmt: skip
AGAINST = {"success_rate": "success rate of the attack", "macro_f1": "macro-F1, falling from left to right"}
NAMED = 12  # layers with a marker and a name each; more are told by the colour of their depth
UNNAMED = "."
ROOM = 0.6  # of the range of the points, above and below them: intervals that reach further are cut
CLOSE = 0.045  # of the axis: labels of ε nearer than this share one

LABELS = 58  # points above the first panels, for the strengths


class Look(NamedTuple):
    """How the line of a layer is drawn."""

    colour: Any  # of Matplotlib
    marker: str


def draw(
    table: "DataFrame",
    *,
    models: Models = None,
    labels: Labels = None,
    title: str = "",
    panels: Panels = None,
    version: str = "value",
) -> "Figure":
    """Draw the change of descriptors against success rate (left) and F1 (right), one row per panel.

    The panels show all points; an interval that reaches far beyond them is cut, and a small triangle says so. More than
    twelve layers are told by the colour of their depth, without intervals.

    Parameters
    ----------
    table
        Changes of one attack, with the columns model, layer, relative_depth, class, homology_dimension, descriptor,
        version, percent, percent_ci_low, percent_ci_high, epsilon, macro_f1, success_rate. The cloud of all images is
        drawn; without it, the mean over classes.
    models, labels, title, panels
        As for every figure (:mod:`topodepth.figures`): strengths to draw; layers have their own names; by default the
        lifespan sum in all homology dimensions.
    version
        ``"value"``, or ``"relative"`` to the null model.
    """
    import pandas

    table, _ = frame.of_models(table, COLUMNS, models, "adversarial_success")
    table = table[table["version"] == version]
    chosen = frame.present(table, panels, [("lifespan_sum", None)], "adversarial_success")
    rows = pandas.concat(frame.rows_of(table, panel) for panel in chosen)
    layers = frame.layers(rows)
    named, cut = len(layers) <= NAMED, False
    places: list[Any] = list(range(len(layers))) if named else list(layers.values())
    scale = keys.colour_scale(places, "plasma", (0.85, 0))  # its end is too pale for lines
    looks = {
        layer: Look(scale.to_rgba(place), style.MARKERS[number % len(style.MARKERS)] if named else UNNAMED)
        for number, (layer, place) in enumerate(zip(layers, places, strict=True))
    }
    with style.look():
        figure = style.new_figure(10.5, 0.8 + 3.3 * len(chosen), title)
        grid = figure.subplots(len(chosen), 2, squeeze=False, sharey="row")
        for row, panel in zip(grid, chosen, strict=True):
            points = one_cloud(rows, panel, "adversarial_success")
            bottom, top = _limits(points)
            for axes, (column, label) in zip(row, AGAINST.items(), strict=True):
                cut |= _draw_panel(axes, points, column, looks, (bottom, top))
                axes.set_xlabel(label if panel == chosen[-1] else "")
                axes.set_ylim(bottom, top)
            heading, name, relative = frame.titles(panel)
            row[0].set_title(heading, pad=LABELS if panel == chosen[0] else None)
            row[0].set_ylabel(f"change of {relative if version == 'relative' else name}, %")
        for axes in grid[:, 1]:
            axes.set_xlim(axes.get_xlim()[::-1])  # as the attack proceeds, F1 falls: both columns read from the left
        for axes, column in zip(grid[0], AGAINST, strict=True):
            _name_strengths(axes, rows, column)
        if not named:
            keys.colour_bar(figure, scale, "relative depth of the layer")
        keys.legend(figure, _layer_handles(looks) if named else [], _key(named, cut))
    return figure


def _limits(points: "DataFrame") -> tuple[float, float]:
    """Return the ends of the y axis: those of the intervals, but not far beyond the points."""
    values = points["percent"][np.isfinite(points["percent"])]
    low, high = (min(0.0, values.min()), max(0.0, values.max())) if len(values) else (0.0, 0.0)
    room = ROOM * (high - low) or 1.0
    least, most = np.nanmin([low, *points["percent_ci_low"]]), np.nanmax([high, *points["percent_ci_high"]])
    edge = 0.05 * (high - low) or 0.1
    return max(low - room, least) - edge, min(high + room, most) + edge


def _draw_panel(
    axes: "Axes", points: "DataFrame", column: str, looks: Mapping[str, Look], limits: tuple[float, float]
) -> bool:
    """Draw the lines of one descriptor; tell whether an interval is cut."""
    drawing.no_change(axes, 0)
    cut = False
    for layer, line in points.sort_values("epsilon", kind="stable").groupby("layer", sort=False):
        look, x = looks[layer], line[column]
        axes.plot(x, line["percent"], color=look.colour, marker=look.marker, markersize=5, markeredgewidth=0,
                  linewidth=1.4, gid=layer)  # fmt: skip
        clean = line[line["epsilon"] == 0]
        axes.plot(clean[column], clean["percent"], color="black", marker="s", markersize=5, linestyle="none", zorder=5)
        if look.marker != UNNAMED:
            cut |= _draw_intervals(axes, line, column, look, limits)
    return cut


def _draw_intervals(axes: "Axes", line: "DataFrame", column: str, look: Look, limits: tuple[float, float]) -> bool:
    """Draw the intervals of one layer as bars, cut at the panel's edges; tell whether one is."""
    bottom, top = limits
    x, low, high = line[column], line["percent_ci_low"], line["percent_ci_high"]
    axes.vlines(x, low, high, color=look.colour, alpha=0.35, linewidth=1.2)
    cut = False
    for beyond, edge, marker in ((low < bottom, bottom, "v"), (high > top, top, "^")):
        if beyond.any():  # an empty line that is not clipped would confuse the layout
            axes.plot(x[beyond], np.full(beyond.sum(), edge), linestyle="none", marker=marker, markersize=5,
                      color=look.colour, clip_on=False, gid="cut")  # fmt: skip
            cut = True
    return cut


def _name_strengths(axes: "Axes", rows: "DataFrame", column: str) -> None:
    """Write each ε above the panel, at the success rate or F1 that it reached; those too near each other share one."""
    reached = rows.drop_duplicates("epsilon").sort_values(column)
    reached = reached[np.isfinite(reached[column])]
    low, high = sorted(axes.get_xlim())
    groups: list[list[tuple[float, float]]] = []
    for x, epsilon in zip(reached[column], reached["epsilon"], strict=True):
        if not groups or x - groups[-1][0][0] > CLOSE * (high - low):
            groups.append([])
        groups[-1].append((x, epsilon))
    for group in groups:
        x, text = group[0][0], _range([epsilon for _, epsilon in group])
        label = axes.annotate(
            text, (x, 1), (0, 3), xycoords=axes.get_xaxis_transform(), textcoords="offset points", rotation=90,
            ha="center", va="bottom", fontsize=8, color="#444444", gid="strength",
        )  # fmt: skip
        label.set_in_layout(False)  # the title above leaves room for it


def _range(epsilons: Sequence[float]) -> str:
    """Return the name of the strengths at one place: each of two, or how many from the smallest to the largest."""
    if len(epsilons) <= 2:
        return "ε " + ", ".join(f"{epsilon:.3g}" for epsilon in sorted(epsilons))
    return f"ε {min(epsilons):.3g}–{max(epsilons):.3g} ({len(epsilons)})"


def _layer_handles(looks: Mapping[str, Look]) -> list:
    return [
        keys.line_handle(style.short(layer, 24), color=look.colour, marker=look.marker, markersize=5)
        for layer, look in looks.items()
    ]


def _key(named: bool, cut: bool) -> list:
    handles = [keys.line_handle("clean images, ε = 0", marker="s", linestyle="none", color="black")]
    if named:
        handles.append(keys.bar_handle())
    else:
        handles.append(keys.line_handle("a layer, joined in order of ε", marker=UNNAMED, markersize=5))
    if cut:
        handles.append(keys.line_handle("interval goes on", marker="^", markersize=5, linestyle="none"))
    return handles
