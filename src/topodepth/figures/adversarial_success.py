"""The adversarial experiment: descriptors against what the attack does to the model, one line a layer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from topodepth.errors import InputError
from topodepth.figures import frame, style
from topodepth.figures.adversarial_depth import one_cloud

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from pandas import DataFrame

COLUMNS = ("model", "layer", "relative_depth", "class", "homology_dimension", "descriptor", "version", "percent",
           "percent_ci_low", "percent_ci_high", "epsilon", "macro_f1", "success_rate")  # fmt: skip
AGAINST = {"success_rate": "success rate of the attack", "macro_f1": "macro-F1, falling from left to right"}


def draw(
    table: "DataFrame",
    *,
    models: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    descriptor: str = "lifespan_sum",
    version: str = "value",
) -> "Figure":
    """Draw the change of a descriptor against success rate (left) and F1 (right), a row a homology dimension.

    Parameters
    ----------
    table
        Changes of one attack, with the columns model, layer, relative_depth, class, homology_dimension, descriptor,
        version, percent, percent_ci_low, percent_ci_high, epsilon, macro_f1, success_rate. The cloud of all images is
        drawn; without it, the mean over classes.
    models
        Which strengths to draw, by their names in the table; default: all.
    labels
        Taken as by the other figures; layers are told by their colour.
    title
        Title above the panels.
    descriptor
        What to draw.
    version
        ``"value"``, or ``"relative"`` to the null model.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the table is empty, lacks a column or a model, or has no row of that descriptor and version.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    table = frame.tidy(table, COLUMNS, "adversarial_success")
    table = table[table["model"].isin(frame.order(table, models)) & (table["version"] == version)]
    rows = table[table["descriptor"] == descriptor]
    if rows.empty:
        raise InputError(f"adversarial_success figure: expected rows of {descriptor}, {version}. Received: none.")
    degrees = sorted(int(degree) for degree in rows["homology_dimension"].dropna().unique())
    panels = [(descriptor, degree) for degree in degrees] or [(descriptor, 0)]
    colours = ListedColormap(colormaps["plasma"](np.linspace(0.85, 0, 256)))  # its end is too pale for lines
    scale = ScalarMappable(Normalize(0, 1), cmap=colours)
    with style.look():
        figure = style.new_figure(9.5, 0.5 + 3.0 * len(panels), title)
        grid = figure.subplots(len(panels), 2, squeeze=False, sharey="row")
        for row, panel in zip(grid, panels, strict=True):
            points = one_cloud(rows, panel, "adversarial_success")
            for axes, (column, label) in zip(row, AGAINST.items(), strict=True):
                _draw_panel(axes, points, column, scale)
                axes.set_xlabel(label if panel == panels[-1] else "")
            heading, name, relative = frame.titles(panel)
            row[0].set(title=heading, ylabel=f"change of {relative if version == 'relative' else name}, %")
        bar = figure.colorbar(scale, ax=grid, shrink=0.9, pad=0.02)
        bar.set_label("relative depth of the layer")
        for axes in grid[:, 1]:
            axes.set_xlim(axes.get_xlim()[::-1])  # as the attack proceeds, F1 falls: both columns read from the left
        clean = style.line_handle("clean images, ε = 0", marker="s", linestyle="none", color="black")
        style.legend(figure, [clean, style.line_handle("attacked, joined in order of ε", marker="o", markersize=4)])
    return figure


def _draw_panel(axes: "Axes", points: "DataFrame", column: str, scale: "ScalarMappable") -> None:
    axes.axhline(0, color="#444444", linewidth=1, linestyle=style.NULL_DASH, zorder=1.2)
    for layer, line in points.sort_values("epsilon", kind="stable").groupby("layer", sort=False):
        colour = scale.to_rgba(line["relative_depth"].iloc[0])
        axes.vlines(
            line[column], line["percent_ci_low"], line["percent_ci_high"], color=colour, alpha=0.35, linewidth=1
        )
        axes.plot(line[column], line["percent"], color=colour, marker="o", markersize=4, linewidth=1.4, gid=layer)
        clean = line[line["epsilon"] == 0]
        axes.plot(clean[column], clean["percent"], color="black", marker="s", markersize=5, linestyle="none", zorder=5)
