"""Figures of measurements and comparisons, the pipeline's own: each returns a matplotlib Figure."""

import importlib
from typing import TYPE_CHECKING, Any, Protocol

from topodepth.errors import InputError
from topodepth.topology.clouds import evenly

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

__all__ = ["depth", "depth_models", "diagrams", "dimension", "dimension_scale", "dynamics"]


class Tabled(Protocol):
    """A measurement, a comparison of several, or a monitor of a training."""

    @property
    def table(self) -> "DataFrame":
        """Its tidy table."""


class Measured(Tabled, Protocol):
    """A measurement."""

    @property
    def layers(self) -> list[str]:
        """Names of the layers, in order of depth."""

    @property
    def bars(self) -> "DataFrame":
        """Its bars."""

    @property
    def betti(self) -> "DataFrame":
        """Its Betti curves."""


def depth(measured: Tabled, **options: Any) -> "Figure":
    """Draw descriptors against depth, a curve for each model, beside the null model; below, the ratio of the two.

    Parameters
    ----------
    measured
        What to draw.
    **options
        As for :func:`topodepth.figures.depth.draw`: models, labels, title, panels.
    """
    return _of_table("depth", measured, options)


def depth_models(measured: Tabled, **options: Any) -> "Figure":
    """Draw descriptors against depth, a panel for a model; options: :func:`topodepth.figures.depth_models.draw`."""
    return _of_table("depth_models", measured, options)


def dimension(measured: Tabled, **options: Any) -> "Figure":
    """Draw all estimates of dimension against depth; options of :func:`topodepth.figures.dimension.draw`."""
    return _of_table("dimension", measured, options)


def dimension_scale(measured: Tabled, **options: Any) -> "Figure":
    """Draw the dimension of every layer by scale, from estimators ``gride_1``, ``gride_2``, …; options of
    :func:`topodepth.figures.dimension_scale.draw`.
    """
    return _of_table("dimension_scale", measured, options)


def diagrams(measured: Measured, *, layers: int = 4, **options: Any) -> "Figure":
    """Draw persistence diagrams and Betti curves of so many layers, spread over the depth.

    Parameters
    ----------
    measured
        Of one model.
    layers
        How many, at least 1.
    **options
        As for :func:`topodepth.figures.diagrams.draw`: labels, title.
    """
    check_one(measured)
    if layers < 1:
        raise InputError(f"layers: expected at least 1. Received: {layers}.")
    known = measured.layers
    shown = {known[place] for place in evenly(len(known), layers)}
    tables = [table[table["layer"].isin(shown)] for table in (measured.bars, measured.betti)]
    return importlib.import_module("topodepth.figures.diagrams").draw(*tables, measured=len(known), **options)


def dynamics(monitor: Tabled, **options: Any) -> "Figure":
    """Draw descriptors against depth, a curve for each epoch, in the colour of its accuracy, or else of its number.

    Parameters
    ----------
    monitor
        A :class:`topodepth.Monitor` that has measured.
    **options
        As for :func:`topodepth.figures.dynamics.draw`: models, labels, title, panels, colour. By default the colour is
        the test accuracy where it is known of all epochs, else that on the measured images, else the epoch.
    """
    if not hasattr(monitor, "failed"):
        raise InputError(f"expected a topodepth.Monitor. Received: {type(monitor).__name__}.")
    module, table = importlib.import_module("topodepth.figures.dynamics"), monitor.table
    colour = next(column for column in module.COLOURS if table[column].notna().all())
    return module.draw(table, **{"colour": colour, **options})


def check_one(measurement: object) -> None:
    """Refuse what is no measurement."""
    if not hasattr(measurement, "betti"):
        raise InputError(f"expected a measurement, of topodepth.measure. Received: {type(measurement).__name__}.")


def _of_table(figure: str, measured: Tabled, options: dict) -> "Figure":
    if not hasattr(measured, "differences"):  # of a comparison
        check_one(measured)
    return importlib.import_module(f"topodepth.figures.{figure}").draw(measured.table, **options)
