"""What is measured: a network on images, in some of its layers."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from topodepth.errors import InputError
from topodepth.networks.files import inspect
from topodepth.networks.openers import Source

RESULTS = "<results>"  # stands for the folder of the run's results
NUMBERED = re.compile(r"(.*?)(\d+)(\D*)")  # a file's name with its last number
ACTIVATIONS = f"{RESULTS}/activations/{{unit}}/{{sample}}.h5"


class FoundLayers(Mapping):
    """Layers that only a pass through a network tells: ``{file name of the layer: token}``, once a job has found them.

    Parameters
    ----------
    entry, model
        Names of the entry and of the model.
    file
        Takes the name of a model to the file that lists its layers. Until that is made, it may raise what makes whoever
        asks wait for it.
    """

    def __init__(self, entry: str, model: str, file: Callable[[str], str]) -> None:
        self._entry, self._model, self._file = entry, model, file

    @property
    def file(self) -> str:
        """The file that lists them."""
        return self._file(self._model)

    @cached_property
    def _found(self) -> Mapping[str, str | int]:
        return named_layers(self._entry, json.loads(Path(self.file).read_text(encoding="utf-8")))

    def __getitem__(self, name: str) -> str | int:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    __eq__, __hash__ = object.__eq__, object.__hash__  # to compare two would ask for what is not there yet


def named_layers(entry: str, tokens: Sequence[str | int]) -> dict[str, str | int]:
    """Return layers by what stands for each in file names.

    Raises
    ------
    InputError
        If two of them cannot be told apart there.
    """
    layers = {as_file_name(token): token for token in tokens}
    if len(layers) < len(tokens):
        raise InputError(
            f"config key 'models.{entry}.layers': expected names that differ as file names. Received: {tokens}."
        )
    return layers


@dataclass(frozen=True)
class Model:
    """A network of the configuration; of images and activations that come without one, what stands in its place.

    Attributes
    ----------
    name
        Unique among networks.
    entry
        Name under ``models`` or ``activations`` that it belongs to.
    label
        Name in figures.
    settings
        The entry's configuration, that of a grid's cell with the values of its axes.
    layers
        ``{file name of the layer: token}``, in order of depth.
    path
        Its model file, the folder of snapshots that it lies in, or the code of a PyTorch model; none where there is no
        network to run.
    weights
        Files beside it: of an ONNX file those that hold weights; of a PyTorch model its weights, and what its code
        imports from its folder.
    torch
        What jobs are told of a PyTorch model, see :class:`topodepth.networks.openers.Source`; empty of others.
    seed, epoch
        Of its training; the epoch of a snapshot only, made here or brought.
    axes
        Value on each axis of the grid that it is a cell of; of a file those that a table of hyper-parameters tells.
    curve
        The curve it belongs to in figures: models that differ in their seed only share one.
    """

    name: str
    entry: str
    label: str
    settings: Mapping
    layers: Mapping[str, str | int]
    path: str = ""
    weights: tuple[str, ...] = ()
    torch: Mapping[str, object] = field(default_factory=dict)
    seed: int = 0
    epoch: int | None = None
    axes: Mapping[str, object] = field(default_factory=dict)
    curve: str = ""

    def __post_init__(self) -> None:
        if not self.curve:
            object.__setattr__(self, "curve", self.name)

    @property
    def own_label(self) -> str:
        """Its label; of models that differ in their seed only, with the seed."""
        return self.label + (f", seed {self.seed}" if self.curve != self.name else "")

    @property
    def normalisation(self) -> str:
        """How its input is normalised, as its jobs are told it."""
        given = {key: self.settings[key] for key in ("mean", "std") if self.settings.get(key)}
        return json.dumps(given, separators=(",", ":")) if given else self.settings["normalisation"]

    @property
    def kind(self) -> str:
        """What opens it, see :mod:`topodepth.networks.openers`."""
        return Source(self.path, self.torch).kind

    @property
    def file(self) -> str:
        """The file that tells it from others of its entry: of a PyTorch model that of its weights, if it has one."""
        return str(self.torch.get("weights") or self.path)

    @property
    def is_made(self) -> bool:
        """Whether this pipeline trains it."""
        return self.path.startswith(RESULTS)

    @property
    def is_of_folder(self) -> bool:
        """Whether its file is one of several in a folder of the user's, or of an archive."""
        return not self.is_made and self.name != self.entry

    @property
    def is_final(self) -> bool:
        """Whether this pipeline trains it, to the end."""
        return self.is_made and self.epoch is None

    @property
    def metrics(self) -> str:
        """Where its accuracy is written: by its training, or by an evaluation."""
        return f"{RESULTS}/{'models' if self.is_final else 'evaluations'}/{self.name}/metrics.json"

    @property
    def history(self) -> list[str]:
        """The course of its training, where it is trained here."""
        return [f"{RESULTS}/models/{self.name}/history.csv"] if self.is_final else []

    def keras_file(self, path: str) -> str:
        """Return the Keras file itself, at a path of this machine: a snapshot lies in the folder of its training."""
        return f"{path}/{self.epoch:04d}.keras" if self.is_made and self.epoch is not None else path

    @property
    def architecture(self) -> str:
        """Its architecture as configured; of a file the entry's name, in a folder with the number of the file's layers.

        File names say nothing here: they are read where `accuracy: stated` asks for it, by
        :func:`topodepth.plan.entries.stated`.
        """
        if self.torch or not self.is_of_folder:
            return self.settings.get("architecture") or self.entry
        found = inspect(self.path, trust=self.settings["trust"])
        return f"{self.entry}, {len(found.layers)} layers"


@dataclass(frozen=True)
class Images:
    """The images that a network gets.

    Attributes
    ----------
    dataset
        Name of the data set that they are from.
    activations
        The file of activations on them, or the folder of an attack that it lies in.
    strength
        Which of the strengths of the attack that changed them, counted from 0; None where none did.
    """

    dataset: str
    activations: str = ACTIVATIONS
    strength: int | None = None


@dataclass(frozen=True)
class Unit:
    """What is measured: a network on images.

    Attributes
    ----------
    name
        Unique; part of file names, and the column ``model`` of tables.
    model, images
        The two parts.
    """

    name: str
    model: Model
    images: Images

    @property
    def brought(self) -> list[str]:
        """The files of the user's that it comes from: a network, or activations."""
        paths = (self.model.path, *self.model.weights, self.images.activations)
        return [path for path in paths if path and not path.startswith(RESULTS)]

    @property
    def has_images(self) -> bool:
        """Whether there are images: of activations that are brought nothing else is known."""
        return self.images.activations.startswith(RESULTS)

    def activations(self, sample: str) -> str:
        """Return the file of activations on a sample, or the folder that it lies in."""
        path = self.images.activations
        return path.format(unit=self.name, sample=sample) if path == ACTIVATIONS else path

    def activations_file(self, path: str) -> str:
        """Return the activations file itself, at a path of this machine."""
        return path if self.images.strength is None else f"{path}/{self.images.strength:02d}.h5"

    def layers(self, sample: Mapping) -> Mapping[str, str | int]:
        """Return the layers that are tapped on a sample: those that the sample lists, else the network's own."""
        if sample["layers"] is None:
            return self.model.layers
        return {as_file_name(token): token for token in sample["layers"]}


def as_file_name(token: str | int) -> str:
    """Return a layer's token as part of a file name."""
    return re.sub(r"[^A-Za-z0-9_@.-]", ".", str(token))


def followed(units: list[Unit]) -> Unit:
    """Return the one of an entry that is followed through its training: of several seeds, the first.

    Raises
    ------
    InputError
        If the entry stands for models that differ in more than their seed: only one of them would be shown.
    """
    if len({unit.model.curve for unit in units}) > 1:
        raise InputError(
            f"config key 'models.{units[0].model.entry}': expected one model, or several that differ in their seed "
            f"only, to follow it through training. Received: {len(units)}, such as {units[0].name} and "
            f"{units[-1].name}."
        )
    return units[0]


def snapshots(unit: Unit) -> list[Unit]:
    """Return a network at the snapshots of its training, in order of epochs.

    Raises
    ------
    InputError
        If the configuration keeps none, or one after the end of training.
    """
    model = unit.model
    where = f"config key 'models.{model.entry}.training.snapshots'"
    epochs = sorted(model.settings["training"]["snapshots"]) if model.is_final else []
    if not epochs:
        raise InputError(f"{where}: expected epochs of a model trained here, for the dynamics. Received: {epochs}.")
    if epochs[-1] > model.settings["training"]["epochs"]:
        raise InputError(
            f"{where}: expected epochs up to {model.settings['training']['epochs']}. Received: {epochs[-1]}."
        )
    folder = f"{RESULTS}/models/{model.name}/snapshots"
    found = [
        replace(model, name=f"{model.name}@{epoch:04d}", path=folder, epoch=epoch, axes={}, curve="")
        for epoch in epochs
    ]
    return [Unit(each.name, each, unit.images) for each in found]


def numbered(units: list[Unit]) -> list[Unit]:
    """Return the models of a folder as snapshots of one training, in order of the epochs that their files' names tell.

    Raises
    ------
    InputError
        If the names do not differ in one number alone.
    """
    told = [NUMBERED.fullmatch(Path(unit.model.file).stem) for unit in units]
    epochs = {int(found[2]): unit for found, unit in zip(told, units, strict=True) if found}
    if len(epochs) < len(units) or len({found.group(1, 3) for found in told if found}) > 1:
        raise InputError(
            f"config key 'models.{units[0].model.entry}': expected files whose names differ in the epoch only, such as "
            f"epoch_001 and epoch_002, for the dynamics. Received: {', '.join(unit.model.file for unit in units[:3])}."
        )
    return [replace(epochs[epoch], model=replace(epochs[epoch].model, epoch=epoch)) for epoch in sorted(epochs)]


def through_training(units: list[Unit]) -> list[Unit]:
    """Return an entry at the snapshots of its training: of one done here those that it keeps, of a folder its files.

    Raises
    ------
    InputError
        If the entry stands for several trainings, or keeps no snapshots.
    """
    return numbered(units) if units[0].model.is_of_folder else snapshots(followed(units))


def attacked(unit: Unit, experiment: str, strengths: int) -> list[Unit]:
    """Return a network on attacked images, once for each strength of the attack, in order."""
    folder = f"{RESULTS}/attacks/{experiment}/{unit.name}"
    return [
        Unit(f"{unit.name}@attack.{experiment}-{k:02d}", unit.model, Images(unit.images.dataset, folder, k))
        for k in range(strengths)
    ]


def viewed(unit: Unit, experiment: Mapping) -> Unit:
    """Return a network on the images of a spoofing experiment, in the layers that this names, else in its own."""
    model = replace(unit.model, layers=unit.layers(experiment))
    return Unit(f"{unit.name}@spoof.{experiment['name']}", model, Images(experiment["dataset"]))


def pixels(experiment: Mapping) -> Unit:
    """Return the images of a spoofing experiment without a network: the pixels are the one layer."""
    own = Model("pixels", "pixels", "pixels", experiment["pixels"], {"pixels": "pixels"})
    return Unit(f"pixels@spoof.{experiment['name']}", own, Images(experiment["dataset"]))
