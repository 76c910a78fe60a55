"""The images behind the longest bars of one model: where clusters meet, and what lies around a loop."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from topodepth.errors import InputError
from topodepth.figures import frame, style
from topodepth.figures.frame import Labels, Models
from topodepth.topology.clouds import evenly

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame, Series

LAYERS = 6  # rows of the figure, spread over the depth
COLUMNS = ("model", "layer", "relative_depth", "class", "homology_dimension", "rank", "birth", "death")
IMAGES = ("birth_indices", "death_indices", "birth_labels", "death_labels")
GAP = 0.35  # of a thumbnail, between blocks
HEAD = 0.42  # of a row, what is written above the blocks


class Block(NamedTuple):
    """Images side by side that are one end of a bar: homology dimension, end, number of images, and what they are."""

    degree: int
    end: str
    size: int
    title: str


BLOCKS = (
    Block(0, "death", 2, "$H_0$: where two\nclusters meet"),
    Block(1, "birth", 2, "$H_1$: the edge that\ncloses the loop"),
    Block(1, "death", 3, "$H_1$: the triangle that fills it,\nits longest edge first"),
)


def foremost(table: "DataFrame", models: Models = None) -> "DataFrame":
    """Return the bars to draw: of one model, of layers spread over its depth, the longest of each homology dimension.

    Raises
    ------
    InputError
        If the table is empty or lacks a column, or holds several models and none is chosen.
    """
    text = frame.tidy(table, COLUMNS, "bars")
    lacking = [column for column in IMAGES if column not in table]
    if lacking:
        raise InputError(f"bars figure: the table lacks {', '.join(lacking)}.")
    whole = text.join(table[[*IMAGES]].reset_index(drop=True).astype(object))
    rows, _ = frame.one_model(whole, models, "bars")
    names = list(frame.layers(rows))
    kept = [names[place] for place in evenly(len(names), LAYERS)]
    rows = rows[rows["layer"].isin(kept)]
    rows = rows.assign(lifespan=rows["death"] - rows["birth"]).sort_values("lifespan", ascending=False, kind="stable")
    rows = rows.drop_duplicates(["layer", "homology_dimension"])
    return rows.sort_values(["relative_depth", "homology_dimension"], kind="stable")


def indices(bars: "DataFrame") -> list[int]:
    """Return the rows of the data set that bars are made of, ascending, each once."""
    cells = [cell for column in IMAGES[:2] for cell in bars[column] if isinstance(cell, str)]
    return sorted({_item(word) for cell in cells for word in cell.split()})


def _item(word: str) -> int:
    """Return the row of the data set that a point is of; of a token, of the item that it stands in."""
    return int(word.partition(":")[0])


def draw(
    table: "DataFrame",
    pixels: Mapping[int, np.ndarray],
    *,
    class_names: Mapping[str, str] | None = None,
    models: Models = None,
    labels: Labels = None,
    title: str = "",
) -> "Figure":
    """Draw one row per layer: the images behind its longest bar of H_0, and behind its longest of H_1.

    Parameters
    ----------
    table
        Of the longest bars, with the columns of :mod:`topodepth.tables.long_bars`.
    pixels
        By row of the data set: (height, width, channels), black 0 to white 1. Of what is no image, none.
    class_names
        What labels stand for.
    models
        The one to draw, where the table has several.
    labels
        Names of models for the title, where this is none.
    title
        Title above the panels.

    Raises
    ------
    InputError
        As :func:`foremost`.
    """
    bars = foremost(table, models)
    names = list(dict.fromkeys(bars["layer"]))
    found = {(row["layer"], int(row["homology_dimension"])): row for _, row in bars.iterrows()}
    if not title:
        model = bars["model"].iloc[0]
        title = dict(labels or {}).get(model, model)
    with style.look():
        figure = style.new_figure(9.6, 0.6 + 1.55 * len(names), title)
        widths = [width for block in BLOCKS for width in (*[1.0] * block.size, GAP)][:-1]
        grid = figure.add_gridspec(1 + len(names), len(widths), width_ratios=widths,
                                   height_ratios=[HEAD, *[1.0] * len(names)])  # fmt: skip
        start = 0
        for block in BLOCKS:
            head = figure.add_subplot(grid[0, start : start + block.size])
            head.axis("off")
            head.text(0, 0.15, block.title, fontsize=9.5, fontweight="bold", va="bottom").set_in_layout(False)
            for line, layer in enumerate(names, 1):
                axes = [figure.add_subplot(grid[line, start + place]) for place in range(block.size)]
                _draw_block(axes, block, found.get((layer, block.degree)), pixels, class_names or {})
                if not start:
                    axes[0].set_ylabel(style.short(layer, 18), rotation=0, ha="right", va="center", labelpad=8)
            start += block.size + 1
    return figure


def _draw_block(
    axes: list["Axes"], block: Block, bar: "Series | None", pixels: Mapping[int, np.ndarray], names: Mapping[str, str]
) -> None:
    for each in axes:
        each.set(xticks=[], yticks=[])
        each.grid(visible=False)
        for spine in each.spines.values():
            spine.set(visible=bar is not None, color=style.FAINT)
    if bar is None:
        axes[0].set_title("no loop", fontsize=8.5, color=style.GREY)
        return
    found = bar[f"{block.end}_indices"].split()
    known = bar[f"{block.end}_labels"]
    of = known.split() if isinstance(known, str) else [""] * len(found)
    for each, index, label in zip(axes, found, of, strict=True):
        _draw_image(each, pixels.get(_item(index)))
        each.set_xlabel(f"{style.short(names.get(label, label), 14)}\n#{index}".strip(), fontsize=8, labelpad=2)
    value = float(bar[block.end])
    axes[0].set_title(f"{block.end} {value:.3g}", fontsize=8.5, pad=3)


def _draw_image(axes: "Axes", image: np.ndarray | None) -> None:
    if image is None or math.prod(image.shape) == 0:
        axes.set_box_aspect(1)
        return
    grey = image.shape[-1] == 1
    axes.imshow(image[..., 0] if grey else image, cmap="gray" if grey else None, vmin=0, vmax=1)
