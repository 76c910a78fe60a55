"""Diagram files: all persistence diagrams of one layer, of its data, its null model and its jackknife.

Layout of the HDF5 file, where ``c`` is a class label or ``all``::

    /class_{c}/H{i}                 float64 (k, 2): birth and death of each bar; essential bars have death inf
    /null/{draw}/class_{c}/H{i}     the same of a draw of the null model: each feature permuted within the cloud
    /jackknife/{group}/class_all/H{i}   the same with one group of points left out (global clouds only)
    /shuffled/{draw}/class_{c}/H{i} the same of what the network gives with tokens shuffled, where that is known

Attributes: model, layer, layer_index, relative_depth, dimension, clouds, seed; each class group has ``n_points``,
copies included: they make no bar, as bars of length zero are left out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from topodepth.errors import InputError
from topodepth.files import hdf5
from topodepth.homology import persistence_diagrams, without_rounding
from topodepth.homology.devices import on_host, settled
from topodepth.topology.clouds import WHOLE, check_cloud, class_members, left_out, null_clouds, scale
from topodepth.topology.place import Place

if TYPE_CHECKING:
    import h5py


@dataclass(frozen=True)
class DiagramSettings:
    """Which diagrams of a layer are computed, and how; the same for every layer and model.

    Attributes
    ----------
    clouds
        ``class`` (one cloud for each class), ``all`` (one of all points) or ``both``.
    classes
        Only points of these classes; None takes all.
    limit
        At most this many points a cloud, drawn with ``seed``: the same images in every layer and model. None: all.
    scaling
        ``minmax`` scales each feature to [0, 1] over all points, before they are split by class; or ``none``.
    max_dim, engine
        As in :func:`topodepth.homology.persistence_diagrams`.
    null_draws
        Draws of the null model for each cloud.
    jackknife_groups
        Groups left out in turn, for a cloud of all points.
    seed
        Seed of subsets, null model and groups.
    """

    clouds: str = "class"
    classes: Sequence[int] | None = None
    limit: int | None = 250
    scaling: str = "minmax"
    max_dim: int = 1
    engine: str = "auto"
    null_draws: int = 3
    jackknife_groups: int = 5
    seed: int = 0


# a folder of an attack is made as a whole
MAKE_AGAIN = "Delete it, or the folder of an attack that it lies in, and run again to make it anew."


@dataclass(frozen=True, repr=False)
class Diagrams:
    """All diagrams of one layer, or of one of its clouds.

    Attributes
    ----------
    data
        ``{cloud: [diagram of H_0, of H_1, ...]}``
    null, jackknife
        A list of the same, one for each draw of the null model or each group of points that is left out.
    shuffled
        The same of each draw of shuffled tokens; empty where the activations have none.
    n_points
        ``{cloud: number of points}``
    attributes
        Of which layer they are: model, layer, layer_index, relative_depth, dimension, clouds, seed.
    """

    data: Mapping[str, Sequence[np.ndarray]]
    null: Sequence[Mapping[str, Sequence[np.ndarray]]] = ()
    jackknife: Sequence[Mapping[str, Sequence[np.ndarray]]] = ()
    n_points: Mapping[str, int] = field(default_factory=dict)
    attributes: Mapping[str, object] = field(default_factory=dict)
    shuffled: Sequence[Mapping[str, Sequence[np.ndarray]]] = ()

    @property
    def degrees(self) -> int:
        """The number of homology dimensions, from H_0."""
        return len(next(iter(self.data.values())))

    def __repr__(self) -> str:  # without the bars: there are thousands
        drawn = f"null={len(self.null)}, jackknife={len(self.jackknife)}"
        return f"Diagrams(data of {', '.join(self.data)}: H_0 to H_{self.degrees - 1}; {drawn})"


def cloud_rows(n: int, labels: np.ndarray | None, settings: DiagramSettings) -> dict[str, np.ndarray]:
    """Return which of n points each cloud to measure has, by class label (or ``all``).

    Parameters
    ----------
    n
        Number of points.
    labels
        (n,) class of each point.
    settings
        Which clouds there are.

    Raises
    ------
    InputError
        If ``clouds`` is unknown, a class has no points, or classes are asked for and there are no labels.
    """
    by, classes, limit, seed = settings.clouds, settings.classes, settings.limit, settings.seed
    if by not in ("class", WHOLE, "both"):
        raise InputError(f"clouds: expected class, all or both. Received: {by!r}.")
    if labels is None:
        if by != WHOLE or classes is not None:
            raise InputError(
                "clouds: expected '/labels' in the activations file, or `clouds: all`. Received: no labels."
            )
        labels = np.zeros(n, dtype=int)
    found = {}
    if by != "class":
        kept = np.arange(n) if classes is None else np.flatnonzero(np.isin(labels, classes))
        rows = class_members(np.zeros(len(kept), dtype=int), 0, limit, np.random.default_rng([seed, 0, 0]))
        found[WHOLE] = kept[rows]
    if by != WHOLE:
        for key, label in enumerate(np.unique(labels) if classes is None else sorted(classes)):
            found[str(label)] = class_members(labels, label, limit, np.random.default_rng([seed, 0, key]))
    return found


def clouds(points: np.ndarray, labels: np.ndarray | None, settings: DiagramSettings) -> dict[str, np.ndarray]:
    """Return the point clouds to measure, of the rows of :func:`cloud_rows`, each where it will be computed with."""
    place = settled if settings.max_dim == 0 and settings.engine == "auto" else on_host
    return {name: place(points[rows]) for name, rows in cloud_rows(len(points), labels, settings).items()}


def write_diagrams(
    path: str | Path,
    points: np.ndarray,
    labels: np.ndarray | None,
    place: Place,
    settings: DiagramSettings,
    *,
    shuffled: Iterable[np.ndarray] = (),
) -> None:
    """Compute all diagrams of one layer and write its diagram file.

    Parameters
    ----------
    path
        File to make.
    points
        (n, d) activations of the layer.
    labels
        (n,) class of each point; None where there are none.
    place
        Of which layer they are; written on the file.
    settings
        Which diagrams are computed, and how.
    shuffled
        The same points (n, d) in each draw of shuffled tokens, taken one by one.

    Raises
    ------
    InputError
        If the activations are not finite or the layer is constant.
    """
    with hdf5.create_h5(path) as file:
        file.attrs.update(_about(points, place, settings))
        for name, found, left in _clouds_measured(points, labels, place, settings):
            _put(file, "", found.data, found.n_points[name])
            for draw, null in enumerate(found.null):
                _put(file, f"null/{draw}/", null, found.n_points[name])
            for group, rows in enumerate(left):
                _put(file, f"jackknife/{group}/", found.jackknife[group], len(rows))
        for draw, found in enumerate(_shuffled_measured(shuffled, labels, place, settings)):
            for name in found.data:
                _put(file, f"shuffled/{draw}/", {name: found.data[name]}, found.n_points[name])


def of_layer(
    points: np.ndarray,
    labels: np.ndarray | None,
    place: Place,
    settings: DiagramSettings,
    *,
    shuffled: Iterable[np.ndarray] = (),
) -> Diagrams:
    """Return what :func:`write_diagrams` writes, as :func:`read_diagrams` reads it."""
    parts = sorted(_clouds_measured(points, labels, place, settings), key=lambda part: _order(part[0]))
    found = [each for _, each, _ in parts]
    whole = [each.jackknife for each in found if each.jackknife]
    return Diagrams(
        data=_joined(each.data for each in found),
        null=[_joined(draws) for draws in zip(*(each.null for each in found), strict=True)],
        jackknife=[_joined(groups) for groups in zip(*whole, strict=True)],
        n_points=_joined(each.n_points for each in found),
        attributes=_about(points, place, settings),
        shuffled=[found.data for found in _shuffled_measured(shuffled, labels, place, settings)],
    )


def _joined(parts: Iterable[Mapping]) -> dict:
    return {name: value for part in parts for name, value in part.items()}


def _about(points: np.ndarray, place: Place, settings: DiagramSettings) -> dict[str, object]:
    """Return the attributes of a diagram file."""
    return place.columns | {"dimension": points.shape[1], "clouds": settings.clouds, "seed": settings.seed}


def _clouds_measured(
    points: np.ndarray, labels: np.ndarray | None, place: Place, settings: DiagramSettings
) -> Iterator[tuple[str, Diagrams, list[np.ndarray]]]:
    """Yield each cloud of a layer: its name, its diagrams, and the rows of it that are left without each group."""
    parts, compute = _prepared(points, labels, str(place), settings)
    seed = settings.seed
    whole = int(settings.clouds == "both")  # beside the whole cloud, classes keep the draws that they have without it
    for number, (name, cloud) in enumerate(parts.items()):
        nulls = null_clouds(cloud, settings.null_draws, seed, 1, max(number - whole, 0))
        left = list(left_out(len(cloud), settings.jackknife_groups if name == WHOLE else 0, seed))
        yield name, of_cloud(cloud, nulls, (cloud[rows] for rows in left), compute, name=name), left


def _prepared(
    points: np.ndarray, labels: np.ndarray | None, where: str, settings: DiagramSettings
) -> tuple[dict[str, np.ndarray], Callable[[np.ndarray], list[np.ndarray]]]:
    """Return the clouds of a layer, checked and scaled, and what computes the diagrams of each."""
    scaled = scaled_points(points, where, settings)
    compute = partial(persistence_diagrams, max_dim=settings.max_dim, engine=settings.engine)
    return clouds(scaled, labels, settings), compute


def scaled_points(points: np.ndarray, where: str, settings: DiagramSettings) -> np.ndarray:
    """Return the points of a layer, checked and scaled, as they are before they are split into clouds."""
    check_cloud(points, where)
    return scale(without_rounding(points), settings.scaling)


def _shuffled_measured(
    draws: Iterable[np.ndarray], labels: np.ndarray | None, place: Place, settings: DiagramSettings
) -> Iterator[Diagrams]:
    """Yield the diagrams of all clouds of each draw of shuffled tokens, which is measured as the layer itself is."""
    for points in draws:
        parts, compute = _prepared(points, labels, f"{place}, tokens shuffled", settings)
        yield Diagrams(
            data={name: compute(cloud) for name, cloud in parts.items()},
            n_points={name: len(cloud) for name, cloud in parts.items()},
        )


def of_cloud(
    cloud: np.ndarray,
    nulls: Iterable[np.ndarray],
    parts: Iterable[np.ndarray],
    compute: Callable[[np.ndarray], list[np.ndarray]],
    *,
    name: str = WHOLE,
) -> Diagrams:
    """Return the diagrams of one cloud, of draws of its null model, and of what is left of it without each group.

    Parameters
    ----------
    cloud, nulls, parts
        What ``compute`` takes: points (n, d), or their distances (n, n). Draws and parts are taken one by one.
    compute
        Returns the diagrams of H_0, H_1, ...
    name
        Of the cloud.
    """
    return Diagrams(
        data={name: compute(cloud)},
        null=[{name: compute(null)} for null in nulls],
        jackknife=[{name: compute(part)} for part in parts],
        n_points={name: len(cloud)},
    )


def _put(file: "h5py.File", prefix: str, collection: Mapping[str, Sequence[np.ndarray]], n_points: int) -> None:
    for name, diagrams in collection.items():
        target = file.create_group(f"{prefix}class_{name}")
        target.attrs["n_points"] = n_points
        for degree, diagram in enumerate(diagrams):
            target[f"H{degree}"] = diagram


def read_diagrams(path: str | Path) -> Diagrams:
    """Read a file made by :func:`write_diagrams`, whole.

    Raises
    ------
    InputError
        If the file is missing, truncated or no diagram file.
    """
    with hdf5.open_h5(path, MAKE_AGAIN) as file:
        attributes = hdf5.attributes_of(f"{path}:", file)
        missing = {"model", "layer", "layer_index", "relative_depth", "dimension", "seed"} - {*attributes}
        if missing:
            raise InputError(f"{path}: no diagram file: expected an attribute {sorted(missing)[0]!r}.")
        data = _collection(path, file)
        null = [_collection(path, group) for group in hdf5.numbered_groups(path, file, "null")]
        jackknife = [_collection(path, group) for group in hdf5.numbered_groups(path, file, "jackknife")]
        shuffled = [_collection(path, group) for group in hdf5.numbered_groups(path, file, "shuffled")]
        _check_draws(path, data, [*null, *shuffled], jackknife)
        n_points = {name: _n_points(path, file, name) for name in data}
    return Diagrams(data, null, jackknife, n_points, attributes, shuffled)


def _check_draws(path: str | Path, data: Mapping, null: Sequence[Mapping], jackknife: Sequence[Mapping]) -> None:
    """Refuse a file whose null models or jackknife are of other clouds, or go to another degree, than its data."""
    degrees = {name: len(diagrams) for name, diagrams in data.items()}
    whole = {name: count for name, count in degrees.items() if name == WHOLE}
    fits = all({name: len(group) for name, group in draw.items()} == degrees for draw in null)
    fits &= all({name: len(group) for name, group in draw.items()} == whole for draw in jackknife)
    if not fits or len({*degrees.values()}) != 1 or 0 in degrees.values():
        received = f"data of {degrees}" if degrees else "none"
        raise InputError(f"{path}: expected diagrams of the same clouds in data and null model. Received: {received}.")


def _n_points(path: str | Path, file: "h5py.File", name: str) -> int:
    """Return how many points a cloud has."""
    where = f"{path}: /class_{name}:"
    found = hdf5.attribute_of(where, hdf5.own_group(where, file, f"class_{name}"), "n_points")
    if not isinstance(found, int) or found < 0:
        raise InputError(f"{where} attribute 'n_points' expected as a number of points. Received: {found!r:.60}")
    return found


def _order(name: str) -> tuple[int, str]:
    """Return by what clouds are ordered: classes as numbers are."""
    return len(name), name


def _collection(path: str | Path, group: "h5py.Group") -> dict[str, list[np.ndarray]]:
    """Return the diagrams of each cloud."""
    where = f"{path}: {group.name}:"
    names = [name for name in hdf5.names_in(where, group) if name.startswith("class_")]
    found = {}
    for name in sorted(names, key=_order):
        cloud = hdf5.own_group(f"{where} {name!r}", group, name)
        count = len(hdf5.names_in(where, cloud))
        found[name.removeprefix("class_")] = [_diagram(path, cloud, f"H{degree}") for degree in range(count)]
    return found


def _diagram(path: str | Path, group: "h5py.Group", name: str) -> np.ndarray:
    """Return one diagram, (k, 2) float64."""
    where = f"{path}: {group.name}/{name}:"
    dataset = hdf5.own_dataset(where, group, name, "a diagram (k, 2)")
    if dataset.ndim != 2 or dataset.shape[1] != 2 or dataset.dtype.kind != "f":
        raise InputError(f"{where} expected births and deaths (k, 2). Received: {dataset.dtype} {dataset.shape}")
    diagram = dataset[:].astype(np.float64, copy=False)
    if not (np.isfinite(diagram[:, 0]).all() and (diagram[:, 1] >= diagram[:, 0]).all()):
        raise InputError(f"{where} expected finite births, and no death before its birth. Received: others.")
    return diagram
