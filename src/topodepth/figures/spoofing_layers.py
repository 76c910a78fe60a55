"""Dimensions and lifespan sums of real images and spoofs: in pixel space and along the depth of a network."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from topodepth.activations import pixels
from topodepth.errors import InputError
from topodepth.experiments.spoofing import DIFFERENCE, SIGNIFICANT
from topodepth.figures import frame, style
from topodepth.figures.spoofing_growth import spoof_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

PANELS = (("ph_dimension", 0), ("two_nn", 0), ("lifespan_sum", 0), ("lifespan_sum", 1))
COLUMNS = ("subset", "representation", "layer", "relative_depth", "cloud", "descriptor", "homology_dimension",
           *frame.VALUE, "p_value", "p_corrected")  # fmt: skip
FEW = 15  # layers; the stars of more are smaller, so that they do not cover each other
STEP = 0.25  # between the places of pixel representations, left of the depth axis


def draw(
    table: "DataFrame",
    *,
    models: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    panels: Sequence[frame.Panel] | None = None,
) -> "Figure":
    """Draw a column a descriptor and a row a subset and network: both clouds in pixel space, then by relative depth.

    A filled star marks a difference whose corrected p is below 0.05, an open one a difference whose p is below 0.05
    before the correction only.

    Parameters
    ----------
    table
        Adjusted rows with the columns subset, representation, layer, relative_depth, cloud, descriptor,
        homology_dimension, value, ci_low, ci_high, p_value, p_corrected.
    models
        Representations to draw; default: all, in the order of the table.
    labels
        Names for representations; default: their own.
    title
        Title above the panels.
    panels
        Pairs of descriptor and homology dimension; default: those of PHdim, TwoNN, E_0 and E_1 that the table has.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the table is empty or lacks a column, a representation or a panel.
    """
    table = spoof_rows(table, COLUMNS, "spoofing")
    names = frame.order(table.assign(model=table["representation"]), models)
    table = table[table["representation"].isin(names)]
    chosen = _present(table, panels)
    marks = style.marks(name for name in dict.fromkeys(table["cloud"]) if name != DIFFERENCE)
    spaces = [name for name in names if (table.loc[table["representation"] == name, "layer"] == pixels.LAYER).all()]
    networks = [name for name in names if name not in spaces] or [None]
    grid_rows = [(subset, network) for subset in dict.fromkeys(table["subset"]) for network in networks]
    named = {name: (labels or {}).get(name, name) for name in names}
    with style.look():
        figure = style.new_figure(max(5.2, 0.6 + 2.7 * len(chosen)), 0.5 + 2.5 * len(grid_rows), title)
        grid = figure.subplots(len(grid_rows), len(chosen), squeeze=False)
        for line, (subset, network) in enumerate(grid_rows):
            rows = table[(table["subset"] == subset) & table["representation"].isin([*spaces, network])]
            for axes, panel in zip(grid[line], chosen, strict=True):
                own = frame.rows_of(rows, panel)
                axes.margins(y=0.15)  # room for the stars
                for k, space in enumerate(spaces):
                    points = own[own["representation"] == space].assign(relative_depth=STEP * (k - len(spaces)))
                    _draw_clouds(axes, points, marks, apart=0.03)
                _draw_clouds(axes, own[own["representation"] == network], marks)
                _axis(axes, [named[name] for name in spaces], network is not None)
                if panel[0] == "lifespan_sum":
                    style.log_axis(axes)
                else:
                    style.from_zero(axes)
                if line == 0:
                    axes.set_title(frame.titles(panel)[0])
                if line == len(grid_rows) - 1 and network:
                    axes.set_xlabel("relative depth")
            about = subset if network is None else f"{style.short(named[network], 20)} · {subset}"
            grid[line][0].set_ylabel(about, fontweight="bold")
        star = {"linestyle": "none", "marker": "*", "markersize": 10, "color": "black"}
        handles = [
            *style.model_handles(marks, {}),
            *style.key_handles(null=False, interval=True, gaps=False)[1:],
            style.line_handle("p < 0.05, corrected", **star),
            style.line_handle("p < 0.05, not corrected", **star, markerfacecolor="white"),
        ]
        style.legend(figure, handles)
    return figure


def _present(table: "DataFrame", panels: Sequence[frame.Panel] | None) -> list[frame.Panel]:
    found = [panel for panel in panels or PANELS if len(frame.rows_of(table, panel))]
    if not found or (panels and len(found) < len(panels)):
        known = ", ".join(dict.fromkeys(table["descriptor"]))
        raise InputError(f"spoofing figure: expected rows of {list(panels or PANELS)}. The table has: {known}.")
    return found


def _draw_clouds(axes: "Axes", rows: "DataFrame", marks: Mapping[str, style.Mark], apart: float = 0.0) -> None:
    """Draw both clouds of one representation, side by side if told to, and stars where they differ."""
    rows = rows.sort_values("relative_depth", kind="stable")
    for number, (name, mark) in enumerate(marks.items()):
        own = rows[rows["cloud"] == name]
        depth = own["relative_depth"] + apart * (number - (len(marks) - 1) / 2)
        style.curve(axes, depth, own["value"], (own["ci_low"], own["ci_high"]), mark)
        style.undefined(axes, depth, own["value"], mark)
    tests = rows[rows["cloud"] == DIFFERENCE]
    corrected = tests["p_corrected"] < SIGNIFICANT
    size = 10 if len(tests) <= FEW else 5
    for given, fill in ((corrected, "black"), (~corrected & (tests["p_value"] < SIGNIFICANT), "white")):
        depths = tests.loc[given, "relative_depth"]
        if len(depths):
            axes.plot(depths, [0.97] * len(depths), linestyle="none", marker="*", markersize=size, markerfacecolor=fill,
                  markeredgecolor="black", transform=axes.get_xaxis_transform(), clip_on=False, zorder=5)  # fmt: skip


def _axis(axes: "Axes", spaces: Sequence[str], network: bool) -> None:
    """Set the x axis: a place for each pixel representation, then relative depth."""
    places = [STEP * (k - len(spaces)) for k in range(len(spaces))]
    depths = [0, 0.5, 1] if network else []
    axes.set_xlim((places[0] if places else 0.1) - 0.1, 1.05 if network else places[-1] + 0.1)
    axes.set_xticks(places + depths, [*(style.short(name, 12) for name in spaces), *(f"{d:g}" for d in depths)])
    if places and network:
        axes.axvline(-STEP / 2.5, color=style.FAINT, linewidth=1)
