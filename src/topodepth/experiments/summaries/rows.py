"""What both summaries ask of a table: one curve for each measure, and whether two of its values differ."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from topodepth.tables.rows import SUMMARIES, measure
from topodepth.topology import descriptors

if TYPE_CHECKING:
    import pandas

FALLS, RISES, UNCLEAR, UNKNOWN = "falls", "rises", "not shown", "no interval"
CHANGES = (FALLS, RISES, UNCLEAR, UNKNOWN)
FOREMOST = (("lifespan_sum", 0), ("lifespan_sum", 1), ("ph_dimension", 0))
APART = (
    "A value rises or falls where two 95 % intervals do not touch. That is stricter than a test at 5 % (Schenker & "
    "Gentleman 2001), the more so as both values are of the same images. Where they touch, a change is not shown; that "
    "does not say that there is none. Counts are not corrected for their number. Intervals of means over classes are "
    "Student's t over classes, of one cloud the delete-a-group jackknife's, of curves of several seeds Student's t "
    "over seeds; only the last tell how another training would differ."
)


class Measure(NamedTuple):
    """A descriptor and homology dimension; None for those without one."""

    descriptor: str
    degree: int | None

    def name(self) -> str:
        """Return what it is called in a sentence."""
        return measure(self.descriptor, self.degree)


def curves(table: "pandas.DataFrame") -> Iterator[tuple[Measure, "pandas.DataFrame"]]:
    """Yield each measure with its rows: of the mean over classes if every model has it, else of the whole cloud.

    What is constant whatever the data is left out.
    """
    keys = table[["descriptor", "homology_dimension"]].drop_duplicates()
    for descriptor, degree in keys.itertuples(index=False):
        found = Measure(str(descriptor), None if np.isnan(degree) else int(degree))
        same = table["homology_dimension"].isna() if found.degree is None else table["homology_dimension"] == degree
        rows = table[same & (table["descriptor"] == descriptor)]
        models = rows["model"].nunique()
        for cloud in SUMMARIES:
            own = rows[rows["class"] == cloud]
            if len(own) and own["model"].nunique() == models and tuple(found) not in descriptors.CONSTANT:
                yield found, own.sort_values("relative_depth", kind="stable")
                break


def foremost(measures: Iterable[Measure]) -> list[Measure]:
    """Return the measures that the sentences are about: E_0, E_1 and PH dimension, or else the first three."""
    known = list(dict.fromkeys(measures))
    return [measure for measure in known if tuple(measure) in FOREMOST] or known[: len(FOREMOST)]


def change(first: Mapping, last: Mapping, prefix: str = "") -> str:
    """Return one of ``CHANGES`` for two rows, by their intervals; ``prefix`` is that of the columns."""
    bounds = [row[f"{prefix}{bound}"] for row in (first, last) for bound in ("ci_low", "ci_high")]
    if not np.isfinite(bounds).all():
        return UNKNOWN
    first_low, first_high, last_low, last_high = bounds
    if last_low > first_high:
        return RISES
    return FALLS if last_high < first_low else UNCLEAR


def against_null(row: Mapping) -> str:
    """Return on which side of its null model a value lies: above, below, not shown, no interval."""
    low, high = row["relative_ci_low"], row["relative_ci_high"]
    if not np.isfinite([low, high]).all():
        return UNKNOWN
    return "above" if low > 1 else "below" if high < 1 else UNCLEAR


def told(counts: Mapping[str, int], where: str, names: Sequence[str], noun: str) -> str:
    """Return counts as words: ``falls in 3 and rises in 1 of 5 models``, and how many are not known."""
    text = f"{names[0]} {where} {counts[names[0]]} and {names[1]} {where} {counts[names[1]]} of "
    text += f"{sum(counts.values())} {noun}"
    missing = [f"{counts[name]} {name}" for name in (UNCLEAR, UNKNOWN) if counts[name]]
    return text + (f" ({', '.join(missing)})" if missing else "")


def count(values: Iterable[str]) -> Counter:
    """Return how often each value occurs; 0 for others."""
    return Counter(values)
