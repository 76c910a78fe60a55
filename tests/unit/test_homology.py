import subprocess
import sys

import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.homology import (
    ENGINES,
    SubsetTrees,
    distance_matrix,
    distances,
    minimum_spanning_tree_lengths,
    persistence_diagrams,
    squared_distance_matrix,
)
from topodepth.jobs import memory


def circle(n):
    angles = 2 * np.pi * np.arange(n) / n
    return np.column_stack([np.cos(angles), np.sin(angles)])


def sphere(n):
    """Nearly even points on the unit sphere (a Fibonacci lattice)."""
    k = np.arange(n) + 0.5
    height, angle = 1 - 2 * k / n, np.pi * (1 + 5**0.5) * k
    radius = np.sqrt(1 - height**2)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), height])


def flat_torus(n):
    angles = 2 * np.pi * np.arange(n) / n
    a, b = (grid.ravel() for grid in np.meshgrid(angles, angles))
    return np.column_stack([np.cos(a), np.sin(a), np.cos(b), np.sin(b)])


def long_bars(diagram, least):
    return diagram[diagram[:, 1] - diagram[:, 0] > least]


def reference_tree(points):
    from scipy.sparse.csgraph import minimum_spanning_tree
    from scipy.spatial.distance import pdist, squareform

    distinct = np.unique(np.asarray(points, dtype=np.float64), axis=0)  # to scipy a distance of 0 is a missing edge
    return minimum_spanning_tree(squareform(pdist(distinct))).sum()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_circle_has_one_loop_born_at_the_chord_that_dies_at_root_three(engine):
    n = 60
    h0, h1 = persistence_diagrams(circle(n), engine=engine)
    chord = 2 * np.sin(np.pi / n)
    assert h0.shape == (n, 2)
    np.testing.assert_allclose(h0[:-1, 1], chord, rtol=1e-6)
    np.testing.assert_allclose(h1, [[chord, np.sqrt(3)]], rtol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sphere_has_one_void_and_no_long_loop(engine):
    _, h1, h2 = persistence_diagrams(sphere(100), max_dim=2, engine=engine)
    assert len(long_bars(h2, 0.5)) == 1
    assert len(long_bars(h1, 0.5)) == 0


def test_a_torus_has_two_loops_and_one_void():
    _, h1, h2 = persistence_diagrams(flat_torus(10), max_dim=2)
    assert len(long_bars(h1, 0.5)) == 2
    assert len(long_bars(h2, 0.1)) == 1


def test_k_clusters_have_k_minus_one_long_finite_components():
    rng = np.random.default_rng(0)
    centres = 100 * np.eye(5)
    points = np.concatenate([centre + rng.normal(size=(20, 5)) for centre in centres])
    (h0,) = persistence_diagrams(points, max_dim=0)
    assert np.count_nonzero((h0[:, 1] > 50) & np.isfinite(h0[:, 1])) == 4
    assert np.count_nonzero(np.isinf(h0[:, 1])) == 1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("max_dim", [0, 1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_few_points_have_every_diagram_asked_for(n, max_dim, engine):
    diagrams = persistence_diagrams(np.eye(n), max_dim=max_dim, engine=engine)
    assert [diagram.shape for diagram in diagrams] == [(n, 2)] + [(0, 2)] * max_dim
    np.testing.assert_allclose(diagrams[0][:, 1], [np.sqrt(2)] * (n - 1) + [np.inf], rtol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_repeated_points_give_no_bar(engine):
    points = np.random.default_rng(1).normal(size=(30, 3))
    once, twice = (persistence_diagrams(cloud, engine=engine) for cloud in (points, np.repeat(points, 2, axis=0)))
    for one, two in zip(once, twice, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6)
    equal = persistence_diagrams(np.full((5, 3), 7.0), engine=engine)
    np.testing.assert_array_equal(equal[0], [[0, np.inf]])
    assert equal[1].shape == (0, 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_distances_give_the_diagrams_of_their_points(engine):
    points = np.random.default_rng(2).normal(size=(40, 6))
    from_points = persistence_diagrams(points, engine=engine)
    from_distances = persistence_diagrams(distances=distance_matrix(points), engine=engine)
    for one, other in zip(from_points, from_distances, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


GUDHI = ("gudhi", "gudhi._ripser_ext", "gudhi.sklearn", "gudhi.sklearn.rips_persistence")


def hide(monkeypatch, *modules):
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


def test_without_redzed_gudhi_serves_and_finds_the_same_bars(monkeypatch):
    points = np.random.default_rng(3).normal(size=(140, 4))
    expected = persistence_diagrams(points)
    hide(monkeypatch, "redzed_tda", "ripser")
    for one, other in zip(persistence_diagrams(points), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_redzed_and_gudhi_the_reference_engine_serves(monkeypatch):
    points = np.random.default_rng(3).normal(size=(40, 4))
    expected = persistence_diagrams(points, engine="gudhi")
    hide(monkeypatch, "redzed_tda", *GUDHI)
    for one, other in zip(persistence_diagrams(points), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize(
    ("engine", "modules"), [("redzed", ("redzed_tda",)), ("gudhi", GUDHI), ("ripser", ("ripser",))]
)
def test_an_engine_that_is_not_installed_is_named(monkeypatch, engine, modules):
    hide(monkeypatch, *modules)
    with pytest.raises(InputError, match=f"engine {engine}: expected its package to be installed"):
        persistence_diagrams(np.eye(4), engine=engine)


def test_without_gudhis_private_module_its_public_class_serves(monkeypatch):
    import gudhi.sklearn.rips_persistence  # noqa: F401  before its private part is hidden

    points = np.random.default_rng(3).normal(size=(40, 4))
    expected = persistence_diagrams(points, max_dim=2, engine="gudhi")
    monkeypatch.setitem(sys.modules, "gudhi._ripser_ext", None)
    for one, other in zip(persistence_diagrams(points, max_dim=2, engine="gudhi"), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_distances_are_exactly_symmetric_over_several_blocks(monkeypatch):
    points = np.random.default_rng(4).normal(size=(150, 33))
    whole = distance_matrix(points)
    monkeypatch.setattr(distances, "BLOCK_BYTES", 8 * 150 * 40)
    squares = squared_distance_matrix(points)
    np.testing.assert_array_equal(squares, squares.T)
    np.testing.assert_array_equal(squares.diagonal(), 0)
    np.testing.assert_allclose(np.sqrt(squares), whole, rtol=1e-9)


def adversarial_clouds():
    rng = np.random.default_rng(5)
    pairs = np.repeat(rng.normal(size=(100, 20)), 2, axis=0)
    tight = 100 * np.repeat(rng.normal(size=(4, 20)), 50, axis=0) + 1e-4 * rng.normal(size=(200, 20))
    return {
        "normal": rng.normal(size=(200, 20)),
        "tight pairs": pairs + 1e-7 * rng.normal(size=pairs.shape),
        "tight clusters": tight,
        "far from the origin": 1e4 + rng.normal(size=(200, 20)),
        "tight clusters far away": 1e4 + tight,
        "one far point": np.concatenate([rng.normal(size=(199, 20)), np.full((1, 20), 1e6)]),
        "repeated": np.repeat(rng.normal(size=(50, 20)), 4, axis=0),
        "grid": np.stack(np.meshgrid(*[np.arange(6.0)] * 3), axis=-1).reshape(-1, 3),
        "float32": rng.normal(size=(200, 20)).astype(np.float32),
        "huge": 1e200 * rng.normal(size=(50, 3)),
        "tiny": 1e-200 * rng.normal(size=(50, 3)),
    }


@pytest.mark.parametrize("name", adversarial_clouds())
@pytest.mark.parametrize("dense_points", [0, 4096])
def test_the_tree_is_as_long_as_scipys(name, dense_points, monkeypatch):
    monkeypatch.setattr(memory, "DENSE_POINTS", dense_points)
    points = adversarial_clouds()[name]
    lengths = minimum_spanning_tree_lengths(points)
    assert lengths.shape == (len(points) - 1,)
    assert (np.diff(lengths) >= 0).all()
    scale = 2.0 ** np.frexp(np.abs(points).max())[1]  # scipy's squares overflow or vanish without it
    np.testing.assert_allclose(lengths.sum() / scale, reference_tree(points / scale), rtol=1e-6)


def test_a_subset_of_one_matrix_has_the_tree_of_its_points():
    rng = np.random.default_rng(6)
    points = rng.normal(size=(80, 5))
    members = rng.permutation(80)[:30]
    np.testing.assert_allclose(
        SubsetTrees(squared_distance_matrix(points)).lengths(members),
        minimum_spanning_tree_lengths(points[members]),
        rtol=1e-9,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"points": [[0.0, np.nan], [1.0, 2.0]]}, "finite.*Received: 1 NaN"),
        ({"points": [[0.0, np.inf], [1.0, 2.0]]}, "finite"),
        ({"points": np.zeros(3)}, "2-D.*Received: shape \\(3,\\)"),
        ({"points": np.zeros((0, 3))}, "at least one row"),
        ({"points": [["a", "b"]]}, "numbers"),
        ({}, "Received: neither"),
        ({"points": np.eye(3), "distances": np.eye(3)}, "Received: both"),
        ({"distances": np.zeros((2, 3))}, "square"),
        ({"distances": [[0, 1], [2, 0]]}, "symmetric.*differ by 1"),
        ({"distances": [[0, -1], [-1, 0]]}, "no negative.*-1"),
        ({"distances": [[1, 2], [2, 0]]}, "zero diagonal.*Received: 1"),
        ({"distances": [[0, np.inf], [np.inf, 0]]}, "finite"),
        ({"points": np.eye(3), "max_dim": 4}, "from 0 to 3. Received: 4"),
        ({"points": np.eye(3), "max_dim": -1}, "from 0 to 3"),
        ({"points": np.eye(3), "max_dim": 1.5}, "whole number"),
        ({"points": np.eye(3), "engine": "riper"}, "Did you mean 'ripser'.*auto, gudhi, redzed, ripser"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, message):
    with pytest.raises(InputError, match=message) as error:
        persistence_diagrams(**arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("max_dim", "unwanted"),
    [(0, ("gudhi", "scipy", "sklearn", "ripser", "tensorflow")), (1, ("scipy", "sklearn", "ripser", "tensorflow"))],
)
def test_a_worker_imports_only_what_its_diagrams_need(max_dim, unwanted):
    code = (
        "import sys, numpy; from topodepth import homology;"
        "from topodepth.topology import clouds, descriptors, dimension;"
        f"homology.persistence_diagrams(numpy.eye(9), max_dim={max_dim}); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert set(loaded).isdisjoint(unwanted)
