"""The depth experiment: descriptors against relative depth, a curve a model, beside their null model."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from topodepth.figures import frame, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

PANELS: tuple[frame.Panel, ...] = (("lifespan_sum", 0), ("lifespan_sum", 1), ("ph_dimension", 0))
FEW = 4  # with more models than this, null curves and bands hide the curves: they stand in the figure by model
ELSEWHERE = "intervals and null models: figure “depth models”"
COLUMNS = (*frame.KEYS, *frame.VALUE, *frame.NULL, *frame.RELATIVE)


def draw(
    table: "DataFrame",
    *,
    models: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    panels: Sequence[frame.Panel] | None = None,
) -> "Figure":
    """Draw descriptors against depth (top) and relative to the null model (bottom), a column each, a curve a model.

    Up to four models have their intervals and null curves; with more these hide the curves, and stand in the figure by
    model. More than fourteen curves cannot be told apart: they are drawn alike.

    Rows of class ``mean`` are drawn; where a descriptor does not have them for every model, rows of class ``all``. A
    NaN value breaks the curve and leaves an open marker at the panel's foot.

    Parameters
    ----------
    table
        Descriptor table with the columns model, layer, relative_depth, class, homology_dimension, descriptor, value,
        ci_low, ci_high, null_value, null_ci_low, null_ci_high, relative_value, relative_ci_low, relative_ci_high.
    models
        Models to draw, in the order that gives them their colours; default: all, in the table's order.
    labels
        Names for the legend; default: the model's own. Where the table has a column ``accuracy``, it is added.
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
    labels = frame.with_accuracy(table, labels)
    table = frame.tidy(table, COLUMNS, "depth")
    marks = style.marks(frame.order(table, models))
    table = table[table["model"].isin(marks)]
    chosen = frame.present(table, panels, PANELS, "depth")
    curves = [frame.summary_rows(table, panel, "depth") for panel in chosen]
    with style.look():
        few = len(marks) <= FEW
        figure = style.new_figure(max(5.2, 3.9 * len(chosen)), 6.5 if few else 8.5, title)
        grid = figure.subplots(2, len(chosen), squeeze=False, sharex=True, height_ratios=(3, 2) if few else (1, 1))
        gaps = False
        for panel, rows, (top, bottom) in zip(chosen, curves, grid.T, strict=True):
            gaps |= _draw_column(top, bottom, rows, marks, frame.titles(panel))
        figure.align_ylabels()
        key = style.key_handles(
            null=few and any(rows["null_value"].notna().any() for rows in curves),
            interval=few and any(rows[["ci_low", "relative_ci_low"]].notna().any(axis=None) for rows in curves),
            gaps=gaps,
        )
        if not few:
            key = [style.line_handle(ELSEWHERE, linestyle="none"), *key[1:]]
        crowded = len(marks) > style.MANY
        style.legend(figure, style.crowd(len(marks)) if crowded else style.model_handles(marks, labels or {}), key)
    return figure


def _draw_column(
    top: "Axes", bottom: "Axes", rows: "DataFrame", marks: Mapping[str, style.Mark], texts: tuple[str, str, str]
) -> bool:
    """Draw one descriptor: values above, relative to the null below. Tell whether a value is undefined."""
    gaps, few = False, len(marks) <= FEW
    rows = frame.positive(rows, "relative_value")  # the lower panel is logarithmic
    look = {} if few else {"linewidth": 1.2, "markersize": 5}
    if len(marks) > style.MANY:
        look = style.CROWD
    for model, mark in marks.items():
        own = rows[rows["model"] == model]
        if own.empty:
            continue
        depth = own["relative_depth"]
        if few:
            style.band(top, depth, (own["null_ci_low"], own["null_ci_high"]), mark.colour, alpha=0.08)
            style.null_curve(top, depth, own["null_value"], mark.colour, alpha=0.9)
        for axes, (value, low, high) in ((top, frame.VALUE), (bottom, frame.RELATIVE)):
            style.curve(axes, depth, own[value], (own[low], own[high]), mark, alpha=0.2 if few else 0, **look)
        gaps |= style.undefined(top, depth, own["value"], mark)
        if own["relative_value"].notna().any():
            gaps |= style.undefined(bottom, depth, own["relative_value"], mark)
    title, label, relative_label = texts
    top.set(title=title, ylabel=label)
    style.from_zero(top)
    bottom.set_ylabel(relative_label)
    style.depth_axis(bottom)
    if rows["relative_value"].notna().any():
        bottom.axhline(1, color="#444444", linewidth=1, linestyle=style.NULL_DASH, zorder=1.2)
        style.log_axis(bottom)
    else:
        style.say(bottom, "no null model")
    return gaps
