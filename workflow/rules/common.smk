# What the rules share: the checked configuration, paths, digests of the code behind each script.
import json
import os
import re
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir, "src")))

from topodepth import architectures, configuration, datasets, provenance, storage
from topodepth.errors import InputError

SCRIPTS = Path(workflow.basedir, "workflow/scripts")

try:
    config = configuration.complete(config, Path(workflow.basedir, "workflow/schemas/config.schema.yaml"))
except InputError as error:
    sys.exit(f"error: {error}")


pathvars:
    results=f"results/{config['run']}",
    logs=f"results/{config['run']}/logs",
    depth=f"results/{config['run']}/depth/{{comparison}}",


COMPARISONS = {comparison["name"]: comparison for comparison in config["experiments"].get("depth", [])}
SELECTED_PAIRS = sorted({(model, item["sample"]) for item in COMPARISONS.values() for model in item["models"]})
SELECTED_MODELS = sorted({model for model, _ in SELECTED_PAIRS})

# Jobs find the scripts, the library and this Python whether or not an environment is active; conda environments bring
# their own Python.
environment = {"SCRIPTS": SCRIPTS, "PYTHONPATH": Path(workflow.basedir, "src")}
exports = [f"export {name}={shlex.quote(str(path))}; " for name, path in environment.items()]
if not workflow.deployment_settings.deployment_method:
    exports.append(f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; ")
shell.prefix("".join(exports))


def slug(token):
    """A layer's token as part of a file name."""
    return re.sub(r"[^A-Za-z0-9_@.-]", ".", str(token))


def layer_tokens(model):
    """The layers that a model's configuration taps, by their file names."""
    settings = config["models"][model]
    layers = settings["layers"]
    if layers == "auto":
        layers = architectures.registry.get(settings["architecture"]).layers
    return {slug(token): token for token in layers}


wildcard_constraints:
    dataset="|".join(map(re.escape, config["datasets"])) or "none",
    model="|".join(map(re.escape, config["models"])) or "none",
    sample="|".join(map(re.escape, config["samples"])) or "none",
    comparison="|".join(map(re.escape, COMPARISONS)) or "none",
    layer="[A-Za-z0-9_@.-]+",


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


def dataset_file(wildcards):
    return f"<results>/datasets/{config['models'][wildcards.model]['dataset']}.h5"


def sample_file(wildcards):
    return f"<results>/samples/{config['models'][wildcards.model]['dataset']}/{wildcards.sample}.csv"


def activations_file(model, sample):
    return f"<results>/activations/{model}/{sample}.h5"


def layer_files(stage, ending):
    """The files that a stage makes for every tapped layer of a model, in order of depth."""

    def files(wildcards):
        folder = f"<results>/{stage}/{wildcards.model}/{wildcards.sample}"
        return [f"{folder}/{layer}.{ending}" for layer in layer_tokens(wildcards.model)]

    return files


def spread(items, count):
    """At most ``count`` items spread evenly over a list, its first and last among them."""
    items = list(items)
    count = min(count, len(items))
    if count < 2:
        return items[:count]
    return [items[round(k * (len(items) - 1) / (count - 1))] for k in range(count)]


def model_settings(wildcards):
    model = config["models"][wildcards.model]
    return as_json(
        pick(model, "architecture", "activation", "width", "normalisation", "training") | {"seed": seed_of(model)}
    )


def comparison_models(wildcards):
    return COMPARISONS[wildcards.comparison]["models"]


def comparison_labels(wildcards):
    """Models in order, with their labels; a list of pairs keeps the order in JSON."""
    return as_json([[model, config["models"][model]["label"] or model] for model in comparison_models(wildcards)])


def comparison_title(wildcards):
    return COMPARISONS[wildcards.comparison]["title"] or wildcards.comparison


def chosen_diagrams(wildcards):
    comparison = COMPARISONS[wildcards.comparison]
    folder = f"<results>/diagrams/{wildcards.model}/{comparison['sample']}"
    return [f"{folder}/{layer}.h5" for layer in spread(layer_tokens(wildcards.model), comparison["diagrams"])]


onstart:
    # asked here, not while planning: a plan for a larger machine may be drawn anywhere
    if workflow.local_exec:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        if workflow.cores > cores:
            sys.exit(f"error: --cores {workflow.cores} asked, this machine has {cores}. Use --cores {cores}.")
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 10**6
        asked = max(
            [job.resources.get("mem_mb", 0) for job in workflow.dag.needrun_jobs()],
            default=0,
        )
        if isinstance(asked, int) and asked > memory:
            sys.exit(f"error: a job asks for {asked} MB of memory, this machine has {memory} MB. See profiles/.")
