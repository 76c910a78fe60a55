"""Foolbox' descents, with what it leaves to its users: gradients, starts, and what a step is cut back to.

Foolbox (3.3.4) as it is adds to the gradients of the model's weights, draws the starts of a whole batch at once from
PyTorch's global random state, and knows one lowest and one highest value for all pixels.
"""

from collections.abc import Callable
from typing import Any

import eagerpy
import numpy as np
import torch
from foolbox.attacks.gradient_descent_base import BaseGradientDescent, L2BaseGradientDescent, LinfBaseGradientDescent
from foolbox.criteria import Misclassification, TargetedMisclassification
from foolbox.models.base import Model
from foolbox.types import Bounds

from topodepth.attacks.victim import Victim
from topodepth.errors import InputError


class Scores(Model):
    """A function from images to logits (n, classes), tensors of PyTorch, as Foolbox takes models; nothing is cut."""

    bounds = Bounds(-np.inf, np.inf)

    def __init__(self, scores: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self._scores = scores

    def __call__(self, inputs: Any) -> Any:
        """Return the logits."""
        found, restored = eagerpy.astensor_(inputs)
        return restored(eagerpy.astensor(self._scores(found.raw)))


def slope(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, name: str) -> torch.Tensor:
    """Return the gradient at images of a sum over them; nothing is added to the gradients of the model's weights.

    Raises
    ------
    InputError
        If the sum does not follow from the images by steps that have a gradient; ``name`` is the model's.
    """
    x = x.detach().requires_grad_()
    total = function(x)
    gradient = torch.autograd.grad(total, x, allow_unused=True)[0] if total.requires_grad else None
    if gradient is None:
        raise InputError(
            f"{name}: attacks expected a network whose output has a gradient at its input. Received: none; is there "
            "`torch.no_grad`, `detach` or rounding in it?"
        )
    return gradient


class Descent(BaseGradientDescent):
    """Steps along gradients, with a start for each image, and bounds for each pixel.

    Parameters
    ----------
    victim
        Whose images move.
    steps, step_size
        How many steps, and their size as a share of ε.
    random_start
        Start at a random point within ε.
    """

    def __init__(self, victim: Victim, *, steps: int = 1, step_size: float = 1.0, random_start: bool = False) -> None:
        super().__init__(rel_stepsize=step_size, steps=steps, random_start=random_start)
        self._victim = victim

    def along(self, gradient: torch.Tensor, start: torch.Tensor, epsilon: float) -> torch.Tensor:
        """Return images moved by ε along a gradient, within the bounds; where it is 0 they stay."""
        found = eagerpy.astensor(gradient)
        return self._within(start + epsilon * self.normalize(found, x=found, bounds=Scores.bounds).raw)

    def moved(self, start: torch.Tensor, labels: torch.Tensor, epsilon: float) -> torch.Tensor:
        """Return images after all steps: away from labels, or towards them where the attack has a target."""
        criterion = Misclassification if self._victim.settings.target is None else TargetedMisclassification
        return self.run(Scores(self._victim.scores), start, criterion(labels), epsilon=epsilon)

    def value_and_grad(self, loss_fn: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
        """Return the gradient of the loss, and in place of its value, which no step needs, nothing."""
        gradient = slope(lambda images: loss_fn(eagerpy.astensor(images)).raw, x.raw, self._victim.name)
        return None, eagerpy.astensor(gradient)

    def get_random_start(self, x0: Any, epsilon: float) -> Any:
        """Return a start for each image, which depends on it and the seed alone: strengths can be compared."""
        starts = []
        for image in x0.raw:
            # the random state is put back by whoever calls the attack
            torch.manual_seed(self._victim.seed_of(image.numpy()))
            starts.append(super().get_random_start(eagerpy.astensor(image[None]), epsilon).raw)
        return eagerpy.astensor(self._within(torch.cat(starts)))

    def project(self, x: Any, x0: Any, epsilon: float) -> Any:
        """Return images cut back to the bounds and then to ε, in the order of Cleverhans."""
        return super().project(eagerpy.astensor(self._within(x.raw)), x0, epsilon)

    def _within(self, x: torch.Tensor) -> torch.Tensor:
        low, high = self._victim.bounds
        return x if low is None else torch.clamp(x, torch.as_tensor(low), torch.as_tensor(high))


class LinfDescent(Descent, LinfBaseGradientDescent):
    """Steps of the same size in every pixel."""


class L2Descent(Descent, L2BaseGradientDescent):
    """Steps in the direction of the gradient."""


DESCENTS = {"linf": LinfDescent, "l2": L2Descent}
