"""What a configuration asks for: every single model behind its entries, with the layers each one taps.

One entry of ``models`` may stand for several models: one a seed (``vgg@s1``), one a file of a folder
(``zoo@resnet_a``), one a snapshot of training (``vgg@004``). User's names hold no ``@``, so these cannot collide.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from topodepth import activations, architectures, model_files
from topodepth.errors import InputError

MODEL_ENDINGS = (".keras", ".h5", ".hdf5")


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
        ``trained``, ``snapshot``, ``file`` or ``activations``.
    settings
        The entry's configuration.
    seed
        Seed of a trained model.
    path
        The file of a model or activations file brought by the user.
    epoch
        Of a snapshot.
    base
        Name of the trained model that a snapshot is of.
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
    layers: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def curve(self) -> str:
        """The curve it belongs to in figures: models that differ in their seed only share one."""
        return self.entry if self.kind == "trained" else self.name


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
    tokens = settings["layers"]
    if tokens == "auto":
        tokens = architectures.registry.get(settings["architecture"]).layers
    own = config["seed"] if settings["seed"] is None else settings["seed"]
    names = {f"{entry}@s{seed}": seed for seed in settings["seeds"]} or {entry: own}
    label, layers = settings["label"] or entry, _layers(entry, list(tokens))
    return [Model(name, entry, label, "trained", settings, seed, layers=layers) for name, seed in names.items()]


def _files(entry: str, settings: Mapping, config: Mapping) -> list[Model]:
    label = settings["label"] or entry
    if settings["directory"]:
        where = f"config key 'models.{entry}.directory'"
        folder = Path(settings["directory"])
        paths = sorted(path for path in folder.glob("[!.]*") if path.suffix in MODEL_ENDINGS)
        if not paths:
            raise InputError(f"{where}: expected a folder of {', '.join(MODEL_ENDINGS)} files. Received: {folder}.")
        named = {f"{entry}@{slug(path.stem)}": path for path in paths}
        if len(named) < len(paths):
            raise InputError(f"{where}: expected file names that differ. Received: {folder}.")
        return [_file(name, path.stem, entry, settings, str(path)) for name, path in named.items()]
    if settings["asset"]:
        asset = config["assets"][settings["asset"]]
        return [_file(entry, label, entry, settings, f"resources/{asset['file']}")]
    return [_file(entry, label, entry, settings, settings["file"])]


def _file(name: str, label: str, entry: str, settings: Mapping, path: str) -> Model:
    tokens = settings["layers"]
    if tokens == "auto":
        if settings["asset"] and not Path(path).exists():
            raise InputError(
                f"config key 'models.{entry}.layers': expected a list of layers, since {path} is not there yet to be "
                "asked for its own. Received: 'auto'. Fetch it first (snakemake assets), or list them."
            )
        tokens = model_files.auto_layers(path, trust=settings["trust"])
    return Model(name, entry, label, "file", settings, path=path, layers=_layers(entry, list(tokens)))


def _brought_activations(entry: str, settings: Mapping) -> Model:
    file = activations.read(settings["file"])
    layers = _layers(entry, [layer.token for layer in file.layers])
    return Model(
        entry, entry, settings["label"] or entry, "activations", settings, path=settings["file"], layers=layers
    )
