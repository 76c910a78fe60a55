"""H_2 from part of the edges: nothing is born after the length that is found, and the diagrams are those of all."""

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from topodepth.homology import distance_matrix, engines, h2, persistence_diagrams
from topodepth.homology.condensed import Condensed

RNG = np.random.default_rng(0)
HEIGHTS, TURNS = np.linspace(-1, 1, 105), 2.4 * np.arange(105)  # a spiral that covers a sphere evenly
SPHERE = np.column_stack([np.sqrt(1 - HEIGHTS**2) * np.cos(TURNS), np.sqrt(1 - HEIGHTS**2) * np.sin(TURNS), HEIGHTS])
CLOUDS = {
    "features": np.maximum(0, RNG.normal(size=(10, 32))[RNG.integers(10, size=200)] + 0.7 * RNG.normal(size=(200, 32))),
    "sphere": SPHERE,
    "octahedron": np.concatenate([np.eye(3), -np.eye(3), [1, 0, 0] + 1e-3 * RNG.normal(size=(100, 3))]),
    "pairs": np.repeat(RNG.normal(size=(60, 4)), 2, axis=0),
    "grid": np.stack(np.meshgrid(*3 * [np.arange(5.0)]), axis=-1).reshape(-1, 3),
    "0s and 1s": RNG.integers(0, 2, size=(105, 8)).astype(float),
    "all equally far": np.eye(110),
}


def link_is_connected(matrix, u, v):
    """Return whether the link of an edge is connected whatever the order of edges of equal length."""
    farther, length = np.maximum(matrix[u], matrix[v]), matrix[u, v]
    surely = np.flatnonzero(farther < length)
    maybe = np.setdiff1d(np.flatnonzero(farther == length), [u, v])
    shorter = matrix < length
    reached = shorter[np.ix_(maybe, surely)].any(axis=1).all()
    return bool(reached and len(surely) and connected_components(shorter[np.ix_(surely, surely)])[0] == 1)


@pytest.mark.parametrize("name", CLOUDS)
def test_every_longer_edge_has_a_connected_link(name):
    matrix = distance_matrix(CLOUDS[name])
    birth, radius = h2.last_birth(Condensed.of_matrix(matrix)), matrix.max(axis=1).min()
    longer = np.argwhere(np.triu((matrix > birth) & (matrix <= radius)))
    assert all(link_is_connected(matrix, u, v) for u, v in longer[:: max(1, len(longer) // 300)])


@pytest.mark.parametrize("name", CLOUDS)
def test_part_of_the_edges_gives_the_h2_of_all(name):
    found, expected = (persistence_diagrams(CLOUDS[name], max_dim=2, engine=engine) for engine in ("auto", "gudhi"))
    for one, all_edges in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, all_edges)
    birth = h2.last_birth(Condensed.of_matrix(distance_matrix(CLOUDS[name])))
    assert max(bars[:, 0].max(initial=0) for bars in expected[1:]) <= birth * (1 + 1e-11)


def thresholds_of(points, monkeypatch):
    """Return the share of edges up to each threshold that is tried, and the diagrams."""
    shares, compute = [], engines.gudhi_diagrams

    def spy(distances, max_dim, threshold):
        shares.append(np.mean(distances.values <= threshold))
        return compute(distances, max_dim, threshold)

    monkeypatch.setitem(engines.COMPUTE, "gudhi", spy)
    return shares, persistence_diagrams(points, max_dim=2)


def test_h2_of_features_is_complete_with_under_half_of_the_edges(monkeypatch):
    shares, _ = thresholds_of(CLOUDS["features"], monkeypatch)
    assert len(shares) == 1
    assert shares[0] < 0.5


def test_a_void_that_outlives_the_first_threshold_is_followed_to_its_death(monkeypatch):
    monkeypatch.setattr(h2, "MARGIN", 1.0)
    monkeypatch.setattr(h2, "LEAST", 1)
    shares, (_, _, voids) = thresholds_of(CLOUDS["octahedron"], monkeypatch)
    assert len(shares) > 1
    np.testing.assert_allclose(voids[-1:], [[2**0.5, 2]], rtol=0.01)
