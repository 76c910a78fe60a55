"""What was measured, of what, and how: the sections that experiments share."""

from collections.abc import Iterator, Mapping
from typing import Any

from topodepth.experiments.methods.run import Run, listed, named, span, times
from topodepth.tables.rows import OF_SCALE, of_scale

SPLITS = {"train+validation": "training (with validation)", "train": "training"}
CLOUDS = {
    "class": "the images of each class",
    "all": "all these images",
    "both": "all these images, and of those of each class",
}
SUMMARIES = {
    "lifespan_sum": (
        "the lifespan sum E = w Σ (death − birth)^α over finite bars, α = {alpha:g} and w = {weight:g} [@magai2022]"
    ),
    "persistent_entropy": "persistent entropy [@chintakunta2015]",
    "longest_bar": "the length of the longest finite bar",
    "betti_peak": "the peak of the Betti curve [@edelsbrunner2010]",
}
ESTIMATORS = {
    "two_nn": "TwoNN [@facco2017]",
    "mle": "maximum likelihood [@levina2004; @mackay2005]",
}
ENGINES = {
    "redzed": ("redzed-tda", "RedZeD", "kapulkin2026"),
    "gudhi": ("gudhi", "GUDHI", "maria2014"),
}


def data(run: Run) -> Iterator[str]:
    """Yield what is said of data sets and networks."""
    models = [name for name in run.entries if name in run.config["models"]]
    spoofs = [each["dataset"] for each in run.experiments("spoofing")]
    for name in dict.fromkeys([*(run.config["models"][model]["dataset"] for model in models), *spoofs]):
        settings = run.config["datasets"][name]
        size = f", resized to {settings['size']} × {settings['size']} pixels" if settings["size"] else ""
        yield (
            f"Data set `{name}` was read by the loader `{settings['loader']}`{size}; a share of "
            f"{settings['validation']:g} "
            f"of its training images was set aside for validation (seed {run.seed(settings)})."
        )
    yield from _networks(run, models)
    brought = [name for name in run.entries if name in run.config["activations"]]
    if brought:
        yield f"Activations of {named(brought)} were computed elsewhere and read from files."
    found = [run.table(path) for path in run.record["tables"] if path.endswith("/accuracy.csv")]
    known = [value for table in found for value in table["accuracy"].dropna()]
    if known:
        yield (
            f"Their accuracy on the very images that were measured was {span(known, '.3f')}; its 95 % "
            "interval is that of "
            "Clopper and Pearson [@clopper1934]."
        )


def _networks(run: Run, names: list[str]) -> Iterator[str]:
    """Yield what is said of networks; those that were trained alike share a sentence."""
    trained: dict[str, list[str]] = {}
    for name in names:
        settings = run.config["models"][name]
        source = next((settings[key] for key in ("file", "directory", "asset", "torch") if settings[key]), None)
        if source:
            yield f"Network `{name}` was not trained here; it was read from `{source}`."
            continue
        keys = ("architecture", "width", "depth", "activation")
        shape = [f"{key} {settings[key]}" for key in keys if settings[key] is not None]
        trained.setdefault(_training(run, settings), []).append(f"`{name}` ({', '.join(shape)})")
    for told, several in trained.items():
        yield f"Network{'s' * (len(several) > 1)} {listed(several)} {'were' if several[1:] else 'was'} trained {told}."


def _training(run: Run, settings: Mapping[str, Any]) -> str:
    training, own = settings["training"], "the architecture's own"
    seeds = settings["seeds"] or [run.seed(settings)]
    grid = [f"{axis} ({listed(values, 'or')})" for axis, values in settings["grid"].items()]
    extra = [word for word, key in (("random augmentation", "augment"), ("horizontal flips", "flip")) if training[key]]
    extra += [f"wrong labels for a share of {training['label_noise']:g}"] if training["label_noise"] else []
    extra += [f"{training['images']} training images"] if training["images"] else []
    first = training["random_label_epochs"]
    extra += [f"{first} epochs on random labels before [@tan2024]"] if first else []
    return (
        f"on `{settings['dataset']}`{f', once for each combination of {listed(grid)}' if grid else ''}, with "
        f"seed{'s' * (len(seeds) > 1)} {listed(seeds)}: optimiser {training['optimizer'] or own}, at most "
        f"{training['epochs']} epochs, {training['batch_size']} images a step, first learning rate "
        f"{training['learning_rate']:g}, reduced by √0.1 after {training['plateau_patience']} epochs without a better "
        f"validation loss{f', with {listed(extra)}' if extra else ''}"
    )


def images(run: Run) -> Iterator[str]:
    """Yield what is said of the images and layers that are measured."""
    for name in run.samples:
        settings = run.config["samples"][name]
        drawn = {"random": f"drawn at random (seed {run.seed(settings)})", "first": "the first ones"}
        count = "all images" if settings["images"] is None else f"at most {settings['images']} images"
        most = "" if settings["points"] is None else f", each of at most {settings['points']} points"
        yield (
            f"Sample `{name}`: {count} of the {SPLITS.get(settings['split'], settings['split'])} split, "
            f"{drawn.get(settings['indices'], 'as a file lists them')}, the same for all networks on one data set."
        )
        if run.measures("topology"):
            yield f"Point clouds for persistent homology were the activations of {CLOUDS[settings['clouds']]}{most}."
    if any(name in run.config["models"] for name in run.entries):
        yield "The output of each layer, averaged over space where it has spatial axes, is one point for each image."
    for each in run.experiments("depth"):
        table = run.table(f"depth/{each['name']}/depth.csv")
        layers = table.groupby("model")["layer"].nunique()
        yield f"In comparison `{each['name']}` {span(layers)} layers of each network were tapped."


def homology(run: Run) -> Iterator[str]:
    """Yield what is said of persistence diagrams, their descriptors and intervals."""
    topology = run.config["topology"]
    clouds = {run.config["samples"][name]["clouds"] for name in run.samples}
    if topology["scaling"] == "minmax":
        yield "Each feature was scaled to [0, 1] over the sample."
    yield from diagrams(run, topology)
    summaries = [SUMMARIES.get(name, f"`{name}`").format(**topology) for name in topology["descriptors"]]
    yield f"Each diagram was summarised by {listed(summaries)}."
    if topology["null_draws"]:
        yield (
            f"The null model permutes each feature independently within the cloud; {topology['null_draws']} "
            "draws of it went "
            "through the same computation, and values relative to it are ratios to their mean."
        )
    if "class" in clouds or "both" in clouds:
        ratios = "; that of their ratios to the null model by the delta method [@oehlert1992]"
        yield (
            "Values of classes were averaged, with a 95 % interval of Student's t over the classes [@student1908]"
            f"{ratios if topology['null_draws'] else ''}."
        )
    if clouds & {"all", "both"} and topology["jackknife_groups"]:
        yield (
            "Values of clouds of all images have a 95 % interval of the delete-a-group jackknife "
            f"({topology['jackknife_groups']} groups) [@tukey1958; @kott2001]."
        )


def diagrams(run: Run, topology: Mapping[str, Any]) -> Iterator[str]:
    """Yield what computed the diagrams."""
    high = topology["max_dim"]
    degrees = "H_0" if not high else f"H_0 to H_{high}"
    told = (
        f"Persistence diagrams of the Vietoris–Rips filtration by Euclidean distance, {degrees} over the field "
        "of two elements"
    )
    engine = topology["engine"]
    if engine == "ripser":
        yield (
            f"{told} [@edelsbrunner2010], were computed by Ripser [@bauer2021; @tralie2018] "
            f"(ripser.py{run.version('ripser')})."
        )
        return
    if engine == "auto" and not high:
        yield f"{told} [@edelsbrunner2010], were computed from the minimum spanning tree."
        return
    engine = engine if engine != "auto" else "redzed" if high == 1 and run.version("redzed-tda") else "gudhi"
    package, name, key = ENGINES[engine]
    yield f"{told} [@edelsbrunner2010], were computed by {name}{run.version(package)} [@{key}]."


def dimension(run: Run) -> Iterator[str]:
    """Yield what is said of intrinsic dimension."""
    yield from estimators(
        run.config["dimension"], "The intrinsic dimension of each layer was estimated on all images of the sample"
    )


def estimators(settings: Mapping[str, Any], told: str) -> Iterator[str]:
    """Yield how dimensions were estimated."""
    orders = [name.removeprefix(OF_SCALE) for name in settings["estimators"] if of_scale(name)]
    growth = (
        f"PH dimension, α/(1 − m) of the slope m of log E_0^α against log n, α = {settings['alpha']:g}, "
        f"{settings['draws']} "
        "subsamples of each size [@schweinhart2020; @adams2020; @jaquette2020]"
    )
    known = ESTIMATORS | {"ph_dimension": growth}
    ways = [known.get(name, f"`{name}`") for name in settings["estimators"] if not of_scale(name)]
    ways += [f"GRIDE of order {listed(orders)} [@denti2022]"] if orders else []
    scaled = "features scaled to [0, 1]" if settings["scaling"] == "minmax" else "features not scaled"
    yield f"{told} ({scaled}) by {listed(ways)}."
    yield (
        "Points that repeat others within rounding count once. Intervals (95 %) come from disjoint random "
        "parts of the sample."
    )
    yield "They do not cover the bias of an estimator, which calibration curves on cubes, Gaussians and spheres give."
    if settings["null_draws"]:
        yield f"The null model of it was drawn {times(settings['null_draws'])}."
