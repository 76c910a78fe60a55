"""How much memory jobs ask for, from what is known before any of them runs."""

from functools import cache

from topodepth.jobs import memory
from topodepth.plan.experiment import Experiment
from topodepth.plan.plan import Plan

UNKNOWN_IMAGES = 10_000  # of a sample that takes all images there are
UNKNOWN_LAYERS = 50  # of a network all of whose layers are compared
UNKNOWN_WIDTH = 1024  # of a layer: known only once the model is open
GPU_MEGABYTES = 3000  # of a process that has loaded PyTorch and its kernels


def gpus(plan: Plan, sample: str) -> int:
    """Return how many GPUs a job asks for that computes diagrams or dimensions of a sample."""
    return int(plan.samples[sample]["device"] != "cpu")


@cache  # each of the thousands of layers of a sample asks
def diagrams_megabytes(plan: Plan, sample: str) -> int:
    """Return what the diagrams of one layer will need, by the formula of the engine."""
    topology = plan.config["topology"]
    return _of_a_cloud(plan, sample, topology["max_dim"], topology["engine"]) + GPU_MEGABYTES * gpus(plan, sample)


def bars_megabytes(plan: Plan, sample: str) -> int:
    """Return what the longest bars of one layer will need: of H_0 and H_1, and not on a GPU."""
    return _of_a_cloud(plan, sample, 1)


def _of_a_cloud(plan: Plan, sample: str, max_dim: int, engine: str = "auto") -> int:
    images = plan.samples[sample]["images"] or UNKNOWN_IMAGES
    n = min(plan.samples[sample]["points"] or images, images)
    return memory.memory_estimate(n, UNKNOWN_WIDTH, max_dim, engine) // 10**6 + 1


@cache
def dimensions_megabytes(plan: Plan, sample: str) -> int:
    """Return what the dimensions of one layer will need."""
    images = plan.samples[sample]["images"] or UNKNOWN_IMAGES
    return memory.dimension_memory_estimate(images, UNKNOWN_WIDTH) // 10**6 + 1 + GPU_MEGABYTES * gpus(plan, sample)


def similarity_megabytes(plan: Plan, experiment: Experiment) -> int:
    """Return what the comparison of the layers of two networks will need."""
    images = plan.samples[experiment["sample"]]["images"] or UNKNOWN_IMAGES
    n = min(experiment["points"] or images, images)
    layers = 2 * (experiment["layers"] or UNKNOWN_LAYERS)
    return memory.similarity_memory_estimate(n, UNKNOWN_WIDTH, layers) // 10**6 + 1
