"""No near pair is missed: what the exactness of the spanning tree of many points rests on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_info, threadpool_limits

from topodepth.homology import large_tree, minimum_spanning_tree_lengths, near_pairs
from topodepth.homology.distances import prepared
from topodepth.homology.near_pairs import NONE, CrowdedError, NearPairs, Row
from topodepth.homology.spanning_tree import _distinct


def points_of(n, d, kind, seed):
    rng = np.random.default_rng(seed)
    made = rng.normal(size=(n, d))
    if kind == "rectified":
        made = np.maximum(made, 0) + 1e-9 * made
    elif kind == "clusters":
        made = 100 * rng.normal(size=(4, d))[rng.integers(4, size=n)] + made
    elif kind == "nested":
        made += sum(10.0**k * rng.normal(size=(3**k, d))[rng.integers(3**k, size=n)] for k in (1, 2, 3))
    elif kind == "far":
        made = 1e4 + made
    elif kind == "scales":
        made *= 10.0 ** rng.integers(-4, 4, size=(n, 1))
    elif kind == "dense and sparse":
        made[: n // 2] *= 1e-3
        made[: n // 4] += 1
    return made


KINDS = ["plain", "rectified", "clusters", "nested", "far", "scales", "dense and sparse"]
CLOUDS = {
    "n": st.integers(2, 300),
    "d": st.integers(1, 40),
    "kind": st.sampled_from(KINDS),
    "seed": st.integers(0, 2**32),
}


def small_tiles(patch, rows):
    patch.setattr(near_pairs, "ROWS", rows)
    patch.setattr(near_pairs, "COLUMNS", 3 * rows)
    patch.setattr(near_pairs, "CROWDED", 300)


def true_squares(cloud):
    return cdist(cloud.points * cloud.factor, cloud.points * cloud.factor, "sqeuclidean")


@settings(max_examples=60, deadline=None)
@given(**CLOUDS, rows=st.sampled_from([16, 64, 512]))
def test_the_threshold_of_a_point_is_just_above_its_distance_to_the_nearest_of_the_sample(n, d, kind, seed, rows):
    cloud = prepared(points_of(n, d, kind, seed))
    with pytest.MonkeyPatch.context() as patch:
        small_tiles(patch, rows)
        search = NearPairs(cloud)
        nearest, thresholds = search.nearest_of_sample()
    true = true_squares(cloud)[:, : search.sampled]
    np.fill_diagonal(true, np.inf)
    found = true[np.arange(n), nearest]
    assert (found < thresholds).all()
    norms = near_pairs.squared_norms(cloud.centred)
    np.testing.assert_allclose(thresholds, true.min(axis=1), rtol=1e-6, atol=1e-4 * (d + 4) * norms.max())


@settings(max_examples=100, deadline=None)
@given(**CLOUDS, rows=st.sampled_from([16, 64, 512]), parts=st.integers(1, 12), only_gaps=st.booleans())
def test_all_pairs_below_their_threshold_are_found_once(rows, parts, only_gaps, **made):
    n, seed = made["n"], made["seed"]
    cloud = prepared(points_of(**made))
    rng = np.random.default_rng(seed)
    true = true_squares(cloud)
    order = rng.permutation(n)[: max(2, n - 3)]
    some = rng.choice(true[true > 0], size=(2, len(order))).astype(np.float32)
    gaps = np.full(len(order), NONE)
    gaps[rng.integers(1, len(order), size=parts)] = some[0, 0]
    own = np.full(len(order), NONE) if only_gaps else np.quantile(some[1], 0.1) * np.sort(rng.random(len(order)))
    known = np.where(rng.random(len(order)) < 0.3, some[1], NONE) if only_gaps else np.full(len(order), NONE)
    row = Row(order, own.astype(np.float32), gaps, known.astype(np.float32))
    with pytest.MonkeyPatch.context() as patch:
        small_tiles(patch, rows)
        squares, first, second = NearPairs(cloud).below([row])
    np.testing.assert_allclose(squares, true[first, second], rtol=1e-9)
    found = np.zeros((n, n), dtype=bool)
    found[first, second] = found[second, first] = True
    assert np.count_nonzero(found) == 2 * len(first)  # each pair once, and none of a point with itself
    for i, one in enumerate(order):
        for j in range(i + 1, len(order)):
            threshold = max(row.own[i], row.own[j], row.gaps[i + 1 : j + 1].max())
            if max(row.known[i], row.known[j]) <= true[one, order[j]] < threshold:
                assert found[one, order[j]]


@settings(max_examples=150, deadline=None)
@given(**CLOUDS, rows=st.sampled_from([16, 64]), few=st.sampled_from([2, 8, 1024]), within=st.sampled_from([0.5, 0.99]))
def test_the_tree_of_many_points_is_scipys(rows, few, within, **made):
    n = made["n"]
    cloud = _distinct(prepared(points_of(**made)))[0]
    with pytest.MonkeyPatch.context() as patch:
        small_tiles(patch, rows)
        patch.setattr(large_tree, "FEW", few)
        patch.setattr(large_tree, "WITHIN", within)
        squares, first, second = large_tree.tree_of_many(cloud)
    true = true_squares(cloud)
    np.testing.assert_allclose(squares, true[first, second], rtol=1e-9)
    # sparse, for SciPy 1.17 takes entries of a dense graph below about 1e-8 as no edge
    np.testing.assert_allclose(np.sort(squares), np.sort(minimum_spanning_tree(csr_array(true)).data), rtol=1e-9)
    assert np.linalg.matrix_rank(np.eye(n)[first] - np.eye(n)[second]) == n - 1  # a tree: no edge closes a cycle


def test_points_that_single_precision_cannot_tell_apart_are_refused():
    cloud = prepared(np.eye(2000, 8) + 1e-6 * np.random.default_rng(0).normal(size=(2000, 8)))
    with pytest.raises(CrowdedError):
        large_tree.tree_of_many(cloud)
    squares = np.sort(large_tree.tree_of_many(cloud, np.float64)[0])
    np.testing.assert_allclose(squares, np.sort(minimum_spanning_tree(csr_array(true_squares(cloud))).data), rtol=1e-9)


@pytest.mark.parametrize(
    ("kind", "most"), [("plain", 0.8), ("clusters", 0.8), ("nested", 0.8), ("dense and sparse", 1.0)]
)
def test_few_distances_are_computed_twice(kind, most, monkeypatch):
    entries = []
    of_tile = NearPairs._of_tile

    def counted(self, room, points, *tile):
        entries.append(len(points.row.order[tile[0]]) * len(points.row.order[tile[1]]))
        return of_tile(self, room, points, *tile)

    monkeypatch.setattr(NearPairs, "_of_tile", counted)
    n = 5000
    large_tree.tree_of_many(_distinct(prepared(points_of(n, 20, kind, 2)))[0], np.float64)
    assert n**2 / 2 < sum(entries) < most * n**2


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

    before = [library["num_threads"] for library in threadpool_info()]
    monkeypatch.setattr(NearPairs, "_of_tile", failing)
    with pytest.raises(MemoryError, match="no room"):
        large_tree.tree_of_many(prepared(points_of(600, 5, "plain", 0)))
    assert [library["num_threads"] for library in threadpool_info()] == before
