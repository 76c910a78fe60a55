"""Verdicts on snapshots of training runs whose truth is known, and how often one is wrong.

Each set is some runs of made-up snapshots. The skill of a run, its training accuracy, margin, logit spread and four
descriptors are processes of their own along its training, each an AR(1) of coefficient 0.9 and variance 1: snapshots
that follow each other are nearly the same. One descriptor has a known cause, the others are noise:

    nothing     nothing: any claim is wrong
    course      the epoch, which moves the skill in the same way in every run: no run tells more than another
    training    training accuracy, which moves the skill: any claim beyond it is wrong
    accuracy    the test accuracy, with noise of half its variance: a claim is right

With ``--pooled`` every snapshot is taken for a model of its own, as no verdict should.

    python benchmarks/snapshot_verdicts.py --sets 500
"""

import argparse
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas

from topodepth.experiments.generalization import associations, records
from topodepth.experiments.generalization.verdicts import ALPHA, CLASSES
from topodepth.files import texts

CAUSES = ("nothing", "course", "training", "accuracy")
CLAIMS = ("beats rivals", "associated", "the sign turns")
COEFFICIENT = 0.9
SETTINGS = {"targets": ["test_error"], "covariates": ["train_accuracy"]}
COLUMNS = ["cause", "runs", "snapshots", "sets", *CLASSES, "claims", "any_claim", "any_p", "covered", "seconds_per_set"]


def processes(rng: np.random.Generator, lengths: list[int], count: int) -> np.ndarray:
    """Return stationary AR(1) processes of variance 1, one after the other for each run, (count, sum of lengths)."""
    parts = []
    for length in lengths:
        steps = rng.normal(size=(count, length)) * (1 - COEFFICIENT**2) ** 0.5
        steps[:, 0] /= (1 - COEFFICIENT**2) ** 0.5
        for k in range(1, length):
            steps[:, k] += COEFFICIENT * steps[:, k - 1]
        parts.append(steps)
    return np.hstack(parts)


def made_up_set(
    cause: str, number: int, lengths: list[int], *, named: bool = True
) -> tuple[pandas.DataFrame, pandas.DataFrame]:
    """Return the tables of models and measures of one set; the same number gives the same set.

    Parameters
    ----------
    cause, number
        One of ``CAUSES``, and the number of the set.
    lengths
        Number of snapshots of each run.
    named
        Whether the names tell that models are snapshots.
    """
    rng = np.random.default_rng([CAUSES.index(cause), number, *lengths])
    skill, train, margin, spread, caused, *noise = processes(rng, lengths, 8)
    course = np.concatenate([np.linspace(-2, 2, length) for length in lengths])
    noise_of_caused = rng.normal(size=len(course))
    if cause == "course":
        skill, caused, train = skill + course, caused - course, train + course
    if cause == "training":
        skill, caused = skill + train, noise_of_caused - train
    if cause == "accuracy":
        caused = noise_of_caused - skill
    accuracy = {"test": 1 / (1 + np.exp(-1 - skill / 2)), "train": 1 / (1 + np.exp(-2 - train / 2))}
    places = [(run, epoch) for run, length in enumerate(lengths) for epoch in range(length)]
    names = [f"run{run:02d}_epoch{epoch:03d}" if named else f"m{run:02d}x{epoch:03d}" for run, epoch in places]
    metrics = [
        {split: {"accuracy": accuracy[split][k], "loss": -np.log(accuracy[split][k])} for split in accuracy}
        for k in range(len(names))
    ]
    models, columns = records.model_rows([{"model": name, "entry": "e"} for name in names], metrics)
    empty = pandas.DataFrame(columns=["class"])
    logits = [{"margin": margin[k], "logit_spread": spread[k]} for k in range(len(names))]
    measures = records.measure_rows(models, [empty] * len(names), logits)
    descriptors = {"caused": caused, **{f"noise {k}": values for k, values in enumerate(noise)}}
    measures += [
        {"model": name, "measure": measure, "kind": "descriptor", "relative_depth": 1.0, "value": values[k]}
        for measure, values in descriptors.items()
        for k, name in enumerate(names)
    ]
    return pandas.DataFrame(models, columns=columns), pandas.DataFrame(measures, columns=records.MEASURE_COLUMNS)


def judged(cause: str, number: int, lengths: list[int], settings: dict, *, named: bool = True) -> dict:
    """Return the verdict on the caused descriptor, whether any claims something, and whether an interval covers 0."""
    models, measures = made_up_set(cause, number, lengths, named=named)
    found = associations.associate(models, measures, SETTINGS | settings).associations
    rows = {row["measure"]: row for row in found if row["kind"] == "descriptor"}
    noise = rows["noise 0"]
    return {
        "verdict": rows["caused"]["verdict_class"],
        "any_claim": any(row["verdict_class"] in CLAIMS for row in rows.values()),
        "any_p": any(row["p_corrected"] <= ALPHA for row in rows.values()),
        "covered": noise["kendall_low"] <= 0 <= noise["kendall_high"],
    }


def tally(cause: str, sets: int, lengths: list[int], settings: dict, *, named: bool = True) -> dict[str, object]:
    """Return one row of the table: the share of each verdict and of claims, of any p-value at most 0.05."""
    start = time.perf_counter()
    found = [judged(cause, number, lengths, settings, named=named) for number in range(sets)]
    verdicts = Counter(one["verdict"] for one in found)
    return {
        "cause": cause,
        "runs": len(lengths),
        "snapshots": sum(lengths),
        "sets": sets,
        **{kind: verdicts[kind] / sets for kind in CLASSES},
        "claims": sum(verdicts[kind] for kind in CLAIMS) / sets,
        **{name: sum(one[name] for one in found) / sets for name in ("any_claim", "any_p", "covered")},
        "seconds_per_set": (time.perf_counter() - start) / sets,
    }


def lengths_of(runs: int, snapshots: int, *, unequal: bool) -> list[int]:
    """Return the number of snapshots of each run: all alike, or from half of it to one and a half."""
    if not unequal or runs == 1:
        return [snapshots] * runs
    return [round(snapshots * (0.5 + k / (runs - 1))) for k in range(runs)]


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=500)
    parser.add_argument("--causes", nargs="+", choices=CAUSES, default=CAUSES)
    parser.add_argument("--runs", nargs="+", type=int, default=[1, 4, 5, 8, 16, 32])
    parser.add_argument("--snapshots", type=int, default=20)
    parser.add_argument("--unequal", action="store_true", help="runs from half to one and a half of that length")
    parser.add_argument("--pooled", action="store_true", help="names do not tell that models are snapshots")
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--permutations", type=int, default=399)
    parser.add_argument("--out", type=Path, default=Path("results/bench/snapshot_verdicts.csv"))
    args = parser.parse_args()
    settings = {"resamples": args.resamples, "permutations": args.permutations}
    rows = []
    for cause in args.causes:
        for runs in args.runs:
            lengths = lengths_of(runs, args.snapshots, unequal=args.unequal)
            rows.append(tally(cause, args.sets, lengths, settings, named=not args.pooled))
            told = (f"{key}: {value:.3f}" if isinstance(value, float) else f"{key}: {value}"
                    for key, value in rows[-1].items())  # fmt: skip
            print(*told, sep="  ", flush=True)
            texts.write_table(args.out, rows, COLUMNS)


if __name__ == "__main__":
    main()
