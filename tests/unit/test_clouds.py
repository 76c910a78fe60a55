import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.topology.clouds import (
    check_cloud,
    class_members,
    distinct_rows,
    min_max_scale,
    originals,
    permuted_features,
    scale,
)


def test_min_max_scaling_maps_features_onto_the_unit_interval_and_constants_to_zero():
    scaled = min_max_scale([[1, 5, -2], [3, 5, 0], [2, 5, 2]])
    np.testing.assert_allclose(scaled, [[0, 0, 0], [1, 0, 0.5], [0.5, 0, 1]])


def test_min_max_scaling_survives_a_range_beyond_float64():
    np.testing.assert_allclose(min_max_scale([[-1.7e308], [0.0], [1.7e308]]), [[0], [0.5], [1]])


def test_scaling_none_keeps_the_points_and_an_unknown_one_lists_the_known():
    points = np.array([[1.0, 2.0], [3.0, 5.0]], dtype=np.float32)
    np.testing.assert_array_equal(scale(points, "none"), points)
    np.testing.assert_array_equal(scale(points, "minmax"), [[0, 0], [1, 1]])
    with pytest.raises(InputError, match=r"Did you mean 'minmax'.*minmax, none"):
        scale(points, "min_max")


def test_the_null_model_breaks_the_dependence_between_features():
    rng = np.random.default_rng(0)
    points = np.repeat(rng.normal(size=(500, 1)), 2, axis=1)
    permuted = permuted_features(points, rng)
    assert abs(np.corrcoef(permuted.T)[0, 1]) < 0.2
    assert np.corrcoef(points.T)[0, 1] == pytest.approx(1)


def test_class_members_are_of_the_class_distinct_and_reproducible():
    labels = np.arange(100) % 3
    first, again = (class_members(labels, 1, 20, np.random.default_rng(4)) for _ in range(2))
    assert len(set(first)) == 20
    assert set(labels[first]) == {1}
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(class_members(labels, 2, None, np.random.default_rng(4)), np.arange(2, 100, 3))
    assert len(class_members(labels, 2, 33, np.random.default_rng(4))) == 33


def test_a_class_missing_from_the_sample_names_those_that_are_there():
    with pytest.raises(InputError, match=r"class 7.*Received: classes \[0, 1\]"):
        class_members(np.array([0, 1, 1]), 7, 5, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.array([[0.0, np.nan], [1, 2]]), "finite.*1 NaN or infinite of 4"),
        (np.array([[0.0, np.inf], [1, 2]]), "finite"),
        (np.full((4, 2), 3.0), "4 equal rows, a constant layer"),
        (np.zeros((1, 2)), "at least 2 points. Received: 1"),
        (np.zeros(5), "2-D"),
        (np.array([["a"], ["b"]]), "real numbers"),
    ],
)
def test_a_bad_cloud_is_refused_by_name(points, message):
    with pytest.raises(InputError, match=f"layer 03_conv: .*{message}"):
        check_cloud(points, "layer 03_conv")


def test_a_good_cloud_passes_unchanged():
    points = np.array([[0, 1], [0, 2]], dtype=np.float32)
    assert check_cloud(points) is points


def test_whole_numbers_are_copies_only_where_they_are_equal():
    counts = np.arange(2**24 - 100, 2**24, dtype=np.float32)[:, None]
    assert len(distinct_rows(counts)) == 100
    assert len(distinct_rows(counts.astype(np.float64))) == 100
    assert len(distinct_rows(np.array([[-128], [127], [127]], dtype=np.int8))) == 2


def test_copies_of_copies_are_copies_and_the_first_counts():
    unit = np.finfo(np.float64).eps
    chain = np.pi + unit * np.pi * np.arange(6)[:, None]
    np.testing.assert_array_equal(originals(np.concatenate([chain[::-1], [[1.0]]])), [0] * 6 + [6])
    assert len(distinct_rows(np.pi + 1000 * unit * np.arange(6)[:, None])) == 6


def test_a_large_feature_does_not_hide_what_small_ones_tell_apart():
    rng = np.random.default_rng(0)
    points = np.column_stack([np.full(50, 1e6), 0.01 * rng.random((50, 3))]).astype(np.float32)
    assert len(distinct_rows(points)) == 50


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_points_that_differ_by_a_unit_in_every_feature_are_copies(dtype):
    rng = np.random.default_rng(1)
    points = (1 + rng.random((200, 40))).astype(dtype)
    moved = np.where(rng.random(points.shape) < 0.5, np.nextafter(points, dtype(9)), points)
    found = originals(np.concatenate([points, moved]))
    np.testing.assert_array_equal(found, np.tile(np.arange(200), 2))
