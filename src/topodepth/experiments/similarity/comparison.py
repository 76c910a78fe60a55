"""All layers of one network against all of another, on the same images: values, intervals, null values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real

import numpy as np

from topodepth.errors import InputError
from topodepth.experiments.similarity.settings import SimilaritySettings
from topodepth.similarity import Side, registry
from topodepth.similarity.neighbours import label_overlap
from topodepth.statistics import jackknife_interval
from topodepth.topology.clouds import left_out

MATCHED = "(same depth)"  # the layer of rows that are of two networks as a whole
LABELS = "(labels)"  # and of those that compare a layer with the labels
OVERLAP = "label_overlap"
SIMILARITY, DISTANCE = "similarity", "distance"
COLUMNS = (
    "run", "dataset", "model_a", "layer_a", "relative_depth_a", "model_b", "layer_b", "relative_depth_b", "measure",
    "kind", "value", "ci_low", "ci_high", "null_value", "p_value", "beyond_null", "class_null_value", "class_p_value",
    "beyond_class_null", "n_points", "note",
)  # fmt: skip
CONSTANT = "undefined: a layer gives most images the same point"
ROUNDING = 1e-12  # values that differ by less are equal
UNPAIRED = "does not depend on which image is which: no order of images is a null model of it"


@dataclass(frozen=True)
class Network:
    """A network's layers on some images.

    Attributes
    ----------
    model
        Its name.
    layers, depths
        Names of the layers, from input to output, and their relative depths.
    sides
        The points of each layer.
    """

    model: str
    layers: Sequence[str]
    depths: Sequence[float]
    sides: Sequence[Side]

    def take(self, rows: np.ndarray) -> "Network":
        """Return the network on some of the images."""
        return Network(self.model, self.layers, self.depths, [side.take(rows) for side in self.sides])


@dataclass(frozen=True)
class Values:
    """Values of one thing that is measured.

    Attributes
    ----------
    value
        Of all images.
    parts
        Without each group of them, (groups,).
    orders, class_orders
        With those of one side in another order, (permutations,), and in another order within each class.
    """

    value: float
    parts: np.ndarray
    orders: np.ndarray
    class_orders: np.ndarray


def compare(
    a: Network, b: Network, labels: np.ndarray | None, settings: SimilaritySettings, about: Mapping[str, object]
) -> list[dict]:
    """Compare every layer of one network with every layer of another, or of the same one.

    Parameters
    ----------
    a, b
        Networks on the same images in the same order; the same object for one network's layers among themselves.
    labels
        Class (n,) of each image, or None.
    settings
        What is measured, and how.
    about
        The columns run and dataset of all rows.

    Returns
    -------
    list of dict
        With the columns :data:`COLUMNS`: a row for each pair of layers and measure (of one network: each pair once, and
        each layer with itself); one for each measure of both networks as a whole, whose layers are MATCHED; and, of one
        network, one for each layer and its labels.

    Raises
    ------
    InputError
        If a measure fails; the message names the layers.

    Notes
    -----
    Intervals come from the delete-a-group jackknife: no image is ever there twice, since copies are their own
    neighbours. The null value is the mean over images of one side in another order; its ``p_value`` is the share of
    orders, that of the data among them, at least as alike. ``class_`` columns are the same within classes: what knowing
    the class alone gives. ``beyond_null`` is (value − null) / (best − null): 0 by chance, 1 for the same. Networks as a
    whole: each layer with the other's layer of the nearest relative depth, averaged over the layers of both.
    """
    measures = [_Measure(name, settings.parameters.get(name, {})) for name in settings.measures]
    n = len(a.sides[0])
    full = _values(a, b, measures)
    parts = [_of_part(a, b, measures, rows) for rows in left_out(n, settings.jackknife_groups, settings.seed)]
    orders = [_values(a, b, measures, order) for order in _orders(np.zeros(n), settings, 5)]
    class_orders = []
    if labels is not None:
        class_orders = [_values(a, b, measures, order) for order in _orders(labels, settings, 6)]
    rows = []
    for number, measure in enumerate(measures):
        every = [_stacked(arrays, number, full[number].shape) for arrays in (parts, orders, class_orders)]
        own = {**about, "model_a": a.model, "model_b": b.model, "measure": measure.name, "kind": measure.kind}
        for i, j in _places(a, b):
            values = Values(float(full[number, i, j]), *(found[:, i, j] for found in every))
            rows.append(own | _ends(a, b, i, j) | _columns(values, measure, n))
        values = Values(float(matched(a, b, full[number])), *(matched(a, b, found) for found in every))
        rows.append(own | {"layer_a": MATCHED, "layer_b": MATCHED} | _columns(values, measure, n))
    if a is b and labels is not None and "neighbour_overlap" in settings.measures:
        rows += _with_labels(a, labels, settings, about)
    return rows


def matched(a: Network, b: Network, values: np.ndarray) -> np.ndarray:
    """Return the mean of values (…, layers of a, layers of b) over pairs of layers of the nearest relative depths.

    Each layer counts once: with the other network's layer that is nearest, the first of two.
    """
    apart = np.abs(np.subtract.outer(np.asarray(a.depths, dtype=float), np.asarray(b.depths, dtype=float)))
    of_a = values[..., np.arange(len(apart)), apart.argmin(axis=1)]
    of_b = values[..., apart.argmin(axis=0), np.arange(apart.shape[1])]
    return (of_a.mean(axis=-1) + of_b.mean(axis=-1)) / 2


class _Measure:
    """A measure with its settings."""

    def __init__(self, name: str, parameters: Mapping[str, object]) -> None:
        function = registry.get(name)
        self.name = name
        self.function: Callable[[Side, Side], float] = partial(function, **parameters)
        self.kind = DISTANCE if registry.attribute(name, "distance") else SIMILARITY
        self.paired = bool(getattr(function, "paired", True))

    def number(self, one: Side, other: Side, where: str) -> float:
        """Return the value of two layers; what goes wrong names them."""
        try:
            value = self.function(one, other)
            if not isinstance(value, Real):
                raise InputError(f"{self.name}: expected to return a number. Received: {value!r:.100}.")
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        return float(value)


def _values(a: Network, b: Network, measures: Sequence[_Measure], order: np.ndarray | None = None) -> np.ndarray:
    """Return all values (measures, layers of a, layers of b), the images of b in another order where one is given.

    Of one network each pair is measured once. In another order only what depends on it is: the rest is NaN, as are
    pairs with a constant layer.
    """
    same = a is b
    values = np.full((len(measures), len(a.layers), len(b.layers)), np.nan)
    for j, side in enumerate(b.sides):
        other = side if order is None else side.permuted(order)
        for i in range(j + 1 if same else len(a.layers)):
            if a.sides[i].constant or other.constant:
                continue
            where = f"model {a.model}, layer {a.layers[i]}, and model {b.model}, layer {b.layers[j]}"
            for number, measure in enumerate(measures):
                if order is None or measure.paired:
                    values[number, i, j] = measure.number(a.sides[i], other, where)
            if same:
                values[:, j, i] = values[:, i, j]
    return values


def _of_part(a: Network, b: Network, measures: Sequence[_Measure], rows: np.ndarray) -> np.ndarray:
    part = a.take(rows)
    return _values(part, part if a is b else b.take(rows), measures)


def _places(a: Network, b: Network) -> Iterator[tuple[int, int]]:
    """Yield the pairs of layers that have a row: of one network each once."""
    for i in range(len(a.layers)):
        for j in range(i if a is b else 0, len(b.layers)):
            yield i, j


def _stacked(arrays: Sequence[np.ndarray], number: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return the values of one measure in every part or order, (how many, layers of a, layers of b)."""
    return np.array([values[number] for values in arrays]).reshape(-1, *shape)


def _orders(classes: np.ndarray, settings: SimilaritySettings, stream: int) -> Iterator[np.ndarray]:
    """Yield orders of the images in which each stays within its class."""
    rng = np.random.default_rng([settings.seed, stream])
    members = [np.flatnonzero(classes == label) for label in np.unique(classes)]
    for _ in range(settings.permutations):
        order = np.arange(len(classes))
        for own in members:
            order[own] = rng.permutation(own)
        yield order


def _ends(a: Network, b: Network, i: int, j: int) -> dict:
    return {
        "layer_a": a.layers[i],
        "relative_depth_a": a.depths[i],
        "layer_b": b.layers[j],
        "relative_depth_b": b.depths[j],
    }


def _columns(values: Values, measure: _Measure, n: int) -> dict:
    """Return the columns of one value."""
    distance = measure.kind == DISTANCE
    value, low, high = jackknife_interval(values.value, values.parts)
    # nothing is more alike than the same
    low, high = (np.maximum(low, 0.0), high) if distance else (low, np.minimum(high, 1.0))
    row: dict[str, object] = {"value": value, "ci_low": low, "ci_high": high, "n_points": n}
    for name, draws in (("", values.orders), ("class_", values.class_orders)):
        if measure.paired and len(draws) and np.isfinite([values.value, *draws]).all():
            row |= _beside_null(name, values.value, draws, distance=distance)
    undefined = not np.isfinite(values.value)
    return row | {"note": CONSTANT if undefined else "" if measure.paired else UNPAIRED}


def _beside_null(name: str, value: float, draws: np.ndarray, *, distance: bool) -> dict:
    """Return the columns that say where a value lies beside its null model; Phipson & Smyth (2010) of the p-value."""
    null, best = float(draws.mean()), 0.0 if distance else 1.0
    as_like = draws <= value + ROUNDING if distance else draws >= value - ROUNDING
    beyond = (value - null) / (best - null) if abs(best - null) > ROUNDING else float("nan")
    return {
        f"{name}null_value": null,
        f"{name}p_value": (1 + int(as_like.sum())) / (1 + len(draws)),
        f"beyond_{name}null": beyond,
    }


def _with_labels(a: Network, labels: np.ndarray, settings: SimilaritySettings, about: Mapping) -> list[dict]:
    """Return a row for each layer: how many of an image's neighbours bear its label, beside labels in another order."""
    chosen = settings.parameters.get("neighbour_overlap", {})
    measure = _Measure("neighbour_overlap", chosen)
    n = len(labels)
    parts = list(left_out(n, settings.jackknife_groups, settings.seed))
    orders = list(_orders(np.zeros(n), settings, 5))
    rows = []
    for layer, depth, side in zip(a.layers, a.depths, a.sides, strict=True):
        overlap: Callable[[Side, np.ndarray], float] = partial(label_overlap, **chosen)
        if side.constant:
            values = Values(np.nan, np.empty(0), np.empty(0), np.empty(0))
        else:
            values = Values(
                overlap(side, labels),
                np.array([overlap(side.take(part), labels[part]) for part in parts]),
                np.array([overlap(side, labels[order]) for order in orders]),
                np.empty(0),
            )
        own = {**about, "model_a": a.model, "layer_a": layer, "relative_depth_a": depth, "model_b": a.model}
        rows.append(own | {"layer_b": LABELS, "measure": OVERLAP, "kind": SIMILARITY} | _columns(values, measure, n))
    return rows
