"""How often a partial correlation is wrong: its table of models × covariates, and of a family of descriptors.

A measure and a target depend on the same covariates and are otherwise independent, or correlated (true partial
correlation 0.5 or 0.7). Every covariate explains its part; together they explain half (`--share`) of either. They are

    linear     normal, with a straight effect
    skewed     log-normal, with a straight effect
    ties       one of three values, with a straight effect
    curved     normal, with an exponential effect
    saturated  normal, with an effect that saturates (tanh)

For each number of models and of covariates: how often p is at most 0.05 and the interval off 0 though nothing is there,
how many of these are positive, how often the interval covers 0.5, how often 0.5 and 0.7 are found. With `--family 20`,
how often any of 20 descriptors that only the covariates move is called associated.

    python benchmarks/partial_correlation.py --sets 1000
"""

import argparse
from pathlib import Path

import numpy as np

from topodepth.files import texts
from topodepth.statistics import partial_correlations

CASES = ("linear", "skewed", "ties", "curved", "saturated")
MODELS = (12, 20, 30, 50, 100)
COVARIATES = (1, 2, 3, 5)
COLUMNS = ["case", "n", "covariates", "sets", "false", "false_off_zero", "false_positive_sign", "coverage",
           "power_0.5", "power_0.7", "family", "family_uncorrected"]  # fmt: skip
ALPHA = 0.05


def effects(case: str, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return covariates (n, k), and what they do to measure and target together, (n,), of variance 1."""
    normal = rng.normal(size=shape)
    if case == "ties":
        given = rng.integers(0, 3, shape).astype(float)
        effect, spread = given, (2 / 3) ** 0.5
    elif case == "skewed":
        given = effect = np.exp(normal)
        spread = ((np.e - 1) * np.e) ** 0.5
    else:
        given = normal
        effect = {"linear": normal, "curved": np.exp(normal), "saturated": np.tanh(1.5 * normal)}[case]
        spread = {"linear": 1.0, "curved": ((np.e - 1) * np.e) ** 0.5, "saturated": 0.7306}[case]
    return given, effect.sum(axis=1) / spread / shape[1] ** 0.5


def one_set(
    case: str, n: int, k: int, seed: list[int], *, rho: float, share: float, family: int = 1, permutations: int
) -> list:
    """Return what is found of `family` measures that have the partial correlation rho with the target."""
    rng = np.random.default_rng(seed)
    given, common = effects(case, rng, (n, k))
    own = rng.normal(size=n)
    noises = rho * own + (1 - rho**2) ** 0.5 * rng.normal(size=(family, n))
    common = common * (share / (1 - share)) ** 0.5
    return partial_correlations(noises + common, own + common, given, permutations=permutations)


def tally(case: str, n: int, k: int, settings: argparse.Namespace) -> dict[str, object]:
    """Return one row of the table."""
    found = {
        rho: [
            one_set(case, n, k, [n, k, number], rho=rho, share=settings.share, permutations=settings.permutations)[0]
            for number in range(settings.sets)
        ]
        for rho in (0.0, 0.5, 0.7)
    }
    row = {"case": case, "n": n, "covariates": k, "sets": settings.sets}
    false = [one for one in found[0.0] if one.p_value <= ALPHA]
    row["false"] = len(false) / settings.sets
    row["false_off_zero"] = float(np.mean([one.low > 0 or one.high < 0 for one in found[0.0]]))
    row["false_positive_sign"] = float(np.mean([one.value > 0 for one in false])) if false else float("nan")
    row["coverage"] = float(np.mean([one.low <= 0.5 <= one.high for one in found[0.5]]))
    for rho in (0.5, 0.7):
        row[f"power_{rho}"] = float(np.mean([one.p_value <= ALPHA and one.value > 0 for one in found[rho]]))
    if settings.family:
        options = {"rho": 0.0, "share": settings.share, "family": settings.family}
        sets = [
            one_set(case, n, k, [n, k, number], permutations=settings.permutations, **options)
            for number in range(settings.sets)
        ]
        row["family"] = float(np.mean([any(one.p_corrected <= ALPHA for one in family) for family in sets]))
        row["family_uncorrected"] = float(np.mean([any(one.p_value <= ALPHA for one in family) for family in sets]))
    return row


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--family", type=int, default=0)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--models", nargs="+", type=int, default=MODELS)
    parser.add_argument("--covariates", nargs="+", type=int, default=COVARIATES)
    parser.add_argument("--permutations", type=int, default=499)
    parser.add_argument("--out", type=Path, default=Path("results/bench/partial_correlation.csv"))
    settings = parser.parse_args()
    rows = []
    for case in settings.cases:
        for n in settings.models:
            for k in settings.covariates:
                rows.append(tally(case, n, k, settings))
                for key, value in rows[-1].items():
                    print(f"{key}: {value:.3g}" if isinstance(value, float) else f"{key}: {value}", end="  ")
                print(flush=True)
                texts.write_table(settings.out, rows, COLUMNS)


if __name__ == "__main__":
    main()
