"""Synthetic tables in the form that the figures read: smooth curves with noise, a null model, gaps where asked."""

import numpy as np
import pandas as pd

SIX = ("vgg", "resnet", "se_resnet", "mobilenet_v2", "vgg_tanh", "vgg_swish")
LEVELS = {
    ("lifespan_sum", 0): (400, 330),
    ("lifespan_sum", 1): (32, 21),
    ("ph_dimension", 0): (15, 24),
    ("two_nn", None): (13, 20),
    ("mle", None): (11, 18),
}


def descriptor_table(models=SIX, layers=10, classes=10, seed=0) -> pd.DataFrame:
    """One row per model, layer, class and descriptor: classes and mean for E_0 and E_1, the rest for all points."""
    rng = np.random.default_rng(seed)
    rows = []
    for number, model in enumerate(models):
        count = layers + number % 3
        widths = np.sort(rng.choice([32, 64, 128], count))
        widths[-1] = 10
        for (descriptor, degree), (level, null_level) in LEVELS.items():
            local = descriptor == "lifespan_sum"
            names = [*map(str, range(classes)), "mean"] if local else ["all"]
            speed = rng.uniform(1.0, 3.0)
            for layer in range(count):
                depth = (layer + 1) / count
                shape = np.exp(-speed * max(0.0, depth - 0.25) ** 1.5 * 2) * (0.8 + depth if depth < 0.25 else 1.05)
                null = null_level * (0.4 + 0.6 * widths[layer] / 128) * rng.uniform(0.95, 1.05)
                spread = rng.uniform(0.7, 1.3, len(names))
                spread[-1] = spread[:-1].mean() if len(names) > 1 else rng.uniform(0.95, 1.05)
                for name, factor in zip(names, spread, strict=True):
                    value, wide = level * shape * factor, 0.08 if name in ("mean", "all") else np.nan
                    rows.append({
                        "run": "test", "model": model, "dataset": "digits", "layer_index": layer,
                        "layer": f"conv_{layer}", "relative_depth": depth, "class": name,
                        "homology_dimension": degree, "descriptor": descriptor,
                        "value": value, "ci_low": value * (1 - wide), "ci_high": value * (1 + wide),
                        "null_value": null, "null_ci_low": null * 0.96, "null_ci_high": null * 1.04,
                        "relative_value": value / null, "relative_ci_low": value / null / (1 + wide),
                        "relative_ci_high": value / null * (1 + wide),
                        "n_points": 250, "dimension": widths[layer], "seed": 0, "note": "",
                    })  # fmt: skip
    return pd.DataFrame(rows)


def betti_table(model="vgg", layers=("conv_1", "conv_5", "logits"), seed=0) -> pd.DataFrame:
    """Betti curves of H_0 and H_1 at chosen layers, data and null."""
    rng = np.random.default_rng(seed)
    rows = []
    for number, layer in enumerate(layers):
        scale = 2.0 / (number + 1)
        grid = np.linspace(0, scale * 1.4, 60)
        peak, null_peak = rng.uniform(15, 40, 2)
        for degree in (0, 1):
            for value in grid:
                if degree == 0:
                    betti = 1 + 249 / (1 + np.exp((value - 0.5 * scale) * 12 / scale))
                    null = 1 + 249 / (1 + np.exp((value - 0.8 * scale) * 25 / scale))
                else:
                    betti = peak * np.exp(-(((value - 0.7 * scale) * 5 / scale) ** 2))
                    null = null_peak * np.exp(-(((value - 0.9 * scale) * 8 / scale) ** 2))
                rows.append({
                    "model": model, "layer": layer, "relative_depth": (number + 1) / len(layers), "class": "mean",
                    "homology_dimension": degree, "filtration_value": value, "betti": betti, "null_betti": null,
                })  # fmt: skip
    return pd.DataFrame(rows)


def diagram_table(model="vgg", layers=("conv_1", "conv_5", "logits"), points=250, seed=0) -> pd.DataFrame:
    """Bars of H_0 (with one essential bar) and H_1 at chosen layers, from data and null."""
    rng = np.random.default_rng(seed)
    rows = []
    for number, layer in enumerate(layers):
        scale = 2.0 / (number + 1)
        for source, shift in (("data", 0.6), ("null", 0.85)):
            deaths = np.abs(rng.normal(shift, 0.12, points - 1)) * scale
            births = np.abs(rng.normal(shift, 0.1, points // 3)) * scale
            ends = births + rng.exponential(0.06 * scale, births.size)
            bars = [(0, 0.0, death) for death in deaths] + [(0, 0.0, np.nan)]
            bars += [(1, birth, end) for birth, end in zip(births, ends, strict=True)]
            rows += [
                {
                    "model": model,
                    "layer": layer,
                    "relative_depth": (number + 1) / len(layers),
                    "class": "3",
                    "homology_dimension": degree,
                    "birth": birth,
                    "death": death,
                    "source": source,
                }
                for degree, birth, death in bars
            ]
    return pd.DataFrame(rows)


def history_table(models=SIX, epochs=30, seed=0) -> pd.DataFrame:
    """Training curves: rising accuracy, falling loss, a learning rate that drops."""
    rng = np.random.default_rng(seed)
    rows = []
    for model in models:
        speed, top = rng.uniform(3, 9), rng.uniform(0.85, 0.98)
        for epoch in range(1, epochs + 1):
            gone = 1 - np.exp(-epoch / speed)
            noise = rng.normal(0, 0.012, 2)
            rows.append({
                "model": model, "epoch": epoch, "loss": 2.3 * (1 - gone) + 0.08, "accuracy": 0.1 + (top - 0.1) * gone,
                "val_loss": 2.3 * (1 - 0.95 * gone) + 0.15 + noise[0],
                "val_accuracy": 0.1 + (top - 0.13) * gone + noise[1],
                "learning_rate": 1e-3 * 0.316 ** (epoch // 10),
            })  # fmt: skip
    return pd.DataFrame(rows)
