"""The adversarial experiment: descriptors against depth, one curve per strength, coloured by the F1 measured there."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from topodepth.figures import drawing, frame, grids, keys, scales, style
from topodepth.figures.frame import Labels, Models, Panels
from topodepth.topology.clouds import WHOLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from pandas import DataFrame

COLUMNS = (*frame.KEYS, "value", "relative_value", "epsilon", "macro_f1")
CLEAN = {"linewidth": 2.4, "marker": "s", "markersize": 5.5, "markeredgecolor": "black", "zorder": 5}
ATTACKED = {"linewidth": 1.4, "markersize": 4.5, "markeredgewidth": 0, "zorder": 3}
PER_ROW = 4  # descriptors side by side; more start a new block of rows
FEW_LAYERS = 4  # up to so many stand side by side by name: at their relative depths the panel would be nearly empty
CROWDED = 15  # layers, of which the markers of the clean images would hide the other curves
NAMED = 10  # strengths with a marker and a name each; of more, the first and the last are named


def draw(
    table: "DataFrame", *, models: Models = None, labels: Labels = None, title: str = "", panels: Panels = None
) -> "Figure":
    """Draw one column per descriptor, its value above and its value relative to the null model below.

    Layers stand at their relative depth; up to four stand side by side under their names.

    Parameters
    ----------
    table
        One attack's table, with the columns model, layer, relative_depth, class, homology_dimension, descriptor,
        value, relative_value, epsilon, macro_f1. The cloud of all images is drawn; without it, the mean over classes.
    models, labels, title, panels
        As for every figure (:mod:`topodepth.figures`): strengths to draw, which are told by their colour and not by a
        label; by default E_0, E_1 and PHdim.
    """
    table, _ = frame.of_models(table, COLUMNS, models, "adversarial_depth")
    chosen = frame.present(table, panels, frame.DEPTH, "adversarial_depth")
    scale, layers = keys.colour_scale(table["macro_f1"]), list(frame.layers(table))
    few, strengths = len(layers) <= FEW_LAYERS, _strengths(table, crowded=len(layers) > CROWDED)
    relative = table["relative_value"].notna().any()
    with style.look():
        blocks = grids.Blocks(len(chosen), PER_ROW, rows=2 if relative else 1)
        figure = style.new_figure(max(6.0, 1.6 + 3.9 * blocks.columns), 0.4 + 2.7 * blocks.height, title)
        for (column, *_), panel in zip(blocks.fill(figure, sharex=True), chosen, strict=True):
            points = one_cloud(table, panel, "adversarial_depth")
            points = points.assign(place=points["layer"].map(layers.index) if few else points["relative_depth"])
            heading, label, relative_label = frame.titles(panel)
            _draw_panel(column[0], points, "value", scale, strengths)
            column[0].set(title=heading, ylabel=label)
            scales.from_zero(column[0])
            if relative:
                column[1].set_ylabel(relative_label)
                drawing.no_change(column[1], 1)
                _draw_panel(column[1], points, "relative_value", scale, strengths)
                scales.log_axis(column[1])
            if few:
                scales.layer_axis(column[-1], layers)
            else:
                scales.depth_axis(column[-1])
            column[-1].tick_params(labelbottom=True)
        keys.colour_bar(figure, scale, "macro-F1 at that strength", one=table["macro_f1"].nunique() == 1)
        keys.legend(figure, _key(table, scale, strengths))
    return figure


def one_cloud(table: "DataFrame", panel: frame.Panel, figure: str) -> "DataFrame":
    """Return one row per strength and layer: the cloud of all images where there is one, else the mean over classes."""
    whole = table[table["class"] == WHOLE]
    return frame.summary_rows(whole if len(frame.rows_of(whole, panel)) else table, panel, figure)


def _strengths(table: "DataFrame", *, crowded: bool) -> dict[float, dict]:
    """Return how the curve of each strength is drawn, its colour apart."""
    epsilons = sorted(table["epsilon"].unique())
    # the square is the clean images'
    markers = [marker for marker in style.MARKERS if marker != CLEAN["marker"]] if len(epsilons) <= NAMED else "."
    found = {epsilon: {**ATTACKED, "marker": markers[k % len(markers)]} for k, epsilon in enumerate(epsilons)}
    return found | ({0.0: {**CLEAN, "marker": None} if crowded else CLEAN} if 0 in found else {})


def _draw_panel(
    axes: "Axes", points: "DataFrame", column: str, scale: "ScalarMappable", strengths: Mapping[float, dict]
) -> None:
    for epsilon, curve in points.groupby("epsilon", sort=True):
        x, y, colour = curve["place"], curve[column], scale.to_rgba(curve["macro_f1"].iloc[0])
        if epsilon == 0:
            axes.plot(x, y, color="black", linewidth=4.2, zorder=4)  # an edge: the curve may be as pale as the page
        axes.plot(x, y, color=colour, **strengths[epsilon], gid=f"epsilon {epsilon:g}")


def _key(table: "DataFrame", scale: "ScalarMappable", strengths: Mapping[float, dict]) -> list:
    """Return a legend entry for each strength; of many, for the clean images, the weakest and the strongest."""
    named = list(strengths)
    if len(named) > NAMED:
        named = [named[0], named[1], named[-1]]
    reached = table.drop_duplicates("epsilon").set_index("epsilon")["macro_f1"]
    return [
        keys.line_handle(
            f"{'clean images, ' if epsilon == 0 else ''}ε = {epsilon:g} (F1 {reached[epsilon]:.2f})",
            color=scale.to_rgba(reached[epsilon]),
            **strengths[epsilon],
        )
        for epsilon in named
    ]
