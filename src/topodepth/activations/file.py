"""Activations of a network's layers on a set of images, in one HDF5 file that anyone can also make by hand.

Layout: ``/layers/{index:03d}_{name}`` float (n, d), the index giving the order of depth, with the attributes
``token``, ``layer_class``, ``reduction`` and ``relative_depth``; ``/labels`` (n,) and ``/indices`` (n,) whole numbers.
Where points are tokens, ``/indices`` are the items that they are of, and ``/places`` (n,) where in these they stand.
``/shuffled/{draw}`` may hold the same layers once more, of the same items with their tokens in another order.
"""

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from topodepth.errors import InputError, unknown_name
from topodepth.files import hdf5
from topodepth.homology.devices import library_of, on_host
from topodepth.topology.place import Place

if TYPE_CHECKING:
    import h5py

Answer = TypeVar("Answer")

FORMAT = "topodepth-activations"
VERSION = 1
NAME_LIMIT = 200  # characters: names become parts of file names and of lines on a screen
LARGEST = 2**31  # values a layer: 8 GB
BLOCK = 1024  # points read at once by the validator
HOW = "docs/activations.md says how one is written."
# what makes (n, d) of a layer with more axes, or fewer
MEANS = {
    1: "One feature? Write values[:, None].",
    3: "Average over positions before you write: values.mean(axis=1).",
    4: "Average over space before you write: values.mean(axis=(1, 2)), or axis=(2, 3) with channels first.",
    5: "Average over space before you write: values.mean(axis=(1, 2, 3)), or axis=(2, 3, 4) with channels first.",
}


@dataclass(frozen=True)
class Representation:
    """What the points of one layer are: its name, dimension ``d`` and place in the network, or the data themselves."""

    token: str
    name: str
    layer_class: str
    reduction: str
    relative_depth: float
    d: int


@dataclass(frozen=True)
class LayerPoints(Representation):
    """One layer in an activations file: what its points are, and where they lie."""

    index: int
    dataset: str = field(repr=False)


@dataclass(frozen=True, repr=False)
class Activations:
    """An activations file, opened; the points themselves are read one layer at a time.

    Attributes
    ----------
    path, model, attributes
        The file, the name of its model (the file's stem if it names none), and all attributes of the file.
    n
        Number of points, the same in every layer.
    layers
        In order of depth.
    labels
        (n,) int64, or None if the file has none.
    indices
        (n,) int64, rows of the data set; 0 … n − 1 if the file has none.
    places
        (n,) int64, where in its item each token stands, counted from 0; None where points are no tokens.
    draws
        How often the layers are there once more with tokens shuffled, see :meth:`shuffled`.
    held
        Points that lie on a device, tensors by the name of their data set, which is empty.
    """

    path: Path
    model: str
    attributes: dict
    n: int
    layers: tuple[LayerPoints, ...]
    labels: np.ndarray | None
    indices: np.ndarray
    places: np.ndarray | None = None
    draws: int = 0
    held: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{layer.token} {self.n} × {layer.d}" for layer in self.layers)
        return f"Activations({self.model!r}: {sizes})"

    def layer(self, token: str) -> LayerPoints:
        """Return a layer by its token, or by its name if no token is like that."""
        for key in ("token", "name"):
            for layer in self.layers:
                if getattr(layer, key) == str(token):
                    return layer
        raise unknown_name(f"layer of {self.path}", token, [layer.token for layer in self.layers])

    def place(self, token: str, model: str | None = None) -> Place:
        """Return what every result of a layer says of it; under another name of the model where one is given."""
        layer = self.layer(token)
        return Place(model or self.model, layer.token, layer.index, layer.relative_depth)

    def points(self, token: str, *, in_place: bool = False) -> np.ndarray:
        """Return the activations of a layer, (n, d) float32; ``in_place``, those on a device as a tensor there.

        Raises
        ------
        InputError
            If the layer is unknown or has NaN or infinite values.
        """
        layer = self.layer(token)
        return self._read(layer, layer.dataset, f"layer {token!r}", in_place)

    def shuffled(self, token: str, *, in_place: bool = False) -> Iterator[np.ndarray]:
        """Yield the same points of a layer, (n, d) float32, in each draw of shuffled tokens; all else as for them."""
        layer = self.layer(token)
        for draw in range(self.draws):
            yield self._read(layer, _of_draw(layer, draw), f"layer {token!r}, shuffled {draw}", in_place)

    def _read(self, layer: LayerPoints, dataset: str, what: str, in_place: bool) -> np.ndarray:
        if dataset in self.held:  # checked as they were put there
            return self.held[dataset] if in_place else on_host(self.held[dataset])
        with hdf5.open_h5(self.path, HOW) as file:
            values = _points(f"{self.path}: {what}", file, dataset)[()].astype(np.float32)
        try:
            check_finite(values, self.model, layer.name)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None
        return values


def read_activations(path: str | Path, held: Mapping[str, Any] | None = None) -> Activations:
    """Open an activations file, made by :func:`topodepth.activations.extraction.extract` or by anyone else.

    Only ``/layers`` is needed. A layer without the attributes ``token`` and ``relative_depth`` is called by its name,
    without leading digits, and lies at (k + 1) / number of layers. Points ``held`` elsewhere need not be stored.

    Raises
    ------
    InputError
        If the file is missing, damaged, not laid out as described in this module, or leads to other files.
    """
    path, held = Path(path), held or {}
    with hdf5.open_h5(path, HOW) as file:
        attributes = _attributes(path, file)
        _check_version(path, attributes)
        group, keys = _layer_keys(path, file)
        layers: list[LayerPoints] = []
        n = None
        for index in range(len(keys)):
            layer, n = _read_layer(path, group, keys, index, n, held=held)
            layers.append(layer)
        assert n is not None  # there is a layer
        _check_tokens(path, layers)
        indices, places = _read_rows(path, file, n)
        draws = len(_shuffled_groups(path, file))
        for layer in layers:
            for draw in range(draws):
                _check_draw(path, file, layer, draw, n, held=held)
        return Activations(
            path=path,
            model=str(attributes.get("model", path.stem)),
            attributes=attributes,
            n=n,
            layers=tuple(layers),
            labels=_read_column(path, file, "labels", n),
            indices=np.arange(n) if indices is None else indices,
            places=places,
            draws=draws,
            held=held,
        )


def validate(path: str | Path) -> list[str]:
    """Return all that is wrong with an activations file, one line each; an empty list if it can be measured.

    Beyond what :func:`read_activations` refuses, every value is read, a block at a time: it must be finite, and no
    layer constant.

    Raises
    ------
    InputError
        If the file is missing or no readable HDF5 file at all.
    """
    path = Path(path)
    problems: list[str] = []

    def attempt(check: Callable[..., Answer], *arguments: object) -> Answer | None:
        try:
            return check(path, *arguments)
        except InputError as error:
            problems.append(str(error))
            return None

    with hdf5.open_h5(path, HOW) as file:
        attributes = attempt(_attributes, file)
        if attributes:
            attempt(_check_version, attributes)
        group, keys = attempt(_layer_keys, file) or (None, [])
        layers: list[LayerPoints] = []
        n = None
        for index in range(len(keys)):
            layer, n = attempt(_read_layer, group, keys, index, n) or (None, n)
            if layer is not None:
                layers.append(layer)
                attempt(_check_values, group, layer)
        attempt(_check_tokens, layers)
        if n is not None:
            attempt(_read_column, file, "labels", n)
            attempt(_read_rows, file, n)
        for draw in range(len(attempt(_shuffled_groups, file) or ())):
            for layer in layers:
                if attempt(_check_draw, file, layer, draw, n):
                    attempt(_check_values, group, replace(layer, dataset=_of_draw(layer, draw)), f", shuffled {draw},")
    return problems


def check_finite(values: np.ndarray, model: str, layer: str) -> None:
    """Refuse activations that are NaN or infinite, naming model and layer."""
    finite = library_of(values).isfinite(values)
    if not finite.all():
        received = f"{int((~finite).sum())} NaN or infinite of {math.prod(values.shape)}"
        raise InputError(f"model {model!r}, layer {layer!r}: activations expected to be finite. Received: {received}")


def _attributes(path: Path, item: "h5py.Group | hdf5.StoredArray", where: str = "") -> dict[str, object]:
    """Return the attributes of a file or data set as Python values; those that name things must be short lines."""
    attributes = hdf5.attributes_of(f"{path}:{where}", item)
    for key in ("model", "token", "layer_class", "reduction"):
        value = attributes.get(key, "")
        if not isinstance(value, str) or len(value) > NAME_LIMIT or not value.isprintable():
            expected = f"expected as one line of at most {NAME_LIMIT} characters"
            raise InputError(f"{path}:{where} attribute {key!r} {expected}. Received: {value!r:.60}")
    return attributes


def _check_version(path: Path, attributes: Mapping) -> None:
    for key, expected in {"format": FORMAT, "version": VERSION}.items():
        found = attributes.get(key, expected)
        if not isinstance(found, str | Real) or found != expected:
            raise InputError(f"{path}: attribute {key!r} expected {expected!r}. Received: {found!r}")


def _layer_keys(path: Path, file: "h5py.File") -> "tuple[h5py.Group, list[str]]":
    """Return the group of layers and their names in order of depth: by leading number, then by name."""
    where, held = f"{path}: '/layers'", hdf5.names_in(f"{path}:", file)
    group = hdf5.own_group(where, file, "layers") if "layers" in held else None
    keys = hdf5.names_in(where, group) if group is not None else []
    if not keys:
        raise InputError(
            f"{path}: expected a group '/layers' with one data set (n, d) a layer. Received: {held}. {HOW}"
        )

    def place(key: str) -> tuple[int, int, str]:
        number = re.match(r"\d{1,9}(?!\d)", key)
        return (0, int(number[0]), key) if number else (1, 0, key)

    return group, sorted(keys, key=place)


def _dataset(where: str, group: "h5py.Group", key: str, expected: str, *, stored: bool = True) -> hdf5.StoredArray:
    """Return a data set of the file's own, of a size that memory can hold."""
    dataset = hdf5.own_dataset(where, group, key, expected, stored=stored)
    if (dataset.size or 0) > LARGEST:
        raise InputError(f"{where} expected at most {LARGEST} values. Received: {dataset.shape}")
    return dataset


def _points(where: str, group: "h5py.Group", key: str, held: Collection[str] = ()) -> hdf5.StoredArray:
    """Return the points of a layer, real numbers (n, d), which the file need not store where they are held."""
    dataset = _dataset(where, group, key, "real numbers (n, d)", stored=f"{group.name}/{key}".strip("/") not in held)
    if dataset.ndim != 2 or dataset.dtype.kind not in "fiu":
        hint = MEANS.get(dataset.ndim, "")
        raise InputError(f"{where} expected as real numbers (n, d). Received: {dataset.dtype} {dataset.shape}. {hint}")
    if 0 in dataset.shape:
        raise InputError(f"{where} expected at least one point and one feature. Received: {dataset.shape}")
    return dataset


def _read_layer(
    path: Path, group: "h5py.Group", keys: list[str], index: int, n: int | None, *, held: Collection[str] = ()
) -> tuple[LayerPoints, int]:
    """Return the record of one layer and its number of points, which must be ``n`` unless that is None."""
    key = keys[index]
    where = f"{path}: layer {key!r}"
    dataset = _points(where, group, key, held)
    if n is not None and dataset.shape[0] != n:
        raise InputError(f"{where} expected {n} points, as the first layer. Received: {dataset.shape[0]}")
    attributes = _attributes(path, dataset, f" layer {key!r}:")
    name = re.sub(r"^\d+_(?=.)", "", key)
    depth = attributes.get("relative_depth", (index + 1) / len(keys))
    if not isinstance(depth, Real) or not 0 <= float(depth) <= 1:
        raise InputError(f"{where}: attribute 'relative_depth' expected from 0 to 1. Received: {depth!r}")
    layer = LayerPoints(
        index=index,
        token=str(attributes.get("token", name)),
        name=name,
        layer_class=str(attributes.get("layer_class", "")),
        reduction=str(attributes.get("reduction", "")),
        relative_depth=float(depth),
        d=dataset.shape[1],
        dataset=f"layers/{key}",
    )
    return layer, dataset.shape[0]


def _check_tokens(path: Path, layers: Sequence[LayerPoints]) -> None:
    tokens = [layer.token for layer in layers]
    twins = sorted({token for token in tokens if tokens.count(token) > 1})
    if twins:
        raise InputError(f"{path}: tokens of layers expected to differ. Received: {twins[0]!r} twice.")


def _of_draw(layer: LayerPoints, draw: int) -> str:
    """Return where the points of a layer in a draw of shuffled tokens lie."""
    return f"shuffled/{draw}/{layer.dataset.removeprefix('layers/')}"


def _shuffled_groups(path: Path, file: "h5py.File") -> list["h5py.Group"]:
    return hdf5.numbered_groups(path, file, "shuffled")


def _check_draw(
    path: Path, file: "h5py.File", layer: LayerPoints, draw: int, n: int, *, held: Collection[str] = ()
) -> bool:
    """Refuse a draw of shuffled tokens in which a layer is missing, or not of as many points and features."""
    where = f"{path}: '/{_of_draw(layer, draw)}'"
    dataset = _points(where, file, _of_draw(layer, draw), held)
    if dataset.shape != (n, layer.d):
        raise InputError(f"{where} expected as the layer itself, {(n, layer.d)}. Received: {dataset.shape}")
    return True


def _check_values(path: Path, group: "h5py.Group", layer: LayerPoints, draw: str = "") -> None:
    """Refuse values that are not finite as float32, and a layer whose points are all equal."""
    where = f"{path}: layer {layer.token!r}{draw} expected"
    dataset = _points(where.removesuffix(" expected"), group.file, layer.dataset)
    bad, constant, first = 0, True, dataset[:1]
    for start in range(0, len(dataset), BLOCK):
        values = dataset[start : start + BLOCK]
        constant = constant and bool((values == first).all())
        with np.errstate(over="ignore"):
            bad += int(values.size - np.isfinite(values.astype(np.float32)).sum())
    if bad:
        raise InputError(f"{where} as finite float32. Received: {bad} NaN, infinite or too large of {dataset.size}")
    if constant:
        raise InputError(f"{where} as points that differ. Received: {len(dataset)} equal rows")


def _read_rows(path: Path, file: "h5py.File", n: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the row of the data that each point is of, and each token's place there; None of what is not told."""
    indices, places = (_read_column(path, file, name, n) for name in ("indices", "places"))
    where = f"{path}: '/places' expected"
    if places is None:
        return indices, None
    if indices is None:
        raise InputError(f"{where} beside '/indices', the item of each token. Received: none.")
    if places.min() < 0:
        raise InputError(f"{where} from 0. Received: {places.min()}")
    pairs, counts = np.unique(np.column_stack([indices, places]), axis=0, return_counts=True)
    if counts.max() > 1:
        item, place = pairs[counts.argmax()]
        raise InputError(f"{where} to hold one token each. Received: {counts.max()} in place {place} of item {item}")
    return indices, places


def _read_column(path: Path, file: "h5py.File", name: str, n: int) -> np.ndarray | None:
    if name not in hdf5.names_in(f"{path}:", file):
        return None
    expected = f"{n} whole numbers, one a point"
    column = _dataset(f"{path}: '/{name}'", file, name, expected)
    if column.shape != (n,) or column.dtype.kind not in "iu":
        hint = ""
        if column.ndim == 2 and column.shape[0] == n:
            hint = " One-hot? Write labels.argmax(axis=1)."
        elif column.shape == (n,):
            hint = f" Write np.unique({name}, return_inverse=True)[1]."
        received = f"{column.dtype} {column.shape}.{hint}"
        raise InputError(f"{path}: '/{name}' expected as {expected}. Received: {received}")
    return column[()].astype(np.int64)
