"""PH dimension: ours with 10 draws of 8 sizes and its interval; ripser.py's H_0 of ONE draw of each size."""

from collections.abc import Callable

import numpy as np
from measure import Case

from groups import data


def cases(quick: bool) -> list[Case]:
    """Return the cases."""
    sizes = [500, 1000] if quick else [500, 1000, 3000, 10_000]
    return [
        Case(f"PHdim of {n} points", tool, f"groups.phdim:{function}", n, {"n": n}, "one draw by ripser.py")
        for n in sizes
        for tool, function in (("topodepth", "topodepth"), ("ripser.py, 1 draw", "one_draw_by_ripser"))
        if n <= 3000 or tool == "topodepth"
    ]


def topodepth(n: int) -> Callable[[], None]:
    """Ours, with the default sizes and draws."""
    from topodepth.topology.dimension import ph_dimension

    points = data.gaussian(n)

    def estimate() -> None:
        ph_dimension(points)

    return estimate


def one_draw_by_ripser(n: int) -> Callable[[], None]:
    """H_0 of one subsample of each of the default sizes."""
    from ripser import ripser

    points = data.gaussian(n)

    def estimate() -> None:
        rng = np.random.default_rng(0)
        for size in np.linspace(n / 6, 0.98 * n, 8).round().astype(int):
            ripser(points[rng.choice(n, size, replace=False)], maxdim=0)

    return estimate
