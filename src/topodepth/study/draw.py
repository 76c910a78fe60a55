"""Figures of measurements and comparisons, the pipeline's own: each returns a matplotlib Figure."""

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.errors import InputError
from topodepth.study.comparison import Comparison
from topodepth.study.measurement import Measurement, check_one

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["depth", "depth_models", "diagrams", "dimension"]


def depth(measured: Measurement | Comparison, **options: Any) -> "Figure":
    """Draw descriptors against depth, a curve for each model, beside the null model; below, the ratio of the two.

    Parameters
    ----------
    measured
        What to draw.
    **options
        As for :func:`topodepth.figures.depth.draw`: models, labels, title, panels.
    """
    return _of_table("depth", measured, options)


def depth_models(measured: Measurement | Comparison, **options: Any) -> "Figure":
    """Draw descriptors against depth, a panel for a model; options: :func:`topodepth.figures.depth_models.draw`."""
    return _of_table("depth_models", measured, options)


def dimension(measured: Measurement | Comparison, **options: Any) -> "Figure":
    """Draw all estimates of dimension against depth; options of :func:`topodepth.figures.dimension.draw`."""
    return _of_table("dimension", measured, options)


def diagrams(measured: Measurement, *, layers: int = 4, **options: Any) -> "Figure":
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
    shown = {known[place] for place in np.linspace(0, len(known) - 1, min(layers, len(known))).round().astype(int)}
    tables = [table[table["layer"].isin(shown)] for table in (measured.bars, measured.betti)]
    return importlib.import_module("topodepth.figures.diagrams").draw(*tables, measured=len(known), **options)


def _of_table(figure: str, measured: Any, options: dict) -> "Figure":
    if not isinstance(measured, Comparison):
        check_one(measured)
    return importlib.import_module(f"topodepth.figures.{figure}").draw(measured.table, **options)
