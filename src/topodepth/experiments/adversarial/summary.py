"""The page of one attack: the answer in a sentence, a table by measure, and what says more than the table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from topodepth.experiments.adversarial.comparison import most_successful
from topodepth.experiments.adversarial.verdicts import DIRECTIONS, FEWEST, VERDICTS, cloud, reached
from topodepth.files import pages
from topodepth.tables.rows import SUMMARIES, measure

if TYPE_CHECKING:
    import pandas

LEAST_SUCCESS = 0.05  # a smaller rise of the success rate is called no success
CHANCE = 0.05  # of the tests: so many may show a direction where there is none
SHOWN = 3  # sentences of single layers
LISTED = (
    "layer", "class", "measure", "percent", "percent_ci_low", "percent_ci_high",
    "kendall_success", "kendall_success_p", "kendall_f1", "kendall_f1_p", "verdict",
)  # fmt: skip
METHOD = (
    "Change: where the success rate is highest against the clean images, in percent of the clean value, with the 95 % "
    "interval of the jackknife over groups of the same images (all images) or over classes (mean), on the scale of "
    "logarithms. Relative to the null model, the chance of its draws is added (a jackknife over draws); a single draw "
    "cannot tell it, so there is no interval. An interval that no group moves is none either.",
    "τ: Kendall's rank correlation over the strengths, ε = 0 included. p: the share of all orders of the strengths "
    "with at least this |τ|, two-sided. It tells whether values follow the attack, for this model and these images.",
    "A direction (more complex, simpler) needs an interval of the change that excludes 0, and p of at most 0.025 with "
    "success or with F1 (half of 5 %, for there are two tests), in the same direction. Four strengths cannot reach it: "
    "their smallest p is 2/4! = 0.083. Layers and measures are tested one by one, without correction for their number. "
    "The peak of the Betti curve of H_0 is always the number of points and is left out.",
)


def answer(metrics: "pandas.DataFrame", trends: Sequence[Mapping]) -> list[str]:
    """Return the paragraphs above the tables: the answer, how far the attack came, and the largest changes shown.

    Parameters
    ----------
    metrics
        One row for each strength, in ascending order of ε.
    trends
        Rows of the trends, with the columns ``TREND_COLUMNS``.
    """
    rows = [row for row in trends if row["class"] in SUMMARIES]
    told = [_answer(rows), _success(metrics)]
    shown = [row for row in rows if row["verdict"] in DIRECTIONS]
    shown.sort(key=lambda row: -abs(np.log1p(max(row["percent"], -99.9) / 100)))
    if shown:
        told.append(f"The largest changes with a direction ({min(SHOWN, len(shown))} of {len(shown)}):")
    return [*told, *(row["sentence"] for row in shown[:SHOWN])]


def tables_of(metrics: "pandas.DataFrame", trends: Sequence[Mapping]) -> list[pages.Table]:
    """Return the tables of the page: by measure, the attack itself, and every layer."""
    told = [
        {**row, "measure": measure(row["descriptor"], row["homology_dimension"], row["version"])}
        for row in trends
        if row["class"] in SUMMARIES
    ]
    return [
        _by_measure(told),
        pages.Table("The attack", list(metrics.columns), metrics.to_numpy().tolist()),
        pages.Table("Change and rank tests by layer", LISTED, [[row[key] for key in LISTED] for row in told]),
    ]


def _answer(rows: Sequence[Mapping]) -> str:
    counts = Counter(row["verdict"] for row in rows)
    layers = len({row["layer"] for row in rows})
    tests = sum(count for name, count in counts.items() if name != "not tested")
    about = f"{_count(tests, 'test')} ({_count(layers, 'layer')}, the measures of the table below)"
    if not tests:
        return "Nothing could be tested: no measure has an interval for its change."
    if counts["too few strengths"] and not any(counts[name] for name in DIRECTIONS):
        return (
            f"Too few strengths to tell whether topology follows the attack: at least {FEWEST} are needed that differ "
            f"in success, ε = 0 among them. By {counts['too few strengths']} of {about} it differs from that of the "
            "clean images where success is highest."
        )
    more, less = (counts[name] for name in DIRECTIONS)
    if not more and not less:
        return f"No direction is shown: by none of {about} topology becomes simpler or more complex with the attack."
    if more + less <= CHANCE * tests:
        return (
            f"No direction is shown: of {about} {more} say more complex and {less} simpler, no more than chance gives."
        )
    end = "" if not (more and less) else " There is no one answer for all layers and measures."
    return (
        f"As the attack succeeds, topology becomes more complex by {more} and simpler by {less} of {about}, "
        f"which are not corrected for their number.{end}"
    )


def _success(metrics: "pandas.DataFrame") -> str:
    clean, attacked = metrics.iloc[0], metrics.iloc[most_successful(metrics)]
    text = f"The attack: {reached(clean, attacked)}, {len(metrics)} strengths with ε = 0."
    if np.isnan([clean["success_rate"], attacked["success_rate"]]).any():
        return f"{text} Its success rate is undefined, so F1 alone tells how far it came."
    if attacked["success_rate"] - clean["success_rate"] >= LEAST_SUCCESS:
        return text
    return f"{text} It hardly succeeds, so this page says little of successful attacks."


def _by_measure(told: Sequence[Mapping]) -> pages.Table:
    """Return a row for each measure: how many layers have each verdict, and what the last layer's is."""
    groups: dict[tuple[str, str], list[Mapping]] = {}
    for row in told:
        groups.setdefault((row["measure"], cloud(row)), []).append(row)
    rows = []
    for (text, images), members in groups.items():
        counts, last = Counter(row["verdict"] for row in members), members[-1]
        rows.append([
            text, images, len(members), *(counts[name] or None for name in VERDICTS), last["layer"],
            last["percent"], last["percent_ci_low"], last["percent_ci_high"], last["kendall_success"],
            last["kendall_success_p"],
        ])  # fmt: skip
    columns = ["measure", "cloud", "layers", *VERDICTS, "last layer", "its change, %", "95 % low", "high",
               "τ with success", "p"]  # fmt: skip
    return pages.Table("Layers by verdict, and the last layer", columns, rows)


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'s' if number != 1 else ''}"
