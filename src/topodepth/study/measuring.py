"""From a model and images, from arrays or from an activations file to a measurement, in one call."""

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from topodepth.activations import accuracy
from topodepth.activations.file import Activations
from topodepth.homology import computing_on
from topodepth.homology.devices import settled
from topodepth.jobs import extras
from topodepth.jobs.commands import said_once
from topodepth.study import costs, doors, sources
from topodepth.study.keywords import Keywords
from topodepth.study.measurement import Measurement
from topodepth.study.settings import Settings, from_keywords
from topodepth.tables.dimensions import dimension_rows
from topodepth.tables.tables import MODEL_COLUMNS, descriptor_rows
from topodepth.tables.values import Values, values_of
from topodepth.topology.clouds import WHOLE
from topodepth.topology.diagrams import Diagrams, of_layer


def measure(
    model: Any = None,
    images: Any = None,
    labels: Any = None,
    *,
    layers: Any = "auto",
    name: str | None = None,
    dataset: str = "",
    progress: bool = True,
    **settings: Unpack[Keywords],
) -> Measurement:
    """Measure topology and dimension of every layer of a model on images, of arrays, or of an activations file.

    ``measure(model, images, labels)``, ``measure(layers={"conv1": a, "fc": b}, labels=y)`` and
    ``measure("activations.h5")`` run what the pipeline runs, and give the numbers that it gives.

    Parameters
    ----------
    model
        A functional or sequential Keras model, a ``torch.nn.Module``, or an ``onnx.ModelProto``; the path of a Keras or
        ONNX model; or an activations file, without images.
    images
        The model's inputs: an array (n, …) or anything that can be sliced like one; or an iterable of batches, each
        inputs, ``(inputs, labels)`` or a map of them. Batches go through the model one at a time.
    labels
        Class of each point, (n,) whole numbers; without any, all points are one cloud.
    layers
        ``"auto"``, names of layers, or patterns (``"block*"``); or ``{name: array (n, d)}``, in order of depth, with no
        model. Outputs with space are averaged over it.
    name, dataset
        What the table calls the model (its own name if None) and the data.
    progress
        Whether to say on stderr what it will cost and which layer is done.
    **settings
        Fields of :class:`topodepth.study.settings.Settings` (what is measured: ``points``, ``null_draws``, ``seed``…)
        and of :class:`topodepth.study.settings.Passing` (how images are passed on: ``batch_size``, ``normalise``…).

    Returns
    -------
    Measurement
        With the table, the diagrams and the bars.

    Raises
    ------
    InputError
        A ``ValueError`` of one line: what was wrong, what was expected, what was received. Also where memory or disk
        would not do, before anything is computed.

    References
    ----------
    Magai & Ayzenberg (2022), Topology and geometry of data manifold in deep learning, arXiv:2204.08624.
    """
    chosen, passing = from_keywords(settings)
    with extras.one_line(), said_once(), doors.as_found(model, images):
        what = sources.given(model, images, labels, layers=layers, name=name, passing=passing)
        say = _Progress(progress)
        cost = costs.of(what, chosen)
        cost.require()
        say(str(cost))
        with (
            computing_on(chosen.device),
            sources.activations_of(what, passing, chosen.seed) as (file, space),
        ):
            if space is not None and what.network is not None:
                say(f"{file.n} points passed through {len(what.layers)} layers by {what.network.runtime}")
            if what.n is None:  # only now it is known how many points there are
                costs.of(replace(what, n=file.n, labels=file.labels), chosen).require()
            if file.labels is None and "clouds" not in settings:
                chosen = replace(chosen, clouds=WHOLE)
            return replace(_measured(what, file, chosen, dataset, say), space=space)


def _measured(
    what: sources.ToMeasure, file: Activations, settings: Settings, dataset: str, say: "_Progress"
) -> Measurement:
    diagrams: dict[str, Diagrams] = {}
    values: dict[str, list[Values]] = {}
    rows, dimensions = [], []
    for number, layer in enumerate(what.layers, 1):
        start, token = time.perf_counter(), layer.token
        points, place = settled(file.points(token, in_place=True)), file.place(token, what.name)
        diagrams[token] = of_layer(points, file.labels, place, settings.diagrams, shuffled=_shuffled(file, token))
        values[token] = [*values_of(diagrams[token], settings.descriptors, settings.of_descriptors)]
        rows += descriptor_rows(diagrams[token], values[token])
        if settings.estimators:
            dimensions += dimension_rows(points, place, settings.dimensions, shuffled=_shuffled(file, token))
        say(f"layer {number} of {len(what.layers)}, {token}: {time.perf_counter() - start:.1f} s")
    found = accuracy.of_file(file)
    about = {"dataset": dataset} | ({} if found is None else {"accuracy": found.value})
    rows = [{**dict.fromkeys(MODEL_COLUMNS), **row, **about} for row in [*rows, *dimensions]]
    return Measurement(what.name, rows, diagrams, values, file, settings)


def _shuffled(file: Activations, token: str) -> Iterator[np.ndarray]:
    return map(settled, file.shuffled(token, in_place=True))


class _Progress:
    """Says on stderr what is being done, one line at a time."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown

    def __call__(self, text: str) -> None:
        if self._shown:
            sys.stderr.write(f"topodepth: {text}\n")
            sys.stderr.flush()
