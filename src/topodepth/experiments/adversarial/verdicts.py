"""What may be said of one measure of one layer under attack, and the sentence that says it."""

from collections.abc import Mapping

import numpy as np

from topodepth.statistics import Interval
from topodepth.statistics.ranks import RankTest
from topodepth.tables.rows import measure

VERDICTS = (
    "more complex", "simpler", "no single direction", "too few strengths", "no change shown", "not tested",
)  # fmt: skip
DIRECTIONS = VERDICTS[:2]
LEVEL = 0.05 / 2  # for each of two rank tests, with the success and with F1 (Bonferroni)
FEWEST = 5  # strengths with which a rank test can reach it: 2/4! is 0.083, 2/5! is 0.017
ENDINGS = {
    "more complex": ": by this measure topology becomes more complex.",
    "simpler": ": by this measure topology becomes simpler.",
    "no single direction": ", but over all ε it is not shown to follow success or F1: no single direction.",
    "too few strengths": (
        f": too few strengths to tell whether it follows the attack; expected at least {FEWEST} that differ in "
        "success, ε = 0 among them."
    ),
    "no change shown": ": no change can be shown.",
    "not tested": "; without an interval nothing is tested.",
}


def verdict(percent: Interval, success: RankTest, f1: RankTest, *, constant: bool) -> str:
    """Return one of ``VERDICTS``.

    A direction needs a change whose interval excludes 0, and that the values follow the attack in that direction: with
    rising success or with falling F1, by a rank test at half of 5 %, and with neither the other way round.

    Parameters
    ----------
    percent
        Change where the success is highest.
    success, f1
        Rank tests over the strengths.
    constant
        Whether the value is the same at all strengths.
    """
    if constant:
        return "no change shown"
    tests = [test for test in (success, f1) if np.isfinite(test.p_value)]
    if not np.isfinite(percent).all() or not tests:
        return "not tested"
    if percent.low <= 0 <= percent.high:
        return "no change shown"
    if min(test.least for test in tests) > LEVEL:
        return "too few strengths"
    rises = 1 if percent.value > 0 else -1
    follows = {rises * _sign(success), -rises * _sign(f1)}
    if 1 in follows and -1 not in follows:
        return "more complex" if rises > 0 else "simpler"
    return "no single direction"


def _sign(test: RankTest) -> int:
    """Return the direction that a rank test shows; 0 where it shows none, or is undefined."""
    shown = np.isfinite(test.p_value) and test.p_value <= LEVEL
    return int(np.sign(test.tau)) if shown else 0


def reached(clean: Mapping, attacked: Mapping) -> str:
    """Return how far the attack came, from the rows of its metrics without attack and where its success is highest."""
    return (
        f"success {number(clean['success_rate'])} → {number(attacked['success_rate'])}, "
        f"F1 {number(clean['macro_f1'])} → {number(attacked['macro_f1'])} at ε = {attacked['epsilon']:g}"
    )


def sentence(row: Mapping, clean: Mapping, attacked: Mapping, *, constant: bool) -> str:
    """Return what a row of the trends says, in words."""
    name = measure(row["descriptor"], row["homology_dimension"], row["version"])
    what = f"{name} of {cloud(row)} at layer {row['layer']}"
    told = f"As the attack succeeds ({reached(clean, attacked)}), {what}"
    percent, bounds = row["percent"], (row["percent_ci_low"], row["percent_ci_high"])
    if constant:
        return f"{told} is the same at all strengths."
    if np.isnan(percent):
        return f"{told} has no relative change: its value is 0 or undefined on the clean images, or undefined there."
    told += f" {'rises' if percent > 0 else 'falls' if percent < 0 else 'changes'} by {number(abs(percent), '.1f')} %"
    tests = [
        f"{number(row[f'kendall_{against}'], '+.2f')} with {name}, p = {number(row[f'kendall_{against}_p'], '.2g')}"
        for against, name in (("success", "success"), ("f1", "F1"))
        if np.isfinite(row[f"kendall_{against}_p"])
    ]
    about = [f"Kendall's τ over the strengths {'; '.join(tests)}"] if tests else []
    if np.isfinite(bounds).all():
        low, high = (number(bound, "+.1f") for bound in bounds)
        about.insert(0, f"95 % interval {low} to {high} %")
    told += f" ({'; '.join(about)})" if about else ""
    if row["verdict"] == "not tested" and not tests:
        return f"{told}; neither success nor F1 changes, so nothing is tested."
    return told + ENDINGS[row["verdict"]]


def number(value: float, form: str = ".2f") -> str:
    """Return a number as text, with a minus sign of its own; ``undefined`` for NaN."""
    return "undefined" if np.isnan(value) else f"{value:{form}}".replace("-", "−")


def cloud(place: Mapping) -> str:
    """Return what a cloud is called in a sentence."""
    return {"all": "all images", "mean": "the mean over classes"}.get(place["class"], f"class {place['class']}")
