"""How alike the layers of networks are, on the same images."""

from functools import cached_property
from typing import ClassVar

from topodepth.errors import InputError
from topodepth.plan.configuration import REGISTRIES
from topodepth.plan.experiment import Experiment, Figure, pick
from topodepth.plan.kinds import register
from topodepth.plan.panels import Panel
from topodepth.plan.parameters import check
from topodepth.plan.units import RESULTS, Unit, through_training
from topodepth.topology.clouds import check_groups


@register("similarity")
class Similarity(Experiment):
    """A comparison of the layers of each network with those of each other."""

    kind, wildcard, category = "similarity", "similarity", "Similarity"
    figures: ClassVar = {
        "similarity_layers": Figure(("similarity",), "layer by layer"),
        "similarity_networks": Figure(("similarity",), "network by network"),
        "similarity_labels": Figure(("similarity",), "labels of neighbours"),
    }

    def check(self) -> None:
        """Refuse networks that see different images, and parameters that no measure takes."""
        datasets = {unit.images.dataset: unit.name for unit in self.compared if unit.has_images}
        where = f"experiments.similarity.{self.name}"
        if len(datasets) > 1:
            raise InputError(
                f"config key '{where}.models': expected models on the images of one data set. "
                f"Received: {', '.join(f'{name} on {dataset}' for dataset, name in datasets.items())}."
            )
        check_groups(self["jackknife_groups"], f"config key '{where}.jackknife_groups'")
        check(where, REGISTRIES["measure of similarity"], self["parameters"], self["measures"])

    @cached_property
    def own(self) -> list[Unit]:
        """Snapshots of trainings, where these are compared."""
        entries = self["models"] if self["snapshots"] else []
        return [snapshot for entry in entries for snapshot in through_training(self.plan.entries[entry])]

    @property
    def compared(self) -> list[Unit]:
        """What is compared: the networks, or the snapshots of their trainings."""
        return self.own if self["snapshots"] else self.members

    @property
    def measured(self) -> list[Panel]:
        """It measures no descriptors."""
        return []

    @property
    def pairs(self) -> list[str]:
        """A table for each pair of networks, and for each with itself."""
        names = [unit.name for unit in self.compared]
        folder = f"{RESULTS}/similarity/{self.name}/pairs"
        return [f"{folder}/{one}/{other}.csv" for k, one in enumerate(names) for other in names[k:]]

    @property
    def comparison_settings(self) -> dict:
        """How two networks are compared."""
        keys = ("measures", "parameters", "layers", "points", "jackknife_groups", "permutations")
        return pick(self.settings, *keys) | {"seed": self.plan.seed_of(self.plan.samples[self["sample"]])}

    def labels(self, figure: str) -> list:
        """Return the networks with their labels; those of snapshots tell the epoch, those of several seeds the seed."""
        return [[unit.name, self._label(unit)] for unit in self.compared]

    def _label(self, unit: Unit) -> str:
        if self["snapshots"]:
            return f"{unit.model.label}, " * (len(self["models"]) > 1) + f"epoch {unit.model.epoch}"
        return unit.model.own_label

    def options(self, figure: str) -> dict:
        """Return the measures that a figure shows."""
        return {} if figure == "similarity_labels" else {"measures": self["measures"]}

    @property
    def drawn(self) -> list[str]:
        """Networks are compared where there are two, labels of neighbours where neighbours are."""
        left_out = {"similarity_networks"} if len(self.compared) < 2 else set()
        if "neighbour_overlap" not in self["measures"]:
            left_out |= {"similarity_labels"}
        return [figure for figure in self.figures if figure not in left_out]
