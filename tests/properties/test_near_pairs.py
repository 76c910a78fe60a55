"""No near pair is missed: what the exactness of the spanning tree of many points rests on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from topodepth.homology import minimum_spanning_tree_lengths, near_pairs
from topodepth.homology.distances import prepared


def points_of(n, d, kind, seed):
    rng = np.random.default_rng(seed)
    made = rng.normal(size=(n, d))
    if kind == "rectified":
        made = np.maximum(made, 0) + 1e-9 * made
    elif kind == "clusters":
        made = 100 * rng.normal(size=(4, d))[rng.integers(4, size=n)] + made
    elif kind == "far":
        made = 1e4 + made
    elif kind == "scales":
        made *= 10.0 ** rng.integers(-4, 4, size=(n, 1))
    return made


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(2, 300),
    d=st.integers(1, 40),
    kind=st.sampled_from(["plain", "rectified", "clusters", "far", "scales"]),
    seed=st.integers(0, 2**32),
    rows=st.sampled_from([16, 64, 512]),
)
def test_all_pairs_below_the_bound_of_either_point_are_found(n, d, kind, seed, rows):
    cloud = prepared(points_of(n, d, kind, seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_pairs, "ROWS", rows)
        patch.setattr(near_pairs, "COLUMNS", 3 * rows)
        patch.setattr(near_pairs, "CROWDED", n)
        squares, first, second, bounds = near_pairs.near_pairs(cloud)
    true = cdist(cloud.points * cloud.factor, cloud.points * cloud.factor, "sqeuclidean")
    np.testing.assert_allclose(squares, true[first, second], rtol=1e-9)
    found = np.zeros((n, n), dtype=bool)
    found[first, second] = found[second, first] = True
    assert np.count_nonzero(found) == 2 * len(first)  # each pair once, and none of a point with itself
    np.fill_diagonal(true, np.inf)
    assert not (true < bounds[:, None])[~found].any()
    shortest = np.where(found, true, np.inf).min(axis=1)
    assert (shortest <= bounds).all()


def test_points_that_single_precision_cannot_tell_apart_are_refused():
    cloud = prepared(1 + 1e-9 * np.random.default_rng(0).normal(size=(2000, 8)) + np.eye(2000, 8))
    assert near_pairs.near_pairs(cloud) is None


@pytest.mark.parametrize("kind", ["rectified", "clusters"])
def test_the_tree_is_the_same_with_one_thread_and_with_several(kind):
    points = points_of(4500, 20, kind, 1)
    with threadpool_limits(1):
        expected = minimum_spanning_tree_lengths(points)
    with threadpool_limits(3):
        np.testing.assert_array_equal(minimum_spanning_tree_lengths(points), expected)


def test_an_error_in_a_tile_is_told_and_leaves_the_threads_of_blas_as_they_were(monkeypatch):
    def failing(*_):
        raise MemoryError("no room")

    from threadpoolctl import threadpool_info

    before = [library["num_threads"] for library in threadpool_info()]
    monkeypatch.setattr(near_pairs, "_pairs", failing)
    with pytest.raises(MemoryError, match="no room"):
        near_pairs.near_pairs(prepared(points_of(600, 5, "plain", 0)))
    assert [library["num_threads"] for library in threadpool_info()] == before
