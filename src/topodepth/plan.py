"""What a configuration asks for: every single model behind its entries, with the layers each one taps.

One entry of ``models`` may stand for several models: one a seed (``vgg@s1``), one a cell of a grid
(``grid@depth4-l20.001``), one a file of a folder (``zoo@resnet_a``), one a snapshot of training (``vgg@0004``), one a
strength of an attack (``vgg@fgsm-03``). User's names hold no ``@``, so these cannot collide.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import product
from pathlib import Path

from topodepth import activations, architectures, model_files, model_inputs
from topodepth.errors import InputError
from topodepth.model_kinds import MODEL_ENDINGS, what_a_folder_is

DRAWS = ("random", "first")  # what `indices` of a sample may say beside the path of a file
MODELS_LIMIT = 100_000  # of one entry: a grid's axes multiply, and a plan of more than this is never drawn to its end
STATED = re.compile(r"([^_]+)_(?:.*_)?(0\.\d*[1-9]\d*)")  # the authors' file names: architecture_…_accuracy


@dataclass(frozen=True)
class Model:
    """One model of the plan.

    Attributes
    ----------
    name
        Unique; part of file names.
    entry
        Name under ``models`` or ``activations`` that it belongs to.
    label
        Name of the entry in figures.
    kind
        ``trained``, ``snapshot``, ``file``, ``activations``; ``attacked`` and ``viewed`` stand for a model on attacked
        images and on another data set, ``pixels`` for the images themselves.
    settings
        The entry's configuration.
    seed
        Seed of a trained model.
    path
        The file of a model or activations file brought by the user.
    epoch
        Of a snapshot.
    base
        Name of the model behind a snapshot, an attack or a view.
    experiment, strength
        Name of the attack, and which of its strengths, counted from 0.
    axes
        Value on each axis of the grid that it is a cell of.
    curve
        The curve it belongs to in figures: models that differ in their seed only share one.
    layers
        ``{file name of the layer: token}``, in order of depth.
    """

    name: str
    entry: str
    label: str
    kind: str
    settings: Mapping
    seed: int = 0
    path: str = ""
    epoch: int = 0
    base: str = ""
    experiment: str = ""
    strength: int = 0
    axes: Mapping[str, object] = field(default_factory=dict)
    curve: str = ""
    layers: Mapping[str, str | int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.curve:
            object.__setattr__(self, "curve", self.name)

    @cached_property
    def architecture(self) -> str:
        """Its architecture as configured; of a file the entry's name, in a folder with the number of the file's layers.

        File names say nothing here: they are read where `accuracy: stated` asks for it, by :func:`stated`.
        """
        if self.kind != "file" or "@" not in self.name:
            return self.settings.get("architecture") or self.entry
        found = model_files.inspect(self.path, trust=self.settings["trust"])
        return f"{self.entry}, {len(found.layers)} layers"


def stated(model: Model, experiment: str) -> tuple[str, float]:
    """Return the architecture and the test accuracy that the name of a model's file states, ``Resnet32_…_0.89.h5``.

    Parameters
    ----------
    model
        Of a generalisation experiment with ``accuracy: stated``.
    experiment
        Its name, for messages.

    Raises
    ------
    InputError
        If the model is no file, or its name has another form; guessed accuracies would decide what the page says.
    """
    told = STATED.fullmatch(Path(model.path).stem) if model.kind == "file" else None
    if told is None:
        received = model.path or f"{model.name}, which is no file"
        raise InputError(
            f"config key 'experiments.generalization.{experiment}.accuracy': `stated` expected file names like "
            f"Resnet32_…_0.89.h5, the architecture before the first '_', the test accuracy (0.89) after the last. "
            f"Received: {received}. Rename it, or use `accuracy: measured`."
        )
    return told[1], float(told[2])


def models(config: Mapping, selected: set[str]) -> dict[str, list[Model]]:
    """Return the models behind each selected entry, in order.

    Parameters
    ----------
    config
        A complete configuration.
    selected
        Names under ``models`` or ``activations`` that an experiment uses; only their files are looked at.

    Raises
    ------
    InputError
        If a file or folder is missing or unreadable, or its layers cannot be known before it is there.
    """
    found = {}
    for entry in sorted(selected):
        if entry in config["activations"]:
            found[entry] = [_brought_activations(entry, config["activations"][entry])]
        else:
            settings = config["models"][entry]
            expand = _trained if settings["architecture"] else _files
            found[entry] = expand(entry, settings, config)
    return found


def archived(config: Mapping, entry: str) -> bool:
    """Tell whether an entry's models lie in an archive, so that they are known only once it is unpacked."""
    asset = config["models"].get(entry, {}).get("asset")
    return bool(asset) and config["assets"][asset]["unpack"]


def check_positions(config: Mapping) -> None:
    """Refuse a sample that an experiment uses whose ``indices`` are no way to draw and no file."""
    for experiment in [item for kind in config["experiments"].values() for item in kind]:
        indices = config["samples"][experiment["sample"]]["indices"] if "sample" in experiment else DRAWS[0]
        if indices not in DRAWS and not Path(indices).is_file():
            raise InputError(
                f"config key 'samples.{experiment['sample']}.indices': expected random, first, or a file with one "
                f"position on a line. Received: {indices!r}, no such file."
            )


def followed(models: list[Model]) -> Model:
    """Return the model of an entry that is followed through its training: of several seeds, the first.

    Raises
    ------
    InputError
        If the entry stands for models that differ in more than their seed: only one of them would be shown.
    """
    if len({model.curve for model in models}) > 1:
        raise InputError(
            f"config key 'models.{models[0].entry}': expected one model, or several that differ in their seed only, to "
            f"follow it through training. Received: {len(models)}, such as {models[0].name} and {models[-1].name}."
        )
    return models[0]


def snapshots(model: Model) -> list[Model]:
    """Return the snapshots of a trained model, in order of epochs.

    Raises
    ------
    InputError
        If the configuration keeps none, or one after the end of training.
    """
    epochs = sorted(model.settings["training"]["snapshots"])
    where = f"config key 'models.{model.entry}.training.snapshots'"
    if model.kind != "trained" or not epochs:
        raise InputError(f"{where}: expected epochs of a model trained here, for the dynamics. Received: {epochs}.")
    if epochs[-1] > model.settings["training"]["epochs"]:
        raise InputError(
            f"{where}: expected epochs up to {model.settings['training']['epochs']}. Received: {epochs[-1]}."
        )
    return [
        Model(
            name=f"{model.name}@{epoch:04d}", entry=model.entry, label=model.label, kind="snapshot",
            settings=model.settings, seed=model.seed, epoch=epoch, base=model.name, layers=model.layers,
        )
        for epoch in epochs
    ]  # fmt: skip


def attacked(model: Model, experiment: str, strengths: int) -> list[Model]:
    """Return what stands for a model on attacked images, one a strength of the attack, in order."""
    return [
        replace(
            model, name=f"{model.name}@attack.{experiment}-{k:02d}", kind="attacked", experiment=experiment, strength=k,
            base=model.name, curve="",
        )
        for k in range(strengths)
    ]  # fmt: skip


def viewed(model: Model, experiment: str, dataset: str) -> Model:
    """Return what stands for a model on the images of another data set than its own."""
    settings = {**model.settings, "dataset": dataset}
    return replace(
        model, name=f"{model.name}@spoof.{experiment}", kind="viewed", base=model.name, curve="", settings=settings
    )


def pixels(experiment: str, dataset: str, settings: Mapping) -> Model:
    """Return what stands for the images themselves, without a network; ``settings`` say how they become points."""
    settings = {**settings, "dataset": dataset}
    return Model(f"pixels@spoof.{experiment}", "pixels", "pixels", "pixels", settings, layers={"pixels": "pixels"})


def layers_of(model: Model, sample: Mapping) -> Mapping[str, str | int]:
    """Return the layers of a model that are tapped on a sample: those that the sample lists, else the model's own."""
    if sample["layers"] is None or model.kind == "pixels":
        return model.layers
    return {slug(token): token for token in sample["layers"]}


def slug(token: str | int) -> str:
    """Return a layer's token as part of a file name."""
    return re.sub(r"[^A-Za-z0-9_@.-]", ".", str(token))


def _layers(entry: str, tokens: list) -> dict[str, str | int]:
    layers = {slug(token): token for token in tokens}
    if len(layers) < len(tokens):
        raise InputError(
            f"config key 'models.{entry}.layers': expected names that differ as file names. Received: {tokens}."
        )
    return layers


def _trained(entry: str, settings: Mapping, config: Mapping) -> list[Model]:
    own = config["seed"] if settings["seed"] is None else settings["seed"]
    count = math.prod(map(len, settings["grid"].values())) * max(1, len(settings["seeds"]))
    if count > MODELS_LIMIT:
        raise InputError(f"config key 'models.{entry}': expected at most {MODELS_LIMIT} models. Received: {count}.")
    found = []
    if settings["normalisation"] == "auto":
        settings = {**settings, "normalisation": model_inputs.PLAIN}
    for name, axes, cell in _cells(entry, settings):
        tokens = cell["layers"]
        if tokens == "auto":
            tokens = _told(f"config key 'models.{entry}'", architectures.layers, cell["architecture"], cell["depth"])
        told = [f"{key} {_as_text(value)}" for key, value in axes.items()]
        label = ", ".join(([settings["label"]] if settings["label"] else []) + told) or entry
        model = Model(name, entry, label, "trained", cell, own, axes=axes, layers=_layers(entry, tokens))
        seeds = {f"{name}{'-' if axes else '@'}s{seed}": seed for seed in settings["seeds"]} or {name: own}
        found += [replace(model, name=each, seed=seed, curve=name) for each, seed in seeds.items()]
    return found


def _cells(entry: str, settings: Mapping) -> Iterator[tuple[str, dict, dict]]:
    """Yield name, value on each axis and settings of every cell of an entry's grid; the entry itself without one.

    A cell's name tells its own values and no others, so a value added to an axis leaves the other cells as they are.
    """
    grid = settings["grid"]
    for values in product(*grid.values()):
        axes = dict(zip(grid, values, strict=True))
        own = {key: value for key, value in axes.items() if key not in settings["training"]}
        training = {key: value for key, value in axes.items() if key in settings["training"]}
        name = "-".join(f"{key}{_as_text(value)}" for key, value in axes.items())
        cell = {**settings, **own, "training": {**settings["training"], **training}}
        yield (f"{entry}@{slug(name)}" if axes else entry), axes, cell


def _as_text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def _told(where: str, function: "callable", *arguments: object) -> object:
    """Call a function, and name the configuration's key in its error."""
    try:
        return function(*arguments)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _files(entry: str, settings: Mapping, config: Mapping) -> list[Model]:
    label = settings["label"] or entry
    if settings["directory"]:
        found = Path(settings["directory"]).glob("[!.]*")
        return _folder(entry, settings, "directory", settings["directory"], found)
    if archived(config, entry):
        folder = f"resources/{settings['asset']}"
        return _folder(entry, settings, "asset", folder, Path(folder).rglob("[!.]*"))
    if settings["asset"]:
        asset = config["assets"][settings["asset"]]
        return [_file(entry, label, entry, settings, f"resources/{asset['file']}")]
    return [_file(entry, label, entry, settings, settings["file"])]


def _folder(entry: str, settings: Mapping, key: str, folder: str, files: Iterator[Path]) -> list[Model]:
    where = f"config key 'models.{entry}.{key}'"
    if settings["stated_accuracy"] is not None:
        raise InputError(
            f"config key 'models.{entry}.stated_accuracy': expected for one file. "
            f"Received: {settings['stated_accuracy']} for a folder."
        )
    paths = sorted(path for path in files if path.suffix in MODEL_ENDINGS)
    if not paths:
        there = (
            "which is not there yet. Fetch it first: snakemake assets"
            if key == "asset"
            else what_a_folder_is(Path(folder))
        )
        expected = f"expected a folder of {', '.join(MODEL_ENDINGS)} files"
        raise InputError(f"{where}: {expected}. Received: {folder}, {there}.")
    named = {f"{entry}@{slug(path.stem)}": path for path in paths}
    if len(named) < len(paths):
        raise InputError(f"{where}: expected file names that differ. Received: {folder}.")
    told = f"{settings['label']}, " if settings["label"] else ""
    return [_file(name, told + path.stem, entry, settings, str(path)) for name, path in named.items()]


def _file(name: str, label: str, entry: str, settings: Mapping, path: str) -> Model:
    where = f"config key 'models.{entry}.{next(key for key in ('file', 'directory', 'asset') if settings[key])}'"
    tokens = settings["layers"]
    if tokens == "auto":
        if settings["asset"] and not Path(path).exists():
            raise InputError(
                f"config key 'models.{entry}.layers': expected a list of layers, since {path} is not there yet to be "
                "asked for its own. Received: 'auto'. Fetch it first (snakemake assets), or list them."
            )
        tokens = _told(where, lambda: model_files.auto_layers(path, trust=settings["trust"]))
    elif settings["file"] and Path(path).exists():  # of many files in a folder this would take too long
        _told(where, lambda: model_files.inspect(path, trust=settings["trust"]))
    if settings["normalisation"] != "auto" and Path(path).is_file():
        key = f"config key 'models.{entry}.normalisation'"
        _told(key, partial(model_inputs.normalisation, trust=settings["trust"]), settings["normalisation"], path)
    return Model(name, entry, label, "file", settings, path=path, layers=_layers(entry, list(tokens)))


def _brought_activations(entry: str, settings: Mapping) -> Model:
    file = activations.read(settings["file"])
    layers = _layers(entry, [layer.token for layer in file.layers])
    return Model(
        entry, entry, settings["label"] or entry, "activations", settings, path=settings["file"], layers=layers
    )
