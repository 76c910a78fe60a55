"""True dimension against estimate and interval: cubes, Gaussians and spheres, many independent samples each.

For every estimator, shape, dimension and number of points: the mean and standard deviation of the estimate over
independent samples, its bias, the mean half-width of its interval (nominally of 95 %) in standard deviations, and how
often (in %) the interval covers the estimator's own mean (what it promises) and the true dimension (what the bias
leaves). Then of the calibration: how often the estimate is marked, as its bias is larger than its interval, and how
often the range of true dimensions covers the truth.

    python benchmarks/dimension_coverage.py --estimators two_nn mle
    python benchmarks/dimension_coverage.py --estimators ph_dimension --points 500 1000 2000 --samples 100
"""

import argparse
import multiprocessing
import time
from functools import partial
from pathlib import Path

import numpy as np
from reference import SHAPES, cloud

from topodepth.files import texts
from topodepth.topology.dimension import registry

STREAM = 2  # of the seeds; the calibration curves come from other samples


def estimate(sample: int, *, names: list[str], shape: str, dimension: int, n: int) -> list[tuple[float, ...]]:
    """Return value, interval, mark, range of true dimensions and seconds of some estimators on one sample."""
    points = cloud(shape, dimension, n, STREAM, sample)
    results = []
    for name in names:
        start = time.perf_counter()
        found = registry.get(name)(points, seed=sample)
        seconds = time.perf_counter() - start
        marked = float(not found.resolved)
        results.append((found.value, found.ci_low, found.ci_high, marked, found.true_low, found.true_high, seconds))
    return results


def summary(results: np.ndarray, dimension: int) -> dict[str, float]:
    """Return what the table says of (samples, 7) results."""
    value, low, high, marked, true_low, true_high, seconds = results.T
    mean, sd = value.mean(), value.std(ddof=1)
    return {
        "mean": mean,
        "bias_percent": 100 * (mean / dimension - 1),
        "sd": sd,
        "half_width_over_sd": np.mean(high - low) / 2 / sd,
        "covers_own_mean": 100 * np.mean((low <= mean) & (mean <= high)),
        "covers_truth": 100 * np.mean((low <= dimension) & (dimension <= high)),
        "marked": 100 * np.mean(marked),
        "range_covers_truth": 100 * np.mean((true_low <= dimension) & (dimension <= true_high)),
        "seconds": seconds.mean(),
    }


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--estimators", nargs="+", default=registry.names(), choices=registry.names())
    parser.add_argument("--shapes", nargs="+", default=SHAPES, choices=SHAPES)
    parser.add_argument("--dimensions", type=int, nargs="+", default=[2, 5, 10, 20])
    parser.add_argument("--points", type=int, nargs="+", default=[500, 1000, 2000, 5000])
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/bench/dimension_coverage.csv"))
    args = parser.parse_args()

    rows: list[dict] = []
    with multiprocessing.Pool(args.processes) as pool:
        for n in args.points:
            for shape in args.shapes:
                for dimension in args.dimensions:
                    job = partial(estimate, names=args.estimators, shape=shape, dimension=dimension, n=n)
                    results = np.array(pool.map(job, range(args.samples), chunksize=1))
                    for index, name in enumerate(args.estimators):
                        about = {"estimator": name, "shape": shape, "dimension": dimension, "n_points": n}
                        rows.append(about | {"samples": args.samples} | summary(results[:, index], dimension))
                        cells = (f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in rows[-1].values())
                        print("  ".join(cells), flush=True)
                    texts.write_table(args.out, rows, list(rows[0]))


if __name__ == "__main__":
    main()
