"""H_1 of Gaussian and feature-like points in 128 dimensions; the answer is the sum of the lengths of all H_1 bars."""

from collections.abc import Callable

import numpy as np
from measure import Case

from groups import data

TARGETS = {800: "1.7 x ripser.py", 1600: "1.7 x ripser.py", 5000: "30 s, 1.5 GB", 10_000: "finishes"}
MOST = {"topodepth": 10_000, "ripser.py": 1600, "GUDHI": 1600, "giotto-ph": 5000}


def cases(quick: bool) -> list[Case]:
    """Return the cases: Gaussian points, the hardest, for the small ones only."""
    found = []
    for kind, sizes in {"features": [400, 800, 1600, 5000, 10_000], "gaussian": [800, 1600]}.items():
        for n in sizes[: 2 if quick else None] if kind == "features" else sizes[: 1 if quick else None]:
            for tool, function in (("topodepth",) * 2, ("ripser.py", "ripser_py"), ("GUDHI", "gudhi"),
                                   ("giotto-ph", "giotto_ph")):  # fmt: skip
                if n <= MOST[tool]:
                    arguments = {"n": n, "kind": kind}
                    found.append(
                        Case(f"H1 of {n} {kind}", tool, f"groups.h1:{function}", n, arguments, TARGETS.get(n, ""))
                    )
    return found


def topodepth(n: int, kind: str) -> Callable[[], float]:
    """Ours."""
    from topodepth.homology import persistence_diagrams

    points = getattr(data, kind)(n)
    return lambda: _lengths(persistence_diagrams(points, max_dim=1)[1])


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
