"""The axes of a panel: relative depth, layers, epochs, logarithms."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def from_zero(axes: "Axes") -> None:
    """Let the y axis begin at 0, or lower where the data do, and end above their markers."""
    low, high = axes.get_ylim()
    low, most = min(0.0, low) if axes.dataLim.y0 < 0 else 0.0, axes.dataLim.y1
    if 0 <= high - most < 0.01 * (high - low):  # values nearly the same: their margin is nothing on an axis from 0
        high = most + 0.05 * (most - low)
    axes.set_ylim(low, high)


def depth_axis(axes: "Axes", label: bool = True) -> None:
    """Set the x axis to relative depth, 0 to 1, input to output."""
    axes.set_xlim(0, 1.04)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], ["0", "0.2", "0.4", "0.6", "0.8", "1"])
    if label:
        axes.set_xlabel("relative depth")


def layer_axis(axes: "Axes", layers: Sequence[str]) -> None:
    """Give each of a few layers a place of its own on the x axis, 0, 1, …, instead of its relative depth."""
    longest = max(map(len, layers))
    tilted: dict[str, Any] = {} if len(layers) * longest <= 24 else {"rotation": 20, "ha": "right"}
    axes.set_xlim(-0.4, len(layers) - 0.6)
    axes.set_xticks(range(len(layers)), [style.short(name, 18) for name in layers], **tilted)
    axes.set_xlabel("layer, from input to output")


def epoch_axis(axes: "Axes") -> None:
    """Set the x axis to epochs, whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    low, high = axes.dataLim.intervalx
    if high - low < 1:  # a single epoch
        axes.set(xlim=(round(low) - 0.5, round(low) + 0.5), xticks=[round(low)])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))


def log_axis(axes: "Axes") -> None:
    """Make the y axis logarithmic, with plain numbers as ticks however small its range is."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    axes.set_yscale("log", nonpositive="clip")
    axes.autoscale_view()
    low, high = axes.get_ylim()
    decades = np.log10(high / low)
    locator: MaxNLocator | LogLocator
    if decades < 0.8:
        locator = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10])
    else:
        locator = LogLocator(subs=(1, 2, 5) if decades < 3 else (1,), numticks=12)
    axes.yaxis.set_major_locator(locator)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: style.plain(value)))
