"""Heat maps of how alike things are, one panel per measure: light is alike, whether 1 or 0 says so."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.errors import unknown_name
from topodepth.experiments.similarity.comparison import DISTANCE
from topodepth.experiments.similarity.words import name
from topodepth.figures import frame, grids, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from pandas import DataFrame

COLUMNS = ("model_a", "layer_a", "relative_depth_a", "model_b", "layer_b", "relative_depth_b", "measure", "kind",
           "value", "ci_low", "ci_high", "null_value", "p_value", "class_p_value")  # fmt: skip
PER_ROW = 4  # panels side by side
SHORT = 5  # letters that stand upright below an axis
LEVEL = 0.05
COLOURS = "viridis"
ROUNDING = 1e-9
Names = tuple[Sequence[float], Sequence[str]]
KEY = "Light is alike.  ×: not shown to be more alike than images in another order (p\u00a0>\u00a00.05)"


def tidy(table: "DataFrame", models: frame.Models, figure: str) -> tuple["DataFrame", list[str]]:
    """Return the rows of the networks to draw, and those networks in order."""
    table, names = frame.of_models(table, COLUMNS, models, figure, "model_a")
    return table[table["model_b"].isin(names)], names


def chosen(table: "DataFrame", measures: Sequence[str] | None) -> list[str]:
    """Return the measures to draw: those asked for, else all of the table."""
    known = list(dict.fromkeys(table["measure"]))
    for measure in measures or ():
        if measure not in known:
            raise unknown_name("measure in the table", measure, known)
    return list(measures or known)


def title_of(measure: str) -> str:
    """Return what a panel is called."""
    words = re.sub(r"\bH_(\d)$", r"$H_\1$", name(measure).replace("$", r"\$"))
    return words[0].upper() + words[1:]


def matrices(rows: "DataFrame", places: Mapping[tuple[str, str], int]) -> tuple[np.ndarray, np.ndarray]:
    """Return values (m, m), symmetric, and which of them are not shown to be beyond chance.

    Parameters
    ----------
    rows
        Of one measure.
    places
        Where each network's layer stands, from 0 to m − 1.
    """
    values = np.full((len(places), len(places)), np.nan)
    unclear = np.zeros(values.shape, dtype=bool)
    ends = (zip(rows[f"model_{end}"], rows[f"layer_{end}"], strict=True) for end in "ab")
    for one, other, value, p in zip(*ends, rows["value"], rows["p_value"], strict=True):
        if one in places and other in places:
            for i, j in ((places[one], places[other]), (places[other], places[one])):
                values[i, j], unclear[i, j] = value, p > LEVEL + 1e-12
    return values, unclear


def draw_maps(
    table: "DataFrame", shown: Sequence[str], places: Mapping[tuple[str, str], int], names: Names, *, side: float,
    title: str, written: bool = False,
) -> tuple["Figure", list["Axes"]]:  # fmt: skip
    """Return a figure with a heat map for each measure, and their axes.

    Parameters
    ----------
    table
        Rows of all measures.
    shown
        Measures, in order.
    places
        As for :func:`matrices`.
    names
        Places along both axes, and what stands there; at the outer panels only.
    side
        Of a panel, inches.
    title
        Of the figure.
    written
        Whether values stand in the cells.
    """
    blocks = grids.Blocks(len(shown), PER_ROW)
    size = max(4.5, 0.8 + (side + 0.7) * blocks.columns), 0.6 + (side + 0.5) * blocks.height
    figure = style.new_figure(*size, title)
    stacks = blocks.fill(figure)
    for stack, measure in zip(stacks, shown, strict=True):
        own = table[table["measure"] == measure]
        draw_map(stack.axes[0], measure, own, matrices(own, places), written=written)
        name_axes(stack, *names)
    return figure, [stack.axes[0] for stack in stacks]


def explain(figure: "Figure", *further: str) -> None:
    """Write below the panels what colours and crosses mean, after further sentences."""
    lines = textwrap.wrap("  ".join([*further, KEY]), int(13 * figure.get_figwidth()))
    figure.set_figheight(figure.get_figheight() + 0.2 * (len(lines) - 1))
    figure.supxlabel("\n".join(lines), fontsize=9.5)


def name_axes(stack: grids.Stack, ticks: Sequence[float], texts: Sequence[str]) -> None:
    """Name places along both axes, at the outer panels."""
    (axes,) = stack.axes
    tilted: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    plain = max(map(len, texts), default=0) <= SHORT
    axes.set_xticks(ticks, texts if stack.lowest else [""] * len(texts), **({} if plain else tilted))
    axes.set_yticks(ticks, texts if stack.leftmost else [""] * len(texts))
    axes.tick_params(labelsize=8.5)


def contrast(image: "AxesImage", value: np.float64) -> str:
    """Return what is read on the colour of a value: light on dark, dark on light."""
    red, green, blue, _ = image.cmap(image.norm(np.asarray(value)))
    return "white" if 0.3 * red + 0.6 * green + 0.1 * blue < 0.5 else "black"


def draw_map(
    axes: "Axes", measure: str, rows: "DataFrame", found: tuple[np.ndarray, np.ndarray], *, written: bool = False
) -> None:
    """Draw the matrix of one measure with its colour bar; a cross where it is not beyond chance, grey where undefined.

    Scales of similarities go from 0, or where values are negative from there, to 1; those of distances from 0 to the
    largest value, of the null model too: as unlike as images in another order. ``written``: with the values.
    """
    from matplotlib import colormaps

    values, unclear = found
    distance = bool((rows["kind"] == DISTANCE).all())
    colours = colormaps[f"{COLOURS}_r" if distance else COLOURS].with_extremes(bad=style.FAINT)
    finite = values[np.isfinite(values)]
    low = min(0.0, float(finite.min(initial=0.0)))
    known = np.concatenate([finite, rows["null_value"].dropna()]) if distance else np.append(finite, 1.0)
    high = float(known.max(initial=0.0)) or 1.0
    image = axes.imshow(values, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    marked = unclear & np.isfinite(values) & ~np.eye(len(values), dtype=np.bool)  # each is like itself
    if written:
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                text = f"{_number(value)}\n×" if marked[row, column] else _number(value)
                axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color=contrast(image, value))
    elif marked.any():
        places = np.nonzero(marked)
        colors = [contrast(image, value) for value in values[marked]]
        size = max(1.5, min(6.0, 120 / len(values)))
        axes.scatter(places[1], places[0], s=size**2, c=colors, marker="x", linewidths=0.9)
    axes.set_title(title_of(measure))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.8, pad=0.03, aspect=18)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8)


def _number(value: float) -> str:
    text = f"{value:.2g}" if abs(value) >= 0.01 else "0" if abs(value) < ROUNDING else f"{value:z.2f}"
    return text.replace("-", "−")
