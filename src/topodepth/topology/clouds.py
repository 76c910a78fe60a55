"""Point clouds before their homology: checks, scaling, null models and subsets.

Points are arrays of NumPy, or tensors on a device (:mod:`topodepth.homology.devices`), which stay there. Numbers are
the same: all that is drawn at random is drawn by NumPy.
"""

from collections.abc import Iterator

import numpy as np

from topodepth.errors import InputError, unknown_name
from topodepth.homology.devices import Points, beside, is_tensor, library_of, on_host

WHOLE = "all"  # what the cloud of all points is called


def check_cloud(points: Points, where: str = "points") -> Points:
    """Return ``points`` as an array, a tensor as it is, if homology and dimension make sense for it.

    Parameters
    ----------
    points
        Shape (n, d).
    where
        What the points are, for the message: ``"model vgg, layer 03_conv"``.

    Raises
    ------
    InputError
        If the array is not 2-D, has fewer than 2 points, holds NaN or infinite values, or all its rows are equal.
    """
    library = library_of(points)
    points = library.asarray(points)
    shape = tuple(points.shape)
    if len(shape) != 2 or shape[1] == 0:
        raise InputError(f"{where}: expected a 2-D array (points, features). Received: shape {shape}")
    if not any(kind in str(points.dtype) for kind in ("float", "int")):
        raise InputError(f"{where}: expected real numbers. Received: dtype {points.dtype}")
    if len(points) < 2:
        raise InputError(f"{where}: expected at least 2 points. Received: {len(points)}")
    finite = library.isfinite(points)
    if not finite.all():
        count, size = int((~finite).sum()), shape[0] * shape[1]
        raise InputError(f"{where}: expected finite activations. Received: {count} NaN or infinite of {size}")
    if (points == points[0]).all():
        raise InputError(f"{where}: expected points that differ. Received: {len(points)} equal rows, a constant layer")
    return points


def min_max_scale(points: Points) -> Points:
    """Return each feature mapped linearly onto [0, 1] over the points; constant features become 0.

    Parameters
    ----------
    points
        Shape (n, d).

    Returns
    -------
    ndarray or Tensor
        (n, d) float64.
    """
    library = library_of(points)
    points = library.asarray(points, dtype=library.float64)
    low = library.amin(points, axis=0)
    # Halved, because the range of two large numbers of opposite sign may overflow.
    span = library.amax(points, axis=0) / 2 - low / 2
    return library.where(span > 0, (points / 2 - low / 2) / library.where(span > 0, span, 1.0), 0.0)


def distinct_rows(points: Points) -> np.ndarray:
    """Return the indices, ascending, of the points that count: of copies, the first. See :func:`originals`."""
    return np.unique(originals(points))


def originals(points: Points) -> np.ndarray:
    """Return for every point the index of the first of its copies, (n,): its own where nothing comes before it.

    A network gives a repeated image the same activations but for their last digits. Two points are copies if no
    feature tells them apart: if each differs by at most two units of rounding of the feature's largest value. Copies
    of copies are copies, so which points belong together depends on neither their order nor the features' units.

    Parameters
    ----------
    points
        (n, d), of the type they were computed in: its precision is the rounding. Float64 that holds nothing but
        float32 numbers was float32 once. Whole numbers are not rounded: their copies are equal.

    Notes
    -----
    Points are sorted along a random direction; copies are near each other there, and only such pairs are compared.
    """
    library = library_of(points)
    points = library.asarray(points)
    first, equal = _first_of_equal(points)
    rounding = _rounding(points)
    if rounding == 0 or len(first) == 1:
        return first[equal]
    largest = library.asarray(library.amax(library.abs(points), axis=0), dtype=library.float64)
    # The least number keeps distances of distinct points, and their squares, from vanishing.
    units = 2 * rounding * largest + 1e-150 * largest.max()
    rows = library.asarray(points[first], dtype=library.float64) / units
    places = rows @ beside(points, np.random.default_rng(0).choice([-1.0, 1.0], size=len(units)))
    order = library.argsort(places, stable=True)
    places, order = places[order], on_host(order)
    reach = 4.0 * len(units)  # d units, and as much thrice for the rounding of the sums
    owners = np.arange(len(first))
    for step in range(1, len(first)):
        near = np.flatnonzero(on_host(places[step:] - places[:-step] <= reach))
        if not len(near):
            break
        pairs = np.column_stack([order[near], order[near + step]])
        pairs = pairs[owners[pairs[:, 0]] != owners[pairs[:, 1]]]
        for one, other in pairs[_are_copies(rows, pairs)]:
            ends = owners[one], owners[other]
            owners[owners == max(ends)] = min(ends)
    return first[owners[equal]]


def _first_of_equal(points: Points) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of the first of each set of equal rows, ascending, and for every row the place of its own."""
    if is_tensor(points):
        from topodepth.homology.torch_cloud import first_of_equal

        first, equal = first_of_equal(points)
        return on_host(first), on_host(equal)
    rows = np.ascontiguousarray(points) + points.dtype.type(0)  # -0 becomes 0
    keys = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    _, first, equal = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return first[order], np.argsort(order)[equal]


def _rounding(points: Points) -> float:
    """Return the relative distance of neighbouring numbers in the precision that the points were computed in."""
    library = library_of(points)
    if "float" not in str(points.dtype) or (points == library.round(points)).all():
        return 0.0
    with np.errstate(over="ignore"):
        single = points.dtype == library.float64 and (library.asarray(points, dtype=library.float32) == points).all()
    return float(library.finfo(library.float32 if single else points.dtype).eps)


def _are_copies(rows: Points, pairs: np.ndarray) -> np.ndarray:
    """Return which pairs of rows differ by at most 1 in every column."""
    one, other = pairs.T

    def near(part: np.ndarray | slice, columns: slice = slice(None)) -> np.ndarray:
        differences = rows[:, columns][one[part]] - rows[:, columns][other[part]]
        return on_host((abs(differences) <= 1).all(axis=1))

    copies = near(slice(None), slice(0, 16))  # enough columns to part most
    left = np.flatnonzero(copies)
    size = max(1, (1 << 17) // rows.shape[1])
    for start in range(0, len(left), size):
        part = left[start : start + size]
        copies[part] = near(part)
    return copies


SCALINGS = ("minmax", "none")


def scale(points: Points, how: str) -> Points:
    """Return the points scaled per feature: ``"minmax"`` to [0, 1], ``"none"`` as they are (float64).

    Raises
    ------
    InputError
        If ``how`` is unknown; the message lists the known ones.
    """
    if how not in SCALINGS:
        raise unknown_name("scaling", how, SCALINGS)
    library = library_of(points)
    return min_max_scale(points) if how == "minmax" else library.asarray(points, dtype=library.float64)


def permuted_features(points: Points, rng: np.random.Generator) -> Points:
    """Return the null model of a cloud: every feature permuted independently over the points.

    It has the same width and the same marginal distribution of every feature, and no dependence between features,
    so it tells how much of a descriptor is owed to width and marginals alone.

    Parameters
    ----------
    points
        Shape (n, d).
    rng
        Source of the permutations.
    """
    if not is_tensor(points):
        return rng.permuted(np.asarray(points), axis=0)
    # places, a feature after the other as above, so that the draws are the same
    order = rng.permuted(np.tile(np.arange(len(points), dtype=np.int32), (points.shape[1], 1)), axis=1)
    return points.gather(0, beside(points, order).long().T)


def null_clouds(points: Points, draws: int, *stream: int) -> Iterator[Points]:
    """Yield draws of the null model of a cloud; ``stream`` and the number of the draw seed each."""
    for draw in range(draws):
        yield permuted_features(points, np.random.default_rng([*stream, draw]))


def evenly(n: int, most: int) -> np.ndarray:
    """Return at most so many of n places, spread evenly, ascending."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


def check_groups(groups: int, where: str = "jackknife_groups") -> None:
    """Refuse a single group to leave out: without it nothing is left. ``where`` says which setting it is."""
    if groups == 1:
        raise InputError(f"{where}: expected 0, or 2 groups and more, to leave out each in turn. Received: 1.")


def left_out(n: int, groups: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the rows of n points that are left without each of some groups, drawn at random, alike in size."""
    group = np.random.default_rng([seed, 2]).permutation(np.arange(n) % max(1, groups))
    for each in range(groups):
        yield np.flatnonzero(group != each)


def class_members(labels: np.ndarray, label: int, limit: int | None, rng: np.random.Generator) -> np.ndarray:
    """Return the indices of at most ``limit`` points of a class, ascending, drawn without replacement.

    Parameters
    ----------
    labels
        Class of every point, (n,).
    label
        The class wanted.
    limit
        The most points to take; ``None`` takes all.
    rng
        Source of the draw; used only if the class has more than ``limit`` points.

    Raises
    ------
    InputError
        If the class has no points in the sample; the message lists the classes that are there.
    """
    members = np.flatnonzero(np.asarray(labels) == label)
    if len(members) == 0:
        raise InputError(f"class {label}: expected at least one point. Received: classes {np.unique(labels).tolist()}")
    if limit is None or len(members) <= limit:
        return members
    return np.sort(rng.choice(members, size=limit, replace=False))
