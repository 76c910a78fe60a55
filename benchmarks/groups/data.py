"""Point clouds that all tools get."""

import numpy as np


def gaussian(n: int) -> np.ndarray:
    """Return n standard normal points in 128 dimensions."""
    return np.random.default_rng(n).normal(size=(n, 128))


def features(n: int) -> np.ndarray:
    """Return n points in 128 dimensions like a ReLU layer's features: ten overlapping clusters, cut off at zero."""
    rng = np.random.default_rng(n)
    centres = rng.normal(size=(10, 128))
    return np.maximum(0.0, centres[rng.integers(10, size=n)] + 0.7 * rng.normal(size=(n, 128)))


def torus(n: int) -> np.ndarray:
    """Return n random points of a torus in 3 dimensions, whose loops die late: most edges are needed."""
    a, b = 2 * np.pi * np.random.default_rng(n).random((2, n))
    return np.column_stack([(2 + np.cos(a)) * np.cos(b), (2 + np.cos(a)) * np.sin(b), np.sin(a)])


def solid(n: int) -> np.ndarray:
    """Return n standard normal points in 3 dimensions, of which most edges are needed too."""
    return np.random.default_rng(n).normal(size=(n, 3))
