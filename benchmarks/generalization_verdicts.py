"""Verdicts on sets of models whose truth is known, and how often one is wrong.

Each set is a grid of 36 made-up models: depth × epochs × learning rate × two seeds. All three hyper-parameters and
chance move the skill that test and training accuracy, margin and logit spread show, each with noise of its own. One
descriptor of four has a known cause, the others are noise:

    accuracy    the test accuracy itself: it should beat training accuracy and logit spread
    training    training accuracy only: it should never beat it
    epochs      epochs only, which also move the accuracy: it should be explained, not associated
    noise       nothing: it should show no association

    python benchmarks/generalization_verdicts.py --sets 200
"""

import argparse
import itertools
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas

from topodepth.experiments.generalization import associations, records
from topodepth.experiments.generalization.verdicts import ALPHA, CLASSES
from topodepth.files import texts

CAUSES = ("accuracy", "training", "epochs", "noise")
CLAIMS = ("beats rivals", "associated")
SETTINGS = {
    "targets": ["test_error"],
    "controls": ["depth", "epochs"],
    "covariates": ["train_accuracy", "depth", "epochs"],
    "axes": ["depth", "epochs", "learning_rate"],
}
COLUMNS = [
    *("cause", "sets", *CLASSES, "claims", "claims_low", "claims_high"),
    *("significant", "significant_low", "significant_high", "family", "family_low", "family_high", "seconds_per_set"),
]


def made_up_set(cause: str, number: int) -> tuple[pandas.DataFrame, pandas.DataFrame]:
    """Return the tables of models and measures of one set; the same number gives the same set."""
    rng = np.random.default_rng([CAUSES.index(cause), number])
    grid = np.array(list(itertools.product((2, 4, 8), (10, 20, 40), (0.01, 0.1), (0, 1))))
    depth, epochs, rate, _ = grid.T
    steps = [np.log2(depth) - 2, np.log2(epochs / 20), np.log10(rate) + 1.5]

    def noise(size: float) -> np.ndarray:
        return rng.normal(scale=size, size=len(grid))

    skill = 0.6 * steps[0] + 0.8 * steps[1] + 0.5 * steps[2] + noise(0.6)
    test, train = skill + noise(0.4), skill + noise(0.6)
    accuracy = {"test": 1 / (1 + np.exp(-1 - test / 2)), "train": 1 / (1 + np.exp(-2 - train / 2))}
    causes = {"accuracy": test, "training": train, "epochs": steps[1], "noise": 0 * test}
    descriptors = {"caused": -causes[cause] + noise(0.3), **{f"noise {k}": noise(1) for k in (1, 2, 3)}}
    rivals = {"margin": skill + noise(0.8), "logit_spread": skill + noise(0.8)}
    names = [f"m{k:02d}" for k in range(len(grid))]
    about = [
        {"model": name, "axes": {"depth": depth[k], "epochs": epochs[k], "learning_rate": rate[k]}, "seed": k}
        for k, name in enumerate(names)
    ]
    metrics = [
        {split: {"accuracy": accuracy[split][k], "loss": -np.log(accuracy[split][k])} for split in accuracy}
        for k in range(len(grid))
    ]
    models, columns = records.model_rows(about, metrics)
    empty = pandas.DataFrame(columns=["class"])
    logits = [{name: values[k] for name, values in rivals.items()} for k in range(len(grid))]
    measures = records.measure_rows(models, [empty] * len(grid), logits)
    measures += [
        {"model": name, "measure": measure, "kind": "descriptor", "relative_depth": 1.0, "value": values[k]}
        for measure, values in descriptors.items()
        for k, name in enumerate(names)
    ]
    return pandas.DataFrame(models, columns=columns), pandas.DataFrame(measures, columns=records.MEASURE_COLUMNS)


def judged(cause: str, number: int, settings: dict) -> tuple[str, bool, bool]:
    """Return the verdict on the caused descriptor, and whether it, and any descriptor, is significant within blocks."""
    models, measures = made_up_set(cause, number)
    rows = associations.associate(models, measures, SETTINGS | settings).associations
    within = {row["measure"]: row for row in rows if row["scope"] == "within" and row["kind"] == "descriptor"}
    significant = {name: row["p_corrected"] <= ALPHA for name, row in within.items()}
    return within["caused"]["verdict_class"], significant["caused"], any(significant.values())


def rate(name: str, count: int, sets: int) -> dict[str, float]:
    """Return a share with its exact binomial 95 % interval (Clopper & Pearson 1934)."""
    from scipy.stats import binomtest

    interval = binomtest(count, sets).proportion_ci()
    return {name: count / sets, f"{name}_low": interval.low, f"{name}_high": interval.high}


def tally(cause: str, sets: int, settings: dict) -> dict[str, object]:
    """Return one row of the table: the share of each verdict, of claims, of p-values at most 0.05."""
    start = time.perf_counter()
    found = [judged(cause, number, settings) for number in range(sets)]
    verdicts = Counter(verdict for verdict, _, _ in found)
    return {
        "cause": cause,
        "sets": sets,
        **{kind: verdicts[kind] / sets for kind in CLASSES},
        **rate("claims", sum(verdicts[kind] for kind in CLAIMS), sets),
        **rate("significant", sum(own for _, own, _ in found), sets),
        **rate("family", sum(anyone for _, _, anyone in found), sets),
        "seconds_per_set": (time.perf_counter() - start) / sets,
    }


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--causes", nargs="+", choices=CAUSES, default=CAUSES)
    parser.add_argument("--resamples", type=int, default=400)
    parser.add_argument("--permutations", type=int, default=999)
    parser.add_argument("--out", type=Path, default=Path("results/bench/generalization_verdicts.csv"))
    args = parser.parse_args()
    settings = {"resamples": args.resamples, "permutations": args.permutations}
    rows = []
    for cause in args.causes:
        rows.append(tally(cause, args.sets, settings))
        for key, value in rows[-1].items():
            print(f"{key}: {value:.3f}" if isinstance(value, float) else f"{key}: {value}", end="  ", flush=True)
        print(flush=True)
        texts.write_table(args.out, rows, COLUMNS)


if __name__ == "__main__":
    main()
