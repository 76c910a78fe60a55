"""What a configuration asks for: which networks are measured on which images, in which layers."""

from topodepth.plan.entries import archived, stated, units
from topodepth.plan.samples import DRAWS, check_positions, subsets
from topodepth.plan.units import Images, Model, Unit, as_file_name, attacked, followed, pixels, snapshots, viewed

__all__ = [
    "DRAWS",
    "Images",
    "Model",
    "Unit",
    "archived",
    "as_file_name",
    "attacked",
    "check_positions",
    "followed",
    "pixels",
    "snapshots",
    "stated",
    "subsets",
    "units",
    "viewed",
]
