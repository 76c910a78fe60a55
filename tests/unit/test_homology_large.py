"""Many points: the spanning tree without the full graph, H_1 from part of the edges, memory asked for beforehand."""

import subprocess
import sys

import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.homology import (
    distance_matrix,
    engines,
    h1,
    memory_estimate,
    minimum_spanning_tree_lengths,
    nearest_distances,
    persistence_diagrams,
    spanning_tree,
)
from topodepth.homology.condensed import Condensed
from topodepth.jobs import memory
from topodepth.topology.dimension import ph_dimension


def features(n, clusters=10, d=32, seed=0):
    rng = np.random.default_rng(seed)
    centres = 3 * rng.normal(size=(clusters, d))
    return np.maximum(0, centres[rng.integers(clusters, size=n)] + rng.normal(size=(n, d)))


def nested_clusters(n):
    """Clusters of clusters of clusters, so that near neighbours alone never connect them."""
    rng = np.random.default_rng(1)
    return sum(10.0**k * np.repeat(rng.normal(size=(n // 10**k, 12)), 10**k, axis=0) for k in range(4))


LARGE = {
    "features": features(2500),
    "two far clusters": np.concatenate([features(1200, 1), 1e4 + features(1300, 1)]),
    "nested clusters": nested_clusters(2000),
    "one coordinate": np.random.default_rng(2).random((2500, 1)),
    "plane": np.random.default_rng(3).random((2500, 2)),
    "all equally far": np.eye(600),
    "integers": np.random.default_rng(4).integers(0, 3, size=(2500, 8)).astype(float),
    "few values, many times": np.eye(10)[np.random.default_rng(5).integers(10, size=2500)],
}


@pytest.mark.parametrize("name", LARGE)
def test_the_tree_without_the_full_graph_has_scipys_every_edge(name, monkeypatch):
    from scipy.sparse.csgraph import minimum_spanning_tree
    from scipy.spatial.distance import pdist, squareform

    monkeypatch.setattr(memory, "DENSE_POINTS", 0)
    points = LARGE[name]
    distinct = np.unique(points, axis=0)  # to scipy a distance of 0 is a missing edge
    expected = np.sort(minimum_spanning_tree(squareform(pdist(distinct))).data)
    lengths = minimum_spanning_tree_lengths(points)
    copies = len(points) - len(distinct)
    assert lengths.shape == (len(points) - 1,)
    np.testing.assert_array_equal(lengths[:copies], 0)
    np.testing.assert_allclose(lengths[copies:], expected, rtol=1e-8)


def test_five_thousand_points_have_the_same_tree_both_ways(monkeypatch):
    points = features(5000, d=128)
    found = minimum_spanning_tree_lengths(points)
    monkeypatch.setattr(memory, "DENSE_POINTS", 5000)
    np.testing.assert_allclose(found, minimum_spanning_tree_lengths(points), rtol=1e-9)


def test_points_that_no_precision_tells_apart_need_few_searches_of_all(monkeypatch):
    monkeypatch.setattr(memory, "DENSE_POINTS", 0)
    searches = []
    near_points = spanning_tree._Search.near_points
    monkeypatch.setattr(
        spanning_tree._Search,
        "near_points",
        lambda self, rows, labels: searches.append(len(rows)) or near_points(self, rows, labels),
    )
    minimum_spanning_tree_lengths(LARGE["all equally far"])
    assert searches[0] <= sum(searches) <= 4 * len(LARGE["all equally far"])


def test_points_that_all_but_coincide_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(memory, "DENSE_POINTS", 0)
    rng = np.random.default_rng(6)
    points = np.eye(3)[rng.integers(3, size=1500)] + 1e-10 * rng.random((1500, 3))
    kept = []
    shortest = spanning_tree._shortest_of_each
    monkeypatch.setattr(spanning_tree, "_shortest_of_each", lambda *some: kept.append(shortest(*some)) or kept[-1])
    lengths = minimum_spanning_tree_lengths(points)
    assert np.count_nonzero(lengths > 1) == 2
    assert max(map(len, kept)) <= spanning_tree.LISTED * len(points)
    np.testing.assert_allclose(lengths[-2:], np.sqrt(2), rtol=1e-9)


LOOPS = {
    "features": features(300),
    "a large circle": np.column_stack([f(np.linspace(0, 6.2, 240)) for f in (np.cos, np.sin)])
    + 0.03 * np.random.default_rng(7).normal(size=(240, 2)),
    "two circles": np.concatenate(
        [
            np.column_stack([r * f(np.linspace(0, 6.2, 120)) + s for f, s in ((np.cos, 4 * r), (np.sin, 0))])
            for r in (1, 3)
        ]
    ),
    "pairs": np.repeat(features(150), 2, axis=0),
    "grid": np.stack(np.meshgrid(np.arange(15.0), np.arange(15.0)), axis=-1).reshape(-1, 2),
    "heavy tails": np.random.default_rng(8).standard_t(2, size=(250, 10)),
}


@pytest.mark.parametrize("name", LOOPS)
def test_part_of_the_edges_gives_the_h1_of_all(name):
    for one, all_edges in zip(
        persistence_diagrams(LOOPS[name]), persistence_diagrams(LOOPS[name], engine="gudhi"), strict=True
    ):
        np.testing.assert_array_equal(one, all_edges)


def test_h1_of_features_is_complete_with_under_half_of_the_edges(monkeypatch):
    shares = []
    compute = engines.redzed_diagrams

    def spy(distances, max_dim, threshold):
        shares.append((len(distances), np.mean(distances.values <= threshold)))
        return compute(distances, max_dim, threshold)

    monkeypatch.setitem(engines.COMPUTE, "redzed", spy)
    persistence_diagrams(features(400, d=128))
    assert [n for n, _ in shares] == [50, 400]  # some of the points tell how late bars may die
    assert shares[1][1] < 0.5


def test_a_loop_that_outlives_the_first_threshold_is_followed_to_its_death(monkeypatch):
    thresholds = []
    compute = engines.redzed_diagrams
    monkeypatch.setitem(engines.COMPUTE, "redzed", lambda *some: thresholds.append(some[2]) or compute(*some))
    monkeypatch.setattr("topodepth.homology.h1.LATE", np.inf)
    h1 = persistence_diagrams(LOOPS["a large circle"])[1]
    assert len(thresholds) > 2
    assert np.isfinite(h1).all()
    assert (h1[:, 1] - h1[:, 0]).max() > 1


def relative_neighbourhood(matrix):
    """Return the lengths of all edges that have no witness, by trying all points."""
    return [d for u, row in enumerate(matrix) for v, d in enumerate(row) if np.maximum(row, matrix[v]).min() >= d]


@pytest.mark.parametrize("name", ["features", "grid", "pairs", "two circles", "all equally far"])
@pytest.mark.parametrize("small", [False, True], ids=["", "in many pieces"])
def test_the_longest_unwitnessed_edge_is_that_of_the_relative_neighbourhood_graph(name, small, monkeypatch):
    matrix = distance_matrix((LOOPS | {"all equally far": np.eye(50)})[name])
    if small:
        monkeypatch.setattr(h1, "STRIP_BYTES", 1 << 13)
        monkeypatch.setattr(h1, "CHUNK", 3)
    expected = max(relative_neighbourhood(matrix))
    assert expected > 0
    assert h1.longest_unwitnessed_edge(Condensed.of_matrix(matrix)) == expected


def test_a_longest_edge_that_two_bytes_do_not_tell_from_its_witnessed_neighbours_is_found():
    rng = np.random.default_rng(11)
    matrix = np.triu(1 + 1e-9 * rng.random((60, 60)), 1)
    matrix[0, 1:] = 4
    matrix += matrix.T
    expected = max(relative_neighbourhood(matrix))
    assert h1.longest_unwitnessed_edge(Condensed.of_matrix(matrix)) == expected
    assert h1.longest_unwitnessed_edge(Condensed.of_matrix(1e-300 * matrix)) == max(
        relative_neighbourhood(1e-300 * matrix)
    )


def test_points_that_all_coincide_have_no_edge_to_be_born():
    assert h1.longest_unwitnessed_edge(Condensed.of_matrix(np.zeros((9, 9)))) == 0


PEAK = """
import sys, numpy as np
from topodepth.homology import persistence_diagrams
n, max_dim, engine = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
rng = np.random.default_rng(0)
points = np.maximum(0, rng.normal(size=(10, 64))[rng.integers(10, size=n)] + 0.7 * rng.normal(size=(n, 64)))
persistence_diagrams(points, max_dim=max_dim, engine=engine)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak from /proc")
@pytest.mark.parametrize(
    ("n", "max_dim", "engine"), [(3000, 0, "auto"), (6000, 0, "auto"), (1200, 1, "auto"), (1200, 1, "redzed"),
                                 (1200, 1, "gudhi"), (800, 1, "ripser"), (150, 2, "auto")]
)  # fmt: skip
def test_the_memory_estimate_holds_within_a_factor_of_three(n, max_dim, engine):
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(n), str(max_dim), engine], check=True, capture_output=True, text=True
    )
    peak = int(done.stdout) << 10
    estimate = memory_estimate(n, 64, max_dim, engine)
    assert peak <= estimate <= 3 * peak, f"peak {peak >> 20} MB, estimate {estimate >> 20} MB"


def test_an_impossible_job_is_refused_with_its_estimate(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1 << 30)
    with pytest.raises(InputError, match=r"H_1 of 20000 points.*about .* GB of memory. Received: 1.1 GB") as error:
        persistence_diagrams(np.zeros((20_000, 3)))
    assert "\n" not in str(error.value)


def test_a_dimension_of_too_many_points_is_refused_with_its_estimate(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1 << 20)
    with pytest.raises(InputError, match=r"PH dimension of 100 points.*GB of memory"):
        ph_dimension(np.random.default_rng(9).random((100, 2)))


def test_dimensions_of_many_points_need_no_matrix_and_agree_with_those_from_one(monkeypatch):
    points = features(900, d=16)
    with_matrix = ph_dimension(points, draws=3)
    monkeypatch.setattr(memory, "MATRIX_POINTS", 100)
    monkeypatch.setattr("topodepth.topology.dimension.persistent.squared_distance_matrix", None)
    without = ph_dimension(points, draws=3)
    np.testing.assert_allclose(without.lengths, with_matrix.lengths, rtol=1e-9)
    np.testing.assert_allclose(without.value, with_matrix.value, rtol=1e-6)


def test_nearest_distances_in_strips_are_those_of_the_matrix(monkeypatch):
    points = np.concatenate([features(300), features(40)])
    matrix = distance_matrix(points)
    np.fill_diagonal(matrix, np.inf)
    monkeypatch.setattr(memory, "STRIP_BYTES", 1 << 16)
    np.testing.assert_allclose(nearest_distances(points, 5), np.sort(matrix, axis=1)[:, :5], rtol=1e-9, atol=1e-12)


def test_a_dimension_of_50000_points_is_not_refused_on_a_small_machine():
    assert memory.dimension_memory_estimate(50_000, 128) < 2 << 30


def test_edges_that_do_not_fit_are_refused_before_the_engine_starts(monkeypatch):
    matrix = distance_matrix(features(300))
    monkeypatch.setattr(memory, "available_memory", lambda: 1 << 16)
    compute, sizes = engines.redzed_diagrams, []
    monkeypatch.setitem(engines.COMPUTE, "redzed", lambda *some: sizes.append(len(some[0])) or compute(*some))
    with pytest.raises(InputError, match="H_1 of 300 points"):
        persistence_diagrams(distances=matrix)
    assert sizes == [38]  # the few points that tell how late bars may die


def test_a_loop_that_dies_late_is_followed_to_its_death_at_once(monkeypatch):
    sizes = []
    compute = engines.redzed_diagrams
    monkeypatch.setitem(engines.COMPUTE, "redzed", lambda *some: sizes.append(len(some[0])) or compute(*some))
    persistence_diagrams(LOOPS["a large circle"])
    assert sizes == [30, 240]


def test_where_memory_is_unknown_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    assert len(persistence_diagrams(np.eye(5))) == 2


@pytest.mark.parametrize(
    ("line", "files"),
    [
        (
            "0::/job/step",
            {"job/memory.max": "1000", "job/memory.current": "700", "job/memory.stat": "inactive_file 50"},
        ),
        (
            "4:memory:/job",
            {
                "memory/job/memory.limit_in_bytes": "1000",
                "memory/job/memory.usage_in_bytes": "700",
                "memory/job/memory.stat": "inactive_file 50",
            },
        ),
    ],
)
def test_a_control_groups_limit_counts_less_what_it_uses(tmp_path, line, files):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "own").write_text(f"{line}\n")
    assert memory._of_control_groups(tmp_path, tmp_path / "own") == [350]


def test_the_estimate_is_known_without_numpy():
    code = (
        "import sys; from topodepth.jobs.memory import memory_estimate; memory_estimate(100, 3, 1); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "topodepth.jobs.memory" in loaded
    assert "numpy" not in loaded
