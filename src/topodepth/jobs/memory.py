"""Memory that homology needs, estimated before it starts, and the memory there is. No import but Python's own.

The estimates are those of a whole worker, with Python and its packages, and are meant to be a little high: measured
peaks lie between a third of the estimate and all of it (a test and ``make bench`` compare them).
"""

import math
import os
from importlib.util import find_spec
from pathlib import Path

from topodepth.errors import InputError

FLOAT = 8
# Python, NumPy, h5py and an engine
WORKER = {"auto": 90 << 20, "redzed": 90 << 20, "gudhi": 110 << 20, "ripser": 190 << 20}
DENSE_POINTS = 4096  # up to here a spanning tree of points may hold the n × n matrix
MATRIX_POINTS = 8192  # up to here many subsamples share the n × n matrix; beyond, each makes its own distances
STRIP_BYTES = 1 << 25  # distances that the search for near points holds at a time beyond, and as much for its masks
POINT_COPIES = 6  # of the points in float64: as read, scaled, permuted, centred, distinct, with norms
DEVICE_POINT_COPIES = 4  # of the points in float64 on a GPU: as they are, centred, factors and columns
LISTED_BYTES = 1600  # lists of near points, for each point
EDGE_BYTES = {"redzed": 60, "gudhi": 110, "ripser": 200}  # ranks, lists of neighbours and columns, for each edge
# Of the edges below the threshold of H_1. Features, Gaussian clouds and tori need 0.15 to 0.65 of all, and take a half
# to four fifths of the estimate; points around one large circle, or of 0s and 1s, take up to half as much again.
# GUDHI and ripser.py, where a sample names them, keep most triangles of such points: 1000 on a torus took 600 MB, three
# times the estimate. Features take a tenth of that, so it is not declared; a job that fails gets twice as much next.
EDGE_SHARE = {"auto": 0.25, "redzed": 0.9, "gudhi": 0.9, "ripser": 1.0}
SIDE_MATRICES = 8  # distances, scaled; four kernels, two of nearest neighbours
NETWORK = 1000 << 20  # TensorFlow with a network, and the images of CIFAR-10
# What a training step holds, of a network at its own width and depth: bytes for each pixel of the batch. Measured for
# vgg, mobilenet_v2, resnet, se_resnet and resnet110; of the others the outputs of all layers.
STEP_BYTES = {
    "cifar_resnet": 2700, "cnn": 600, "mobilenet_v2": 2400, "resnet": 1300, "resnet32": 4200, "resnet56": 7400,
    "resnet110": 14400, "se_resnet": 5300, "vgg": 4700,
}  # fmt: skip
UNKNOWN_STEP_BYTES = 5300  # of an architecture of a plugin
WEIGHTS = 2  # copies of a file of weights, while they are read into the network
NETWORK_BATCH = 256  # images that are evaluated or attacked at a time
# for each pixel of such a batch, whatever the network; activations are extracted in batches of few pixels
PASS_BYTES = {"extract": 0, "evaluate": 500, "attack": 2000}
SIMPLEX_BYTES = 4  # for each set of k + 1 points in H_k, k > 1, of which few become columns


def memory_estimate(n: int, d: int, max_dim: int, engine: str = "auto") -> int:
    """Return the bytes that a worker needs for :func:`topodepth.homology.persistence_diagrams` of points.

    Parameters
    ----------
    n, d
        Number of points and of coordinates.
    max_dim
        Highest homology dimension.
    engine
        As in :func:`topodepth.homology.persistence_diagrams`.

    Returns
    -------
    int
        H_0: O(n d). H_1 and above: one n × n matrix, or two for another engine than redzed-tda, and the engine's lists,
        in which ``auto`` takes a quarter of the edges to be needed: what data need is known once their distances are.
    """
    if max_dim == 0 and engine == "auto":
        lists = FLOAT * n * n if n <= DENSE_POINTS else 2 * STRIP_BYTES + LISTED_BYTES * n
        return WORKER["auto"] + POINT_COPIES * FLOAT * n * d + lists
    serving = _serving(engine, max_dim)
    matrices = (1 if serving == "redzed" else 2) * FLOAT * n * n
    lists = engine_bytes(n, max_dim, EDGE_SHARE[engine], serving)
    return WORKER[serving] + POINT_COPIES * FLOAT * n * d + matrices + lists


def dimension_memory_estimate(n: int, d: int) -> int:
    """Return the bytes that a worker needs for the estimators of :mod:`topodepth.topology.dimension`.

    One n × n matrix for up to MATRIX_POINTS points; beyond, what the spanning tree of a subsample needs.
    """
    points = WORKER["auto"] + POINT_COPIES * FLOAT * n * d
    if n <= MATRIX_POINTS:
        return points + 5 * FLOAT * n * n // 4
    return points + POINT_COPIES * FLOAT * n * d + 2 * STRIP_BYTES + LISTED_BYTES * n


def similarity_memory_estimate(n: int, d: int, layers: int) -> int:
    """Return the bytes that a worker needs to compare layers on n points, of both networks together, by all measures.

    Of every layer the points, as read, in float64 and as few coordinates, and SIDE_MATRICES matrices; the same of all
    layers while each lacks a group of points.
    """
    a_side = 3 * FLOAT * n * d + SIDE_MATRICES * FLOAT * n * n
    return WORKER["auto"] + 2 * layers * a_side


def training_memory_estimate(architecture: str, pixels: int, scale: float = 1.0) -> int:
    """Return the bytes that a worker needs to train a network.

    Parameters
    ----------
    architecture
        Registered name.
    pixels
        Of all images of a batch together, each counted once for all its channels.
    scale
        How many times wider, times how many times deeper, than the architecture's own the network is.
    """
    return NETWORK + int(STEP_BYTES.get(architecture, UNKNOWN_STEP_BYTES) * scale * pixels)


def network_memory_estimate(task: str, pixels: int, weights: int = 0) -> int:
    """Return the bytes that a worker needs to pass images of so many pixels each through a network: a task's.

    ``weights`` are the bytes of the files that the network is read from.
    """
    return NETWORK + WEIGHTS * weights + PASS_BYTES[task] * NETWORK_BATCH * pixels


def device_memory_estimate(n: int, d: int) -> int:
    """Return the bytes that a GPU needs for n points of d coordinates and their lists; tiles take what is free."""
    return DEVICE_POINT_COPIES * FLOAT * n * d + LISTED_BYTES * n


def engine_bytes(n: int, max_dim: int, share: float, engine: str = "auto") -> int:
    """Return the bytes that an engine needs beside the matrix, for a share of the edges of n points."""
    simplices = sum(math.comb(n, k + 1) for k in range(2, max_dim + 1))
    return int(EDGE_BYTES[_serving(engine, max_dim)] * share * n * n / 2) + SIMPLEX_BYTES * simplices


def _serving(engine: str, max_dim: int) -> str:
    """Return the engine behind ``auto``, others as they are."""
    if engine != "auto":
        return engine
    return "redzed" if max_dim == 1 and find_spec("redzed_tda") else "gudhi"


def machine_megabytes() -> int:
    """Return the memory that this machine was built with, in MB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 10**6


def available_memory() -> int | None:
    """Return the bytes that this process may still take: of the machine and of its control group; None if unknown."""
    limits = [*_of_machine(), *_of_control_groups()]
    return max(0, min(limits)) if limits else None


def require(size: int, what: str) -> None:
    """Refuse what would not fit into the memory there is.

    Parameters
    ----------
    size
        Bytes needed.
    what
        What they are for, for the message.

    Raises
    ------
    InputError
        If less memory is available.
    """
    available = available_memory()
    if available is not None and size > available:
        raise InputError(
            f"{what}: expected about {size / 1e9:.1f} GB of memory. Received: {available / 1e9:.1f} GB available. "
            "Take fewer points."
        )


def _of_machine() -> list[int]:
    try:
        fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return [int(fields["MemAvailable"].split()[0]) << 10]
    except (OSError, KeyError, ValueError):
        return []


def _of_control_groups(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> list[int]:
    """Return what each control group of this process, and each above it, has left; version 2 or 1."""
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return []
    left = []
    for _, controllers, path in lines:
        if controllers not in ("", "memory"):
            continue
        base, limit, used = (
            (root, "memory.max", "memory.current")
            if not controllers
            else (root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
        )
        folder = base / path.lstrip("/")
        for group in [folder, *(parent for parent in folder.parents if parent.is_relative_to(base))]:
            left += _left_in(group, limit, used)
    return left


def _left_in(group: Path, limit: str, used: str) -> list[int]:
    try:
        cached = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return [int((group / limit).read_text()) - int((group / used).read_text()) + int(cached["inactive_file"])]
    except (OSError, KeyError, ValueError):  # ValueError: "max", no limit
        return []
