"""Persistence diagrams and Betti curves of chosen layers of one model, data against its null model."""

from typing import TYPE_CHECKING

import numpy as np

from topodepth.figures import drawing, frame, keys, scales, style
from topodepth.figures.frame import Labels, Models
from topodepth.topology.clouds import WHOLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

BARS = ("model", "layer", "relative_depth", "class", "homology_dimension", "birth", "death", "source")
CURVES = ("model", "layer", "relative_depth", "class", "homology_dimension", "filtration_value", "betti", "null_betti")


def draw(
    diagrams: "DataFrame",
    curves: "DataFrame",
    *,
    models: Models = None,
    labels: Labels = None,
    title: str = "",
    measured: int | None = None,
) -> "Figure":
    """Draw one row per layer: its persistence diagram, then the Betti curve of each homology dimension.

    Where classes are measured apart, the diagram is that of the first one, for ten laid over each other hide what is
    below them; the Betti curves are the mean over classes.

    Bars of the data are filled, those of the null model open and grey. Bars of H_0 are born at 0, so they stand on the
    left edge. An essential bar (one that never dies) is drawn on the line marked ∞.

    Parameters
    ----------
    diagrams
        Bars, with the columns model, layer, relative_depth, class, homology_dimension, birth, death (empty or
        infinite for an essential bar), source (``data`` or ``null``).
    curves
        Betti curves, with the columns model, layer, relative_depth, class, homology_dimension, filtration_value,
        betti, null_betti.
    models
        The one model to draw, in a list as for the other figures; needed if the tables hold several.
    labels
        Names for the title; default: the model's own.
    title
        Title above the panels; default: the model's name.
    measured
        Number of layers that were measured; where it is more than are drawn, the title says so.

    Raises
    ------
    InputError
        If a table is empty, lacks a column or the model, holds several models and none is chosen, or has no row for
        a layer of the other.
    """
    diagrams, model = frame.one_model(frame.tidy(diagrams, BARS, "diagrams"), models, "diagrams")
    curves, _ = frame.one_model(frame.tidy(curves, CURVES, "diagrams"), [model], "diagrams")
    layers = frame.layers(diagrams)
    frame.same_layers(layers, frame.layers(curves), "diagrams")
    degrees = sorted({int(degree) for degree in (*diagrams["homology_dimension"], *curves["homology_dimension"])})
    with style.look():
        columns = 1 + len(degrees)
        heading = title or (labels or {}).get(model, model)
        if (measured or 0) > len(layers):
            heading += f": {len(layers)} of {measured} measured layers"
        figure = style.new_figure(3.6 * columns, 0.3 + 3.1 * len(layers), heading)
        grid = figure.subplots(len(layers), columns, squeeze=False)
        for row, (layer, depth) in zip(grid, layers.items(), strict=True):
            bars = diagrams[diagrams["layer"] == layer]
            _draw_diagram(row[0], bars[bars["class"] == bars["class"].iloc[0]], degrees)
            row[0].set_title(f"{style.short(layer, 34)}\nrelative depth {depth:.2f}{_class_name(bars)}")
            for axes, degree in zip(row[1:], degrees, strict=True):
                own = curves[(curves["layer"] == layer) & (curves["homology_dimension"] == degree)]
                _draw_betti(axes, own, degree)
        keys.legend(figure, _key(degrees))
    return figure


def colours(degrees: list[int]) -> dict[int, str]:
    """Return the colour of each homology dimension."""
    return {degree: style.COLOURS[degree % len(style.COLOURS)] for degree in degrees}


def _class_name(bars: "DataFrame") -> str:
    names = list(dict.fromkeys(bars["class"]))
    if names == ["all"]:
        return ""
    return f", class {names[0]}" + (f" (first of {len(names)})" if len(names) > 1 else "")


def _draw_diagram(axes: "Axes", bars: "DataFrame", degrees: list[int]) -> None:
    """Draw one persistence diagram, birth against death, the null model behind the data."""
    finite = bars[np.isfinite(bars["death"])]
    top = float(finite["death"].max()) * 1.06 if len(finite) else 1.0
    top = top if top > 0 else 1.0
    infinity = top * 1.07
    size = float(np.clip(6000 / max(1, len(bars)), 4, 14))
    axes.plot([0, top], [0, top], color="#444444", linewidth=0.8, zorder=1)
    axes.axhline(infinity, color=style.GREY, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    axes.text(top, infinity, "∞ ", ha="right", va="bottom", color="#444444", fontsize=11)
    for source in ("null", "data"):
        for degree, colour in colours(degrees).items():
            own = bars[(bars["source"] == source) & (bars["homology_dimension"] == degree)]
            face = colour if source == "data" else "none"
            axes.scatter(
                own["birth"],
                own["death"].where(np.isfinite(own["death"]), infinity),
                s=size if source == "data" else 1.4 * size,
                marker=style.MARKERS[degree % len(style.MARKERS)],
                facecolors=face,
                edgecolors="none" if source == "data" else style.GREY,
                linewidths=0.7,
                alpha=0.65 if source == "data" else 0.55,
                zorder=3 if source == "data" else 2,
                clip_on=False,
                rasterized=True,
            )
    axes.set(xlim=(-0.03 * top, top), ylim=(0, top * 1.14), xlabel="birth", ylabel="death", aspect="equal")
    axes.locator_params(nbins=5)


def _draw_betti(axes: "Axes", curve: "DataFrame", degree: int) -> None:
    """Draw the Betti curve of one homology dimension, data and null."""
    mean = "" if set(curve["class"]) <= {WHOLE} else ", mean over classes"
    axes.set_title(f"Betti curve of $H_{degree}${mean}")
    axes.set(xlabel="filtration value", ylabel=f"$\\beta_{degree}$")
    if curve.empty:
        drawing.say(axes, f"no Betti curve of $H_{degree}$")
        return
    curve = curve.groupby("filtration_value", sort=True)[["betti", "null_betti"]].mean()
    axes.fill_between(curve.index, 0, curve["betti"], color=style.COLOURS[degree], alpha=0.15, linewidth=0)
    axes.plot(curve.index, curve["betti"], color=style.COLOURS[degree])
    axes.plot(curve.index, curve["null_betti"], color=style.GREY, linestyle=style.NULL_DASH, linewidth=1.3)
    axes.set_xlim(left=min(0.0, curve.index.min()))
    scales.from_zero(axes)
    axes.locator_params(nbins=5)


def _key(degrees: list[int]) -> list:
    """Return the legend's entries: a marker for each homology dimension, and the null model."""
    handles = [
        keys.line_handle(f"data, $H_{degree}$", color=colour, marker=style.MARKERS[degree % len(style.MARKERS)])
        for degree, colour in colours(degrees).items()
    ]
    null = keys.line_handle(
        style.NULL_NAME,
        color=style.GREY,
        linestyle=style.NULL_DASH,
        linewidth=1.3,
        marker="o",
        markerfacecolor="none",
    )
    return [*handles, null]
