"""How many of an image's neighbours bear its label, from the input of a network to its output."""

from typing import TYPE_CHECKING

from topodepth.experiments.similarity.comparison import LABELS
from topodepth.figures import drawing, heat_maps, keys, scales, style
from topodepth.figures.frame import Labels, Models

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

ORDER = "labels in another order"


def draw(table: "DataFrame", *, models: Models = None, labels: Labels = None, title: str = "") -> "Figure":
    """Draw one curve per network: the share of neighbours with an image's own label against relative depth.

    Parameters
    ----------
    table
        Rows of the similarity experiment; networks without labels have no curve.
    models, labels, title
        As for every figure (:mod:`topodepth.figures`).
    """
    table, names = heat_maps.tidy(table, models, "similarity")
    table = table[table["layer_b"] == LABELS].sort_values("relative_depth_a", kind="stable")
    marks = style.marks(names)
    many = len(names) > style.MANY
    with style.look():
        figure = style.new_figure(7.2, 3.8, title)
        axes = figure.subplots()
        for name, mark in marks.items():
            own = table[table["model_a"] == name]
            if many:
                axes.plot(own["relative_depth_a"], own["value"], **style.CROWD)
            elif len(own):
                drawing.measured(axes, own["relative_depth_a"], own, mark)
        chance = table.groupby("relative_depth_a")["null_value"].mean()
        axes.plot(chance.index, chance, **style.THIN, zorder=2)
        scales.depth_axis(axes)
        scales.from_zero(axes)
        axes.set_ylabel("share of neighbours with own label")
        if table.empty:
            drawing.say(axes, "no labels")
        known = keys.crowd(len(names)) if many else keys.model_handles(marks, labels or {})
        key = [keys.line_handle(ORDER, **style.THIN), *keys.key_handles(null=False, interval=not many, gaps=False)[1:]]
        keys.legend(figure, known, key)
    return figure
