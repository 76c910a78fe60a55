"""Synthetic tables of generalisation in the form that its figures read: models, measures, associations."""

import itertools

import numpy as np
import pandas as pd

RIVALS = ("train_accuracy", "train_loss", "margin", "logit_spread", "frobenius_norm", "spectral_norm", "parameters",
          "weight_layers", "epochs_trained")  # fmt: skip
LAYERS = {"conv_3": 0.4, "conv_6": 0.7, "penultimate": 0.85, "logits": 1.0}
EMPTY = {"descriptor": None, "layer": None, "relative_depth": None, "class": None, "homology_dimension": None,
         "version": None}  # fmt: skip


def models_table(count=24, groups=("resnet32", "resnet56"), seed=0):
    """Models of alternating architecture, their error falling with the epochs trained."""
    rng = np.random.default_rng(seed)
    epochs = rng.choice(np.arange(5, 100), count)
    return pd.DataFrame({
        "model": [f"m{k}" for k in range(count)],
        "architecture": [groups[k % len(groups)] for k in range(count)],
        "epochs_trained": epochs, "augment": [k % 3 == 0 for k in range(count)],
        "depth": [(2, 4, 8)[k % 3] for k in range(count)],
        "test_error": 0.3 * np.exp(-epochs / 40) + rng.uniform(0.04, 0.08, count),
        "gap": rng.uniform(0.01, 0.1, count),
    })  # fmt: skip


def measures_table(models, layers=LAYERS, seed=1):
    """Lifespan sums of H_0 and H_1 and the PH dimension at each layer, related to the error, offset by architecture."""
    rng = np.random.default_rng(seed)
    offsets = {name: 12 * k for k, name in enumerate(dict.fromkeys(models["architecture"]))}
    rows = []
    panels = [("lifespan_sum", 0), ("lifespan_sum", 1), ("ph_dimension", 0)]
    for model, (layer, depth), (name, degree), version in itertools.product(
        models.itertuples(), layers.items(), panels, ("value", "relative")
    ):
        value = 40 + 60 * model.test_error * depth + offsets[model.architecture] + rng.normal(0, 2)
        value *= (0.1 if degree else 1) * (0.01 if version == "relative" else 1)
        text = f"{name} H{degree}, {layer}{', relative' if version == 'relative' else ''}"
        rows.append({
            "model": model.model, "measure": text, "kind": "descriptor", "descriptor": name, "layer": layer,
            "relative_depth": depth, "class": "mean", "homology_dimension": degree, "version": version,
            "value": value, "ci_low": 0.95 * value, "ci_high": 1.05 * value,
        })  # fmt: skip
    return pd.DataFrame(rows)


def associations_table(measures, groups=("resnet32", "resnet56"), targets=("test_error", "gap"), seed=2, n=24):
    """Invented correlations, so that a figure that computed its own would be found out."""
    rng = np.random.default_rng(seed)
    rows = []
    scopes = ["all", *(["within"] if len(groups) > 1 else []), *(f"group:{name}" for name in groups)]
    keys = ["measure", "kind", *EMPTY]
    named = measures[keys].drop_duplicates().to_dict("records")
    named += [{"measure": name, "kind": "rival", **EMPTY} for name in RIVALS]
    for target, scope, about in itertools.product(targets, scopes, named):
        r, tau = rng.uniform(-0.9, 0.9, 2)
        rows.append({
            **about, "target": target, "scope": scope, "n": n if scope in ("all", "within") else n // len(groups),
            "pearson": r, "pearson_low": max(-1, r - 0.15), "pearson_high": min(1, r + 0.1), "kendall": tau,
            "kendall_low": max(-1, tau - 0.2), "kendall_high": min(1, tau + 0.15), "p_corrected": abs(tau) < 0.3,
        })  # fmt: skip
    return pd.DataFrame(rows)
