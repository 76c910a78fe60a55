"""Trees of subsets from lists of near points, or grown together, are those of the full graph, to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topodepth.homology import SubsetTrees, squared_distance_matrix, subset_trees
from topodepth.homology.spanning_tree import prim

KINDS = {
    "plain": lambda rng, n, d: rng.normal(size=(n, d)),
    "far clusters": lambda rng, n, d: 1e3 * np.eye(3, d)[rng.integers(3, size=n)] + rng.normal(size=(n, d)),
    "copies": lambda rng, n, d: rng.normal(size=(max(2, n // 3), d))[rng.integers(max(2, n // 3), size=n)],
    "a grid": lambda rng, n, d: rng.integers(4, size=(n, d)).astype(float),
    "an outlier": lambda rng, n, d: rng.normal(size=(n, d)) + 1e5 * (np.arange(n) == 0)[:, None],
}


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    n=st.integers(20, 150),
    d=st.integers(1, 12),
    near=st.integers(1, 12),
    share=st.floats(0.1, 1),
    seed=st.integers(0, 2**32),
)
def test_lists_and_the_full_graph_give_the_same_tree(kind, n, d, near, share, seed):  # noqa: PLR0917
    rng = np.random.default_rng(seed)
    squares = squared_distance_matrix(KINDS[kind](rng, n, d))
    members = rng.permutation(n)[: max(2, int(share * n))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subset_trees, "NEAR", near)
        patch.setattr(subset_trees, "LEAST", 0)
        patch.setattr(subset_trees, "FEW", 0)
        patch.setattr(subset_trees, "DOUBTFUL", np.inf)
        found = SubsetTrees(squares).lengths(members)
    inner = squares[np.ix_(members, members)]
    np.testing.assert_array_equal(found, np.sqrt(prim(lambda i: inner[i], len(members))))


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    n=st.integers(4, 80),
    sizes=st.lists(st.integers(1, 80), min_size=1, max_size=9),
    at_once=st.integers(1, 9),
    seed=st.integers(0, 2**32),
)
def test_trees_grown_together_are_those_grown_one_by_one(kind, n, sizes, at_once, seed):
    rng = np.random.default_rng(seed)
    squares = squared_distance_matrix(KINDS[kind](rng, n, 3))
    members = rng.permutation(n)[: rng.integers(3, n)]
    subsets = [rng.permutation(members)[:size] for size in sizes]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subset_trees, "AT_ONCE", at_once)
        found = list(SubsetTrees(squares).of_many(members, subsets))
    assert len(found) == len(subsets)
    for lengths, subset in zip(found, subsets, strict=True):
        inner = squares[np.ix_(subset, subset)]
        np.testing.assert_array_equal(lengths, np.sqrt(prim(lambda i: inner[i], len(subset))))  # noqa: B023


def test_which_way_is_taken_depends_on_how_many_of_the_listed_points_a_subset_holds(monkeypatch):
    rng = np.random.default_rng(0)
    trees = SubsetTrees(squared_distance_matrix(rng.normal(size=(4000, 3))))
    asked = []
    monkeypatch.setattr(subset_trees, "prim", lambda row, n: asked.append(n) or np.zeros(n - 1))
    for m in (100, 250, 400, 3000):
        assert len(trees.lengths(rng.permutation(4000)[:m])) == m - 1
    assert asked == [100, 250]


def test_far_clusters_are_left_to_the_full_graph(monkeypatch):
    rng = np.random.default_rng(1)
    trees = SubsetTrees(squared_distance_matrix(KINDS["far clusters"](rng, 900, 5)))
    asked = []
    monkeypatch.setattr(subset_trees, "prim", lambda row, n: asked.append(n) or np.zeros(n - 1))
    trees.lengths(np.arange(800))
    assert asked == [800]


def test_many_subsets_grow_together_among_few_points_and_one_by_one_among_more(monkeypatch):
    rng = np.random.default_rng(2)
    trees = SubsetTrees(squared_distance_matrix(rng.normal(size=(1100, 3))))
    together = []
    monkeypatch.setattr(subset_trees, "prim_together", lambda _, subsets: together.append(len(subsets)) or subsets)
    for m in (1024, 1025):
        assert len(list(trees.of_many(rng.permutation(1100)[:m], [np.arange(5)] * 100))) == 100
    assert together == [80, 20]
