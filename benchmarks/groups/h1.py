"""H_1 of Gaussian and feature-like points in 128 dimensions and of tori; the answer is the sum of all lifespans."""

import sys
from collections.abc import Callable

import numpy as np
from measure import Case

from groups import data

TARGETS = {5000: "30 s, 1.5 GB", 10_000: "finishes"}
SIZES = {"features": [400, 800, 1600, 5000, 10_000], "gaussian": [800, 1600], "torus": [1000, 2000]}
QUICK = {"features": 2, "gaussian": 1, "torus": 1}  # so many of them
# Tool, its function, and the most points of a kind that it gets; the others finish in no bearable time or memory.
TOOLS = [
    ("topodepth", "topodepth", {"features": 10_000, "gaussian": 1600, "torus": 2000}),
    ("GUDHI, our threshold", "gudhi_behind_the_threshold", {"features": 5000, "gaussian": 1600, "torus": 1000}),
    ("redzed-tda", "redzed", {"features": 5000, "gaussian": 1600, "torus": 2000}),
    ("tda", "tda", {"features": 1600, "gaussian": 1600, "torus": 0}),
    ("ripser.py", "ripser_py", {"features": 1600, "gaussian": 1600, "torus": 0}),
    ("GUDHI", "gudhi", {"features": 1600, "gaussian": 1600, "torus": 0}),
    ("giotto-ph", "giotto_ph", {"features": 5000, "gaussian": 1600, "torus": 0}),
]


def cases(quick: bool) -> list[Case]:
    """Return the cases: Gaussian points, the hardest, and tori, whose loops live long, for small sizes only."""
    return [
        Case(f"H1 of {n} {kind}", tool, f"groups.h1:{function}", n, {"n": n, "kind": kind}, TARGETS.get(n, ""))
        for kind, sizes in SIZES.items()
        for n in sizes[: QUICK[kind] if quick else None]
        for tool, function, most in TOOLS
        if n <= most[kind]
    ]


def topodepth(n: int, kind: str) -> Callable[[], float]:
    """Ours."""
    from topodepth.homology import persistence_diagrams

    points = getattr(data, kind)(n)
    return lambda: _lengths(persistence_diagrams(points, max_dim=1)[1])


def gudhi_behind_the_threshold(n: int, kind: str) -> Callable[[], float]:
    """Ours where redzed-tda is not installed."""
    sys.modules["redzed_tda"] = None
    return topodepth(n, kind)


def redzed(n: int, kind: str) -> Callable[[], float]:
    """redzed-tda in float32 on SciPy's distances, as its documentation proposes; one thread."""
    from redzed_tda import rips
    from scipy.spatial.distance import pdist

    points = getattr(data, kind)(n)
    return lambda: _lengths(rips(pdist(points), maxdim=1)[1])


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


def gudhi(n: int, kind: str) -> Callable[[], float]:
    """GUDHI's class for Rips persistence."""
    from gudhi.sklearn.rips_persistence import RipsPersistence

    points = getattr(data, kind)(n)
    return lambda: _lengths(RipsPersistence([0, 1], homology_coeff_field=2).fit_transform([points])[0][1])


def giotto_ph(n: int, kind: str) -> Callable[[], float]:
    """giotto-ph, two threads, without its edge collapse, which would make it many times slower here."""
    from gph import ripser_parallel

    points = getattr(data, kind)(n)
    return lambda: _lengths(ripser_parallel(points, maxdim=1, n_threads=2, collapse_edges=False)["dgms"][1])


def _lengths(bars: np.ndarray) -> float:
    return float((bars[:, 1].astype(np.float64) - bars[:, 0]).sum())
