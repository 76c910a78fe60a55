"""The same descriptors on snapshots of a training, coloured by test accuracy."""

from functools import cached_property
from typing import ClassVar

from topodepth.plan.experiment import Experiment, Figure
from topodepth.plan.kinds import register
from topodepth.plan.units import Unit, followed, through_training


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
        """The snapshots of each training: of one done here those that it keeps, of a folder its files."""
        return [snapshot for entry in self["models"] for snapshot in through_training(self.plan.entries[entry])]

    def _is_folder(self, entry: str) -> bool:
        return self.plan.entries[entry][0].model.is_of_folder

    def labels(self, figure: str) -> list:
        """Return the entries with their labels."""
        return [[entry, self._label(entry)] for entry in self["models"]]

    def _label(self, entry: str) -> str:
        if self._is_folder(entry):
            return self.plan.config["models"][entry]["label"] or entry
        return followed(self.plan.entries[entry]).model.label
