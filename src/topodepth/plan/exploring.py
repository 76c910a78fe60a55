"""What the page shows on which a run is explored: which files it is made from, and what each of them is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from topodepth.plan.experiment import Experiment
from topodepth.plan.kinds.depth import spread
from topodepth.plan.plan import Plan
from topodepth.plan.units import RESULTS, Unit

NETWORKS, LAYERS = 12, 16  # of more networks only curves are shown; of more layers, those spread over the depth


@dataclass
class Explored:
    """The files of the page, and what they are.

    Attributes
    ----------
    tables, trends, layers, pages, datasets
        Files: a table for each view, the trends of each attack, the layers of each network, the pages of experiments,
        a data set for each sheet of thumbnails.
    contents
        What they are, as ``write_explorer.py`` takes it.
    """

    tables: list[str] = field(default_factory=list)
    trends: list[str] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    datasets: list[str] = field(default_factory=list)
    contents: dict = field(
        default_factory=lambda: {"views": [], "sheets": [], "splits": [], "kinds": [], "left": 0, "most": LAYERS}
    )


def explored(plan: Plan) -> Explored:
    """Return what the page shows: comparisons by depth, trainings, attacks, and the sentences of all experiments."""
    found = Explored()
    found.contents["run"] = plan.config["run"]
    for item in plan.of("depth"):
        _add_comparison(plan, found, item)
    for item in plan.of("dynamics"):
        _add_trainings(found, item)
    for item in plan.of("adversarial"):
        for unit in item.members:
            _add_attack(plan, found, item, unit)
    for item in plan.all_experiments:
        pages = [path for path in item.results if path.endswith("/summary.html")]
        found.pages += pages
        found.contents["kinds"] += [item.category] * len(pages)
    return found


def _add_comparison(plan: Plan, found: Explored, item: Experiment) -> None:
    """Add a comparison; one model stands for each curve, as among the diagrams that are drawn."""
    first, labels = item.first_of_curves, item.labels("depth")
    networks = {curve: f"{RESULTS}/explore/networks/{first[curve].name}/{item['sample']}.json" for curve, _ in labels}
    places = {curve: _place(plan, found, path, first[curve], item["sample"]) for curve, path in networks.items()}
    view = {"kind": item.category, "title": item.title, "labels": labels, "layers": places, "trends": False}
    _add_view(found, view, f"{RESULTS}/depth/{item.name}/depth.csv")


def _add_trainings(found: Explored, item: Experiment) -> None:
    """Add the trainings of an experiment: curves by depth at each snapshot, without points and bars."""
    view = {
        "kind": item.category,
        "title": item.title,
        "labels": item.labels("dynamics"),
        "layers": {},
        "trends": False,
    }
    _add_view(found, view, f"{RESULTS}/dynamics/{item.name}/dynamics.csv")


def _add_attack(plan: Plan, found: Explored, item: Experiment, unit: Unit) -> None:
    path = f"{RESULTS}/explore/attacks/{item.name}/{unit.name}.json"
    places = {unit.name: _place(plan, found, path, unit, item["sample"])}
    folder, label = f"{RESULTS}/adversarial/{item.name}/{unit.name}", unit.model.own_label
    found.trends.append(f"{folder}/trends.csv")
    view = {"kind": item.category, "title": f"{item.title}: {label}", "labels": [[unit.name, label]]}
    _add_view(found, view | {"layers": places, "trends": True}, f"{folder}/table.csv")


def _add_view(found: Explored, view: Mapping, table: str) -> None:
    found.tables.append(table)
    layers = {curve: place for curve, place in view["layers"].items() if place is not None}
    found.contents["views"].append({**view, "layers": layers})


def _place(plan: Plan, found: Explored, path: str, unit: Unit, sample: str) -> int | None:
    """Return the place of a network among those whose layers are shown; None of one too many."""
    if path in found.layers:
        return found.layers.index(path)
    if len(found.layers) == NETWORKS:
        found.contents["left"] += 1
        return None
    found.layers.append(path)
    found.contents["sheets"].append(_sheet(plan, found, unit, sample))
    return len(found.layers) - 1


def _sheet(plan: Plan, found: Explored, unit: Unit, sample: str) -> int | None:
    """Return the place of the thumbnails of a network's images; None where there are none."""
    if not unit.has_images:
        return None
    path, split = f"{RESULTS}/datasets/{unit.images.dataset}.h5", plan.samples[sample]["split"]
    known = list(zip(found.datasets, found.contents["splits"], strict=True))
    if (path, split) not in known:
        found.datasets.append(path)
        found.contents["splits"].append(split)
        return len(known)
    return known.index((path, split))


def shown_layers(files: list[str]) -> list[str]:
    """Return the files of the layers that are shown of a network, spread over its depth."""
    return spread(files, LAYERS)
