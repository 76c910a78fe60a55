"""Clouds of known dimension, on which estimators of dimension are calibrated and judged."""

import numpy as np

from topodepth.topology.dimension.calibration import SHAPES


def cloud(shape: str, dimension: int, n: int, *stream: int) -> np.ndarray:
    """Return n points of a d-dimensional uniform cube, standard Gaussian or uniform sphere; ``stream`` seeds them."""
    rng = np.random.default_rng([SHAPES.index(shape), dimension, n, *stream])
    if shape == "cube":
        return rng.random((n, dimension))
    points = rng.normal(size=(n, dimension + (shape == "sphere")))
    return points / np.linalg.norm(points, axis=1, keepdims=True) if shape == "sphere" else points
