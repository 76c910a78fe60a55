"""Topology and geometry of a network while it is trained: the rows of the dynamics experiment, epoch by epoch."""

import math
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from logging import getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from topodepth.errors import InputError, is_whole
from topodepth.files import texts
from topodepth.jobs.commands import Once
from topodepth.study.keywords import Named
from topodepth.study.measurement import Measurement, as_table
from topodepth.study.measuring import measure
from topodepth.study.settings import from_keywords
from topodepth.tables.rows import SUMMARIES, with_shuffled
from topodepth.tables.tables import MODEL_COLUMNS

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = (*MODEL_COLUMNS, "epoch", "train_accuracy", "test_accuracy")  # of the pipeline's dynamics
ACCURACY, EPOCH = "measured/accuracy", "measured/epoch"  # in a log that has the training's own numbers too
LOGGERS = ("topodepth", "topodepth.statistics.intervals")
FAILURES = (InputError, OSError, MemoryError)


class Monitor:
    """Measure the same images in a network after some epochs of its training, which goes on as if nothing was measured.

    ``monitor(model, epoch)`` does so in a loop of one's own, :meth:`keras` and :meth:`lightning` give callbacks. The
    model's weights, modes, gradients, buffers and hooks, the optimizer and the random states of Python, NumPy, Keras
    and PyTorch are bit for bit as found; nothing stays in the model between two epochs.

    What is wrong with the first measurement is raised. Later ones do not end a training: what went wrong is a warning,
    and stands in ``failed``; other epochs are measured all the same.

    Parameters
    ----------
    images, labels
        As for :func:`topodepth.measure`; batches have to come again, in the same order, each time they are iterated.
    layers
        As for :func:`topodepth.measure`.
    every
        After each so many epochs, and before the first; or the epochs themselves: ``[0, 1, 2, 4, 8]``.
    path
        CSV file that has all rows so far, whole at any moment; one that is there is replaced.
    log
        Where the leading numbers go beside the table: a function of the epoch and ``{name: value}``, a TensorBoard
        ``SummaryWriter``, or a run of Weights & Biases.
    progress
        Whether to say once on stderr what a measurement takes.
    **options
        ``name``, ``dataset`` and settings, as for :func:`topodepth.measure`.

    Attributes
    ----------
    rows
        Of the table, in order of measurement.
    seconds
        What each measurement took, by epoch.
    failed
        What went wrong, by epoch.

    Raises
    ------
    InputError
        If a setting or ``every`` is not what it should be, or the images can be gone through only once.
    """

    def __init__(
        self,
        images: Any,
        labels: Any = None,
        *,
        layers: Any = "auto",
        every: int | Collection[int] = 1,
        path: str | Path | None = None,
        log: Any = None,
        progress: bool = True,
        **options: Unpack[Named],
    ) -> None:
        settings = {key: value for key, value in options.items() if key not in ("name", "dataset")}
        from_keywords(settings)  # a mistake is told before any training
        if images is None or isinstance(images, Iterator):
            received = "none" if images is None else f"{type(images).__name__}, which can be gone through once"
            raise InputError(f"images: expected an array, or batches that come again each time. Received: {received}.")
        self.every, self.path, self._log = _checked(every), path, _logger(log)
        self._data, self._progress = (images, labels), progress
        self._options = {"layers": layers, "progress": False, **options}
        self._labels: Any = None
        self._told = Once()
        self.rows: list[Mapping] = []
        self.seconds: dict[int, float] = {}
        self.failed: dict[int, str] = {}

    def __call__(
        self, model: Any, epoch: int, *, train_accuracy: float | None = None, test_accuracy: float | None = None
    ) -> list[Mapping]:
        """Measure a model, where the epoch is due.

        Parameters
        ----------
        model
            As for :func:`topodepth.measure`.
        epoch
            How many epochs of training are done; 0 before the first.
        train_accuracy, test_accuracy
            Of the model on its data, for the columns of those names, if they are known.

        Returns
        -------
        list of dict
            The rows that came to the table; none if the epoch is not due, or a later measurement failed.

        Raises
        ------
        InputError
            If the epoch is no whole number from 0 or was measured before, or the first measurement is not possible.
        """
        if not is_whole(epoch, 0):
            raise InputError(f"epoch: expected a whole number from 0. Received: {epoch!r}.")
        if not self.due(epoch):
            return []
        if epoch in self.seconds:
            raise InputError(
                f"epoch: expected each once; another training needs another Monitor. Received: {epoch} again."
            )
        about = {"epoch": int(epoch), "train_accuracy": train_accuracy, "test_accuracy": test_accuracy}
        rows: list[Mapping] = []
        start, first = time.perf_counter(), not self.seconds
        with self._passed_over(int(epoch), "not measured"):
            rows = [{**row, **about} for row in self._measured(model)]
        if self.path is not None:
            with self._passed_over(int(epoch), "not written"):
                texts.write_table(self.path, [*self.rows, *rows], with_shuffled(COLUMNS, [*self.rows, *rows]))
        self.rows += rows
        self.seconds[int(epoch)] = time.perf_counter() - start
        if first and self._progress:
            self._tell(int(epoch))
        if rows and self._log is not None:
            self._log(int(epoch), leading(rows))
        return rows

    @contextmanager
    def _passed_over(self, epoch: int, what: str) -> Iterator[None]:
        """Let a failure pass with a warning, unless it is of the first measurement."""
        try:
            yield
        except FAILURES as error:
            if not self.seconds:
                raise
            self.failed[epoch] = f"{what}: {' '.join(str(error).split()) or type(error).__name__}"
            getLogger(LOGGERS[0]).warning("epoch %d: %s", epoch, self.failed[epoch])

    def due(self, epoch: int) -> bool:
        """Tell whether an epoch is one of those that are measured."""
        return epoch % self.every == 0 if isinstance(self.every, int) else epoch in self.every

    @property
    def table(self) -> "DataFrame":
        """Tidy table with the columns of the pipeline's ``results/…/dynamics/…csv``; ``run`` is empty."""
        return as_table(self.rows, with_shuffled(COLUMNS, self.rows))

    def keras(self, framework: Any = None) -> Any:
        """Return a callback for ``model.fit``: before training, and behind each epoch that is due.

        Parameters
        ----------
        framework
            The module whose callback it is to be: ``tf_keras`` for models of the legacy Keras; None: ``keras``.
        """
        monitor = self

        base: Any = (framework or import_module("keras")).callbacks.Callback

        class Callback(base):
            def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
                if epoch == 0:
                    monitor(self.model, 0)

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                monitor(self.model, epoch + 1)

        return Callback()

    def lightning(self, framework: Any = None) -> Any:
        """Return a callback for a ``Trainer``: before training, and behind each epoch that is due, its validation done.

        Nothing is measured in the sanity check. Of several processes the first alone measures.

        Parameters
        ----------
        framework
            The module whose callback it is to be: ``pytorch_lightning``; None: ``lightning.pytorch``.
        """
        monitor = self

        base: Any = (framework or import_module("lightning.pytorch")).Callback

        class Callback(base):
            def on_train_start(self, trainer: Any, pl_module: Any) -> None:
                if trainer.is_global_zero and not trainer.current_epoch:
                    monitor(pl_module, 0)

            def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
                if trainer.is_global_zero:
                    monitor(pl_module, trainer.current_epoch + 1)

        return Callback()

    def _measured(self, model: Any) -> list[Mapping]:
        with _said_once(self._told):
            found = measure(model, *self._data, **self._options)
        if found.space is not None:
            found.space.close()
        self._check_order(found)
        return list(found.rows)

    def _check_order(self, found: Measurement) -> None:
        """Refuse batches in another order: other points would be drawn of them, and epochs could not be compared."""
        labels: Any = found.activations.labels
        if self.rows and not np.array_equal(labels, self._labels):
            raise InputError(
                "images: expected in the same order each time. Received: labels in another; do not shuffle."
            )
        self._labels = labels

    def _tell(self, epoch: int) -> None:
        often = f"every {self.every} epochs" if isinstance(self.every, int) else f"in {len(self.every)} epochs"
        often = "every epoch" if self.every == 1 else often
        sys.stderr.write(f"topodepth: measuring takes {self.seconds[epoch]:.1f} s (epoch {epoch}), {often}\n")

    def __repr__(self) -> str:
        return f"Monitor({len(self.seconds) - len(self.failed)} epochs measured, {sum(self.seconds.values()):.1f} s)"


def leading(rows: list[Mapping]) -> dict[str, float]:
    """Return the leading numbers of one epoch by name: ``fc/lifespan_sum_H0/mean``, with ``/null`` for the null model.

    ``/shuffled`` is that of shuffled tokens, ``measured/accuracy`` the network's on the measured images. Classes one by
    one, and what is undefined, are left out.
    """
    found: dict[str, float] = {}
    for row in rows:
        if row["class"] not in SUMMARIES:
            continue
        degree = "" if row["homology_dimension"] is None else f"_H{row['homology_dimension']}"
        key = f"{row['layer']}/{row['descriptor']}{degree}/{row['class']}"
        found |= {key: row["value"], f"{key}/null": row["null_value"]}
        if "shuffled_value" in row:
            found[f"{key}/shuffled"] = row["shuffled_value"]
    numbers = {key: math.nan if value is None else float(value) for key, value in found.items()}
    numbers[ACCURACY] = math.nan if not rows or rows[0]["accuracy"] is None else float(rows[0]["accuracy"])
    return {key: value for key, value in numbers.items() if not math.isnan(value)}


def _checked(every: Any) -> int | frozenset[int]:
    if is_whole(every, 1):
        return int(every)
    if isinstance(every, Collection) and len(every) and all(is_whole(epoch, 0) for epoch in every):
        return frozenset(map(int, every))
    raise InputError(f"every: expected a whole number from 1, or a list of epochs from 0. Received: {every!r:.100}.")


def _logger(log: Any) -> Callable[[int, Mapping[str, float]], Any] | None:
    """Return the function that takes an epoch's numbers, of what a user has for it."""
    if log is None:
        return None
    if hasattr(log, "add_scalar"):  # TensorBoard
        return lambda epoch, values: [log.add_scalar(name, value, epoch) for name, value in values.items()]
    if callable(getattr(log, "log", None)):  # Weights & Biases
        return _to_run(log)
    if callable(log):
        return log
    raise InputError(f"log: expected a function of the epoch and {{name: value}}. Received: {type(log).__name__}.")


def _to_run(run: Any) -> Callable[[int, Mapping[str, float]], None]:
    """Return what logs to a run of Weights & Biases, whose steps stay those of the training.

    The numbers join the row that the training is filling. A plain call would end that row, and what the training then
    logs at the same step is dropped by wandb (0.31) with a warning. A row that has an earlier epoch's numbers is ended.
    """
    filled: int | None = None

    def log(epoch: int, values: Mapping[str, float]) -> None:
        nonlocal filled
        row = {**values, EPOCH: epoch}
        if _step(run) is None:
            run.log(row)
            return
        if _step(run) == filled:
            run.log({}, commit=True)
        run.log(row, commit=False)
        filled = _step(run)

    return log


def _step(run: Any) -> int | None:
    """Return the step that a run is at; None where it does not tell: of several processes, or the module itself."""
    try:
        return run.step
    except Exception:  # wandb's own
        return None


@contextmanager
def _said_once(told: Once) -> Iterator[None]:
    """Let a message be said the first time only: what is true of an untrained network is so of it in many epochs."""
    for name in LOGGERS:
        getLogger(name).addFilter(told)
    try:
        yield
    finally:
        for name in LOGGERS:
            getLogger(name).removeFilter(told)
