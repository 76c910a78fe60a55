"""Train one classifier: seeded, resumable, on any Keras 3 backend."""

import hashlib
import json
import logging
import math
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.errors import InputError
from topodepth.networks.batches import even_batch, predict
from topodepth.training import augmentation, checkpoints
from topodepth.training.settings import OPTIMIZERS, TrainingSettings
from topodepth.training.trajectory import Trajectory

if TYPE_CHECKING:
    import keras

log = logging.getLogger("topodepth")

TRAJECTORY = "trajectory.h5"
LEAST_IMPROVEMENT = 1e-4  # a smaller fall of the validation loss does not count for the plateau schedule

Normalise = Callable[[np.ndarray], np.ndarray]
Labelled = tuple[np.ndarray, np.ndarray]


@dataclass
class _State:
    """What a run knows after an epoch, beside the variables of model and optimizer."""

    epoch: int = 0
    history: dict[str, list[float]] = field(default_factory=dict)
    best_loss: float = math.inf
    best_weights: list[np.ndarray] = field(default_factory=list)
    stopping_wait: int = 0
    plateau_loss: float = math.inf
    plateau_wait: int = 0


def set_determinism(seed: int) -> None:
    """Seed Python, NumPy and the Keras backend, and make TensorFlow choose deterministic operations.

    Call it once, before the model is built: the same call twice then gives bitwise the same weights.
    """
    import keras

    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()


def fit(
    model: "keras.Model",
    train: Labelled,
    validation: Labelled,
    *,
    settings: TrainingSettings,
    normalise: Normalise,
    checkpoints: str | Path,
    progress: Callable[[str], None] = log.info,
    snapshots: Collection[int] | None = None,
    on_epoch_end: Callable[[int, "keras.Model", dict[str, float]], None] | None = None,
) -> dict[str, list[float]]:
    """Train a classifier in place and leave it with the weights of its best epoch.

    Every epoch ends with a checkpoint; a killed run that is called again with the same arguments continues after
    its last epoch and ends with the same weights as if it had never been killed. A checkpoint of another model, other
    settings or other data is ignored.

    Parameters
    ----------
    model
        Classifier with softmax output (n, classes); it is compiled here.
    train, validation
        Images (n, height, width, channels) uint8 and labels (n,) of whole numbers. The validation split steers
        learning rate and early stopping; keep the test split out of here.
    settings
        See :class:`TrainingSettings`.
    normalise
        Turns a batch of uint8 images into the float32 input of the model.
    checkpoints
        Directory for the run's state; delete it once the model is saved. A recorded trajectory lies there in the end,
        as ``trajectory.h5``.
    progress
        Called with one line per epoch.
    snapshots, on_epoch_end
        ``on_epoch_end(epoch, model, logs)`` is called after the epochs listed in ``snapshots`` (after every one if
        None); epoch 0 is the untrained model. Early stopping waits for the last epoch listed. After a kill the last
        call may be repeated.

    Returns
    -------
    dict
        ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, ``learning_rate``, ``seconds``: one value per epoch.
        Losses are the cross-entropy alone, without L2 penalties.

    Raises
    ------
    InputError
        If images, labels and model do not fit together, or the loss is no longer finite.
    """
    train = _checked(model, train, "training")
    validation = _checked(model, validation, "validation")
    fingerprint = _fingerprint(model, train, validation, settings, normalise)
    _compile(model, settings)
    recorder = _recorder(settings)
    state = _restore(model, checkpoints, fingerprint, recorder)

    def snapshot(epoch: int, logs: dict[str, float]) -> None:
        if on_epoch_end and (snapshots is None or epoch in snapshots):
            on_epoch_end(epoch, model, logs)

    if state is None:
        state = _State()
        snapshot(0, {})
    else:
        progress(f"{model.name}: continues after epoch {state.epoch}")
    last_wanted = max(snapshots or [0])  # training does not stop early before it
    while state.epoch < settings.epochs and (
        state.stopping_wait < settings.stopping_patience or state.epoch < last_wanted
    ):
        logs = _run_epoch(
            model, train, validation, settings=settings, normalise=normalise, epoch=state.epoch, recorder=recorder
        )
        _update(state, model, logs, settings)
        progress(_line(model.name, state.epoch, settings.epochs, logs))
        snapshot(state.epoch, logs)
        _store(model, checkpoints, fingerprint, state, recorder)
    if recorder:
        recorder.write(Path(checkpoints, TRAJECTORY), len(train[0]))
    for variable, value in zip(model.weights, state.best_weights, strict=True):
        variable.assign(value)
    return state.history


def fit_random_labels(
    model: "keras.Model", images: np.ndarray, classes: int, *, settings: TrainingSettings, normalise: Normalise,
    checkpoints: str | Path,
) -> None:  # fmt: skip
    """Fit a network to random labels of its images before its training: an adversarial initialisation.

    Its own images validate it, for the best epoch is the one that fits the random labels best.
    """
    random = images, augmentation.random_labels(len(images), classes, settings.seed)
    plain = replace(settings, augment=None, stopping_patience=settings.epochs, trajectory_every=0)
    fit(model, random, random, settings=plain, normalise=normalise, checkpoints=checkpoints)


def finish(kept: Path, snapshots: str | Path, folders: Sequence[str | Path], *, trajectory: bool) -> None:
    """Put the snapshots of a training where they belong, with its trajectory, and delete its checkpoints.

    Parameters
    ----------
    kept, snapshots
        The folder of snapshots, and its new place.
    folders
        Checkpoints of the training, and of what came before it.
    trajectory
        Whether it was recorded.
    """
    shutil.rmtree(snapshots, ignore_errors=True)
    if trajectory:
        shutil.copyfile(Path(folders[0], TRAJECTORY), kept / TRAJECTORY)
    kept.replace(snapshots)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def evaluate(
    model: "keras.Model", images: Any, labels: np.ndarray, normalise: Normalise, batch_size: int = 256
) -> dict[str, float]:
    """Return accuracy and mean cross-entropy (in nats) of a classifier whose output is probabilities.

    Parameters
    ----------
    model
        Keras 3 or legacy model with output (n, classes).
    images, labels
        (n, height, width, channels) uint8, any sliceable, and (n,) whole numbers.
    normalise
        Turns a batch of uint8 images into the float32 input of the model.
    batch_size
        Images a step.
    """
    n = len(images)
    if n == 0 or len(labels) != n:
        raise InputError(f"evaluation: expected as many labels as images, at least one. Received: {len(labels)}, {n}")
    size = even_batch(n, batch_size)
    correct, loss = 0, 0.0
    for start in range(0, n, size):
        batch = normalise(np.asarray(images[start : start + size]))
        target = np.asarray(labels[start : start + size], dtype=np.int64)
        output = np.asarray(predict(model, batch, size), dtype=np.float64).reshape(len(batch), -1)
        correct += int((output.argmax(axis=1) == target).sum())
        loss -= float(np.log(np.clip(output[np.arange(len(target)), target], 1e-7, 1.0)).sum())
    return {"accuracy": correct / n, "loss": loss / n}


def _checked(model: "keras.Model", split: Labelled, name: str) -> Labelled:
    images, labels = np.asarray(split[0]), np.asarray(split[1])
    shape, classes = tuple(model.input_shape[1:]), model.output_shape[-1]
    if images.ndim != 4 or images.shape[1:] != shape or images.dtype != np.uint8 or len(images) == 0:
        received = f"{images.dtype} {images.shape}"
        raise InputError(f"{model.name}: {name} images expected as uint8 (n, {shape}), n ≥ 1. Received: {received}")
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        expected = f"{len(images)} whole numbers, one an image"
        raise InputError(f"{model.name}: {name} labels expected as {expected}. Received: {labels.dtype} {labels.shape}")
    if labels.min() < 0 or labels.max() >= classes:
        received = f"{labels.min()} to {labels.max()}"
        raise InputError(f"{model.name}: {name} labels expected from 0 to {classes - 1}. Received: {received}")
    return images, labels.astype(np.int32)


def _compile(model: "keras.Model", settings: TrainingSettings) -> None:
    import keras

    optimizer = getattr(keras.optimizers, OPTIMIZERS[settings.optimizer])(learning_rate=settings.learning_rate)
    # XLA gains little for networks of this size and costs its own compilation.
    model.compile(
        optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy", keras.metrics.SparseCategoricalCrossentropy(name="cross_entropy")],
        jit_compile=False,
    )
    optimizer.build(model.trainable_variables)
    # Loss and metrics make their variables when first used. Inside the training graph that costs a second trace of it.
    target, output = np.zeros(1, np.int32), np.full((1, model.output_shape[-1]), 0.5, np.float32)
    target, output = keras.ops.convert_to_tensor(target), keras.ops.convert_to_tensor(output)
    model.compute_loss(y=target, y_pred=output)
    model.compute_metrics(None, target, output)


def batch_order(n: int, batch_size: int, seed: int, epoch: int) -> np.ndarray:
    """Return the images of each step of an epoch, a function of seed and epoch.

    Returns
    -------
    numpy.ndarray
        (steps, size) indices. All batches have one size, at most ``batch_size``; to fill the last one, fewer images
        than there are steps are seen twice in the epoch.
    """
    steps = math.ceil(n / batch_size)
    order = np.random.default_rng([seed, epoch, 0]).permutation(n)
    return np.resize(order, (steps, math.ceil(n / steps)))


def _run_epoch(
    model: "keras.Model",
    train: Labelled,
    validation: Labelled,
    *,
    settings: TrainingSettings,
    normalise: Normalise,
    epoch: int,
    recorder: Trajectory | None,
) -> dict[str, float]:
    images, labels = train
    begin = time.perf_counter()
    transforms = None
    if settings.augment is not None:
        size = images.shape[1:3]
        transforms = augmentation.random_transforms(
            len(images), *size, ranges=settings.augment, seed=settings.seed, epoch=epoch
        )
    results = []
    steps = batch_order(len(images), settings.batch_size, settings.seed, epoch)
    for step, chosen in enumerate(steps, start=epoch * len(steps) + 1):
        batch = images[chosen]
        if transforms is not None:
            batch = augmentation.apply(batch, transforms[chosen])
        results.append(model.train_on_batch(normalise(batch), labels[chosen], return_dict=True))
        if recorder and recorder.wants(step):
            recorder.record(step, _values(model.trainable_weights))
    held_out = evaluate(model, *validation, normalise, settings.batch_size)
    return {
        "loss": float(np.mean([result["cross_entropy"] for result in results])),
        "accuracy": float(np.mean([result["accuracy"] for result in results])),
        "val_loss": held_out["loss"],
        "val_accuracy": held_out["accuracy"],
        "learning_rate": float(model.optimizer.learning_rate),
        "seconds": time.perf_counter() - begin,
    }


def _update(state: _State, model: "keras.Model", logs: dict[str, float], settings: TrainingSettings) -> None:
    """Count the epoch; remember the best weights; lower the learning rate on a plateau."""
    state.epoch += 1
    if not (math.isfinite(logs["loss"]) and math.isfinite(logs["val_loss"])):
        raise InputError(
            f"{model.name}: training diverged in epoch {state.epoch}, expected a finite loss; "
            f"try a smaller learning rate. Received: {logs['loss']}"
        )
    for key, value in logs.items():
        state.history.setdefault(key, []).append(value)
    state.stopping_wait += 1
    if logs["val_loss"] < state.best_loss:
        state.best_loss, state.stopping_wait = logs["val_loss"], 0
        state.best_weights = [np.array(value) for value in _values(model.weights)]
    state.plateau_wait += 1
    if logs["val_loss"] < state.plateau_loss - LEAST_IMPROVEMENT:
        state.plateau_loss, state.plateau_wait = logs["val_loss"], 0
    elif state.plateau_wait >= settings.plateau_patience:
        lowered = max(settings.learning_rate_floor, logs["learning_rate"] * settings.plateau_factor)
        model.optimizer.learning_rate = min(lowered, logs["learning_rate"])
        state.plateau_wait = 0


def _recorder(settings: TrainingSettings) -> Trajectory | None:
    if not settings.trajectory_every:
        return None
    return Trajectory(
        settings.trajectory_every, settings.trajectory_last, settings.trajectory_dimensions, settings.seed
    )


def _store(
    model: "keras.Model", folder: str | Path, fingerprint: str, state: _State, recorder: Trajectory | None
) -> None:
    record = asdict(state)
    groups = {"best": record.pop("best_weights")}
    groups["model"] = _values(model.variables)  # weights, and the state of the dropout's random numbers
    groups["optimizer"] = _values(model.optimizer.variables)
    if recorder:
        groups["trajectory"] = recorder.arrays()
    checkpoints.save(folder, state.epoch, fingerprint, groups, record)


def _restore(model: "keras.Model", folder: str | Path, fingerprint: str, recorder: Trajectory | None) -> _State | None:
    found = checkpoints.load(folder, fingerprint)
    if found is None:
        return None
    groups, record = found
    for name, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
        for variable, value in zip(variables, groups[name], strict=True):
            variable.assign(value)
    if recorder:
        recorder.restore(groups["trajectory"])
    return _State(**record, best_weights=groups["best"])


def _values(variables: "Iterable[keras.Variable]") -> list[np.ndarray]:
    import keras

    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def _fingerprint(
    model: "keras.Model", train: Labelled, validation: Labelled, settings: TrainingSettings, normalise: Normalise
) -> str:
    """Return a digest of all that decides the course of a run."""
    import keras

    layers = [_without_ids(keras.saving.serialize_keras_object(layer)) for layer in model.layers]
    digest = hashlib.sha256(json.dumps([asdict(settings), layers], sort_keys=True, default=str).encode())
    for array in (*_values(model.variables), *train, *validation, normalise(train[0][:1])):
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _without_ids(config: object) -> object:
    """Drop memory addresses, which differ from process to process, from a serialised layer."""
    if isinstance(config, dict):
        return {key: _without_ids(value) for key, value in config.items() if key != "shared_object_id"}
    return [_without_ids(item) for item in config] if isinstance(config, list | tuple) else config


def _line(name: str, epoch: int, epochs: int, logs: dict[str, float]) -> str:
    return (
        f"{name}: epoch {epoch}/{epochs}, loss {logs['loss']:.4f}, accuracy {logs['accuracy']:.3f}, "
        f"validation {logs['val_loss']:.4f} and {logs['val_accuracy']:.3f}, {logs['seconds']:.1f} s"
    )


def history_table(history: Mapping[str, Sequence], name: str) -> tuple[list[dict], list[str]]:
    """Return the rows of a model's history, one an epoch from 1, and their columns; seconds differ from run to run."""
    columns = [key for key in history if key != "seconds"]
    epochs = range(len(history["loss"]))
    rows = [{"model": name, "epoch": k + 1} | {key: history[key][k] for key in columns} for k in epochs]
    return rows, ["model", "epoch", *columns]
