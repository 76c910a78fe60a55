"""The generalisation experiment: Kendall's τ of every descriptor and rival, with intervals, below one another."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.experiments.generalization import words
from topodepth.figures import frame, keys, style
from topodepth.figures.frame import Labels, Models, Panels
from topodepth.files import pages

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

TAU = ("kendall", "kendall_low", "kendall_high")
COLUMNS = ("target", "scope", "measure", "kind", "descriptor", "layer", "class", "homology_dimension", "version",
           *TAU, "p_corrected")  # fmt: skip
KINDS = {"descriptor": ("Descriptors", style.COLOURS[0]), "rival": ("Rivals", style.COLOURS[1])}
ROWS = 40  # more cannot be read on one page
NAME = 68  # characters: the longest of a built-in descriptor at the penultimate layer is written out
SIGNIFICANT = 0.05
YARDSTICK = "train_accuracy"
TURNS = "the sign turns"  # the verdict on a measure whose sign is another once the covariates are given


def draw(
    associations: "DataFrame",
    *,
    models: Models = None,
    labels: Labels = None,
    title: str = "",
    panels: Panels = None,
    target: str = "test_error",
) -> "Figure":
    """Draw a row for each measure, descriptors above rivals: τ over all models, and within blocks.

    The strongest stand first: within blocks, where there are any, as the corrected p and the numbers at the right are.

    The interval of training accuracy is shaded, and fainter its mirror image, because a measure of the other sign may
    be as strong. Of many measures all rivals are kept and the strongest descriptors; the panel says how many are not
    shown. The order by strength flatters the first rows: the corrected p (that of the permutations within blocks, where
    there are blocks) allows for that, an interval does not.

    Parameters
    ----------
    associations
        One row per target, scope and measure, with the columns target, scope, measure, kind (``descriptor`` or
        ``rival``), descriptor, layer, class, homology_dimension, version, kendall, kendall_low, kendall_high,
        p_corrected, and where there are verdicts verdict_class. Scopes drawn: ``all`` and ``within``.
    models, labels, title, panels
        As for every figure (:mod:`topodepth.figures`): labels are of rows, by measure; panels are the descriptors that
        have rows, by default all.
    target
        What the measures are associated with.
    """
    table = frame.of_target(frame.tidy(associations, COLUMNS, "forest"), target)
    pooled = table[table["scope"] == "all"].drop_duplicates("measure")
    within = table[table["scope"] == "within"].drop_duplicates("measure").set_index("measure")
    tested = within if len(within) else pooled.set_index("measure")
    strength = pooled["measure"].map(tested["kendall"]).abs()
    pooled = pooled.loc[(-strength).sort_values(kind="stable", na_position="last").index]
    labels = {row["measure"]: _called(row) for row in pooled.to_dict("records")} | dict(labels or {})
    significant = set(tested.index[tested["p_corrected"] < SIGNIFICANT])
    kinds = _shown(pooled, panels)
    turned = _turned(associations, target)
    with style.look():
        figure = style.new_figure(10.4, 1.5 + 0.27 * sum(map(len, kinds.values())), title)
        heights = [len(rows) + 0.4 for rows in kinds.values()]
        grid = figure.subplots(len(kinds), 1, squeeze=False, sharex=True, height_ratios=heights)[:, 0]
        for axes, (kind, rows) in zip(grid, kinds.items(), strict=True):
            _shade(axes, tested)
            _draw_rows(axes, rows, within, KINDS[kind][1])
            _name_rows(axes, list(rows["measure"]), significant, turned, labels)
            known, chosen = int((pooled["kind"] == kind).sum()), panels is not None and kind == "descriptor"
            axes.set_title(_heading(KINDS[kind][0], len(rows), known, chosen), fontweight="bold")
        name = frame.TARGETS[target][0].removesuffix(", %")
        numbers = "; numbers at the right: within blocks" if len(within) else ""
        grid[-1].set_xlabel(f"Kendall τ with the {name}{numbers}")
        turns = any(rows["measure"].isin(turned).any() for rows in kinds.values())
        keys.legend(figure, _key(_yardstick(tested), within=len(within) > 0, stars=bool(significant), turns=turns))
    return figure


def _called(row: Mapping) -> str:
    return words.measure(row).replace("relative to the null model", "relative to null")


def _shown(rows: "DataFrame", panels: Panels) -> dict[str, "DataFrame"]:
    """Return the rows to draw by kind: the rivals, at most half, and the strongest of the descriptors chosen."""
    rivals, found = (rows[rows["kind"] == kind] for kind in ("rival", "descriptor"))
    if panels:
        chosen = frame.present(found, panels, (), "forest", classes=None)
        kept = {number for panel in chosen for number in frame.rows_of(found, panel).index}
        found = found[found.index.isin(kept)]
    rivals = rivals.head(ROWS // 2)
    kinds = {"descriptor": found.head(ROWS - len(rivals)), "rival": rivals}
    return {kind: own for kind, own in kinds.items() if len(own)}


def _heading(name: str, drawn: int, known: int, chosen: bool) -> str:
    which = f"{drawn} chosen" if chosen else f"the {drawn} strongest"
    return name if drawn == known else f"{name}: {which}, {known - drawn} left out (see table)"


def _yardstick(rows: "DataFrame") -> tuple[float, float]:
    """Return the bounds of training accuracy's τ from rows by measure; NaN where there are none."""
    return tuple(rows.loc[YARDSTICK, ["kendall_low", "kendall_high"]]) if YARDSTICK in rows.index else (np.nan, np.nan)


def _shade(axes: "Axes", rows: "DataFrame") -> None:
    low, high = _yardstick(rows)
    if np.isfinite(low) and np.isfinite(high):
        axes.axvspan(low, high, color=style.COLOURS[1], alpha=0.16, linewidth=0, zorder=0.5, gid="yardstick")
        axes.axvspan(-high, -low, color=style.COLOURS[1], alpha=0.07, linewidth=0, zorder=0.5, gid="mirror")


def _draw_rows(axes: "Axes", rows: "DataFrame", within: "DataFrame", colour: str) -> None:
    """Draw the measures of one kind from the top down, the numbers at the right."""
    axes.axvline(0, color="#444444", linewidth=1, zorder=1)
    raised = 0.16 if rows["measure"].isin(within.index).any() else 0
    for place, row in enumerate(rows.itertuples(index=False)):
        tau = row.kendall, row.kendall_low, row.kendall_high
        _draw_estimate(axes, place - raised, tau, colour, filled=True)
        if row.measure in within.index:
            _draw_estimate(axes, place + 0.2, tuple(within.loc[row.measure, list(TAU)]), colour, filled=False)
        if len(within):
            tau = tuple(within.loc[row.measure, list(TAU)]) if row.measure in within.index else (np.nan,) * 3
        axes.text(1.015, place, pages.estimate(*tau), transform=axes.get_yaxis_transform(), va="center", fontsize=8.5,
                  color="#222222")  # fmt: skip
    axes.set(xlim=(-1.03, 1.03), ylim=(len(rows) - 0.4, -0.6))
    axes.set_xticks(np.linspace(-1, 1, 9), [f"{tick:g}".replace("-", "−") for tick in np.linspace(-1, 1, 9)])


def _turned(associations: "DataFrame", target: str) -> set[str]:
    """Return the measures whose verdict is that the sign turns, where the table has verdicts."""
    if "verdict_class" not in associations:
        return set()
    turns = (associations["verdict_class"] == TURNS) & (associations["target"] == target)
    return set(associations.loc[turns, "measure"])


def _name_rows(
    axes: "Axes", measures: Sequence[str], significant: set[str], turned: set[str], labels: Mapping[str, str]
) -> None:
    """Write the measures at the left, the significant ones bold and with a star, an arrow where the sign turns."""
    marked = [
        style.short(labels.get(name, name), NAME) + " *" * (name in significant) + " ↔" * (name in turned)
        for name in measures
    ]
    axes.set_yticks(range(len(marked)), marked, color="#222222")
    for text, measure in zip(axes.get_yticklabels(), measures, strict=True):
        text.set_fontweight("bold" if measure in significant else "normal")
    axes.tick_params(axis="y", length=0)


def _draw_estimate(axes: "Axes", place: float, tau: tuple[float, float, float], colour: str, *, filled: bool) -> None:
    """Draw one τ with its interval: filled for all models, open and thin for within blocks."""
    value, low, high = tau
    if np.isfinite(low) and np.isfinite(high):
        axes.hlines(place, low, high, color=colour, linewidth=1.8 if filled else 1.0, zorder=2)
    if np.isfinite(value):
        face: dict[str, Any] = {"markerfacecolor": colour if filled else "white", "markersize": 5.5 if filled else 4.5}
        axes.plot(value, place, marker="o", linestyle="none", markeredgecolor=colour, markeredgewidth=1.1, zorder=3,
                  gid="all" if filled else "within", **face)  # fmt: skip


def _key(yardstick: tuple[float, float], *, within: bool, stars: bool, turns: bool) -> list["Artist"]:
    """Return the entries that explain markers, shading and stars, of those that are drawn."""
    from matplotlib.patches import Patch

    handles = [keys.line_handle("all models, with 95 % interval", color="#444444", marker="o")]
    if within:
        handles.append(
            keys.line_handle("within blocks", color="#444444", marker="o", markersize=4.5, markerfacecolor="white",
                              markeredgewidth=1.1, markeredgecolor="#444444", linewidth=1.0)
        )  # fmt: skip
    if np.isfinite(yardstick).all():
        text = "interval of training accuracy (faint: its mirror image)"
        handles.append(Patch(color=style.COLOURS[1], alpha=0.2, linewidth=0, label=text))
    if stars:
        text = f"bold: corrected p < {SIGNIFICANT:g}{', within blocks' if within else ''}"
        handles.append(keys.line_handle(text, linestyle="none", marker="$*$", color="#222222", markersize=7))
    if turns:
        text = "the sign turns once the covariates are given"
        handles.append(keys.line_handle(text, linestyle="none", marker="$↔$", color="#222222", markersize=9))
    return handles
