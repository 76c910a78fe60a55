"""A diagram file holds the diagrams of data, null model and jackknife, of the clouds that were asked for."""

import h5py
import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.files import hdf5
from topodepth.homology import distance_matrix, persistence_diagrams
from topodepth.topology import diagrams
from topodepth.topology.clouds import left_out, min_max_scale, null_clouds
from topodepth.topology.diagrams import DiagramSettings
from topodepth.topology.place import Place

FIRST = Place("mine", "first", 0, 0.5)


@pytest.fixture
def cloud():
    rng = np.random.default_rng(0)
    return rng.normal(size=(90, 5)), np.arange(90) % 3


def write(path, cloud, **settings):
    points, labels = cloud
    diagrams.write_diagrams(path, points, labels, FIRST, DiagramSettings(**settings))
    return diagrams.read_diagrams(path)


def test_each_class_gets_the_diagrams_of_its_scaled_points(tmp_path, cloud):
    points, labels = cloud
    file = write(tmp_path / "d.h5", cloud, limit=None, max_dim=1)
    scaled = (points - points.min(axis=0)) / np.ptp(points, axis=0)
    assert list(file.data) == ["0", "1", "2"]
    for label in range(3):
        expected = persistence_diagrams(scaled[labels == label], engine="ripser")
        for found, wanted in zip(file.data[str(label)], expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)
    assert file.attributes["dimension"] == 5
    assert file.attributes["layer"] == "first"


def test_null_draws_differ_from_each_other_and_from_the_data_but_not_between_runs(tmp_path, cloud):
    first = write(tmp_path / "a.h5", cloud, null_draws=2)
    second = write(tmp_path / "b.h5", cloud, null_draws=2)
    sums = [collection["0"][0][:-1].sum() for collection in (first.data, *first.null)]
    assert len(set(sums)) == 3
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    np.testing.assert_array_equal(first.null[1]["2"][0], second.null[1]["2"][0])


def test_structure_shows_against_the_null_and_noise_does_not(tmp_path):
    rng = np.random.default_rng(1)
    line = np.outer(rng.uniform(size=100), np.ones(10)) + 0.001 * rng.normal(size=(100, 10))
    noise = rng.normal(size=(100, 10))
    total = {}
    for name, points in (("line", line), ("noise", noise)):
        file = write(tmp_path / f"{name}.h5", (points, np.zeros(100, int)), clouds="all", limit=None, null_draws=3)
        null = np.mean([draw["all"][0][:-1, 1].sum() for draw in file.null])
        total[name] = file.data["all"][0][:-1, 1].sum() / null
    assert total["line"] < 0.1
    assert total["noise"] == pytest.approx(1, abs=0.1)


def test_a_global_cloud_has_one_jackknife_replicate_a_group(tmp_path, cloud):
    file = write(tmp_path / "d.h5", cloud, clouds="all", limit=50, jackknife_groups=5)
    assert list(file.data) == ["all"]
    assert file.n_points == {"all": 50}
    assert [len(group["all"][0]) for group in file.jackknife] == [40] * 5


def test_the_same_images_are_chosen_for_every_layer(cloud):
    _, labels = cloud
    positions = np.arange(90)[:, None].repeat(5, axis=1)
    one = diagrams.clouds(positions, labels, DiagramSettings(limit=7, seed=3))
    two = diagrams.clouds(positions[:, :2], labels, DiagramSettings(limit=7, seed=3))
    for name in ("0", "1", "2"):
        assert len(one[name]) == 7
        np.testing.assert_array_equal(one[name][:, 0], two[name][:, 0])
        assert set(labels[one[name][:, 0]]) == {int(name)}


def test_a_file_that_is_no_diagram_file_is_named(tmp_path):
    with hdf5.create_h5(tmp_path / "other.h5") as file:
        file["x"] = 1
    with pytest.raises(InputError, match=r"other\.h5: no diagram file"):
        diagrams.read_diagrams(tmp_path / "other.h5")


def test_an_unknown_kind_of_cloud_is_refused(cloud):
    with pytest.raises(InputError, match="Received: 'classes'"):
        diagrams.clouds(*cloud, DiagramSettings(clouds="classes"))


def test_only_the_classes_asked_for_are_measured(cloud):
    points, labels = cloud
    found = diagrams.clouds(points, labels, DiagramSettings(classes=[2, 0]))
    assert list(found) == ["0", "2"]
    whole = diagrams.clouds(points, labels, DiagramSettings(clouds="all", classes=[2, 0]))
    np.testing.assert_array_equal(whole["all"], points[labels != 1])


def test_a_class_that_is_not_there_and_missing_labels_are_refused(cloud):
    points, labels = cloud
    with pytest.raises(InputError, match="class 7"):
        diagrams.clouds(points, labels, DiagramSettings(classes=[7]))
    with pytest.raises(InputError, match=r"expected '/labels' in the activations file, or `clouds: all`"):
        diagrams.clouds(points, None, DiagramSettings())
    assert len(diagrams.clouds(points, None, DiagramSettings(clouds="all"))["all"]) == len(points)


@pytest.mark.parametrize("groups", [0, 4])
def test_what_is_read_is_what_was_made_of_the_cloud(tmp_path, cloud, groups):
    points, _ = cloud
    scaled = min_max_scale(points)
    parts = [scaled[rows] for rows in left_out(90, groups, seed=7)]
    made = diagrams.of_cloud(scaled, null_clouds(scaled, 2, 7, 1, 0), parts, persistence_diagrams)
    file = write(
        tmp_path / "d.h5", cloud, clouds="all", limit=None, null_draws=2, jackknife_groups=groups, seed=7
    )  # fmt: skip
    assert (len(file.null), len(file.jackknife)) == (2, groups)
    assert made.n_points == file.n_points
    with h5py.File(tmp_path / "d.h5") as stored:
        assert [stored[f"jackknife/{g}/class_all"].attrs["n_points"] for g in range(groups)] == [*map(len, parts)]
    for one, other in zip(
        [made.data, *made.null, *made.jackknife], [file.data, *file.null, *file.jackknife], strict=True
    ):
        assert set(one) == set(other) == {"all"}
        for diagram, expected in zip(one["all"], other["all"], strict=True):
            np.testing.assert_array_equal(diagram, expected)


def test_diagrams_from_distances_are_those_of_the_points(cloud):
    points, _ = cloud
    parts = list(left_out(90, 3, seed=0))
    matrix = distance_matrix(points)
    of_points = diagrams.of_cloud(points, (), (points[rows] for rows in parts), persistence_diagrams)
    of_distances = diagrams.of_cloud(
        matrix, (), (matrix[np.ix_(rows, rows)] for rows in parts), lambda part: persistence_diagrams(distances=part)
    )
    assert of_points.n_points == of_distances.n_points == {"all": 90}
    for one, other in zip(of_points.jackknife, of_distances.jackknife, strict=True):
        for diagram, expected in zip(one["all"], other["all"], strict=True):
            np.testing.assert_allclose(diagram, expected, rtol=1e-9)
