"""Dimensions and lifespan sums of real images and spoofs: in pixel space and along the depth of a network."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from topodepth.activations import pixels
from topodepth.experiments.spoofing import DIFFERENCE, SIGNIFICANT
from topodepth.figures import drawing, frame, grids, keys, scales, style
from topodepth.figures.frame import Labels, Models, Panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

PANELS = (("ph_dimension", None), ("two_nn", None), ("lifespan_sum", 0), ("lifespan_sum", 1))
PER_ROW = 6  # descriptors side by side; more start a new block of rows
COLUMNS = ("subset", "representation", "layer", "relative_depth", "cloud", "descriptor", "homology_dimension",
           *frame.VALUE, "p_value", "p_corrected")  # fmt: skip
FEW = 15  # layers; the stars of more are smaller
STARS, SMALL_STARS = 10, 5  # points
WIDE, HIGH = 0.011, 0.0075  # of a star, for each point of its size: in relative depth, and in heights of a panel
STEP = 0.25  # between the places of pixel representations, left of the depth axis


def draw(
    table: "DataFrame", *, models: Models = None, labels: Labels = None, title: str = "", panels: Panels = None
) -> "Figure":
    """Draw one column per descriptor, one row per subset and network: both clouds in pixels, then by relative depth.

    A filled star marks a difference whose corrected p is below 0.05, an open one a difference whose p is below 0.05
    before the correction only.

    Parameters
    ----------
    table
        Adjusted rows with the columns subset, representation, layer, relative_depth, cloud, descriptor,
        homology_dimension, value, ci_low, ci_high, p_value, p_corrected.
    models, labels, title, panels
        As for every figure (:mod:`topodepth.figures`): representations to draw; by default PHdim, TwoNN, E_0 and E_1.
    """
    table, names = frame.of_models(table, COLUMNS, models, "spoofing", "representation")
    chosen = frame.present(table, panels, PANELS, "spoofing", classes=None)
    marks = style.marks(name for name in dict.fromkeys(table["cloud"]) if name != DIFFERENCE)
    spaces = [name for name in names if (table.loc[table["representation"] == name, "layer"] == pixels.LAYER).all()]
    networks: list[str | None] = [name for name in names if name not in spaces] or [None]
    lines = [(subset, network) for subset in dict.fromkeys(table["subset"]) for network in networks]
    named = {name: (labels or {}).get(name, name) for name in names}
    with style.look():
        blocks = grids.Blocks(len(chosen), PER_ROW, rows=len(lines))
        figure = style.new_figure(max(5.2, 0.6 + 2.7 * blocks.columns), 0.5 + 2.5 * blocks.height, title)
        for stack, panel in zip(blocks.fill(figure), chosen, strict=True):
            stack.axes[0].set_title(frame.titles(panel)[0])
            for axes, (subset, network) in zip(stack.axes, lines, strict=True):
                own = frame.rows_of(table[table["subset"] == subset], panel)
                _draw_panel(axes, own, spaces, network, marks)
                _axis(axes, [named[name] for name in spaces], network is not None)
                if panel[0] == "lifespan_sum":
                    scales.log_axis(axes)
                else:
                    scales.from_zero(axes)
                if stack.leftmost:
                    about = subset if network is None else f"{style.short(named[network], 20)} · {subset}"
                    axes.set_ylabel(about, fontweight="bold")
            if network:
                axes.set_xlabel("relative depth")
        star = {"linestyle": "none", "marker": "*", "markersize": 10, "color": "black"}
        handles = [
            *keys.model_handles(marks, {}),
            *keys.key_handles(null=False, interval=True, gaps=False)[1:],
            keys.line_handle("p < 0.05, corrected", **star),
            keys.line_handle("p < 0.05, not corrected", **star, markerfacecolor="white"),
        ]
        keys.legend(figure, handles)
    return figure


def _draw_panel(
    axes: "Axes", rows: "DataFrame", spaces: Sequence[str], network: str | None, marks: Mapping[str, style.Mark]
) -> None:
    """Draw one descriptor of one subset: pixels at places of their own, then a network's layers."""
    axes.margins(y=0.2)  # room for the stars
    for k, space in enumerate(spaces):
        points = rows[rows["representation"] == space].assign(relative_depth=STEP * (k - len(spaces)))
        _draw_clouds(axes, points, marks, apart=0.03)
    _draw_clouds(axes, rows[rows["representation"] == network], marks)


def _draw_clouds(axes: "Axes", rows: "DataFrame", marks: Mapping[str, style.Mark], apart: float = 0.0) -> None:
    """Draw both clouds of one representation, side by side if told to, and stars where they differ."""
    rows = rows.sort_values("relative_depth", kind="stable")
    for number, (name, mark) in enumerate(marks.items()):
        own = rows[rows["cloud"] == name]
        depth = own["relative_depth"] + apart * (number - (len(marks) - 1) / 2)
        drawing.measured(axes, depth, own, mark)
    tests = rows[rows["cloud"] == DIFFERENCE]
    corrected = tests["p_corrected"] < SIGNIFICANT
    size = STARS if len(tests) <= FEW else SMALL_STARS
    starred = tests[corrected | (tests["p_value"] < SIGNIFICANT)]
    heights = 0.97 - HIGH * size * _rows(starred["relative_depth"], WIDE * size)
    for filled, fill in ((True, "black"), (False, "white")):
        given = (corrected[starred.index] == filled).to_numpy()
        if given.any():
            axes.plot(starred["relative_depth"][given], heights[given], linestyle="none", marker="*", markersize=size,
                  markerfacecolor=fill, markeredgecolor="black", transform=axes.get_xaxis_transform(), clip_on=False,
                  zorder=5)  # fmt: skip


def _rows(depths: Iterable[float], apart: float) -> np.ndarray:
    """Return the row of each star, 0 or below it 1: the first in which its neighbour, depths ascending, is far enough.

    Where it is in neither, the one whose last star is farther.
    """
    last, rows = [-math.inf, -math.inf], []
    for depth in depths:
        rows.append(next((row for row, before in enumerate(last) if depth - before >= apart), last.index(min(last))))
        last[rows[-1]] = depth
    return np.array(rows)


def _axis(axes: "Axes", spaces: Sequence[str], network: bool) -> None:
    """Set the x axis: a place for each pixel representation, then relative depth."""
    places = [STEP * (k - len(spaces)) for k in range(len(spaces))]
    depths = [0, 0.5, 1] if network else []
    axes.set_xlim((places[0] if places else 0.1) - 0.1, 1.05 if network else places[-1] + 0.1)
    axes.set_xticks(places + depths, [*(style.short(name, 12) for name in spaces), *(f"{d:g}" for d in depths)])
    if places and network:
        axes.axvline(-STEP / 2.5, color=style.FAINT, linewidth=1)
