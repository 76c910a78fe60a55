"""What the page shows, gathered from the tables, pages and data sets of a run."""

import base64
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from topodepth.datasets import DataSet
from topodepth.figures import style
from topodepth.figures.explore.layers import BARS, CLASSES, POINTS, rounded, shown_classes
from topodepth.figures.frame import KEYS, NULL, RELATIVE, VALUE, tidy
from topodepth.files import texts
from topodepth.tables.rows import OF_SCALE, measure, of_scale

if TYPE_CHECKING:
    from pandas import DataFrame

SIDE, PER_ROW = 32, 20  # pixels of a thumbnail; thumbnails in a row of the sheet
NUMBERS = (*VALUE, *NULL, *RELATIVE)
COLUMNS = (*KEYS, *NUMBERS)
# columns whose values are walked through: what they are called, and the numbers that are told of each
STEPS = {"epsilon": "Attack strength", "epoch": "Epoch"}
REACHED = {"epsilon": {"macro_f1": "F1", "success_rate": "success"}, "epoch": {"test_accuracy": "test accuracy"}}


@dataclass(frozen=True)
class View:
    """A comparison by depth, trainings that are followed, or a network under an attack.

    Attributes
    ----------
    kind, title
        Where it stands among the others, and what it is called.
    table
        Descriptor table; one of an attack has the column ``epsilon``, one of trainings ``epoch``.
    labels
        Names of the curves, in order.
    layers
        Of some curves what :func:`topodepth.figures.explore.layers.of_network` returns, its place in the page's list.
    sentences
        Table of the trends of an attack, with a sentence for each measure; None of others.
    """

    kind: str
    title: str
    table: "DataFrame"
    labels: Mapping[str, str]
    layers: Mapping[str, int] = field(default_factory=dict)
    sentences: "DataFrame | None" = None


def of_run(
    run: str, views: Iterable[View], networks: Sequence[Mapping], images: Sequence[Mapping | None], words: list[dict]
) -> dict:
    """Return all that the page shows, as JSON can hold it.

    Parameters
    ----------
    run
        Name of the run.
    views
        What can be chosen.
    networks
        What is shown of the layers of networks, with ``sheet``, the place of its images in the next.
    images
        Sheets of thumbnails, :func:`sheet`; None where a data set has no images.
    words
        ``kind``, ``title`` and ``said``, a list of sentences, of each experiment.
    """
    return {
        "run": run,
        "views": [of_view(view) for view in views],
        "networks": list(networks),
        "sheets": list(images),
        "words": words,
        "limits": {"points": POINTS, "bars": BARS, "classes": CLASSES},
        "look": {
            "colours": style.COLOURS,
            "grey": style.GREY,
            "null": style.NULL_NAME,
            "interval": style.INTERVAL_NAME,
        },
    }


def views(told: Sequence[Mapping], tables: Iterable[str], trends: Iterable[str]) -> Iterator[View]:
    """Yield what can be chosen, as a plan tells it, with its tables; attacks take those of trends in turn."""
    rest = iter(trends)
    for each, path in zip(told, tables, strict=True):
        sentences = texts.read_table(next(rest)) if each["trends"] else None
        layers = dict(each["layers"])
        yield View(each["kind"], each["title"], texts.read_table(path), dict(each["labels"]), layers, sentences)


def of_view(view: View) -> dict:
    """Return what is shown of a view: its curves by step, measure and class, and what is said of them."""
    column = next((name for name in STEPS if name in view.table), "")
    table = tidy(view.table, [*COLUMNS, *([column] if column else []), *REACHED.get(column, ())], "explore")
    if column == "epsilon":
        table["model"] = next(iter(view.labels))  # which the table calls otherwise at each strength
    steps = [(_place(view.table, column, value), own) for value, own in table.groupby(column)] if column else []
    names = [name for name in view.labels if name in set(table["model"])]
    layers = {name: _layers(table[table["model"] == name]) for name in names}
    return {
        "kind": view.kind,
        "title": view.title,
        "step": STEPS.get(column),
        "first": "clean images" if column == "epsilon" else steps[0][0] if steps else None,
        "models": [
            {
                "label": view.labels[name],
                "layers": layers[name],
                "network": view.layers.get(name),
                "curves": [_curves(own[own["model"] == name], layers[name]) for _, own in steps or [("", table)]],
                "reached": [_reached(place, own[own["model"] == name], column) for place, own in steps],
            }
            for name in names
        ],
        "sentences": {} if view.sentences is None else _sentences(view.sentences, layers[names[0]]),
    }


def _place(told: "DataFrame", column: str, value: float) -> str:
    return f"ε = {value:g} ({told['epsilon_unit'].iloc[0]})" if column == "epsilon" else f"epoch {value:g}"


def _reached(place: str, rows: "DataFrame", column: str) -> str:
    """Return what is told of a network at a step; of a training that kept no snapshot there, that."""
    if rows.empty:
        return f"{place}: no snapshot of this model"
    first = rows.iloc[0]
    told = [f"{words} {first[name]:.3g}" for name, words in REACHED[column].items() if np.isfinite(first[name])]
    return ", ".join([place, *told])


def _layers(rows: "DataFrame") -> list[list]:
    """Return the layers of a network and their relative depths, in order."""
    found = rows.drop_duplicates("layer").sort_values("relative_depth", kind="stable")
    return [[name, rounded([depth])[0]] for name, depth in zip(found["layer"], found["relative_depth"], strict=True)]


def _key(descriptor: str, degree: float) -> str:
    return descriptor if np.isnan(degree) else f"{descriptor} {degree:g}"


def _curves(rows: "DataFrame", layers: Sequence[Sequence]) -> dict:
    """Return curves ``{measure: {name, order, classes: {class: {column: one number per layer}}}}``."""
    curves = {}
    places = {name: place for place, (name, _) in enumerate(layers)}
    rows = rows[rows["class"].isin(shown_classes(rows["class"]))]
    for (descriptor, degree), own in rows.groupby(["descriptor", "homology_dimension"], sort=False, dropna=False):
        name = str(descriptor)
        curves[_key(name, degree)] = {
            "name": measure(name, degree),
            "order": int(name.removeprefix(OF_SCALE)) if of_scale(name) else None,
            "classes": {str(cloud): _columns(points, places) for cloud, points in own.groupby("class", sort=False)},
        }
    return curves


def _columns(rows: "DataFrame", places: Mapping[str, int]) -> dict:
    """Return each column of numbers that is not empty, (layers,), in the order of the layers."""
    found = {}
    for column in NUMBERS:
        numbers = np.full(len(places), np.nan)
        numbers[[places[name] for name in rows["layer"]]] = rows[column]
        if np.isfinite(numbers).any():
            found[column] = rounded(numbers)
    return found


def _sentences(trends: "DataFrame", layers: Sequence[Sequence]) -> dict:
    """Return what is said of an attack, ``{measure: {class: [a sentence a layer]}}``."""
    rows = trends[
        (trends["version"] == "value") & trends["class"].astype(str).isin(shown_classes(trends["class"].astype(str)))
    ]
    found: dict = {}
    for row in rows.to_dict("records"):
        by_class = found.setdefault(_key(row["descriptor"], row["homology_dimension"]), {})
        said = by_class.setdefault(str(row["class"]), {})
        said[row["layer"]] = row["sentence"]
    return {
        key: {cloud: [said.get(name) for name, _ in layers] for cloud, said in by_class.items()}
        for key, by_class in found.items()
    }


def sheet(dataset: DataSet, split: str, indices: Iterable[int]) -> dict | None:
    """Return thumbnails of some images of a split on one sheet; None of a data set without images.

    Returns
    -------
    dict
        ``source``: a PNG as an address that holds it; ``side`` in pixels, ``columns``; ``places``: the index of each
        image, in the order of the sheet; ``classes``: names of the classes.
    """
    if dataset.kind != "images" or dataset.image_shape[-1] not in (1, 3):
        return None
    from PIL import Image

    places = sorted({*map(int, indices)})
    images = dataset.images(split)
    side = min(SIDE, max(dataset.image_shape[:2]))
    colour = "RGB" if dataset.image_shape[-1] == 3 else "L"
    rows = -(-len(places) // PER_ROW)
    whole = Image.new(colour, (side * PER_ROW, side * max(rows, 1)))
    for place, index in enumerate(places):
        pixels = np.asarray(images[index : index + 1][0])
        one = Image.fromarray(pixels if colour == "RGB" else pixels[..., 0])
        one.thumbnail((side, side))
        whole.paste(one, (place % PER_ROW * side, place // PER_ROW * side))
    held = io.BytesIO()
    whole.save(held, "PNG", optimize=True)
    return {
        "source": "data:image/png;base64," + base64.b64encode(held.getvalue()).decode("ascii"),
        "side": side,
        "columns": PER_ROW,
        "places": places,
        "classes": dataset.class_names,
    }
