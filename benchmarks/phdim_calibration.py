"""True dimension against estimate: uniform cubes, many independent samples each.

For every estimator, dimension and number of points: the mean and standard deviation of the estimate over independent
samples, its bias, the mean half-width of its interval (nominally of 95 %) in standard deviations, how often the
interval covers the estimator's own mean (what it promises) and how often it covers the true dimension (what the bias
leaves).

    python benchmarks/phdim_calibration.py --points 1000 --samples 60
    python benchmarks/phdim_calibration.py --estimators two_nn mle --samples 200
"""

import argparse
import multiprocessing
import time
from functools import partial
from pathlib import Path

import numpy as np

from topodepth.files import texts
from topodepth.topology.dimension import registry

COLUMNS = [
    *("estimator", "dimension", "n_points", "samples", "mean", "bias_percent", "sd", "interval_half_width_over_sd"),
    *("covers_own_mean", "covers_truth", "seconds_per_estimate"),
]


def estimate(
    sample: int, *, names: list[str], dimension: int, n_points: int
) -> dict[str, tuple[float, float, float, float]]:
    """Return value, interval and seconds of some estimators on one uniform cube."""
    points = np.random.default_rng([dimension, n_points, sample]).random((n_points, dimension))
    results = {}
    for name in names:
        start = time.perf_counter()
        found = registry.get(name)(points, seed=sample)
        results[name] = (found.value, found.ci_low, found.ci_high, time.perf_counter() - start)
    return results


def summary(name: str, dimension: int, n_points: int, results: np.ndarray) -> dict[str, object]:
    """Return one row of the table from (samples, 4) values, bounds and seconds."""
    value, low, high, seconds = results.T
    mean, sd = value.mean(), value.std(ddof=1)
    return {
        "estimator": name,
        "dimension": dimension,
        "n_points": n_points,
        "samples": len(value),
        "mean": mean,
        "bias_percent": 100 * (mean / dimension - 1),
        "sd": sd,
        "interval_half_width_over_sd": np.mean(high - low) / 2 / sd,
        "covers_own_mean": np.mean((low <= mean) & (mean <= high)),
        "covers_truth": np.mean((low <= dimension) & (dimension <= high)),
        "seconds_per_estimate": seconds.mean(),
    }


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dimensions", type=int, nargs="+", default=[2, 5, 10, 20])
    parser.add_argument("--points", type=int, nargs="+", default=[1000, 3000])
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--estimators", nargs="+", default=registry.names(), choices=registry.names())
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/bench/phdim_calibration.csv"))
    args = parser.parse_args()

    rows = []
    with multiprocessing.Pool(args.processes) as pool:
        for n_points in args.points:
            for dimension in args.dimensions:
                job = partial(estimate, names=args.estimators, dimension=dimension, n_points=n_points)
                results = pool.map(job, range(args.samples), chunksize=1)
                for name in args.estimators:
                    rows.append(summary(name, dimension, n_points, np.array([result[name] for result in results])))
                    cells = (f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in rows[-1].values())
                    print("  ".join(cells), flush=True)
                texts.write_table(args.out, rows, COLUMNS)


if __name__ == "__main__":
    main()
