"""Tidy tables of intrinsic dimension: one row a layer and estimator. Apart from diagrams and their descriptors, whose
changes leave dimensions as they are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from topodepth import dimension
from topodepth.clouds import check_cloud, distinct_rows, null_clouds, scale
from topodepth.errors import InputError
from topodepth.rows import about, null_values, relative_values
from topodepth.statistics.intervals import ratio_of_estimates


def dimension_rows(
    points: np.ndarray,
    *,
    where: str,
    attributes: Mapping[str, object],
    estimators: Iterable[str],
    parameters: Mapping[str, Mapping],
    scaling: str = "none",
    null_draws: int = 1,
    seed: int = 0,
) -> list[dict]:
    """Return one row an estimator: the intrinsic dimension of one layer, its interval and that of the null model.

    Parameters
    ----------
    points
        (n, d) activations of the layer.
    where
        Model and layer, for messages.
    attributes
        model, layer, layer_index, relative_depth.
    estimators
        Registered estimators of :mod:`topodepth.dimension`.
    parameters
        Keyword arguments by estimator.
    scaling
        ``none`` or ``minmax``.
    null_draws
        Draws of the null model; with one draw the null's interval is the estimator's own.
    seed
        Seed of subsamples and null model.

    Raises
    ------
    InputError
        If the layer is constant, not finite, or has fewer points than an estimator needs.

    Notes
    -----
    Copies count once: *n_points* is the number without them, and *note* says so. The null model is of these points.
    """
    points = check_cloud(points, where)
    try:
        return _dimension_rows(
            scale(points, scaling),
            distinct_rows(points),  # before they are scaled, which hides the precision that they were computed in
            attributes=attributes,
            estimators=estimators,
            parameters=parameters,
            null_draws=null_draws,
            seed=seed,
        )
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _dimension_rows(
    cloud: np.ndarray,
    kept: np.ndarray,
    *,
    attributes: Mapping[str, object],
    estimators: Iterable[str],
    parameters: Mapping[str, Mapping],
    null_draws: int,
    seed: int,
) -> list[dict]:
    nulls = list(_nulls(cloud, kept, null_draws, seed))
    common = {**about({**attributes, "dimension": cloud.shape[1], "seed": seed}), "class": "all"}
    rows = []
    for name in estimators:
        estimate = partial(dimension.registry.get(name), seed=seed, **parameters.get(name, {}))
        found = estimate(cloud, kept=kept)
        draws = [estimate(null, kept=distinct) for null, distinct in nulls]
        rows.append({**common, "homology_dimension": degree_of(name), "descriptor": name, **estimate_row(found, draws)})
    return rows


def degree_of(estimator: str) -> int | None:
    """Return the homology dimension that an estimate is of, if of any."""
    return 0 if estimator == "ph_dimension" else None


def estimate_row(found: dimension.DimensionEstimate, draws: Sequence[dimension.DimensionEstimate]) -> dict:
    """Return the columns of one estimate: interval, null value and ratio, as far as there are draws.

    Parameters
    ----------
    found
        Of a cloud.
    draws
        Of its null model; a single draw has its own interval, several have that of their mean.
    """
    row = {
        "value": found.value,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "n_points": found.n_points,
        "r_squared": getattr(found, "r_squared", None),
        "note": found.note or None,
    }
    if len(draws) == 1:
        row |= {"null_value": draws[0].value, "null_ci_low": draws[0].ci_low, "null_ci_high": draws[0].ci_high}
    else:
        row |= null_values(np.array([draw.value for draw in draws]))
    if draws:
        bounds, null_bounds = ([row[f"{of}{key}"] for key in ("value", "ci_low", "ci_high")] for of in ("", "null_"))
        row |= relative_values(ratio_of_estimates(bounds, null_bounds))
    return row


def _nulls(cloud: np.ndarray, kept: np.ndarray, draws: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the null model of the points that count, in their places, and which of its points count."""
    for points in null_clouds(cloud[kept], draws, seed, 1):
        null = cloud.copy()
        null[kept] = points
        yield null, kept[distinct_rows(points)]
