"""Real images against spoofs, in pixels and in the layers of models."""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

from topodepth.plan.experiment import Experiment, Figure, pick
from topodepth.plan.kinds import register
from topodepth.plan.parameters import of_descriptors, of_estimators
from topodepth.plan.samples import subsets
from topodepth.plan.units import RESULTS, Unit, pixels, viewed


@register("spoofing")
class Spoofing(Experiment):
    """A comparison of real and spoof images."""

    kind = wildcard = "spoofing"
    category = "Spoofing"
    figures: ClassVar = {
        "spoofing_growth": Figure(("curves",), "growth"),
        "spoofing_layers": Figure(("spoofing",), "layers", panels=True),
    }
    beside = ("curves",)

    @cached_property
    def own(self) -> list[Unit]:
        """Pixels, and networks, on the experiment's images."""
        found = [pixels(self.settings)] if self["pixels"] else []
        return found + [viewed(unit, self.settings) for unit in self.members]

    @cached_property
    def samples(self) -> Mapping[str, Mapping]:
        """One sample for each subset."""
        return subsets(self.settings)

    @property
    def estimates(self) -> bool:
        """Dimensions are what it is about."""
        return True

    @property
    def comparison_settings(self) -> dict:
        """How both clouds are compared."""
        topology, dimension = self["topology"], self["dimension"]
        parameters = of_descriptors(topology) | of_estimators(dimension)
        return (
            pick(self.settings, "classes", "permutations")
            | pick(topology, "max_dim", "engine", "scaling", "null_draws", "jackknife_groups")
            | {"descriptors": topology["descriptors"], "estimators": dimension["estimators"]}
            | {"dimension_scaling": dimension["scaling"], "dimension_null_draws": dimension["null_draws"]}
            | {"n": self["points"], "parameters": parameters, "seed": self.plan.config["seed"]}
        )

    def columns(self, unit: Unit, sample: str) -> dict:
        """Return what the tables say of a comparison."""
        subset = self.samples[sample]["split"]
        return {
            "run": self.plan.config["run"], "dataset": unit.images.dataset, "subset": subset,
            "representation": unit.model.name,
        }  # fmt: skip

    def files(self, ending: str) -> list[str]:
        """Return what the comparison of every subset makes in every layer."""
        return [
            f"{RESULTS}/spoofs/{unit.name}/{name}/{layer}.{ending}"
            for name, sample in self.samples.items()
            for unit in self.own
            for layer in unit.layers(sample)
        ]

    def labels(self, figure: str) -> list:
        """Return the representations with their labels."""
        return [[unit.model.name, unit.model.label] for unit in self.own]

    @property
    def drawn(self) -> list[str]:
        """The growth of E_0 is drawn where its slope, the PH dimension, is asked for."""
        asked = "ph_dimension" in self["dimension"]["estimators"]
        return [figure for figure in self.figures if asked or figure != "spoofing_growth"]
