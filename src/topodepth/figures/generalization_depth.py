"""The generalisation experiment layer by layer: Kendall's τ of each descriptor with the target, against depth."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from topodepth.errors import InputError
from topodepth.figures import drawing, frame, grids, keys, scales, style
from topodepth.figures.frame import Labels, Models, Panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

TAU = ("kendall", "kendall_low", "kendall_high")
COLUMNS = ("target", "scope", "measure", "kind", "descriptor", "layer", "relative_depth", "class",
           "homology_dimension", "version", *TAU)  # fmt: skip
SCOPES = {"all": "all models", "within": "within blocks"}
VERSIONS = {"value": "Kendall τ", "relative": "Kendall τ,\nrelative to null"}
PER_ROW = 4  # panels side by side; more start a new block of rows
CATEGORIES = 3  # so few layers stand side by side, at equal distances, instead of along the depth
BAR = 1.8  # width of their intervals, points
FEW = 5  # with more layers than this, their names do not fit above a panel
APART = 0.09  # nor where two are nearer than this


def draw(
    associations: "DataFrame",
    *,
    models: Models = None,
    labels: Labels = None,
    title: str = "",
    panels: Panels = None,
    target: str = "test_error",
) -> "Figure":
    """Draw one column per descriptor and homology dimension, its value above and relative to the null model below.

    Of several classes the mean is drawn, else class all, else the first. A layer whose τ is undefined leaves an open
    marker at the panel's foot.

    Parameters
    ----------
    associations
        One row per target, scope and measure, with the columns target, scope, measure, kind, descriptor, layer,
        relative_depth, class, homology_dimension, version, kendall, kendall_low, kendall_high. Scopes drawn: ``all``
        and ``within``.
    models, labels, title, panels
        As for every figure (:mod:`topodepth.figures`): labels are of layers; by default all descriptors, but where some
        are known at two layers or more, not those known at one only.
    target
        What the measures are associated with.
    """
    table = frame.of_target(frame.tidy(associations, COLUMNS, "association by depth"), target)
    wanted = (table["kind"] == "descriptor") & table["scope"].isin(SCOPES) & table["relative_depth"].notna()
    chosen = _chosen(table[wanted], panels)
    versions = [name for name in VERSIONS if any(name in set(rows["version"]) for rows in chosen.values())]
    marks = {scope: mark for scope, mark in style.marks(SCOPES).items() if scope in set(table["scope"])}
    blocks = grids.Blocks(len(chosen), PER_ROW, rows=len(versions))
    with style.look():
        figure = style.new_figure(max(5.2, 0.8 + 3.1 * blocks.columns), 0.8 + 2.3 * blocks.height, title)
        stacks = blocks.fill(figure, sharex=True, sharey=True)
        gaps, places = False, _categories(chosen.values())
        for stack, (panel, rows) in zip(stacks, chosen.items(), strict=True):
            for axes, version in zip(stack.axes, versions, strict=True):
                gaps |= _draw_panel(axes, rows[rows["version"] == version], marks, places)
                if stack.leftmost:
                    axes.set_ylabel(VERSIONS[version])
            top, bottom = stack.axes[0], stack.axes[-1]
            top.set_title(frame.titles(panel)[0], fontweight="bold")
            if places:
                names = [style.short((labels or {}).get(layer, layer), 16) for layer in places]
                bottom.set_xticks(list(places.values()), names)
                bottom.set_xlim(-0.5, len(places) - 0.5)
            else:
                _name_layers(top, rows, labels or {})
                scales.depth_axis(bottom)
            bottom.tick_params(labelbottom=True)
        name = frame.TARGETS[target][0].removesuffix(", %")
        shown = {scope: mark._replace(line="none") for scope, mark in marks.items()} if places else marks
        handles = keys.model_handles(shown, {scope: f"τ with the {name}, {text}" for scope, text in SCOPES.items()})
        bars = [keys.bar_handle(markeredgewidth=BAR)] if places else []
        keys.legend(figure, handles, bars + keys.key_handles(null=False, interval=not places, gaps=gaps)[1:])
    return figure


def _chosen(rows: "DataFrame", panels: Panels) -> dict[frame.Panel, "DataFrame"]:
    """Return the rows of each panel, along the depth."""
    if rows.empty:
        raise InputError("association by depth figure: expected descriptors of layers. Received: none for this target.")
    found = frame.present(rows, panels, frame.of_table(rows), "association by depth", classes=None)
    along = rows.sort_values("relative_depth", kind="stable")
    chosen = {panel: frame.one_class(frame.rows_of(along, panel)) for panel in found}
    for (descriptor, _), own in chosen.items():
        twice = own[own.duplicated(["scope", "version", "layer"])]
        if len(twice):
            raise InputError(
                f"association by depth figure: expected one {descriptor} per scope, version and layer. "
                f"Received: several for layer {twice['layer'].iloc[0]}."
            )
    deep = {panel: own for panel, own in chosen.items() if own["layer"].nunique() > 1}
    return chosen if panels else deep or chosen


def _categories(panels: Iterable["DataFrame"]) -> dict[str, float]:
    """Return the place of each layer side by side, in the order of depth; nothing if there are more than three."""
    depths = {layer: depth for rows in panels for layer, depth in frame.layers(rows).items()}
    few = len(depths) <= CATEGORIES
    return {layer: float(place) for place, layer in enumerate(sorted(depths, key=depths.__getitem__))} if few else {}


def _draw_panel(axes: "Axes", rows: "DataFrame", marks: Mapping[str, style.Mark], places: Mapping[str, float]) -> bool:
    """Draw a curve for each scope, or bars at the places of few layers; tell whether a value is undefined."""
    gaps = False
    axes.axhline(0, color="#444444", linewidth=1, zorder=1)
    for number, (scope, mark) in enumerate(marks.items()):
        own = rows[rows["scope"] == scope]
        value, low, high = (own[column] for column in TAU)
        x = own["layer"].map(places) + 0.16 * (number - (len(marks) - 1) / 2) if places else own["relative_depth"]
        if places:
            axes.vlines(x, low, high, color=mark.colour, linewidth=BAR, zorder=2)
            axes.plot(x, value, color=mark.colour, marker=mark.marker, linestyle="none", zorder=3)
        else:
            drawing.curve(axes, x, value, (low, high), mark)
        gaps |= drawing.undefined(axes, x, value, mark)
    axes.set_ylim(-1.05, 1.05)
    axes.set_yticks([-1, -0.5, 0, 0.5, 1], ["−1", "−0.5", "0", "0.5", "1"])
    if rows.empty:
        axes.text(0.5, 0.6, "no null model", transform=axes.transAxes, ha="center", color=style.GREY)
    return gaps


def _name_layers(axes: "Axes", rows: "DataFrame", labels: Mapping[str, str]) -> None:
    """Write the layers' names above the panel if they fit."""
    places = frame.layers(rows)
    depths = list(places.values())
    if len(places) > FEW or any(after - before < APART for before, after in pairwise(depths)):
        return
    top = axes.secondary_xaxis("top")
    names = [style.short(labels.get(layer, layer), 22) for layer in places]
    top.set_xticks(depths, names, rotation=30, ha="left", rotation_mode="anchor", fontsize=8)
    top.tick_params(length=2)
    top.spines["top"].set_visible(False)
