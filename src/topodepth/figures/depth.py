"""The depth experiment: descriptors against relative depth, one curve per model, beside their null model."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from topodepth.figures import drawing, frame, grids, keys, scales, style
from topodepth.figures.frame import Labels, Models, Panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

PER_ROW = 4  # descriptors side by side; more start a new block of rows
FEW = 4  # with more models than this, null curves and bands hide the curves: they stand in the figure by model
ELSEWHERE = "intervals and null models: figure “depth models”"
COLUMNS = (*frame.KEYS, *frame.VALUE, *frame.NULL, *frame.RELATIVE)


def draw(
    table: "DataFrame", *, models: Models = None, labels: Labels = None, title: str = "", panels: Panels = None
) -> "Figure":
    """Draw descriptors by depth (top) and relative to the null model (bottom), one column each: one curve per model.

    Up to four models have their intervals and null curves; with more these hide the curves, and stand in the figure by
    model. More than fourteen curves cannot be told apart: they are drawn alike.

    Rows of class ``mean`` are drawn; where a descriptor does not have them for every model, rows of class ``all``. A
    NaN value breaks the curve and leaves an open marker at the panel's foot.

    Parameters
    ----------
    table
        Descriptor table with the columns model, layer, relative_depth, class, homology_dimension, descriptor, value,
        ci_low, ci_high, null_value, null_ci_low, null_ci_high, relative_value, relative_ci_low, relative_ci_high.
    models, labels, title, panels
        As for every figure (:mod:`topodepth.figures`); by default E_0, E_1 and PHdim. Where the table has a column
        ``accuracy``, it is added to the labels.
    """
    labels = frame.with_accuracy(table, labels)
    table, names = frame.of_models(table, COLUMNS, models, "depth")
    marks = style.marks(names)
    chosen = frame.present(table, panels, frame.DEPTH, "depth")
    curves = [frame.summary_rows(table, panel, "depth") for panel in chosen]
    few, blocks = len(marks) <= FEW, grids.Blocks(len(chosen), PER_ROW, rows=2)
    with style.look():
        height = (6.5 if few else 8.5) * blocks.blocks
        figure = style.new_figure(max(5.2, 3.9 * blocks.columns), height, title)
        stacks = blocks.fill(figure, ratios=(3, 2) if few else (1, 1), sharex=True)
        gaps = False
        for stack, panel, rows in zip(stacks, chosen, curves, strict=True):
            top, bottom = stack.axes
            gaps |= _draw_column(top, bottom, rows, marks, frame.titles(panel))
        figure.align_ylabels()
        key = keys.key_handles(
            null=few and any(rows["null_value"].notna().any() for rows in curves),
            interval=few and any(rows[["ci_low", "relative_ci_low"]].notna().any(axis=None) for rows in curves),
            gaps=gaps,
            shuffled=few and frame.SHUFFLED in table,
        )
        if not few:
            key = [keys.line_handle(ELSEWHERE, linestyle="none"), *key[1:]]
        crowded = len(marks) > style.MANY
        keys.legend(figure, keys.crowd(len(marks)) if crowded else keys.model_handles(marks, labels), key)
    return figure


def _draw_column(
    top: "Axes", bottom: "Axes", rows: "DataFrame", marks: Mapping[str, style.Mark], texts: tuple[str, str, str]
) -> bool:
    """Draw one descriptor: values above, relative to the null below. Tell whether a value is undefined."""
    gaps, few = False, len(marks) <= FEW
    rows = frame.positive(rows, "relative_value")  # the lower panel is logarithmic
    look: dict[str, Any] = {} if few else {"linewidth": 1.2, "markersize": 5}
    if len(marks) > style.MANY:
        look = style.CROWD
    for model, mark in marks.items():
        own = rows[rows["model"] == model]
        if own.empty:
            continue
        depth = own["relative_depth"]
        if few:
            drawing.band(top, depth, (own["null_ci_low"], own["null_ci_high"]), mark.colour, alpha=0.08)
            drawing.null_curve(top, depth, own["null_value"], mark.colour, alpha=0.9)
            drawing.shuffled_curve(top, own, mark.colour)
        for axes, (value, low, high) in ((top, frame.VALUE), (bottom, frame.RELATIVE)):
            drawing.curve(axes, depth, own[value], (own[low], own[high]), mark, alpha=0.2 if few else 0, **look)
        gaps |= drawing.undefined(top, depth, own["value"], mark)
        if own["relative_value"].notna().any():
            gaps |= drawing.undefined(bottom, depth, own["relative_value"], mark)
    title, label, relative_label = texts
    top.set(title=title, ylabel=label)
    scales.from_zero(top)
    bottom.set_ylabel(relative_label)
    scales.depth_axis(bottom)
    bottom.tick_params(labelbottom=True)
    if rows["relative_value"].notna().any():
        drawing.no_change(bottom, 1)
        scales.log_axis(bottom)
    else:
        drawing.say(bottom, "no null model")
    return gaps
