"""How alike layers are: every layer of every network against every other, one panel per measure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from topodepth.experiments.similarity.comparison import LABELS, MATCHED
from topodepth.figures import heat_maps, style
from topodepth.figures.frame import Labels, Models

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

SIDE = 2.6  # of a panel, in inches
FEW_LAYERS, FEW_MODELS = 14, 12  # whose names have room at an axis


def draw(
    table: "DataFrame",
    *,
    models: Models = None,
    labels: Labels = None,
    title: str = "",
    measures: Sequence[str] | None = None,
) -> "Figure":
    """Draw one heat map per measure: all layers along both axes, from input to output, one block per network.

    On the diagonal blocks the layers of one network among themselves, beside them those of two.

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
    table = table[(table["layer_a"] != MATCHED) & (table["layer_b"] != LABELS)]
    shown = heat_maps.chosen(table, measures)
    places = _places(table, names)
    counts = {name: sum(model == name for model, _ in places) for name in names}
    with style.look():
        along = _names(places, counts, labels or {})
        figure, panels = heat_maps.draw_maps(table, shown, places, along, side=SIDE, title=title)
        for axes in panels:
            _part(axes, [*counts.values()])
        heat_maps.explain(figure, "Layers from input to output.")
    return figure


def _places(table: "DataFrame", names: Sequence[str]) -> dict[tuple[str, str], int]:
    """Return where each layer of each network stands: networks in order, layers from input to output."""
    own = table[table["model_a"] == table["model_b"]]
    ends = []
    for name in names:
        layers = own[own["model_a"] == name].sort_values("relative_depth_a", kind="stable")["layer_a"]
        ends += [(name, layer) for layer in dict.fromkeys(layers)]
    return {end: place for place, end in enumerate(ends)}


def _names(
    places: Mapping[tuple[str, str], int], counts: Mapping[str, int], labels: Mapping[str, str]
) -> tuple[list[float], list[str]]:
    """Return places along an axis and names: of the layers of one network where they are few, else of the networks."""
    if len(counts) == 1 and len(places) <= FEW_LAYERS:
        return [*range(len(places))], [style.short(layer, 14) for _, layer in places]
    if len(counts) > FEW_MODELS:
        return [], []
    edges = np.cumsum([0, *counts.values()])
    return ((edges[:-1] + edges[1:] - 1) / 2).tolist(), [style.short(labels.get(name, name), 16) for name in counts]


def _part(axes: "Axes", counts: Sequence[int]) -> None:
    """Part networks by white lines."""
    for edge in np.cumsum(counts)[:-1]:
        axes.axhline(edge - 0.5, color="white", linewidth=1.5)
        axes.axvline(edge - 0.5, color="white", linewidth=1.5)
