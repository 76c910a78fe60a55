"""One side of a comparison: the points of a layer, and what measures ask of them, each computed once."""

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from topodepth.errors import InputError
from topodepth.homology import distance_matrix, persistence_diagrams

LEAST = 4  # points: the unbiased estimator divides by n − 3
QUANTILE = 0.9  # of all distances, the unit in which trees and diagrams of two layers are compared
# How something that was computed of points changes when these are taken in another order: an array (n, n) in both axes,
# an array (n, k) in its first, anything else not at all.
PAIRS, IMAGES, WHOLE = "pairs", "images", "whole"


class Side:
    """The points of a layer, one an image.

    Parameters
    ----------
    points
        (n, d), n ≥ 4.

    Raises
    ------
    InputError
        If the points are not a finite 2-D array of at least 4 rows.
    """

    def __init__(self, points: np.ndarray) -> None:
        self.points = np.asarray(points, dtype=np.float64)
        if self.points.ndim != 2 or len(self.points) < LEAST or not self.points.shape[1]:
            raise InputError(f"points: expected shape (n, d), n at least {LEAST}. Received: {self.points.shape}.")
        if not np.isfinite(self.points).all():
            count = int(np.count_nonzero(~np.isfinite(self.points)))
            raise InputError(f"points: expected finite numbers. Received: {count} NaN or infinite.")
        self._known: dict[Hashable, Any] = {}
        self._origin: tuple[Side, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.points)

    @property
    def constant(self) -> bool:
        """Whether all points are equal: nothing is like or unlike such a cloud."""
        return self.once("constant", lambda side: bool((side.points == side.points[0]).all()), WHOLE)

    @property
    def distances(self) -> np.ndarray:
        """Euclidean distances (n, n)."""
        return self.once("distances", lambda side: distance_matrix(side.points), PAIRS)

    @property
    def unit(self) -> float:
        """The 0.9 quantile of the matrix of distances, its diagonal included; 0 if most points are equal."""
        return self.once("unit", lambda side: float(np.quantile(side.distances, QUANTILE)), WHOLE)

    @property
    def scaled(self) -> np.ndarray:
        """Distances (n, n) in this unit, which makes those of two layers comparable; NaN where it is 0."""
        return self.once("scaled", lambda side: side.distances / (side.unit or np.nan), PAIRS)

    def diagram(self, degree: int) -> np.ndarray:
        """Return the finite bars (k, 2) of H_0 or H_1 of the scaled distances."""

        def computed(side: Side) -> np.ndarray:
            bars = persistence_diagrams(distances=side.scaled, max_dim=degree)[degree]
            return bars[np.isfinite(bars[:, 1])]

        return self.once(("diagram", degree), computed, WHOLE)

    def once(self, key: Hashable, function: "Callable[[Side], Any]", moves: str) -> Any:
        """Return what a function gives of this side; it is called once, and not at all for another order of points.

        Parameters
        ----------
        key
            What it is called among all that is asked of a side.
        function
            From a side to an array, or to anything else.
        moves
            How that changes with the order of points: PAIRS, IMAGES or WHOLE.
        """
        if key not in self._known:
            if self._origin is None:
                self._known[key] = function(self)
            else:
                origin, order = self._origin
                self._known[key] = _moved(origin.once(key, function, moves), order, moves)
        return self._known[key]

    def take(self, rows: np.ndarray) -> "Side":
        """Return some of the points, each at most once: copies would be their own neighbours."""
        part = Side(self.points[rows])
        part._known["distances"] = self.distances[np.ix_(rows, rows)]
        return part

    def permuted(self, order: np.ndarray) -> "Side":
        """Return all points in another order; what is known of them is moved, not computed again."""
        other = Side(self.points[order])
        other._origin = (self, order)
        return other


def _moved(value: Any, order: np.ndarray, moves: str) -> Any:
    if moves == PAIRS:
        return value[np.ix_(order, order)]
    return value[order] if moves == IMAGES else value
