"""The page that says what a set of models shows: sentences, the measures they rest on, definitions with sources."""

import math
from collections.abc import Mapping, Sequence

from topodepth import pages
from topodepth.generalization.records import STATED_TOLERANCE, in_doubt, only_stated
from topodepth.generalization.verdicts import ALPHA, CLASSES

SHOWN = 20  # descriptors; the CSV has them all
COLUMNS = ("measure", "pooled τ", "within τ", "95 % interval", "p", "corrected p", "partial ρ", "Ψ",
           "over train accuracy", "over logit spread", "verdict")  # fmt: skip
NOUNS = {"test_error": "test error", "gap": "generalisation gap", "loss_gap": "gap of the losses",
         "test_accuracy": "test accuracy", "test_loss": "test loss"}  # fmt: skip
DEFINITIONS = (
    "τ: Kendall's τ-b, concordant minus discordant pairs of models over the number of pairs, corrected for ties "
    "(Kendall 1945); within: pairs of models in the same block only. Pearson's r and Spearman's ρ stand beside it in "
    "associations.csv. Intervals: bootstrap over models, within blocks, bias-corrected and accelerated (Efron 1987).",
    "p: the target permuted among models, within blocks (Good 2005). Corrected p: for all descriptors, layers, classes "
    "and versions tried, by the largest statistic of each permutation (Westfall & Young 1993); rivals are a family of "
    "their own.",
    "Partial ρ: Spearman's correlation of what the covariates leave of the measure and of the target.",
    "Ψ: granulated Kendall coefficient, the mean over axes of τ among models that differ in one hyper-parameter only "
    "(Jiang et al. 2020, Fantastic generalization measures and where to find them). cmi: conditional mutual "
    "information of the order of two models by measure and by target (Jiang et al. 2020, NeurIPS 2020 competition: "
    "Predicting generalization in deep learning).",
    "Sign error: share of pairs of models that the measure orders wrongly, mean and worst over environments: the "
    "groups, or where there is one only, the axes of the grid (Dziugaite et al. 2020, In search of robust measures of "
    "generalization). Held out: a line fitted to the other groups predicts the group left out.",
    "Over train accuracy, over logit spread: |τ| of the measure minus |τ| of the rival, with its interval. Verdicts "
    f"take each interval at 95 % and each corrected p at {ALPHA}.",
)


def summary(
    title: str,
    models: "pandas.DataFrame",  # noqa: F821
    associations: Sequence[Mapping],
    held_out: Sequence[Mapping],
    groups: str | None,
) -> str:
    """Return the page.

    Parameters
    ----------
    title
        Of the experiment.
    models
        The table of models.
    associations, held_out
        Rows of :func:`topodepth.generalization.associations.associate`.
    groups
        The column whose values are scopes and environments.
    """
    sentences, tables = [_about_models(models)], []
    if groups and models[groups].nunique() < 2:
        sentences.append(f"All models have the same {groups}: what holds for another one cannot be said.")
    for target in dict.fromkeys(row["target"] for row in associations):
        rows = [row for row in associations if row["target"] == target]
        sentences += [
            *_about_verdicts(target, rows), *_about_rivals(target, rows), *disagreements(rows),
            *_about_held_out(target, rows, [row for row in held_out if row["target"] == target], groups),
        ]  # fmt: skip
        tables.append(_table(target, rows))
    return pages.page(title, sentences, tables, DEFINITIONS)


def _about_models(models: "pandas.DataFrame") -> str:  # noqa: F821
    accuracy = models["test_accuracy"].dropna()
    if accuracy.empty:
        return f"{len(models)} models, none with a known test accuracy: nothing can be said of generalisation."
    text = f"{len(models)} models, test accuracy from {accuracy.min():.3f} to {accuracy.max():.3f}"
    stated = sum(only_stated(row) for row in models.to_dict("records"))
    text += f", of {stated} as their files state it, not measured." if stated else "."
    differing = models.loc[models["stated_difference"].abs() > STATED_TOLERANCE, "model"]
    if len(differing):
        text += f" Stated and measured accuracy differ by more than {STATED_TOLERANCE} for {', '.join(differing)}."
    doubted = [row["model"] for row in models.to_dict("records") if in_doubt(row)]
    if doubted:
        text += (
            f" {', '.join(doubted)}: the measured images are classified much worse than the files state; "
            "is `normalisation` what they were trained with?"
        )
    return text


def _main(rows: Sequence[Mapping]) -> str:
    """Return the scope that verdicts are about: within blocks, or all where there are none."""
    return "within" if any(row["scope"] == "within" for row in rows) else "all"


def _ranked(rows: Sequence[Mapping], kind: str) -> list[Mapping]:
    """Return the rows of one kind in the main scope, best first; a class of verdict stands before the next."""
    main = _main(rows)
    own = [row for row in rows if row["scope"] == main and row["kind"] == kind]

    def place(row: Mapping) -> tuple:
        known = not math.isnan(row["p_corrected"])
        grade = CLASSES.index(row["verdict_class"]) if kind == "descriptor" else 0
        return grade, not known, row["p_corrected"] if known else 0.0, -abs(row["kendall"]) if known else 0.0

    return sorted(own, key=place)


def _about_verdicts(target: str, rows: Sequence[Mapping]) -> list[str]:
    ranked = _ranked(rows, "descriptor")
    if not ranked:
        return [f"{NOUNS[target].capitalize()}: no descriptor was measured."]
    counts = {kind: sum(row["verdict_class"] == kind for row in ranked) for kind in CLASSES}
    told = ", ".join(f"{kind}: {count}" for kind, count in counts.items() if count)
    best = ranked[0]
    return [
        f"{NOUNS[target].capitalize()}: of {len(ranked)} measures of topology and dimension, {told}.",
        f"The foremost of them, {best['measure']}: {best['verdict']}",
    ]


def _about_rivals(target: str, rows: Sequence[Mapping]) -> list[str]:
    rivals = _ranked(rows, "rival")
    told = [f"{row['measure']} {_number(row['kendall'])}" for row in rivals if not math.isnan(row["kendall"])]
    silent = [row["measure"] for row in rivals if math.isnan(row["kendall"])]
    text = (
        f"For comparison, τ of the rivals with the {NOUNS[target]}, {_where(_main(rows))}: {', '.join(told) or 'none'}."
    )
    if silent:
        text += f" Unknown, or the same for all these models: {', '.join(silent)}."
    return [text]


def _where(scope: str) -> str:
    return {"all": "pooled", "within": "within blocks"}.get(scope, f"within {scope.removeprefix('group:')}")


def disagreements(rows: Sequence[Mapping]) -> list[str]:
    """Return one sentence on the descriptors whose scopes tell different stories; none if all agree.

    Two scopes differ if the τ of each lies outside the interval of the other.
    """
    by_measure: dict[str, list[Mapping]] = {}
    for row in rows:
        if row["kind"] == "descriptor" and not math.isnan(row["kendall_low"]):
            by_measure.setdefault(row["measure"], []).append(row)
    found = []
    for measure, own in by_measure.items():
        pairs = [(a, b) for k, a in enumerate(own) for b in own[k + 1 :] if _outside(a, b) and _outside(b, a)]
        if pairs:
            a, b = max(pairs, key=lambda pair: abs(pair[0]["kendall"] - pair[1]["kendall"]))
            told = ", ".join(f"{_where(row['scope'])} {_with_interval(row, 'kendall')}" for row in (a, b))
            found.append((-abs(a["kendall"] - b["kendall"]), f"{measure}: {told}"))
    if not found:
        return []
    told = "; ".join(text for _, text in sorted(found)[:3])
    return [
        f"The answer depends on which models are compared for {len(found)} of {len(by_measure)} measures, most for "
        f"{told}."
    ]


def _outside(row: Mapping, other: Mapping) -> bool:
    return not other["kendall_low"] <= row["kendall"] <= other["kendall_high"]


def _about_held_out(target: str, rows: Sequence[Mapping], held_out: Sequence[Mapping], groups: str | None) -> list[str]:
    ranked = _ranked(rows, "descriptor")
    own = [row for row in held_out if ranked and row["measure"] == ranked[0]["measure"]]
    own = [row for row in own if not math.isnan(row["rmse"])]
    if not own:
        return []
    better = [row["group"] for row in own if row["rmse"] < row["baseline_rmse"]]
    told = ", ".join(f"{row['group']} {row['rmse']:.2g} against {row['baseline_rmse']:.2g}" for row in own)
    return [
        f"A line through {own[0]['measure']} of the other models predicts the {NOUNS[target]} of a held-out {groups} "
        f"better than their mean does for {len(better)} of {len(own)} (root mean square error: {told})."
    ]


def _table(target: str, rows: Sequence[Mapping]) -> pages.Table:
    descriptors, rivals = _ranked(rows, "descriptor"), _ranked(rows, "rival")
    pooled = {row["measure"]: row for row in rows if row["scope"] == "all"}
    shown = [*descriptors[:SHOWN], *(row for row in rivals if not math.isnan(row["kendall"]))]
    caption = f"{NOUNS[target].capitalize()}, {_where(_main(rows))}"
    if len(descriptors) > SHOWN:
        caption += f": the {SHOWN} foremost of {len(descriptors)} descriptors, and the rivals; all in associations.csv"
    return pages.Table(caption, COLUMNS, [_cells(row, pooled[row["measure"]]) for row in shown])


def _cells(row: Mapping, pooled: Mapping) -> list[object]:
    return [
        row["measure"], _number(pooled["kendall"]), _number(row["kendall"]), _bounds(row, "kendall"),
        row["p_value"], row["p_corrected"], _with_interval(row, "partial"), _number(pooled.get("granulated")),
        _with_interval(row, "beats_train_accuracy"), _with_interval(row, "beats_logit_spread"),
        row.get("verdict_class", "rival"),
    ]  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:+.2f}".replace("-", "−")


def _bounds(row: Mapping, name: str) -> str:
    low, high = row.get(f"{name}_low", math.nan), row.get(f"{name}_high", math.nan)
    return "" if math.isnan(low) else f"{_number(low)} to {_number(high)}"


def _with_interval(row: Mapping, name: str) -> str:
    value, bounds = _number(row.get(name)), _bounds(row, name)
    return f"{value} ({bounds})" if bounds else value
