"""All estimates of intrinsic dimension against depth, one panel per model, with the layer's width for orientation."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.figures import drawing, frame, grids, keys, scales, style
from topodepth.figures.frame import Labels, Models

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame, Series

ESTIMATORS = (("ph_dimension", None), ("two_nn", None), ("mle", None))
PER_ROW = 4
COLUMNS = (*frame.KEYS, *frame.VALUE, "dimension")
CALIBRATED = ("bias", "true_low", "true_high")  # columns that a table may have
BEYOND = "beyond what n resolves; bar: true dimension"
OPEN: dict[str, Any] = {"marker": "o", "markerfacecolor": "white", "markeredgewidth": 1.2}
APART = 0.01  # of the depth, between the bars of two estimators


def draw(
    table: "DataFrame",
    *,
    models: Models = None,
    labels: Labels = None,
    title: str = "",
    estimators: Sequence[str] | None = None,
) -> "Figure":
    """Draw every estimator with its interval and the layer's width against depth, on one logarithmic scale.

    Where the bias of an estimate may be larger than its interval, it has an open marker, and in place of the interval a
    bar: the range of true dimensions that the calibration allows. There is no bar where that lies beyond its curves.

    Parameters
    ----------
    table
        Descriptor table with the columns model, layer, relative_depth, class, homology_dimension, descriptor, value,
        ci_low, ci_high, dimension (the layer's width, the number of features); where it has them, bias, true_low,
        true_high.
    models, labels, title
        As for every figure (:mod:`topodepth.figures`).
    estimators
        Estimates to draw; default: those of PHdim (H_0), TwoNN and maximum likelihood that the table has.
    """
    known = [name for name in CALIBRATED if name in getattr(table, "columns", ())]
    table = frame.tidy(table, [*COLUMNS, *known], "dimension").reindex(columns=[*COLUMNS, *CALIBRATED])
    names = frame.order(table, models)
    wanted = [(name, None) for name in estimators or ()]
    chosen = frame.present(table, wanted, ESTIMATORS, "dimension", only=True)
    marks = style.marks(name for name, _ in chosen)
    curves = {panel[0]: frame.positive(frame.summary_rows(table, panel, "dimension"), "value") for panel in chosen}
    beyond = any(_beyond(rows).any() for rows in curves.values())
    blocks, gaps = grids.Blocks(len(names), PER_ROW), False
    with style.look():
        figure = style.new_figure(max(5.2, 0.8 + 2.9 * blocks.columns), 0.5 + 2.7 * blocks.height, title)
        stacks = blocks.fill(figure, sharex=True, sharey=True)
        grids.name_columns(stacks, [(labels or {}).get(name, name) for name in names], 30)
        for ((axes,), leftmost, lowest), model in zip(stacks, names, strict=True):
            gaps |= _draw_model(axes, {name: rows[rows["model"] == model] for name, rows in curves.items()}, marks)
            scales.depth_axis(axes, label=lowest)
            axes.tick_params(labelbottom=lowest)
            if leftmost:
                axes.set_ylabel("intrinsic dimension")
        scales.log_axis(stacks[0].axes[0])
        handles = keys.model_handles(marks, {panel[0]: frame.titles(panel)[1] for panel in chosen})
        handles.append(keys.line_handle("width of the layer", color=style.FAINT, linewidth=1.4, drawstyle="steps-mid"))
        handles += keys.key_handles(null=False, interval=True, gaps=gaps)[1:]
        if beyond:
            handles.append(keys.line_handle(BEYOND, linestyle="none", **OPEN, markeredgecolor=style.GREY))
        keys.legend(figure, handles)
    return figure


def _draw_model(axes: "Axes", curves: Mapping[str, "DataFrame"], marks: Mapping[str, style.Mark]) -> bool:
    """Draw all estimators of one model; tell whether a value is undefined."""
    import pandas

    width = pandas.concat(curves.values()).groupby("relative_depth")["dimension"].max()
    axes.step(width.index, width, where="mid", color=style.FAINT, linewidth=1.4, zorder=1.2)
    gaps = False
    for number, (name, rows) in enumerate(curves.items()):
        beyond, mark = _beyond(rows), marks[name]
        kept = rows.assign(**{bound: rows[bound].mask(beyond) for bound in ("ci_low", "ci_high")})
        gaps |= drawing.measured(axes, rows["relative_depth"], kept, mark)
        if not beyond.any():
            continue
        marked = rows[beyond]
        places = marked["relative_depth"] + APART * (number - (len(curves) - 1) / 2)
        bars = marked["true_low"].replace(np.inf, np.nan), np.minimum(marked["true_high"], marked["dimension"])
        axes.vlines(places, *bars, color=mark.colour, alpha=0.45, linewidth=2.2, zorder=1.6)
        look = {**OPEN, "marker": mark.marker, "markeredgecolor": mark.colour}
        axes.plot(marked["relative_depth"], marked["value"], linestyle="none", **look, zorder=3.5, gid="beyond")
    return gaps


def _beyond(rows: "DataFrame") -> "Series":
    """Tell which estimates may have a bias larger than their interval: infinite beyond the calibration."""
    return rows["bias"].abs() > (rows["ci_high"] - rows["ci_low"]) / 2
