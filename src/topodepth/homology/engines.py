"""The engines for H_1 and above: what each of them needs, and which of some serves."""

import warnings
from collections.abc import Sequence

import numpy as np

from topodepth.errors import InputError
from topodepth.homology.distances import enclosing_radius

ONE = 0x3F800000  # the bits of 1.0 in single precision; the float after a positive one has the bits of the next integer
BEYOND = float(np.finfo(np.float32).max)  # stands for a distance above the threshold
RANKS = 0x7F7FFFFF - ONE  # numbers of single precision from 1 to below that
TILE = 256  # rows and columns of a matrix that are mirrored at a time, in cache


class EngineError(RuntimeError):
    """An engine cannot take this input, or returned what cannot be."""


def redzed_diagrams(matrix: np.ndarray, max_dim: int, threshold: float = np.inf) -> list[np.ndarray]:
    """Return the diagrams from redzed-tda, of edges up to a threshold, exact in float64 though it computes in float32.

    A diagram depends on the order of the distances only. So the engine gets their ranks, equal ones for equal
    distances, as successive single-precision numbers from 1, and the ranks of births and deaths are looked up
    again. Distances that single precision does not tell apart, or cannot hold, are none to it, and ties stay ties.

    The call cannot be interrupted: Ctrl-C waits for its end.

    Parameters
    ----------
    matrix
        Distances, (n, n) in C order, exactly symmetric. While the engine runs, ranks stand below the diagonal, which is
        all that it reads: another matrix would take as much memory again.
    max_dim
        Highest homology dimension.
    threshold
        Longest edge.

    Raises
    ------
    EngineError
        If a birth or a death is not one of the ranks, or no birth is before its death. The package is young, and what
        is cheap to check is checked.

    References
    ----------
    Kapulkin & Kershaw (2026), RedZeD: Computing persistent homology by reduction to zero differentials,
    arXiv:2606.06310.
    """
    from redzed_tda import rips

    try:
        lengths = _rank_below_diagonal(matrix, min(threshold, enclosing_radius(matrix)))
        longest = float(_as_float32(np.array([len(lengths) - 1]))[0])
        diagrams = rips(matrix, max_dim, threshold=longest)
    finally:
        _mirror(matrix)
    return [_looked_up(bars, lengths) for bars in diagrams]


def _rank_below_diagonal(matrix: np.ndarray, threshold: float) -> np.ndarray:
    """Put the ranks of distances in their place, below the diagonal; return the distance of each rank, from 0.0."""
    flat = np.reshape(matrix, -1, copy=False)
    below = np.tri(len(matrix), k=-1, dtype=bool)
    places = np.flatnonzero(below & (matrix <= threshold))
    lengths = flat[places]
    np.copyto(matrix, BEYOND, where=below)
    order = np.argsort(lengths)
    places, lengths = places[order], lengths[order]
    del order
    is_longer = np.diff(lengths, prepend=0.0) > 0
    flat[places] = _as_float32(np.cumsum(is_longer))
    return np.append(0.0, lengths[is_longer])


def _as_float32(ranks: np.ndarray) -> np.ndarray:
    """Return 0 for rank 0, and from there on the numbers of single precision that follow 1."""
    if ranks.max(initial=0) >= RANKS:
        raise EngineError(f"redzed-tda: expected fewer than {RANKS} different distances. Received: more")
    return np.where(ranks > 0, (ranks + ONE).astype(np.int32).view(np.float32), np.float32(0))


def _looked_up(bars: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return bars of ranks as bars of distances, or raise if they cannot be."""
    ranks = np.where(bars == 0, 0, bars.astype(np.float32).view(np.int32) - ONE)
    ranks[np.isposinf(bars)] = len(lengths)
    if not ((ranks >= 0) & (ranks <= len(lengths))).all() or (ranks[:, 0] >= ranks[:, 1]).any():
        raise EngineError("redzed-tda: expected births before deaths, at distances that there are. Received: others")
    return np.append(lengths, np.inf)[ranks]


def _mirror(matrix: np.ndarray) -> None:
    """Copy what is above the diagonal to below it."""
    n = len(matrix)
    for start in range(0, n, TILE):
        rows = slice(start, start + TILE)
        corner = np.triu(matrix[rows, rows], 1)
        matrix[rows, rows] = corner + corner.T
        for first in range(0, start, TILE):
            columns = slice(first, first + TILE)
            matrix[rows, columns] = matrix[columns, rows].T


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
    from ripser import ripser

    thresh = threshold * (1 + 1e-6)  # an edge as long as the threshold stays when both are rounded to float32
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it takes a matrix of few points for a transposed cloud
        return ripser(matrix, maxdim=max_dim, thresh=thresh, coeff=2, distance_matrix=True)["dgms"]


COMPUTE = {"redzed": redzed_diagrams, "gudhi": gudhi_diagrams, "ripser": ripser_diagrams}  # the fastest for H_1 first


def diagrams_of(
    matrix: np.ndarray, max_dim: int, engines: Sequence[str], threshold: float = np.inf
) -> list[np.ndarray]:
    """Return the diagrams of H_0 to H_``max_dim``, of edges up to a threshold, from the first of some engines that can.

    The diagrams are the same whichever serves, those of ripser.py in single precision.

    Parameters
    ----------
    matrix
        Distances, (n, n), exactly symmetric; as in :func:`redzed_diagrams`.
    max_dim
        Highest homology dimension, from 1.
    engines
        Names in COMPUTE, in the order in which they are tried.
    threshold
        Longest edge.

    Raises
    ------
    InputError
        If none of the engines is installed.
    EngineError
        If the last of the engines cannot take this input; that another could not is a warning.
    """
    for engine in engines:
        try:
            return sorted_diagrams(COMPUTE[engine](matrix, max_dim, threshold), max_dim + 1)
        except ImportError as error:
            missing = error
        except EngineError as error:
            if engine == engines[-1]:
                raise
            warnings.warn(f"{error}. The next engine computes instead.", RuntimeWarning, stacklevel=2)
    raise InputError(f"engine {engine}: expected its package to be installed. Received: {missing}") from missing


def sorted_diagrams(diagrams: list[np.ndarray], count: int) -> list[np.ndarray]:
    """Return ``count`` float64 diagrams, without empty bars, sorted by birth, then death."""
    tidied = []
    for place in range(count):
        bars = np.asarray(diagrams[place] if place < len(diagrams) else (), dtype=np.float64).reshape(-1, 2)
        bars = bars[bars[:, 1] > bars[:, 0]]
        tidied.append(bars[np.lexsort((bars[:, 1], bars[:, 0]))])
    return tidied
