"""Homology from part of the edges: thresholds that are guessed, and checked by what comes out."""

from collections.abc import Iterable, Sequence

import numpy as np

from topodepth.homology.condensed import Condensed
from topodepth.homology.engines import diagrams_of
from topodepth.jobs import memory

FEW_POINTS = 100  # up to here a threshold gains nothing
SAMPLE = 1 << 15  # distances that tell the share of edges below a threshold
LEVELS = np.iinfo(np.uint16).max


def first_complete(
    distances: Condensed, max_dim: int, engines: Sequence[str], some: np.ndarray, thresholds: Iterable[float]
) -> list[np.ndarray]:
    """Return the diagrams of H_0 to H_``max_dim``, from edges up to the first threshold by which all bars have died.

    Parameters
    ----------
    distances
        All distances; they are taken.
    max_dim
        Highest homology dimension, from 1.
    engines
        As in :func:`topodepth.homology.engines.diagrams_of`.
    some
        From :func:`some_distances`.
    thresholds
        None below the last birth of a bar above H_0, ascending; the last is the enclosing radius, beyond which the
        complex is a cone.

    Raises
    ------
    InputError
        If the edges would not fit into memory.
    """
    for threshold in thresholds:
        share = float(np.mean(some <= threshold))
        memory.require(memory.engine_bytes(len(distances), 1, share), f"H_{max_dim} of {len(distances)} points")
        diagrams = diagrams_of(distances, max_dim, engines, threshold)
        if all(np.isfinite(bars).all() for bars in diagrams[1:]):
            break
    return diagrams


def some_distances(distances: Condensed) -> np.ndarray:
    """Return a regular sample of the distances, all of them of few points."""
    return distances.values[:: max(1, len(distances.values) // SAMPLE)].copy()


def with_margin(some: np.ndarray, threshold: float, factor: float) -> float:
    """Return a threshold with ``factor`` times as many of some distances below it."""
    return float(np.quantile(some, min(1.0, factor * float(np.mean(some <= threshold)))))


def levels_of(distances: Condensed) -> np.ndarray:
    """Return the distances, (n, n), rounded down to whole numbers of two bytes; no order of two is turned round."""
    largest = float(distances.values.max())
    return distances.square(np.uint16, min(LEVELS / largest, np.finfo(float).max) if largest else 0.0)
