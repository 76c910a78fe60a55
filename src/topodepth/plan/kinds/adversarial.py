"""What an attack that succeeds does to the topology of every layer."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from topodepth.attacks import attacks
from topodepth.errors import InputError
from topodepth.networks.onnx_file import is_onnx
from topodepth.plan.experiment import Experiment, Figure, pick
from topodepth.plan.kinds import register
from topodepth.plan.units import RESULTS, Unit, attacked


@register("adversarial")
class Adversarial(Experiment):
    """An attack on models."""

    kind, wildcard, category = "adversarial", "attack", "Adversarial"
    figures: ClassVar = {
        "adversarial_depth": Figure(("table",), "depth, {model}", panels=True),
        "adversarial_success": Figure(("changes",), "success, {model}", panels=True),
    }
    of_each_model = True
    beside = ("trends",)

    def check(self) -> None:
        """Refuse networks that have no gradients to attack along."""
        for unit in self.members:
            if is_onnx(unit.model.path):
                raise InputError(
                    f"config key 'experiments.adversarial.{self.name}.models': attacks follow gradients, which an ONNX "
                    "file does not have; expected a Keras file, a PyTorch model, or a model trained here. "
                    f"Received: {unit.name!r}, {unit.model.path}."
                )

    def strengths(self, unit: Unit) -> list[Unit]:
        """Return a network on attacked images, once for each strength."""
        return attacked(unit, self.name, len(attacks.strengths(self["epsilons"])))

    @cached_property
    def own(self) -> list[Unit]:
        """Each network at each strength."""
        return [each for unit in self.members for each in self.strengths(unit)]

    def layers(self, unit: Unit) -> Mapping[str, str | int]:
        """Return the layers of a network on the experiment's sample."""
        return unit.layers(self.plan.samples[self["sample"]])

    def diagrams(self, unit: Unit) -> list[str]:
        """Return a folder of diagrams for each layer, in order of depth."""
        return [f"{RESULTS}/attacked_diagrams/{self.name}/{unit.name}/{layer}" for layer in self.layers(unit)]

    def dimensions(self, unit: Unit) -> list[str]:
        """Return the dimensions of every layer at every strength, where they are asked for."""
        return [
            f"{RESULTS}/dimensions/{each.name}/{self['sample']}/{layer}.csv"
            for each in self.strengths(unit)
            if self["dimensions"]
            for layer in self.layers(each)
        ]

    @property
    def attack_settings(self) -> dict:
        """How images are attacked."""
        keys = ("attack", "norm", "target", "epsilons", "units", "clip", "logits", "steps", "step_size")
        return pick(self.settings, *keys) | {"seed": self.plan.config["seed"]}

    def title_of(self, wildcards: Any) -> str:
        """Return the title of a figure, with the model's label."""
        return f"{self.title}: {self.plan.units[wildcards.model].model.label}"

    @property
    def estimates(self) -> bool:
        """Dimensions cost much at every strength, so they are asked for apart."""
        return self["dimensions"]

    def options(self, figure: str) -> dict:
        """Return further arguments of a figure."""
        alone = {"panels": [(self.plan.leading_descriptor, None)]} if figure == "adversarial_success" else {}
        return alone | super().options(figure)

    @property
    def results(self) -> list[str]:
        """The page and the figures of every model."""
        names = ["summary.html", "adversarial_images.png", *[f"{figure}.png" for figure in self.drawn]]
        folder = f"{RESULTS}/adversarial/{self.name}"
        return [f"{folder}/{unit.name}/{name}" for unit in self.members for name in names]
