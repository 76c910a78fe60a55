"""What a run says of itself to those who write about it: its configuration, its versions, its tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topodepth.files import texts
from topodepth.networks.kinds import MODEL_ENDINGS

if TYPE_CHECKING:
    import pandas

# kinds of experiment that measure layers with the run's own settings of topology and dimension
LAYER_BY_LAYER = ("depth", "dynamics", "generalization", "adversarial")
ONNX = ".onnx"


@dataclass(frozen=True)
class Run:
    """A run that is finished.

    Attributes
    ----------
    record
        What made it, as in ``provenance.json``: ``config``, ``versions``, ``tables``.
    folder
        Its folder.
    """

    record: Mapping[str, Any]
    folder: Path

    @property
    def config(self) -> Mapping[str, Any]:
        """The complete configuration."""
        return self.record["config"]

    def experiments(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the settings of the experiments of a kind."""
        return self.config["experiments"].get(kind, [])

    @cached_property
    def all_experiments(self) -> list[tuple[str, Mapping[str, Any]]]:
        """The kind and the settings of every experiment."""
        return [(kind, each) for kind, several in self.config["experiments"].items() for each in several]

    @cached_property
    def entries(self) -> list[str]:
        """The entries of ``models`` and ``activations`` that an experiment names, each once."""
        return list(dict.fromkeys(name for _, each in self.all_experiments for name in each["models"]))

    @cached_property
    def samples(self) -> list[str]:
        """The samples that an experiment names, each once."""
        return list(dict.fromkeys(each["sample"] for _, each in self.all_experiments if "sample" in each))

    def measures(self, section: str) -> bool:
        """Return whether an experiment measures what a section of the configuration is about: topology or dimension."""
        asked = [(kind, each) for kind, each in self.all_experiments if kind in LAYER_BY_LAYER]
        if section == "topology":
            return bool(asked)
        return bool(self.config["dimension"]["estimators"]) and any(
            each["dimensions"] if kind == "adversarial" else self.config["samples"][each["sample"]]["dimensions"]
            for kind, each in asked
        )

    def opened(self, name: str) -> set[str]:
        """Return what ran the networks of an entry, of `keras`, `onnx` and `torch`; of an archive that is not known."""
        settings = self.config["models"][name]
        if settings["torch"]:
            return {"torch"}
        if settings["asset"]:
            files = [self.config["assets"][settings["asset"]]["file"]]
        elif settings["directory"]:
            files = [path for path in self.record["inputs"] if Path(settings["directory"]) in Path(path).parents]
        else:
            files = [settings["file"] or "trained.keras"]
        endings = {Path(path).suffix.lower() for path in files} & {*MODEL_ENDINGS}
        return {"onnx" if ending == ONNX else "keras" for ending in endings}

    def table(self, path: str) -> "pandas.DataFrame":
        """Return a table of the run."""
        return texts.read_table(self.folder / path)

    def seed(self, settings: Mapping[str, Any]) -> int:
        """Return the seed of something: its own, or the run's."""
        own = settings.get("seed")
        return int(self.config["seed"] if own is None else own)

    def version(self, package: str) -> str:
        """Return `` 1.2.3``, the version of a package; nothing where it is not known."""
        found = self.record["versions"].get(package)
        return f" {found}" if found else ""


def listed(items: Iterable[object], last: str = "and") -> str:
    """Return items as they stand in a sentence: ``a, b and c``."""
    *most, end = [*map(str, items)] or ["none"]
    return f"{', '.join(most)} {last} {end}" if most else end


def named(names: Iterable[object]) -> str:
    """Return names as they stand in a sentence: ```a` and `b```."""
    return listed(f"`{name}`" for name in names)


def times(number: int) -> str:
    """Return how often something was done."""
    return "once" if number == 1 else f"{number} times"


def span(values: Iterable[float], form: str = "g") -> str:
    """Return the least and the largest value, or the one that all are."""
    known = [*values]
    ends = [format(pick, form) for pick in (min(known), max(known))]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
