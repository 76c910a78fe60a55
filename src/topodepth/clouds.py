"""Point clouds before their homology: checks, scaling, null models and subsets. NumPy only."""

import numpy as np

from topodepth.errors import InputError, unknown_name


def check_cloud(points: np.ndarray, where: str = "points") -> np.ndarray:
    """Return ``points`` as an array if homology and dimension make sense for it.

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
    points = np.asarray(points)
    if points.ndim != 2 or points.shape[1] == 0:
        raise InputError(f"{where}: expected a 2-D array (points, features). Received: shape {points.shape}")
    if not np.issubdtype(points.dtype, np.number) or np.iscomplexobj(points):
        raise InputError(f"{where}: expected real numbers. Received: dtype {points.dtype}")
    if len(points) < 2:
        raise InputError(f"{where}: expected at least 2 points. Received: {len(points)}")
    finite = np.isfinite(points)
    if not finite.all():
        count = int(points.size - np.count_nonzero(finite))
        raise InputError(f"{where}: expected finite activations. Received: {count} NaN or infinite of {points.size}")
    if (points == points[0]).all():
        raise InputError(f"{where}: expected points that differ. Received: {len(points)} equal rows, a constant layer")
    return points


def min_max_scale(points: np.ndarray) -> np.ndarray:
    """Return each feature mapped linearly onto [0, 1] over the points; constant features become 0.

    Parameters
    ----------
    points
        Shape (n, d).

    Returns
    -------
    ndarray
        (n, d) float64.
    """
    points = np.asarray(points, dtype=np.float64)
    low = points.min(axis=0)
    # Halved, because the range of two large numbers of opposite sign may overflow.
    span = points.max(axis=0) / 2 - low / 2
    return np.where(span > 0, (points / 2 - low / 2) / np.where(span > 0, span, 1.0), 0.0)


SCALINGS = ("minmax", "none")


def scale(points: np.ndarray, how: str) -> np.ndarray:
    """Return the points scaled per feature: ``"minmax"`` to [0, 1], ``"none"`` as they are (float64).

    Raises
    ------
    InputError
        If ``how`` is unknown; the message lists the known ones.
    """
    if how not in SCALINGS:
        raise unknown_name("scaling", how, SCALINGS)
    return min_max_scale(points) if how == "minmax" else np.asarray(points, dtype=np.float64)


def permuted_features(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
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
    return rng.permuted(np.asarray(points), axis=0)


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
