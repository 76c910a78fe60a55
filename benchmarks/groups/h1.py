"""H_1 of Gaussian and feature-like points in 128 dimensions and of tori, and H_2; answers are sums of lifespans."""

import sys
from collections.abc import Callable

import numpy as np
from measure import Case

from groups import data

TARGETS = {
    ("features", 5000): "1.6 s",
    ("features", 10_000): "7 s, 1 GB",
    ("features", 20_000): "45 s, 4 GB",
    ("torus", 5000): "15 s",
}
SIZES = {"features": [400, 800, 1600, 5000, 10_000, 20_000], "gaussian": [800, 1600], "torus": [1000, 2000, 5000],
         "solid": [1600]}  # fmt: skip
QUICK = {"features": 2, "gaussian": 1, "torus": 1, "solid": 0}  # so many of them
# Tool, its function, and the most points of a kind that it gets; the others finish in no bearable time or memory.
TOOLS = [
    ("topodepth", "topodepth", {"features": 20_000, "gaussian": 1600, "torus": 5000, "solid": 1600}),
    ("reduced Rips, links alone", "links", {"torus": 2000, "solid": 1600}),
    ("GUDHI, our threshold", "gudhi_behind_the_threshold", {"features": 5000, "gaussian": 1600, "torus": 1000}),
    ("redzed-tda", "redzed", {"features": 5000, "gaussian": 1600, "torus": 2000}),
    ("tda", "tda", {"features": 1600, "gaussian": 1600}),
    ("ripser.py", "ripser_py", {"features": 1600, "gaussian": 1600}),
    ("GUDHI", "gudhi", {"features": 1600, "gaussian": 1600}),
    ("giotto-ph", "giotto_ph", {"features": 5000, "gaussian": 1600}),
]


# Of H_2. GUDHI's class collapses edges, once; its engine alone does not.
VOIDS = [400, 800]
TOOLS_OF_VOIDS = [
    ("topodepth", "topodepth"),
    ("GUDHI", "gudhi"),
    ("GUDHI, no collapse", "gudhi_of_all_edges"),
    ("redzed-tda", "redzed"),
]


def cases(quick: bool) -> list[Case]:
    """Return the cases: Gaussian points, the hardest, and tori, whose loops live long, for small sizes only."""
    loops = [
        _case(n, kind, 1, tool, function)
        for kind, sizes in SIZES.items()
        for n in sizes[: QUICK[kind] if quick else None]
        for tool, function, most in TOOLS
        if n <= most.get(kind, 0)
    ]
    voids = VOIDS[: 1 if quick else None]
    return loops + [_case(n, "features", 2, tool, function) for n in voids for tool, function in TOOLS_OF_VOIDS]


def _case(n: int, kind: str, degree: int, tool: str, function: str) -> Case:
    target = TARGETS.get((kind, n), "") if degree == 1 else "3 x GUDHI"
    arguments = {"n": n, "kind": kind} | ({"degree": 2} if degree == 2 else {})
    return Case(f"H{degree} of {n} {kind}", tool, f"groups.h1:{function}", n, arguments, target)


def topodepth(n: int, kind: str, degree: int = 1) -> Callable[[], float]:
    """Ours."""
    from topodepth.homology import persistence_diagrams

    points = getattr(data, kind)(n)
    persistence_diagrams(points[:9], max_dim=degree)  # the engine is imported before, as those of the others are
    return lambda: _lengths(persistence_diagrams(points, max_dim=degree)[degree])


def links(n: int, kind: str) -> Callable[[], None]:
    """What the reduced Rips filtration asks first: of each edge up to the last death of a loop, the parts of its link.

    Here by bits, whether it is in one part, and the last death is given: the least that can be asked.
    """
    from topodepth.homology import distance_matrix, persistence_diagrams
    from topodepth.homology.condensed import Condensed
    from topodepth.homology.h2 import MOST, in_doubt
    from topodepth.homology.thresholds import levels_of

    points = getattr(data, kind)(n)
    matrix, death = distance_matrix(points), persistence_diagrams(points)[1][:, 1].max()
    central = matrix.mean(axis=1).argsort()
    distances = Condensed.of_matrix(matrix[np.ix_(central, central)])

    def look() -> None:
        levels = levels_of(distances)
        first, second = np.nonzero(np.triu(distances.square() <= death, 1))
        order = np.argsort(levels[first, second], kind="stable")[::-1]
        for start in range(0, len(order), MOST):
            part = order[start : start + MOST]
            in_doubt(levels, first[part], second[part])

    return look


def gudhi_behind_the_threshold(n: int, kind: str) -> Callable[[], float]:
    """Ours where redzed-tda is not installed."""
    sys.modules["redzed_tda"] = None
    return topodepth(n, kind)


def redzed(n: int, kind: str, degree: int = 1) -> Callable[[], float]:
    """redzed-tda in float32 on SciPy's distances, as its documentation proposes; one thread."""
    from redzed_tda import rips
    from scipy.spatial.distance import pdist

    points = getattr(data, kind)(n)
    return lambda: _lengths(rips(pdist(points), maxdim=degree)[degree])


def tda(n: int, kind: str) -> Callable[[], float]:
    """The Rust package tda, in float32."""
    from tda import persistent_homology

    points = getattr(data, kind)(n).astype(np.float32)
    return lambda: _lengths(persistent_homology(points, max_dim=1)[1])


def ripser_py(n: int, kind: str) -> Callable[[], float]:
    """Ripser's C++ behind its Python class, in float32."""
    from ripser import ripser

    points = getattr(data, kind)(n)
    return lambda: _lengths(ripser(points, maxdim=1)["dgms"][1])


def gudhi(n: int, kind: str, degree: int = 1, collapses: int | str = "auto") -> Callable[[], float]:
    """GUDHI's class for Rips persistence."""
    from gudhi.sklearn.rips_persistence import RipsPersistence

    points = getattr(data, kind)(n)
    rips = RipsPersistence(range(degree + 1), homology_coeff_field=2, num_collapses=collapses)
    return lambda: _lengths(rips.fit_transform([points])[0][degree])


def gudhi_of_all_edges(n: int, kind: str, degree: int) -> Callable[[], float]:
    """The same without the collapse of edges."""
    return gudhi(n, kind, degree, 0)


def giotto_ph(n: int, kind: str) -> Callable[[], float]:
    """giotto-ph, two threads, without its edge collapse, which would make it many times slower here."""
    from gph import ripser_parallel

    points = getattr(data, kind)(n)
    return lambda: _lengths(ripser_parallel(points, maxdim=1, n_threads=2, collapse_edges=False)["dgms"][1])


def _lengths(bars: np.ndarray) -> float:
    return float((bars[:, 1].astype(np.float64) - bars[:, 0]).sum())
