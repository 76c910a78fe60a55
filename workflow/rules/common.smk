# What the rules share: the checked configuration, what it asks to measure, digests of the code behind each script.
import json
import os
import re
import shlex
import sys
from functools import cache
from pathlib import Path

# The folder of this repository, whatever folder Snakemake runs in and whatever workflow uses this one as a module.
REPOSITORY = Path(str(workflow.current_basedir)).parents[1]
if not REPOSITORY.is_dir():
    sys.exit(f"error: {REPOSITORY}: expected a folder of this machine. Clone the repository, and name its Snakefile.")
sys.path.insert(0, str(REPOSITORY / "src"))

from snakemake.exceptions import WorkflowError

from topodepth import architectures, attacks, configuration, datasets, inputs, memory, plan, provenance, storage
from topodepth.errors import InputError

if not Path(provenance.__file__).is_relative_to(REPOSITORY / "src"):
    sys.exit(f"error: {REPOSITORY}: one workflow cannot use two copies of topodepth. Used: {provenance.__file__}")
SCRIPTS = REPOSITORY / "workflow/scripts"


def brought(key, path, made=""):
    """A path that the configuration names; in one line it is refused if neither it nor what is made from it is there.

    Asked before any job runs. In a module, a rule of the other workflow may make it.
    """
    if path and not MODULE and not os.path.exists(path) and not os.path.exists(made):
        there = f"expected a file or folder that is there, seen from {os.getcwd()}."
        sys.exit(f"error: config key '{key}': {there} Received: {path}")
    return path


try:
    config = configuration.laid_over(REPOSITORY, config)
    config = configuration.complete(config, REPOSITORY / "workflow/schemas/config.schema.yaml")
    COMPARISONS, DYNAMICS, GENERALIZATION, ATTACKS, SPOOFS = (
        {item["name"]: item for item in config["experiments"].get(kind, [])}
        for kind in ("depth", "dynamics", "generalization", "adversarial", "spoofing")
    )
    EXPERIMENTS = [item for kind in (COMPARISONS, DYNAMICS, ATTACKS, SPOOFS) for item in kind.values()]
    plan.check_positions(config)
    # entries whose models are known once an archive is unpacked; only the generalisation experiment can wait for them
    ARCHIVED = sorted(
        {entry for item in GENERALIZATION.values() for entry in item["models"] if plan.archived(config, entry)}
    )
    SELECTED = {entry for item in EXPERIMENTS for entry in item["models"]}
    SELECTED |= {entry for item in GENERALIZATION.values() for entry in item["models"]} - {*ARCHIVED}
    for kind in ("models", "activations"):
        for entry in sorted(SELECTED & {*config[kind]}):
            brought(f"{kind}.{entry}.file", config[kind][entry]["file"])
    # what is measured behind each entry that an experiment selects, and each trained network at its snapshots
    ENTRIES = plan.units(config, SELECTED)
    FOLLOWED = {entry: plan.followed(ENTRIES[entry]) for item in DYNAMICS.values() for entry in item["models"]}
    SNAPSHOTS = {unit.name: plan.snapshots(unit) for unit in FOLLOWED.values()}
    for name, item in GENERALIZATION.items():
        for unit in [unit for entry in item["models"] for unit in ENTRIES.get(entry, [])]:
            if item["accuracy"] == "stated":
                plan.stated(unit.model, name)
except InputError as error:
    sys.exit(f"error: {error}")


@cache
def units_of_archive(entry):
    """What is measured of an unpacked archive by name; its files are read once."""
    try:
        return {unit.name: unit for unit in plan.units(config, {entry})[entry]}
    except InputError as error:
        raise WorkflowError(error)


class Units(dict):
    """All that is measured, by name; of an archive it is looked up there, once it is unpacked."""

    def __missing__(self, name):
        found = next((units_of_archive(entry) for entry in ARCHIVED if name.startswith(f"{entry}@")), {})
        if name not in found:
            raise WorkflowError(f"no model {name!r} in this configuration.")
        return found[name]


# ATTACKED[experiment][model]: a network on attacked images, once for each strength of the attack
ATTACKED = {
    name: {
        unit.name: plan.attacked(unit, name, len(attacks.strengths(item["epsilons"])))
        for entry in item["models"]
        for unit in ENTRIES[entry]
    }
    for name, item in ATTACKS.items()
}
# VIEWED[experiment]: pixels, and networks, on the images of the experiment; each of its subsets is a sample
VIEWED = {
    name: ([plan.pixels(item)] if item["pixels"] else [])
    + [plan.viewed(unit, item) for entry in item["models"] for unit in ENTRIES[entry]]
    for name, item in SPOOFS.items()
}
GROUPS = [*ENTRIES.values(), *SNAPSHOTS.values(), *VIEWED.values()]
GROUPS += [units for attacked in ATTACKED.values() for units in attacked.values()]
UNITS = Units({unit.name: unit for group in GROUPS for unit in group})
SUBSETS = {name: plan.subsets(item) for name, item in SPOOFS.items()}
SAMPLES = config["samples"] | {name: sample for subsets in SUBSETS.values() for name, sample in subsets.items()}
if workflow.is_main_process:
    try:  # as far as files' headers tell it; of what is not there yet, the job does
        inputs.check_plan(
            config,
            [unit for group in [*ENTRIES.values(), *VIEWED.values()] for unit in group],
            {entry for item in ATTACKS.values() for entry in item["models"]},
        )
    except InputError as error:
        sys.exit(f"error: {error}")


pathvars:
    results=f"results/{config['run']}",
    logs=f"results/{config['run']}/logs",
    benchmarks=f"results/{config['run']}/benchmarks",
    depth=f"results/{config['run']}/depth/{{comparison}}",
    dynamics=f"results/{config['run']}/dynamics/{{dynamics}}",
    generalization=f"results/{config['run']}/generalization/{{generalization}}",
    adversarial=f"results/{config['run']}/adversarial/{{attack}}",
    spoofing=f"results/{config['run']}/spoofing/{{spoofing}}",


# Jobs find the scripts, the library and this Python whether or not an environment is active; conda environments bring
# their own Python.
environment = {"SCRIPTS": SCRIPTS, "PYTHONPATH": REPOSITORY / "src"}
exports = [f"export {name}={shlex.quote(str(path))}; " for name, path in environment.items()]
if not workflow.deployment_settings.deployment_method:
    exports.append(f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; ")
# A shell of these rules alone: a prefix of Snakemake's own would go before the commands of every workflow that uses
# these rules as a module. Neither spaces nor stars in the folder's own name may split a command.
shell = type("shell", (shell,), {})
shell.prefix("".join(exports) + "IFS=; set -f; ")


def one_of(names):
    """A wildcard that stands for one of these names and for nothing else."""
    return "|".join(map(re.escape, names)) or "none"


def one_of_models(models, *archived):
    """A wildcard that stands for one of these models: its entry, and after an @ what tells it from the others.

    Entries are few, and their names hold no @; thousands of full names would slow every match. The models of an
    archive are not known before it is unpacked.
    """
    entries = {model.entry for model in models} | {*archived}
    return f"(?:{one_of(sorted(entries))})(?:@[A-Za-z0-9_@.-]+)?"


def any_model():
    """A wildcard that stands for anything that is measured."""
    return one_of_models([unit.model for unit in UNITS.values()], *ARCHIVED)


wildcard_constraints:
    dataset=one_of(config["datasets"]),
    model=any_model(),
    sample=one_of(SAMPLES),
    comparison=one_of(COMPARISONS),
    dynamics=one_of(DYNAMICS),
    generalization=one_of(GENERALIZATION),
    attack=one_of(ATTACKS),
    spoofing=one_of(SPOOFS),
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


def description_settings():
    """Which descriptors summarise a diagram, and how."""
    parameters = {"lifespan_sum": pick(config["topology"], "alpha", "weight")}
    return {"descriptors": config["topology"]["descriptors"], "parameters": parameters}


def diagram_settings(sample):
    """How the diagrams of a sample's clouds are computed."""
    settings = SAMPLES[sample]
    clouds = {"clouds_by": settings["clouds"], "classes": settings["classes"], "limit": settings["points"]}
    keys = ("max_dim", "engine", "scaling", "null_draws", "jackknife_groups")
    return as_json(pick(config["topology"], *keys) | clouds | {"seed": seed_of(settings)})


def seed_of(settings):
    return config["seed"] if settings["seed"] is None else settings["seed"]


def model_of(wildcards):
    """The network that a job is about."""
    return UNITS[wildcards.model].model


def of_model(wildcards):
    """The configuration of that network."""
    return model_of(wildcards).settings


def data_of(wildcards):
    """The name of the data set whose images it gets."""
    return UNITS[wildcards.model].images.dataset


# assets and data sets


def asset_path(name):
    """What a user of an asset reads: the file, or the folder of an archive's contents."""
    asset = config["assets"][name]
    return f"resources/{name}" if asset["unpack"] else f"resources/{asset['file']}"


def asset_of_file(wildcards):
    return next(name for name, asset in config["assets"].items() if asset["file"] == wildcards.file)


def asset_by_hand(wildcards):
    """No input, but a file put there by hand must be there."""
    name = asset_of_file(wildcards)
    brought(f"assets.{name}.path", config["assets"][name]["path"], f"resources/{wildcards.file}")
    return []


def dataset_paths(name, made):
    """What a data set is read from; its source must be there, or what is made from it."""
    dataset = config["datasets"][name]
    source = brought(f"datasets.{name}.source", dataset["source"], made)
    return ([source] if source else []) + [asset_path(asset) for asset in dataset["assets"]]


def dataset_inputs(wildcards):
    return dataset_paths(wildcards.dataset, f"results/{config['run']}/datasets/{wildcards.dataset}.h5")


def dataset_source(wildcards):
    """The one path that the loader gets: the source, the asset, or the folder of several assets."""
    paths = dataset_inputs(wildcards)
    if len(paths) > 1:
        return os.path.dirname(paths[0])
    return paths[0] if paths else ""


def dataset_file(wildcards):
    return f"<results>/datasets/{data_of(wildcards)}.h5"


def sample_file(wildcards):
    return f"<results>/samples/{data_of(wildcards)}/{wildcards.sample}.csv"


def positions_file(wildcards):
    """The file that lists the images of a sample, where one does."""
    indices = SAMPLES[wildcards.sample]["indices"]
    return [] if indices in plan.DRAWS else indices


def sample_settings(wildcards):
    settings = SAMPLES[wildcards.sample]
    indices = settings["indices"] if settings["indices"] in plan.DRAWS else "file"
    return as_json(pick(settings, "split", "images") | {"seed": seed_of(settings), "indices": indices})


# models and activations


def model_settings(wildcards):
    settings = pick(of_model(wildcards), "architecture", "activation", "width", "depth", "normalisation", "training")
    return as_json(settings | {"seed": model_of(wildcards).seed})


def own_dataset_file(wildcards):
    """The data set that a network was trained on, by whose pixels its input is normalised."""
    return f"<results>/datasets/{of_model(wildcards)['dataset']}.h5"


def model_file(wildcards):
    return model_of(wildcards).path


def keras_file(wildcards, input):
    return model_of(wildcards).keras_file(str(input.model))


def trust_flag(wildcards):
    return "--trust" if of_model(wildcards)["trust"] else ""


def stated_flag(wildcards):
    stated = of_model(wildcards)["stated_accuracy"]
    return "" if stated is None else f"--stated-accuracy={stated}"


def activations_of(wildcards):
    return UNITS[wildcards.model].activations(wildcards.sample)


def activations_path(wildcards, input):
    return UNITS[wildcards.model].activations_file(str(input[0]))


def layers_of(model, sample):
    """The layers that are tapped on a sample: {file name: token}, in order of depth."""
    return UNITS[model].layers(SAMPLES[sample])


def layer_of(wildcards):
    return layers_of(wildcards.model, wildcards.sample)[wildcards.layer]


def layer_files(stage, ending):
    """The files that a stage makes for every tapped layer of a model, in order of depth; dimensions only if asked for."""

    def files(wildcards):
        if stage == "dimensions" and not SAMPLES[wildcards.sample]["dimensions"]:
            return []
        folder = f"<results>/{stage}/{wildcards.model}/{wildcards.sample}"
        return [f"{folder}/{layer}.{ending}" for layer in layers_of(wildcards.model, wildcards.sample)]

    return files
