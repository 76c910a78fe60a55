"""What all kinds of experiment share: what one measures, which figures it draws, which files it makes in the end."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from topodepth.plan.panels import Panel, measured
from topodepth.plan.units import RESULTS, Unit

if TYPE_CHECKING:
    from topodepth.plan.plan import Plan


class Figure(NamedTuple):
    """A figure that a kind of experiment draws.

    Attributes
    ----------
    tables
        Names of the tables that it shows.
    label
        What the report calls it.
    panels
        Whether it shows descriptors, so that ``figures: panels`` chooses them.
    """

    tables: tuple[str, ...]
    label: str
    panels: bool = False


class Experiment:
    """One experiment of a configuration. A kind of experiment is a class with ``@register`` in a module of ``kinds``.

    Everything about a kind follows from its class: its wildcard and folder, what ``all`` asks for, the rules that draw
    its figures, its place in the report. Its rules lie in ``workflow/rules/{kind}.smk``, its keys in the schema's
    ``$defs/{kind}``, captions of its figures in ``workflow/report/{figure}.rst``.

    Attributes
    ----------
    kind
        Its key under ``experiments``, and its folder of results.
    wildcard
        What stands for an experiment's name in rules.
    category
        Its place in the report.
    figures
        Figures that ``draw_figure.py`` draws, by module of :mod:`topodepth.figures`; the tables lie beside them.
    of_each_model
        Whether each model has figures of its own, in a folder of its own.
    beside
        Names of tables that lie beside the figures, and that none of them shows.
    """

    kind = wildcard = category = ""
    figures: ClassVar[Mapping[str, Figure]] = {}
    of_each_model = False
    beside: ClassVar[tuple[str, ...]] = ()

    def __init__(self, plan: "Plan", settings: Mapping) -> None:
        self.plan, self.settings, self.name = plan, settings, settings["name"]

    def __getitem__(self, key: str) -> Any:
        return self.settings[key]

    @property
    def archived(self) -> list[str]:
        """Its entries whose models are known once an archive is unpacked."""
        return []

    @property
    def members(self) -> list[Unit]:
        """The networks that it names, each on the images of its data set, in order."""
        return [unit for entry in self["models"] for unit in self.plan.entries[entry]]

    @property
    def own(self) -> list[Unit]:
        """What it measures beside its members."""
        return []

    @property
    def samples(self) -> Mapping[str, Mapping]:
        """The samples that it draws itself, by name."""
        return {}

    def check(self) -> None:
        """Refuse what can be known to go wrong before any job runs."""

    @property
    def title(self) -> str:
        """Its title in figures and on pages."""
        return self["title"] or self.name

    def title_of(self, wildcards: Any) -> str:
        """Return the title of a figure."""
        return self.title

    def labels(self, figure: str) -> list:
        """Return [name, label] of each curve of a figure, in order; a list of pairs keeps the order in JSON."""
        return []

    @property
    def estimates(self) -> bool:
        """Whether it measures intrinsic dimensions."""
        return "sample" in self.settings and self.plan.samples[self["sample"]]["dimensions"]

    @property
    def measured(self) -> list[Panel]:
        """The descriptors that it measures, with their homology dimensions, and estimates of dimension."""
        settings = {**self.plan.config, **self.settings}  # its own topology and dimension, where it has them
        return measured(settings["topology"], settings["dimension"] if self.estimates else None)

    def options(self, figure: str) -> dict:
        """Return further arguments of a figure: the panels that are chosen, where it measures any of them."""
        own = self.measured if self.figures[figure].panels else []
        panels = [panel for panel in self.plan.panels if panel in own]
        return {"panels": panels} if panels else {}

    @property
    def drawn(self) -> list[str]:
        """Those of its figures that it draws."""
        return list(self.figures)

    @property
    def results(self) -> list[str]:
        """The files that the experiment is there for; the rest is made on the way to them."""
        folder = f"{RESULTS}/{self.kind}/{self.name}"
        return [f"{folder}/{result}" for result in ["summary.html", *[f"{figure}.png" for figure in self.drawn]]]

    @property
    def first_of_curves(self) -> dict[str, Unit]:
        """The first model of each curve, which stands for it where one is shown alone."""
        return {unit.model.curve: unit for unit in reversed(self.members)}

    @property
    def tabulated(self) -> list[str]:
        """The tables of its folder: those that its figures show, and those beside them."""
        names = dict.fromkeys([*(name for each in self.drawn for name in self.figures[each].tables), *self.beside])
        folder = f"{RESULTS}/{self.kind}/{self.name}"
        folders = [f"{folder}/{unit.name}" for unit in self.members] if self.of_each_model else [folder]
        return [f"{folder}/{name}.csv" for folder in folders for name in names]

    def tables(self, units: list[Unit]) -> list[str]:
        """Return the table of each unit on the experiment's sample."""
        return [f"{RESULTS}/tables/{unit.name}/{self['sample']}.csv" for unit in units]


def as_json(settings: object) -> str:
    """Return settings as one canonical text: the same settings always give the same text."""
    return json.dumps(settings, sort_keys=True, separators=(",", ":"))


def pick(settings: Mapping, *keys: str) -> dict:
    """Return some of the settings."""
    return {key: settings[key] for key in keys}
