"""All estimates of intrinsic dimension against depth, a panel a model, with the layer's width for orientation."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from topodepth.figures import frame, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

ESTIMATORS = ("ph_dimension", "two_nn", "mle")
PER_ROW = 4
COLUMNS = (*frame.KEYS, *frame.VALUE, "dimension")


def draw(
    table: "DataFrame",
    *,
    models: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    estimators: Sequence[str] | None = None,
) -> "Figure":
    """Draw every estimator with its interval and the layer's width against depth, on one logarithmic scale.

    Parameters
    ----------
    table
        Descriptor table with the columns model, layer, relative_depth, class, homology_dimension, descriptor, value,
        ci_low, ci_high, dimension (the layer's width, the number of features).
    models
        Models to draw; default: all, in the table's order.
    labels
        Names for the panels; default: the model's own.
    title
        Title above the panels.
    estimators
        Descriptors to draw; default: those of PHdim (H_0), TwoNN and maximum likelihood that the table has.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the table is empty, lacks a column, a model or an estimator, or has two values for one point.
    """
    table = frame.tidy(table, COLUMNS, "dimension")
    names = frame.order(table, models)
    panels = [(name, 0) for name in estimators] if estimators else None
    chosen = frame.present(table, panels, [(name, 0) for name in ESTIMATORS], "dimension", only=True)
    marks = style.marks(name for name, _ in chosen)
    curves = {panel[0]: frame.positive(frame.summary_rows(table, panel, "dimension"), "value") for panel in chosen}
    height, columns = style.cells(len(names), PER_ROW)
    gaps = False
    with style.look():
        figure = style.new_figure(max(5.2, 0.8 + 2.9 * columns), 0.5 + 2.7 * height, title)
        grid = figure.subplots(height, columns, squeeze=False, sharex=True, sharey=True)
        for number, (axes, model) in enumerate(zip(grid.flat, names, strict=False)):
            own = {name: rows[rows["model"] == model] for name, rows in curves.items()}
            gaps |= _draw_model(axes, own, marks)
            axes.set_title(style.short((labels or {}).get(model, model), 30), fontweight="bold")
            style.depth_axis(axes, label=number + columns >= len(names))
            axes.tick_params(labelbottom=number + columns >= len(names))
        for axes in grid[:, 0]:
            axes.set_ylabel("intrinsic dimension")
        for axes in grid.flat[len(names) :]:
            axes.set_visible(False)
        style.log_axis(grid[0, 0])
        handles = style.model_handles(marks, {name: frame.titles((name, 0))[1] for name in marks})
        handles.append(style.line_handle("width of the layer", color=style.FAINT, linewidth=1.4, drawstyle="steps-mid"))
        handles += style.key_handles(null=False, interval=True, gaps=gaps)[1:]
        style.legend(figure, handles)
    return figure


def _draw_model(axes: "Axes", curves: Mapping[str, "DataFrame"], marks: Mapping[str, style.Mark]) -> bool:
    """Draw all estimators of one model; tell whether a value is undefined."""
    import pandas

    width = pandas.concat(curves.values()).groupby("relative_depth")["dimension"].max()
    axes.step(width.index, width, where="mid", color=style.FAINT, linewidth=1.4, zorder=1.2)
    gaps = False
    for name, rows in curves.items():
        depth = rows["relative_depth"]
        style.curve(axes, depth, rows["value"], (rows["ci_low"], rows["ci_high"]), marks[name])
        gaps |= style.undefined(axes, depth, rows["value"], marks[name])
    return gaps
