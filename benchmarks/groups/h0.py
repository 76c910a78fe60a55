"""H_0 of feature-like points in 128 dimensions, from points to bars; the answer is the sum of deaths.

Beside other tools stands what no exact method without an index does without: all products of the points, in float32.
"""

from collections.abc import Callable

import numpy as np
from measure import Case

from groups import data

TARGETS = {10_000: "1.5 x a product", 50_000: "1.3 x a product, 1 GB", 200_000: "1.3 x a product"}
PRODUCT = "a float32 product"
ROWS = 1024  # of it at a time


def cases(quick: bool) -> list[Case]:
    """Return the cases: peers as far as they still take seconds."""
    sizes = [250, 1000, 2950] if quick else [250, 1000, 2950, 5000, 10_000, 50_000, 200_000]
    tools = {"topodepth": 200_000, PRODUCT: 200_000, "ripser.py": 2950, "GUDHI": 2950, "giotto-ph": 2950, "SciPy": 5000,
             "quitefastmst": 10_000}  # fmt: skip
    functions = {"ripser.py": "ripser_py", "GUDHI": "gudhi", "giotto-ph": "giotto_ph", "SciPy": "scipy",
                 PRODUCT: "product"}  # fmt: skip
    return [
        Case(f"H0 of {n} features", tool, f"groups.h0:{functions.get(tool, tool)}", n, {"n": n}, TARGETS.get(n, ""))
        for n in sizes
        for tool, most in tools.items()
        if n <= most
    ]


def topodepth(n: int) -> Callable[[], float]:
    """Ours."""
    from topodepth.homology import persistence_diagrams

    points = data.features(n)
    return lambda: _finite_sum(persistence_diagrams(points, max_dim=0)[0])


def product(n: int) -> Callable[[], None]:
    """All products of the points, in strips that are written over each other."""
    points = data.features(n).astype(np.float32)
    strip = np.empty((ROWS, n), np.float32)

    def multiplied() -> None:
        for start in range(0, n, ROWS):
            part = points[start : start + ROWS]
            np.matmul(part, points.T, out=strip[: len(part)])

    return multiplied


def ripser_py(n: int) -> Callable[[], float]:
    """Ripser's C++ behind its Python class, in float32."""
    from ripser import ripser

    points = data.features(n)
    return lambda: _finite_sum(ripser(points, maxdim=0)["dgms"][0])


def gudhi(n: int) -> Callable[[], float]:
    """GUDHI's class for Rips persistence."""
    from gudhi.sklearn.rips_persistence import RipsPersistence

    points = data.features(n)
    return lambda: _finite_sum(RipsPersistence([0], homology_coeff_field=2).fit_transform([points])[0][0])


def giotto_ph(n: int) -> Callable[[], float]:
    """giotto-ph, two threads."""
    from gph import ripser_parallel

    points = data.features(n)
    return lambda: _finite_sum(ripser_parallel(points, maxdim=0, n_threads=2)["dgms"][0])


def scipy(n: int) -> Callable[[], float]:
    """A minimum spanning tree of all distances: the second method, in float64 throughout."""
    from scipy.sparse.csgraph import minimum_spanning_tree
    from scipy.spatial.distance import pdist, squareform

    points = data.features(n)
    return lambda: float(minimum_spanning_tree(squareform(pdist(points))).sum())


def quitefastmst(n: int) -> Callable[[], float]:
    """A minimum spanning tree without a matrix, in float64; brute force, as its trees take at most 20 dimensions."""
    from quitefastmst import mst_euclid

    points = data.features(n)
    return lambda: float(mst_euclid(points)[0].sum())


def _finite_sum(bars: np.ndarray) -> float:
    deaths = bars[:, 1].astype(np.float64)
    return float(deaths[np.isfinite(deaths)].sum())
