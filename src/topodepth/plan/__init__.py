"""What a configuration asks for: which networks are measured on which images, in which layers."""

from topodepth.plan.entries import archived, stated, units
from topodepth.plan.experiment import Experiment, Figure, as_json
from topodepth.plan.exploring import explored, shown_layers
from topodepth.plan.plan import Plan, model_settings, one_of
from topodepth.plan.resources import (
    GPU_MEGABYTES,
    bars_megabytes,
    diagrams_megabytes,
    dimensions_megabytes,
    gpus,
    network_megabytes,
    similarity_megabytes,
    training_megabytes,
)
from topodepth.plan.samples import DRAWS, check_positions, subsets
from topodepth.plan.units import Images, Model, Unit, as_file_name, attacked, followed, pixels, snapshots, viewed

__all__ = [
    "DRAWS",
    "GPU_MEGABYTES",
    "Experiment",
    "Figure",
    "Images",
    "Model",
    "Plan",
    "Unit",
    "archived",
    "as_file_name",
    "as_json",
    "attacked",
    "bars_megabytes",
    "check_positions",
    "diagrams_megabytes",
    "dimensions_megabytes",
    "explored",
    "followed",
    "gpus",
    "model_settings",
    "network_megabytes",
    "one_of",
    "pixels",
    "shown_layers",
    "similarity_megabytes",
    "snapshots",
    "stated",
    "subsets",
    "training_megabytes",
    "units",
    "viewed",
]
