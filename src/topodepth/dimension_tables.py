"""Tidy tables of intrinsic dimension: one row a layer and estimator. Apart from diagrams and their descriptors, whose
changes leave dimensions as they are.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from topodepth import dimension
from topodepth.clouds import check_cloud, distinct_rows, permuted_features, scale
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
    nulls = [_null(cloud, kept, np.random.default_rng([seed, 1, draw])) for draw in range(null_draws)]
    rows = []
    for name in estimators:
        estimator = dimension.registry.get(name)
        options = parameters.get(name, {})
        found = estimator(cloud, seed=seed, kept=kept, **options)
        row = {
            **about({**attributes, "dimension": cloud.shape[1], "seed": seed}),
            "class": "all",
            "homology_dimension": 0 if name == "ph_dimension" else None,
            "descriptor": name,
            "value": found.value,
            "ci_low": found.ci_low,
            "ci_high": found.ci_high,
            "n_points": found.n_points,
            "r_squared": getattr(found, "r_squared", None),
            "note": found.note or None,
        }
        draws = [estimator(null, seed=seed, kept=distinct, **options) for null, distinct in nulls]
        if len(draws) == 1:
            row |= {"null_value": draws[0].value, "null_ci_low": draws[0].ci_low, "null_ci_high": draws[0].ci_high}
        else:
            row |= null_values(np.array([draw.value for draw in draws]))
        if draws:
            bounds, null_bounds = (
                [row[f"{of}{key}"] for key in ("value", "ci_low", "ci_high")] for of in ("", "null_")
            )
            row |= relative_values(ratio_of_estimates(bounds, null_bounds))
        rows.append(row)
    return rows


def _null(cloud: np.ndarray, kept: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the null model of the points that count, in their places, and which of its points count."""
    null = cloud.copy()
    null[kept] = permuted_features(cloud[kept], rng)
    return null, kept[distinct_rows(null[kept])]
