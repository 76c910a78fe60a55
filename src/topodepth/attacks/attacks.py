"""Attacks: images changed a little so that a classifier errs, by Cleverhans, on any Keras model.

An attack is a function of this module with ``@register("name")``. Strengths ε are in one of two units: ``pixel``, where
black is 0 and white is 1 (so the usual 8/255 is 0.0314), or ``standardised``, the model's input after normalisation.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real

import numpy as np

from topodepth.datasets import Normaliser
from topodepth.errors import InputError, is_whole, unknown_name
from topodepth.networks.batches import whole_numbers
from topodepth.registry import Registry

registry = Registry(__name__, "attack")
register = registry.register

NORMS = {"linf": np.inf, "l2": 2}
UNITS = ("pixel", "standardised")
LOGITS = ("logits", "softmax")
WHITE = np.float32(255)
FAINT = 1e-6  # Cleverhans takes a smaller L2 norm of a gradient for this one, so the step is shorter than ε


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


def scores_tap(model, how: str):
    """Return the tap of the tensor that attacks take for logits.

    Parameters
    ----------
    model
        A classifier of Keras 3 or of the legacy Keras that ends in a softmax or in logits.
    how
        ``"logits"`` or ``"softmax"``, see :class:`AttackSettings`.

    Raises
    ------
    InputError
        If the model ends in sigmoids or in a single value, or takes batches of one size only.
    """
    from topodepth.networks.models import Classifier, Tap, tap_layers

    found = Classifier(model)
    if model.inputs[0].shape[0] is not None:
        received = f"batches of {model.inputs[0].shape[0]}"
        raise InputError(
            f"{model.name}: attacks expected a network that takes batches of any size. Received: {received}"
        )
    ending = f"{found.ends_in} of shape {tuple(model.outputs[0].shape)}"
    if found.ends_in == "sigmoid" or math.prod(model.outputs[0].shape[1:]) < 2:
        raise InputError(
            f"{model.name}: attacks expected a softmax or logits of two classes or more. Received: {ending}"
        )
    if found.ends_in == "logits" and how == "softmax":
        raise InputError(f"{model.name}: `logits: softmax` expected a model that ends in a softmax. Received: {ending}")
    if how == "softmax" or found.ends_in == "logits":
        return Tap("scores", -1, "scores", "", 1.0, model.outputs[0], "none")
    return tap_layers(model, ["logits"])[0]


class Victim:
    """A classifier in the coordinates in which it is attacked: pixels from black 0 to white 1, or its own input.

    Parameters
    ----------
    model
        A classifier of Keras 3 on TensorFlow, or of the legacy Keras.
    scores
        What :func:`scores_tap` returns for it.
    normalise
        Turns pixels into the model's input.
    settings
        The attack.
    shape
        Of one input of the model, where that is not an image's own: :func:`topodepth.networks.inputs.fitted`.

    Raises
    ------
    InputError
        If the model takes whole numbers, has no such class as the target, or its Keras does not run on TensorFlow.
    """

    def __init__(
        self, model, scores, normalise: Normaliser, settings: AttackSettings, *, shape: tuple[int, ...] | None = None
    ) -> None:
        from topodepth.networks.models import framework_of

        framework = framework_of(model)
        if framework.backend.backend() != "tensorflow":
            raise InputError(
                f"{model.name}: attacks expected Keras on TensorFlow. Received: {framework.backend.backend()}"
            )
        if whole_numbers(model.inputs[0]):
            raise InputError(
                f"{model.name}: attacks expected a network that takes real numbers, for their gradient. "
                f"Received: {model.inputs[0].dtype}"
            )
        self.name, self.normalise, self.settings, self._shape = model.name, normalise, settings, shape
        self.classes = math.prod(scores.tensor.shape[1:])
        if settings.target is not None and settings.target >= self.classes:
            received = f"{settings.target}"
            raise InputError(f"{self.name}: target expected from 0 to {self.classes - 1}. Received: {received}")
        self._network = framework.Model(model.inputs[0], scores.tensor)

    @cached_property
    def scores(self):
        """What Cleverhans takes for the model: images in the coordinates of the attack to logits (n, classes)."""
        import tensorflow as tf

        return tf.function(self._scores)

    def _scores(self, x: "tf.Tensor") -> "tf.Tensor":  # noqa: F821
        import tensorflow as tf

        inputs = (x * WHITE - self.normalise.shift) / self.normalise.scale if self._in_pixels else x
        if self._shape is not None:
            inputs = tf.reshape(inputs, (-1, *self._shape))
        return tf.reshape(tf.cast(self._network(inputs, training=False), tf.float32), (-1, self.classes))

    @cached_property
    def _gradient(self):
        """Cleverhans' gradient at images, towards labels or away from them, as one graph: traced in half the time."""
        import tensorflow as tf
        from cleverhans.tf2.utils import compute_gradient

        loss, targeted = tf.nn.sparse_softmax_cross_entropy_with_logits, self.settings.target is not None
        return tf.function(lambda x, labels: compute_gradient(self._scores, loss, x, labels, targeted))

    def start(self, images: np.ndarray) -> "tf.Tensor":  # noqa: F821
        """Return clean images, pixels 0–255, in the coordinates of the attack.

        Raises
        ------
        InputError
            If a value is outside that range, or no number.
        """
        import tensorflow as tf

        if not (np.min(images) >= 0 and np.max(images) <= WHITE):
            received = f"{np.min(images)} to {np.max(images)}"
            raise InputError(f"{self.name}: images expected with values from 0 to 255. Received: {received}")
        return tf.constant(np.asarray(images, np.float32) / WHITE if self._in_pixels else self.normalise(images))

    def gradient(self, start: "tf.Tensor") -> tuple["tf.Tensor", "tf.Tensor"]:  # noqa: F821
        """Return the gradient of the loss at clean images, of their shape, and the labels (n,) that the loss is of.

        It is what every strength of the fast gradient method, and the first step of the others, follows.
        """
        import tensorflow as tf

        if self.settings.target is not None:
            labels = tf.constant(self.settings.target, tf.int64, shape=(len(start),))
        else:  # the model's own: true labels would leak into the perturbation
            labels = tf.argmax(self.scores(start), axis=1)
        gradient = self._gradient(start, labels)
        if not np.isfinite(gradient).all():
            raise InputError(
                f"{self.name}: gradient of the loss expected to be finite. Received: NaN or infinite values"
            )
        return gradient, labels

    def attack(self, start, gradient, labels, epsilon: float) -> np.ndarray:
        """Return the attacked images at a strength, in the coordinates of the attack; at 0 they are the clean ones."""
        if epsilon == 0:
            return start.numpy()
        moved = np.asarray(registry.get(self.settings.attack)(self, start, gradient, labels, epsilon))
        if moved.shape != start.shape or moved.dtype.kind != "f":
            raise InputError(
                f"attack {self.settings.attack!r}: expected to return images {tuple(start.shape)}, as numbers. "
                f"Received: {moved.dtype} {moved.shape}."
            )
        return moved.astype(np.float32, copy=False)

    def model_input(self, x: np.ndarray) -> np.ndarray:
        """Return the model's input, float32, of images in the coordinates of the attack."""
        made = self.normalise(x * WHITE) if self._in_pixels else x
        return made if self._shape is None else made.reshape(len(made), *self._shape)

    def perturbation(self, start: "tf.Tensor", x: np.ndarray) -> dict[str, np.ndarray]:  # noqa: F821
        """Return the norms of a perturbation, one an image (n,), by norm and unit: ``linf_pixel``, ``l2_standardised``.

        Pixels count from black 0 to white 1.
        """
        change, scale = x - start.numpy(), self.normalise.scale / WHITE
        pixel, standardised = (change, change / scale) if self._in_pixels else (change * scale, change)
        norms = {}
        for unit, values in (("pixel", pixel), ("standardised", standardised)):
            flat = values.reshape(len(values), -1)
            squares = np.einsum("ij,ij->i", flat, flat, dtype=np.float64)
            norms |= {f"linf_{unit}": np.abs(flat).max(axis=1).astype(np.float64), f"l2_{unit}": np.sqrt(squares)}
        return norms

    def pixels(self, x: np.ndarray) -> np.ndarray:
        """Return images in the coordinates of the attack as pixels from black 0 to white 1, cut to that range."""
        values = x if self._in_pixels else (x * self.normalise.scale + self.normalise.shift) / WHITE
        return np.clip(values, 0, 1).astype(np.float32)

    @cached_property
    def bounds(self) -> tuple:
        """Lowest and highest valid value in the coordinates of the attack; None twice where it does not clip."""
        if not self.settings.clip:
            return None, None
        return (0.0, 1.0) if self._in_pixels else (self.normalise(0), self.normalise(WHITE))

    @property
    def _in_pixels(self) -> bool:
        return self.settings.units == "pixel"


@register("fgsm")
def fgsm(victim: Victim, start, gradient, labels, epsilon: float):
    """Return x + ε · direction, the direction that of the gradient at the clean image: one gradient serves every ε.

    Goodfellow et al. (2015), Explaining and harnessing adversarial examples, arXiv:1412.6572.
    """
    import tensorflow as tf
    from cleverhans.tf2.utils import optimize_linear

    moved = start + optimize_linear(gradient, epsilon, NORMS[victim.settings.norm])
    return moved if victim.bounds[0] is None else tf.clip_by_value(moved, *victim.bounds)


@register("bim")
def bim(victim: Victim, start, gradient, labels, epsilon: float):
    """Return the end of several steps along the gradient, each cut back to ε, from the clean image.

    Kurakin et al. (2017), Adversarial examples in the physical world, arXiv:1607.02533.
    """
    return _descend(victim, start, labels, epsilon, random_start=False)


@register("pgd")
def pgd(victim: Victim, start, gradient, labels, epsilon: float):
    """Return the end of several steps along the gradient, each cut back to ε, from a random point within ε.

    Madry et al. (2018), Towards deep learning models resistant to adversarial attacks, arXiv:1706.06083.
    """
    return _descend(victim, start, labels, epsilon, random_start=True)


def _descend(victim: Victim, start, labels, epsilon: float, *, random_start: bool):
    import tensorflow as tf
    from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

    settings, (low, high) = victim.settings, victim.bounds
    # one start a batch, whatever ran before, scaled by ε: strengths are compared with each other
    tf.random.set_seed((settings.seed + zlib.crc32(start.numpy().tobytes())) % 2**31)
    return projected_gradient_descent(
        victim.scores,
        start,
        epsilon,
        epsilon * settings.step_size,
        settings.steps,
        NORMS[settings.norm],
        clip_min=low,
        clip_max=high,
        y=labels,
        targeted=settings.target is not None,
        rand_init=random_start,
    )
