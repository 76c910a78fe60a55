"""The two tables behind every statistic of generalisation: one row per model, one row per model and measure."""

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from topodepth.activations.file import read_activations
from topodepth.errors import InputError, unknown_name
from topodepth.experiments.generalization import runs
from topodepth.tables.rows import SUMMARIES
from topodepth.topology import descriptors
from topodepth.topology.clouds import WHOLE

if TYPE_CHECKING:
    import pandas

log = logging.getLogger(__name__)

ABOUT = ("model", "entry", "label", "architecture", "seed")
METRICS = (
    "parameters", "weight_layers", "epochs_trained", "frobenius_norm", "spectral_norm",
    "train_accuracy", "train_loss", "validation_accuracy", "validation_loss", "test_accuracy", "test_loss",
    "test_error", "gap", "loss_gap", "stated_accuracy", "stated_difference", "sample_accuracy",
)  # fmt: skip
TARGETS = ("test_error", "gap", "loss_gap", "test_accuracy", "test_loss")
OF_MODELS = ("train_accuracy", "train_loss", "frobenius_norm", "spectral_norm", "parameters", "weight_layers",
             "epochs_trained")  # fmt: skip
OF_LOGITS = ("margin", "logit_spread")
RIVALS = (*OF_MODELS[:2], *OF_LOGITS, *OF_MODELS[2:])
ABOUT_MEASURE = ("measure", "kind", "descriptor", "layer", "relative_depth", "class", "homology_dimension", "version")
MEASURE_COLUMNS = ("model", *ABOUT_MEASURE, "value", "ci_low", "ci_high")
STATED_TOLERANCE = 0.02  # accuracies that differ by more are named
SAMPLE_TOLERANCE = 0.1  # and where the measured images, often a few hundred, are all there is


def model_rows(
    models: Sequence[Mapping], metrics: Sequence[Mapping | None], kind_of_runs: str = "names"
) -> tuple[list[dict], list[str]]:
    """Return the rows of ``models.csv`` and its columns.

    Parameters
    ----------
    models
        One record a model: model, entry, label, architecture, seed, stated_accuracy and sample_accuracy (shares or
        None; the latter on the images whose activations are measured), and ``axes``, the hyper-parameters in which the
        models of a grid differ.
    metrics
        What was measured of each, as ``train_model.py`` and ``evaluate_model.py`` write it; None where nothing was:
        then the test accuracy is the stated one, and a warning says so.
    kind_of_runs
        How snapshots are known, see :func:`topodepth.experiments.generalization.runs.run_rows`. With snapshots there
        are the columns run and snapshot.

    Raises
    ------
    InputError
        If two models share a name, or there are not as many metrics as models.
    """
    names = [record["model"] for record in models]
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise InputError(f"models: expected names that differ. Received: {twins[0]!r} twice.")
    if len(metrics) != len(models):
        raise InputError(f"metrics: expected one record for each of {len(models)} models. Received: {len(metrics)}.")
    axes = list(dict.fromkeys(axis for record in models for axis in record.get("axes", {})))
    rows = [
        {key: record.get(key) for key in ABOUT} | record.get("axes", {}) | _measured(found or {}, record)
        for record, found in zip(models, metrics, strict=True)
    ]
    _report_stated(rows)
    snapshots = runs.run_rows(models, kind_of_runs)
    rows = [row | own for row, own in zip(rows, snapshots, strict=True)] if snapshots else rows
    return rows, list(dict.fromkeys([*ABOUT, *(runs.COLUMNS if snapshots else ()), *axes, *METRICS]))


def _measured(metrics: Mapping, record: Mapping) -> dict:
    nan = math.nan
    row = {name: metrics.get(name, nan) for name in ("parameters", "weight_layers", "frobenius_norm", "spectral_norm")}
    row["epochs_trained"] = metrics.get("epochs", nan)
    for split in ("train", "validation", "test"):
        for quantity in ("accuracy", "loss"):
            row[f"{split}_{quantity}"] = metrics.get(split, {}).get(quantity, nan)
    stated = record.get("stated_accuracy")
    row["stated_accuracy"] = nan if stated is None else stated
    sampled = record.get("sample_accuracy")
    row["sample_accuracy"] = nan if sampled is None else sampled
    row["stated_difference"] = row["stated_accuracy"] - row["test_accuracy"]
    if math.isnan(row["test_accuracy"]):
        row["test_accuracy"] = row["stated_accuracy"]
    row["test_error"] = 1 - row["test_accuracy"]
    row["gap"] = row["train_accuracy"] - row["test_accuracy"]
    row["loss_gap"] = row["test_loss"] - row["train_loss"]
    return row


def _report_stated(rows: Iterable[Mapping]) -> None:
    for row in rows:
        if abs(row["stated_difference"]) > STATED_TOLERANCE:
            log.warning(
                "%s: stated accuracy %.3f, measured %.3f", row["model"], row["stated_accuracy"], row["test_accuracy"]
            )
    for row in rows:
        if in_doubt(row):
            log.warning(
                "%s: stated accuracy %.3f, on the measured images %.3f: is `normalisation` what it was trained with?",
                row["model"], row["stated_accuracy"], row["sample_accuracy"],
            )  # fmt: skip
    unmeasured = [row["model"] for row in rows if only_stated(row)]
    if unmeasured:
        log.warning("%d models: test accuracy as stated, not measured: %s", len(unmeasured), ", ".join(unmeasured))


def only_stated(row: Mapping) -> bool:
    """Return whether a model's test accuracy is the stated one, for want of a measured one."""
    return not math.isnan(row["stated_accuracy"]) and math.isnan(row["stated_difference"])


def in_doubt(row: Mapping) -> bool:
    """Return whether a model classifies the measured images much worse than is stated of it."""
    return row["sample_accuracy"] < row["stated_accuracy"] - SAMPLE_TOLERANCE


def measure_rows(
    models: Sequence[Mapping],
    tables: Sequence["pandas.DataFrame"],
    logits: Sequence[Mapping],
    classes: Iterable[str | int] = ("mean",),
    trajectories: Mapping[str, Mapping] | None = None,
) -> list[dict]:
    """Return the rows of ``measures.csv``: the descriptors and the rivals of every model.

    Parameters
    ----------
    models
        Rows of ``models.csv``.
    tables
        The descriptor table of each model, with the columns of :data:`topodepth.tables.tables.COLUMNS`.
    logits
        Of each model, what :func:`logit_rivals` returns; empty where there are no activations.
    classes
        Classes whose clouds count, ``mean`` among them for the mean over classes. A cloud of all points always does.
        What is constant whatever the data, such as the peak of the Betti curve of H_0, is left out.
    trajectories
        By model, the measures of its weights along the training (:func:`topodepth.topology.trajectory.measured`); they
        are descriptors of no layer.

    Raises
    ------
    InputError
        If no table has a class that is asked for.
    """
    wanted = {WHOLE, *map(str, classes)}
    found = {str(name) for table in tables for name in table["class"].dropna()}
    absent = sorted(wanted - found - set(SUMMARIES))  # a sample has one of these two, or both
    if absent and found:
        raise unknown_name("class in the tables of descriptors", absent[0], found)
    rows = []
    for model, table, margins in zip(models, tables, logits, strict=True):
        kept = table[table["class"].astype(str).isin(wanted)]
        for record in kept.to_dict("records"):
            if (record["descriptor"], record["homology_dimension"]) not in descriptors.CONSTANT:
                rows += _descriptor_measures(model["model"], record)
        values = {name: model[name] for name in OF_MODELS} | dict(margins)
        of_no_layer = {
            "descriptor": (trajectories or {}).get(model["model"], {}),
            "rival": {name: values.get(name, math.nan) for name in RIVALS},
        }
        rows += [
            {"model": model["model"], "measure": name, "kind": kind, "descriptor": name, "version": "value",
             "value": value}
            for kind, own in of_no_layer.items()
            for name, value in own.items()
        ]  # fmt: skip
    return rows


def _descriptor_measures(model: str, record: Mapping) -> list[dict]:
    """Return a descriptor's own value and, where there is a null model, its value relative to it."""
    text, cloud = measure_name(record), str(record["class"])
    degree = record["homology_dimension"]
    about = {
        "model": model, "kind": "descriptor", "descriptor": record["descriptor"], "layer": str(record["layer"]),
        "relative_depth": record["relative_depth"], "class": cloud,
        "homology_dimension": None if math.isnan(degree) else int(degree),
    }  # fmt: skip
    rows = []
    for version, prefix, ending in (("value", "", ""), ("relative", "relative_", ", relative")):
        if version == "value" or not math.isnan(record["relative_value"]):
            cells = {name: record[f"{prefix}{name}"] for name in ("value", "ci_low", "ci_high")}
            rows.append(about | {"measure": text + ending, "version": version} | cells)
    return rows


def measure_name(record: Mapping) -> str:
    """Return the text that a measure is known by: ``lifespan_sum H0, logits, class 1``.

    The homology dimension is named for summaries of diagrams only: an intrinsic dimension has none of its own.
    """
    name, cloud = record["descriptor"], str(record["class"])
    if name in descriptors.registry.modules:
        name += f" H{int(record['homology_dimension'])}"
    return f"{name}, {record['layer']}" + ("" if cloud in SUMMARIES else f", class {cloud}")


def logit_rivals(path: str | Path) -> dict[str, float]:
    """Return margin and logit spread of a model from its activations file; nothing if no layer is called ``logits``.

    The margin is the median over images of the true class's logit minus the largest other one, that is how far the
    typical image lies from being misclassified (Bartlett et al. 2017, Spectrally-normalized margin bounds for neural
    networks, NeurIPS 30, without the normalisation); it needs labels. The logit spread is the mean over images of the
    standard deviation of an image's logits over the classes. Both are in the unit of the logits.

    Parameters
    ----------
    path
        An activations file.

    Raises
    ------
    InputError
        If the file is unreadable, or has a label that is no column of its logits.
    """
    file = read_activations(path)
    if "logits" not in {layer.token for layer in file.layers}:
        log.warning("%s: no layer 'logits' is tapped, so neither margin nor logit spread is known", path)
        return {}
    logits = file.points("logits").astype(np.float64)
    rivals = {"logit_spread": float(logits.std(axis=1).mean())}
    if file.labels is not None and logits.shape[1] > 1:
        if file.labels.min() < 0 or file.labels.max() >= logits.shape[1]:
            received = f"{file.labels.min()} to {file.labels.max()}"
            raise InputError(f"{path}: labels expected from 0 to {logits.shape[1] - 1}. Received: {received}.")
        images = np.arange(len(logits))
        own = logits[images, file.labels]
        logits[images, file.labels] = -np.inf
        rivals["margin"] = float(np.median(own - logits.max(axis=1)))
    return rivals
