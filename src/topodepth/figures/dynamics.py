"""The dynamics experiment: descriptors against depth at several epochs of training, coloured by test accuracy."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from topodepth.figures import frame, style
from topodepth.figures.depth import PANELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

COLUMNS = (*frame.KEYS, "value", "epoch", "test_accuracy")


def draw(
    table: "DataFrame",
    *,
    models: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    panels: Sequence[frame.Panel] | None = None,
) -> "Figure":
    """Draw a row a descriptor and a column a model: one curve a snapshot, its colour the measured test accuracy.

    Parameters
    ----------
    table
        Descriptor table with the columns model, layer, relative_depth, class, homology_dimension, descriptor, value,
        epoch, test_accuracy.
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
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    table = frame.tidy(table, COLUMNS, "dynamics")
    names = frame.order(table, models)
    table = table[table["model"].isin(names)]
    chosen = frame.present(table, panels, PANELS, "dynamics")
    accuracy = 100 * table["test_accuracy"]
    scale = ScalarMappable(Normalize(accuracy.min(), max(accuracy.max(), accuracy.min() + 1e-9)), cmap="viridis")
    with style.look():
        # never taller than wide: the report shows a figure at the width of its page
        figure = style.new_figure(max(10.0, 1.6 + 2.3 * len(names)), 0.6 + 2.1 * len(chosen), title)
        grid = figure.subplots(len(chosen), len(names), squeeze=False, sharex=True, sharey="row")
        for row, panel in enumerate(chosen):
            for axes, name in zip(grid[row], names, strict=True):
                for _, snapshot in table[table["model"] == name].groupby("epoch", sort=True):
                    curve = frame.summary(snapshot, panel, "dynamics")
                    colour = scale.to_rgba(100 * curve["test_accuracy"].iloc[0])
                    axes.plot(curve["relative_depth"], curve["value"], color=colour, linewidth=1.6, marker="o",
                              markersize=3)  # fmt: skip
                style.from_zero(axes)
                style.depth_axis(axes, label=row == len(chosen) - 1)
                axes.set_xticks([0, 0.5, 1.0], ["0", "0.5", "1"])
                if row == 0:
                    axes.set_title(style.short((labels or {}).get(name, name), 20), fontweight="bold")
            grid[row][0].set_ylabel(frame.titles(panel)[1])
        figure.align_ylabels()
        bar = figure.colorbar(scale, ax=grid, shrink=0.9, pad=0.02)
        bar.set_label("test accuracy of the snapshot, %")
    return figure
