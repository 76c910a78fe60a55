"""Persistent homology of point clouds: Vietoris–Rips persistence diagrams and the Euclidean minimum spanning tree.

The Vietoris–Rips filtration adds a simplex at the largest distance between its vertices. Its finite H_0 bars are born
at 0 and die at the lengths of the edges of the minimum spanning tree, so H_0 needs no homology engine at all.

Everything here works in float64. Only NumPy is imported until an engine is needed: a worker that wants H_0 starts in
a tenth of a second.
"""

from collections.abc import Callable

import numpy as np

from topodepth.errors import InputError, unknown_name

MAX_DIMENSION = 3
ENGINES = ("auto", "gudhi", "ripser")

# Below this share of the squared norms a squared distance from the Gram matrix has lost too many digits to
# cancellation (its error is some 1e-16 of them) and is computed again from the difference of the two points.
CANCELLATION = 1e-6
MATRIX_BYTES = 1 << 30  # the largest n × n matrix that a spanning tree may hold; beyond it, rows are made when needed
BLOCK_BYTES = 1 << 21  # strips of rows that stay in cache


def persistence_diagrams(
    points: np.ndarray | None = None, *, distances: np.ndarray | None = None, max_dim: int = 1, engine: str = "auto"
) -> list[np.ndarray]:
    """Return the persistence diagrams of the Vietoris–Rips filtration, over the field with two elements.

    Parameters
    ----------
    points
        Points in Euclidean space, shape (n, d). Either this or ``distances``.
    distances
        Symmetric matrix of distances (or any dissimilarity) with zero diagonal, shape (n, n).
    max_dim
        Highest homology dimension, 0 to 3. Time and memory grow about as n to the power ``max_dim + 2``.
    engine
        ``"auto"``: H_0 from the minimum spanning tree, the rest from the fastest engine installed; ``"gudhi"``;
        ``"ripser"``, the reference, which works in float32.

    Returns
    -------
    list of ndarray
        One float64 array (k, 2) of bars (birth, death) for each homology dimension 0..max_dim, in the unit of the
        distances, sorted by birth, then death. The one essential bar of H_0 has death inf. Bars of length zero, such
        as those of repeated points, are left out.

    Raises
    ------
    InputError
        If the input is not 2-D, empty or not finite; if distances are negative, asymmetric or not zero on the
        diagonal; if ``max_dim`` is out of range or the engine unknown.

    References
    ----------
    Edelsbrunner & Harer (2010), Computational Topology. Bauer (2021), Ripser: efficient computation of
    Vietoris–Rips persistence barcodes, J. Appl. Comput. Topology 5.
    """
    if engine not in ENGINES:
        raise unknown_name("homology engine", engine, ENGINES)
    if isinstance(max_dim, bool) or not isinstance(max_dim, int | np.integer) or not 0 <= max_dim <= MAX_DIMENSION:
        raise InputError(f"max_dim: expected a whole number from 0 to {MAX_DIMENSION}. Received: {max_dim!r}")
    if (points is None) == (distances is None):
        raise InputError("expected either points or distances. Received: " + ("neither" if points is None else "both"))
    if distances is None and max_dim == 0 and engine == "auto":
        return [_h0_diagram(minimum_spanning_tree_lengths(points))]
    matrix = distance_matrix(points) if distances is None else _checked_distances(distances)
    if len(matrix) == 1:
        return [_h0_diagram(np.empty(0))] + [np.empty((0, 2)) for _ in range(max_dim)]
    if engine == "auto":
        h0 = _h0_diagram(_prim(matrix.__getitem__, len(matrix)))
        return [h0] + (_fastest_diagrams(matrix, int(max_dim))[1:] if max_dim else [])
    compute = _ripser_diagrams if engine == "ripser" else _gudhi_diagrams
    return _tidy(compute(matrix, int(max_dim)), int(max_dim))


def minimum_spanning_tree_lengths(points: np.ndarray) -> np.ndarray:
    """Return the edge lengths of the Euclidean minimum spanning tree, (n − 1,) float64, ascending.

    Exact up to rounding: also where points nearly coincide far from the origin. Repeated points give edges of
    length 0. Prim's algorithm on the full graph: O(n² d) time. Up to n = 11,585 an n × n matrix is held in memory;
    beyond, rows are computed when needed, so memory stays O(n d).

    Parameters
    ----------
    points
        Shape (n, d), n ≥ 1.

    Raises
    ------
    InputError
        If the points are not a finite, non-empty 2-D array.

    References
    ----------
    Prim (1957), Shortest connection networks and some generalizations, Bell Syst. Tech. J. 36.
    """
    cloud, scale = _normalised(points)
    n = len(cloud)
    if 8 * n * n <= MATRIX_BYTES:
        squares = _squared_matrix(cloud)
        lengths = _prim(squares.__getitem__, n)
    else:
        norms = _norms(cloud)
        lengths = _prim(lambda i: _squared_rows(cloud, norms, slice(i, i + 1))[0], n)
    return np.sqrt(lengths) * scale


def squared_distance_matrix(points: np.ndarray) -> np.ndarray:
    """Return all squared Euclidean distances, (n, n) float64, exactly symmetric with zero diagonal.

    Raises
    ------
    InputError
        If the points are not a finite, non-empty 2-D array.
    """
    cloud, scale = _normalised(points)
    squares = _squared_matrix(cloud)
    squares *= scale * scale
    return squares


def distance_matrix(points: np.ndarray) -> np.ndarray:
    """Return all Euclidean distances, (n, n) float64, exactly symmetric with zero diagonal.

    Raises
    ------
    InputError
        If the points are not a finite, non-empty 2-D array.
    """
    cloud, scale = _normalised(points)
    matrix = _squared_matrix(cloud)
    np.sqrt(matrix, out=matrix)
    matrix *= scale
    return matrix


def subset_tree_lengths(squares: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return the edge lengths of the minimum spanning tree of some of the points, ascending.

    Many subsamples of one cloud share one matrix this way.

    Parameters
    ----------
    squares
        Squared distances of all points, (n, n), from :func:`squared_distance_matrix`.
    members
        Indices of the m points that count, (m,).

    Returns
    -------
    ndarray
        (m − 1,) float64.
    """
    return np.sqrt(_prim(lambda i: squares[members[i]].take(members), len(members)))


def _h0_diagram(lengths: np.ndarray) -> np.ndarray:
    """Return the H_0 diagram whose finite bars die at the edge lengths of the minimum spanning tree."""
    deaths = np.append(lengths[lengths > 0], np.inf)
    return np.column_stack([np.zeros_like(deaths), deaths])


def _prim(row: Callable[[int], np.ndarray], n: int) -> np.ndarray:
    """Return the n − 1 edge weights of a minimum spanning tree, ascending; ``row(i)`` gives the weights at vertex i.

    Only the weights are wanted, so parents are not kept: three passes over a row a step, each a vector instruction.
    """
    weights = np.empty(n - 1)
    nearest = np.full(n, np.inf)  # weight of the lightest edge from the tree to each vertex outside it
    inside = np.zeros(n)  # inf for the vertices in the tree, which keeps them from being chosen again
    newest = 0
    for step in range(n - 1):
        inside[newest] = np.inf
        np.minimum(nearest, row(newest), out=nearest)
        np.maximum(nearest, inside, out=nearest)
        newest = int(nearest.argmin())
        weights[step] = nearest[newest]
    weights.sort()
    return weights


def _normalised(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the points centred and scaled into [−1, 1] in float64, and the scale, a power of two.

    Centring limits cancellation; the scale keeps squares from overflow, and as a power of two it rounds nothing.
    """
    cloud = _checked_array("points", points)
    cloud = cloud - cloud.mean(axis=0)
    largest = float(np.abs(cloud).max(initial=0.0))
    if not np.isfinite(largest):
        raise InputError("points: expected coordinates whose differences fit into float64. Received: an overflow")
    scale = 2.0 ** np.clip(np.frexp(largest)[1], -1000, 1000) if largest else 1.0
    cloud /= scale
    return cloud, float(scale)


def _norms(cloud: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", cloud, cloud)


def _squared_matrix(cloud: np.ndarray) -> np.ndarray:
    """Return the squared distances of a normalised cloud, exactly symmetric with zero diagonal.

    The symmetry matters: BLAS may round x·y and y·x differently, and an asymmetry in the last bit makes GUDHI's
    engine return wrong diagrams or run out of memory. So the lower triangle is computed, block by block, and mirrored.
    """
    n = len(cloud)
    norms = _norms(cloud)
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


def _squared_rows(cloud: np.ndarray, norms: np.ndarray, rows: slice, stop: int | None = None) -> np.ndarray:
    """Return the squared distances from some points to the first ``stop``, to a relative error of about 1e-9."""
    squares = norms[rows, None] + norms[:stop]
    limit = CANCELLATION * squares
    squares -= 2.0 * (cloud[rows] @ cloud[:stop].T)
    near_rows, near_columns = np.nonzero(squares < limit)
    size = max(1, BLOCK_BYTES // (8 * max(1, cloud.shape[1])))
    for start in range(0, len(near_rows), size):
        i, j = near_rows[start : start + size], near_columns[start : start + size]
        squares[i, j] = _norms(cloud[rows][i] - cloud[j])
    return squares


def _fastest_diagrams(matrix: np.ndarray, max_dim: int) -> list[np.ndarray]:
    """Return the diagrams from GUDHI's engine where it is installed, else from ripser.py."""
    try:
        diagrams = _gudhi_diagrams(matrix, max_dim)
    except ImportError:
        diagrams = _ripser_diagrams(matrix, max_dim)
    return _tidy(diagrams, max_dim)


def _gudhi_diagrams(matrix: np.ndarray, max_dim: int) -> list[np.ndarray]:
    """Return the diagrams from GUDHI's fork of Ripser.

    Its public class imports scikit-learn, which takes longer than most diagrams; the compiled module behind it starts
    in a hundredth of the time. Where a release has moved that module, the public class serves.
    """
    try:
        from gudhi._ripser_ext import _full
    except ImportError:
        from gudhi.sklearn.rips_persistence import RipsPersistence

        settings = {"input_type": "full distance matrix", "num_collapses": 0, "homology_coeff_field": 2}
        return RipsPersistence(list(range(max_dim + 1)), **settings).fit_transform([matrix])[0]
    # Beyond the enclosing radius the complex is a cone and nothing happens. Stating it makes H_1 faster (a sparse
    # graph) and H_2 slower than the dense graph, for which the engine finds the radius by itself.
    radius = float(matrix.max(axis=1).min()) if max_dim < 2 else np.inf
    return _full(matrix, max_dimension=max_dim, max_edge_length=radius, homology_coeff_field=2)


def _ripser_diagrams(matrix: np.ndarray, max_dim: int) -> list[np.ndarray]:
    """Return the diagrams from ripser.py, which computes in float32."""
    import warnings

    from ripser import ripser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it takes a matrix of few points for a transposed cloud
        return ripser(matrix, maxdim=max_dim, coeff=2, distance_matrix=True)["dgms"]


def _tidy(diagrams: list[np.ndarray], max_dim: int) -> list[np.ndarray]:
    """Return one float64 diagram per dimension, without empty bars, sorted by birth, then death."""
    tidy = []
    for dimension in range(max_dim + 1):
        bars = np.asarray(diagrams[dimension] if dimension < len(diagrams) else (), dtype=np.float64).reshape(-1, 2)
        bars = bars[bars[:, 1] > bars[:, 0]]
        tidy.append(bars[np.lexsort((bars[:, 1], bars[:, 0]))])
    return tidy


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


def _checked_distances(distances: np.ndarray) -> np.ndarray:
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
