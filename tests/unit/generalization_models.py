"""Tables of models and measures for the tests of generalisation."""

import numpy as np
import pandas

from topodepth.experiments.generalization import associations, records

QUICK = {"resamples": 100, "permutations": 199}


def model(name, **about):
    return {
        "model": name,
        "entry": "e",
        "label": name,
        "architecture": "vgg",
        "seed": 0,
        "stated_accuracy": None,
    } | about


def metrics(test=0.8, train=0.9):
    return {"test": {"accuracy": test, "loss": 0.5}, "train": {"accuracy": train, "loss": 0.2}, "epochs": 3}


def descriptor(models, name, values, **about):
    shared = {"measure": name, "kind": "descriptor", "descriptor": name, "relative_depth": 1.0}
    return [{"model": m, **shared, "value": v} | about for m, v in zip(models["model"], values, strict=True)]


def tables_of(test, descriptors, train=None, architecture=None, logits=None):
    """Return models and measures with these test accuracies and descriptors, (n,) each."""
    n = len(test)
    train = np.linspace(0.9, 0.99, n) if train is None else train
    about = [model(f"m{k}", architecture=architecture[k] if architecture else "vgg") for k in range(n)]
    rows, columns = records.model_rows(about, [metrics(test[k], train[k]) for k in range(n)])
    models = pandas.DataFrame(rows, columns=columns)
    empty = [pandas.DataFrame(columns=["class"])] * n
    measures = records.measure_rows(rows, empty, logits or [{}] * n)
    for name, values in descriptors.items():
        measures += descriptor(models, name, values)
    return models, pandas.DataFrame(measures, columns=records.MEASURE_COLUMNS)


def associated(models, measures, **settings):
    return associations.associate(models, measures, {"targets": ["test_error"], **QUICK, **settings})


def row_of(found, measure, scope="all", target="test_error"):
    rows = [r for r in found.associations if (r["measure"], r["scope"], r["target"]) == (measure, scope, target)]
    assert len(rows) == 1
    return rows[0]
