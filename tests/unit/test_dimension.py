import numpy as np
import pytest

from topodepth.dimension import mle_dimension, ph_dimension, registry, two_nn
from topodepth.errors import InputError


def cube(dimension, n=1000, seed=0):
    return np.random.default_rng([seed, dimension]).random((n, dimension))


# Bias with 1000 uniform points: a few percent low at dimension 2, some 10 % at 5, 20 % at 10 (see the calibration).
@pytest.mark.parametrize("name", registry.names())
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
    estimates = [ph_dimension(cube(2, n=200, seed=seed), draws=4, bootstrap=200) for seed in range(30)]
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


def test_subsamples_of_coinciding_points_have_no_dimension():
    points = np.zeros((100, 2))
    points[0] = 1
    estimate = ph_dimension(points)
    assert not estimate.defined
    assert "coinciding" in estimate.note


def test_two_clusters_of_repeated_points_are_flagged_as_outside_the_law():
    points = np.repeat([[0.0, 0.0], [1.0, 0.0]], 100, axis=0)
    estimate = ph_dimension(points)
    assert estimate.value == pytest.approx(1)
    assert "at most about alpha" in estimate.note


@pytest.mark.parametrize("estimator", [two_nn, mle_dimension])
def test_of_repeated_points_neighbour_estimators_keep_one(estimator):
    points = cube(3, n=300)
    doubled = estimator(np.concatenate([points, points[:100]]))
    once = estimator(points)
    assert doubled.n_points == 300
    assert doubled.value == pytest.approx(once.value)


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
        ({"bootstrap": 0}, "bootstrap"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        ph_dimension(cube(2, n=200), **settings)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ph_dimension(cube(2, n=49)), "at least 50 points. Received: 49"),
        (lambda: two_nn(cube(2, n=9)), "TwoNN: expected at least 10 distinct points. Received: 9"),
        (lambda: mle_dimension(cube(2, n=20)), "at least 21 distinct points. Received: 20"),
        (lambda: mle_dimension(cube(2), neighbours=2), "neighbours: expected a whole number from 3"),
        (lambda: two_nn(cube(2), discard=1), "discard"),
        (lambda: ph_dimension(np.ones((60, 3))), "constant layer"),
        (lambda: two_nn(np.full((60, 3), np.nan)), "finite"),
    ],
)
def test_clouds_without_a_dimension_estimate_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
