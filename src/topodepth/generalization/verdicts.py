"""What the numbers allow to be said of a descriptor, in one plain sentence that quotes them."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from topodepth.generalization.design import Scope

CLASSES = ("beats rivals", "associated", "explained by covariates", "no association shown", "cannot be said")
ALPHA = 0.05
FEWEST = 8  # models; of fewer, an association of any size may be chance
# the rivals that a descriptor must beat
COMPARED = {"train_accuracy": "training accuracy", "logit_spread": "logit spread"}


class Verdict(NamedTuple):
    """One of ``CLASSES`` and the sentence that gives its grounds."""

    kind: str
    sentence: str


def verdict(pooled: Mapping, row: Mapping, scope: Scope, everything: Scope) -> Verdict:
    """Return what can be said of a descriptor.

    * ``cannot be said``: fewer than eight models to compare, blocks that allow no p-value below 0.05, a descriptor or
      a target that is the same for all;
    * ``no association shown``: neither within blocks nor pooled is the corrected p-value at most 0.05;
    * ``explained by covariates``: pooled it is, within blocks it is not; or it is within blocks, and the interval of
      the partial correlation holds 0;
    * ``beats rivals``: associated within blocks and given the covariates, and |τ| larger than that of training
      accuracy and of logit spread, both intervals above 0;
    * ``associated``: within blocks, but not all of the last; the sentence says if the models are too few for the
      partial correlation.

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
    if not row["p_corrected"] <= ALPHA:
        if scope is everything or not pooled["p_corrected"] <= ALPHA:
            return "no association shown", f"{grounds}{also}; {against}"
        owed = "which may all be owed to what the blocks hold equal"
        return "explained by covariates", f"{everything.text}, {_tau(pooled)}, {owed}: {grounds}; {against}"
    grounds += f"; {_partial(row)}"
    if row.get("partial_low", math.nan) <= 0 <= row.get("partial_high", math.nan):
        return "explained by covariates", f"{grounds}, which may be 0; {against}"
    # given the covariates it may be undefined, or of the opposite sign
    lasts = "partial_given" not in row or row["partial_low"] * row["kendall"] > 0
    beats = lasts and all(row[f"beats_{rival}_low"] > 0 for rival in COMPARED)
    return "beats rivals" if beats else "associated", f"{grounds}; {against}"


def _obstacle(row: Mapping, scope: Scope) -> str:
    """Return why nothing can be said; empty if something can."""
    if row["n"] < FEWEST:
        return f"{scope.text}, {row['n']} of them with a value; at least {FEWEST} are needed"
    if math.isnan(row["p_corrected"]):
        return f"{scope.text}, the descriptor or the target is the same for all"
    if _arrangements(scope.blocks) < 2 / ALPHA:
        return f"{scope.text}, too few orders of the models are possible for a p-value below {ALPHA}"
    return ""


def _arrangements(blocks: np.ndarray | None) -> float:
    """Return in how many orders the models can stand within their blocks."""
    if blocks is None:
        return math.inf  # at least eight models
    return math.exp(min(700, sum(math.lgamma(count + 1) for count in np.bincount(blocks))))


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
    if "partial_given" not in row:
        return "no covariate differs between the models"
    if math.isnan(row["partial"]):
        return f"a correlation given {row['partial_given']} cannot be computed"
    return f"given {row['partial_given']}, partial ρ = {_interval(row, 'partial')}"


def _against(row: Mapping, rival: str) -> str:
    name, text = f"beats_{rival}", COMPARED[rival]
    if math.isnan(row[name]):
        return f"whether it beats {text} cannot be said ({text} is unknown or the same for all)"
    outcome = "beats" if row[f"{name}_low"] > 0 else "is beaten by" if row[f"{name}_high"] < 0 else "not shown to beat"
    return f"{outcome} {text}, |τ| differs by {_interval(row, name)}"


def _grid(row: Mapping) -> str:
    psi = row.get("granulated", math.nan)
    if math.isnan(psi):
        return ""
    return f"; granulated Ψ = {_signed(psi)} with {row['cells_skipped']} cells of the grid skipped"
