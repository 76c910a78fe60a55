"""The generalisation experiment layer by layer: Kendall's τ of each descriptor with the target, against depth."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from topodepth.errors import InputError
from topodepth.figures import drawing, frame, grids, keys, scales, style

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
FEW = 5  # with more layers than this, their names do not fit above a panel
APART = 0.09  # nor where two are nearer than this


def draw(
    associations: "DataFrame",
    *,
    models: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    target: str = "test_error",
) -> "Figure":
    """Draw a column a descriptor and homology dimension, its value above and relative to the null model below.

    Where some are known at two layers or more, those known at one only are left out. Of several classes the mean is
    drawn, else class all, else the first. A layer whose τ is undefined leaves an open marker at the panel's foot.

    Parameters
    ----------
    associations
        One row a target, scope and measure, with the columns target, scope, measure, kind, descriptor, layer,
        relative_depth, class, homology_dimension, version, kendall, kendall_low, kendall_high. Scopes drawn: ``all``
        and ``within``.
    models
        Taken as by every figure, and of no effect: an association belongs to all models together.
    labels
        Names of the layers; default: the layer's own.
    title
        Title above the panels.
    target
        What the measures are associated with.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the table is empty, lacks a column, the target or any descriptor of a layer, or has two values for one point.
    """
    table = frame.of_target(frame.tidy(associations, COLUMNS, "association by depth"), target)
    wanted = (table["kind"] == "descriptor") & table["scope"].isin(SCOPES) & table["relative_depth"].notna()
    panels = _panels(table[wanted])
    versions = [name for name in VERSIONS if any(name in set(rows["version"]) for rows in panels.values())]
    marks = {scope: mark for scope, mark in style.marks(SCOPES).items() if scope in set(table["scope"])}
    blocks, columns = grids.cells(len(panels), PER_ROW)
    with style.look():
        figure = style.new_figure(max(5.2, 0.8 + 3.1 * columns), 0.8 + 2.3 * blocks * len(versions), title)
        grid = figure.subplots(blocks * len(versions), columns, squeeze=False, sharex=True, sharey=True)
        gaps, places = False, _categories(panels.values())
        for number, ((descriptor, degree), rows) in enumerate(panels.items()):
            block, column = divmod(number, columns)
            for k, version in enumerate(versions):
                axes = grid[block * len(versions) + k][column]
                gaps |= _draw_panel(axes, rows[rows["version"] == version], marks, places)
                if column == 0:
                    axes.set_ylabel(VERSIONS[version])
            top, bottom = (grid[block * len(versions) + k][column] for k in (0, len(versions) - 1))
            top.set_title(frame.titles((descriptor, max(0, int(degree))))[0], fontweight="bold")
            if places:
                names = [style.short((labels or {}).get(layer, layer), 16) for layer in places]
                bottom.set_xticks(list(places.values()), names)
                bottom.set_xlim(-0.5, len(places) - 0.5)
            else:
                _name_layers(top, rows, labels or {})
                scales.depth_axis(bottom)
            bottom.tick_params(labelbottom=True)
        for axes in (
            grid.reshape(blocks, len(versions), columns).swapaxes(1, 2).reshape(-1, len(versions))[len(panels) :]
        ):
            for cell in axes:
                cell.set_visible(False)
        name = frame.TARGETS[target][0].removesuffix(", %")
        handles = keys.model_handles(marks, {scope: f"τ with the {name}, {text}" for scope, text in SCOPES.items()})
        keys.legend(figure, handles, keys.key_handles(null=False, interval=True, gaps=gaps)[1:])
    return figure


def _panels(rows: "DataFrame") -> dict[frame.Panel, "DataFrame"]:
    """Return the rows of each descriptor and homology dimension (−1: none), along the depth."""
    rows = rows.assign(homology_dimension=rows["homology_dimension"].fillna(-1))
    rows = rows.sort_values("relative_depth", kind="stable")
    keys = ["descriptor", "homology_dimension"]
    panels = {panel: frame.one_class(own) for panel, own in rows.groupby(keys, sort=False)}
    order = [name for name in frame.TITLES if name in set(rows["descriptor"])]
    order += [name for name in dict.fromkeys(rows["descriptor"]) if name not in order]
    panels = dict(sorted(panels.items(), key=lambda item: (order.index(item[0][0]), item[0][1])))
    if not panels:
        raise InputError("association by depth figure: expected descriptors of layers. Received: none for this target.")
    for (descriptor, _), own in panels.items():
        twice = own[own.duplicated(["scope", "version", "layer"])]
        if len(twice):
            raise InputError(
                f"association by depth figure: expected one {descriptor} per scope, version and layer. "
                f"Received: several for layer {twice['layer'].iloc[0]}."
            )
    deep = {panel: own for panel, own in panels.items() if own["layer"].nunique() > 1}
    return deep or panels


def _categories(panels: Iterable["DataFrame"]) -> dict[str, float]:
    """Return the place of each layer side by side, in the order of depth; nothing if there are more than three."""
    depths = {layer: depth for rows in panels for layer, depth in frame.layers(rows).items()}
    few = len(depths) <= CATEGORIES
    return {layer: float(place) for place, layer in enumerate(sorted(depths, key=depths.get))} if few else {}


def _draw_panel(axes: "Axes", rows: "DataFrame", marks: Mapping[str, style.Mark], places: Mapping[str, float]) -> bool:
    """Draw a curve for each scope, or bars at the places of few layers; tell whether a value is undefined."""
    gaps = False
    axes.axhline(0, color="#444444", linewidth=1, zorder=1)
    for number, (scope, mark) in enumerate(marks.items()):
        own = rows[rows["scope"] == scope]
        value, low, high = (own[column] for column in TAU)
        x = own["layer"].map(places) + 0.16 * (number - (len(marks) - 1) / 2) if places else own["relative_depth"]
        if places:
            axes.vlines(x, low, high, color=mark.colour, linewidth=1.8, zorder=2)
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
