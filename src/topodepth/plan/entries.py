"""The single networks behind each entry of a configuration, with the layers that each one taps.

One entry of ``models`` may stand for several models: one a seed (``vgg@s1``), one a cell of a grid
(``grid@depth4-l20.001``), one a file of a folder (``zoo@resnet_a``). User's names hold no ``@``, so neither these can
collide, nor snapshots of training (``vgg@0004``) and strengths of an attack (``vgg@attack.fgsm-03``).
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import TypeVar

from topodepth import architectures
from topodepth.activations.file import read_activations
from topodepth.errors import InputError
from topodepth.networks.files import auto_layers, inspect
from topodepth.networks.kinds import MODEL_ENDINGS, what_a_folder_is
from topodepth.networks.normalisation import PLAIN, normalisation
from topodepth.networks.onnx_file import inspect as inspect_onnx
from topodepth.networks.onnx_file import is_onnx
from topodepth.networks.taps import is_pattern
from topodepth.networks.torch_files import PICKLED, SAFE, code_of
from topodepth.plan import hyperparameters
from topodepth.plan.units import RESULTS, FoundLayers, Images, Model, Unit, as_file_name, named_layers

Answer = TypeVar("Answer")

WEIGHTS = (*SAFE, *PICKLED)  # of PyTorch
MODELS_LIMIT = 100_000  # of one entry: a grid's axes multiply, and a plan of more than this is never drawn to its end
STATED = re.compile(r"([^_]+)_(?:.*_)?(0\.\d*[1-9]\d*)")  # the authors' file names: architecture_…_accuracy


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
    told = None if model.is_made else STATED.fullmatch(Path(model.file).stem)
    if told is None:
        received = f"{model.name}, which is no file" if model.is_made or not model.path else model.file
        raise InputError(
            f"config key 'experiments.generalization.{experiment}.accuracy': `stated` expected file names like "
            f"Resnet32_…_0.89.h5, the architecture before the first '_', the test accuracy (0.89) after the last. "
            f"Received: {received}. Rename it, or use `accuracy: measured`."
        )
    return told[1], float(told[2])


def units(
    config: Mapping, selected: set[str], layers_file: Callable[[str], str] | None = None
) -> dict[str, list[Unit]]:
    """Return what is measured behind each selected entry, in order: its networks on the images of its data set.

    Parameters
    ----------
    config
        A complete configuration.
    selected
        Names under ``models`` or ``activations`` that an experiment uses; only their files are looked at.
    layers_file
        As for :class:`topodepth.plan.plan.Plan`.

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
            if settings["torch"]:
                models = _torch(entry, settings, layers_file or _not_found)
            else:
                expand = _trained if settings["architecture"] else _files
                models = expand(entry, settings, config)
            known = hyperparameters.of_files(entry, settings)
            if known:
                models = [
                    replace(model, axes=hyperparameters.of_file(entry, settings, known, model.file)) for model in models
                ]
            found[entry] = [Unit(model.name, model, Images(model.settings["dataset"])) for model in models]
    return found


def archived(config: Mapping, entry: str) -> bool:
    """Tell whether an entry's models lie in an archive, so that they are known only once it is unpacked."""
    asset = config["models"].get(entry, {}).get("asset")
    return bool(asset) and config["assets"][asset]["unpack"]


def _trained(entry: str, settings: Mapping, config: Mapping) -> list[Model]:
    own = config["seed"] if settings["seed"] is None else settings["seed"]
    count = math.prod(map(len, settings["grid"].values())) * max(1, len(settings["seeds"]))
    if count > MODELS_LIMIT:
        raise InputError(f"config key 'models.{entry}': expected at most {MODELS_LIMIT} models. Received: {count}.")
    found = []
    if settings["normalisation"] == "auto":
        settings = {**settings, "normalisation": PLAIN}
    for name, axes, cell in _cells(entry, settings):
        tokens = cell["layers"]
        if tokens == "auto":
            tokens = _told(f"config key 'models.{entry}'", architectures.layers, cell["architecture"], cell["depth"])
        told = [f"{key} {_as_text(value)}" for key, value in axes.items()]
        label = ", ".join(([settings["label"]] if settings["label"] else []) + told) or entry
        model = Model(name, entry, label, cell, named_layers(entry, tokens), axes=axes)
        seeds = {f"{name}{'-' if axes else '@'}s{seed}": seed for seed in settings["seeds"]} or {name: own}
        found += [
            replace(model, name=each, path=f"{RESULTS}/models/{each}/model.keras", seed=seed, curve=name)
            for each, seed in seeds.items()
        ]
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
        yield (f"{entry}@{as_file_name(name)}" if axes else entry), axes, cell


def _as_text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def _told(where: str, function: Callable[..., Answer], *arguments: object) -> Answer:
    """Call a function, and name the configuration's key in its error."""
    try:
        return function(*arguments)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _files(entry: str, settings: Mapping, config: Mapping) -> list[Model]:
    label = settings["label"] or entry
    if settings["directory"]:
        found = Path(settings["directory"]).glob("[!.]*")
        named = _folder(entry, settings, "directory", settings["directory"], found)
        return [_file(name, told, entry, settings, path) for name, told, path in named]
    if archived(config, entry):
        folder = f"resources/{settings['asset']}"
        named = _folder(entry, settings, "asset", folder, Path(folder).rglob("[!.]*"))
        return [_file(name, told, entry, settings, path) for name, told, path in named]
    if settings["asset"]:
        asset = config["assets"][settings["asset"]]
        return [_file(entry, label, entry, settings, f"resources/{asset['file']}")]
    return [_file(entry, label, entry, settings, settings["file"])]


def _folder(
    entry: str, settings: Mapping, key: str, folder: str, files: Iterator[Path], *, kinds: Sequence[str] = MODEL_ENDINGS
) -> list[tuple[str, str, str]]:
    """Return name, label and path of each file of a folder that is a model of its own."""
    where = f"config key 'models.{entry}.{key}'"
    if settings["stated_accuracy"] is not None:
        raise InputError(
            f"config key 'models.{entry}.stated_accuracy': expected for one file. "
            f"Received: {settings['stated_accuracy']} for a folder."
        )
    paths = sorted(path for path in files if path.suffix in kinds)
    if not paths:
        there = (
            "which is not there yet. Fetch it first: snakemake assets"
            if key == "asset"
            else what_a_folder_is(Path(folder))
        )
        expected = f"expected a folder of {', '.join(kinds)} files"
        raise InputError(f"{where}: {expected}. Received: {folder}, {there}.")
    named = {f"{entry}@{as_file_name(path.stem)}": path for path in paths}
    if len(named) < len(paths):
        raise InputError(f"{where}: expected file names that differ. Received: {folder}.")
    told = f"{settings['label']}, " if settings["label"] else ""
    return [(name, told + path.stem, str(path)) for name, path in named.items()]


def _file(name: str, label: str, entry: str, settings: Mapping, path: str) -> Model:
    where = f"config key 'models.{entry}.{next(key for key in ('file', 'directory', 'asset') if settings[key])}'"
    tokens = settings["layers"]
    if tokens == "auto":
        if settings["asset"] and not Path(path).exists():
            raise InputError(
                f"config key 'models.{entry}.layers': expected a list of layers, since {path} is not there yet to be "
                "asked for its own. Received: 'auto'. Fetch it first (snakemake assets), or list them."
            )
        tokens = _told(where, lambda: auto_layers(path, trust=settings["trust"]))
    elif settings["file"] and Path(path).exists():  # of many files in a folder this would take too long
        _told(where, lambda: inspect(path, trust=settings["trust"]))
    how = "mean" if settings.get("mean") else settings["normalisation"]
    if how != "auto" and Path(path).is_file():
        key = f"config key 'models.{entry}.{'mean' if settings['mean'] else 'normalisation'}'"
        _told(key, partial(normalisation, trust=settings["trust"]), how, path)
    weights: tuple[str, ...] = ()
    if is_onnx(path) and Path(path).is_file():
        found = _told(where, inspect_onnx, path)
        weights = tuple(map(str, found.external))
    return Model(name, entry, label, settings, named_layers(entry, list(tokens)), path, weights)


def _torch(entry: str, settings: Mapping, layers_file: Callable[[str], str]) -> list[Model]:
    """Return the PyTorch models of an entry: one, or one for each file of a folder of weights."""
    code, *imported = _code(entry, settings)
    if settings["normalisation"] == "auto":
        settings = {**settings, "normalisation": PLAIN}
    found = []
    for name, label, weights in _weights(entry, settings):
        layers: Mapping[str, str | int] = FoundLayers(entry, name, layers_file)
        if settings["layers"] != "auto":
            layers = named_layers(entry, _names(entry, settings["layers"]))
        called = settings["torch"].rpartition(":")[2]
        told = {"name": called, "arguments": settings["arguments"], "weights": weights}
        beside = (*([weights] if weights else []), *imported)
        found.append(Model(name, entry, label, settings, layers, code, beside, told))
    return found


def _code(entry: str, settings: Mapping) -> list[str]:
    """Return the file of a PyTorch model's code, and those of its folder that it imports."""
    code = settings["torch"].rpartition(":")[0]
    if not Path(code).is_file():
        return [code]  # another workflow makes it
    where = f"config key 'models.{entry}.torch'"
    user, _ = _told(where, partial(code_of, settings["torch"], trust=settings["trust"]))
    return [str(Path(code).parent / path.relative_to(user.file.parent)) for path in user.files]


def _weights(entry: str, settings: Mapping) -> Sequence[tuple[str, str, str | None]]:
    """Return name, label and file of weights of each PyTorch model of an entry."""
    weights = settings["weights"]
    if weights and Path(weights).is_dir():
        return _folder(entry, settings, "weights", weights, Path(weights).glob("[!.]*"), kinds=WEIGHTS)
    if weights and Path(weights).suffix not in WEIGHTS:
        expected = f"expected one of {', '.join(WEIGHTS)}, or a folder of them"
        raise InputError(f"config key 'models.{entry}.weights': {expected}. Received: {weights}.")
    return [(entry, settings["label"] or entry, weights)]


def _names(entry: str, tokens: list) -> list[str]:
    """Return the layers of a PyTorch model, which are named one by one: what a pattern means only a pass would tell."""
    for token in tokens:
        if not isinstance(token, str) or is_pattern(token):
            raise InputError(
                f"config key 'models.{entry}.layers': expected names of modules of a PyTorch model, or `auto`. "
                f"Received: {token!r}."
            )
    return tokens


def _not_found(model: str) -> str:
    raise InputError(f"{model}: its layers are known once a job has found them; expected a list of `layers`.")


def _brought_activations(entry: str, settings: Mapping) -> Unit:
    file = read_activations(settings["file"])
    layers = named_layers(entry, [layer.token for layer in file.layers])
    model = Model(entry, entry, settings["label"] or entry, settings, layers)
    return Unit(entry, model, Images(settings["dataset"], settings["file"]))
