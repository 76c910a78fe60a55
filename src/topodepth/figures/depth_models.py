"""The depth experiment model by model: a column each, data against its null model, the single classes faint behind."""

from typing import TYPE_CHECKING

from topodepth.figures import drawing, frame, grids, keys, style
from topodepth.figures.frame import Labels, Models, Panels
from topodepth.tables.rows import SUMMARIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

PER_ROW = 6  # models side by side; more start a new block of rows
COLUMNS = (*frame.KEYS, *frame.VALUE, *frame.NULL)


def draw(
    table: "DataFrame", *, models: Models = None, labels: Labels = None, title: str = "", panels: Panels = None
) -> "Figure":
    """Draw small multiples: one column per model, one row per descriptor, on one scale per descriptor.

    Parameters
    ----------
    table
        Descriptor table with the columns model, layer, relative_depth, class, homology_dimension, descriptor, value,
        ci_low, ci_high, null_value, null_ci_low, null_ci_high. Classes other than ``mean`` and ``all`` are the faint
        curves.
    models, labels, title, panels
        As for every figure (:mod:`topodepth.figures`); by default E_0, E_1 and PHdim.
    """
    table, names = frame.of_models(table, COLUMNS, models, "depth by model")
    marks = style.marks(names)
    chosen = frame.present(table, panels, frame.DEPTH, "depth by model")
    curves = {panel: frame.summary_rows(table, panel, "depth by model") for panel in chosen}
    classes = {panel: frame.classes(table, panel) for panel in chosen}

    def draw_cell(axes: "Axes", model: str, panel: frame.Panel) -> bool:
        own, single = (rows[panel][rows[panel]["model"] == model] for rows in (curves, classes))
        return _draw_cell(axes, own, single, marks[model])

    blocks = grids.Blocks(len(marks), PER_ROW, rows=len(chosen))
    with style.look():
        figure = style.new_figure(max(5.0, 1.2 + 2.15 * blocks.columns), 0.5 + 2.0 * blocks.height, title)
        stacks = blocks.fill(figure, sharex=True)
        grids.name_columns(stacks, [(labels or {}).get(name, name) for name in names])
        gaps = grids.small_multiples(stacks, names, chosen, draw_cell)
        figure.align_ylabels()
        key = keys.key_handles(
            null=bool(table["null_value"].notna().any()),
            interval=bool(table["ci_low"].notna().any()),
            gaps=gaps,
            shuffled=frame.SHUFFLED in table,
        )
        if not table["class"].isin(SUMMARIES).all():
            key.insert(1, keys.line_handle("single classes", color=style.FAINT, linewidth=0.9))
        keys.legend(figure, key)
    return figure


def _draw_cell(axes: "Axes", rows: "DataFrame", classes: "DataFrame", mark: style.Mark) -> bool:
    """Draw one descriptor of one model; tell whether a value is undefined."""
    for _, one in classes.groupby("class", sort=True):
        axes.plot(one["relative_depth"], one["value"], color=style.FAINT, linewidth=0.8, zorder=1.1)
    depth = rows["relative_depth"]
    drawing.band(axes, depth, (rows["null_ci_low"], rows["null_ci_high"]), style.GREY)
    drawing.null_curve(axes, depth, rows["null_value"])
    drawing.shuffled_curve(axes, rows)
    return drawing.measured(axes, depth, rows, mark)
