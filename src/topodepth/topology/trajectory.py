"""Topology of a trajectory of weights: how long its spanning tree is, how that grows, how many points it is worth."""

import logging
from pathlib import Path

import numpy as np

from topodepth.errors import InputError
from topodepth.files import hdf5
from topodepth.homology import minimum_spanning_tree_lengths
from topodepth.homology.distances import distance_matrix
from topodepth.topology.clouds import distinct_rows
from topodepth.topology.dimension import ph_dimension
from topodepth.topology.dimension.persistent import PH_MIN_POINTS

log = logging.getLogger(__name__)

MEASURES = ("trajectory_lifespan_sum", "trajectory_ph_dimension", "trajectory_magnitude")


def lifespan_sum(points: np.ndarray, alpha: float = 1.0) -> float:
    """Return E_0^α of points (n, d): the sum of the lengths of their minimum spanning tree's edges to the power α.

    References
    ----------
    Birdal, Lou, Guibas & Simsekli (2021), Intrinsic dimension, persistent homology and generalization in neural
    networks, NeurIPS 34; Andreeva et al. (2024), as :func:`positive_magnitude`, who take α = 1.
    """
    return float((minimum_spanning_tree_lengths(points) ** alpha).sum())


def positive_magnitude(points: np.ndarray, scale: float) -> float:
    """Return the positive magnitude of points at a scale: the sum of the positive entries of their weighting.

    The weighting β (n,) solves Σ_j exp(−scale · ‖x_i − x_j‖) β_j = 1 for all i. The sum is between 1, of points that
    the scale cannot tell apart, and about n, of points far apart; copies count once.

    Parameters
    ----------
    points
        Shape (n, d).
    scale
        Above 0. Andreeva et al. take √m with m training examples.

    References
    ----------
    Andreeva, Dupuis, Sarkar, Birdal & Simsekli (2024), Topological generalization bounds for discrete-time stochastic
    optimization algorithms, NeurIPS 37, section 3.2. Leinster (2013), The magnitude of metric spaces, Documenta
    Mathematica 18.
    """
    from scipy.linalg import cho_factor, cho_solve, lstsq

    if not scale > 0:
        raise InputError(f"scale: expected a number above 0. Received: {scale}.")
    similarity = np.exp(-scale * distance_matrix(points[distinct_rows(points)]))
    ones = np.ones(len(similarity))
    try:
        weighting = cho_solve(cho_factor(similarity), ones)
    except np.linalg.LinAlgError:  # positive definite for different points, but for rounding
        weighting = lstsq(similarity, ones)[0]
    return float(weighting[weighting > 0].sum())


def measured(points: np.ndarray, images: int, seed: int = 0) -> dict[str, float]:
    """Return the measures of a trajectory by the names of ``MEASURES``; NaN, with a warning, where it is too short.

    The PH dimension draws subsamples at random, as Birdal et al. do. Of points recorded every k steps it is high:
    random parts of evenly spaced times have uneven gaps, the whole has not. Brownian motion, whose dimension is 2, gets
    2.2 to 2.3; recorded at random times it gets 2.0.

    Parameters
    ----------
    points
        The weights along a training, (n, d).
    images
        Number of training images m: the scale of the positive magnitude is √m.
    seed
        Seed of the PH dimension's subsamples.
    """
    found = dict.fromkeys(MEASURES, float("nan"))
    if len(points) < 2:
        log.warning("trajectory: expected at least two points. Received: %d", len(points))
        return found
    found["trajectory_lifespan_sum"] = lifespan_sum(points)
    found["trajectory_magnitude"] = positive_magnitude(points, images**0.5)
    if len(points) < PH_MIN_POINTS:
        log.warning("trajectory: no PH dimension of %d points, at least %d are needed", len(points), PH_MIN_POINTS)
        return found
    dimension = ph_dimension(points, seed=seed)
    if dimension.note:
        log.warning("trajectory: %s", dimension.note)
    return found | {"trajectory_ph_dimension": float(dimension.value)}


def read(path: str | Path) -> tuple[np.ndarray, int]:
    """Return the points (n, d) of a trajectory file, and the number of training images.

    Raises
    ------
    InputError
        If the file is missing, damaged or no trajectory.
    """
    with hdf5.open_h5(path, "Delete the folder of snapshots that it lies in, and run again to make it anew.") as file:
        points = hdf5.own_dataset(f"{path}: 'points'", file, "points")[:]
        images = hdf5.attribute_of(f"{path}:", file, "images")
    if points.ndim != 2 or points.dtype.kind != "f" or not np.isfinite(points).all():
        raise InputError(f"{path}: points expected as finite numbers (n, d). Received: {points.dtype} {points.shape}.")
    if not isinstance(images, int) or images < 1:
        raise InputError(f"{path}: attribute 'images' expected as a whole number above 0. Received: {images!r:.60}.")
    return points, images
