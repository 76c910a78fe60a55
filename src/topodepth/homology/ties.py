"""Equal distances that stay equal: coordinates that are whole steps, and distances that differ by rounding only.

A Vietoris–Rips filtration takes its simplices in the order of their lengths. Where rounding splits distances that are
equal, a loop is born at the one and dies at the other, and is no loop of the data. Binary, quantised and counted data
have few distances, many times each.
"""

from typing import NamedTuple

import numpy as np

from topodepth.homology.devices import Points, beside, library_of, on_host

TIE = 1e-11  # distances that differ by less, relatively, count as equal
WIDEST = 2  # times TIE: ranges of near values that are wider are left as they are
STEP_ROUNDING = 2e-12  # of a step: how far a coordinate may lie from a whole number of steps
MOST = 2.0**34  # whole squared distances up to here differ by more than twice TIE, and all sums are exact
ROWS = 16  # of a sample that shows most clouds to have no step
BLOCK = 1 << 16
CELL_BITS, CELLS = 17, 1 << 20  # a cell is 3e-11 to 6e-11 of its value wide


class Precision(NamedTuple):
    """How far coordinates may lie from whole steps.

    Attributes
    ----------
    rounding
        Share of the largest coordinate that one may be off, beside STEP_ROUNDING of a step.
    most
        Share of a step that one may be off.
    finest
        Number of steps in the range of a column.
    noise
        Share of a step: a smaller rest is rounding, as a real one is at least 1 / finest.
    """

    rounding: float
    most: float
    finest: float
    noise: float


DOUBLE = Precision(rounding=0.0, most=STEP_ROUNDING, finest=2.0**17, noise=1e-6)
SINGLE = Precision(rounding=2.0**-22, most=1e-3, finest=256, noise=0.02)


def whole_steps(points: Points) -> tuple[Points, float] | None:
    """Return points as whole numbers of one step from the least of each column, if they are such.

    0/1 data, counts, quantised values k/255 or 0.037 k, small whole numbers far from the origin: products and sums of
    whole numbers are exact, so equal distances are equal whatever the way to them.

    Parameters
    ----------
    points
        Finite, (n, d) float64; a few rows of a tensor are copied from its device. Where they hold float32 numbers,
        which were rounded to float32 once, and there are at most 256 steps, as in the 8 bits of quantised networks, the
        rounding to float32 is undone too.

    Returns
    -------
    tuple or None
        Whole numbers (n, d) from 0, in float64, and the step. None where there is no step, where one of its counts is
        given by several coordinates (points nearer than a step must not become one), or where squared distances in
        steps exceed 2^34.
    """
    rows = on_host(points[:: max(1, len(points) // ROWS)])
    with np.errstate(over="ignore", invalid="ignore"):
        some = np.abs(rows - rows[0])
    for precision in (DOUBLE, SINGLE):
        if some.any() and _common_step(some, precision) is None:
            continue  # they have no step, whatever they are counted from: most clouds need no look at all points
        found = _whole_steps(points, precision)
        if found is not None and (precision is DOUBLE or _holds_single(points)):
            return found
    return None


def without_rounding(points: Points) -> Points:
    """Return points in whole steps times the step, moved to zero, where they are such; else the points as they are.

    To be called before features are scaled, each by its own range, which hides a step that they share.
    """
    library = library_of(points)
    found = whole_steps(library.asarray(points, dtype=library.float64))
    return points if found is None else found[0] * found[1]


def _whole_steps(points: Points, precision: Precision) -> tuple[Points, float] | None:
    library = library_of(points)
    lowest, highest = library.amin(points, axis=0), library.amax(points, axis=0)
    low, high = on_host(lowest), on_host(highest)
    with np.errstate(over="ignore"):
        some = np.append(on_host(points[:: max(1, len(points) // ROWS)]) - low, high - low)
    step = _common_step(some, precision)
    largest = max(float(np.abs(low).max()), float(np.abs(high).max()))
    while step is not None:
        rests = points - lowest
        rests /= step
        whole = library.round(rests)
        rests -= whole
        library.abs(rests, out=rests)
        if rests.max() <= min(precision.most, precision.rounding * largest / step + STEP_ROUNDING):
            break
        finer = on_host(rests[rests > precision.noise][:BLOCK])
        step = _common_step(np.append(finer, [1.0, float(whole.max())]) * step, precision) if len(finer) else None
    if step is None:
        return None
    counts = on_host(library.amax(whole, axis=0))
    if np.square(counts).sum() > MOST or not _one_to_one(points, whole, counts.astype(np.int64) + 1):
        return None
    return whole, step


def _common_step(values: np.ndarray, precision: Precision) -> float | None:
    """Return the largest number of which all values are multiples but for rounding, by Euclid's algorithm."""
    values = values[values > 0]
    if not len(values):
        return None
    largest, step = float(values.max()), float(values.min())
    while largest <= precision.finest * step:
        rests = np.abs(values - step * np.rint(values / step))
        rests = rests[rests > precision.noise * step]
        if not len(rests):
            return largest / float(np.rint(largest / step))
        step = float(rests.min())
    return None


def _holds_single(points: Points) -> bool:
    library = library_of(points)
    with np.errstate(over="ignore"):
        return bool((library.asarray(points, dtype=library.float32) == points).all())


def _one_to_one(points: Points, whole: Points, counts: np.ndarray) -> bool:
    """Return whether in every column each whole number, from 0 to below its count, stands for one coordinate only."""
    library, offsets = library_of(points), beside(points, np.cumsum(counts) - counts)
    coordinates = library.empty(int(counts.sum()), dtype=library.float64, device=points.device)
    size = max(1, BLOCK // len(counts))
    blocks = [slice(start, start + size) for start in range(0, len(points), size)]
    for rows in blocks:
        coordinates[library.asarray(whole[rows], dtype=library.int64) + offsets] = points[rows]
    return all(
        bool((coordinates[library.asarray(whole[rows], dtype=library.int64) + offsets] == points[rows]).all())
        for rows in blocks
    )


def merged(values: np.ndarray) -> np.ndarray:
    """Return distances of any shape where those that differ by rounding only have one value; inf is left alone."""
    ordered = np.sort(values[np.isfinite(values)], axis=None)
    ranges = _tied_ranges(ordered)
    return _common_values(values, *ranges) if len(ranges[0]) else values


def merged_bars(diagrams: list[np.ndarray]) -> list[np.ndarray]:
    """Return persistence diagrams in which births and deaths that differ by rounding only are equal.

    That is the diagram of distances without the rounding, once bars of length zero are dropped. For rounding moves
    births and deaths by no more than itself, and makes no other bars than such as short (stability: Chazal et al.
    (2014), Persistence stability for geometric complexes, Geom. Dedicata 173); values that belong together are nearer
    than TIE, all others farther apart.
    """
    values = merged(np.concatenate([diagram.ravel() for diagram in diagrams]))
    ends = np.cumsum([diagram.size for diagram in diagrams])
    return [part.reshape(-1, 2) for part in np.split(values, ends[:-1])]


def merge(values: np.ndarray) -> None:
    """Give distances that differ by rounding only one value, in place; finite, (k,).

    All are sorted once. In a cloud without ties next to none of them are that near, and a table of the cells in which
    such ranges lie finds them again.
    """
    firsts, lasts = _tied_ranges(np.sort(values))
    if not len(firsts):
        return
    tied = np.zeros(CELLS, dtype=bool)
    tied[_cells(firsts)] = tied[_cells(lasts)] = True
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        places = np.flatnonzero(tied[_cells(block)])
        block[places] = _common_values(block[places], firsts, lasts)


def _tied_ranges(ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and last values of the ranges of several values, each within TIE of the next; ascending."""
    lows, highs = [np.empty(0)], [np.empty(0)]
    for start in range(0, len(ordered) - 1, BLOCK):
        block = ordered[start : start + BLOCK + 1]
        gaps = np.diff(block)
        near = np.flatnonzero(gaps <= TIE * block[1:])
        near = near[gaps[near] > 0]
        lows.append(block[near])
        highs.append(block[near + 1])
    low, high = np.concatenate(lows), np.concatenate(highs)
    apart = low[1:] != high[:-1]
    firsts, lasts = low[np.append(True, apart)[: len(low)]], high[np.append(apart, True)[: len(low)]]
    kept = lasts <= firsts * (1 + WIDEST * TIE)
    return firsts[kept], lasts[kept]


def _common_values(values: np.ndarray, firsts: np.ndarray, lasts: np.ndarray) -> np.ndarray:
    """Return values with the middle of its range for each that lies in one."""
    ranges = np.searchsorted(firsts, values, side="right") - 1
    inside = (ranges >= 0) & (values <= lasts[ranges])
    return np.where(inside, firsts[ranges] / 2 + lasts[ranges] / 2, values)


def _cells(values: np.ndarray) -> np.ndarray:
    cells = values.view(np.int64) >> CELL_BITS
    cells &= CELLS - 1
    return cells
