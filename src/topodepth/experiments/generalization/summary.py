"""The page that says what a set of models shows: the answer, the measures it rests on, what else is worth saying."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from topodepth.experiments.generalization import words
from topodepth.experiments.generalization.records import STATED_TOLERANCE, in_doubt, only_stated
from topodepth.experiments.generalization.runs import snapshots_of_runs
from topodepth.experiments.generalization.verdicts import ALPHA, CLASSES, COMPARED
from topodepth.files import pages
from topodepth.statistics.runs import FEWEST_RUNS

if TYPE_CHECKING:
    import pandas

SHOWN = 20  # descriptors; the CSV has them all
NAMED = 3  # examples of anything
# what a class of verdict says of so many descriptors, where it is not the answer to the question itself
TOLD = {
    "associated": "{} with it, also once the covariates are given",
    "the sign turns": "{} with it, but in the opposite direction once the covariates are given",
    "explained by covariates": "{} with it only as far as covariates or blocks explain",
}
DEFINITIONS = (
    "τ: Kendall's τ-b, concordant minus discordant pairs of models over the number of pairs, corrected for ties "
    "(Kendall 1945); within blocks: pairs of models in the same block only. Pearson's r and Spearman's ρ stand beside "
    "it in associations.csv. Intervals: bootstrap over models, within blocks, bias-corrected and accelerated (Efron "
    "1987).",
    "Corrected p: the target permuted among models, within blocks (Good 2005), for all descriptors, layers, classes "
    "and versions tried, by the largest statistic of each permutation (Westfall & Young 1993); rivals are a family of "
    "their own.",
    "Partial r: correlation of the normal scores of measure and target without what functions of the covariates "
    "explain of them, with Fisher's interval (Fisher 1924); its corrected p permutes the target's residuals (Freedman "
    "& Lane 1983), for all descriptors in the same way.",
    "Ψ: granulated Kendall coefficient, the mean over axes of τ among models that differ in one hyper-parameter only "
    "(Jiang et al. 2020, Fantastic generalization measures and where to find them). cmi: conditional mutual "
    "information of the order of two models by measure and by target (Jiang et al. 2020, NeurIPS 2020 competition: "
    "Predicting generalization in deep learning).",
    "Sign error: share of pairs of models that the measure orders wrongly, mean and worst over environments: the "
    "groups, or where there is one only, the axes of the grid (Dziugaite et al. 2020, In search of robust measures of "
    "generalization). Held out: a line fitted to the other groups predicts the group left out.",
    "Over training accuracy, over logit spread: |τ| of the measure minus |τ| of the rival, with its interval. Verdicts "
    f"take each interval at 95 % and each corrected p at {ALPHA}.",
)


def summary_page(
    title: str,
    models: "pandas.DataFrame",
    associations: Sequence[Mapping],
    held_out: Sequence[Mapping],
    groups: str | None,
) -> str:
    """Return the page: the answer for each target, what it supposes, the tables, then the rest.

    Parameters
    ----------
    title
        Of the experiment.
    models
        The table of models.
    associations, held_out
        Rows of :func:`topodepth.experiments.generalization.associations.associate`.
    groups
        The column whose values are scopes and environments.
    """
    answers, tables, more = [], [], []
    for target in dict.fromkeys(row["target"] for row in associations):
        rows = [row for row in associations if row["target"] == target]
        answers.append(answer(target, rows))
        tables.append(_table(target, rows))
        more += [
            *_about_foremost(target, rows), *disagreements(rows, groups), *_about_rivals(target, rows),
            *_about_held_out(target, rows, [row for row in held_out if row["target"] == target], groups),
        ]  # fmt: skip
    said = [*answers, _about_independence(models), _about_models(models)]
    if groups and models[groups].nunique() < 2:
        said.append(f"All models have the same {words.column(groups)}: what holds for another one cannot be said.")
    return pages.page(title, said, tables, [*more, *DEFINITIONS])


def answer(target: str, rows: Sequence[Mapping]) -> str:
    """Return the sentence that answers the question: does a descriptor tell the target better than its rivals?"""
    ranked, noun = _ranked(rows, "descriptor"), words.TARGETS[target]
    if not ranked:
        return f"{noun.capitalize()}: no descriptor was measured."
    counts = {kind: sum(row["verdict_class"] == kind for row in ranked) for kind in CLASSES}
    unsaid, all_of_them = counts["cannot be said"], f"{len(ranked)} descriptor{'s' if len(ranked) > 1 else ''}"
    if unsaid == len(ranked):
        reason = ranked[0]["verdict"].partition(": ")[2]
        return f"{noun.capitalize()}: of none of {all_of_them} can anything be said ({reason.removesuffix('.')})."
    parts = [_better(noun, ranked, counts["beats rivals"], all_of_them)]
    parts += [
        template.format(f"{counts[kind]} go{'es' if counts[kind] == 1 else ''}")
        for kind, template in TOLD.items()
        if counts[kind]
    ]
    if counts["no association shown"]:
        parts.append(f"{counts['no association shown']} not shown to go with it")
    if unsaid:
        parts.append(f"of {unsaid} nothing can be said")
    return f"{'; '.join(parts)}."


def _better(noun: str, ranked: Sequence[Mapping], better: int, all_of_them: str) -> str:
    unknown = [rival for rival in COMPARED if all(math.isnan(row[f"beats_{rival}"]) for row in ranked)]
    if unknown:
        told = " and ".join(map(words.column, unknown))
        return (
            f"Whether any of {all_of_them} tells the {noun} better than {told} cannot be said, for {told} "
            f"{'are' if len(unknown) > 1 else 'is'} unknown or the same for all"
        )
    rivals = " and ".join(map(words.column, COMPARED))
    if not better:
        return f"None of {all_of_them} is shown to tell the {noun} better than {rivals}"
    first = ", ".join(words.measure(row) for row in ranked[: min(better, NAMED)])
    return f"{better} of {all_of_them} tell{'s' if better == 1 else ''} the {noun} better than {rivals} ({first})"


def _about_independence(models: "pandas.DataFrame") -> str:
    """Say what intervals and p-values take for independent of each other: the models, or the runs of snapshots."""
    runs = snapshots_of_runs(models)
    if not runs:
        return (
            f"Every interval and every p here takes the {len(models)} models for independent of each other. "
            "Snapshots of one training run are not, nor are copies of a model: with such models the intervals are too "
            "narrow and the p-values too small."
        )
    count, several, every = sum(map(len, runs)), "s" if len(runs) > 1 else "", models["run"].nunique()
    return (
        f"{count} of {len(models)} models are snapshots of {len(runs)} training run{several} (such as {runs[0][0]} and "
        f"{runs[0][-1]}). Snapshots of one run are not independent, so the run is the unit here: intervals draw whole "
        f"runs, permutations exchange whole runs, and what all runs have in common along the training is no evidence. "
        f"There are {every} runs, each model that is no snapshot being one; with fewer than {FEWEST_RUNS}, nothing "
        "can be said."
    )


def _about_models(models: "pandas.DataFrame") -> str:
    accuracy = models["test_accuracy"].dropna()
    if accuracy.empty:
        return f"{len(models)} models, none with a known test accuracy: nothing can be said of generalisation."
    text = f"{len(models)} models, test accuracy from {accuracy.min():.3f} to {accuracy.max():.3f}."
    stated = sum(only_stated(row) for row in models.to_dict("records"))
    if stated:
        text += f" The test accuracy of {stated} of them was not measured here: it is the one that their files state."
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


def _about_foremost(target: str, rows: Sequence[Mapping]) -> list[str]:
    """Return the verdict on the foremost descriptor, where there is more to say than that nothing was found."""
    ranked = _ranked(rows, "descriptor")
    if not ranked or ranked[0]["verdict_class"] in CLASSES[-2:]:
        return []
    best = ranked[0]
    return [f"{words.TARGETS[target].capitalize()}, the foremost descriptor, {words.measure(best)}: {best['verdict']}"]


def _about_rivals(target: str, rows: Sequence[Mapping]) -> list[str]:
    """Return which rivals are unknown; those that are known stand in the table."""
    silent = [words.measure(row) for row in _ranked(rows, "rival") if math.isnan(row["kendall"])]
    if not silent:
        return []
    return [f"{words.TARGETS[target].capitalize()}: unknown, or the same for all these models: {', '.join(silent)}."]


def _where(scope: str, groups: str | None = None) -> str:
    named = f"within {_group(groups, scope.removeprefix('group:'))}"
    return {"all": "pooled", "within": "within blocks"}.get(scope, named)


def _group(groups: str | None, label: object) -> str:
    """Return what a group is called: ``vgg``, ``label noise 0.2``."""
    return str(label) if groups in (None, "architecture", "entry") else f"{words.column(str(groups))} {label}"


def disagreements(rows: Sequence[Mapping], groups: str | None = None) -> list[str]:
    """Return one sentence on the descriptors whose scopes tell different stories; none if all agree.

    Two scopes differ if the τ of each lies outside the interval of the other. ``groups`` is the column of the groups.
    """
    by_measure: dict[str, list[Mapping]] = {}
    for row in rows:
        if row["kind"] == "descriptor" and not math.isnan(row["kendall_low"]):
            by_measure.setdefault(row["measure"], []).append(row)
    found = []
    for own in by_measure.values():
        pairs = [(a, b) for k, a in enumerate(own) for b in own[k + 1 :] if _outside(a, b) and _outside(b, a)]
        if pairs:
            a, b = max(pairs, key=lambda pair: abs(pair[0]["kendall"] - pair[1]["kendall"]))
            told = ", ".join(f"{_where(row['scope'], groups)} {_with_interval(row, 'kendall')}" for row in (a, b))
            found.append((-abs(a["kendall"] - b["kendall"]), f"{words.measure(a)}: {told}"))
    if not found:
        return []
    told = "; ".join(text for _, text in sorted(found)[:NAMED])
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
    told = ", ".join(
        f"{_group(groups, row['group'])} {row['rmse']:.2g} against {row['baseline_rmse']:.2g}" for row in own
    )
    return [
        f"A line through {words.measure(ranked[0])} of the other models predicts the {words.TARGETS[target]} of a "
        f"held-out {words.column(str(groups))} better than their mean does for {len(better)} of {len(own)} (root mean "
        f"square error: {told})."
    ]


def _table(target: str, rows: Sequence[Mapping]) -> pages.Table:
    """Return the table of the foremost descriptors and the rivals, without the columns that would stay empty."""
    descriptors, rivals = _ranked(rows, "descriptor"), _ranked(rows, "rival")
    pooled = {row["measure"]: row for row in rows if row["scope"] == "all"}
    shown = [*descriptors[:SHOWN], *(row for row in rivals if not math.isnan(row["kendall"]))]
    blocks = _main(rows) == "within"
    caption = f"{words.TARGETS[target].capitalize()}, {_where(_main(rows))}"
    if len(descriptors) > SHOWN:
        caption += f": the {SHOWN} foremost of {len(descriptors)} descriptors, and the rivals; all in associations.csv"
    cells = [_cells(row, pooled[row["measure"]], blocks) for row in shown]
    columns = [name for name in (cells[0] if cells else {}) if any(cell[name] != "" for cell in cells)]
    return pages.Table(caption, columns, [[cell[name] for name in columns] for cell in cells])


def _cells(row: Mapping, pooled: Mapping, blocks: bool) -> dict[str, object]:
    return {
        "measure": words.measure(row),
        **({"τ within blocks": _with_interval(row, "kendall"), "τ pooled": _number(pooled["kendall"])} if blocks
           else {"τ": _with_interval(row, "kendall")}),
        "corrected p": row["p_corrected"],
        "partial r": _with_interval(row, "partial"), "its corrected p": row.get("partial_corrected", ""),
        "Ψ": _number(pooled.get("granulated")),
        **{f"over {words.column(rival)}": _with_interval(row, f"beats_{rival}") for rival in COMPARED},
        "verdict": row.get("verdict_class", "rival"),
    }  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:+.2f}".replace("-", "−")


def _bounds(row: Mapping, name: str) -> str:
    low, high = row.get(f"{name}_low", math.nan), row.get(f"{name}_high", math.nan)
    return "" if math.isnan(low) else f"{_number(low)} to {_number(high)}"


def _with_interval(row: Mapping, name: str) -> str:
    value, bounds = _number(row.get(name)), _bounds(row, name)
    return f"{value} ({bounds})" if bounds else value
