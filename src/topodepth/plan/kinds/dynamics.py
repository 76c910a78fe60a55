"""The same descriptors on snapshots of a training, coloured by test accuracy."""

from functools import cached_property
from typing import ClassVar

from topodepth.plan.experiment import Experiment, Figure
from topodepth.plan.kinds import register
from topodepth.plan.units import Unit, followed, snapshots


@register("dynamics")
class Dynamics(Experiment):
    """Trainings that are followed."""

    kind = wildcard = "dynamics"
    category = "Dynamics"
    figures: ClassVar = {"dynamics": Figure(("dynamics",), "descriptors through training", panels=True)}

    def check(self) -> None:
        """Refuse entries that stand for several trainings, or keep no snapshots."""
        _ = self.own

    @cached_property
    def own(self) -> list[Unit]:
        """The snapshots of each training."""
        return [snapshot for entry in self["models"] for snapshot in snapshots(followed(self.plan.entries[entry]))]

    def labels(self, figure: str) -> list:
        """Return the entries with their labels."""
        return [[entry, followed(self.plan.entries[entry]).model.label] for entry in self["models"]]
