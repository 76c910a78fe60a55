"""Where panels stand: below each other in stacks, and stacks side by side in blocks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from topodepth.figures import scales, style
from topodepth.figures.frame import Panel, titles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Stack(NamedTuple):
    """Panels below each other, from the top down.

    Attributes
    ----------
    axes
        The panels.
    leftmost
        Whether no stack is left of it.
    lowest
        Whether no stack is below it.
    """

    axes: tuple["Axes", ...]
    leftmost: bool
    lowest: bool


def name_columns(stacks: Sequence[Stack], names: Sequence[str], longest: int = 20) -> None:
    """Write a name above each stack, shortened to ``longest`` letters."""
    for stack, name in zip(stacks, names, strict=True):
        stack.axes[0].set_title(style.short(name, longest), fontweight="bold")


@dataclass(frozen=True)
class Blocks:
    """A number of stacks, of ``rows`` panels each; more than ``per_row`` start a new block below the first."""

    count: int
    per_row: int
    rows: int = 1

    @property
    def blocks(self) -> int:
        """Blocks below each other."""
        return -(-self.count // self.per_row)

    @property
    def columns(self) -> int:
        """Stacks side by side, as many in the last block as can be."""
        return -(-self.count // self.blocks)

    @property
    def height(self) -> int:
        """Panels below each other, of all blocks together."""
        return self.blocks * self.rows

    def fill(self, figure: "Figure", *, ratios: Sequence[float] | None = None, **shared: Any) -> list[Stack]:
        """Return the stacks of an empty figure; places without one are hidden.

        Parameters
        ----------
        figure
            Where they stand.
        ratios
            Heights of the panels of a stack; default: the same.
        shared
            Which axes are shared, as for :meth:`matplotlib.figure.Figure.subplots`.
        """
        heights = [*ratios] * self.blocks if ratios else None
        grid = figure.subplots(self.height, self.columns, squeeze=False, height_ratios=heights, **shared)
        stacks = grid.reshape(self.blocks, self.rows, self.columns).swapaxes(1, 2).reshape(-1, self.rows)
        for axes in stacks[self.count :].flat:
            axes.set_visible(False)
        return [
            Stack(tuple(axes), number % self.columns == 0, number + self.columns >= self.count)
            for number, axes in enumerate(stacks[: self.count])
        ]


def small_multiples(
    stacks: Sequence[Stack], names: Sequence[str], panels: Sequence[Panel], draw: Callable[["Axes", str, Panel], bool]
) -> bool:
    """Draw one stack per model, one row per panel, each row on one y axis from 0 on; tell if a value is undefined.

    Parameters
    ----------
    stacks
        One for each model, with a place for each panel.
    names, panels
        Models and panels, in order.
    draw
        Draws a panel of a model into its axes, and tells whether a value is undefined.
    """
    gaps = False
    for row, panel in enumerate(panels):
        places = [stack.axes[row] for stack in stacks]
        for axes in places[1:]:
            axes.sharey(places[0])
        for axes, stack, name in zip(places, stacks, names, strict=True):
            gaps |= draw(axes, name, panel)
            small_depth_axis(axes, stack, last=row == len(panels) - 1)
            if stack.leftmost:
                axes.set_ylabel(titles(panel)[1])
        for axes in places:  # once all curves are there: setting a limit ends what adapts it to them
            scales.from_zero(axes)
    return gaps


def small_depth_axis(axes: "Axes", stack: Stack, last: bool) -> None:
    """Set the x axis of a small panel to relative depth, and keep the labels of the outer panels only."""
    lowest = last and stack.lowest
    scales.depth_axis(axes, label=lowest)
    axes.set_xticks([0, 0.5, 1.0], ["0", "0.5", "1"])
    axes.tick_params(labelleft=stack.leftmost, labelbottom=lowest)
