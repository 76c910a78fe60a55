"""The weights along a training are recorded as they are or nearly so, and their topology has its known answers."""

import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.files import hdf5
from topodepth.topology import trajectory
from topodepth.training.trajectory import Trajectory, project

RNG = np.random.default_rng(0)


def recorded(steps, size=5, **settings):
    found = Trajectory(**{"every": 1, "last": 100, "dimensions": 10, "seed": 0} | settings)
    for step in range(1, steps + 1):
        if found.wants(step):
            found.record(step, [np.full(size, step, dtype=np.float32)])
    return found


def test_weights_that_fit_are_kept_as_they_are():
    arrays = [RNG.normal(size=(2, 3)).astype(np.float32), RNG.normal(size=4).astype(np.float32)]
    np.testing.assert_array_equal(project(arrays, 10, seed=3), np.concatenate([a.ravel() for a in arrays]))


def test_distances_of_many_weights_last_through_the_projection():
    """Within three times the √(2 / d) that the docstring states, and right in the mean."""
    points = RNG.normal(size=(12, 150_000))
    seen = np.array([project([point[:70_000], point[70_000:]], 2000, seed=1) for point in points])
    assert seen.shape == (12, 2000)
    first, second = np.triu_indices(12, 1)
    ratios = ((seen[first] - seen[second]) ** 2).sum(axis=1) / ((points[first] - points[second]) ** 2).sum(axis=1)
    assert np.abs(ratios - 1).max() < 4 * (2 / 2000) ** 0.5
    assert abs(ratios.mean() - 1) < 0.03


def test_the_projection_is_linear_and_its_seed_decides_it():
    a, b = RNG.normal(size=(2, 5000))
    assert not np.allclose(project([a], 100, seed=0), project([a], 100, seed=1))
    np.testing.assert_allclose(project([a + b], 100, 0), project([a], 100, 0) + project([b], 100, 0), atol=1e-10)


def test_every_so_many_steps_are_kept_and_of_these_the_last(tmp_path):
    recorded(20, every=3, last=4).write(tmp_path / "t.h5", images=7)
    with hdf5.open_h5(tmp_path / "t.h5") as file:
        assert file["steps"][:].tolist() == [9, 12, 15, 18]
        assert file["points"][:, 0].tolist() == [9, 12, 15, 18]
        assert file.attrs["parameters"] == 5
    assert trajectory.read(tmp_path / "t.h5")[1] == 7


def test_a_recording_goes_on_from_its_arrays(tmp_path):
    whole = recorded(9, last=6)
    again = Trajectory(1, 6, 10, 0)
    again.restore(recorded(5, last=6).arrays())
    for step in range(6, 10):
        again.record(step, [np.full(5, step, dtype=np.float32)])
    for left, right in zip(whole.arrays(), again.arrays(), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("points", [np.ones(3), np.full((3, 2), np.nan), np.ones((3, 2), dtype=int)])
def test_a_file_that_is_no_trajectory_is_refused(tmp_path, points):
    with hdf5.create_h5(tmp_path / "t.h5") as file:
        file["points"] = points
        file.attrs["images"] = 3
    with pytest.raises(InputError, match=r"t\.h5: points expected as finite numbers"):
        trajectory.read(tmp_path / "t.h5")
    with hdf5.create_h5(tmp_path / "t.h5") as file:
        file["points"] = np.ones((3, 2))
    with pytest.raises(InputError, match="attribute 'images' expected as a whole number"):
        trajectory.read(tmp_path / "t.h5")


def test_the_lifespan_sum_of_a_line_is_its_length():
    line = np.outer(np.arange(11.0), [3, 4])
    assert trajectory.lifespan_sum(line) == pytest.approx(50)
    assert trajectory.lifespan_sum(line, alpha=2) == pytest.approx(10 * 25)


def test_the_dimension_of_a_straight_line_is_one():
    line = np.outer(np.random.default_rng(1).uniform(size=1000), np.ones(20))
    assert trajectory.measured(line, 100)["trajectory_ph_dimension"] == pytest.approx(1, abs=0.1)


def dimension_of_brownian_motion(gaps):
    """Return the PH dimension of a path in 100 dimensions, seen at times with these gaps."""
    steps = np.random.default_rng(0).normal(size=(len(gaps), 100)) * np.sqrt(gaps)[:, None]
    return trajectory.measured(np.cumsum(steps, axis=0), 100)["trajectory_ph_dimension"]


def test_the_dimension_of_brownian_motion_is_two():
    assert dimension_of_brownian_motion(np.random.default_rng(1).exponential(size=500)) == pytest.approx(2, abs=0.1)


def test_of_evenly_spaced_times_it_is_higher_as_gaps_of_their_random_parts_are_uneven():
    """The tree of a part p of n points has n p edges of mean √gap: 1 at p = 1, about √π / 2 · √(1 / p) for small p.

    From p = 1/6, where it is 0.362 n long, to 1 the slope is 0.568, so the dimension 1 / (1 - 0.568) = 2.31.
    """
    assert dimension_of_brownian_motion(np.ones(500)) == pytest.approx(2.31, abs=0.12)


def test_the_magnitude_of_two_points_is_that_worked_out_by_hand():
    """Both weights are 1 / (1 + exp(−s d))."""
    points = np.array([[0.0, 0.0], [3.0, 4.0]])
    for scale in (0.01, 0.3, 2.0):
        assert trajectory.positive_magnitude(points, scale) == pytest.approx(2 / (1 + np.exp(-5 * scale)))


def test_points_far_apart_count_each_and_near_ones_and_copies_once():
    far = 1e4 * np.eye(30)
    assert trajectory.positive_magnitude(far, 1.0) == pytest.approx(30)
    assert trajectory.positive_magnitude(np.vstack([far, far]), 1.0) == pytest.approx(30)
    assert trajectory.positive_magnitude(1e-9 * far, 1.0) == pytest.approx(1, abs=0.01)


def test_the_magnitude_of_points_on_a_line_is_that_of_leinster():
    """1 + Σ tanh(gap / 2) over gaps of neighbours; all weights are positive."""
    places = np.sort(RNG.uniform(0, 9, size=40))
    expected = 1 + np.tanh(np.diff(places) / 2).sum()
    assert trajectory.positive_magnitude(places[:, None], 1.0) == pytest.approx(expected)


def test_negative_weights_are_left_out():
    """A star of one centre and many ends: the centre's weight is negative, and the sum over all is smaller."""
    points = np.vstack([np.zeros(40), np.eye(40)])
    similarity = np.exp(-0.5 * np.linalg.norm(points[:, None] - points, axis=2))
    weights = np.linalg.solve(similarity, np.ones(41))
    assert weights[0] < 0 < weights[1:].min()
    assert trajectory.positive_magnitude(points, 0.5) == pytest.approx(weights[1:].sum())


def test_a_trajectory_too_short_is_undefined_and_said_to_be(caplog):
    found = trajectory.measured(RNG.normal(size=(20, 3)), 100)
    assert np.isnan(found["trajectory_ph_dimension"])
    assert np.isfinite(found["trajectory_lifespan_sum"])
    assert np.isnan(list(trajectory.measured(RNG.normal(size=(1, 3)), 100).values())).all()
    assert "at least 50 are needed" in caplog.text
    assert "expected at least two points" in caplog.text
    with pytest.raises(InputError, match="scale: expected a number above 0"):
        trajectory.positive_magnitude(np.eye(2), 0.0)
