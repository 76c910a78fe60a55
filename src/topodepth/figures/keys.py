"""Keys to what a figure shows: legends and colour bars."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.figures import style

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure


def line_handle(label: str, **line: Any) -> "Artist":
    """Return a legend entry for a line, grey unless told otherwise."""
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **{"color": style.GREY, **line})


def bar_handle(label: str = style.INTERVAL_NAME, **line: object) -> "Artist":
    """Return a legend entry for intervals that are drawn as upright bars."""
    return line_handle(label, **{"linestyle": "none", "marker": "|", "markersize": 11, "markeredgewidth": 1.2, **line})


def model_handles(models: Mapping[str, style.Mark], labels: Mapping[str, str]) -> list["Artist"]:
    """Return a legend entry for each model."""
    return [
        line_handle(labels.get(name, name), color=mark.colour, marker=mark.marker, linestyle=mark.line)
        for name, mark in models.items()
    ]


def crowd(count: int) -> list["Artist"]:
    """Return the legend entry of more models than can be told apart."""
    return [line_handle(f"{count} models, one thin line each", **style.CROWD)]


def key_handles(*, null: bool, interval: bool, gaps: bool, shuffled: bool = False) -> list["Artist"]:
    """Return the entries that explain line styles: data, null models, interval, undefined value."""
    from matplotlib.patches import Patch

    handles = [line_handle("data", marker="o")]
    if null:
        handles.append(line_handle(style.NULL_NAME, **style.THIN))
    if shuffled:
        handles.append(line_handle(style.SHUFFLED_NAME, **style.DOTTED))
    if interval:
        handles.append(Patch(color=style.GREY, alpha=0.3, linewidth=0, label=style.INTERVAL_NAME))
    if gaps:
        handles.append(
            line_handle(
                "undefined (see table)", linestyle="none", marker="o", markerfacecolor="white", markeredgewidth=1.2
            )
        )
    return handles


def legend(figure: "Figure", names: Sequence["Artist"], key: Sequence["Artist"] = ()) -> None:
    """Put a legend below the panels, making the figure taller by its height.

    Entries stand in as many columns as the longest labels allow; where several rows are needed, the key to the line
    styles gets columns of its own, after the names.
    """
    groups = [list(group) for group in (names, key) if group]
    widths = [0.6 + 0.075 * max(len(str(handle.get_label())) for handle in group) for group in groups]
    rows = 1
    while rows < max(map(len, groups)) and figure.get_figwidth() < sum(
        -(-len(group) // rows) * width for group, width in zip(groups, widths, strict=True)
    ):
        rows += 1
    if rows > 1:
        for group in groups:
            group += [line_handle(" ", linestyle="none") for _ in range(-len(group) % rows)]
    handles = [handle for group in groups for handle in group]
    figure.set_figheight(figure.get_figheight() + 0.1 + 0.21 * rows)
    figure.legend(
        handles=handles, loc="outside lower center", ncols=-(-len(handles) // rows), columnspacing=1.6, handlelength=2.4
    )


def colour_scale(
    values: Sequence[float], colours: str = "viridis", span: tuple[float, float] = (0, 0.9)
) -> "ScalarMappable":
    """Return colours for numbers, from the smallest to the largest; a part of matplotlib's, whose ends may be too pale.

    Equal numbers get the colour of the middle.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    given = np.asarray(values, dtype=float)
    given = given[np.isfinite(given)]
    low, high = (float(given.min()), float(given.max())) if given.size else (0.0, 1.0)
    apart = high - low > 1e-6 * max(1.0, abs(high))
    scale = Normalize(low, high) if apart else Normalize(low - 0.5, high + 0.5)
    return ScalarMappable(scale, cmap=ListedColormap(colormaps[colours](np.linspace(*span, 256))))


def colour_bar(figure: "Figure", scale: "ScalarMappable", label: str, *, one: bool = False) -> None:
    """Put the key to a colour scale at the right of the panels; a number that is the only ``one`` is the only tick."""
    bar = figure.colorbar(scale, ax=figure.axes, shrink=0.9, pad=0.02)
    bar.set_label(label)
    if one:
        low, high = scale.get_clim()
        bar.set_ticks([(high + low) / 2])
