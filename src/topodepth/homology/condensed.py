"""All distances between points, each once: half of the matrix, and made again after an engine used it up."""

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike

TILE = 256  # rows and columns of a matrix that are mirrored at a time, in cache


class Condensed:
    """Distances between n points in the order of SciPy's ``pdist``: those from 0 to 1, 2, …, then from 1 to 2, 3, …

    Parameters
    ----------
    n
        Number of points.
    make
        Returns all distances, (n (n - 1) / 2,) float64, an array that nobody else holds. It is called when they are
        asked for, and again after they were taken.
    """

    def __init__(self, n: int, make: Callable[[], np.ndarray]) -> None:
        self._n, self._make = n, make
        self._values: np.ndarray | None = None
        self._radius: float | None = None

    @classmethod
    def of_matrix(cls, matrix: np.ndarray) -> "Condensed":
        """Return what is above the diagonal of a symmetric matrix, which is left alone."""
        return cls(len(matrix), lambda: np.concatenate([np.empty(0), *(row[i + 1 :] for i, row in enumerate(matrix))]))

    def __len__(self) -> int:
        return self._n

    @property
    def values(self) -> np.ndarray:
        """All distances, (n (n - 1) / 2,)."""
        if self._values is None:
            self._values = self._make()
        return self._values

    def take(self) -> np.ndarray:
        """Return all distances to be written over."""
        values, self._values = self.values, None
        return values

    def after(self, i: int) -> np.ndarray:
        """Return the distances from a point to those after it."""
        start = i * (2 * self._n - i - 1) // 2
        return self.values[start : start + self._n - i - 1]

    def between(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return the distances of pairs of points, of which the first has the smaller number."""
        return self.values[first * (2 * self._n - first - 1) // 2 + second - first - 1]

    def row(self, i: int) -> np.ndarray:
        """Return the distances from a point to all."""
        before = np.arange(i)
        return np.concatenate([self.between(before, np.full(i, i)), [0.0], self.after(i)])

    def every(self, step: int) -> "Condensed":
        """Return the distances between every so-manieth point."""
        kept = range(0, self._n, step)
        return Condensed(len(kept), lambda: np.concatenate([self.after(i)[step - 1 :: step] for i in kept]))

    def enclosing_radius(self) -> float:
        """Return the least distance within which some point has all others: from there on the complex is a cone."""
        if self._radius is None:
            farthest = np.zeros(self._n)
            for i in range(self._n - 1):
                after = self.after(i)
                farthest[i] = max(farthest[i], after.max())
                np.maximum(farthest[i + 1 :], after, out=farthest[i + 1 :])
            self._radius = float(farthest.min())
        return self._radius

    def square(self, dtype: DTypeLike = np.float64, factor: float = 1.0) -> np.ndarray:
        """Return the symmetric matrix of the distances times a factor, (n, n); whole numbers are rounded down."""
        matrix = np.zeros((self._n, self._n), dtype=dtype)
        for start in range(0, self._n, TILE):
            stop = min(start + TILE, self._n)
            for i in range(start, stop):
                np.multiply(self.after(i), factor, out=matrix[i, i + 1 :], casting="unsafe")
            corner = matrix[start:stop, start:stop]
            corner += corner.T.copy()
            for first in range(stop, self._n, TILE):
                columns = slice(first, first + TILE)
                matrix[columns, start:stop] = matrix[start:stop, columns].T
        return matrix
