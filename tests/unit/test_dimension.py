import warnings

import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.topology.dimension import mle_dimension, ph_dimension, registry, two_nn


def cube(dimension, n=1000, seed=0):
    return np.random.default_rng([seed, dimension]).random((n, dimension))


# Bias with 1000 uniform points: a few percent low at dimension 2, some 10 % at 5, 20 % at 10 (see the calibration).
@pytest.mark.parametrize("name", [name for name in registry.names() if name != "gride_32"])  # a scale near the border's
@pytest.mark.parametrize(("dimension", "low", "high"), [(1, 0.9, 1.1), (2, 1.8, 2.15), (5, 4.1, 5.2), (10, 7.3, 9.5)])
def test_uniform_cubes_have_their_dimension_within_the_stated_bias(name, dimension, low, high):
    estimate = registry.get(name)(cube(dimension), seed=0)
    assert low < estimate.value < high
    assert estimate.ci_low < estimate.value < estimate.ci_high
    assert estimate.n_points == 1000
    assert estimate.defined


@pytest.mark.parametrize("name", registry.names())
def test_a_linear_subspace_keeps_its_dimension_in_any_space(name):
    points = cube(3, n=400)
    basis = np.linalg.qr(np.random.default_rng(1).normal(size=(50, 3)))[0]
    embedded = registry.get(name)(points @ basis.T + 10, seed=2)
    assert embedded.value == pytest.approx(registry.get(name)(points, seed=2).value, rel=1e-6)


@pytest.mark.parametrize("name", registry.names())
def test_the_same_call_twice_gives_the_same_estimate(name):
    points = cube(3, n=200)
    first, second = (registry.get(name)(points, seed=5) for _ in range(2))
    assert (first.value, first.ci_low, first.ci_high) == (second.value, second.ci_low, second.ci_high)


def test_another_seed_draws_other_subsamples():
    points = cube(3, n=200)
    assert (ph_dimension(points, seed=1).lengths != ph_dimension(points, seed=2).lengths).any()


def test_the_line_is_told_with_its_points():
    estimate = ph_dimension(cube(2, n=300), sizes=[50, 100, 200, 300], draws=4)
    np.testing.assert_array_equal(estimate.sizes, [50, 100, 200, 300])
    assert estimate.lengths.shape == (4, 4)
    assert 0.9 < estimate.r_squared <= 1
    slope = np.polyfit(np.log(estimate.sizes), np.log(estimate.lengths).mean(axis=1), 1)[0]
    assert estimate.value == pytest.approx(1 / (1 - slope))


def test_alpha_changes_the_weight_of_edges_but_hardly_the_dimension():
    points = cube(3, n=600)
    assert ph_dimension(points, alpha=0.5).value == pytest.approx(ph_dimension(points).value, rel=0.1)


def test_default_sizes_spread_from_a_sixth_to_nearly_all_points():
    sizes = ph_dimension(cube(2, n=600), draws=1).sizes
    assert (len(sizes), sizes[0], sizes[-1]) == (8, 100, 588)


def test_the_interval_covers_the_estimators_own_mean():
    estimates = [ph_dimension(cube(2, n=200, seed=seed), draws=4) for seed in range(30)]
    mean = np.mean([estimate.value for estimate in estimates])
    covered = sum(estimate.ci_low < mean < estimate.ci_high for estimate in estimates)
    assert covered >= 25  # 28.5 expected of 30 at 95 %


def test_equally_distant_points_have_no_dimension_and_say_why():
    estimate = ph_dimension(np.eye(60))
    assert not estimate.defined
    assert np.isnan([estimate.value, estimate.ci_low, estimate.ci_high]).all()
    assert "no dimension" in estimate.note
    assert not two_nn(np.eye(60)).defined
    assert not mle_dimension(np.eye(60)).defined


@pytest.mark.parametrize("name", registry.names())
def test_where_copies_leave_too_few_points_there_is_no_dimension_and_a_note(name):
    points = np.zeros((100, 2))
    points[0] = 1
    estimate = registry.get(name)(points)
    assert not estimate.defined
    assert np.isnan([estimate.ci_low, estimate.ci_high]).all()
    assert estimate.n_points == 2
    assert "no dimension" in estimate.note
    assert "98 of 100 points repeat others" in estimate.note


def test_a_sum_that_falls_with_more_points_is_flagged_as_outside_the_law():
    estimate = ph_dimension(cube(1, n=300), alpha=2)  # the law asks for alpha below the dimension
    assert estimate.value == pytest.approx(1, rel=0.1)
    assert "at most about alpha" in estimate.note


def same(one, other, **tolerance):
    for key in ("value", "ci_low", "ci_high"):
        assert getattr(one, key) == pytest.approx(getattr(other, key), **tolerance)
    assert one.n_points == other.n_points


@pytest.mark.parametrize("name", registry.names())
def test_exact_copies_count_once(name):
    points = cube(5, n=900)
    once = registry.get(name)(points)
    assert once.note == ""
    again = registry.get(name)(np.concatenate([points, points[:100]]))
    same(again, once, rel=1e-12)
    assert again.note == "100 of 1000 points repeat others within rounding and are left out"
    same(registry.get(name)(np.repeat(points[:500], 2, axis=0)), registry.get(name)(points[:500]), rel=1e-12)


def float32_features(n=600, d=768, seed=0):
    """A 5-cube in many float32 columns, away from zero."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(d, 5)))[0]
    return (rng.random((n, 5)) @ basis.T + 3).astype(np.float32)


@pytest.mark.parametrize("name", registry.names())
@pytest.mark.parametrize("as_float64", [False, True])
def test_copies_that_differ_by_rounding_count_once(name, as_float64):
    points = float32_features()
    noise = 1e-7 * np.random.default_rng(1).normal(size=(30, 768))
    twice = np.concatenate([points, (points[:30] + noise).astype(np.float32)])
    assert (twice[600:] != points[:30]).any(axis=1).all()
    found = registry.get(name)(twice.astype(np.float64) if as_float64 else twice)
    same(found, registry.get(name)(points), rel=1e-4)
    assert found.note.startswith("30 of 630 points repeat others")


@pytest.mark.parametrize("name", ["two_nn", "mle"])
def test_copies_are_the_same_whatever_the_order_and_the_unit(name):
    points = float32_features(300, 20)
    noise = 1e-7 * np.random.default_rng(2).normal(size=(40, 20))
    twice = np.concatenate([points, (points[:40] + noise).astype(np.float32)])
    shuffled = np.random.default_rng(3).permutation(twice)
    units = np.float32(2.0) ** np.random.default_rng(4).integers(-3, 3)
    one, other = registry.get(name)(units * shuffled), registry.get(name)(twice)
    assert (one.value, one.n_points) == (pytest.approx(other.value, rel=1e-4), other.n_points)
    widths = [estimate.ci_high - estimate.ci_low for estimate in (one, other)]  # of other halves of the points
    assert widths[0] == pytest.approx(widths[1], rel=0.4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", registry.names())
def test_a_confident_networks_outputs_give_a_value_with_interval_or_a_note(name, dtype):
    logits = 40 * np.random.default_rng(0).normal(size=(600, 10))
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimate = registry.get(name)((shares / shares.sum(axis=1, keepdims=True)).astype(dtype))
    assert estimate.n_points < 600
    assert f"{600 - estimate.n_points} of 600 points repeat others" in estimate.note
    assert 0 < estimate.ci_low < estimate.value < estimate.ci_high < np.inf


def test_sizes_beyond_the_distinct_points_become_their_number():
    points = cube(2, n=200)
    estimate = ph_dimension(np.concatenate([points, points[:50]]), sizes=[60, 120, 240])
    np.testing.assert_array_equal(estimate.sizes, [60, 120, 200])
    assert estimate.defined
    alone = ph_dimension(np.concatenate([points, points[:50]]), sizes=[210, 240])
    assert not alone.defined
    assert "no dimension" in alone.note


@pytest.mark.parametrize("name", registry.names())
def test_an_estimate_prints_as_one_short_line_that_says_what_its_interval_covers(name):
    estimate = registry.get(name)(cube(2, n=200))
    for part in (
        f"{estimate.value:.4g}",
        f"{estimate.ci_low:.4g} to {estimate.ci_high:.4g}",
        "200 points",
        "not the bias",
    ):
        assert part in repr(estimate)
    assert "array" not in repr(estimate)
    assert len(repr(estimate)) < 140
    assert ("R²" in repr(estimate)) == (name == "ph_dimension")
    undefined = repr(registry.get(name)(np.eye(80)))
    assert "undefined" in undefined
    assert "no dimension" in undefined


@pytest.mark.parametrize("dimension", [2, 5])
def test_cross_checks_agree_with_scikit_dimension(dimension):
    skdim = pytest.importorskip("skdim", reason="scikit-dimension is not installed")
    points = cube(dimension, n=500)
    assert two_nn(points).value == pytest.approx(skdim.id.TwoNN().fit(points).dimension_, rel=1e-9)
    pooled = skdim.id.MLE().fit_transform(points, n_neighbors=20, comb="mle")
    assert mle_dimension(points, neighbours=20).value == pytest.approx(pooled, rel=1e-9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sizes": [100, 500]}, "at most the number of points, 200. Received: 500"),
        ({"sizes": [100, 50]}, "ascending"),
        ({"sizes": [50, 50, 100]}, "ascending"),
        ({"sizes": [100]}, "at least two"),
        ({"sizes": [1, 100]}, "from 2"),
        ({"sizes": [10.5, 100.5]}, "whole numbers"),
        ({"alpha": 0}, "alpha: expected a positive"),
        ({"draws": 0}, "draws: expected a whole number from 1"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        ph_dimension(cube(2, n=200), **settings)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ph_dimension(cube(2, n=49)), "at least 50 points. Received: 49"),
        (lambda: two_nn(cube(2, n=9)), "TwoNN: expected at least 10 points. Received: 9"),
        (lambda: mle_dimension(cube(2, n=20)), "at least 21 points. Received: 20"),
        (lambda: mle_dimension(cube(2), neighbours=2), "neighbours: expected a whole number from 3"),
        (lambda: two_nn(cube(2), discard=1), "discard"),
        (lambda: ph_dimension(np.ones((60, 3))), "constant layer"),
        (lambda: two_nn(np.full((60, 3), np.nan)), "finite"),
    ],
)
def test_clouds_without_a_dimension_estimate_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
