"""A PyTorch classifier under attack, by Foolbox: its steps are per image, in both norms."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.attacks.attacks import AttackSettings
from topodepth.attacks.victim import WHITE, Victim
from topodepth.datasets import Normaliser
from topodepth.errors import InputError
from topodepth.networks.network import are_probabilities
from topodepth.networks.torch_caller import Caller
from topodepth.networks.torch_network import listener, probed
from topodepth.networks.torch_pooling import Masks, Pooling
from topodepth.networks.torch_probe import PROBED, TorchTap
from topodepth.networks.torch_state import as_found, live_module

if TYPE_CHECKING:
    import torch

# Images that move together, always as many: sums of other batches are rounded in another way, and a step that follows
# signs of gradients carries that far in a deep network. So an image moves alike alone and in any batch.
TOGETHER = 32
MEAN = Pooling("mean")
RESHAPING = ("Clone", "View", "UnsafeView", "Reshape", "Permute", "Alias", "Squeeze", "Unsqueeze", "ToCopy")


class TorchVictim(Victim):
    """A classifier of PyTorch under attack.

    The model is as before afterwards, also after an error: its mode, weights, gradients, buffers and hooks, and random
    states. It is attacked as it is after ``eval()``. Tensors of images stay where NumPy reads them; the model's device
    gets what passes through it.

    Parameters
    ----------
    model
        A live module that takes images alone, and returns logits or probabilities, first if it returns several things.
    example
        Some images, pixels 0–255 (n, height, width, channels), which are passed to find where the logits are.
    normalise, settings
        As of :class:`topodepth.attacks.victim.Victim`.
    channels_first
        Whether the model takes images as (n, channels, height, width).
    name
        The model's, for messages; that of its class if None.

    Raises
    ------
    InputError
        If it does not end in a softmax or in logits of two classes or more, or has no such class as the target.
    """

    faint = 1e-12  # Foolbox takes a smaller norm for this one

    def __init__(
        self,
        model: "torch.nn.Module",
        example: np.ndarray,
        normalise: Normaliser,
        settings: AttackSettings,
        *,
        channels_first: bool = True,
        name: str | None = None,
    ) -> None:
        import torch

        self._caller = Caller(live_module(model), name or type(model).__name__)
        super().__init__(self._caller.name, normalise, settings)
        self._shift, self._scale = torch.as_tensor(normalise.shift), torch.as_tensor(normalise.scale)
        self._channels_first = channels_first
        start = self.start(example[np.arange(PROBED) % len(example)])
        self._source = self._taken_for_logits(start)
        self._tells_apart(self._source.axes.features)

    def _taken_for_logits(self, start: "torch.Tensor") -> TorchTap:
        """Return the call whose output the loss of the attack is computed from."""
        probe = probed(self._caller, MEAN, self._inputs(start))
        output, expected = probe.output(), f"{self.name}: attacks expected a softmax or logits of two classes or more."
        if output is None or output.axes.batch or output.axes.places or output.axes.features < 2:
            raise InputError(f"{expected} Received: an output of shape {probe.calls.root.shape}")
        with self._model():
            scores = self._values(start.requires_grad_(), output)
        if "Sigmoid" in _made_by(scores):
            raise InputError(f"{expected} Received: sigmoids")
        softmax = are_probabilities(scores.detach().numpy())
        if self.settings.logits == "softmax":
            if not softmax:
                raise InputError(
                    f"{self.name}: `logits: softmax` expected a model that ends in a softmax. Received: logits"
                )
            return output
        end, values = probe.ending()
        if are_probabilities(values):
            raise InputError(
                f"{self.name}: logits expected as the values before a softmax, which no module returns. Received: "
                "probabilities; let the model return what its softmax takes, or say `logits: softmax`."
            )
        return end

    @contextmanager
    def _model(self) -> Iterator[None]:
        """Let the model compute as after ``eval()``, and gradients be found."""
        import torch

        with as_found(self._caller.model), torch.enable_grad():
            yield

    def _inputs(self, x: "torch.Tensor") -> "torch.Tensor":
        """Return what the model takes, of images in the coordinates of the attack; layers may write into it."""
        inputs = (x * WHITE - self._shift) / self._scale if self._in_pixels else x.clone()
        return inputs.movedim(-1, 1).contiguous() if self._channels_first else inputs

    def _values(self, x: "torch.Tensor", source: TorchTap) -> "torch.Tensor":
        found: dict[Any, torch.Tensor] = {}
        listening = listener(MEAN, [source], Masks({}), found)
        handle = source.call.module.register_forward_hook(listening, with_kwargs=True)
        try:
            self._caller(self._caller.placed(self._inputs(x)))
        finally:
            handle.remove()
        return found[source.key].float().cpu()

    @property
    def scores(self) -> Callable[[Any], Any]:
        """From images in the coordinates of the attack to logits (n, classes); for attacks while they are called."""
        return lambda x: self._values(x, self._source)

    def attack(self, start: Any, gradient: Any, labels: Any, epsilon: float) -> np.ndarray:
        """Return the attacked images at a strength, in the coordinates of the attack; at 0 they are the clean ones."""
        attack = super().attack
        with self._model():
            parts = [attack(x, slopes, known, epsilon) for x, slopes, known in _parts(start, gradient, labels)]
            return np.concatenate(parts)[: len(start)]

    def step(self, start: Any, gradient: Any, epsilon: float) -> "torch.Tensor":
        """Return images moved by ε along a gradient, within the bounds."""
        return self._descent().along(gradient, start, epsilon)

    def descend(self, start: Any, labels: Any, epsilon: float, *, random_start: bool) -> "torch.Tensor":
        """Return images after several steps along their gradients, each cut back to ε and to the bounds."""
        how = {"steps": self.settings.steps, "step_size": self.settings.step_size, "random_start": random_start}
        return self._descent(**how).moved(start, labels, epsilon)

    def _tensor(self, images: np.ndarray) -> "torch.Tensor":
        import torch

        return torch.tensor(images)

    def _labels(self, start: Any) -> "torch.Tensor":
        import torch

        if self.settings.target is not None:
            return torch.full((len(start),), self.settings.target)
        with self._model(), torch.no_grad():
            return torch.cat([self.scores(part).argmax(dim=1) for (part,) in _parts(start)])[: len(start)]

    def _gradient(self, start: Any, labels: Any) -> "torch.Tensor":
        import torch

        def slope(part: torch.Tensor, aims: torch.Tensor) -> torch.Tensor:
            loss = torch.nn.functional.cross_entropy
            return _foolbox().slope(lambda x: loss(self.scores(x), aims, reduction="sum"), part, self.name)

        with self._model():
            gradient = torch.cat([slope(*part) for part in _parts(start, labels)])[: len(start)]
        return gradient if self.settings.target is None else -gradient

    def _descent(self, **how: Any) -> Any:
        return _foolbox().DESCENTS[self.settings.norm](self, **how)


def _parts(*tensors: "torch.Tensor") -> Iterator[tuple["torch.Tensor", ...]]:
    """Yield parts of one size of tensors of one length; the last is filled up with its last row."""
    n = len(tensors[0])
    for first in range(0, n, TOGETHER):
        rows = np.minimum(np.arange(first, first + TOGETHER), n - 1)
        yield tuple(tensor[rows] for tensor in tensors)


def _made_by(tensor: "torch.Tensor") -> str:
    """Return what PyTorch calls the operation behind a tensor, but for those that copy or reshape: SoftmaxBackward0."""
    node = tensor.grad_fn
    while node is not None and node.name().startswith(RESHAPING):
        node = node.next_functions[0][0]
    return "" if node is None else node.name()


def _foolbox() -> ModuleType:
    """Return what steps along gradients."""
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # Foolbox imports GitPython (3.2.1), an error without git
    from topodepth.attacks import torch_descent

    return torch_descent
