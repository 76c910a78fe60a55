# What the rules share: the checked configuration, the models it asks for, digests of the code behind each script.
import json
import os
import re
import shlex
import sys
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir, "src")))

from topodepth import architectures, configuration, datasets, plan, provenance, storage
from topodepth.errors import InputError

SCRIPTS = Path(workflow.basedir, "workflow/scripts")

try:
    config = configuration.complete(config, Path(workflow.basedir, "workflow/schemas/config.schema.yaml"))
    COMPARISONS = {item["name"]: item for item in config["experiments"].get("depth", [])}
    DYNAMICS = {item["name"]: item for item in config["experiments"].get("dynamics", [])}
    # the models behind each entry that an experiment selects, and the snapshots behind each trained one
    ENTRIES = plan.models(
        config, {model for item in [*COMPARISONS.values(), *DYNAMICS.values()] for model in item["models"]}
    )
    SNAPSHOTS = {
        model.name: plan.snapshots(model)
        for item in DYNAMICS.values()
        for entry in item["models"]
        for model in ENTRIES[entry][:1]  # of several seeds, the first
    }
except InputError as error:
    sys.exit(f"error: {error}")

MODELS = {model.name: model for group in [*ENTRIES.values(), *SNAPSHOTS.values()] for model in group}
TRAINED = [name for name, model in MODELS.items() if model.kind == "trained"]


pathvars:
    results=f"results/{config['run']}",
    logs=f"results/{config['run']}/logs",
    depth=f"results/{config['run']}/depth/{{comparison}}",
    dynamics=f"results/{config['run']}/dynamics/{{dynamics}}",


# Jobs find the scripts, the library and this Python whether or not an environment is active; conda environments bring
# their own Python.
environment = {"SCRIPTS": SCRIPTS, "PYTHONPATH": Path(workflow.basedir, "src")}
exports = [f"export {name}={shlex.quote(str(path))}; " for name, path in environment.items()]
if not workflow.deployment_settings.deployment_method:
    exports.append(f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; ")
shell.prefix("".join(exports))


def one_of(names):
    """A wildcard that stands for one of these names and for nothing else."""
    return "|".join(map(re.escape, names)) or "none"


wildcard_constraints:
    dataset=one_of(config["datasets"]),
    model=one_of(MODELS),
    sample=one_of(config["samples"]),
    comparison=one_of(COMPARISONS),
    dynamics=one_of(DYNAMICS),
    layer="[A-Za-z0-9_@.-]+",


@cache
def code(script, *modules):
    """Digest of the logic of a script, of all it imports, and of modules it loads by name."""
    return provenance.code_digest(SCRIPTS / script, modules)


def as_json(settings):
    """Settings as one canonical text: the same settings always give the same text."""
    return json.dumps(settings, sort_keys=True, separators=(",", ":"))


def pick(settings, *keys):
    return {key: settings[key] for key in keys}


def seed_of(settings):
    return config["seed"] if settings["seed"] is None else settings["seed"]


def of_model(wildcards):
    """The configuration of a model."""
    return MODELS[wildcards.model].settings


# assets and data sets


def asset_path(name):
    """What a user of an asset reads: the file, or the folder of an archive's contents."""
    asset = config["assets"][name]
    return f"resources/{name}" if asset["unpack"] else f"resources/{asset['file']}"


def asset_of_file(wildcards):
    return next(name for name, asset in config["assets"].items() if asset["file"] == wildcards.file)


def dataset_inputs(wildcards):
    dataset = config["datasets"][wildcards.dataset]
    return ([dataset["source"]] if dataset["source"] else []) + [asset_path(name) for name in dataset["assets"]]


def dataset_source(wildcards):
    """The one path that the loader gets: the source, the asset, or the folder of several assets."""
    paths = dataset_inputs(wildcards)
    if len(paths) > 1:
        return os.path.dirname(paths[0])
    return paths[0] if paths else ""


def dataset_file(wildcards):
    return f"<results>/datasets/{of_model(wildcards)['dataset']}.h5"


def sample_file(wildcards):
    return f"<results>/samples/{of_model(wildcards)['dataset']}/{wildcards.sample}.csv"


# models and activations


def model_settings(wildcards):
    settings = pick(of_model(wildcards), "architecture", "activation", "width", "normalisation", "training")
    return as_json(settings | {"seed": MODELS[wildcards.model].seed})


def model_file(wildcards):
    model = MODELS[wildcards.model]
    if model.kind == "trained":
        return f"<results>/models/{model.name}/model.keras"
    return f"<results>/models/{model.base}/snapshots" if model.kind == "snapshot" else model.path


def keras_file(wildcards, input):
    """The Keras file itself: a snapshot lies in the folder that its training makes."""
    model = MODELS[wildcards.model]
    return f"{input.model}/{model.epoch:04d}.keras" if model.kind == "snapshot" else str(input.model)


def metrics_file(name):
    return f"<results>/{'models' if MODELS[name].kind == 'trained' else 'evaluations'}/{name}/metrics.json"


def trust_flag(wildcards):
    return "--trust" if of_model(wildcards)["trust"] else ""


def activations_file(model, sample):
    if MODELS[model].kind == "activations":
        return MODELS[model].path
    return f"<results>/activations/{model}/{sample}.h5"


def layer_of(wildcards):
    return MODELS[wildcards.model].layers[wildcards.layer]


def layer_files(stage, ending):
    """The files that a stage makes for every tapped layer of a model, in order of depth."""

    def files(wildcards):
        folder = f"<results>/{stage}/{wildcards.model}/{wildcards.sample}"
        return [f"{folder}/{layer}.{ending}" for layer in MODELS[wildcards.model].layers]

    return files


# experiments


def spread(items, count):
    """At most ``count`` items spread evenly over a list, its first and last among them."""
    items = list(items)
    count = min(count, len(items))
    if count < 2:
        return items[:count]
    return [items[round(k * (len(items) - 1) / (count - 1))] for k in range(count)]


def members(experiment):
    """The single models of an experiment, in order."""
    return [model for entry in experiment["models"] for model in ENTRIES[entry]]


def tables_of(experiment, models):
    return [f"<results>/tables/{model.name}/{experiment['sample']}.csv" for model in models]


def compared(wildcards):
    return members(COMPARISONS[wildcards.comparison])


def labels_of(models):
    """Curves in order, with their labels; a list of pairs keeps the order in JSON."""
    labels = {model.curve: model.label for model in models}
    return as_json([[curve, label] for curve, label in labels.items()])


def title_of(experiment):
    return experiment["title"] or experiment["name"]


def histories(wildcards):
    trained = [model.name for model in compared(wildcards) if model.kind == "trained"]
    return [f"<results>/models/{name}/history.csv" for name in trained]


def chosen_diagrams(wildcards):
    comparison = COMPARISONS[wildcards.comparison]
    folder = f"<results>/diagrams/{wildcards.model}/{comparison['sample']}"
    return [f"{folder}/{layer}.h5" for layer in spread(MODELS[wildcards.model].layers, comparison["diagrams"])]


def drawn_diagrams(comparison):
    """The models whose diagrams are drawn: one a curve."""
    first = {model.curve: model for model in reversed(members(comparison))}
    return sorted(model.name for model in first.values()) if comparison["diagrams"] else []


def depth_figures(comparison):
    """Training curves are drawn where models were trained here."""
    trained = any(model.kind == "trained" for model in members(comparison))
    return ["depth", "depth_models", "dimension"] + (["training"] if trained else [])


def snapshots_of(wildcards):
    entries = DYNAMICS[wildcards.dynamics]["models"]
    return [snapshot for entry in entries for snapshot in SNAPSHOTS[ENTRIES[entry][0].name]]


onstart:
    # asked here, not while planning: a plan for a larger machine may be drawn anywhere
    if workflow.local_exec:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        if workflow.cores > cores:
            sys.exit(f"error: --cores {workflow.cores} asked, this machine has {cores}. Use --cores {cores}.")
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 10**6
        asked = max([job.resources.get("mem_mb", 0) for job in workflow.dag.needrun_jobs()], default=0)
        if isinstance(asked, int) and asked > memory:
            sys.exit(f"error: a job asks for {asked} MB of memory, this machine has {memory} MB. See profiles/.")
