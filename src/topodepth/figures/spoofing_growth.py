"""Growth of the minimum spanning tree with the number of points: real images against spoofs, in each subset."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from topodepth.figures import frame, grids, keys, scales, style
from topodepth.figures.frame import Labels, Models
from topodepth.files import pages

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

PER_ROW = 3
COLUMNS = ("representation", "subset", "cloud", "layer", "relative_depth", "n", "log_lifespan_sum", "slope",
           "intercept", "ph_dimension", "ci_low", "ci_high")  # fmt: skip


def draw(table: "DataFrame", *, models: Models = None, labels: Labels = None, title: str = "") -> "Figure":
    """Draw E_0 of all subsamples against their size, both axes logarithmic, and the lines that PHdim comes from.

    A panel is a representation in a subset: pixels, or the deepest layer of a network.

    Parameters
    ----------
    table
        One row a cloud, size and draw, with the columns subset, representation, layer, relative_depth, cloud, n,
        log_lifespan_sum, and those of the fit: slope, intercept, ph_dimension, ci_low, ci_high.
    models, labels, title
        As for every figure (:mod:`topodepth.figures`): representations to draw.
    """
    table, names = frame.of_models(table, COLUMNS, models, "growth", "representation")
    marks = style.marks(dict.fromkeys(table["cloud"]))
    shown = [
        (subset, name, rows)
        for subset in dict.fromkeys(table["subset"])
        for name in names
        if len(rows := table[(table["subset"] == subset) & (table["representation"] == name)])
    ]
    blocks = grids.Blocks(len(shown), PER_ROW)
    with style.look():
        figure = style.new_figure(max(5.2, 0.6 + 3.4 * blocks.columns), 0.4 + 3.1 * blocks.height, title)
        for ((axes,), leftmost, lowest), (subset, name, rows) in zip(blocks.fill(figure), shown, strict=True):
            deepest = rows.loc[rows["relative_depth"].idxmax(), "layer"]
            _draw_panel(axes, rows[rows["layer"] == deepest], marks)
            label = (labels or {}).get(name, name)
            layer = f", {deepest}" if deepest not in (name, label) else ""
            axes.set_title(style.short(f"{label}{layer} · {subset}", 38), fontweight="bold")
            if leftmost:
                axes.set_ylabel("lifespan sum $E_0$ of $n$ points")
            if lowest:
                axes.set_xlabel("number of points $n$")
        handles = [
            keys.line_handle(name, color=mark.colour, marker=mark.marker, markersize=5) for name, mark in marks.items()
        ]
        handles.append(keys.line_handle("one subsample", linestyle="none", marker="o", markersize=4, alpha=0.5))
        keys.legend(figure, handles)
    return figure


def _draw_panel(axes: "Axes", rows: "DataFrame", marks: Mapping[str, style.Mark]) -> None:
    """Draw the subsamples, lines and dimensions of both clouds."""
    from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

    for number, (name, mark) in enumerate(marks.items()):
        own = rows[rows["cloud"] == name]
        axes.plot(own["n"], np.exp(own["log_lifespan_sum"]), linestyle="none", marker=mark.marker, markersize=4,
                  color=mark.colour, alpha=0.3, markeredgewidth=0, zorder=2)  # fmt: skip
        fit = own.iloc[0]
        ends = np.array([own["n"].min(), own["n"].max()])
        axes.plot(ends, np.exp(fit["intercept"]) * ends ** fit["slope"], color=mark.colour, zorder=3)
        text = f"dimension {pages.estimate(fit['ph_dimension'], fit['ci_low'], fit['ci_high'])}"
        axes.text(0.97, 0.05 + 0.08 * (len(marks) - 1 - number), text, color=mark.colour, transform=axes.transAxes,
                  ha="right", fontsize=9.5)  # fmt: skip
    scales.log_axis(axes)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5), numticks=12))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())
