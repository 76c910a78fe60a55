"""Calibration curves: the mean of each estimator of dimension on clouds whose dimension is known, by number of points.

For every estimator, shape (uniform cube, Gaussian, uniform sphere), number of points and dimension: the mean estimate
over the true dimension, from so many independent samples that they have as many points in all. The means of a shape and
number of points, one line each, are the constants of ``src/topodepth/topology/dimension/calibration.py``; they are
printed.

    python benchmarks/dimension_curves.py
    python benchmarks/dimension_curves.py --family ph_dimension --total 12500
"""

import argparse
import multiprocessing
from functools import partial
from pathlib import Path

import numpy as np
from reference import cloud

from topodepth.files import texts
from topodepth.homology import nearest_distances
from topodepth.topology.dimension import neighbours, persistent
from topodepth.topology.dimension.calibration import DIMENSIONS, POINTS, SHAPES

COLUMNS = ("estimator", "shape", "n_points", "dimension", "samples", "mean_over_truth", "standard_error")
STREAM = 1  # of the seeds; coverage is judged on other samples


def ph_dimension(points: np.ndarray, seed: int) -> float:
    """Return the PH dimension without its interval, which takes most of the time."""
    n, rng = len(points), np.random.default_rng(seed)
    sizes = persistent._subsample_sizes(None, n)
    tree = persistent._spanning_trees(points)
    lengths = persistent._subsample_lengths(tree, np.arange(n), sizes, alpha=1.0, draws=10, rng=rng)
    return persistent._dimension(persistent._fit(sizes, lengths)[0], 1.0)


def near(points: np.ndarray, _: int) -> tuple[float, float]:
    """Return the TwoNN and maximum-likelihood dimensions without their intervals."""
    distances = nearest_distances(points, neighbours.NEIGHBOURS)
    return neighbours._line(distances[:, :2], neighbours.DISCARD), neighbours._pooled(distances)


FAMILIES = {"near": (near, ("two_nn", "mle")), "ph_dimension": (ph_dimension, ("ph_dimension",))}


def estimates(sample: int, *, family: str, shape: str, dimension: int, n: int) -> np.ndarray:
    """Return the estimates of one sample."""
    return np.atleast_1d(FAMILIES[family][0](cloud(shape, dimension, n, STREAM, sample), sample))


def main() -> None:
    """Measure, write the table, print the constants."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", default="near", choices=FAMILIES, help="near: TwoNN and maximum likelihood")
    parser.add_argument("--total", type=int, default=30_000, help="points of all samples of a cell together")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/bench/dimension_curves.csv"))
    args = parser.parse_args()

    rows, names = [], FAMILIES[args.family][1]
    with multiprocessing.Pool(args.processes) as pool:
        for shape in SHAPES:
            for n in POINTS:
                samples, lines = max(2, args.total // n), []
                for dimension in DIMENSIONS:
                    job = partial(estimates, family=args.family, shape=shape, dimension=dimension, n=n)
                    found = np.array(pool.map(job, range(samples))) / dimension
                    means, errors = found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(samples)
                    lines.append(means)
                    rows += [
                        dict(zip(COLUMNS, (name, shape, n, dimension, samples, mean, error), strict=True))
                        for name, mean, error in zip(names, means, errors, strict=True)
                    ]
                for name, means in zip(names, np.transpose(lines), strict=True):
                    print(f"({name!r}, {shape!r}, {n}): ({', '.join(f'{mean:.3f}' for mean in means)}),", flush=True)
                texts.write_table(args.out, rows, COLUMNS)


if __name__ == "__main__":
    main()
