"""Which points make a bar: on clouds whose bars are known, and against the diagrams themselves."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.homology import persistence_diagrams, representatives
from topodepth.homology.representatives import longest_bars


def circle(angles):
    return np.column_stack([np.cos(angles), np.sin(angles)])


def binary(n=120):
    return np.random.default_rng(1).integers(0, 2, size=(n, 9)).astype(float)


def gaussian(n=150, d=5):
    return np.random.default_rng(2).normal(size=(n, d))


def longest_edge(points, simplex):
    return max((np.linalg.norm(points[i] - points[j]) for i, j in combinations(simplex, 2)), default=0.0)


@pytest.fixture(params=["redzed", "gudhi"])
def engine(request, monkeypatch):
    if request.param == "gudhi":
        found = representatives.find_spec
        monkeypatch.setattr(representatives, "find_spec", lambda name: None if name == "redzed_tda" else found(name))
    else:
        pytest.importorskip("redzed_tda")
    return request.param


@pytest.mark.parametrize(
    "points",
    [gaussian(), gaussian(400, 3), binary(), np.repeat(gaussian(40), 2, axis=0), 1e4 + 1e-3 * gaussian(90, 2)],
    ids=["gaussian", "many", "ties", "copies", "far from the origin"],
)
@pytest.mark.parametrize("max_dim", [0, 1])
def test_bars_are_those_of_the_diagrams_to_the_last_bit_and_lengths_of_their_simplices(points, max_dim, engine):
    found = longest_bars(points, max_dim=max_dim, longest=len(points) ** 2)
    diagrams = persistence_diagrams(points, max_dim=max_dim)
    assert len(found) == len(diagrams) == max_dim + 1
    for degree, (bars, diagram) in enumerate(zip(found, diagrams, strict=True)):
        finite = diagram[np.isfinite(diagram[:, 1])]
        assert len(finite) > 5
        assert sorted((bar.birth, bar.death) for bar in bars) == sorted(map(tuple, finite))
        assert all(one.persistence >= other.persistence for one, other in pairwise(bars))
        for bar in bars:
            assert len(set(bar.death_points)) == degree + 2
            assert len(set(bar.birth_points)) == 2 * degree
            assert longest_edge(points, bar.birth_points) == pytest.approx(bar.birth, rel=1e-9)
            assert longest_edge(points, bar.death_points) == pytest.approx(bar.death, rel=1e-9)
            assert longest_edge(points, bar.death_points[:2]) == pytest.approx(bar.death, rel=1e-9)


def test_two_clusters_meet_at_their_closest_pair(engine):
    rng = np.random.default_rng(3)
    one, other = rng.uniform(0, 1, size=(30, 2)), rng.uniform(0, 1, size=(30, 2)) + np.array([5.0, 0.0])
    points = np.concatenate([one, other])
    distances = np.linalg.norm(one[:, None] - other[None], axis=2)
    first, second = np.unravel_index(distances.argmin(), distances.shape)
    bar = longest_bars(points, longest=1)[0][0]
    assert bar.death_points == (first, 30 + second)
    assert bar.death == pytest.approx(distances.min(), rel=1e-12)
    assert (bar.birth, bar.birth_points) == (0.0, ())


def test_h0_edges_make_the_minimum_spanning_tree(engine):
    points = gaussian(80, 3)
    edges = {bar.death_points for bar in longest_bars(points, longest=100)[0]}
    # Kruskal's algorithm, by hand
    component, expected = list(range(80)), set()
    for one, other in sorted(
        combinations(range(80), 2), key=lambda edge: np.linalg.norm(np.diff(points[[*edge]], axis=0))
    ):
        if component[one] != component[other]:
            old, new = component[one], component[other]
            component = [new if each == old else each for each in component]
            expected.add((one, other))
    assert edges == expected


def test_a_circle_with_a_gap_is_closed_across_the_gap_and_filled_by_a_triangle_around_it(engine):
    gap = 0.5
    angles = np.linspace(gap / 2, 2 * np.pi - gap / 2, 60) + np.random.default_rng(4).uniform(-0.01, 0.01, 60)
    order = np.random.default_rng(5).permutation(60)
    bar = longest_bars(circle(angles[order]), longest=1)[1][0]
    assert {int(order[point]) for point in bar.birth_points} == {0, 59}
    assert bar.birth == pytest.approx(2 * np.sin((angles[0] + 2 * np.pi - angles[59]) / 2))
    # The loop of a circle is filled by a triangle that holds its centre, all sides of which are about √3.
    corners = np.sort(angles[order][[*bar.death_points]])
    arcs = np.diff([*corners, corners[0] + 2 * np.pi])
    assert arcs == pytest.approx(2 * np.pi / 3, abs=0.4)
    assert bar.death == pytest.approx(np.sqrt(3), abs=0.1)


def test_order_of_the_points_and_engine_change_nothing_where_distances_differ(monkeypatch):
    points, order = gaussian(), np.random.default_rng(6).permutation(150)

    def named(found, names):
        return [[(set(names[[*bar.birth_points]]), set(names[[*bar.death_points]])) for bar in bars] for bars in found]

    expected = named(longest_bars(points, longest=30), np.arange(150))
    assert named(longest_bars(points[order], longest=30), order) == expected
    monkeypatch.setattr(representatives, "_redzed_pairs", representatives._gudhi_pairs)
    assert named(longest_bars(points, longest=30), np.arange(150)) == expected


def test_engines_name_triangles_of_the_same_longest_edge_and_other_corners():
    """Of redzed-tda 0.1.1 and GUDHI 3.13.0: why the third corner is chosen here and not taken from the engine."""
    pytest.importorskip("redzed_tda")
    points, found = gaussian(), []
    for compute in (representatives._redzed_pairs, representatives._gudhi_pairs):
        matrix = np.linalg.norm(points[:, None] - points[None], axis=2)
        _, pairs = compute(representatives.Condensed.of_matrix(matrix), 1, matrix.max())
        ends = {tuple(sorted(born)): sorted(died) for born, died in pairs}
        found.append(
            {born: died for born, died in ends.items() if longest_edge(points, died) > longest_edge(points, born)}
        )
    one, other = found
    assert one.keys() == other.keys()
    for born in one:
        assert longest_edge(points, one[born]) == longest_edge(points, other[born])
    assert any(one[born] != other[born] for born in one)


def test_a_single_point_and_copies_have_no_finite_bar():
    assert longest_bars(np.ones((1, 3))) == [[], []]
    assert longest_bars(np.ones((5, 3)), max_dim=0) == [[]]
    assert [len(bars) for bars in longest_bars(np.array([[0.0], [1.0]]))] == [1, 0]


@pytest.mark.parametrize("settings", [{"max_dim": 2}, {"max_dim": -1}, {"longest": 0}, {"longest": 1.5}])
def test_what_is_out_of_range_is_refused(settings):
    with pytest.raises(InputError, match=f"{next(iter(settings))}: expected a whole number"):
        longest_bars(gaussian(), **settings)


def test_pairs_of_other_bars_are_refused(monkeypatch):
    monkeypatch.setattr(representatives, "_redzed_pairs", lambda *_: [[], []])
    monkeypatch.setattr(representatives, "_gudhi_pairs", lambda *_: [[], []])
    with pytest.raises(representatives.EngineError, match="others"):
        longest_bars(gaussian())
