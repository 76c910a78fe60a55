"""What measures, covariates and targets are called in sentences, tables and figures."""

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from topodepth.tables import rows

TARGETS = {"test_error": "test error", "gap": "generalisation gap", "loss_gap": "gap of the losses",
           "test_accuracy": "test accuracy", "test_loss": "test loss"}  # fmt: skip
COLUMNS = {"train_accuracy": "training accuracy", "train_loss": "training loss",
           "validation_accuracy": "validation accuracy", "frobenius_norm": "Frobenius norm of the weights",
           "spectral_norm": "spectral norm of the weights", "parameters": "number of parameters",
           "weight_layers": "number of weight layers", "l2": "L2 penalty"}  # fmt: skip


def column(name: str) -> str:
    """Return what a column of ``models.csv`` or a rival is called: ``training accuracy``."""
    return COLUMNS.get(name, name.replace("_", " "))


def measure(about: Mapping, layers: Mapping[str, str] | None = None) -> str:
    """Return what a measure is called: ``lifespan sum E_0, penultimate layer``, ``training accuracy``.

    Parameters
    ----------
    about
        Its cells of ``measures.csv``: measure, kind, descriptor, layer, class, homology_dimension, version.
    layers
        Names of layers; default: the layer's own.
    """
    if about.get("kind") == "rival" or not _given(about.get("descriptor")):
        return column(str(about["measure"]))
    descriptor, degree, layer, cloud = (
        about.get(key) for key in ("descriptor", "homology_dimension", "layer", "class")
    )
    text = rows.measure(str(descriptor), int(degree) if _given(degree) else None)
    if _given(layer):
        text += f", {_layer(str((layers or {}).get(layer, layer)))}"
    if _given(cloud) and str(cloud) not in rows.SUMMARIES:
        text += f", class {cloud:g}" if isinstance(cloud, float) else f", class {cloud}"
    return text + (", relative to the null model" if about.get("version") == "relative" else "")


def _layer(name: str) -> str:
    return {"penultimate": "penultimate layer", "logits": "logits"}.get(name, f"layer {name}")


def _given(value: Any) -> TypeGuard[Any]:
    return value is not None and value != "nan" and not (isinstance(value, float) and math.isnan(value))
