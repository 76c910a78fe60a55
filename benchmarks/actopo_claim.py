"""Does instruction tuning change β_1? The two clouds that actopo 0.1.0 ships, by several thresholds, with intervals.

actopo counts the bars of H_1 that are longer than 3 % of the cloud's own largest distance, which one token sets. Here
the same clouds are counted by thresholds that no single point sets: 5 % of the median distance, and a ratio of death to
birth of 1.1, which knows no scale (Bobrowski & Skraba 2023, arXiv:2207.03926). The points are of the same prompts in
both clouds, so the jackknife leaves the same ones out of both. The null model has every feature permuted.

    pip download --no-deps actopo==0.1.0 && unzip -d actopo actopo-0.1.0-py3-none-any.whl
    python benchmarks/actopo_claim.py actopo/actopo/data/example_base.npy actopo/actopo/data/example_instruct.npy
"""

import argparse
from pathlib import Path

import numpy as np

from topodepth.homology.distances import distance_matrix
from topodepth.homology.rips import persistence_diagrams
from topodepth.statistics.intervals import Interval, jackknife_interval
from topodepth.topology.clouds import left_out, null_clouds

LARGEST, MEDIAN, RATIO = "3 % of the largest distance", "5 % of the median distance", "death / birth above 1.1"
FEATURES = ("as they are", "standardised")
OUTLYING = (0, 1, 2, 5, 10, 20)  # so many points farthest from the centre are left out


def counts(points: np.ndarray) -> dict[str, int]:
    """Return the number of bars of H_1 above each threshold."""
    distances = distance_matrix(points)
    births, deaths = persistence_diagrams(points)[1].T
    pairs = distances[np.triu_indices(len(points), 1)]
    return {
        LARGEST: int((deaths - births > 0.03 * pairs.max()).sum()),
        MEDIAN: int((deaths - births > 0.05 * np.median(pairs)).sum()),
        RATIO: int((deaths > 1.1 * births).sum()),
    }


def standardised(points: np.ndarray) -> np.ndarray:
    """Return the points with every feature at mean 0 and deviation 1; one that is constant stays so."""
    deviations = points.std(axis=0)
    return (points - points.mean(axis=0)) / np.where(deviations > 0, deviations, 1)


def without_outlying(points: np.ndarray) -> list[dict[str, int]]:
    """Return counts without the points that are farthest from the median of every feature, for each of OUTLYING."""
    order = np.argsort(-np.linalg.norm(points - np.median(points, axis=0), axis=1), kind="stable")
    return [counts(points[np.sort(order[number:])]) for number in OUTLYING]


def told(interval: Interval) -> str:
    """Return a number of bars with its interval."""
    return f"{interval.value:+.0f} ({interval.low:+.0f} to {interval.high:+.0f})"


def compare(clouds: list[np.ndarray], groups: int, draws: int) -> list[tuple[str, ...]]:
    """Return rows of a table: threshold, both counts, their difference with its interval, counts of the null model."""
    full = [counts(cloud) for cloud in clouds]
    without = [[counts(cloud[rows]) for cloud in clouds] for rows in left_out(len(clouds[0]), groups, 0)]
    null = [[counts(drawn) for drawn in null_clouds(cloud, draws, 0)] for cloud in clouds]
    rows = []
    for threshold in full[0]:
        difference = full[1][threshold] - full[0][threshold]
        leave_outs = [instruct[threshold] - base[threshold] for base, instruct in without]
        chance = ", ".join(f"{np.mean([count[threshold] for count in draws_of]):.1f}" for draws_of in null)
        each = [str(count[threshold]) for count in full]
        rows.append((threshold, *each, told(jackknife_interval(difference, leave_outs)), chance))
    return rows


def main() -> None:
    """Parse, compute, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("base", type=Path, help="cloud of the model before tuning, .npy")
    parser.add_argument("instruct", type=Path, help="cloud of the tuned model, .npy")
    parser.add_argument(
        "--groups", type=int, default=20, help="groups of prompts that the jackknife leaves out in turn"
    )
    parser.add_argument("--draws", type=int, default=3, help="draws of the null model")
    arguments = parser.parse_args()
    raw = [np.load(path, allow_pickle=False).astype(np.float64) for path in (arguments.base, arguments.instruct)]
    for features in FEATURES:
        clouds = [standardised(cloud) for cloud in raw] if features == FEATURES[1] else raw
        print(f"\nfeatures {features}: bars of H_1, base, instruct, difference (95 % interval), null base and instruct")
        for row in compare(clouds, arguments.groups, arguments.draws):
            print("  ".join(row))
        print("without the most outlying", *OUTLYING, "points, by", LARGEST)
        for name, cloud in zip(("base", "instruct"), clouds, strict=True):
            print(name, *(found[LARGEST] for found in without_outlying(cloud)))


if __name__ == "__main__":
    main()
