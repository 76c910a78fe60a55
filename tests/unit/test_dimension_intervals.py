"""Intervals of dimensions from disjoint parts of the sample, and what the calibration says of the bias."""

from functools import partial

import numpy as np
import pytest

from topodepth.homology import distance_matrix, nearest_distances, nearest_neighbours
from topodepth.topology.dimension import DimensionEstimate, calibration, mle_dimension, ph_dimension, registry, two_nn
from topodepth.topology.dimension.spread import enough, log_interval, within

SHAPES = calibration.SHAPES
CALIBRATED = sorted({name for name, _, _ in calibration.MEANS})


def cloud(shape, dimension, n, seed):
    rng = np.random.default_rng([seed, dimension, n])
    if shape == "cube":
        return rng.random((n, dimension))
    points = rng.normal(size=(n, dimension + (shape == "sphere")))
    return points / np.linalg.norm(points, axis=1, keepdims=True) if shape == "sphere" else points


@pytest.mark.parametrize(
    ("estimator", "samples"), [(two_nn, 120), (mle_dimension, 120), (partial(ph_dimension, draws=2), 40)]
)
@pytest.mark.parametrize(("shape", "dimension"), [("sphere", 2), ("gaussian", 5)])
def test_intervals_are_as_wide_as_estimates_scatter_between_samples(estimator, samples, shape, dimension):
    """Independent ratios (value/√n) would be 1.4 standard deviations wide instead of 2."""
    found = [estimator(cloud(shape, dimension, 200, seed)) for seed in range(samples)]
    value, low, high = np.array([(each.value, each.ci_low, each.ci_high) for each in found]).T
    mean, half = value.mean(), np.mean(high - low) / 2
    assert half / value.std(ddof=1) == pytest.approx(2.1, rel=0.2)
    assert np.mean((low < mean) & (mean < high)) > 0.9


def test_neighbours_have_the_distances_of_the_matrix_and_the_indices_that_give_them():
    points = np.random.default_rng(1).normal(size=(80, 3))
    matrix = distance_matrix(points)
    distances, indices = nearest_neighbours(points, 4, 20)
    np.testing.assert_allclose(distances, np.sort(matrix, axis=1)[:, 1:21], rtol=1e-12)
    np.testing.assert_allclose(matrix[np.arange(80)[:, None], indices], distances, rtol=1e-12)
    assert all(len(set(row)) == 20 and number not in row for number, row in enumerate(indices.tolist()))


@pytest.mark.parametrize("grid", [False, True])
def test_the_nearest_are_the_same_bits_however_many_are_asked_for(grid):
    points = np.random.default_rng(2).normal(size=(200, 4))
    points = np.round(points) / 3 + np.arange(200)[:, None] * 1e-3 if grid else points
    for reach in (2, 31, 199):
        np.testing.assert_array_equal(nearest_neighbours(points, 2, reach)[0][:, :2], nearest_distances(points, 2))


@pytest.mark.parametrize("k", [2, 20])
def test_neighbours_within_a_half_are_those_that_its_points_have_alone(k):
    points = np.random.default_rng(3).random((400, 3))
    distances, indices = nearest_neighbours(points, k, enough(k))
    half = np.random.default_rng(4).permutation(400) < 200
    near = within(distances, half[indices] == half[:, None], k)
    for side in (half, ~half):
        np.testing.assert_allclose(near[side], nearest_distances(points[side], k), rtol=1e-9)


def test_a_point_whose_neighbours_are_all_of_the_other_half_takes_the_farthest_of_them():
    distances = np.array([[1.0, 2, 3, 4], [1, 2, 3, 4]])
    own = np.array([[False, True, False, False], [True, False, True, True]])
    np.testing.assert_array_equal(within(distances, own, 2), [[2, 4], [1, 3]])


def test_the_interval_of_a_logarithm():
    low, high = log_interval(6.0, 0.01, 50)
    assert high / 6 == pytest.approx(np.exp(0.1 * 2.008559))  # Student's t, 50 degrees of freedom
    assert low * high == pytest.approx(36)
    assert np.isnan(log_interval(6.0, 0.0, 50)).all()


def test_halves_without_enough_neighbours_give_a_value_without_interval():
    points = np.random.default_rng(5).random((41, 2))
    assert np.isfinite(mle_dimension(points).value)
    assert np.isnan([mle_dimension(points).ci_low, mle_dimension(points).ci_high]).all()
    assert np.isfinite(mle_dimension(points, neighbours=19).ci_low)
    assert np.isfinite(two_nn(points[:10]).ci_low)
    assert np.isfinite(ph_dimension(np.random.default_rng(6).random((50, 2))).ci_low)


def test_ties_leave_the_interval_to_the_halves_that_have_a_value():
    counts = np.random.default_rng(7).integers(0, 4, size=(300, 8)).astype(np.uint8)
    for estimator in (two_nn, mle_dimension):
        found = estimator(counts)
        assert 0 < found.ci_low < found.value < found.ci_high


@pytest.mark.parametrize("estimator", CALIBRATED)
def test_the_calibration_gives_back_the_dimensions_it_was_made_of(estimator):
    for place, dimension in enumerate(calibration.DIMENSIONS[:-1]):
        means = [dimension * calibration.MEANS[estimator, shape, 1000][place] for shape in SHAPES]
        for mean in means:
            truth = calibration.truth(estimator, mean, mean, mean, 1000)
            assert truth.true_low <= dimension * (1 + 1e-9)
            assert truth.true_high >= dimension * (1 - 1e-9)
        lowest, highest = (calibration.truth(estimator, mean, mean, mean, 1000) for mean in (min(means), max(means)))
        assert lowest.true_high == pytest.approx(dimension)
        assert highest.true_low == pytest.approx(dimension)
        assert abs(lowest.bias) >= abs(min(means) - dimension) * (1 - 1e-9)  # the largest of the shapes
        assert abs(highest.bias) >= abs(max(means) - dimension) * (1 - 1e-9)


@pytest.mark.parametrize("estimator", CALIBRATED)
def test_calibration_curves_rise_with_the_dimension_so_that_they_can_be_inverted(estimator):
    for shape in SHAPES:
        for n in calibration.POINTS:
            means = np.multiply(calibration.DIMENSIONS, calibration.MEANS[estimator, shape, n])
            assert (np.diff(np.log(means)) > 0).all()


def test_between_the_curves_of_two_numbers_of_points_lies_that_of_one_between_them():
    lows = [calibration.truth("mle", 9.0, 9.0, 9.0, n).true_high for n in (500, 700, 1000, 5000, 50_000)]
    assert lows[0] > lows[1] > lows[2] > lows[3]
    assert lows[3] == lows[4]  # more points than the curves have


def test_where_there_is_no_curve_nothing_is_said_of_the_bias():
    points = cloud("cube", 2, 300, 8)
    for found in (
        two_nn(points[:199]),
        two_nn(points, discard=0.2),
        mle_dimension(points, neighbours=10),
        ph_dimension(points, alpha=0.5),
        ph_dimension(points, sizes=[100, 200, 300]),
        registry.get("gride_4")(points),
    ):
        assert np.isnan([found.bias, found.true_low, found.true_high]).all()
        assert found.resolved


def test_beyond_the_curves_the_true_dimension_has_no_upper_bound():
    found = two_nn(cloud("gaussian", 50, 400, 9))
    assert found.true_high == np.inf
    assert found.true_low < 50
    assert not found.resolved


def test_a_bias_larger_than_the_interval_is_not_resolved():
    assert DimensionEstimate(8.0, 7.5, 8.5, 1000, "", bias=-0.4).resolved
    assert not DimensionEstimate(8.0, 7.5, 8.5, 1000, "", bias=-0.6).resolved
    assert DimensionEstimate(8.0, 7.5, 8.5, 1000, "").resolved  # nothing is known of it


@pytest.mark.parametrize("shape", SHAPES)
def test_the_range_of_true_dimensions_holds_the_truth_where_the_interval_does_not(shape):
    found = [mle_dimension(cloud(shape, 10, 500, seed)) for seed in range(20)]
    assert not any(each.ci_low < 10 < each.ci_high for each in found)
    assert sum(each.true_low < 10 < each.true_high for each in found) >= 18
    assert not any(each.resolved for each in found)
    assert all(each.bias < -1 for each in found)
