"""A Keras classifier under attack, by Cleverhans: the TensorFlow side of it, whose steps are per image."""

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from topodepth.attacks.attacks import AttackSettings
from topodepth.attacks.victim import WHITE, Victim
from topodepth.datasets import Normaliser
from topodepth.errors import InputError
from topodepth.networks.batches import whole_numbers
from topodepth.networks.inputs import reshaping

NORMS = {"linf": np.inf, "l2": 2}


def scores_tap(model: Any, how: str) -> Any:
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


def attacked(model: Any, shape: tuple[int, ...], normalise: Normaliser, settings: AttackSettings) -> "KerasVictim":
    """Return a model under attack, for images of this shape (height, width, channels), which may be reshaped for it.

    Raises
    ------
    InputError
        As :func:`scores_tap`, :func:`topodepth.networks.inputs.fitted` and :class:`KerasVictim`.
    """
    made = reshaping(tuple(model.inputs[0].shape[1:]), tuple(shape), model.name)
    return KerasVictim(model, scores_tap(model, settings.logits), normalise, settings, shape=made)


class KerasVictim(Victim):
    """A classifier of Keras under attack.

    Parameters
    ----------
    model
        A classifier of Keras 3 on TensorFlow, or of the legacy Keras.
    scores
        What :func:`scores_tap` returns for it.
    normalise, settings
        As of :class:`topodepth.attacks.victim.Victim`.
    shape
        Of one input of the model, where that is not an image's own: :func:`topodepth.networks.inputs.fitted`.

    Raises
    ------
    InputError
        If the model takes whole numbers, has no such class as the target, or its Keras does not run on TensorFlow.
    """

    faint = 1e-6  # Cleverhans takes a smaller norm for this one

    def __init__(
        self,
        model: Any,
        scores: Any,
        normalise: Normaliser,
        settings: AttackSettings,
        *,
        shape: tuple[int, ...] | None = None,
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
        super().__init__(model.name, normalise, settings)
        self._tells_apart(math.prod(scores.tensor.shape[1:]))
        self._shape, self._network = shape, framework.Model(model.inputs[0], scores.tensor)

    @cached_property
    def scores(self) -> Callable[[Any], Any]:
        """What Cleverhans takes for the model: images in the coordinates of the attack to logits (n, classes)."""
        import tensorflow as tf

        return tf.function(self._scores)

    def _scores(self, x: Any) -> Any:
        import tensorflow as tf

        inputs = (x * WHITE - self.normalise.shift) / self.normalise.scale if self._in_pixels else x
        if self._shape is not None:
            inputs = tf.reshape(inputs, (-1, *self._shape))
        return tf.reshape(tf.cast(self._network(inputs, training=False), tf.float32), (-1, self.classes))

    def _gradient(self, start: Any, labels: Any) -> Any:
        return self._gradient_graph(start, labels)

    @cached_property
    def _gradient_graph(self) -> Callable[[Any, Any], Any]:
        """Cleverhans' gradient at images, towards labels or away from them, as one graph: traced in half the time."""
        import tensorflow as tf
        from cleverhans.tf2.utils import compute_gradient

        loss, targeted = tf.nn.sparse_softmax_cross_entropy_with_logits, self.settings.target is not None
        return tf.function(lambda x, labels: compute_gradient(self._scores, loss, x, labels, targeted))

    def _tensor(self, images: np.ndarray) -> Any:
        import tensorflow as tf

        return tf.constant(images)

    def _labels(self, start: Any) -> Any:
        import tensorflow as tf

        if self.settings.target is not None:
            return tf.constant(self.settings.target, tf.int64, shape=(len(start),))
        return tf.argmax(self.scores(start), axis=1)

    def model_input(self, x: np.ndarray) -> np.ndarray:
        """Return the model's input, float32, of images in the coordinates of the attack."""
        made = super().model_input(x)
        return made if self._shape is None else made.reshape(len(made), *self._shape)

    def step(self, start: Any, gradient: Any, epsilon: float) -> Any:
        """Return images moved by ε along a gradient, within the bounds."""
        import tensorflow as tf
        from cleverhans.tf2.utils import optimize_linear

        moved = start + optimize_linear(gradient, epsilon, NORMS[self.settings.norm])
        return moved if self.bounds[0] is None else tf.clip_by_value(moved, *self.bounds)

    def descend(self, start: Any, labels: Any, epsilon: float, *, random_start: bool) -> Any:
        """Return images after several steps along their gradients, each cut back to ε and to the bounds."""
        import tensorflow as tf
        from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

        settings, (low, high) = self.settings, self.bounds
        # one start a batch, whatever ran before, scaled by ε: strengths are compared with each other
        tf.random.set_seed(self.seed_of(start.numpy()))
        return projected_gradient_descent(
            self.scores,
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
