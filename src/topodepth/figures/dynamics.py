"""The dynamics experiment: descriptors against depth at several epochs of training, coloured by accuracy or epoch."""

from typing import TYPE_CHECKING, Any

from topodepth.errors import unknown_name
from topodepth.figures import drawing, frame, grids, keys, style
from topodepth.figures.frame import Labels, Models, Panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from pandas import DataFrame

COLUMNS = (*frame.KEYS, *frame.VALUE, *frame.NULL, "epoch")
COLOURS = {  # column: the label of its colour bar, factor from the table's unit
    "test_accuracy": ("test accuracy of the snapshot, %", 100),
    "accuracy": ("accuracy on the measured images, %", 100),
    "epoch": ("epochs of training", 1),
}
PER_ROW = 4  # models side by side; more start a new block of rows
FEW = 5  # with more snapshots than this, only the first and the last have their interval and null model


def draw(
    table: "DataFrame",
    *,
    models: Models = None,
    labels: Labels = None,
    title: str = "",
    panels: Panels = None,
    colour: str = "test_accuracy",
) -> "Figure":
    """Draw one row per descriptor and one column per model: one curve per snapshot, coloured by test accuracy.

    Shaded is the interval, dashed the null model, both in the snapshot's colour: of all snapshots, or of the first and
    the last where there are more than five.

    Parameters
    ----------
    table
        Descriptor table with the columns model, layer, relative_depth, class, homology_dimension, descriptor, value,
        ci_low, ci_high, null_value, null_ci_low, null_ci_high, epoch, and that of the colour.
    models, labels, title, panels
        As for every figure (:mod:`topodepth.figures`); by default E_0, E_1 and PHdim.
    colour
        Column that gives the curves their colours, of :data:`COLOURS`.
    """
    if colour not in COLOURS:
        raise unknown_name("colour", colour, COLOURS)
    table, names = frame.of_models(table, dict.fromkeys([*COLUMNS, colour]), models, "dynamics")
    chosen = frame.present(table, panels, frame.DEPTH, "dynamics")
    label, factor = COLOURS[colour]
    table = table.assign(shade=factor * table[colour])
    scale = keys.colour_scale(table["shade"])
    blocks = grids.Blocks(len(names), PER_ROW, rows=len(chosen))
    with style.look():
        figure = style.new_figure(max(10.0, 1.6 + 2.3 * blocks.columns), 0.6 + 2.1 * blocks.height, title)
        stacks = blocks.fill(figure, sharex=True)
        grids.name_columns(stacks, [(labels or {}).get(name, name) for name in names])
        of_model = dict(tuple(table.groupby("model")))
        grids.small_multiples(
            stacks, names, chosen, lambda axes, name, panel: _draw_panel(axes, of_model[name], panel, scale)
        )
        figure.align_ylabels()
        keys.colour_bar(figure, scale, label, one=table["shade"].nunique() == 1)
        null, interval = (bool(table[column].notna().any()) for column in ("null_value", "ci_low"))
        keys.legend(figure, keys.key_handles(null=null, interval=interval, gaps=False))
    return figure


def _draw_panel(axes: "Axes", table: "DataFrame", panel: frame.Panel, scale: "ScalarMappable") -> bool:
    """Draw the snapshots of one model, from the first to the last; undefined values are gaps in a curve."""
    from matplotlib.colors import to_hex

    snapshots = [rows for _, rows in table.groupby("epoch", sort=True)]
    for number, snapshot in enumerate(snapshots):
        curve = frame.summary_rows(snapshot, panel, "dynamics")
        shade: Any = scale.to_rgba(curve["shade"].iloc[0])
        depth, colour = curve["relative_depth"], to_hex(shade)
        if len(snapshots) <= FEW or number in (0, len(snapshots) - 1):
            drawing.band(axes, depth, (curve["ci_low"], curve["ci_high"]), colour)
            drawing.null_curve(axes, depth, curve["null_value"], colour)
        drawing.curve(
            axes,
            depth,
            curve["value"],
            (curve["ci_low"], curve["ci_high"]),
            style.Mark(colour, "o", "-"),
            alpha=0,
            linewidth=1.6,
            markersize=3,
        )
    return False
