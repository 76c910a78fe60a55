"""Do the intervals of changes under attack cover? Many samples of images of a known world, attacked and measured.

Images are points of a curved sheet in 8-D with noise; the attack pulls each towards the centre and adds noise. The true
change is that of the mean over all samples. For E_0 and E_1, as they are and relative to the null model: how often the
95 % interval covers it, with the chance of the null's draws and without (as if the null were known).

    python benchmarks/attack_intervals.py --samples 400
"""

import argparse
import multiprocessing
from functools import partial
from pathlib import Path

import numpy as np

from topodepth.experiments.adversarial import Series
from topodepth.files import texts
from topodepth.homology import persistence_diagrams
from topodepth.topology.clouds import permuted_features
from topodepth.topology.descriptors import lifespan_sum

GROUPS = 5
COLUMNS = ["descriptor", "version", "points", "draws", "samples", "change_percent", "covered", "covered_null_known",
           "median_width_percent", "no_interval"]  # fmt: skip


def images(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return points of a curved sheet with noise, (count, 8)."""
    angle, height = rng.uniform(0, 2 * np.pi, count), rng.normal(size=count)
    sheet = np.column_stack([np.cos(angle), np.sin(angle), np.cos(2 * angle) * height, height])
    return np.hstack([sheet, 0.5 * sheet[:, ::-1] ** 2]) + 0.1 * rng.normal(size=(count, 8))


def sums(points: np.ndarray) -> np.ndarray:
    """Return the lifespan sums of H_0 and H_1."""
    return np.array([lifespan_sum(diagram) for diagram in persistence_diagrams(points, max_dim=1)])


def one_sample(seed: int, *, points: int, draws: int) -> np.ndarray:
    """Return the sums of data, of each null draw, and without each group: (1 + draws + GROUPS, 2, 2)."""
    rng = np.random.default_rng([seed, points])
    clean = images(rng, points)
    group = rng.permutation(np.arange(points) % GROUPS)
    found = []
    for cloud in (clean, 0.7 * clean + 0.1 * rng.normal(size=clean.shape)):
        nulls = [permuted_features(cloud, np.random.default_rng([seed, 1, draw])) for draw in range(draws)]
        parts = [cloud[group != left_out] for left_out in range(GROUPS)]
        found.append([sums(part) for part in (cloud, *nulls, *parts)])
    return np.swapaxes(found, 0, 1)


def row(found: np.ndarray, degree: int, version: str, draws: int) -> dict[str, object]:
    """Return one row of the table from all samples, (samples, 1 + draws + GROUPS, 2, 2)."""
    data, null, groups = (part[..., degree] for part in (found[:, 0], found[:, 1 : draws + 1], found[:, draws + 1 :]))
    truth = data.mean(axis=0)
    if version == "relative":
        truth = truth / null.mean(axis=(0, 1))
    truth = float(100 * (truth[1] / truth[0] - 1))
    intervals, known = [], []
    for full, own, parts in zip(data, null, groups, strict=True):
        mean = own.mean(axis=0) if version == "relative" else np.ones(2)
        sources = [parts / mean]
        known.append(Series({}, full / mean, sources).percent(1))
        if version == "relative":
            sources.append(full / (own.sum(axis=0) - own) * (draws - 1) if draws > 1 else np.empty((0, 2)))
        intervals.append(Series({}, full / mean, sources).percent(1))
    (_, low, high), (_, known_low, known_high) = np.transpose(intervals), np.transpose(known)
    given = np.isfinite(low)
    return {
        "descriptor": f"E_{degree}", "version": version, "draws": draws, "samples": len(data), "change_percent": truth,
        "covered": float(np.mean((low <= truth) & (truth <= high), where=given)) if given.any() else np.nan,
        "covered_null_known": float(np.mean((known_low <= truth) & (truth <= known_high))),
        "median_width_percent": float(np.median((high - low)[given])) if given.any() else np.nan,
        "no_interval": int((~given).sum()),
    }  # fmt: skip


def main() -> None:
    """Simulate, count, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--points", type=int, nargs="+", default=[60, 150])
    parser.add_argument("--draws", type=int, nargs="+", default=[1, 2, 3, 5])
    parser.add_argument("--out", type=Path, default=Path("results/bench/attack_intervals.csv"))
    arguments = parser.parse_args()
    rows = []
    with multiprocessing.Pool() as pool:
        for points in arguments.points:
            work = partial(one_sample, points=points, draws=max(arguments.draws))
            found = np.array(pool.map(work, range(arguments.samples)))
            for draws in arguments.draws:
                kept = np.delete(found, range(draws + 1, max(arguments.draws) + 1), axis=1)
                for degree in (0, 1):
                    for version in ("value", "relative"):
                        rows.append({**row(kept, degree, version, draws), "points": points})
                        print(", ".join(f"{key} {rows[-1][key]}" for key in COLUMNS))
    texts.write_table(arguments.out, rows, COLUMNS)


if __name__ == "__main__":
    main()
