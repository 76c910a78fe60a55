"""Everything that a run makes, computed from its configuration: what is measured, of what, with which settings."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from topodepth.errors import InputError
from topodepth.networks import inputs
from topodepth.plan import kinds, parameters
from topodepth.plan.entries import units
from topodepth.plan.experiment import Experiment, pick
from topodepth.plan.panels import Panel, chosen
from topodepth.plan.samples import DRAWS, check_positions
from topodepth.plan.units import RESULTS, Model, Unit


class Plan:
    """What a configuration asks for.

    Parameters
    ----------
    config
        A complete configuration, of :func:`topodepth.plan.configuration.complete`.
    elsewhere
        Whether files that are not there may be made by another workflow, of which this one is a part.
    layers_file
        Takes the name of a network to the file that lists its layers, where only a pass through it tells them. Until
        that is made, it may raise what makes whoever asks wait for it.
    check_inputs
        Whether to open data sets' and networks' files to see that they fit together, as far as headers tell it.

    Attributes
    ----------
    experiments
        ``{kind: {name: experiment}}``.
    entries
        ``{entry: what is measured of it}``, of the entries that an experiment names and no archive holds.
    units
        All that is measured, by name; of an archive it is looked up there, once it is unpacked.
    samples
        Settings of each sample by name: those of the configuration, and those that experiments draw.
    panels
        The descriptors that figures show, and their homology dimensions; none for what each shows by default.

    Raises
    ------
    InputError
        If a file is missing, or what can be known before any job runs would go wrong in one.
    """

    def __init__(
        self,
        config: Mapping,
        *,
        elsewhere: bool = False,
        check_inputs: bool = True,
        layers_file: Callable[[str], str] | None = None,
    ) -> None:
        self.config, self.elsewhere = config, elsewhere
        self.experiments: dict[str, dict[str, Experiment]] = {
            name: {item["name"]: kind(self, item) for item in config["experiments"].get(name, [])}
            for name, kind in self.kinds.items()
        }
        check_positions(config)
        self.archived = sorted({entry for experiment in self.all_experiments for entry in experiment.archived})
        waiting = {entry for each in self.all_experiments for entry in {*each["models"]} - {*each.archived}}
        for key in ("models", "activations"):
            for entry in sorted(waiting & {*config[key]}):
                self._files_of(f"{key}.{entry}", config[key][entry])
        self._unpacked: dict[str, dict[str, Unit]] = {}
        self.entries = units(config, waiting, layers_file)
        for experiment in self.all_experiments:
            experiment.check()
        samples = [experiment.samples for experiment in self.all_experiments]
        self.samples = config["samples"] | {name: each for found in samples for name, each in found.items()}
        self.panels: list[Panel] = []
        if self.all_experiments:
            known = [panel for experiment in self.all_experiments for panel in experiment.measured]
            self.panels = chosen(config["figures"]["panels"] or (), known)
        groups = [*self.entries.values(), *(experiment.own for experiment in self.all_experiments)]
        self.units = Units(self, {unit.name: unit for group in groups for unit in group})
        if check_inputs:
            attacks = {entry for experiment in self.of("adversarial") for entry in experiment["models"]}
            different = {(unit.model.path or unit.name, unit.images.dataset): unit for unit in self.units.values()}
            inputs.check_plan(config, different.values(), attacks)

    @cached_property
    def kinds(self) -> dict[str, type[Experiment]]:
        """The kinds of experiment by name."""
        return {name: kinds.registry.get(name) for name in kinds.registry.names()}

    @cached_property
    def all_experiments(self) -> list[Experiment]:
        """All experiments of all kinds."""
        return [experiment for kind in self.experiments.values() for experiment in kind.values()]

    def of(self, kind: str) -> list[Experiment]:
        """Return the experiments of a kind."""
        return list(self.experiments[kind].values())

    def results(self, kind: str) -> list[str]:
        """Return the files that the experiments of a kind are there for."""
        return [path for experiment in self.of(kind) for path in experiment.results]

    @property
    def tables(self) -> list[str]:
        """The tables that a reader of the results looks at: those of all experiments, and the versions of packages."""
        return [*(path for each in self.all_experiments for path in each.tabulated), f"{RESULTS}/versions.csv"]

    def units_behind(self, entry: str) -> list[Unit]:
        """Return what is measured of an entry; of an archive once it is unpacked."""
        return self.entries[entry] if entry in self.entries else list(self.unpacked(entry).values())

    def unpacked(self, entry: str) -> dict[str, Unit]:
        """Return what is measured of an archive that is unpacked, by name; its files are read once."""
        if entry not in self._unpacked:
            self._unpacked[entry] = {unit.name: unit for unit in units(self.config, {entry})[entry]}
        return self._unpacked[entry]

    def brought(self, key: str, path: str | None, made: str = "") -> str | None:
        """Return a path that the configuration names; refuse it if neither it nor what is made from it is there."""
        if path and not self.elsewhere and not os.path.exists(path) and not os.path.exists(made):
            there = f"expected a file or folder that is there, seen from {os.getcwd()}."
            raise InputError(f"config key '{key}': {there} Received: {path}")
        return path

    def _files_of(self, key: str, settings: Mapping) -> None:
        """Refuse an entry whose files are not there, nor fetched as assets."""
        fetched = {self.asset_path(name) for name in self.config["assets"]}
        for name in ("file", "torch", "weights"):
            path = settings.get(name)
            if path not in fetched:
                self.brought(f"{key}.{name}", path.rpartition(":")[0] if path and name == "torch" else path)

    @property
    def folder(self) -> str:
        """The folder of the run's results."""
        return f"results/{self.config['run']}"

    # what rules ask for

    def path_variables(self) -> dict[str, str]:
        """Return what stands for folders in the rules' paths."""
        own = {"results": "", "logs": "/logs", "benchmarks": "/benchmarks"}
        kinds_of = {name: f"/{name}/{{{kind.wildcard}}}" for name, kind in self.kinds.items()}
        return {name: self.folder + path for name, path in (own | kinds_of).items()}

    def wildcards(self) -> dict[str, str]:
        """Return the regular expressions of all wildcards of rules."""
        own = {
            "dataset": one_of(self.config["datasets"]),
            "model": one_of_models([unit.model for unit in self.units.values()], *self.archived),
            "sample": one_of(self.samples),
            "layer": "[A-Za-z0-9_@.-]+",
        }
        return own | {kind.wildcard: one_of(self.experiments[name]) for name, kind in self.kinds.items()}

    def networks(self) -> str:
        """Return a wildcard for what has a network to run."""
        return one_of_models([unit.model for unit in self.units.values() if unit.model.path], *self.archived)

    def trainings(self) -> str:
        """Return a wildcard for networks that are trained here."""
        return one_of_models([unit.model for unit in self.units.values() if unit.model.history])

    def bare_images(self) -> str:
        """Return a wildcard for images without a network."""
        return one_of_models([unit.model for unit in self.units.values() if not unit.model.path and unit.has_images])

    def spoofs(self) -> str:
        """Return a wildcard for what spoofing experiments measure."""
        return one_of_models([unit.model for experiment in self.of("spoofing") for unit in experiment.own])

    # settings of jobs

    def seed_of(self, settings: Mapping) -> int:
        """Return the seed of a sample or data set: its own, or the run's."""
        return self.config["seed"] if settings["seed"] is None else settings["seed"]

    @property
    def description_settings(self) -> dict:
        """Which descriptors summarise a diagram, and how."""
        topology = self.config["topology"]
        return {"descriptors": topology["descriptors"], "parameters": parameters.of_descriptors(topology)}

    @property
    def leading_descriptor(self) -> str:
        """The descriptor of the figures that show one alone."""
        descriptors = self.config["topology"]["descriptors"]
        return "lifespan_sum" if "lifespan_sum" in descriptors else descriptors[0]

    def diagram_settings(self, sample: str) -> dict:
        """Return how the diagrams of a sample's clouds are computed."""
        settings = self.samples[sample]
        clouds = {"clouds": settings["clouds"], "classes": settings["classes"], "limit": settings["points"]}
        keys = ("max_dim", "engine", "scaling", "null_draws", "jackknife_groups")
        return pick(self.config["topology"], *keys) | clouds | {"seed": self.seed_of(settings)}

    def dimension_settings(self, sample: str) -> dict:
        """Return how the dimensions of a sample's points are estimated."""
        dimension = self.config["dimension"]
        return pick(dimension, "estimators", "scaling", "null_draws") | {
            "parameters": parameters.of_estimators(dimension),
            "seed": self.seed_of(self.samples[sample]),
        }

    def sample_settings(self, sample: str) -> dict:
        """Return how the images of a sample are drawn."""
        settings = self.samples[sample]
        indices = settings["indices"] if settings["indices"] in DRAWS else "file"
        return pick(settings, "split", "images") | {"seed": self.seed_of(settings), "indices": indices}

    def positions(self, sample: str) -> str | None:
        """Return the file that lists the images of a sample, where one does."""
        indices = self.samples[sample]["indices"]
        return None if indices in DRAWS else indices

    # assets and data sets

    def asset_path(self, name: str) -> str:
        """Return what a user of an asset reads: the file, or the folder of an archive's contents."""
        asset = self.config["assets"][name]
        return f"resources/{name}" if asset["unpack"] else f"resources/{asset['file']}"

    def asset_of(self, file: str) -> str:
        """Return the name of the asset that a file is of."""
        return next(name for name, asset in self.config["assets"].items() if asset["file"] == file)

    def asset_settings(self, file: str) -> dict:
        """Return where the file of an asset comes from."""
        return pick(self.config["assets"][self.asset_of(file)], "drive", "urls", "path", "sha256", "size")

    def file_by_hand(self, file: str) -> list[str]:
        """Return no input, but refuse a file to be put there by hand that is not there."""
        name = self.asset_of(file)
        self.brought(f"assets.{name}.path", self.config["assets"][name]["path"], f"resources/{file}")
        return []

    def dataset_paths(self, name: str, made: str) -> list[str]:
        """Return what a data set is read from; its source must be there, or what is ``made`` from it."""
        dataset = self.config["datasets"][name]
        source = self.brought(f"datasets.{name}.source", dataset["source"], f"{self.folder}/{made}")
        return ([source] if source else []) + [self.asset_path(asset) for asset in dataset["assets"]]

    def dataset_source(self, name: str) -> str:
        """Return the one path that the loader gets: the source, the asset, or the folder of several assets."""
        paths = self.dataset_paths(name, f"datasets/{name}.h5")
        if len(paths) > 1:
            return os.path.dirname(paths[0])
        return paths[0] if paths else ""

    def dataset_settings(self, name: str) -> dict:
        """Return what a loader gets beside its source."""
        dataset = self.config["datasets"][name]
        return pick(dataset, "size", "validation", "test") | {"seed": self.seed_of(dataset)} | dataset["options"]

    def datasets_used(self) -> list[str]:
        """Return the data sets whose images are measured."""
        named = {unit.images.dataset for unit in self.units.values() if unit.has_images}
        return sorted(named | {self.config["models"][entry]["dataset"] for entry in self.archived})

    def loaders_used(self) -> list[str]:
        """Return the loaders of these data sets."""
        return sorted({self.config["datasets"][name]["loader"] for name in self.datasets_used()})

    def architectures_used(self) -> list[str]:
        """Return the architectures that are trained here."""
        return sorted({unit.model.settings["architecture"] for unit in self.units.values() if unit.model.is_made})

    def external_inputs(self) -> list[str]:
        """Return every file and folder that this run reads and did not make."""
        archives = [self.asset_path(self.config["models"][entry]["asset"]) for entry in self.archived]
        files = [path for unit in self.units.values() for path in unit.brought]
        sources = [path for name in self.datasets_used() for path in self.dataset_paths(name, "provenance.json")]
        drawn = {experiment["sample"] for experiment in self.all_experiments if "sample" in experiment.settings}
        positions = [path for name in drawn if (path := self.positions(name))]
        return sorted({*archives, *files, *sources, *positions})


class Units(dict):
    """All that is measured, by name."""

    def __init__(self, plan: Plan, known: Mapping[str, Unit]) -> None:
        super().__init__(known)
        self._plan = plan

    def __missing__(self, name: str) -> Unit:
        entry = next((entry for entry in self._plan.archived if name.startswith(f"{entry}@")), None)
        found = self._plan.unpacked(entry) if entry else {}
        if name not in found:
            raise InputError(f"no model {name!r} in this configuration.")
        return found[name]


def model_settings(model: Model) -> dict:
    """Return how a network is built and trained."""
    keys = ("architecture", "activation", "width", "depth", "normalisation", "training")
    return pick(model.settings, *keys) | {"seed": model.seed}


def one_of(names: Iterable[str]) -> str:
    """Return a wildcard that stands for one of these names and for nothing else."""
    return "|".join(map(re.escape, names)) or "none"


def one_of_models(models: Iterable[Model], *entries: str) -> str:
    """Return a wildcard that stands for one of these models: its entry, and after an @ what tells it from the others.

    Entries are few, and their names hold no @; thousands of full names would slow every match. The models of an
    archive are not known before it is unpacked, so its entry is given.
    """
    names = sorted({model.entry for model in models} | {*entries})
    return f"(?:{one_of(names)})(?:@[A-Za-z0-9_@.-]+)?"
