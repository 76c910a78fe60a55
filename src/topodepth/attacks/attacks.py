"""Attacks: images changed a little so that a classifier errs; what steps along its gradient is a victim's.

An attack is a function of this module with ``@register("name")``; it gets a :class:`topodepth.attacks.victim.Victim`.
Strengths ε are in one of two units: ``pixel``, where black is 0 and white is 1 (so the usual 8/255 is 0.0314), or
``standardised``, the model's input after normalisation.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

from topodepth.errors import InputError, is_whole, unknown_name
from topodepth.registry import Registry

if TYPE_CHECKING:
    from topodepth.attacks.victim import Victim

registry = Registry(__name__, "attack")
register = registry.register

NORMS = ("linf", "l2")
UNITS = ("pixel", "standardised")
LOGITS = ("logits", "softmax")


@dataclass(frozen=True)
class AttackSettings:
    """How images are attacked.

    Parameters
    ----------
    attack
        Registered attack.
    norm
        ``"linf"`` or ``"l2"``: what bounds the perturbation of one image.
    target
        Class that the attack aims at; None drives each image away from the class that the model gives it when clean.
    epsilons
        Strengths ε, the largest norm of a perturbation; put in ascending order, 0 (the clean images) added.
    units
        Units of ε: ``"pixel"`` or ``"standardised"``. In pixel units the attack itself is made in pixel space.
    clip
        Keep attacked images within the range of pixels, 0–255.
    logits
        What the loss of the attack is computed from: ``"logits"``, or ``"softmax"``, which hands the model's
        probabilities over as if they were logits.
    steps
        Steps of an iterated attack.
    step_size
        Size of one step as a share of ε.
    seed
        Seed of random starts.

    Raises
    ------
    InputError
        If one is out of its range.
    """

    epsilons: Sequence[float]
    attack: str = "fgsm"
    norm: str = "linf"
    target: int | None = None
    units: str = "pixel"
    clip: bool = True
    logits: str = "logits"
    steps: int = 10
    step_size: float = 0.25
    seed: int = 0

    def __post_init__(self) -> None:
        registry.module_of(self.attack)
        for name, known in (("norm", NORMS), ("units", UNITS), ("logits", LOGITS)):
            if getattr(self, name) not in known:
                raise unknown_name(f"{name} of an attack", getattr(self, name), known)
        if self.target is not None and not is_whole(self.target, 0):
            raise InputError(f"target: expected a class from 0, or null. Received: {self.target!r}.")
        if not is_whole(self.steps, 1):
            raise InputError(f"steps: expected a whole number from 1. Received: {self.steps!r}.")
        if not _is_number(self.step_size) or not 0 < self.step_size <= 1:
            raise InputError(f"step_size: expected a share of ε above 0, up to 1. Received: {self.step_size!r}.")
        object.__setattr__(self, "epsilons", strengths(self.epsilons))
        if self.units == "pixel" and self.norm == "linf" and self.epsilons[-1] > 1:
            raise InputError(f"epsilons: expected from 0 to 1 in pixel units. Received: {self.epsilons[-1]}.")


def strengths(epsilons: Sequence[float]) -> tuple[float, ...]:
    """Return the strengths that are measured: those asked for and 0, ascending, each once.

    Raises
    ------
    InputError
        If one is negative, infinite, NaN or no number.
    """
    listed = list(epsilons) if isinstance(epsilons, Sequence) and not isinstance(epsilons, str) else [epsilons]
    for epsilon in listed:
        if not _is_number(epsilon) or epsilon < 0:
            raise InputError(f"epsilons: expected finite numbers from 0. Received: {epsilon!r}.")
    return tuple(sorted({0.0, *map(float, listed)}))


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


@register("fgsm")
def fgsm(victim: "Victim", start: Any, gradient: Any, labels: Any, epsilon: float) -> Any:
    """Return x + ε · direction, the direction that of the gradient at the clean image: one gradient serves every ε.

    Goodfellow et al. (2015), Explaining and harnessing adversarial examples, arXiv:1412.6572.
    """
    return victim.step(start, gradient, epsilon)


@register("bim")
def bim(victim: "Victim", start: Any, gradient: Any, labels: Any, epsilon: float) -> Any:
    """Return the end of several steps along the gradient, each cut back to ε, from the clean image.

    Kurakin et al. (2017), Adversarial examples in the physical world, arXiv:1607.02533.
    """
    return victim.descend(start, labels, epsilon, random_start=False)


@register("pgd")
def pgd(victim: "Victim", start: Any, gradient: Any, labels: Any, epsilon: float) -> Any:
    """Return the end of several steps along the gradient, each cut back to ε, from a random point within ε.

    Madry et al. (2018), Towards deep learning models resistant to adversarial attacks, arXiv:1706.06083.
    """
    return victim.descend(start, labels, epsilon, random_start=True)
