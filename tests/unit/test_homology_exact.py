"""Distances that are right to the last digits, and equal where they are equal."""

import numpy as np
import pytest

from topodepth.homology import (
    ENGINES,
    SubsetTrees,
    distance_matrix,
    minimum_spanning_tree_lengths,
    nearest_distances,
    persistence_diagrams,
    squared_distance_matrix,
    ties,
)
from topodepth.jobs import memory
from topodepth.topology import diagrams
from topodepth.topology.descriptors import betti_peak, longest_bar
from topodepth.topology.diagrams import DiagramSettings
from topodepth.topology.place import Place


def softmax(n=600, classes=10):
    """Outputs of a confident network, in float32: most points crowd at the corners of the simplex."""
    logits = 40 * np.random.default_rng(0).normal(size=(n, classes))
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def exact_distances(points):
    """Distances from exact differences: float32 values and their squares fit into long doubles."""
    points = np.asarray(points, dtype=np.longdouble)
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2)).astype(np.float64)


def scipys_tree(matrix):
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    # SciPy 1.17.1 takes 0 for a missing edge, and of a dense matrix all that is below 1e-8; not of a sparse one.
    assert np.count_nonzero(matrix) == matrix.size - len(matrix)
    return np.sort(minimum_spanning_tree(csr_array(matrix)).data)


@pytest.mark.parametrize("engine", ENGINES)
def test_six_binary_points_have_no_loop(engine):
    words = ["0000", "0001", "0010", "0101", "0111", "1101"]
    points = np.array([[int(bit) for bit in word] for word in words], dtype=float)
    assert persistence_diagrams(points, engine=engine)[1].shape == (0, 2)


@pytest.mark.parametrize(("step", "offset"), [(1, 0), (1 / 255, 0), (0.037, 0), (1, 1e6), (1 / 3, -7.1)])
def test_binary_points_have_the_loops_of_their_whole_distances_and_their_betti_peak(step, offset):
    whole = np.random.default_rng(20).integers(0, 2, size=(180, 10))
    squares = ((whole[:, None] - whole[None]) ** 2).sum(axis=2)
    expected = persistence_diagrams(distances=step * np.sqrt(squares))
    found = persistence_diagrams(step * whole + offset)
    assert len(expected[1]) > 50
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8)  # 1e6 + k is rounded itself
    assert betti_peak(found[1]) == betti_peak(expected[1])


def eight_bits(seed=22):
    """Whole numbers of 8 bits of which many are tied: two far values and their neighbours."""
    rng = np.random.default_rng(seed)
    return rng.choice([-128, -127, 0, 90, 127], size=(120, 6), p=[0.2, 0.1, 0.3, 0.2, 0.2])


@pytest.mark.parametrize("step", [0.037, 6 / 255])
def test_eight_bit_activations_in_float32_have_the_ties_of_their_whole_numbers(step):
    whole = eight_bits()
    squares = ((whole[:, None] - whole[None]) ** 2).sum(axis=2)
    points = np.float32(step) * whole.astype(np.float32)
    assert not np.array_equal(points / step, whole)
    expected = persistence_diagrams(distances=step * np.sqrt(squares))
    for found, diagram in zip(persistence_diagrams(points), expected, strict=True):
        np.testing.assert_allclose(found, diagram, rtol=3e-7)
        assert betti_peak(found) == betti_peak(diagram)


def test_eight_bit_activations_in_float32_keep_their_ties_through_min_max_scaling(tmp_path):
    whole = eight_bits()[:, :4]
    whole[:, 2:] = np.maximum(whole[:, 2:], 0)  # columns of two ranges
    found = []
    for name, points in (
        ("whole", whole.astype(np.float64)),
        ("float32", np.float32(0.037) * whole.astype(np.float32)),
    ):
        settings = DiagramSettings(clouds="all", null_draws=0, jackknife_groups=0)
        diagrams.write_diagrams(tmp_path / f"{name}.h5", points, None, Place("m", "l", 0, 0.0), settings)
        found.append(diagrams.read_diagrams(tmp_path / f"{name}.h5").data["all"])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11)


@pytest.mark.parametrize("scaling", ["minmax", "none"])
def test_binary_activations_keep_their_betti_peak_and_longest_bar_to_the_diagram_file(tmp_path, scaling):
    whole = np.random.default_rng(21).integers(0, 2, size=(150, 9))
    squares = ((whole[:, None] - whole[None]) ** 2).sum(axis=2)
    expected = persistence_diagrams(distances=np.sqrt(squares))
    settings = DiagramSettings(clouds="all", scaling=scaling)
    diagrams.write_diagrams(tmp_path / "l.h5", np.float32(whole), None, Place("m", "l", 0, 0.0), settings)
    for found, diagram in zip(diagrams.read_diagrams(tmp_path / "l.h5").data["all"], expected, strict=True):
        assert betti_peak(found) == betti_peak(diagram)
        assert longest_bar(found) == pytest.approx(longest_bar(diagram), rel=1e-12)


CLOSE = np.array([[0.0], [1e-12], [1e6]])


def test_two_close_points_and_a_far_third_keep_both_lengths():
    for engine in ENGINES:
        (h0,) = persistence_diagrams(CLOSE, max_dim=0, engine=engine)
        np.testing.assert_allclose(h0[:, 1], [1e-12, 1e6, np.inf], rtol=1e-7)
    np.testing.assert_allclose(minimum_spanning_tree_lengths(CLOSE), [1e-12, 1e6], rtol=1e-12)
    np.testing.assert_allclose(SubsetTrees(squared_distance_matrix(CLOSE)).lengths(np.arange(3)), [1e-12, 1e6])
    np.testing.assert_allclose(nearest_distances(CLOSE, 1)[:, 0], [1e-12, 1e-12, 1e6], rtol=1e-12)
    np.testing.assert_allclose(distance_matrix(CLOSE)[0], [0, 1e-12, 1e6], rtol=1e-12)


@pytest.mark.parametrize("dense_points", [0, 4096])
def test_outputs_of_a_confident_network_keep_every_bar_and_every_neighbour(dense_points, monkeypatch):
    monkeypatch.setattr(memory, "DENSE_POINTS", dense_points)
    points = softmax()
    matrix = exact_distances(points)
    tree = scipys_tree(matrix)
    for max_dim in (0, 1):
        h0 = persistence_diagrams(points, max_dim=max_dim)[0]
        assert h0.shape == (600, 2)
        np.testing.assert_allclose(h0[:-1, 1], tree, rtol=1e-10)
    np.testing.assert_allclose(nearest_distances(points, 5), np.sort(matrix, axis=1)[:, 1:6], rtol=1e-10)
    np.testing.assert_allclose(distance_matrix(points), matrix, rtol=1e-10)


def clouds():
    rng = np.random.default_rng(3)
    corners = np.eye(4)[rng.integers(4, size=300)]
    return {
        "normal": rng.normal(size=(300, 50)),
        "wide": np.maximum(0, rng.normal(size=(60, 20_000))),
        "far from the origin": 1e5 + rng.normal(size=(300, 20)),
        "crowded corners": corners + 10.0 ** rng.uniform(-12, -3, size=(300, 1)) * rng.normal(size=(300, 4)),
        "bytes": rng.integers(0, 256, size=(200, 784)) / 255,
    }


@pytest.mark.parametrize("name", clouds())
def test_every_distance_is_right_to_1e_11(name):
    points = clouds()[name]
    expected = np.array([exact_distances(np.stack([points[0], point]))[0, 1] for point in points])
    np.testing.assert_allclose(distance_matrix(points)[0], expected, rtol=1e-11)


def test_a_cloud_without_ties_keeps_its_distances_as_they_are():
    points = np.random.default_rng(4).normal(size=(200, 30))
    cloud = ties.merged(distance_matrix(points))
    from scipy.spatial.distance import pdist

    values = pdist(points)
    np.testing.assert_array_equal(ties.merged(values), values)
    assert len(np.unique(cloud)) == 1 + len(values)


def test_points_nearer_than_a_step_are_no_whole_steps():
    whole = np.random.default_rng(5).integers(0, 5, size=(50, 3)).astype(float)
    assert ties.whole_steps(whole) is not None
    near = whole.copy()
    near[7] = near[8] + 1e-14
    assert ties.whole_steps(near) is None
    lengths = minimum_spanning_tree_lengths(near[7:9])
    assert 0 < lengths[0] < 1e-13


def test_one_coordinate_off_the_step_is_not_moved_to_it():
    points = 3 * np.repeat(np.arange(30.0), 40)[:, None]
    points[points == 12] = 15
    points[777] = 13.37  # alone at its whole number of threes, and in no sample
    lengths = minimum_spanning_tree_lengths(points)
    np.testing.assert_allclose(np.unique(lengths), [0, 1.63, 3, 4.37])


def test_a_step_is_found_wherever_the_finest_difference_is():
    points = np.zeros((1000, 3))
    points[:, 0] = 6 * np.random.default_rng(6).integers(0, 9, size=1000)
    points[501, 1], points[733, 2] = 10, 15
    whole, step = ties.whole_steps(points / 7)
    assert step == pytest.approx(1 / 7)
    np.testing.assert_array_equal(whole, points)


@pytest.mark.parametrize("values", [[1.0, 2.0, np.inf], [0.0, 0.0, 1.0], [3.0], []])
def test_values_that_are_apart_are_not_merged(values):
    np.testing.assert_array_equal(ties.merged(np.array(values)), values)


def test_values_within_rounding_are_merged_and_long_chains_are_not():
    near = 2 * (1 + 1e-15 * np.arange(4))
    assert len(np.unique(ties.merged(np.append(near, 3.0)))) == 2
    chain = 2 * (1 + 0.9 * ties.TIE * np.arange(20))
    np.testing.assert_array_equal(ties.merged(chain), chain)
