"""What a GPU brings, beside its goals: H_0, nearest neighbours, PH dimension, and a whole network's layers.

    python benchmarks/gpu.py                        # on a machine with CUDA, under 6 minutes
    python benchmarks/gpu.py --quick --device cpu   # small sizes, by PyTorch on the CPU: that it runs

The first row tells whether the answers are those of the CPU; then comes what has a goal. A work that fails, or that the
CPU would do for lack of memory, has a row that says so, and the others go on. Points are like the features of a ReLU
layer. Kernels are loaded before, and each work is timed from NumPy arrays to NumPy arrays; of several repeats the
fastest counts. A network's layers are measured by td.measure, images and all: its activations stay on the device. The
largest device memory is PyTorch's own.
"""

import argparse
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple
from unittest import mock

import numpy as np
import torch

import topodepth as td
from topodepth.homology import computing_on, devices, minimum_spanning_tree_lengths, nearest_distances
from topodepth.topology.dimension import ph_dimension

LIMIT = 330  # seconds, after which no other work is begun


class Work(NamedTuple):
    """A work that is timed.

    Attributes
    ----------
    name
        What is done.
    call
        Does it, and returns a number by which runs can be compared.
    repeats
        How often.
    goal
        Seconds on one H100, None where none is set.
    """

    name: str
    call: Callable[[], float]
    repeats: int = 1
    goal: float | None = None


def features(n: int, d: int, seed: int = 0) -> np.ndarray:
    """Return points like the features of a ReLU layer, (n, d) float32."""
    return np.maximum(np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32), 0)


def h0(points: np.ndarray) -> float:
    """Return the sum of all lengths of the minimum spanning tree."""
    return float(minimum_spanning_tree_lengths(points).sum())


class Branches(torch.nn.Module):
    """So many ReLU layers side by side, each of the same images."""

    def __init__(self, count: int, d: int) -> None:
        super().__init__()
        layers = (torch.nn.Sequential(torch.nn.Linear(d, d), torch.nn.ReLU()) for _ in range(count))
        self.taps = torch.nn.ModuleList(layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the sum of all."""
        return sum(tap(images) for tap in self.taps)


def taps(count: int, n: int, d: int, device: torch.device) -> float:
    """Return the sum of E_0, PH dimension and TwoNN of a network's layers; of E_0 there are 10 null draws beside."""
    model, images = Branches(count, d).to(device), np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
    with mock.patch.object(devices, "found", return_value=device):  # "cuda", or the CPU that stands for it
        found = td.measure(
            model, images, layers="taps.*.1", batch_size=1000, device="cuda", clouds="all", points=None, max_dim=0,
            descriptors="lifespan_sum", null_draws=10, jackknife_groups=0, estimators=("ph_dimension", "two_nn"),
            dimension_null_draws=0, progress=False,
        )  # fmt: skip
    return float(found.table["value"].sum())


def off_the_cpu(points: np.ndarray) -> float:
    """Return the largest relative difference of the lengths of the tree from those of the CPU."""
    found = minimum_spanning_tree_lengths(points)
    with computing_on("cpu"):
        expected = minimum_spanning_tree_lengths(points)
    return float(np.max(np.abs(found - expected) / expected))


def tree(n: int, d: int, repeats: int = 1, goal: float | None = None) -> Work:
    """Return the work of H_0 of so many points."""
    points = features(n, d)
    return Work(f"H_0, {n:,} × {d}", lambda: h0(points), repeats, goal)


def works(device: torch.device, quick: bool) -> Iterator[Work]:
    """Yield what is timed, what has a goal first; points are made when they are needed."""
    few = features(*((1500, 16) if quick else (10_000, 128)))
    yield Work(f"largest relative difference from the CPU, {len(few):,} × {few.shape[1]}", lambda: off_the_cpu(few))
    yield tree(2000, 16) if quick else tree(50_000, 128, 3, 0.3)
    count, n, d = (1, devices.FEW, 4) if quick else (50, 10_000, 128)
    name = f"{count} taps × {n:,} images × {d}: H_0, PH dimension, TwoNN, 10 null draws"
    yield Work(name, lambda: taps(count, n, d, device), goal=None if quick else 60)
    for size in [(1500, 64)] if quick else [(1_000_000, 64, 1, 40), (50_000, 2048, 2), (200_000, 128)]:
        yield tree(*size)
    points = features(1500, 32) if quick else features(50_000, 2048)
    for k in (2, 20):
        name = f"{k} nearest neighbours, {len(points):,} × {points.shape[1]}"
        yield Work(name, lambda k=k: float(nearest_distances(points, k).sum()))
    points = features(devices.FEW, 8) if quick else few
    yield Work(f"PH dimension, {len(points):,} × {points.shape[1]}", lambda: ph_dimension(points).value)


def row(work: Work, device: torch.device) -> str:
    """Time a work, and return its row of the table."""
    seconds, goal = [], "" if work.goal is None else f"≤ {work.goal}"
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "device ", RuntimeWarning)  # that the CPU computes instead
            for _ in range(work.repeats):
                begun = time.perf_counter()
                value = work.call()
                seconds.append(time.perf_counter() - begun)
    except Exception as error:  # the minutes on a GPU are few: the others go on
        traceback.print_exc()
        return f"| {work.name} | failed: {type(error).__name__} | {goal} | {memory_used(device)} | |"
    return f"| {work.name} | {min(seconds):.3f} | {goal} | {memory_used(device)} | {value:.9g} |"


def memory_used(device: torch.device) -> str:
    """Return the largest memory that PyTorch took of a device since the last call."""
    if device.type != "cuda":
        return "–"
    used = torch.cuda.max_memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    return f"{used / 1e9:.2f} GB"


def main() -> None:
    """Parse, time, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="of PyTorch (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="small sizes")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("PyTorch sees no GPU: --quick --device cpu runs small sizes without one.")
    device = torch.device(arguments.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"topodepth on {name}, PyTorch {torch.__version__}, NumPy {np.__version__}\n")
    print("| work | seconds | goal | device memory | sum |\n|---|---|---|---|---|", flush=True)
    start = time.perf_counter()
    with computing_on(device):
        h0(features(devices.FEW, 8))  # kernels are loaded
        for work in works(device, arguments.quick):
            if time.perf_counter() - start > LIMIT:
                print(f"| {work.name} | not run: {LIMIT} s are over | {work.goal or ''} | | |", flush=True)
                continue
            print(row(work, device), flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
