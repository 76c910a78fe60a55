"""Euclidean distances in float64, and checks of points and distances that come from outside.

Whatever asks for a distance gets the same one: to a relative error of 1e-11, also where points nearly coincide far
from the origin or far from all others, and with equal distances equal (:mod:`topodepth.homology.ties`).
"""

from dataclasses import dataclass

import numpy as np

from topodepth.errors import InputError
from topodepth.homology.condensed import Condensed
from topodepth.homology.devices import Points, is_tensor, library_of, on_host, settled
from topodepth.homology.ties import merge, merged, whole_steps
from topodepth.jobs import memory

# Below this share of the squared norms a squared distance from the Gram matrix has lost too many digits to
# cancellation (its error is some 1e-15 of them) and is computed again from the difference of the two points.
CANCELLATION = 1e-3
BLOCK_BYTES = 1 << 20  # strips of rows that stay in cache
TILE = (256, 512)  # rows and columns of distances at a time: a product of many rows that stays in cache


@dataclass(frozen=True)
class Cloud:
    """Points made ready for their distances.

    Attributes
    ----------
    points
        (n, d) as given, or in whole steps. Differences are taken here: centring would round them.
    centred
        (n, d) about their mean, for products, in which it limits cancellation; relative to itself it is rounded by
        one unit at most.
    factor
        Brings differences of ``points`` to the unit of ``centred``; a power of two, so that it rounds nothing.
    unit
        The length of that unit.
    exact
        Whether both are whole numbers whose products and sums are exact.
    """

    points: np.ndarray
    centred: np.ndarray
    factor: float
    unit: float
    exact: bool

    def __len__(self) -> int:
        return len(self.points)

    def take(self, rows: np.ndarray) -> "Cloud":
        """Return some of the points."""
        return Cloud(self.points[rows], self.centred[rows], self.factor, self.unit, self.exact)


def prepared(points: np.ndarray) -> Cloud:
    """Return checked points ready for their distances, on the host.

    Raises
    ------
    InputError
        If the points are not a finite, non-empty 2-D array, or their differences do not fit into float64.
    """
    points = on_host(checked_points(points))
    in_steps = whole_steps(points)
    if in_steps is not None:
        whole, step = in_steps
        whole -= np.rint(whole.mean(axis=0))
        return Cloud(whole, whole, 1.0, step, exact=True)
    with np.errstate(over="ignore", invalid="ignore"):
        centred = points - points.mean(axis=0)
        largest = float(np.abs(centred).max(initial=0.0))
    unit = unit_of(largest)
    centred /= unit
    return Cloud(points, centred, 1 / unit, unit, exact=False)


def unit_of(largest: float) -> float:
    """Return the power of two in units of which centred coordinates, up to ``largest``, lie within [-1, 1].

    There no square overflows.

    Raises
    ------
    InputError
        If differences of such coordinates do not fit into float64.
    """
    if not np.isfinite(2 * largest):
        raise InputError("points: expected coordinates whose differences fit into float64. Received: an overflow")
    return float(2.0 ** np.clip(np.frexp(largest)[1], -1000, 1000)) if largest else 1.0


def squared_distance_matrix(points: np.ndarray) -> np.ndarray:
    """Return all squared Euclidean distances, (n, n) float64, exactly symmetric with zero diagonal.

    Distances that are equal but for rounding are left so here; :func:`distance_matrix` gives them one value.

    Raises
    ------
    InputError
        If the points are not a finite, non-empty 2-D array.
    """
    cloud = prepared(points)
    squares = squared_matrix(cloud)
    squares *= cloud.unit * cloud.unit
    return squares


def distance_matrix(points: np.ndarray) -> np.ndarray:
    """Return all Euclidean distances, (n, n) float64, exactly symmetric with zero diagonal, equal ones equal.

    Raises
    ------
    InputError
        As :func:`squared_distance_matrix`.
    """
    cloud = prepared(points)
    return Condensed(len(cloud), lambda: condensed(cloud)).square()


def condensed(cloud: Cloud, merging: bool = True) -> np.ndarray:
    """Return the distances of each point to those after it, one point after the other.

    Equal ones are equal, or may differ by rounding where ``merging`` is off.
    """
    n, norms = len(cloud), squared_norms(cloud.centred)
    values = np.empty(n * (n - 1) // 2)
    starts = [i * (2 * n - i - 1) // 2 - i - 1 for i in range(n)]  # where the distance from i to 0 would be
    for start in range(0, n, TILE[0]):
        rows = slice(start, min(start + TILE[0], n))
        for first in range(start, n, TILE[1]):
            stop = min(first + TILE[1], n)
            tile = _squares(cloud, norms, rows, slice(first, stop))
            np.multiply(np.sqrt(tile, out=tile), cloud.unit, out=tile)
            for i, distances in zip(range(start, rows.stop), tile, strict=True):
                after = max(first, i + 1)
                values[starts[i] + after : starts[i] + stop] = distances[after - first :]
    if merging and not cloud.exact:
        merge(values)
    return values


def nearest_distances(points: np.ndarray, k: int) -> np.ndarray:
    """Return the distances of every point to its k nearest others, (n, k) float64, ascending; O(n (k + d)) memory.

    Raises
    ------
    InputError
        If the points are not a finite, non-empty 2-D array.
    """
    return nearest_neighbours(points, k, k)[0]


def nearest_neighbours(points: np.ndarray, k: int, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Return distance and index of every point's nearest others, both (n, reach), by ascending distance.

    Parameters
    ----------
    points
        (n, d).
    k
        Distances to the k nearest, k ≤ reach, are equal where they are equal but for rounding. Those to further ones
        are left as they are, so that the k nearest are the same whatever ``reach``.
    reach
        How many others, below n.

    Raises
    ------
    InputError
        If the points are not a finite, non-empty 2-D array.
    """
    points = settled(checked_points(points))
    if is_tensor(points):
        from topodepth.homology.torch_cloud import nearest_of_points

        return nearest_of_points(points, k, reach)
    cloud = prepared(points)
    n, norms = len(cloud), squared_norms(cloud.centred)
    nearest, indices = np.empty((n, reach)), np.empty((n, reach), dtype=np.int32)
    size = max(1, memory.STRIP_BYTES // (4 * memory.FLOAT * n))
    for start in range(0, n, size):
        stop = min(start + size, n)
        strip = _squares(cloud, norms, slice(start, stop), slice(0, n))
        strip[np.arange(stop - start), np.arange(start, stop)] = np.inf
        near = np.argpartition(strip, reach - 1, axis=1)[:, :reach]
        squares = np.take_along_axis(strip, near, axis=1)
        order = np.argsort(squares, axis=1)
        nearest[start:stop] = np.take_along_axis(squares, order, axis=1)
        indices[start:stop] = np.take_along_axis(near, order, axis=1)
    return lengths_of_rows(cloud, nearest, k), indices


def lengths_of_rows(cloud: Cloud, squares: np.ndarray, k: int) -> np.ndarray:
    """Return the distances of squared ones (n, m); of the first k of each row, equal ones are equal."""
    distances = np.sqrt(squares) * cloud.unit
    distances[:, :k] = lengths(cloud, squares[:, :k])
    return distances


def lengths(cloud: Cloud, squares: np.ndarray) -> np.ndarray:
    """Return the distances, equal ones equal, of squared distances in the unit of the cloud."""
    distances = np.sqrt(squares) * cloud.unit
    return distances if cloud.exact else merged(distances)


def squared_norms(rows: np.ndarray) -> np.ndarray:
    """Return the squared norm of every row."""
    return np.einsum("ij,ij->i", rows, rows)


def squares_between(cloud: Cloud, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the squared distances of pairs of points, from their differences: accurate to the last digits."""
    squares = np.empty(len(first))
    size = max(1, BLOCK_BYTES // (8 * max(1, cloud.points.shape[1])))
    for start in range(0, len(first), size):
        part = slice(start, start + size)
        differences = cloud.points[first[part]]
        differences -= cloud.points[second[part]]
        differences *= cloud.factor
        squares[part] = squared_norms(differences)
    return squares


def squared_matrix(cloud: Cloud) -> np.ndarray:
    """Return the squared distances of a cloud, in its unit, exactly symmetric with zero diagonal.

    The symmetry matters: BLAS may round x·y and y·x differently, and an asymmetry in the last bit makes GUDHI's
    engine return wrong diagrams or run out of memory. So the lower triangle is computed, block by block, and mirrored.
    """
    n = len(cloud)
    norms = squared_norms(cloud.centred)
    matrix = np.empty((n, n))
    size = max(1, BLOCK_BYTES // (8 * n))
    for start in range(0, n, size):
        stop = min(start + size, n)
        strip = _squares(cloud, norms, slice(start, stop), slice(0, stop))
        corner = np.tril(strip[:, start:], -1)
        strip[:, start:] = corner + corner.T
        matrix[start:stop, :stop] = strip
        matrix[:start, start:stop] = strip[:, :start].T
    return matrix


def _squares(cloud: Cloud, norms: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    """Return the squared distances from some points to others, to a relative error of about 1e-12."""
    squares = (-2.0 * cloud.centred[rows]) @ cloud.centred[columns].T
    sums = norms[rows, None] + norms[columns]
    squares += sums
    if cloud.exact:
        return squares
    sums *= CANCELLATION
    near_rows, near_columns = np.nonzero(squares < sums)
    squares[near_rows, near_columns] = squares_between(cloud, near_rows + rows.start, near_columns + columns.start)
    return squares


def checked_points(points: Points) -> Points:
    """Return points as a finite, non-empty 2-D array in float64, a tensor as one where it is, or raise."""
    return _checked_array("points", points)


def _checked_array(name: str, values: Points) -> Points:
    """Return a non-empty, finite 2-D array in float64 or raise."""
    library = library_of(values)
    try:
        array = library.asarray(values, dtype=library.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: expected a 2-D array of numbers. Received: {error}") from error
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(
            f"{name}: expected a 2-D array with at least one row and column. Received: shape {tuple(array.shape)}"
        )
    finite = library.isfinite(array)
    if not finite.all():
        count, size = int((~finite).sum()), array.shape[0] * array.shape[1]
        raise InputError(f"{name}: expected finite numbers. Received: {count} NaN or infinite of {size}")
    return array


def checked_distances(distances: np.ndarray) -> np.ndarray:
    """Return a distance matrix made exactly symmetric with zero diagonal, or raise if it was far from it."""
    matrix = _checked_array("distances", distances)
    if matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"distances: expected a square matrix. Received: shape {matrix.shape}")
    if matrix.min() < 0:
        raise InputError(f"distances: expected no negative number. Received: {matrix.min():g}")
    rounding = 1e-6 * matrix.max()
    asymmetry = float(np.abs(matrix - matrix.T).max())
    if asymmetry > rounding:
        raise InputError(f"distances: expected a symmetric matrix. Received: entries that differ by {asymmetry:g}")
    if matrix.diagonal().max() > rounding:
        raise InputError(f"distances: expected a zero diagonal. Received: {matrix.diagonal().max():g} on it")
    matrix = np.maximum(matrix, matrix.T)
    np.fill_diagonal(matrix, 0.0)
    return matrix
