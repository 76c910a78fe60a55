"""What is drawn into a panel: curves with their intervals, null models, marks of undefined values, notes."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from topodepth.figures import style
from topodepth.figures.frame import SHUFFLED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame


def band(axes: "Axes", x: ArrayLike, bounds: tuple[ArrayLike, ArrayLike], colour: str, *, alpha: float = 0.2) -> None:
    """Shade the interval between the bounds, low and high; a bar where a point has no neighbour to shade towards."""
    places, low, high = (np.asarray(array, dtype=float) for array in (x, *bounds))
    given = np.isfinite(low) & np.isfinite(high)
    if not given.any() or alpha <= 0:
        return
    alone = _alone(given)
    if (given & ~alone).any():
        axes.fill_between(places, low, high, where=given & ~alone, color=colour, alpha=alpha, linewidth=0, zorder=1.5)
    if alone.any():
        axes.vlines(
            places[alone], low[alone], high[alone], color=colour, alpha=min(1.0, alpha * 3), linewidth=3, zorder=1.5
        )


def curve(
    axes: "Axes",
    x: ArrayLike,
    y: ArrayLike,
    bounds: tuple[ArrayLike, ArrayLike],
    mark: style.Mark,
    *,
    alpha: float = 0.2,
    **look: Any,
) -> None:
    """Draw a curve with markers and its interval as a band; NaN breaks it. ``look`` goes to the curve's line."""
    band(axes, x, bounds, mark.colour, alpha=alpha)
    line: dict[str, Any] = {
        "color": mark.colour,
        "marker": mark.marker,
        "linestyle": mark.line,
        "markeredgecolor": "white",
        "zorder": 3,
    }
    axes.plot(x, y, **{**line, **look})


def null_curve(axes: "Axes", x: ArrayLike, y: ArrayLike, colour: str = style.GREY, alpha: float = 1.0) -> None:
    """Draw the null model's curve, thin and dashed; a dash of its own where a point has no neighbour."""
    axes.plot(x, y, **{**style.THIN, "color": colour}, alpha=alpha, zorder=2)
    places, values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    alone = _alone(np.isfinite(values))
    if alone.any():
        dashes = places[alone], values[alone]
        axes.plot(*dashes, color=colour, linestyle="none", marker="_", markersize=12, markeredgewidth=1.2)


def shuffled_curve(axes: "Axes", rows: "DataFrame", colour: str = style.GREY) -> None:
    """Draw the curve of the null model of shuffled tokens, dotted, where the rows have one."""
    if SHUFFLED in rows:
        axes.plot(rows["relative_depth"], rows[SHUFFLED], **{**style.DOTTED, "color": colour}, zorder=2)


def measured(axes: "Axes", x: ArrayLike, rows: "DataFrame", mark: style.Mark) -> bool:
    """Draw the values of a table's rows with their intervals; tell whether one is undefined."""
    curve(axes, x, rows["value"], (rows["ci_low"], rows["ci_high"]), mark)
    return undefined(axes, x, rows["value"], mark)


def no_change(axes: "Axes", level: float) -> None:
    """Draw the level that tells of no difference: a ratio of 1, a change of 0."""
    axes.axhline(level, color="#444444", linewidth=1, linestyle=style.NULL_DASH, zorder=1.2)


def say(axes: "Axes", text: str) -> None:
    """Write a note into an empty panel."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=style.GREY)
    axes.set_yticks([])


def undefined(axes: "Axes", x: ArrayLike, y: ArrayLike, mark: style.Mark) -> bool:
    """Put an open marker at the panel's foot where ``y`` is NaN; tell whether there was any."""
    missing = np.asarray(x, dtype=float)[~np.isfinite(np.asarray(y, dtype=float))]
    if missing.size:
        axes.plot(
            missing,
            np.full(missing.size, 0.02),
            transform=axes.get_xaxis_transform(),
            linestyle="none",
            marker=mark.marker,
            markerfacecolor="white",
            markeredgecolor=mark.colour,
            markeredgewidth=1.2,
            clip_on=False,
            zorder=4,
            gid="undefined",
        )
    return bool(missing.size)


def _alone(given: np.ndarray) -> np.ndarray:
    """Tell which of the points given have no neighbour, so that no line or band can show them."""
    return given & ~np.append(given[1:], False) & ~np.append(False, given[:-1])
