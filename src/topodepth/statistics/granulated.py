"""Granulated Kendall coefficients: does a measure follow each hyper-parameter when all others are held fixed?"""

from collections.abc import Hashable, Iterable, Mapping
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from topodepth.errors import InputError
from topodepth.statistics.pairs import codes, complete, signs, tau_b

REPLICATE = "seed"  # an axis of chance: held fixed, but nothing to be followed


class Granulated(NamedTuple):
    """ψ of every axis, their mean Ψ, and how many cells of the grid were used and skipped."""

    psi: dict[str, float]
    mean: float
    cells: dict[str, int]
    skipped: dict[str, int]


def granulated_kendall(x: ArrayLike, y: ArrayLike, axes: Mapping[str, Iterable[Hashable]]) -> Granulated:
    """Return Kendall's coefficient along each axis of a grid of models, averaged over the grid's cells.

    A cell of an axis is a combination of values of all other axes. ψ of the axis is the mean over cells of τ-b among
    the cell's models, counting pairs that differ on the axis; Ψ is the mean of ψ over axes. A measure that only
    follows one hyper-parameter (say, depth) may have a high pooled τ, but has a Ψ near 0.

    An axis named ``seed`` is held fixed like the others but has no ψ of its own: nothing can be followed along it.
    Models that agree on all axes (replicates without such an axis) share their cells and are not compared with each
    other.

    Parameters
    ----------
    x, y
        Measure and target, shape (n,). Models with NaN are left out.
    axes
        Value of each model on each axis of the grid, name to shape (n,). A model without a value (None, NaN) on an
        axis is not on the grid and left out.

    Returns
    -------
    Granulated
        ψ and Ψ between -1 and 1; ψ is NaN where no cell of the axis has a τ, and Ψ leaves such axes out. A cell is
        skipped if fewer than two values of the axis are present or if all its pairs tie in x or in y. Used and
        skipped cells add up to those of the complete grid: the product of the other axes' numbers of values.

    Raises
    ------
    InputError
        If shapes differ, a value is infinite, or no axis is given.

    References
    ----------
    Jiang et al. (2020), Fantastic generalization measures and where to find them, ICLR. Theirs is τ-a, which is 0 where
    all pairs tie; the two agree where nothing ties.
    """
    x, y, grid, levels = on_grid(x, y, axes)
    psi, cells, skipped = {}, {}, {}
    for axis in grid:
        if axis == REPLICATE:
            continue
        others = [name for name in grid if name != axis]
        taus = [
            _tau_along(x[cell], y[cell], grid[axis][cell]) for cell in _groups([grid[name] for name in others], x.size)
        ]
        taus = [tau for tau in taus if not np.isnan(tau)]
        psi[axis] = _mean(taus)
        cells[axis] = len(taus)
        skipped[axis] = prod(levels[name] for name in others) - len(taus)
    return Granulated(psi, _mean([value for value in psi.values() if not np.isnan(value)]), cells, skipped)


def on_grid(
    x: ArrayLike, y: ArrayLike, axes: Mapping[str, Iterable[Hashable]]
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], dict[str, int]]:
    """Return x, y and the axes' values as integers for the models on the grid, and each axis' number of values.

    Left out are models without a value on an axis or with NaN; the latter's place on the grid still counts.
    """
    if not axes:
        raise InputError("axes: expected at least one. Received: none.")
    (x_kept, y_kept), kept = complete([x, y], ("x", "y"))
    placed = {name: codes(labels, kept.size, f"axes/{name}") for name, labels in axes.items()}
    inside = np.all([values >= 0 for values in placed.values()], axis=0)
    used = inside & kept
    levels = {name: len(np.unique(values[inside])) for name, values in placed.items()}
    return x_kept[inside[kept]], y_kept[inside[kept]], {name: values[used] for name, values in placed.items()}, levels


def _groups(labels: list[np.ndarray], n: int) -> list[np.ndarray]:
    """Return the indices of models that agree on all labels."""
    keys = np.stack([np.zeros(n, dtype=int), *labels], axis=1)
    _, inverse = np.unique(keys, axis=0, return_inverse=True)
    return [np.flatnonzero(inverse == group) for group in range(inverse.max(initial=-1) + 1)]


def _tau_along(x: np.ndarray, y: np.ndarray, axis: np.ndarray) -> float:
    """Return τ-b over the pairs that differ on the axis; NaN if there is none, or all tie."""
    differ = axis[:, None] != axis[None, :]
    return tau_b(signs(x)[differ], signs(y)[differ])


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
