"""Tidy tables of intrinsic dimension: one row per layer and estimator. Apart from diagrams and their descriptors, whose
changes leave dimensions as they are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import numpy as np

from topodepth.errors import InputError
from topodepth.homology.devices import Points, library_of, on_host
from topodepth.statistics.intervals import Interval, mean_interval
from topodepth.tables.rows import as_shuffled, columns
from topodepth.topology import dimension
from topodepth.topology.clouds import WHOLE, check_cloud, distinct_rows, null_clouds, scale
from topodepth.topology.place import Place

PH_DIMENSION = ("ph_dimension", 0)  # the one estimate that is of a homology dimension
CALIBRATED = ("bias", "true_low", "true_high")  # columns of what the calibration says
Counted = tuple[np.ndarray, np.ndarray | None]  # points (n, d), and the rows of those that count
# of a cloud and of draws of its null model, by estimator and homology dimension if any
Estimates = dict[tuple[str, int | None], tuple[dimension.DimensionEstimate, list[dimension.DimensionEstimate]]]


@dataclass(frozen=True)
class DimensionSettings:
    """How the dimension of a layer is estimated.

    Attributes
    ----------
    estimators
        Registered estimators of :mod:`topodepth.topology.dimension`.
    parameters
        Keyword arguments by estimator.
    scaling
        ``none`` or ``minmax``.
    null_draws
        Draws of the null model; with one draw the null's interval is the estimator's own.
    seed
        Seed of subsamples and null model.
    """

    estimators: Sequence[str]
    parameters: Mapping[str, Mapping] = field(default_factory=dict)
    scaling: str = "none"
    null_draws: int = 1
    seed: int = 0


def dimension_rows(
    points: np.ndarray, place: Place, settings: DimensionSettings, *, shuffled: Iterable[np.ndarray] = ()
) -> list[dict]:
    """Return one row per estimator: the intrinsic dimension of one layer, its interval and that of the null model.

    Parameters
    ----------
    points
        (n, d) activations of the layer.
    place
        Of which layer they are.
    settings
        How they are estimated.
    shuffled
        The same points (n, d) in each draw of shuffled tokens, taken one by one.

    Raises
    ------
    InputError
        If the layer is constant, not finite, or has fewer points than an estimator needs.

    Notes
    -----
    Copies count once: *n_points* is the number without them, and *note* says so. The null model is of these points.
    """
    found = _of_points(points, str(place), settings, settings.null_draws)
    common = {**place.columns, "dimension": points.shape[1], "seed": settings.seed, "class": WHOLE}
    draws = [_of_points(draw, f"{place}, tokens shuffled", settings, 0) for draw in shuffled]
    rows = []
    for (name, degree), (own, nulls) in found.items():
        row = {**common, "homology_dimension": degree, "descriptor": name, **estimate_columns(own, nulls)}
        if draws:
            row |= as_shuffled(estimate_columns(own, [draw[name, degree][0] for draw in draws]))
        rows.append(row)
    return rows


def _of_points(points: np.ndarray, where: str, settings: DimensionSettings, draws: int) -> Estimates:
    """Return the estimates of a layer's points, and of so many draws of their null model."""
    points = check_cloud(points, where)
    kept = distinct_rows(points)  # before they are scaled, which hides the precision that they were computed in
    try:
        cloud = scale(points, settings.scaling)
        nulls = _nulls(cloud, kept, draws, settings.seed)
        return estimated((cloud, kept), nulls, settings.estimators, settings.parameters, settings.seed)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def estimated(
    cloud: Counted, nulls: Iterable[Counted], estimators: Iterable[str], parameters: Mapping[str, Mapping], seed: int
) -> Estimates:
    """Return the estimates of a cloud, and of draws of its null model, by estimator and homology dimension if any.

    Parameters
    ----------
    cloud, nulls
        Points (n, d), and which of them count; None where the estimators find that out. Draws are taken one by one.
    estimators
        Registered estimators of :mod:`topodepth.topology.dimension`.
    parameters
        Keyword arguments by estimator.
    seed
        Of their subsamples.
    """
    estimates = {name: partial(dimension.registry.get(name), **parameters.get(name, {})) for name in estimators}
    own, *draws = (
        {
            name: _checked(name, estimate(_taken(estimate, points), seed=seed, kept=kept))
            for name, estimate in estimates.items()
        }
        for points, kept in chain([cloud], nulls)
    )
    keys = {name: PH_DIMENSION if name == PH_DIMENSION[0] else (name, None) for name in estimates}
    return {key: (own[name], [draw[name] for draw in draws]) for name, key in keys.items()}


def _taken(estimate: partial, points: Points) -> Points:
    """Return points as an estimator takes them: tensors on a device only where it says so."""
    return points if getattr(estimate.func, "tensors", False) else on_host(points)


def _checked(name: str, found: object) -> dimension.DimensionEstimate:
    if not isinstance(found, dimension.DimensionEstimate):
        raise InputError(f"estimator {name!r}: expected to return a DimensionEstimate. Received: {found!r:.100}.")
    return found


def estimate_columns(found: dimension.DimensionEstimate, draws: Sequence[dimension.DimensionEstimate]) -> dict:
    """Return the columns of one estimate: interval, null value and ratio, as far as there are draws, and the bias.

    What lies beyond the calibration is infinite in its columns; without a calibration there are none. The note marks a
    value whose bias is larger than its interval.

    Parameters
    ----------
    found
        Of a cloud.
    draws
        Of its null model; a single draw has its own interval, several have that of their mean.
    """
    own, *single = (Interval(each.value, each.ci_low, each.ci_high) for each in (found, *draws[:1]))
    null = single[0] if len(draws) == 1 else mean_interval([draw.value for draw in draws])
    return {
        **columns(own, null),
        "n_points": found.n_points,
        "r_squared": getattr(found, "r_squared", None),
        **{name: getattr(found, name) for name in CALIBRATED if not np.isnan(getattr(found, name))},
        "note": "; ".join(filter(None, (_beyond(found), found.note))) or None,
    }


def _beyond(found: dimension.DimensionEstimate) -> str:
    """Return the mark of a value whose bias is larger than its interval."""
    if found.resolved:
        return ""
    size = f"the bias may be {found.bias:.2g}" if np.isfinite(found.bias) else "the bias is unknown"
    return f"beyond what {found.n_points} points resolve: {size}"


def _nulls(cloud: np.ndarray, kept: np.ndarray, draws: int, seed: int) -> Iterator[Counted]:
    """Yield the null model of the points that count, in their places, and which of its points count."""
    for points in null_clouds(cloud[kept], draws, seed, 1):
        null = library_of(cloud).asarray(cloud, copy=True)
        null[kept] = points
        yield null, kept[distinct_rows(points)]
