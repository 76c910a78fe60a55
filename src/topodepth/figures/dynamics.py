"""The dynamics experiment: descriptors against depth at several epochs of training, coloured by test accuracy."""

from typing import TYPE_CHECKING

from topodepth.figures import drawing, frame, grids, keys, style
from topodepth.figures.frame import Labels, Models, Panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from pandas import DataFrame

COLUMNS = (*frame.KEYS, *frame.VALUE, *frame.NULL, "epoch", "test_accuracy")
PER_ROW = 4  # models side by side; more start a new block of rows
FEW = 5  # with more snapshots than this, only the first and the last have their interval and null model


def draw(
    table: "DataFrame", *, models: Models = None, labels: Labels = None, title: str = "", panels: Panels = None
) -> "Figure":
    """Draw a row a descriptor and a column a model: one curve a snapshot, its colour the measured test accuracy.

    Shaded is the interval, dashed the null model, both in the snapshot's colour: of all snapshots, or of the first and
    the last where there are more than five.

    Parameters
    ----------
    table
        Descriptor table with the columns model, layer, relative_depth, class, homology_dimension, descriptor, value,
        ci_low, ci_high, null_value, null_ci_low, null_ci_high, epoch, test_accuracy.
    models, labels, title, panels
        As for every figure (:mod:`topodepth.figures`); by default E_0, E_1 and PHdim.
    """
    table, names = frame.of_models(table, COLUMNS, models, "dynamics")
    chosen = frame.present(table, panels, frame.DEPTH, "dynamics")
    accuracy = 100 * table["test_accuracy"]
    scale = keys.colour_scale(accuracy)
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
        keys.colour_bar(figure, scale, "test accuracy of the snapshot, %", one=accuracy.nunique() == 1)
        null, interval = (bool(table[column].notna().any()) for column in ("null_value", "ci_low"))
        keys.legend(figure, keys.key_handles(null=null, interval=interval, gaps=False))
    return figure


def _draw_panel(axes: "Axes", table: "DataFrame", panel: frame.Panel, scale: "ScalarMappable") -> bool:
    """Draw the snapshots of one model, from the first to the last; undefined values are gaps in a curve."""
    from matplotlib.colors import to_hex

    snapshots = [rows for _, rows in table.groupby("epoch", sort=True)]
    for number, snapshot in enumerate(snapshots):
        curve = frame.summary_rows(snapshot, panel, "dynamics")
        depth, colour = curve["relative_depth"], to_hex(scale.to_rgba(100 * curve["test_accuracy"].iloc[0]))
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
