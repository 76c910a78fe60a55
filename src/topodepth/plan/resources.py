"""How much memory jobs ask for, from what is known before any of them runs."""

import math
from functools import cache
from pathlib import Path

from topodepth import architectures
from topodepth.jobs import memory
from topodepth.networks import inputs
from topodepth.plan.experiment import Experiment
from topodepth.plan.plan import Plan
from topodepth.plan.units import Unit

UNKNOWN_IMAGES = 10_000  # of a sample that takes all images there are
UNKNOWN_LAYERS = 50  # of a network all of whose layers are compared
UNKNOWN_WIDTH = 1024  # of a layer: known only once the model is open
UNKNOWN_PIXELS = 64 * 64  # of an image: known only once its data set is made
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


def training_megabytes(plan: Plan, unit: Unit) -> int:
    """Return what the training of a network will need."""
    settings = unit.model.settings
    own = architectures.registry.get(settings["architecture"])
    sizes = [key for key in ("width", "depth") if settings[key] and hasattr(own, key)]
    scales = [settings[key] / getattr(own, key) for key in sizes]
    pixels = settings["training"]["batch_size"] * _pixels(plan, settings["dataset"])
    return memory.training_memory_estimate(settings["architecture"], pixels, math.prod(scales)) // 10**6 + 1


def network_megabytes(plan: Plan, unit: Unit, task: str) -> int:
    """Return what it will need to pass images through a network: of ``"extract"``, ``"evaluate"``, ``"attack"``."""
    weights = sum(path.stat().st_size for path in map(Path, unit.brought) if path.is_file())
    return memory.network_memory_estimate(task, _pixels(plan, unit.images.dataset), weights) // 10**6 + 1


@cache
def _pixels(plan: Plan, dataset: str) -> int:
    form = inputs.form_of(plan.config, dataset)
    return UNKNOWN_PIXELS if form is None else math.prod(form.shape[:2])
