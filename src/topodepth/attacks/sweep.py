"""One attack at all its strengths: activations of the attacked images, what they do to the model, and a few of them.

The folder made holds ``{k:02d}.h5``, an activations file a strength in ascending order, ``00.h5`` of the clean images;
``metrics.csv``, one row per strength; and ``images.h5``, a few images at a few strengths::

    /pixels      float32 (images, strengths, height, width, channels), black 0 to white 1
    /epsilons, /macro_f1    float64 (strengths,)
    /labels      int64 (images,), true classes; /predicted  int64 (images, strengths)

with the attributes ``class_names``, ``target`` (−1 for none), ``epsilon_unit``.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from topodepth.activations import accuracy, extraction
from topodepth.attacks.attacks import AttackSettings
from topodepth.attacks.victim import Victim
from topodepth.datasets import Normaliser, take
from topodepth.errors import InputError
from topodepth.files import hdf5, storage, texts
from topodepth.jobs.commands import log
from topodepth.networks.batches import even_batch
from topodepth.networks.network import Network
from topodepth.topology.clouds import evenly

COLUMNS = (
    "model", "attack", "norm", "target", "logits", "epsilon", "epsilon_unit", "accuracy", "macro_f1", "success_rate",
    "mean_linf_pixel", "mean_l2_pixel", "mean_linf_standardised", "mean_l2_standardised", "zero_gradient", "n", "note",
)  # fmt: skip
SHOWN_IMAGES, SHOWN_STRENGTHS = 8, 5


@dataclass(frozen=True)
class LabelledImages:
    """Images to attack.

    Attributes
    ----------
    images, labels
        Pixels 0–255 (N, height, width, channels), anything that can be sliced, and true classes (N,).
    class_names
        One a class.
    normalise
        Turns pixels into the model's input.
    indices
        Rows of ``images`` and ``labels`` to use; all if None.

    Raises
    ------
    InputError
        If they are no images.
    """

    images: Any
    labels: np.ndarray
    class_names: Sequence[str]
    normalise: Normaliser
    indices: Sequence[int] | np.ndarray | None = None

    def __post_init__(self) -> None:
        if len(self.images.shape) != 4:
            received = f"{self.images.shape}"
            raise InputError(f"attacks expected images (n, height, width, channels). Received: {received}")

    def first(self, n: int) -> np.ndarray:
        """Return the first images, at most ``n``."""
        return self.images[:n] if self.indices is None else take(self.images, self.indices[:n])


def write_sweep(
    out: str | Path,
    victim: Victim,
    network: Network,
    sample: LabelledImages,
    *,
    name: str,
    batch_size: int = 256,
    progress: Callable[[str], None] = log.info,
) -> None:
    """Attack images at every strength and write the folder that this module describes; it appears only when whole.

    Memory holds one batch at one strength: it grows neither with the images nor with the strengths.

    Parameters
    ----------
    out
        Folder to make; one that is there is replaced.
    victim
        A classifier, and how it is attacked.
    network
        The same model as it measures images, with layers tapped and its scores (:mod:`topodepth.networks.runtime`).
    sample
        The images.
    name
        The model at strength k is called ``{name}-{k:02d}`` in files and tables.
    batch_size
        Images a step.
    progress
        Called with one line per batch.

    Raises
    ------
    InputError
        If model, images and classes do not fit together.
    """
    images, settings = sample.images, victim.settings
    if victim.classes != len(sample.class_names):
        expected = f"expected {len(sample.class_names)} classes, as the data."
        raise InputError(f"{victim.name}: {expected} Received: {victim.classes}")
    rows = extraction.checked_rows(victim.name, images, sample.labels, sample.indices, batch_size)
    labels, size = take(sample.labels, rows), even_batch(len(rows), batch_size)
    tally = _Tally(labels, settings, images.shape[1:], victim.faint)
    began = time.perf_counter()
    with storage.whole_folder(out) as folder, ExitStack() as stack:
        writers = [
            stack.enter_context(
                extraction.create(
                    folder / f"{k:02d}.h5",
                    extraction.representations(network.taps),
                    rows,
                    labels,
                    {"model": f"{name}-{k:02d}", "runtime": network.runtime, "epsilon": epsilon},
                )
            )
            for k, epsilon in enumerate(settings.epsilons)
        ]
        for start in range(0, len(rows), size):
            for k, (attacked, norms, gradient) in enumerate(
                _attacked(victim, take(images, rows[start : start + size]), size)
            ):
                *outputs, found = network.predict(victim.model_input(attacked), size)
                writers[k](start, outputs)
                tally.add(k, start, np.argmax(found, axis=1), norms, gradient)
                tally.show(k, start, victim, attacked)
            done, seconds = min(start + size, len(rows)), time.perf_counter() - began
            progress(f"{name}: {done} of {len(rows)} images at {len(settings.epsilons)} strengths, {seconds:.0f} s")
        accuracy.of_predictions(labels, tally.predicted[0], victim.classes).tell(f"{name}, not attacked")
        at_strengths = tally.metrics()
        about = {"attack": settings.attack, "norm": settings.norm, "target": settings.target, "logits": settings.logits}
        metrics = [{"model": f"{name}-{k:02d}", **about, **row} for k, row in enumerate(at_strengths)]
        texts.write_table(folder / "metrics.csv", metrics, COLUMNS)
        tally.write_images(folder / "images.h5", sample.class_names, [row["macro_f1"] for row in at_strengths])


def _attacked(victim: Victim, images: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, dict, np.ndarray]]:
    """Yield a batch at each strength: attacked images, norms of their perturbation, L2 norms of their gradients.

    A smaller batch is filled up, and its result cut, so that graphs are traced for one shape only.
    """
    n = len(images)
    start = victim.start(np.concatenate([images, np.repeat(images[-1:], size - n, axis=0)]))
    gradient, labels = victim.gradient(start)
    gradients = np.linalg.norm(np.asarray(gradient).reshape(size, -1).astype(np.float64), axis=1)
    for epsilon in victim.settings.epsilons:
        attacked = victim.attack(start, gradient, labels, epsilon)
        norms = victim.perturbation(start, attacked)
        yield attacked[:n], {key: values[:n] for key, values in norms.items()}, gradients[:n]


class _Tally:
    """What is known of every image at every strength, and the few images that are shown."""

    def __init__(self, labels: np.ndarray, settings: AttackSettings, shape: tuple, faint: float) -> None:
        strengths = len(settings.epsilons)
        self.labels, self.settings, self.faint = labels, settings, faint
        self.predicted = np.zeros((strengths, len(labels)), dtype=np.int64)
        self.gradients = np.zeros(len(labels))
        self.norms: list[dict[str, np.ndarray]] = [{} for _ in range(strengths)]
        self.rows = _one_a_class(labels, settings.target)
        self.shown = evenly(strengths, SHOWN_STRENGTHS)
        self.pixels = np.zeros((len(self.rows), len(self.shown), *shape), dtype=np.float32)

    def add(self, k: int, start: int, predicted: np.ndarray, norms: Mapping, gradients: np.ndarray) -> None:
        """Take in a batch at strength ``k``."""
        here = slice(start, start + len(predicted))
        self.predicted[k, here], self.gradients[here] = predicted, gradients
        for key, values in norms.items():
            self.norms[k].setdefault(key, np.zeros(len(self.labels)))[here] = values

    def show(self, k: int, start: int, victim: Victim, attacked: np.ndarray) -> None:
        """Keep the images of a batch that are shown."""
        for column in np.flatnonzero(self.shown == k):
            for place, row in enumerate(self.rows):
                if start <= row < start + len(attacked):
                    self.pixels[place, column] = victim.pixels(attacked[row - start])

    def metrics(self) -> list[dict]:
        """Return one row per strength."""
        present = np.unique(self.labels)
        rows = []
        for k, epsilon in enumerate(self.settings.epsilons):
            predicted = self.predicted[k]
            success, notes = self._success(k)
            f1 = f1_score(self.labels, predicted, labels=present, average="macro", zero_division=0)
            rows.append({
                "epsilon": epsilon, "epsilon_unit": self.settings.units, "success_rate": success,
                "accuracy": np.mean(predicted == self.labels), "macro_f1": f1,
                **{f"mean_{key}": values.mean() for key, values in self.norms[k].items()},
                "zero_gradient": np.mean(self.gradients == 0), "n": len(self.labels), "note": "; ".join(notes),
            })  # fmt: skip
        return rows

    def _success(self, k: int) -> tuple[float, list[str]]:
        """Return the share of images that the attack leads astray, and what must be known of it."""
        target, predicted = self.settings.target, self.predicted[k]
        if target is None:
            counted = self.predicted[0] == self.labels
            led, of = predicted != self.labels, "classified right when clean"
        else:
            counted = self.labels != target
            led, of = predicted == target, "of a class other than the target"
        notes = [] if counted.any() else [f"no image is {of}, so no success rate"]
        zero, faint = (self.gradients == 0).sum(), ((self.gradients > 0) & (self.gradients < self.faint)).sum()
        if zero:
            notes.append(f"zero gradient at {zero} of {len(predicted)} images: a step along it leaves them as they are")
        if faint and self.settings.norm == "l2":
            notes.append(
                f"gradient below {self.faint:g} at {faint} of {len(predicted)} images: a step is shorter than asked"
            )
        if self.settings.epsilons[k] > 0 and not self.norms[k]["linf_pixel"].any():
            notes.append("the attack changes nothing")
        return float(led[counted].mean()) if counted.any() else float("nan"), notes

    def write_images(self, path: Path, class_names: Sequence[str], macro_f1: Sequence[float]) -> None:
        """Write the images that are shown."""
        target = self.settings.target
        with hdf5.create_h5(path) as file:
            file["pixels"] = self.pixels
            file["labels"] = self.labels[self.rows]
            file["predicted"] = self.predicted[np.ix_(self.shown, self.rows)].T
            file["epsilons"] = np.array(self.settings.epsilons)[self.shown]
            file["macro_f1"] = np.array(macro_f1)[self.shown]
            file.attrs["class_names"] = [str(name) for name in class_names]
            file.attrs["target"] = -1 if target is None else target
            file.attrs["epsilon_unit"] = self.settings.units


def _one_a_class(labels: np.ndarray, target: int | None) -> np.ndarray:
    """Return the places of the images shown: the first of each class but the target, then the second, and so on."""
    order = np.argsort(labels, kind="stable")
    ranks = np.empty(len(labels), dtype=int)
    starts = np.searchsorted(labels[order], labels[order])
    ranks[order] = np.arange(len(labels)) - starts
    wanted = (
        np.flatnonzero(labels != target) if target is not None and (labels != target).any() else np.arange(len(labels))
    )
    chosen = wanted[np.lexsort((labels[wanted], ranks[wanted]))][:SHOWN_IMAGES]
    return chosen[np.argsort(labels[chosen], kind="stable")]
