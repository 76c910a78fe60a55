"""How alike networks are at the same depth: network against network, one panel per measure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from topodepth.experiments.similarity.comparison import MATCHED
from topodepth.figures import heat_maps, style
from topodepth.figures.frame import Labels, Models

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

FEW, NAMED = 6, 30  # networks whose values, and whose names, have room


def draw(
    table: "DataFrame",
    *,
    models: Models = None,
    labels: Labels = None,
    title: str = "",
    measures: Sequence[str] | None = None,
) -> "Figure":
    """Draw one heat map per measure: each network with each, averaged over layers of the nearest relative depths.

    Parameters
    ----------
    table
        Rows of the similarity experiment.
    models, labels, title
        As for every figure (:mod:`topodepth.figures`).
    measures
        A panel each, in order; default: all of the table.
    """
    table, names = heat_maps.tidy(table, models, "similarity")
    table = table[table["layer_a"] == MATCHED]
    shown = heat_maps.chosen(table, measures)
    places = {(name, MATCHED): place for place, name in enumerate(names)}
    texts = [style.short((labels or {}).get(name, name), 18) for name in names] if len(names) <= NAMED else []
    with style.look():
        side = min(2.6, 1.0 + 0.3 * len(names))
        figure, _ = heat_maps.draw_maps(
            table, shown, places, (range(len(texts)), texts), side=side, title=title, written=len(names) <= FEW
        )
        heat_maps.explain(figure)
    return figure
