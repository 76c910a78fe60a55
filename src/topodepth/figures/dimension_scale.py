"""Dimension by scale: GRIDE against the order of the neighbours, one panel per model, one curve per layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from topodepth.errors import InputError
from topodepth.figures import drawing, frame, grids, keys, scales, style
from topodepth.figures.frame import Labels, Models
from topodepth.tables.rows import OF_SCALE, of_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from pandas import DataFrame

PER_ROW = 4
COLUMNS = (*frame.KEYS, *frame.VALUE)


def draw(table: "DataFrame", *, models: Models = None, labels: Labels = None, title: str = "") -> "Figure":
    """Draw the dimension of every layer against the neighbour that sets its scale, both on logarithmic axes.

    Parameters
    ----------
    table
        Descriptor table with the columns model, layer, relative_depth, class, homology_dimension, descriptor, value,
        ci_low, ci_high, and rows of at least two estimators ``gride_…``.
    models, labels, title
        As for every figure (:mod:`topodepth.figures`).

    Raises
    ------
    InputError
        If the table has fewer than two scales.
    """
    table, names = frame.of_models(table, COLUMNS, models, "dimension by scale")
    panels = [panel for panel in frame.of_table(table) if of_scale(panel[0])]
    if len(panels) < 2:
        raise InputError(
            "dimension by scale figure: expected rows of at least two estimators gride_1, gride_2, … "
            f"Received: {', '.join(map(frame.text, panels)) or 'none'}."
        )
    rows = _by_order(table, panels)
    shades = keys.colour_scale(rows["relative_depth"])
    blocks = grids.Blocks(len(names), PER_ROW)
    with style.look():
        figure = style.new_figure(max(5.2, 1.4 + 2.9 * blocks.columns), 0.5 + 2.7 * blocks.height, title)
        stacks = blocks.fill(figure, sharex=True, sharey=True)
        grids.name_columns(stacks, [(labels or {}).get(name, name) for name in names], 30)
        for ((axes,), leftmost, lowest), model in zip(stacks, names, strict=True):
            _draw_model(axes, rows[rows["model"] == model], shades)
            _scale_axis(axes, sorted(rows["order"].unique()), label=lowest)
            if leftmost:
                axes.set_ylabel("GRIDE dimension")
        scales.log_axis(stacks[0].axes[0])
        keys.colour_bar(figure, shades, "relative depth of the layer", one=rows["relative_depth"].nunique() == 1)
        keys.legend(figure, keys.key_handles(null=False, interval=True, gaps=False)[1:])
    return figure


def _draw_model(axes: "Axes", rows: "DataFrame", shades: "ScalarMappable") -> None:
    """Draw a curve for each layer of a model, in the colour of its depth; undefined values are gaps in it."""
    from matplotlib.colors import to_hex

    for depth, own in rows.groupby("relative_depth"):
        layer = frame.positive(own, "value").sort_values("order")
        shade: Any = shades.to_rgba(depth)
        mark, bounds = style.Mark(to_hex(shade), "o", "-"), (layer["ci_low"], layer["ci_high"])
        drawing.curve(axes, layer["order"], layer["value"], bounds, mark, alpha=0.15, linewidth=1.4, markersize=4)


def _scale_axis(axes: "Axes", orders: Sequence[float], label: bool) -> None:
    """Make the x axis logarithmic, with the orders as its ticks."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(orders, [f"{order:g}" for order in orders])
    axes.minorticks_off()
    axes.tick_params(labelbottom=label)
    if label:
        axes.set_xlabel("scale: n-th to 2n-th neighbour")


def _by_order(table: "DataFrame", panels: list[frame.Panel]) -> "DataFrame":
    """Return one row for each model, layer and scale, with the order of the scale."""
    import pandas

    found = {panel[0]: frame.summary_rows(table, panel, "dimension by scale") for panel in panels}
    return pandas.concat([rows.assign(order=_order(name)) for name, rows in found.items()])


def _order(estimator: str) -> int:
    number = estimator.removeprefix(OF_SCALE)
    if not number.isdigit():
        raise InputError(f"dimension by scale figure: expected estimators gride_1, gride_2, … Received: {estimator}.")
    return int(number)
