"""What each kind of experiment did: a section for each."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from topodepth.experiments.methods.measured import SUMMARIES, diagrams, estimators
from topodepth.experiments.methods.run import Run, listed, named, times

ATTACKS = {
    "fgsm": "the fast gradient sign method [@goodfellow2015]",
    "bim": "the basic iterative method [@kurakin2017]",
    "pgd": "projected gradient descent [@madry2018]",
}
NORMS = {"linf": "L∞", "l2": "L2"}
SIMILARITIES = {
    "linear_cka_unbiased": "linear CKA with unbiased HSIC [@kornblith2019; @song2012]",
    "linear_cka_biased": "linear CKA [@kornblith2019]",
    "rbf_cka_unbiased": "RBF CKA with unbiased HSIC [@kornblith2019; @song2012]",
    "rbf_cka_biased": "RBF CKA [@kornblith2019]",
    "procrustes": "orthogonal Procrustes distance [@ding2021]",
    "mutual_knn": "mutual nearest neighbours [@huh2024]",
    "neighbour_overlap": "overlap of neighbours [@glielmo2022]",
    "rtd": "representation topology divergence [@barannikov2022]",
    "rtd_lite": "RTD-lite [@tulchinskii2025]",
    **{f"bottleneck_h{k}": f"bottleneck distance of H_{k} (GUDHI [@maria2014], Hera [@kerber2017])" for k in (0, 1)},
    **{f"sliced_wasserstein_h{k}": f"sliced Wasserstein distance of H_{k}" for k in (0, 1)},
}
LIMITED = re.compile(r"test on (\d+) points")  # in notes of a table of spoofs
Settings = Mapping[str, Any]


def depth(run: Run, each: Settings) -> Iterator[str]:
    """Yield what a comparison by depth did."""
    yield (
        f"Comparison `{each['name']}` follows every descriptor by relative depth in {named(each['models'])}, on "
        f"sample `{each['sample']}`."
    )
    if any(len(run.config["models"].get(name, {}).get("seeds", ())) > 1 for name in each["models"]):
        yield (
            "Networks that differ in their seed only are one curve: their mean, with a t interval over seeds "
            "[@student1908]."
        )


def dynamics(run: Run, each: Settings) -> Iterator[str]:
    """Yield what a look at trainings did."""
    table = run.table(f"dynamics/{each['name']}/dynamics.csv")
    epochs = sorted({int(epoch) for epoch in table["epoch"]})
    yield (
        f"The same descriptors were measured on snapshots of {named(each['models'])} after {listed(epochs)} "
        "epochs (0: untrained)."
    )


def generalization(run: Run, each: Settings) -> Iterator[str]:
    """Yield how measures were related to generalisation."""
    models = run.table(f"generalization/{each['name']}/models.csv")
    held = f", within blocks of equal {listed(each['controls'])}" if each["controls"] else ""
    yield f"Descriptors of {len(models)} networks ({named(each['models'])}) were related to {listed(each['targets'])}."
    if each["accuracy"] == "stated":
        yield "Architecture and test accuracy are those that the names of the files state."
    way = f"bootstrap interval (BCa, {each['resamples']} resamples) [@efron1987]"
    if "run" in models:
        way = f"interval of the bootstrap over runs ({each['resamples']} resamples, Student's quantiles) [@efron1987]"
        yield f"They are snapshots of {models['run'].nunique()} training runs; whole runs were resampled and permuted."
    yield (
        f"Kendall's τ-b [@kendall1945] has a 95 % {way} and a two-sided permutation test ({each['permutations']} "
        f"permutations{held}) [@phipson2010], corrected over all descriptors of a target by the maximum statistic "
        "[@westfall1993]."
    )
    if each["covariates"]:
        yield (
            f"Partial correlations of normal scores, given {listed(each['covariates'])} as far as these are "
            "known, were tested by "
            "permuted residuals [@freedman1983], corrected in the same way."
        )
    if any(len(values) > 1 for name in each["models"] for values in run.config["models"][name]["grid"].values()):
        yield (
            "The granulated Kendall coefficient compares networks that differ in one hyper-parameter only [@jiang2020]."
        )
    if any(_recorded(run, name) for name in each["models"]):
        yield "Trajectories of the weights along the training were measured too [@birdal2021; @tan2024]."


def _recorded(run: Run, name: str) -> bool:
    settings = run.config["models"][name]
    return bool(settings["architecture"] and settings["training"]["trajectory_every"])


def adversarial(run: Run, each: Settings) -> Iterator[str]:
    """Yield how networks were attacked."""
    of_torch = any(run.config["models"][name]["torch"] for name in each["models"])
    keras = any(not run.config["models"][name]["torch"] for name in each["models"])
    tools = [f"CleverHans{run.version('cleverhans')} [@papernot2018]"] * keras
    tools += [f"Foolbox{run.version('foolbox')} [@rauber2020]"] * of_torch
    attack, aim = ATTACKS.get(each["attack"], f"`{each['attack']}`"), "away from the network's own answer"
    aim = aim if each["target"] is None else f"towards class {each['target']}"
    steps = f" in {each['steps']} steps of {each['step_size']:g} ε" if each["attack"] in ("bim", "pgd") else ""
    yield (
        f"The attack on {named(each['models'])} was {attack}{steps}, as in {listed(tools)}, {aim}, with ε in "
        f"{NORMS[each['norm']]} of "
        f"{listed(f'{value:g}' for value in each['epsilons'])} "
        f"({'pixels from 0 to 1' if each['units'] == 'pixel' else 'standardised inputs'}) "
        f"beside the clean images of sample `{each['sample']}`."
    )
    yield (
        "Changes against the same images when clean have paired delete-a-group jackknife intervals "
        "[@tukey1958; @kott2001]; with those of the "
        "null model they were added in quadrature [@zou2008]."
    )
    yield (
        "Whether a value follows the attack was tested by Kendall's τ over the strengths with success and with "
        "F1 [@kendall1938], "
        "each at 2.5 %; layers and measures were tested one by one, without correction for their number."
    )


def spoofing(run: Run, each: Settings) -> Iterator[str]:
    """Yield how real images were compared with spoofs."""
    where = ["pixels"] * bool(each["pixels"]) + [f"the layers of {named(each['models'])}"] * bool(each["models"])
    table = run.table(f"spoofing/{each['name']}/spoofing.csv")
    points = sorted({int(n) for n in table["n_points"]})
    yield (
        f"Real and spoof images of `{each['dataset']}` were compared in {listed(where)}, on the "
        f"{listed(each['subsets'])} images, "
        f"{listed(points, 'or')} points in each of the two clouds."
    )
    topology, dimension = each["topology"], each["dimension"]
    keys = ("max_dim", "engine", "scaling")
    if not run.measures("topology") or any(topology[key] != run.config["topology"][key] for key in keys):
        yield from diagrams(run, topology)
    summaries = [SUMMARIES.get(name, f"`{name}`").format(**topology) for name in topology["descriptors"]]
    yield f"Of their diagrams {listed(summaries)} was taken; the null model was drawn {times(topology['null_draws'])}."
    if topology["jackknife_groups"]:
        groups = topology["jackknife_groups"]
        jackknife = f"the delete-a-group jackknife ({groups} groups) [@tukey1958; @kott2001]"
        yield f"Intervals of each cloud are those of {jackknife}."
    if run.measures("dimension") and dimension == run.config["dimension"]:
        yield "Intrinsic dimensions were estimated as above."
    elif dimension["estimators"]:
        yield from estimators(dimension, "Intrinsic dimensions were estimated")
    yield (
        "Differences have intervals that join those of both clouds [@zou2008], and a test by "
        f"{each['permutations']} permutations of "
        "the labels [@phipson2010], corrected over all layers and descriptors of a split and representation by "
        "the step-down "
        "maximum [@westfall1993; @ge2003]."
    )
    limits = {found for note in table["note"].dropna() for found in LIMITED.findall(note)}
    if limits:
        yield f"From H_1 on the test took at most {listed(sorted(limits))} points of each cloud."


def similarity(run: Run, each: Settings) -> Iterator[str]:
    """Yield how networks were compared with each other."""
    table = run.table(f"similarity/{each['name']}/similarity.csv")
    what = "Snapshots of the trainings of" if each["snapshots"] else "Layers of"
    measures = listed(SIMILARITIES.get(name, f"`{name}`") for name in each["measures"])
    yield f"{what} {named(each['models'])} were compared on {int(table['n_points'].max())} images by {measures}."
    if each["jackknife_groups"]:
        yield (
            "Intervals (95 %) are those of the delete-a-group jackknife over images "
            f"({each['jackknife_groups']} groups) [@tukey1958; @kott2001]."
        )
    if each["permutations"]:
        yield (
            f"Null values are means over {each['permutations']} orders of the images of one side, and as many "
            "within classes; "
            "p-values count them [@phipson2010] and are not corrected for the number of pairs."
        )


KINDS: Mapping[str, tuple[str, Callable[[Run, Settings], Iterator[str]]]] = {
    "depth": ("Comparison by depth", depth),
    "dynamics": ("Through training", dynamics),
    "generalization": ("Generalisation", generalization),
    "adversarial": ("Adversarial attacks", adversarial),
    "spoofing": ("Real and spoof images", spoofing),
    "similarity": ("Similarity of representations", similarity),
}
