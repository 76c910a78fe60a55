"""The dynamics experiment: descriptors against depth at several epochs of training, coloured by test accuracy."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from topodepth.figures import frame, style
from topodepth.figures.depth import PANELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from pandas import DataFrame

COLUMNS = (*frame.KEYS, *frame.VALUE, *frame.NULL, "epoch", "test_accuracy")
PER_ROW = 4  # models side by side; more start a new block of rows
FEW = 5  # with more snapshots than this, only the first and the last have their interval and null model


def draw(
    table: "DataFrame",
    *,
    models: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    panels: Sequence[frame.Panel] | None = None,
) -> "Figure":
    """Draw a row a descriptor and a column a model: one curve a snapshot, its colour the measured test accuracy.

    Shaded is the interval, dashed the null model, both in the snapshot's colour: of all snapshots, or of the first and
    the last where there are more than five.

    Parameters
    ----------
    table
        Descriptor table with the columns model, layer, relative_depth, class, homology_dimension, descriptor, value,
        ci_low, ci_high, null_value, null_ci_low, null_ci_high, epoch, test_accuracy.
    models
        Models to draw, in order; default: all, in the table's order.
    labels
        Names for the columns; default: the model's own.
    title
        Title above the panels.
    panels
        Pairs of descriptor and homology dimension; default: those of E_0, E_1 and PHdim that the table has.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the table is empty, lacks a column, a model or a panel, or has two values for one point.
    """
    table = frame.tidy(table, COLUMNS, "dynamics")
    names = frame.order(table, models)
    table = table[table["model"].isin(names)]
    chosen = frame.present(table, panels, PANELS, "dynamics")
    accuracy = 100 * table["test_accuracy"]
    scale = style.colour_scale(accuracy)
    blocks, columns = style.cells(len(names), PER_ROW)
    with style.look():
        figure = style.new_figure(max(10.0, 1.6 + 2.3 * columns), 0.6 + 2.1 * len(chosen) * blocks, title)
        grid = figure.subplots(len(chosen) * blocks, columns, squeeze=False, sharex=True)
        for row, panel in enumerate(chosen):
            cells = grid[row :: len(chosen)].ravel()
            for place, (axes, name) in enumerate(zip(cells, names, strict=False)):
                if place:
                    axes.sharey(cells[0])
                _draw_panel(axes, table[table["model"] == name], panel, scale)
                style.from_zero(axes)
                lowest = row == len(chosen) - 1 and place + columns >= len(names)
                style.depth_axis(axes, label=lowest)
                axes.set_xticks([0, 0.5, 1.0], ["0", "0.5", "1"])
                axes.tick_params(labelleft=place % columns == 0, labelbottom=lowest)
                if row == 0:
                    axes.set_title(style.short((labels or {}).get(name, name), 20), fontweight="bold")
            for axes in cells[len(names) :]:
                axes.set_visible(False)
            for axes in cells[::columns]:
                axes.set_ylabel(frame.titles(panel)[1])
        figure.align_ylabels()
        style.colour_bar(figure, scale, grid, "test accuracy of the snapshot, %", one=accuracy.nunique() == 1)
        null, interval = (bool(table[column].notna().any()) for column in ("null_value", "ci_low"))
        style.legend(figure, style.key_handles(null=null, interval=interval, gaps=False))
    return figure


def _draw_panel(axes: "Axes", table: "DataFrame", panel: frame.Panel, scale: "ScalarMappable") -> None:
    """Draw the snapshots of one model, from the first to the last."""
    from matplotlib.colors import to_hex

    snapshots = [rows for _, rows in table.groupby("epoch", sort=True)]
    for number, snapshot in enumerate(snapshots):
        curve = frame.summary_rows(snapshot, panel, "dynamics")
        depth, colour = curve["relative_depth"], to_hex(scale.to_rgba(100 * curve["test_accuracy"].iloc[0]))
        if len(snapshots) <= FEW or number in (0, len(snapshots) - 1):
            style.band(axes, depth, (curve["ci_low"], curve["ci_high"]), colour)
            style.null_curve(axes, depth, curve["null_value"], colour)
        style.curve(
            axes,
            depth,
            curve["value"],
            (curve["ci_low"], curve["ci_high"]),
            style.Mark(colour, "o", "-"),
            alpha=0,
            linewidth=1.6,
            markersize=3,
        )
