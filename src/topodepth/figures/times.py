"""Where the time of a run went: seconds and peak memory of every rule."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from topodepth.figures import frame, style
from topodepth.figures.frame import Labels, Models

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

COLUMNS = ("rule", "jobs", "seconds", "longest_seconds", "cpu_seconds", "peak_memory_mb")
SHOWN = 24  # rules


def draw(table: "DataFrame", *, models: Models = None, labels: Labels = None, title: str = "") -> "Figure":
    """Draw one bar per rule: the seconds of all its jobs together, of its longest job, and its largest memory.

    Parameters
    ----------
    table
        One row per rule, with the columns of ``workflow/scripts/tabulate_times.py``.
    models, labels
        Not used: rules have no models.
    """
    table = frame.tidy(table, COLUMNS, "times").sort_values("seconds", ascending=False, kind="stable")
    total, rules, table = table["seconds"].sum(), len(table), table.head(SHOWN)
    said = f"{total:,.0f} in all" + (f", of {rules} rules the longest {SHOWN}" if rules > SHOWN else "")
    places = np.arange(len(table))[::-1]
    with style.look():
        figure = style.new_figure(11, 1.4 + 0.27 * len(table), title or "Where the time went")
        time, memory = figure.subplots(1, 2, sharey=True, width_ratios=[2, 1])
        _bars(time, places, table["seconds"], f"seconds of all jobs ({said})", style.COLOURS[0])
        time.plot(table["longest_seconds"], places, "|", color="black", markersize=9, label="longest job")
        for place, jobs, seconds in zip(places, table["jobs"], table["seconds"], strict=True):
            text = f"{jobs:,.0f} job{'s' if jobs > 1 else ''}, {100 * seconds / total:.0f} %"
            time.annotate(text, (seconds, place), (5, 0), textcoords="offset points", va="center", fontsize=8)
        time.set_yticks(places, table["rule"])
        time.margins(x=0.22)
        time.legend(loc="lower right")
        _bars(memory, places, table["peak_memory_mb"], "peak memory, MB", style.COLOURS[1])
    return figure


def _bars(axes: "Axes", places: np.ndarray, values: Sequence[float], label: str, colour: str) -> None:
    axes.barh(places, values, color=colour, height=0.7)
    axes.set_xlabel(label)
    axes.grid(axis="y", visible=False)
