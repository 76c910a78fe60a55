"""How descriptors change from layer to layer, compared between models."""

from typing import ClassVar

from topodepth.plan.experiment import Experiment, Figure
from topodepth.plan.kinds import register
from topodepth.plan.units import RESULTS, Unit
from topodepth.tables.rows import of_scale


@register("depth")
class Depth(Experiment):
    """A comparison of models by depth."""

    kind, wildcard, category = "depth", "comparison", "Depth"
    figures: ClassVar = {
        "depth": Figure(("depth",), "depth", panels=True),
        "depth_models": Figure(("depth",), "depth models", panels=True),
        "dimension": Figure(("depth",), "dimension"),
        "dimension_scale": Figure(("depth",), "dimension by scale"),
        "training": Figure(("training",), "training"),
    }
    beside = ("accuracy",)

    @property
    def histories(self) -> list[str]:
        """The course of each training that was done here."""
        return [path for unit in self.members for path in unit.model.history]

    @property
    def curves(self) -> dict[str, str]:
        """The curve that each model belongs to."""
        return {unit.name: unit.model.curve for unit in self.members}

    def labels(self, figure: str) -> list:
        """Return the curves with their labels; those of trainings are single models."""
        if figure == "training":
            return [[unit.name, unit.name] for unit in self.members if unit.model.history]
        return [[curve, label] for curve, label in {u.model.curve: u.model.label for u in self.members}.items()]

    def options(self, figure: str) -> dict:
        """Return further arguments of a figure."""
        estimators = {"estimators": self.estimators[0]} if figure == "dimension" else {}
        return estimators | super().options(figure)

    @property
    def estimators(self) -> tuple[list[str], list[str]]:
        """Estimators of dimension: those drawn by depth, and those of several scales, drawn by scale."""
        names = self.plan.config["dimension"]["estimators"] if self.estimates else []
        scales = [name for name in names if of_scale(name)]
        scales = scales if len(scales) > 1 else []
        return [name for name in names if name not in scales], scales

    @property
    def models_told(self) -> list[dict]:
        """What the table of accuracies says of each model beside its accuracy."""
        return [
            {
                "model": unit.name,
                "label": unit.model.own_label,
                "dataset": unit.images.dataset,
                "stated_accuracy": unit.model.settings.get("stated_accuracy"),
            }
            for unit in self.members
        ]

    def diagrams(self, unit: Unit) -> list[str]:
        """Return the diagrams of a model that are drawn: of layers spread evenly over its depth."""
        folder = f"{RESULTS}/diagrams/{unit.name}/{self['sample']}"
        layers = list(unit.layers(self.plan.samples[self["sample"]]))
        return [f"{folder}/{layer}.h5" for layer in spread(layers, self["diagrams"])]

    @property
    def bars(self) -> list[str]:
        """The longest bars of each model, where they are asked for."""
        return [f"{RESULTS}/depth/{self.name}/bars/{unit.name}.csv" for unit in self.members if self["bars"]]

    @property
    def drawn(self) -> list[str]:
        """Training curves are drawn where models were trained here, dimensions where they are estimated."""
        plain, scales = (bool(names) for names in self.estimators)
        dimensions = ["dimension"] * plain + ["dimension_scale"] * scales
        return ["depth", "depth_models", *dimensions] + ["training"] * bool(self.histories)

    @property
    def shown_alone(self) -> list[str]:
        """The models whose diagrams are drawn: one a curve."""
        return sorted(unit.name for unit in self.first_of_curves.values()) if self["diagrams"] else []

    @property
    def tabulated(self) -> list[str]:
        """Beside what its figures show the bars and Betti curves of diagrams, and the longest bars."""
        folder = f"{RESULTS}/depth/{self.name}"
        diagrams = [f"{folder}/diagrams/{name}.{of}.csv" for name in self.shown_alone for of in ("bars", "betti")]
        return [*super().tabulated, *diagrams, *[f"{folder}/bars.csv"] * bool(self.bars)]

    @property
    def results(self) -> list[str]:
        """The page, the figures, the accuracies, and the diagrams of one model per curve."""
        folder = f"{RESULTS}/depth/{self.name}"
        diagrams = [f"{folder}/diagrams/{name}.png" for name in self.shown_alone]
        results = [*super().results, f"{folder}/accuracy.html", *diagrams]
        shown = [unit.name for unit in self.members if unit.has_images and self["bars"]]
        return [*results, *[f"{folder}/bars.csv"] * bool(self.bars), *[f"{folder}/bars/{name}.png" for name in shown]]


def spread(items: list, count: int) -> list:
    """Return at most ``count`` items spread evenly over a list, its first and last among them."""
    count = min(count, len(items))
    if count < 2:
        return items[:count]
    return [items[round(k * (len(items) - 1) / (count - 1))] for k in range(count)]
