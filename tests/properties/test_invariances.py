"""What must hold of any cloud: invariances, and the agreement of independent ways to the same result."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topodepth.homology import minimum_spanning_tree_lengths, persistence_diagrams
from topodepth.topology.clouds import min_max_scale, permuted_features
from topodepth.topology.descriptors import lifespan_sum
from topodepth.topology.dimension import registry

quick = settings(max_examples=25, deadline=None, derandomize=True)


@st.composite
def clouds(draw, least=2, most=40):
    """Clouds of several kinds: normal, rectified (many zeros), on a grid (many ties), with repeated points."""
    seed = draw(st.integers(0, 2**32 - 1))
    n, d = draw(st.integers(least, most)), draw(st.integers(1, 12))
    kind = draw(st.sampled_from(["normal", "rectified", "grid", "repeated"]))
    points = np.random.default_rng(seed).normal(size=(n, d))
    if kind == "rectified":
        points = np.maximum(points, 0)
    elif kind == "grid":
        points = np.round(points)
    elif kind == "repeated":
        points[: n // 2] = points[n - n // 2 :]
    return points


seeds = st.integers(0, 2**32 - 1)


def assert_same(one, other, scale=1.0, tolerance=1e-6):
    """Compare diagrams as sets of bars: bars shorter than the tolerance may come and go with rounding."""
    unit = tolerance * scale
    for pair in zip(one, other, strict=True):
        a, b = (bars[bars[:, 1] - bars[:, 0] > 10 * unit] for bars in pair)
        assert a.shape == b.shape
        np.testing.assert_allclose(np.sort(a[:, 0]), np.sort(b[:, 0]), rtol=tolerance, atol=unit)
        np.testing.assert_allclose(np.sort(a[:, 1]), np.sort(b[:, 1]), rtol=tolerance, atol=unit)


@quick
@given(clouds(), st.sampled_from([1, 2]))
def test_the_engines_agree_to_float32(points, max_dim):
    auto, redzed, gudhi, ripser = (
        persistence_diagrams(points, max_dim=max_dim, engine=name) for name in ("auto", "redzed", "gudhi", "ripser")
    )
    scale = max(1.0, np.abs(points).max())
    for one, other in zip(redzed, gudhi, strict=True):
        np.testing.assert_array_equal(one, other)
    assert_same(auto, gudhi, scale, 1e-9)
    assert_same(auto, ripser, scale, 2e-6)


@quick
@given(clouds())
def test_the_finite_h0_bars_are_the_tree(points):
    lengths = minimum_spanning_tree_lengths(points)
    deaths = persistence_diagrams(points, max_dim=0, engine="gudhi")[0][:-1, 1]
    np.testing.assert_allclose(deaths, lengths[lengths > 0], rtol=1e-7)


@quick
@given(clouds(), seeds)
def test_diagrams_do_not_depend_on_the_order_of_points(points, seed):
    shuffled = np.random.default_rng(seed).permutation(points)
    assert_same(persistence_diagrams(points), persistence_diagrams(shuffled), np.abs(points).max(), 1e-9)


@quick
@given(clouds(), seeds)
def test_diagrams_do_not_change_under_rotation_and_translation(points, seed):
    rng = np.random.default_rng(seed)
    d = points.shape[1]
    moved = points @ np.linalg.qr(rng.normal(size=(d, d)))[0] + rng.normal(size=d)
    assert_same(persistence_diagrams(points), persistence_diagrams(moved), 1 + np.abs(points).max(), 1e-7)


@quick
@given(clouds(), st.floats(1e-6, 1e6))
def test_bars_scale_with_the_points(points, factor):
    scaled = persistence_diagrams(factor * points)
    for one, other in zip(persistence_diagrams(points), scaled, strict=True):
        assert lifespan_sum(other) == pytest.approx(factor * lifespan_sum(one), rel=1e-6, abs=1e-9 * factor)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.sampled_from(registry.names()), seeds, st.floats(1e-3, 1e3))
def test_a_dimension_has_no_unit_and_no_place(name, seed, factor):
    points = np.random.default_rng(seed).normal(size=(80, 4))
    estimator = registry.get(name)
    moved = estimator(factor * points + factor, seed=1)
    assert moved.value == pytest.approx(estimator(points, seed=1).value, rel=1e-6)


@quick
@given(clouds(), seeds)
def test_the_null_model_keeps_the_values_of_every_feature(points, seed):
    permuted = permuted_features(points, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.sort(permuted, axis=0), np.sort(points, axis=0))


@quick
@given(clouds())
def test_min_max_scaling_twice_is_scaling_once(points):
    once = min_max_scale(points)
    assert once.min() == 0
    assert once.max() <= 1
    np.testing.assert_allclose(min_max_scale(once), once)
