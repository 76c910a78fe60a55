"""Trees and neighbours by PyTorch are those of NumPy. The device is PyTorch's CPU here; a GPU runs the same code."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import pdist, squareform

import topodepth as td
from topodepth.errors import InputError
from topodepth.homology import (
    computing_on,
    device_subset_trees,
    devices,
    minimum_spanning_tree_lengths,
    nearest_distances,
    persistence_diagrams,
    torch_cloud,
    torch_tree,
)
from topodepth.homology.distances import prepared
from topodepth.jobs import memory
from topodepth.topology.dimension import mle_dimension, ph_dimension, two_nn

CPU = torch.device("cpu")
MADE = {
    "plain": lambda rng, made: made,
    "rectified": lambda rng, made: np.maximum(made, 0) + 1e-9 * made,
    "clusters": lambda rng, made: 100 * rng.normal(size=(4, made.shape[1]))[rng.integers(4, size=len(made))] + made,
    "far": lambda rng, made: 1e6 + 1e-3 * made,
    "scales": lambda rng, made: made * 10.0 ** rng.integers(-4, 4, size=(len(made), 1)),
    "constant features": lambda rng, made: np.where(np.arange(made.shape[1]) % 2, made, 7.3),
    "copies": lambda rng, made: made[rng.integers((len(made) + 1) // 2, size=len(made))],
    "whole": lambda rng, made: rng.integers(0, 3, size=made.shape).astype(float),
    # equal lengths that rounding splits: which of two is taken may move the last bit
    "grid": lambda rng, made: rng.integers(0, 3, size=made.shape) * np.sqrt(np.arange(2.0, made.shape[1] + 2)),
    "all but coinciding": lambda rng, made: np.eye(*made.shape)[rng.integers(len(made), size=len(made))] + 1e-10 * made,
}


def points_of(kind, n, d, seed):
    rng = np.random.default_rng(seed)
    return MADE[kind](rng, rng.normal(size=(n, d)))


@pytest.fixture
def small(monkeypatch):
    """Let PyTorch compute few points too; and NumPy search those in lists that it would take a matrix for."""
    monkeypatch.setattr(devices, "FEW", 0)
    monkeypatch.setattr(memory, "DENSE_POINTS", 0)


def of_clouds(test):
    cases = given(
        kind=st.sampled_from([*MADE]), n=st.integers(1, 200), d=st.integers(1, 24), seed=st.integers(0, 2**32),
        piece=st.sampled_from([60, 700, 1 << 20]),
    )  # fmt: skip

    def in_pieces(kind, n, d, seed, piece):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(devices, "FEW", 0)
            patch.setattr(memory, "DENSE_POINTS", 0)
            patch.setattr(torch_cloud, "entries_at_once", lambda *_: piece)
            test(kind, points_of(kind, n, d, seed), np.random.default_rng(seed))

    in_pieces.__name__ = test.__name__
    return settings(max_examples=25, deadline=None)(cases(in_pieces))


@of_clouds
def test_the_tree_of_points_is_that_of_the_cpu(kind, points, rng):
    expected = minimum_spanning_tree_lengths(points)
    with computing_on(CPU):
        found = minimum_spanning_tree_lengths(points)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@of_clouds
def test_nearest_neighbours_are_those_by_differences(kind, points, rng):
    cloud, k = prepared(points), min(5, len(points) - 1)
    if k < 1:
        return
    distances, near = torch_cloud.nearest_of_points(torch.as_tensor(points), k, k)
    true = np.linalg.norm((cloud.points[:, None] - cloud.points) * cloud.factor, axis=2) * cloud.unit
    np.fill_diagonal(true, np.inf)
    np.testing.assert_allclose(distances, np.sort(true, axis=1)[:, :k], rtol=1e-11)
    np.testing.assert_allclose(np.take_along_axis(true, near, axis=1), distances, rtol=1e-11)
    assert all(len({*row}) == k for row in near.tolist())


@of_clouds
def test_trees_of_subsets_are_those_of_the_cpu(kind, points, rng):
    n = len(points)
    if n < 6:
        return
    members = np.sort(rng.choice(n, size=n - 1, replace=False))
    subsets = [np.sort(rng.choice(members, size=size, replace=False)) for size in (2, n // 3, n // 2, n - 1, n // 2)]
    with computing_on(CPU):
        found = device_subset_trees(points)(members, subsets)
    for lengths, subset in zip(found, subsets, strict=True):
        np.testing.assert_allclose(lengths, minimum_spanning_tree_lengths(points[subset]), rtol=1e-11)


@pytest.mark.parametrize("kind", MADE)
def test_the_tree_is_scipys(kind, small):
    # to SciPy 1.17 a distance of 0 is a missing edge, and so is one below 1e-8
    points = np.unique(points_of(kind, 400, 12, 1), axis=0)
    expected = np.sort(minimum_spanning_tree(squareform(2.0**30 * pdist(points))).data) / 2.0**30
    found = persistence_diagrams(points, max_dim=0, device=CPU)[0]
    assert found[-1].tolist() == [0, np.inf]
    np.testing.assert_allclose(found[:-1, 1], expected, rtol=1e-9)


def test_points_far_from_the_origin_keep_all_their_digits(small):
    """A matrix product of these as they are, such as torch.cdist takes, has lost them all."""
    near = np.random.default_rng(0).normal(size=(1500, 16)) * 2.0**-10
    points = near + 2.0**20  # rounded to 2^-33 there
    with computing_on(CPU):
        found = minimum_spanning_tree_lengths(points)
        neighbours = nearest_distances(points, 3)
    np.testing.assert_allclose(found, minimum_spanning_tree_lengths(points), rtol=1e-14)
    np.testing.assert_allclose(found, minimum_spanning_tree_lengths(points - 2.0**20), rtol=1e-11)
    np.testing.assert_allclose(neighbours, nearest_distances(points - 2.0**20, 3), rtol=1e-11)
    single = torch.as_tensor(points, dtype=torch.float32)
    assert (torch.cdist(single, single, compute_mode="use_mm_for_euclid_dist").fill_diagonal_(1) == 0).any()


def test_points_that_single_precision_cannot_tell_apart_are_searched_in_double(small, monkeypatch):
    taken = []
    take = torch_cloud.TorchCloud.multiply_in
    monkeypatch.setattr(
        torch_cloud.TorchCloud, "multiply_in", lambda self, kind: taken.append(kind) or take(self, kind)
    )
    rng = np.random.default_rng(0)
    points = np.eye(3, 8)[rng.integers(3, size=900)] + 1e-7 * rng.normal(size=(900, 8))
    with computing_on(CPU):
        found = minimum_spanning_tree_lengths(points)
    assert taken == [torch.float32, torch.float64]
    np.testing.assert_allclose(found, minimum_spanning_tree_lengths(points), rtol=1e-14)


def test_products_are_of_full_precision_whatever_a_user_allowed_and_all_is_as_before(small):
    points = points_of("rectified", 600, 64, 3)
    expected = minimum_spanning_tree_lengths(points)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16), computing_on(CPU):
            np.testing.assert_allclose(minimum_spanning_tree_lengths(points), expected, rtol=1e-14)
            with devices.exactly(CPU):
                product = torch.ones(2, 2) @ torch.ones(2, 2)
                assert product.dtype == torch.float32
                assert torch.backends.cuda.matmul.fp32_precision == "ieee"
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
        assert torch.get_float32_matmul_precision() == "medium"
        assert torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.set_float32_matmul_precision(before)


def test_dimensions_are_those_of_the_cpu(small):
    points = points_of("clusters", 400, 6, 2)
    for estimator in (two_nn, mle_dimension, ph_dimension):
        expected = estimator(points)
        with computing_on(CPU):
            found = estimator(points)
        parts = [(each.value, each.ci_low, each.ci_high) for each in (found, expected)]
        np.testing.assert_allclose(*parts, rtol=1e-9)
    np.testing.assert_allclose(found.lengths, expected.lengths, rtol=1e-11)


def test_a_measurement_on_a_device_is_that_of_the_cpu(small, monkeypatch):
    """Null draws and groups of the jackknife go there too."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "device", lambda name: CPU)
    trees, of = [], torch_tree.tree_lengths
    monkeypatch.setattr(torch_tree, "tree_lengths", lambda *some: trees.append(len(some[0])) or of(*some))
    rng = np.random.default_rng(0)
    layers = {"a": rng.normal(size=(120, 5)), "b": rng.normal(size=(120, 3))}
    options = {"max_dim": 0, "null_draws": 2, "jackknife_groups": 3, "draws": 2, "progress": False}
    expected = td.measure(layers=layers, device="cpu", **options)
    assert not trees
    for device in ("cuda", "auto"):
        trees.clear()
        found = td.measure(layers=layers, device=device, **options)
        assert trees == 2 * [120, 120, 120, 80, 80, 80]
        numbers = [each.table.select_dtypes("number") for each in (found, expected)]
        np.testing.assert_allclose(*numbers, rtol=1e-9)
        assert found.compare(td.measure(layers=layers, device="cpu", name="other", **options)) is not None


def test_without_a_gpu_the_cpu_computes_after_one_line():
    points = points_of("plain", 30, 3, 0)
    with pytest.warns(RuntimeWarning, match=r"device 'cuda': PyTorch sees no GPU. The CPU computes instead.") as told:
        found = persistence_diagrams(points, max_dim=0, device="cuda")
    assert len(told) == 1
    np.testing.assert_array_equal(found[0], persistence_diagrams(points, max_dim=0)[0])


@pytest.mark.filterwarnings("error")
def test_auto_says_nothing_without_a_gpu():
    with computing_on("auto"):
        assert devices._device_for(10**6, 3) is None


@pytest.mark.parametrize("device", ["gpu", 0, np.float32])
def test_an_unknown_device_is_refused(device):
    with pytest.raises(InputError, match=r"device.* auto, cpu, cuda"):
        persistence_diagrams(np.eye(3), max_dim=0, device=device)


def test_an_inner_block_says_for_itself_and_an_error_leaves_it():
    with computing_on(CPU):
        with pytest.raises(KeyError), computing_on("cpu"):
            assert devices._device_for(5000, 3) is None
            raise KeyError
        with computing_on(None):
            assert devices._device_for(5000, 3) == CPU
        assert devices._device_for(devices.FEW - 1, 3) is None
    assert devices._device_for(5000, 3) is None


def test_no_more_is_held_at_a_time_than_a_share_of_what_is_free(monkeypatch):
    gpu = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (3 << 20, 80 << 30))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 6 << 20)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1 << 20)
    assert devices.free_memory(gpu) == 8 << 20
    assert devices.entries_at_once(gpu, 8) == (8 << 20) // devices.SHARE // 8
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (80 << 30, 80 << 30))
    assert devices.entries_at_once(gpu, 8) == devices.AT_ONCE // 8


def test_points_that_do_not_fit_stay_on_the_cpu_after_one_line(monkeypatch, small):
    points = points_of("plain", 50, 3, 0)
    monkeypatch.setattr(devices, "free_memory", lambda device: 1000)
    with (
        computing_on(CPU),
        pytest.warns(RuntimeWarning, match=r"50 points of 3 coordinates need about .* CPU computes"),
    ):
        found = minimum_spanning_tree_lengths(points)
    np.testing.assert_array_equal(found, minimum_spanning_tree_lengths(points))


def test_tiles_of_200_points_hold_no_more_than_they_may(small, monkeypatch):
    sizes, find = [], torch.Tensor.masked_fill_
    monkeypatch.setattr(torch_cloud, "entries_at_once", lambda *_: 1000)
    monkeypatch.setattr(
        torch.Tensor, "masked_fill_", lambda self, *some: sizes.append(self.numel()) or find(self, *some)
    )
    with computing_on(CPU):
        minimum_spanning_tree_lengths(points_of("plain", 200, 3, 0))
        nearest_distances(points_of("plain", 200, 3, 0), 2)
    assert sizes
    assert max(sizes) <= 1000


def test_pytorch_is_not_loaded_for_auto():
    code = (
        "import sys, numpy as np, topodepth as td; x = np.random.default_rng(0).normal(size=(1200, 3)); "
        "td.measure(layers={'a': x}, progress=False, max_dim=0, points=None, draws=1, null_draws=0); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_benchmark_runs_on_a_cpu():
    script = Path(__file__).parents[2] / "benchmarks/gpu.py"
    done = subprocess.run(
        [sys.executable, script, "--quick", "--device", "cpu"],
        check=True, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("| ")][1:]
    assert [row[1].split(",")[0].strip() for row in rows] == [
        "largest relative difference from the CPU", "H_0", "1 taps × 1", "H_0", "2 nearest neighbours",
        "20 nearest neighbours", "PH dimension"
    ]  # fmt: skip
    assert float(rows[0][5]) < 1e-11
    assert all(float(row[2]) > 0 and float(row[5]) > 0 for row in rows[1:])
