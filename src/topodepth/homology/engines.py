"""The engines for H_1 and above: what each of them needs, and which of some serves."""

import warnings
from collections.abc import Sequence

import numpy as np

from topodepth.errors import InputError
from topodepth.homology.condensed import Condensed
from topodepth.homology.keys import Keys

COLLAPSES = 4  # rounds of GUDHI's edge collapse; each after the first takes a twentieth of it or less


class EngineError(RuntimeError):
    """An engine cannot take this input, or returned what cannot be."""


def redzed_diagrams(distances: Condensed, max_dim: int, threshold: float = np.inf) -> list[np.ndarray]:
    """Return the diagrams from redzed-tda, of edges up to a threshold, exact in float64 though it computes in float32.

    A diagram depends on the order of the distances only. So the engine gets numbers of single precision in the same
    order, equal ones for equal distances, and those of births and deaths are looked up again (:class:`Keys`).
    Distances that single precision does not tell apart, or cannot hold, are none to it, and ties stay ties.

    The call cannot be interrupted: Ctrl-C waits for its end.

    Parameters
    ----------
    distances
        All distances; they are taken, as a second array would take as much memory again.
    max_dim
        Highest homology dimension.
    threshold
        Longest edge.

    Raises
    ------
    EngineError
        If there are more distances than numbers of single precision, or a birth or a death is no distance, or no birth
        is before its death. The package is young, and what is cheap to check is checked.

    References
    ----------
    Kapulkin & Kershaw (2026), RedZeD: Computing persistent homology by reduction to zero differentials,
    arXiv:2606.06310.
    """
    from redzed_tda import rips

    longest = min(threshold, distances.enclosing_radius())
    if len(distances) == 1:
        return [np.array([[0.0, np.inf]])]
    values = distances.take()
    try:
        keys = Keys(values, longest)
        last = keys.write_over(values)
        return keys.looked_up(rips(values, max_dim, threshold=last))
    except ValueError as error:
        raise EngineError(f"redzed-tda: {error}") from error


def gudhi_diagrams(distances: Condensed, max_dim: int, threshold: float = np.inf) -> list[np.ndarray]:
    """Return the diagrams from GUDHI's fork of Ripser, of edges up to a threshold.

    Above H_1 edges are collapsed first, which changes no diagram: of the 265,000 edges of 800 features up to the
    enclosing radius 8500 are left.

    The public class needs scikit-learn and imports it, which takes a second, longer than most diagrams; the compiled
    module behind it starts in a hundredth of the time. Where a release has moved that module, the class serves.

    References
    ----------
    Glisse & Pritam (2022), Swap, shift and trim to edge collapse a filtration, SoCG 2022.
    """
    rounds = COLLAPSES if max_dim > 1 else 0
    try:
        from gudhi._ripser_ext import _full, _sparse
    except ImportError:
        from gudhi.sklearn.rips_persistence import RipsPersistence

        rips = RipsPersistence(
            range(max_dim + 1), threshold, "full distance matrix", num_collapses=rounds, homology_coeff_field=2
        )
        return rips.fit_transform([distances.square()])[0]
    if not rounds:
        return _full(distances.square(), max_dimension=max_dim, max_edge_length=threshold, homology_coeff_field=2)
    from gudhi.flag_filtration.edge_collapse import reduce_graph
    from scipy.sparse import coo_matrix

    n, kept = len(distances), distances.values <= min(threshold, distances.enclosing_radius())
    rows, columns = (ends[kept] for ends in np.triu_indices(n, 1))
    graph = reduce_graph(coo_matrix((distances.values[kept], (rows, columns)), shape=(n, n)), rounds)
    most = min(max_dim, max(0, n - 3))
    return _sparse(
        graph.row, graph.col, graph.data, n, max_dimension=most, max_edge_length=np.inf, homology_coeff_field=2
    )


def ripser_diagrams(distances: Condensed, max_dim: int, threshold: float = np.inf) -> list[np.ndarray]:
    """Return the diagrams from ripser.py, which computes in float32, of edges up to a threshold."""
    from ripser import ripser

    thresh = threshold * (1 + 1e-6)  # an edge as long as the threshold stays when both are rounded to float32
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it takes a matrix of few points for a transposed cloud
        return ripser(distances.square(), maxdim=max_dim, thresh=thresh, coeff=2, distance_matrix=True)["dgms"]


HIGHER = ("gudhi", "ripser")  # above H_1, the fastest first; they find the enclosing radius by themselves
COMPUTE = {"redzed": redzed_diagrams, "gudhi": gudhi_diagrams, "ripser": ripser_diagrams}  # the fastest for H_1 first


def diagrams_of(
    distances: Condensed, max_dim: int, engines: Sequence[str], threshold: float = np.inf
) -> list[np.ndarray]:
    """Return the diagrams of H_0 to H_``max_dim``, of edges up to a threshold, from the first of some engines that can.

    The diagrams are the same whichever serves, those of ripser.py in single precision.

    Parameters
    ----------
    distances
        All distances; some engines take them.
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
            return sorted_diagrams(COMPUTE[engine](distances, max_dim, threshold), max_dim + 1)
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
