# What the rules share: the checked configuration, what it asks to measure, digests of the code behind each script.
import gc
import inspect
import json
import os
import shlex
import sys
import tarfile
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.sourcecache import HostingProviderFile, LocalGitFile


def checked_out(rules):
    """The folder of this repository; one that Snakemake reads from Git, file by file, is unpacked under .snakemake once.

    Rules need more than the files that Snakemake fetches for them: the library, its scripts, the schema, examples. Its
    own copies are not those of the tag either: Snakemake 9.27.1 drops the line break at the end of a file (`git show`
    of GitPython), with which the checksum of requirements.lock would change.
    """
    if not isinstance(rules, (HostingProviderFile, LocalGitFile)):
        return Path(str(rules)).parents[1]
    import git

    history = git.Repo(rules.repo_path) if isinstance(rules, LocalGitFile) else rules.hosted_repo.repo
    folder = Path(".snakemake/topodepth", history.commit(rules.ref).hexsha).absolute()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as part, tempfile.TemporaryFile() as archive:
        history.archive(archive, folder.name)
        archive.seek(0)
        with tarfile.open(fileobj=archive) as files:
            files.extractall(f"{part}/whole", filter="data")
        with suppress(OSError):  # another Snakemake was first
            os.rename(f"{part}/whole", folder)
    return folder


# The folder of this repository, whatever folder Snakemake runs in and whatever workflow uses this one as a module.
REPOSITORY = checked_out(workflow.current_basedir)
if not REPOSITORY.is_dir():
    sys.exit(f"error: {REPOSITORY}: expected a folder of this machine, or a tag of a Git repository (docs/deploy.md).")
sys.path.insert(0, str(REPOSITORY / "src"))

# A plan is many small objects, nearly all of which stay: with Python's own threshold a fifth of its time is a search for
# those that do not.
gc.set_threshold(100_000, 50, 50)

try:
    from topodepth import architectures, datasets, plan, plugins
    from topodepth.attacks import victims
    from topodepth.files import storage, texts
    from topodepth.jobs import digests, memory, provenance
    from topodepth.networks import openers
    from topodepth.plan import configuration
    from topodepth.errors import InputError
    from topodepth.plan import as_json
    from topodepth.training import classifiers
except ModuleNotFoundError as error:
    if str(error.name).startswith("topodepth"):
        raise
    missing = f"expected the package {error.name} beside Snakemake"
    sys.exit(
        f"error: topodepth: {missing}, in {sys.executable}. Install what it needs: pip install '{REPOSITORY}[all]'"
    )

if not Path(provenance.__file__).is_relative_to(REPOSITORY / "src"):
    sys.exit(f"error: {REPOSITORY}: one workflow cannot use two copies of topodepth. Used: {provenance.__file__}")
SCRIPTS = REPOSITORY / "workflow/scripts"


try:
    config = configuration.laid_over(REPOSITORY, config)
    config = configuration.complete(config, REPOSITORY / "workflow/schemas/config.schema.yaml")
    PLAN = plan.Plan(
        config,
        elsewhere=MODULE,
        check_inputs=workflow.is_main_process,
        layers_file=lambda model: checkpoints.find_layers.get(model=model).output[0],
    )
except InputError as error:
    sys.exit(f"error: {error}")


pathvars:
    **PLAN.path_variables(),


# Jobs find the scripts, the library, users' files and this Python whether or not an environment is active; conda
# environments bring their own Python.
PLUGINS = [item["file"] for item in config["plugins"]]
environment = {"SCRIPTS": SCRIPTS, "PYTHONPATH": REPOSITORY / "src", plugins.FILES: json.dumps(PLUGINS)}
exports = [f"export {name}={shlex.quote(str(path))}; " for name, path in environment.items()]
if not workflow.deployment_settings.deployment_method:
    exports.append(f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; ")
# A shell of these rules alone: a prefix of Snakemake's own would go before the commands of every workflow that uses
# these rules as a module. Neither spaces nor stars in the folder's own name may split a command, and what braces hold is
# no variable: Snakemake formats a prefix as it does commands.
shell = type("shell", (shell,), {})
shell.prefix("".join(exports).replace("{", "{{").replace("}", "}}") + "IFS=; set -f; ")


wildcard_constraints:
    **PLAN.wildcards(),


KEPT_DIGESTS = digests.Kept(REPOSITORY / ".snakemake/topodepth/digests")


@cache
def code(script, *modules):
    """Digest of the logic of a script, of all it imports, and of modules it loads by name."""
    return digests.digest(SCRIPTS / script, modules, of_library=KEPT_DIGESTS)


def code_with(script, **entries):
    """Digest of a script with the users' files that entries which it uses come from: names by kind of entry."""
    known = configuration.REGISTRIES
    return code(script, *(module for kind, names in entries.items() for module in known[kind].users(names)))


def signed(function):
    """A function of a rule, with its signature ready: Snakemake (9.27) asks for it twice at each call, 30 times a job."""
    function.__signature__ = inspect.signature(function)
    return function


def look_up(answer):
    """What a rule asks the plan for its wildcards; what the plan refuses is said in one line."""

    @signed
    def asked(wildcards):
        try:
            return answer(wildcards)
        except InputError as error:
            raise WorkflowError(error)

    return asked


def brought(answer):
    """What a rule asks the plan of files that the configuration names; before any job runs, one line ends it all."""

    @signed
    def asked(wildcards):
        try:
            return answer(wildcards)
        except InputError as error:
            sys.exit(f"error: {error}")

    return asked


def experiment(kind, answer):
    """What a rule asks the experiment that its wildcard names."""
    wildcard = PLAN.kinds[kind].wildcard
    return look_up(lambda wildcards: answer(PLAN.experiments[kind][wildcards[wildcard]]))


def title(kind):
    """The title of the experiment that a rule's wildcard names."""
    wildcard = PLAN.kinds[kind].wildcard
    return look_up(lambda wildcards: PLAN.experiments[kind][wildcards[wildcard]].title_of(wildcards))


def unit(answer):
    """What a rule asks the unit that its wildcard `model` names."""
    return look_up(lambda wildcards: answer(PLAN.units[wildcards.model]))


def measured(answer):
    """What a rule asks the unit and the sample that its wildcards name."""
    return look_up(lambda wildcards: answer(PLAN.units[wildcards.model], wildcards.sample))


def sampled(answer):
    """What a rule asks the plan of the sample that its wildcard names."""
    return look_up(lambda wildcards: answer(wildcards.sample))


def layers_of(unit, sample):
    """The layers that are tapped on a sample: {file name: token}, in order of depth."""
    return unit.layers(PLAN.samples[sample])


layer_of = look_up(lambda wildcards: layers_of(PLAN.units[wildcards.model], wildcards.sample)[wildcards.layer])
dataset_file = unit(lambda unit: f"<results>/datasets/{unit.images.dataset}.h5")
model_file = unit(lambda unit: unit.model.path)
weights_files = unit(lambda unit: list(unit.model.weights))
normalisation = unit(lambda unit: unit.model.normalisation)
torch = unit(lambda unit: as_json(unit.model.torch))
layout = unit(lambda unit: unit.model.settings["layout"])
trust_flag = unit(lambda unit: "--trust" if unit.model.settings["trust"] else "")
activations_file = measured(lambda unit, sample: unit.activations(sample))


def found_in(layers):
    """The file that lists layers which a job has to find, those of some PyTorch models: what asks for them waits for it."""
    return getattr(layers, "file", [])


found_layers = measured(lambda unit, sample: found_in(layers_of(unit, sample)))
network_environment = unit(lambda unit: f"../../envs/{'torch' if unit.model.kind == 'torch' else 'networks'}.yaml")


def network_code(script, *registries):
    """Digest of a script that opens a network, with what opens networks of its kind."""
    return unit(lambda unit: code(script, *(registry.module_of(unit.model.kind) for registry in registries)))


@signed
def keras_file(wildcards, input):
    return PLAN.units[wildcards.model].model.keras_file(str(input.model))


@signed
def activations_path(wildcards, input):
    return PLAN.units[wildcards.model].activations_file(str(input[0]))


def flag(name, value):
    """An argument of a command, nothing without a value."""
    return "" if value is None else f"{name}={value}"


def of_model(kind):
    """Ask an experiment of a kind, and the unit, that a rule's wildcards name."""
    named = PLAN.kinds[kind].wildcard

    def ask(answer):
        return look_up(lambda wildcards: answer(PLAN.experiments[kind][wildcards[named]], PLAN.units[wildcards.model]))

    return ask


of_comparison, attacked = of_model("depth"), of_model("adversarial")


def layer_files(stage, ending):
    """The files that a stage makes for every tapped layer of a model, in order of depth; dimensions only if asked for."""

    def files(unit, sample):
        if stage == "dimensions" and not PLAN.samples[sample]["dimensions"]:
            return []
        return [f"<results>/{stage}/{unit.name}/{sample}/{layer}.{ending}" for layer in layers_of(unit, sample)]

    return measured(files)


def attack_code(item, unit):
    """Digest of what attacks a network of its kind, with the user's file that the attack comes from."""
    kinds = [registry.module_of(unit.model.kind) for registry in (openers.registry, victims.registry)]
    return code("attack_model.py", *kinds, *configuration.REGISTRIES["attack"].users([item["attack"]]))


found_attacked_layers = attacked(lambda item, unit: found_in(item.layers(unit)))


@signed
def attacked_diagrams_memory(wildcards, attempt):
    return attempt * plan.diagrams_megabytes(PLAN, PLAN.experiments["adversarial"][wildcards.attack]["sample"])


def loader_code(loader):
    """Digest of what prepares a data set with a loader."""
    return code("prepare_dataset.py", datasets.registry.module_of(loader))


def unpacked(answer):
    """What a rule asks the experiment; asking for the models of an archive waits for it to be unpacked."""

    def asked(item):
        for asset in item.assets:
            checkpoints.unpack_asset.get(asset=asset)
        return answer(item)

    return experiment("generalization", asked)


def training_code(architecture):
    """Digest of what trains a network of an architecture."""
    return code("train_model.py", architectures.registry.module_of(architecture))


def code_digests(wildcards):
    """The digest of the code behind every script, with the architectures and loaders that this run uses; of plugins."""
    architectures_here, loaders = (
        [name for name in names if not registry.users([name])]
        for registry, names in (
            (architectures.registry, PLAN.architectures_used()),
            (datasets.registry, PLAN.loaders_used()),
        )
    )
    found = {path.name: code(path.name) for path in sorted(SCRIPTS.glob("*.py"))}
    found |= {f"train_model.py, {name}": training_code(name) for name in architectures_here}
    found |= {f"prepare_dataset.py, {name}": loader_code(name) for name in loaders}
    return found | {f"plugin {path}": digests.of_plugin(path) for path in PLUGINS}


def spoof_of(sample):
    """The experiment that draws a sample."""
    return next(item for item in PLAN.of("spoofing") if sample in item.samples)


def spoofing_code(item):
    """Digest of what compares the clouds of a spoofing experiment."""
    of = {"descriptor": item["topology"]["descriptors"], "estimator": item["dimension"]["estimators"]}
    return code_with("compare_spoofs.py", **of)


@signed
def diagrams_memory(wildcards, attempt):
    return attempt * plan.diagrams_megabytes(PLAN, wildcards.sample)


@signed
def bars_memory(wildcards, attempt):
    return attempt * plan.bars_megabytes(PLAN, PLAN.experiments["depth"][wildcards.comparison]["sample"])


@signed
def dimensions_memory(wildcards, attempt):
    return attempt * plan.dimensions_megabytes(PLAN, wildcards.sample)


def compared(answer):
    """What a rule asks the similarity experiment and both networks that its wildcards name."""
    return look_up(
        lambda wildcards: answer(
            PLAN.experiments["similarity"][wildcards.similarity],
            [PLAN.units[name] for name in (wildcards.model, wildcards.other)],
        )
    )


@signed
def similarity_memory(wildcards, attempt):
    return attempt * plan.similarity_megabytes(PLAN, PLAN.experiments["similarity"][wildcards.similarity])


def network_memory(task):
    """The memory of a job that passes images through a network, as Snakemake asks for it."""

    @signed
    def asked(wildcards, attempt):
        unit = PLAN.units[wildcards.model]
        needed = plan.training_megabytes(PLAN, unit) if task == "train" else plan.network_megabytes(PLAN, unit, task)
        return attempt * (needed + CUDA_MEGABYTES)

    return asked


@signed
def distances_gpus(wildcards):
    return plan.gpus(PLAN, wildcards.sample)


@signed
def attacked_distances_gpus(wildcards):
    return plan.gpus(PLAN, PLAN.experiments["adversarial"][wildcards.attack]["sample"])


def distances_environment(gpus):
    """The environment of a job that computes distances, with PyTorch if it asks for a GPU."""
    return look_up(lambda wildcards: f"../../envs/{'gpu' if gpus(wildcards) else 'homology'}.yaml")
