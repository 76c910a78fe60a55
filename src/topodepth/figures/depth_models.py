"""The depth experiment model by model: a column each, data against its null model, the single classes faint behind."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from topodepth.figures import frame, style
from topodepth.figures.depth import PANELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

PER_ROW = 6  # models side by side; more start a new block of rows
COLUMNS = (*frame.KEYS, *frame.VALUE, *frame.NULL)


def draw(
    table: "DataFrame",
    *,
    models: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    panels: Sequence[frame.Panel] | None = None,
) -> "Figure":
    """Draw small multiples: a column a model, a row a descriptor, on one scale a descriptor.

    Parameters
    ----------
    table
        Descriptor table with the columns model, layer, relative_depth, class, homology_dimension, descriptor, value,
        ci_low, ci_high, null_value, null_ci_low, null_ci_high. Classes other than ``mean`` and ``all`` are the faint
        curves.
    models
        Models to draw, in the order that gives them their colours; default: all, in the table's order.
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
    table = frame.tidy(table, COLUMNS, "depth by model")
    marks = style.marks(frame.order(table, models))
    table = table[table["model"].isin(marks)]
    chosen = frame.present(table, panels, PANELS, "depth by model")
    blocks, columns = style.cells(len(marks), PER_ROW)
    height, gaps = len(chosen) * blocks, False
    with style.look():
        figure = style.new_figure(max(5.0, 1.2 + 2.15 * columns), 0.5 + 2.0 * height, title)
        grid = figure.subplots(height, columns, squeeze=False, sharex=True)
        for row, panel in enumerate(chosen):
            curves, classes = frame.summary_rows(table, panel, "depth by model"), frame.classes(table, panel)
            cells = [axes for block in range(blocks) for axes in grid[block * len(chosen) + row]]
            for axes in cells[1 : len(marks)]:
                axes.sharey(cells[0])
            for axes, (model, mark) in zip(cells, marks.items(), strict=False):
                gaps |= _draw_cell(axes, curves[curves["model"] == model], classes[classes["model"] == model], mark)
                if row == 0:
                    axes.set_title(style.short((labels or {}).get(model, model), 20), fontweight="bold")
            for axes in cells[::columns]:
                axes.set_ylabel(frame.titles(panel)[1])
            _tidy_cells(cells, columns, len(marks), last=row == len(chosen) - 1)
        figure.align_ylabels()
        key = style.key_handles(
            null=bool(table["null_value"].notna().any()), interval=bool(table["ci_low"].notna().any()), gaps=gaps
        )
        if not table["class"].isin(frame.SUMMARIES).all():
            key.insert(1, style.line_handle("single classes", color=style.FAINT, linewidth=0.9))
        style.legend(figure, key)
    return figure


def _draw_cell(axes: "Axes", rows: "DataFrame", classes: "DataFrame", mark: style.Mark) -> bool:
    """Draw one descriptor of one model; tell whether a value is undefined."""
    for _, one in classes.groupby("class", sort=True):
        axes.plot(one["relative_depth"], one["value"], color=style.FAINT, linewidth=0.8, zorder=1.1)
    depth = rows["relative_depth"]
    style.band(axes, depth, (rows["null_ci_low"], rows["null_ci_high"]), style.GREY)
    style.null_curve(axes, depth, rows["null_value"])
    style.curve(axes, depth, rows["value"], (rows["ci_low"], rows["ci_high"]), mark)
    return style.undefined(axes, depth, rows["value"], mark)


def _tidy_cells(cells: Sequence["Axes"], columns: int, models: int, *, last: bool) -> None:
    """Keep the tick labels of the outer panels only, and hide the cells without a model."""
    for number, axes in enumerate(cells):
        if number >= models:
            axes.set_visible(False)
            continue
        style.from_zero(axes)
        axes.tick_params(labelleft=number % columns == 0)
        lowest = last and number + columns >= models
        style.depth_axis(axes, label=lowest)
        axes.set_xticks([0, 0.5, 1.0], ["0", "0.5", "1"])
        axes.tick_params(labelbottom=lowest)
