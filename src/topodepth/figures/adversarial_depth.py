"""The adversarial experiment: descriptors against depth, one curve a strength, coloured by the F1 measured there."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from topodepth.figures import frame, style
from topodepth.figures.depth import PANELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from pandas import DataFrame

COLUMNS = (*frame.KEYS, "value", "relative_value", "epsilon", "macro_f1")
CLEAN = {"linewidth": 2.4, "marker": "s", "markersize": 5.5, "markeredgecolor": "black", "zorder": 5}
ATTACKED = {"linewidth": 1.4, "marker": "o", "markersize": 3, "zorder": 3}


def draw(
    table: "DataFrame",
    *,
    models: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    panels: Sequence[frame.Panel] | None = None,
) -> "Figure":
    """Draw a column a descriptor, its value above and its value relative to the null model below.

    Parameters
    ----------
    table
        One attack's table, with the columns model, layer, relative_depth, class, homology_dimension, descriptor,
        value, relative_value, epsilon, macro_f1. The cloud of all images is drawn; without it, the mean over classes.
    models
        Which strengths to draw, by their names in the table; default: all.
    labels
        Taken as by the other figures; strengths are told by their colour.
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

    table = frame.tidy(table, COLUMNS, "adversarial_depth")
    table = table[table["model"].isin(frame.order(table, models))]
    chosen = frame.present(table, panels, PANELS, "adversarial_depth")
    f1 = table["macro_f1"]
    scale = ScalarMappable(Normalize(f1.min(), max(f1.max(), f1.min() + 1e-9)), cmap="viridis")
    relative = table["relative_value"].notna().any()
    with style.look():
        rows = 2 if relative else 1
        figure = style.new_figure(max(6.0, 1.6 + 3.9 * len(chosen)), 0.4 + 2.7 * rows, title)
        grid = figure.subplots(rows, len(chosen), squeeze=False, sharex=True)
        for column, panel in zip(grid.T, chosen, strict=True):
            points = one_cloud(table, panel, "adversarial_depth")
            heading, label, relative_label = frame.titles(panel)
            _draw_panel(column[0], points, "value", scale)
            column[0].set(title=heading, ylabel=label)
            style.from_zero(column[0])
            if relative:
                column[1].set_ylabel(relative_label)
                column[1].axhline(1, color="#444444", linewidth=1, linestyle=style.NULL_DASH, zorder=1.2)
                _draw_panel(column[1], points, "relative_value", scale)
                style.log_axis(column[1])
            style.depth_axis(column[-1])
        bar = figure.colorbar(scale, ax=grid, shrink=0.9, pad=0.02)
        bar.set_label("macro-F1 at that strength")
        style.legend(figure, _key(table, scale))
    return figure


def one_cloud(table: "DataFrame", panel: frame.Panel, figure: str) -> "DataFrame":
    """Return one row per strength and layer: the cloud of all images where there is one, else the mean over classes."""
    whole = table[table["class"] == "all"]
    return frame.summary(whole if len(frame.rows_of(whole, panel)) else table, panel, figure)


def _draw_panel(axes: "Axes", points: "DataFrame", column: str, scale: "ScalarMappable") -> None:
    for epsilon, curve in points.groupby("epsilon", sort=True):
        x, y, colour = curve["relative_depth"], curve[column], scale.to_rgba(curve["macro_f1"].iloc[0])
        if epsilon == 0:
            axes.plot(x, y, color="black", linewidth=4.2, zorder=4)  # an edge: the curve may be as pale as the page
        axes.plot(x, y, color=colour, **(CLEAN if epsilon == 0 else ATTACKED), gid=f"epsilon {epsilon:g}")


def _key(table: "DataFrame", scale: "ScalarMappable") -> list:
    ends = table.loc[[table["epsilon"].idxmin(), table["epsilon"].idxmax()]]
    first, last = (scale.to_rgba(f1) for f1 in ends["macro_f1"])
    strongest = style.line_handle(f"attacked, up to ε = {ends['epsilon'].iloc[1]:g}", color=last, **ATTACKED)
    clean = style.line_handle("clean images, ε = 0", color=first, **CLEAN)
    return [clean, strongest] if ends["epsilon"].iloc[0] == 0 else [strongest]
