"""Tidy tables of intrinsic dimension: one row a layer and estimator. Apart from diagrams and their descriptors, whose
changes leave dimensions as they are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import numpy as np

from topodepth.errors import InputError
from topodepth.statistics.intervals import Interval, mean_interval
from topodepth.tables.rows import columns
from topodepth.topology import dimension
from topodepth.topology.clouds import WHOLE, check_cloud, distinct_rows, null_clouds, scale
from topodepth.topology.place import Place

PH_DIMENSION = ("ph_dimension", 0)  # the one estimate that is of a homology dimension
Counted = tuple[np.ndarray, np.ndarray | None]  # points (n, d), and the rows of those that count


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


def dimension_rows(points: np.ndarray, place: Place, settings: DimensionSettings) -> list[dict]:
    """Return one row an estimator: the intrinsic dimension of one layer, its interval and that of the null model.

    Parameters
    ----------
    points
        (n, d) activations of the layer.
    place
        Of which layer they are.
    settings
        How they are estimated.

    Raises
    ------
    InputError
        If the layer is constant, not finite, or has fewer points than an estimator needs.

    Notes
    -----
    Copies count once: *n_points* is the number without them, and *note* says so. The null model is of these points.
    """
    points = check_cloud(points, str(place))
    kept = distinct_rows(points)  # before they are scaled, which hides the precision that they were computed in
    seed = settings.seed
    common = {**place.columns, "dimension": points.shape[1], "seed": seed, "class": WHOLE}
    try:
        cloud = scale(points, settings.scaling)
        nulls = _nulls(cloud, kept, settings.null_draws, seed)
        found = estimated((cloud, kept), nulls, settings.estimators, settings.parameters, seed)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    return [
        {**common, "homology_dimension": degree, "descriptor": name, **estimate_columns(*each)}
        for (name, degree), each in found.items()
    ]


def estimated(
    cloud: Counted, nulls: Iterable[Counted], estimators: Iterable[str], parameters: Mapping[str, Mapping], seed: int
) -> dict[tuple[str, int | None], tuple[dimension.DimensionEstimate, list[dimension.DimensionEstimate]]]:
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
        {name: _checked(name, estimate(points, seed=seed, kept=kept)) for name, estimate in estimates.items()}
        for points, kept in chain([cloud], nulls)
    )
    keys = {name: PH_DIMENSION if name == PH_DIMENSION[0] else (name, None) for name in estimates}
    return {key: (own[name], [draw[name] for draw in draws]) for name, key in keys.items()}


def _checked(name: str, found: object) -> dimension.DimensionEstimate:
    if not isinstance(found, dimension.DimensionEstimate):
        raise InputError(f"estimator {name!r}: expected to return a DimensionEstimate. Received: {found!r:.100}.")
    return found


def estimate_columns(found: dimension.DimensionEstimate, draws: Sequence[dimension.DimensionEstimate]) -> dict:
    """Return the columns of one estimate: interval, null value and ratio, as far as there are draws.

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
        "note": found.note or None,
    }


def _nulls(cloud: np.ndarray, kept: np.ndarray, draws: int, seed: int) -> Iterator[Counted]:
    """Yield the null model of the points that count, in their places, and which of its points count."""
    for points in null_clouds(cloud[kept], draws, seed, 1):
        null = cloud.copy()
        null[kept] = points
        yield null, kept[distinct_rows(points)]
