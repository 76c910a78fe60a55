"""How a network is trained."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from topodepth import architectures
from topodepth.errors import InputError, is_whole, unknown_name
from topodepth.training.augmentation import Augmentation

OPTIMIZERS = {"adamax": "Adamax", "adam": "Adam", "sgd": "SGD"}


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained; the defaults are the original's.

    Parameters
    ----------
    epochs
        Largest number of passes over the training images.
    batch_size
        Images a step.
    optimizer
        ``"adamax"``, ``"adam"`` or ``"sgd"``, plain gradient descent without momentum.
    learning_rate
        Step size at the start.
    augment
        The random changes of the training images, or None for none.
    plateau_factor, plateau_patience, learning_rate_floor
        The learning rate is multiplied by the factor, down to the floor, when the validation loss has not improved
        for so many epochs.
    stopping_patience
        Training ends when the validation loss has not improved for so many epochs.
    trajectory_every, trajectory_last, trajectory_dimensions
        Where the first is above 0: the weights after every so many steps are recorded, the last so many of them, at
        most in so many dimensions (:class:`topodepth.training.trajectory.Trajectory`).
    seed
        Seed of batch order, augmentation and the projection of recorded weights.
    """

    epochs: int
    batch_size: int = 128
    optimizer: str = "adamax"
    learning_rate: float = 1e-3
    augment: Augmentation | None = field(default_factory=Augmentation)
    plateau_factor: float = math.sqrt(0.1)
    plateau_patience: int = 3
    learning_rate_floor: float = 5e-7
    stopping_patience: int = 20
    trajectory_every: int = 0
    trajectory_last: int = 1000
    trajectory_dimensions: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise unknown_name("optimizer", self.optimizer, OPTIMIZERS)
        for name in ("epochs", "batch_size", "plateau_patience", "stopping_patience"):
            value = getattr(self, name)
            if not is_whole(value, 1):
                raise InputError(f"training: {name} expected to be a whole number of at least 1. Received: {value!r}")
        if not self.learning_rate > 0:
            raise InputError(f"training: learning_rate expected above 0. Received: {self.learning_rate!r}")
        if not 0 < self.plateau_factor <= 1:
            raise InputError(f"training: plateau_factor expected in (0, 1]. Received: {self.plateau_factor!r}")

    @classmethod
    def of(cls, training: Mapping, *, architecture: str, seed: int) -> "TrainingSettings":
        """Return the settings that a configuration's ``training`` describes.

        Parameters
        ----------
        training
            The fields by name, but ``augment`` and ``flip`` are booleans, and ``optimizer`` None means the
            architecture's own. What is not of this class (``l2``, ``snapshots``, ``images``, ``label_noise``) is left
            out.
        architecture
            Registered architecture.
        seed
            Seed of batch order and augmentation.
        """
        fields = {key: value for key, value in training.items() if key in cls.__dataclass_fields__}
        fields["augment"] = Augmentation(flip=training["flip"]) if training["augment"] else None
        fields["optimizer"] = training["optimizer"] or architectures.registry.get(architecture).optimizer
        return cls(**fields, seed=seed)
