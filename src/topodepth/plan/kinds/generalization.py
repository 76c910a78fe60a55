"""Do descriptors tell how well models generalise, beyond what is known without them?"""

from typing import ClassVar

from topodepth.errors import InputError
from topodepth.plan.entries import archived, stated
from topodepth.plan.experiment import Experiment, Figure, pick
from topodepth.plan.hyperparameters import varied
from topodepth.plan.kinds import register
from topodepth.plan.panels import Panel
from topodepth.plan.units import RESULTS, Unit


def _recorded(unit: Unit) -> bool:
    """Whether a network's weights are recorded along its training."""
    return unit.model.is_final and unit.model.settings["training"]["trajectory_every"] > 0


@register("generalization")
class Generalization(Experiment):
    """Models whose descriptors are compared with how well they generalise."""

    kind = wildcard = "generalization"
    category = "Generalisation"
    figures: ClassVar = {
        "generalization_scatter": Figure(("models", "measures", "associations"), "scatter", panels=True),
        "generalization_forest": Figure(("associations",), "forest", panels=True),
        "generalization_depth": Figure(("associations",), "depth", panels=True),
    }
    beside = ("granulated", "held_out")

    @property
    def archived(self) -> list[str]:
        """Its entries whose models are known once an archive is unpacked: this experiment can wait for them."""
        return [entry for entry in self["models"] if archived(self.plan.config, entry)]

    @property
    def assets(self) -> list[str]:
        """The archives that it waits for."""
        return [self.plan.config["models"][entry]["asset"] for entry in self.archived]

    @property
    def members(self) -> list[Unit]:
        """The networks that it names, of the values that it asks for; those of an archive once it is unpacked."""
        units = [unit for entry in self["models"] for unit in self.plan.units_behind(entry)]
        found = self._asked(units)
        if not found:
            raise InputError(
                f"config key 'experiments.generalization.{self.name}.only': expected values that some of the "
                f"{len(units)} models have. Received: {self['only']}."
            )
        return found

    def check(self) -> None:
        """Refuse values that no model has, and files whose names do not state what ``accuracy: stated`` asks."""
        known = (
            self.members
            if not self.archived
            else [unit for entry in self["models"] for unit in self.plan.entries.get(entry, [])]
        )
        self._stated(self._asked(known))

    def _asked(self, units: list[Unit]) -> list[Unit]:
        """Return those of some networks that have the values asked for."""
        return [unit for unit in units if all(unit.model.axes.get(axis) in told for axis, told in self["only"].items())]

    def _stated(self, units: list[Unit]) -> list[tuple[str, float]]:
        """Return the architecture and test accuracy that the names of the models' files state."""
        return [stated(unit.model, self.name) for unit in units] if self["accuracy"] == "stated" else []

    @property
    def activations(self) -> list[str]:
        """Activations files that hold logits, whose margins are rivals of the descriptors."""
        units, sample = self.members, self.plan.samples[self["sample"]]
        if all("logits" in unit.layers(sample) for unit in units):
            return [unit.activations(self["sample"]) for unit in units]
        return []

    @property
    def trajectories(self) -> list[str]:
        """Measures of trajectories, of the members whose weights are recorded."""
        return [f"{RESULTS}/models/{unit.model.name}/trajectory.json" for unit in self.members if _recorded(unit)]

    @property
    def of_trajectories(self) -> list[Panel]:
        """The measures of trajectories, where any of its networks has one."""
        if self.archived or not self.trajectories:
            return []
        from topodepth.topology.trajectory import MEASURES  # brings the engines, which few plans need

        return [(name, None) for name in MEASURES]

    @property
    def measured(self) -> list[Panel]:
        """The descriptors that it measures, of layers and of trajectories."""
        return super().measured + self.of_trajectories

    @property
    def metrics(self) -> list[str]:
        """Where the accuracies lie that are not stated."""
        return [] if self["accuracy"] == "stated" else [unit.model.metrics for unit in self.members]

    @property
    def listing(self) -> dict:
        """What the tables say of each model beside what is measured."""
        units = self.members
        told = self._stated(units) or [
            (unit.model.architecture, unit.model.settings["stated_accuracy"]) for unit in units
        ]
        about = [
            {
                "model": unit.name,
                "entry": unit.model.entry,
                "label": unit.model.label,
                "architecture": architecture,
                "seed": unit.model.seed if unit.model.is_made else None,
                "stated_accuracy": accuracy,
                "axes": unit.model.axes,
            }
            | ({"trajectory": True} if _recorded(unit) else {})
            for unit, (architecture, accuracy) in zip(units, told, strict=True)
        ]
        return {"models": about, "classes": self["classes"], "runs": self["runs"]}

    @property
    def association_settings(self) -> dict:
        """How measures are related to the targets."""
        axes = set()
        for entry in self["models"]:
            settings = self.plan.config["models"][entry]
            axes |= {axis for axis, values in settings["grid"].items() if values[1:]} | varied(entry, settings)
        keys = ("targets", "groups", "controls", "covariates", "resamples", "permutations", "classes")
        return pick(self.settings, *keys) | {
            "axes": sorted(axes), "seed": self.plan.config["seed"], "title": self.title
        }  # fmt: skip

    def options(self, figure: str) -> dict:
        """Return further arguments of a figure."""
        options = {"target": self["targets"][0]} | super().options(figure)
        of_trajectories = self.of_trajectories
        if figure == "generalization_scatter":
            alone = [(self.plan.leading_descriptor, None), *of_trajectories]
            options = {"colour": self["colour"], "group": self["groups"] or "architecture", "panels": alone} | options
        if figure == "generalization_depth" and "panels" in options:  # a trajectory is of no layer
            options["panels"] = [panel for panel in options["panels"] if panel not in of_trajectories] or None
        return options
