"""Euclidean distances in float64, and checks of points and distances that come from outside."""

import numpy as np

from topodepth import memory
from topodepth.errors import InputError

# Below this share of the squared norms a squared distance from the Gram matrix has lost too many digits to
# cancellation (its error is some 1e-16 of them) and is computed again from the difference of the two points.
CANCELLATION = 1e-6
BLOCK_BYTES = 1 << 20  # strips of rows that stay in cache


def squared_distance_matrix(points: np.ndarray) -> np.ndarray:
    """Return all squared Euclidean distances, (n, n) float64, exactly symmetric with zero diagonal.

    Raises
    ------
    InputError
        If the points are not a finite, non-empty 2-D array.
    """
    cloud, scale = normalised(points)
    squares = squared_matrix(cloud)
    squares *= scale * scale
    return squares


def distance_matrix(points: np.ndarray) -> np.ndarray:
    """Return all Euclidean distances, (n, n) float64, exactly symmetric with zero diagonal.

    Raises
    ------
    InputError
        If the points are not a finite, non-empty 2-D array.
    """
    cloud, scale = normalised(points)
    matrix = squared_matrix(cloud)
    np.sqrt(matrix, out=matrix)
    matrix *= scale
    return matrix


def nearest_distances(points: np.ndarray, k: int) -> np.ndarray:
    """Return the distances of every point to its k nearest others, (n, k) float64, ascending; O(n (k + d)) memory.

    Raises
    ------
    InputError
        If the points are not a finite, non-empty 2-D array.
    """
    cloud, scale = normalised(points)
    n, norms = len(cloud), squared_norms(cloud)
    nearest = np.empty((n, k))
    size = max(1, memory.STRIP_BYTES // (4 * memory.FLOAT * n))
    for start in range(0, n, size):
        stop = min(start + size, n)
        strip = _squared_rows(cloud, norms, slice(start, stop), n)
        strip[np.arange(stop - start), np.arange(start, stop)] = np.inf
        strip.partition(k - 1, axis=1)
        nearest[start:stop] = np.sort(strip[:, :k], axis=1)
    return np.sqrt(nearest) * scale


def normalised(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the points centred and scaled into [−1, 1] in float64, and the scale, a power of two.

    Centring limits cancellation; the scale keeps squares from overflow, and as a power of two it rounds nothing.
    """
    cloud = checked_points(points)
    cloud = cloud - cloud.mean(axis=0)
    largest = float(np.abs(cloud).max(initial=0.0))
    if not np.isfinite(largest):
        raise InputError("points: expected coordinates whose differences fit into float64. Received: an overflow")
    scale = 2.0 ** np.clip(np.frexp(largest)[1], -1000, 1000) if largest else 1.0
    cloud /= scale
    return cloud, float(scale)


def squared_norms(cloud: np.ndarray) -> np.ndarray:
    """Return the squared norm of every row."""
    return np.einsum("ij,ij->i", cloud, cloud)


def lengths_between(cloud: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the squared distances of pairs of points, from their differences: accurate to the last digits."""
    squares = np.empty(len(first))
    size = max(1, BLOCK_BYTES // (8 * max(1, cloud.shape[1])))
    for start in range(0, len(first), size):
        part = slice(start, start + size)
        squares[part] = squared_norms(cloud[first[part]] - cloud[second[part]])
    return squares


def squared_matrix(cloud: np.ndarray) -> np.ndarray:
    """Return the squared distances of a normalised cloud, exactly symmetric with zero diagonal.

    The symmetry matters: BLAS may round x·y and y·x differently, and an asymmetry in the last bit makes GUDHI's
    engine return wrong diagrams or run out of memory. So the lower triangle is computed, block by block, and mirrored.
    """
    n = len(cloud)
    norms = squared_norms(cloud)
    squares = np.empty((n, n))
    size = max(1, BLOCK_BYTES // (8 * n))
    for start in range(0, n, size):
        stop = min(start + size, n)
        strip = _squared_rows(cloud, norms, slice(start, stop), stop)
        corner = np.tril(strip[:, start:], -1)
        strip[:, start:] = corner + corner.T
        squares[start:stop, :stop] = strip
        squares[:start, start:stop] = strip[:, :start].T
    return squares


def _squared_rows(cloud: np.ndarray, norms: np.ndarray, rows: slice, stop: int) -> np.ndarray:
    """Return the squared distances from some points to the first ``stop``, to a relative error of about 1e-9."""
    squares = (-2.0 * cloud[rows]) @ cloud[:stop].T
    sums = norms[rows, None] + norms[:stop]
    squares += sums
    sums *= CANCELLATION
    near_rows, near_columns = np.nonzero(squares < sums)
    squares[near_rows, near_columns] = lengths_between(cloud, near_rows + rows.start, near_columns)
    return squares


def checked_points(points: np.ndarray) -> np.ndarray:
    """Return points as a finite, non-empty 2-D array in float64, or raise."""
    return _checked_array("points", points)


def _checked_array(name: str, values: np.ndarray) -> np.ndarray:
    """Return a non-empty, finite 2-D array in float64 or raise."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: expected a 2-D array of numbers. Received: {error}") from error
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(
            f"{name}: expected a 2-D array with at least one row and column. Received: shape {array.shape}"
        )
    if not np.isfinite(array).all():
        count = int(np.count_nonzero(~np.isfinite(array)))
        raise InputError(f"{name}: expected finite numbers. Received: {count} NaN or infinite of {array.size}")
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
