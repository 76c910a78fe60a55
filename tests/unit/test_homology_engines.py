"""What the engine for H_1 is given and gives back: ranks for distances, and nothing that cannot be."""

import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import redzed_tda

from topodepth.errors import InputError
from topodepth.homology import distance_matrix, engines, keys, persistence_diagrams
from topodepth.homology.condensed import Condensed


def fastest_h1(matrix):
    """Return H_1 from all edges and the first engine that can."""
    return engines.diagrams_of(Condensed.of_matrix(matrix), 1, ["redzed", "gudhi", "ripser"])[1]


def symmetric(values):
    """Return a matrix of dissimilarities with a zero diagonal from what is above it."""
    upper = np.triu(values, 1)
    return upper + upper.T


def torus(n):
    a, b = 2 * np.pi * np.random.default_rng(n).random((2, n))
    return np.column_stack([(2 + np.cos(a)) * np.cos(b), (2 + np.cos(a)) * np.sin(b), np.sin(a)])


def clouds():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(120, 6))
    return {
        "normal": normal,
        "a line": rng.random((80, 1)),
        "lattice": np.stack(np.meshgrid(*[np.arange(5.0)] * 3), axis=-1).reshape(-1, 3),
        "binary": rng.integers(0, 2, size=(150, 10)).astype(float),
        "copies": np.repeat(normal[:50], 3, axis=0),
        "tiny": 1e-30 * normal,
        "huge": 1e30 * normal,
        "beyond single precision": 1e-60 * normal,
        "far beyond single precision": 1e60 * normal,
        "all equal": np.full((20, 3), 0.1),
        "two far clusters": normal + 1e9 * (np.arange(120) % 2)[:, None],
        "one point": np.zeros((1, 2)),
        "two points": np.eye(2),
        "three points": np.eye(3),
        "torus": torus(300),
    }


def matrices():
    rng = np.random.default_rng(1)
    return {
        **{name: distance_matrix(points) for name, points in clouds().items()},
        "single precision sees one distance": symmetric(1 + 1e-9 * rng.random((60, 60))),
        "single precision sees few": symmetric(1 + rng.integers(0, 9, (80, 80)) + 1e-9 * rng.integers(0, 9, (80, 80))),
        "no triangle inequality": symmetric(rng.random((70, 70)) ** 8),
        "many orders of magnitude": symmetric(10.0 ** rng.uniform(-300, 300, size=(60, 60))),
        "zeros that are no copies": symmetric(rng.integers(0, 4, size=(50, 50)).astype(float)),
    }


@pytest.mark.parametrize("name", matrices())
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_the_bars_are_those_of_gudhi_to_the_last_bit(name, share):
    matrix = matrices()[name]
    given = matrix.copy()
    threshold = np.inf if share == 1 else np.quantile(matrix, share, method="lower")  # one of the distances, or many
    expected = engines.sorted_diagrams(engines.gudhi_diagrams(Condensed.of_matrix(matrix), 1, threshold), 2)
    found = engines.sorted_diagrams(engines.redzed_diagrams(Condensed.of_matrix(given), 1, threshold), 2)
    np.testing.assert_array_equal(found[1], expected[1])
    if len(matrix) > 1:  # GUDHI returns no component of a single point
        np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(given, matrix)
    if share == 1:
        np.testing.assert_array_equal(persistence_diagrams(distances=given)[1], expected[1])


def test_single_precision_alone_would_lose_bars():
    """The ranks are needed: given the distances themselves, the engine sees ties that are none."""
    matrix = matrices()["single precision sees one distance"]
    assert len(redzed_tda.rips(matrix, maxdim=1)[1]) == 0
    assert len(fastest_h1(matrix)) > 0


def test_a_torus_of_a_thousand_points_has_two_loops():
    h1 = persistence_diagrams(torus(1000))[1]
    lifespans = np.sort(h1[:, 1] - h1[:, 0])
    assert lifespans[-2] > 2 * lifespans[-3]


def nonsense(kind):
    bars = {
        "no rank": [[1.5, 1.75]],
        "death before birth": [[1.0000005, 1.0000002]],
        "a birth at infinity": [[np.inf, np.inf]],
        "below all ranks": [[-1.0, 1.0000001]],
        "not a number": [[np.nan, 1.0000001]],
        "beyond the last": [[1.0000001, 3.0]],
    }[kind]
    return lambda *_, **__: [np.array([[0.0, np.inf]]), np.array(bars)]


@pytest.mark.parametrize(
    "kind",
    ["no rank", "death before birth", "a birth at infinity", "below all ranks", "not a number", "beyond the last"],
)
def test_bars_that_cannot_be_are_never_returned(kind, monkeypatch):
    matrix = distance_matrix(np.random.default_rng(2).normal(size=(30, 3)))
    expected = fastest_h1(matrix)
    monkeypatch.setattr(redzed_tda, "rips", nonsense(kind))
    with pytest.warns(RuntimeWarning, match="redzed-tda: expected births before deaths.*next engine"):
        found = fastest_h1(matrix)
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(engines.EngineError):
        persistence_diagrams(distances=matrix, engine="redzed")


def test_more_distances_than_single_precision_has_numbers_go_to_the_next_engine(monkeypatch):
    matrix = distance_matrix(np.random.default_rng(3).normal(size=(30, 3)))
    given, expected = matrix.copy(), fastest_h1(matrix)
    monkeypatch.setattr(keys, "MOST", 200)
    with pytest.warns(RuntimeWarning, match="at most 200 different distances"):
        np.testing.assert_array_equal(fastest_h1(given), expected)
    np.testing.assert_array_equal(given, matrix)


@pytest.mark.parametrize("missing", [(), ("redzed",), ("redzed", "gudhi")], ids=["none", "one", "two"])
@pytest.mark.parametrize("max_dim", [1, 2])
def test_the_next_engine_serves_where_one_is_not_installed(missing, max_dim, monkeypatch):
    matrix = distance_matrix(np.random.default_rng(6).integers(0, 9, size=(40, 3)).astype(float))
    expected = persistence_diagrams(distances=matrix, max_dim=max_dim, engine="gudhi")
    for name in missing:
        monkeypatch.setitem(engines.COMPUTE, name, absent)
    for found, bars in zip(persistence_diagrams(distances=matrix, max_dim=max_dim), expected, strict=True):
        np.testing.assert_allclose(found, bars, rtol=1e-6 if "gudhi" in missing else 0)


def test_no_engine_at_all_is_said_in_one_line(monkeypatch):
    for name in engines.COMPUTE:
        monkeypatch.setitem(engines.COMPUTE, name, absent)
    with pytest.raises(InputError, match="engine ripser: expected its package to be installed"):
        persistence_diagrams(np.eye(5))


def absent(*_):
    raise ImportError("no such package")


def test_distances_of_the_caller_are_left_alone_while_threads_share_them():
    distances = distance_matrix(np.random.default_rng(4).normal(size=(200, 5)))
    distances.setflags(write=False)
    expected = persistence_diagrams(distances=distances)[1]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: persistence_diagrams(distances=distances)[1], range(8)))
    for diagram in found:
        np.testing.assert_array_equal(diagram, expected)


def test_no_warning_where_all_is_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        persistence_diagrams(torus(150))
    assert "redzed_tda" in sys.modules


@pytest.mark.parametrize("name", ["normal", "lattice", "binary", "copies", "two far clusters", "torus"])
def test_collapsed_edges_give_the_voids_of_all_edges_to_the_last_bit(name):
    matrix = matrices()[name][:100, :100]
    collapsed = persistence_diagrams(distances=matrix, max_dim=2, engine="gudhi")
    for one, other in zip(persistence_diagrams(distances=matrix, max_dim=2, engine="redzed"), collapsed, strict=True):
        np.testing.assert_array_equal(one, other)
