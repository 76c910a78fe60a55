"""What the numbers allow to be said of a descriptor, in one plain sentence that quotes them."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from topodepth.experiments.generalization import words
from topodepth.experiments.generalization.design import Scope
from topodepth.statistics.partial import DETERMINED_MEASURE, DETERMINED_TARGET
from topodepth.statistics.runs import FEWEST_EFFECTIVE, FEWEST_RUNS

CLASSES = ("beats rivals", "associated", "the sign turns", "explained by covariates", "no association shown",
           "cannot be said")  # fmt: skip
ALPHA = 0.05
FEWEST = 8  # models; of fewer, an association of any size may be chance
COMPARED = ("train_accuracy", "logit_spread")  # the rivals that a descriptor must beat


class Verdict(NamedTuple):
    """One of ``CLASSES`` and the sentence that gives its grounds."""

    kind: str
    sentence: str


def verdict(pooled: Mapping, row: Mapping, scope: Scope, everything: Scope) -> Verdict:
    """Return what can be said of a descriptor.

    * ``cannot be said``: fewer than eight models to compare, or, where models are snapshots, fewer than five training
      runs, or of an effective number below four; too few orders of the models for a p-value below 0.05;
      a descriptor or a target that is the same for all; or associated within blocks, and too few models for the partial
      correlation given the covariates;
    * ``no association shown``: neither within blocks nor pooled is the corrected p-value at most 0.05;
    * ``explained by covariates``: pooled it is, within blocks it is not; or it is within blocks, and the covariates
      determine the descriptor or the target, or the corrected p-value of the partial correlation is above 0.05;
    * ``the sign turns``: associated within blocks and given the covariates, in opposite directions;
    * ``beats rivals``: associated within blocks and given the covariates, and |τ| larger than that of training
      accuracy and of logit spread, both intervals above 0;
    * ``associated``: within blocks, but not all of the last; the sentence says if there was no covariate to be given.

    What is undefined is asked for before it is compared: no class follows from a comparison with NaN.

    Parameters
    ----------
    pooled, row
        Rows of ``associations.csv``: over all models, and over those of ``scope``.
    scope
        Within blocks, or all models where nothing is controlled.
    everything
        All models.
    """
    kind, grounds = _judged(pooled, row, scope, everything)
    return Verdict(kind, f"{kind}: {grounds}.")


def _judged(pooled: Mapping, row: Mapping, scope: Scope, everything: Scope) -> tuple[str, str]:
    """Return the class of the verdict and its grounds."""
    also = "" if scope is everything else f"; {everything.text}, {_tau(pooled)}"
    obstacle = _obstacle(row, scope)
    if obstacle:
        return "cannot be said", obstacle + also
    grounds = f"{scope.text}, {_tau(row)}"
    against = "; ".join(_against(row, rival) for rival in COMPARED) + _grid(pooled)
    if not _significant(row["p_corrected"]):
        if scope is everything or not _significant(pooled["p_corrected"]):
            return "no association shown", f"{grounds}{also}; {against}"
        owed = "which may all be owed to what the blocks hold equal"
        return "explained by covariates", f"{everything.text}, {_tau(pooled)}, {owed}: {grounds}; {against}"
    kind = _given_covariates(row)
    if kind == "associated" and _beats(row):
        kind = "beats rivals"
    return kind, f"{grounds}; {_partial(row)}; {against}"


def _significant(p_value: float) -> bool:
    """Tell whether there is a p-value, and it is at most 0.05."""
    return not math.isnan(p_value) and p_value <= ALPHA


def _obstacle(row: Mapping, scope: Scope) -> str:
    """Return why nothing can be said; empty if something can."""
    few = _few_runs(row)
    if few:
        return f"{scope.text}, {few}"
    if row["n"] < FEWEST:
        return f"{scope.text}, {row['n']} of them with a value; at least {FEWEST} are needed"
    if math.isnan(row["p_corrected"]):
        return f"{scope.text}, {row['reason'] or 'the test is undefined'}"
    if row["least_p"] > ALPHA:
        return f"{scope.text}, too few orders of the models are possible for a p-value below {ALPHA}"
    return ""


def _few_runs(row: Mapping) -> str:
    """Say that models are snapshots of too few runs; empty if they are not."""
    runs, effective = row.get("runs"), row.get("effective_runs")
    if runs is None or effective is None or (runs >= FEWEST_RUNS and effective >= FEWEST_EFFECTIVE):
        return ""
    counted = f"{runs} run{'s' if runs > 1 else ''}"
    needed = f"at least {FEWEST_RUNS} runs are needed"
    if runs >= FEWEST_RUNS:
        counted += f" that weigh like {effective:.1f} of equal length"
        needed = f"runs of more equal length are needed, that weigh like {FEWEST_EFFECTIVE} at least"
    return (
        f"{row['n']} of them with a value, snapshots of {counted}; snapshots of one run are not independent, so that a "
        f"run counts once, and {needed}"
    )


def _given_covariates(row: Mapping) -> str:
    """Return the class of what is associated within blocks, rivals aside, by what the covariates leave of it."""
    if not row.get("partial_given"):
        return "associated"
    if row["partial_reason"] or math.isnan(row["partial_corrected"]):
        determined = row["partial_reason"] in (DETERMINED_MEASURE, DETERMINED_TARGET)
        return "explained by covariates" if determined else "cannot be said"
    if not _significant(row["partial_corrected"]):
        return "explained by covariates"
    return "associated" if (row["partial"] > 0) == (row["kendall"] > 0) else "the sign turns"


def _beats(row: Mapping) -> bool:
    """Tell whether both rivals are known and beaten by an interval above 0."""
    lows = [row[f"beats_{rival}_low"] for rival in COMPARED]
    return not any(math.isnan(low) for low in lows) and min(lows) > 0


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _interval(row: Mapping, name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    bounds = "no interval" if math.isnan(low) else f"{_signed(low)} to {_signed(high)}"
    return f"{_signed(row[name])} ({bounds})"


def _tau(row: Mapping) -> str:
    if math.isnan(row["kendall"]):
        return "τ is undefined"
    return f"τ = {_interval(row, 'kendall')}, corrected p = {row['p_corrected']:.2g}"


def _partial(row: Mapping) -> str:
    """Say what is left once the covariates are given, and which of them could not be."""
    unknown = _listed(row.get("partial_unknown"))
    missing = f"; {unknown} could not be given, being unknown for some or all models" if unknown else ""
    if not row.get("partial_given"):
        return "no covariate is given" + (missing or ": there is none that differs between the models")
    given = f"given {_listed(row['partial_given'])}"
    determined = {DETERMINED_MEASURE: "this descriptor", DETERMINED_TARGET: "the target"}.get(row["partial_reason"])
    if determined:
        return f"{given}, nothing is left: they determine the order of the models by {determined}{missing}"
    if row["partial_reason"] or math.isnan(row["partial_corrected"]):
        return f"{given}, nothing can be said: {row['partial_reason'] or 'the test is undefined'}{missing}"
    chance = "" if _significant(row["partial_corrected"]) else ", which may be chance"
    numbers = f"partial r = {_interval(row, 'partial')}, corrected p = {row['partial_corrected']:.2g}"
    return f"{given}, {numbers}{chance}{missing}"


def _listed(columns: str | None) -> str:
    """Return names of columns in words."""
    return ", ".join(words.column(name) for name in columns.split(", ")) if columns else ""


def _against(row: Mapping, rival: str) -> str:
    name, text = f"beats_{rival}", words.column(rival)
    if math.isnan(row[name]):
        return f"whether it beats {text} cannot be said ({text} is unknown or the same for all)"
    if math.isnan(row[f"{name}_low"]):
        return f"whether it beats {text} cannot be said (no interval), |τ| differs by {_signed(row[name])}"
    outcome = "beats" if row[f"{name}_low"] > 0 else "is beaten by" if row[f"{name}_high"] < 0 else "not shown to beat"
    return f"{outcome} {text}, |τ| differs by {_interval(row, name)}"


def _grid(row: Mapping) -> str:
    psi = row.get("granulated", math.nan)
    if math.isnan(psi):
        return ""
    return f"; granulated Ψ = {_signed(psi)} with {row['cells_skipped']} cells of the grid skipped"
