"""The engines for H_1 and above, and the threshold that lets H_1 leave out most of the edges."""

from collections.abc import Callable, Iterator

import numpy as np

from topodepth import memory

WITNESSES = 8  # near points that are tried on all the edges of a point at once
FEW_POINTS = 100  # up to here a threshold gains nothing
MARGIN = 1.25  # a threshold takes this many times the edges that are known to be needed
GROWTH = 1.5  # and the second at least this many times those of the first
SUBSAMPLE = 4  # where the first fails, every fourth point tells how late bars may die
SAMPLE = 1 << 17  # distances that tell the share of edges below a threshold
STRIP_BYTES = 1 << 21  # strips of rows that stay in cache

Compute = Callable[[np.ndarray, int, float], list[np.ndarray]]


def fastest_diagrams(matrix: np.ndarray, max_dim: int) -> list[np.ndarray]:
    """Return the diagrams of H_1 to H_``max_dim`` from GUDHI's engine where it is installed, else from ripser.py.

    Parameters
    ----------
    matrix
        Distances, (n, n), exactly symmetric.
    max_dim
        Highest homology dimension, from 1.
    """
    try:
        return _diagrams(matrix, max_dim, gudhi_diagrams)
    except ImportError:
        return _diagrams(matrix, max_dim, ripser_diagrams)


def _diagrams(matrix: np.ndarray, max_dim: int, compute: Compute) -> list[np.ndarray]:
    if max_dim == 1:
        return [h1_diagram(matrix, compute)]
    return tidy(compute(matrix, max_dim, np.inf)[1:], max_dim)  # the engines find the enclosing radius by themselves


def h1_diagram(matrix: np.ndarray, compute: Compute) -> np.ndarray:
    """Return the H_1 diagram, from edges up to a threshold beyond which no loop is born or dies.

    An edge uv that enters the filtration after a path u–w–v of two shorter edges brings its triangle with w along: it
    may end loops, but is never the birth of one. So loops are born by edges without such a witness w only, the edges
    of the relative neighbourhood graph, and nothing is born after the longest of these. If, moreover, every loop has
    died by some threshold that is not shorter, H_1 is zero there, stays zero, and the diagram is complete. Both are
    checked here, so the result is exact; how the threshold is guessed matters for speed only. Beyond the enclosing
    radius, the last resort, the complex is a cone. Time and memory grow with the third and first power of the number
    of edges to a point: with an eighth to a half of them, as is usual, a half to a tenth of the time.

    Parameters
    ----------
    matrix
        Distances, (n, n), exactly symmetric.
    compute
        An engine of this module.

    Raises
    ------
    InputError
        If the edges would not fit into memory.

    References
    ----------
    Toussaint (1980), The relative neighbourhood graph of a finite planar set, Pattern Recognition 12. Koyama, Mémoli,
    Robins & Turner (2023), Faster computation of degree-1 persistent homology using the reduced Vietoris–Rips
    filtration, arXiv:2307.16333.
    """
    radius = float(matrix.max(axis=1).min())
    for threshold in _thresholds(matrix, radius, compute):
        share = float(np.mean(_some_distances(matrix) <= threshold))
        memory.require(memory.engine_bytes(len(matrix), 1, share), f"H_1 of {len(matrix)} points")
        (diagram,) = tidy(compute(matrix, 1, threshold)[1:], 1)
        if threshold >= radius or np.isfinite(diagram).all():
            break
    return diagram


def gudhi_diagrams(matrix: np.ndarray, max_dim: int, threshold: float = np.inf) -> list[np.ndarray]:
    """Return the diagrams from GUDHI's fork of Ripser, of edges up to a threshold.

    Its public class imports scikit-learn, which takes longer than most diagrams; the compiled module behind it starts
    in a hundredth of the time. Where a release has moved that module, the public class serves.
    """
    try:
        from gudhi._ripser_ext import _full
    except ImportError:
        from gudhi.sklearn.rips_persistence import RipsPersistence

        settings = {"input_type": "full distance matrix", "num_collapses": 0, "homology_coeff_field": 2}
        return RipsPersistence(list(range(max_dim + 1)), threshold, **settings).fit_transform([matrix])[0]
    return _full(matrix, max_dimension=max_dim, max_edge_length=threshold, homology_coeff_field=2)


def ripser_diagrams(matrix: np.ndarray, max_dim: int, threshold: float = np.inf) -> list[np.ndarray]:
    """Return the diagrams from ripser.py, which computes in float32, of edges up to a threshold."""
    import warnings

    from ripser import ripser

    thresh = threshold * (1 + 1e-6)  # an edge as long as the threshold stays when both are rounded to float32
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it takes a matrix of few points for a transposed cloud
        return ripser(matrix, maxdim=max_dim, thresh=thresh, coeff=2, distance_matrix=True)["dgms"]


def tidy(diagrams: list[np.ndarray], count: int) -> list[np.ndarray]:
    """Return ``count`` float64 diagrams, without empty bars, sorted by birth, then death."""
    tidied = []
    for place in range(count):
        bars = np.asarray(diagrams[place] if place < len(diagrams) else (), dtype=np.float64).reshape(-1, 2)
        bars = bars[bars[:, 1] > bars[:, 0]]
        tidied.append(bars[np.lexsort((bars[:, 1], bars[:, 0]))])
    return tidied


def _thresholds(matrix: np.ndarray, radius: float, compute: Compute) -> Iterator[float]:
    """Yield thresholds to try, none below the last birth of a loop; the last is the enclosing radius."""
    if len(matrix) > FEW_POINTS:
        some = _some_distances(matrix)
        birth = longest_unwitnessed_edge(matrix)
        first = max(birth, _with_margin(some, birth, MARGIN))
        if first < radius:
            yield first
            deaths = h1_diagram(np.ascontiguousarray(matrix[::SUBSAMPLE, ::SUBSAMPLE]), compute)[:, 1]
            second = _with_margin(some, deaths.max(initial=0.0), MARGIN)
            second = max(second, _with_margin(some, first, GROWTH))
            if second < radius:
                yield second
    yield radius


def _some_distances(matrix: np.ndarray) -> np.ndarray:
    """Return a regular sample of the rows, all of them of a small matrix."""
    return matrix[:: max(1, matrix.size // SAMPLE)]


def _with_margin(some: np.ndarray, threshold: float, factor: float) -> float:
    """Return a threshold with ``factor`` times as many of some distances below it."""
    return float(np.quantile(some, min(1.0, factor * np.mean(some <= threshold))))


def longest_unwitnessed_edge(matrix: np.ndarray) -> float:
    """Return the length of the longest edge of the relative neighbourhood graph.

    Its edges uv have no witness: no point w with d(u, w) < d(u, v) and d(w, v) < d(u, v). A few near points are
    witnesses for all but a few per cent of the edges; of the rest the longest are tried on all points.

    Parameters
    ----------
    matrix
        Distances, (n, n), exactly symmetric.
    """
    n = len(matrix)
    near = np.column_stack([matrix[:, g::WITNESSES].argmin(axis=1) * WITNESSES + g for g in range(min(n, WITNESSES))])
    size = max(1, STRIP_BYTES // (8 * n))
    places = []
    for start in range(0, n, size):
        rows = np.arange(start, min(start + size, n))
        strip = matrix[rows]
        left = np.arange(n) > rows[:, None]
        for witness in near[rows].T:
            left &= (matrix[witness] >= strip) | (matrix[rows, witness][:, None] >= strip)
        places.append(np.flatnonzero(left) + start * n)
    rows, columns = np.divmod(np.concatenate(places), n)
    lengths = matrix[rows, columns]
    left = np.ones(len(rows), dtype=bool)
    for witness in near[columns].T:  # so far witnesses came from near the one end
        left &= (matrix[rows, witness] >= lengths) | (matrix[columns, witness] >= lengths)
    order = np.argsort(-lengths[left], kind="stable")
    rows, columns, lengths = (column[left][order] for column in (rows, columns, lengths))
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        alone = np.maximum(matrix[rows[part]], matrix[columns[part]]).min(axis=1) >= lengths[part]
        if alone.any():
            return float(lengths[part][alone.argmax()])
    return 0.0
