"""Both clouds at equal size: every descriptor with interval and null value, every difference with interval and p."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from topodepth.errors import InputError
from topodepth.experiments.spoofing.permutation import (
    Statistics,
    describe,
    line,
    of_distances,
    p_value,
    permuted_differences,
)
from topodepth.homology import distance_matrix, without_rounding
from topodepth.statistics import Interval
from topodepth.tables.dimensions import PH_DIMENSION, estimate_columns, estimated
from topodepth.tables.values import Key, cloud_columns, values_of
from topodepth.topology import dimension
from topodepth.topology.clouds import WHOLE, check_cloud, class_members, distinct_rows, left_out, null_clouds, scale
from topodepth.topology.diagrams import of_cloud

ESTIMATORS = ("ph_dimension", "two_nn", "mle")
DIFFERENCE = "difference"
ABOUT = ("run", "dataset", "representation", "subset", "layer", "relative_depth")
COLUMNS = (
    *ABOUT, "cloud", "descriptor", "homology_dimension", "n_points", "value", "ci_low", "ci_high", "null_value",
    "relative_value", "p_value", "permutations", "p_corrected", "note",
)  # fmt: skip
TEST_COLUMNS = (*COLUMNS, "test_differences")  # of one layer, before adjust
BOUNDS = ("value", "ci_low", "ci_high")
OF_CLOUD = (*BOUNDS, "null_value", "relative_value")
CURVE_COLUMNS = (*ABOUT, "cloud", "n", "draw", "log_n", "log_lifespan_sum", "slope", "intercept", "ph_dimension",
                 "ci_low", "ci_high")  # fmt: skip


class Comparison(NamedTuple):
    """Rows with the columns :data:`TEST_COLUMNS` and, where PHdim was asked for, with :data:`CURVE_COLUMNS`.

    The cell ``test_differences`` of a difference is a JSON list: what the test compared, first as observed, then under
    each permutation.
    """

    rows: list[dict]
    curves: list[dict]


def compare(
    points: np.ndarray,
    labels: np.ndarray,
    *,
    real: int,
    spoof: int,
    names: Sequence[str] = ("real", "spoof"),
    n: int | None = None,
    estimators: Sequence[str] = ESTIMATORS,
    measures: Sequence[str] = ("lifespan_sum",),
    parameters: Mapping[str, Mapping] | None = None,
    max_dim: int = 1,
    engine: str = "auto",
    scaling: str = "minmax",
    dimension_scaling: str = "none",
    null_draws: int = 1,
    dimension_null_draws: int = 1,
    permutations: int = 199,
    test_draws: int = 12,
    test_points: int = 200,
    jackknife_groups: int = 10,
    seed: int = 0,
    where: str = "spoofing",
    about: Mapping[str, object] | None = None,
) -> Comparison:
    """Measure the clouds of real and spoof points, equal in size, and test whether they differ.

    Parameters
    ----------
    points, labels
        (N, d) of one layer or of pixels, and the class (N,) of each.
    real, spoof
        Labels of the two classes.
    names
        Their names in the tables, the real one's first.
    n
        Points a cloud; None, or more than the smaller class has, takes as many as that has. Points left out are chosen
        by ``seed`` alone: the same images in every layer and representation, but for copies, of which one is taken.
    estimators
        Registered estimators of :mod:`topodepth.topology.dimension`.
    measures
        Registered descriptors of :mod:`topodepth.topology.descriptors`.
    parameters
        Keyword arguments by estimator or descriptor, such as ``{"ph_dimension": {"alpha": 0.5}}``.
    max_dim
        Highest homology dimension of the descriptors.
    engine
        As in :func:`topodepth.homology.persistence_diagrams`.
    scaling, dimension_scaling
        Of each feature before the descriptors, and before the estimators, over both clouds together: ``minmax`` or
        ``none``.
    null_draws, dimension_null_draws
        Draws of the null model of the descriptors, and of the estimators; the null value is their mean. 0 for none.
    permutations
        Of the labels over the pooled points. The smallest possible p is 1/(permutations + 1).
    test_draws
        Subsamples of the smallest size behind a PH dimension in the test, of larger ones fewer in proportion: the test
        repeats them all. The estimate itself has as many of each size.
    test_points
        From H_1 on, the test takes at most this many points of each cloud.
    jackknife_groups
        Groups left out in turn for the intervals of the descriptors; 0 for no intervals.
    seed
        Seed of everything drawn.
    where
        What the points are, for messages.
    about
        The columns :data:`ABOUT` of all rows.

    Returns
    -------
    Comparison
        For each descriptor a row for each cloud and one for the difference real − spoof; see the notes.

    Raises
    ------
    InputError
        If points or settings are out of their range, a class is missing, a cloud is constant, or has fewer points than
        an estimator needs.

    Notes
    -----
    Intervals: an estimator's own for dimensions; the delete-a-group jackknife for descriptors. That of a difference
    joins those of the clouds, which are independent, in quadrature, each on its side (Zou & Donner 2008). It is as good
    as they are: of 60 pairs of clouds of one distribution (uniform, 4-D, n = 100) it held 0 for 98 % with PHdim, 93 %
    with TwoNN, 75 % with maximum likelihood, 100 % with E_0 and 98 % with E_1. Where it disagrees with the test, trust
    the test.

    The test: the labels are shuffled over the pooled 2n points, both statistics are computed again, and p is the share
    of shuffles (the observed labels count as one) whose difference is at least as far from zero as the observed one.
    It is exact for the null hypothesis that both clouds are samples of one distribution; clouds of equal dimension
    that differ otherwise are outside it. What is compared is, for PHdim the slope of log E_0 in log n, for TwoNN and
    maximum likelihood the mean logarithm of their ratios of distances (an inverse dimension), for everything else the
    value itself. The permutations follow from ``seed`` and n alone, so those of all layers are the same.

    References
    ----------
    Phipson & Smyth (2010), Permutation p-values should never be zero, Stat. Appl. Genet. Mol. Biol. 9. Zou & Donner
    (2008), Construction of confidence limits about effect measures, Stat. Med. 27.
    """
    _check_settings(
        n=(n, 2), permutations=(permutations, 1), test_draws=(test_draws, 1), test_points=(test_points, 10),
        null_draws=(null_draws, 0), dimension_null_draws=(dimension_null_draws, 0),
    )  # fmt: skip
    parameters = parameters or {}
    clouds, notes = _clouds(points, labels, {names[0]: real, names[1]: spoof}, n, seed=seed, where=where)
    size = len(clouds[0])
    pooled = np.concatenate(clouds)
    scaled = scale(without_rounding(pooled), scaling)
    pooled = scale(pooled, dimension_scaling)
    clouds = [pooled[:size], pooled[size:]]
    measure = partial(describe, names=measures, parameters=parameters, engine=engine)
    try:
        estimates = [
            estimated(
                (cloud, None),
                ((null, None) for null in null_clouds(cloud, dimension_null_draws, seed, 1)),
                estimators, parameters, seed,
            )
            for cloud in clouds
        ]  # fmt: skip
        measured = [
            {key: estimate_columns(*each) for key, each in estimates[k].items()}
            | _descriptors(
                scaled[k * size :][:size], measures, parameters, max_dim=max_dim, engine=engine, null_draws=null_draws,
                groups=jackknife_groups, seed=seed,
            )
            for k in (0, 1)
        ]  # fmt: skip
        test = Statistics(
            pooled, scaled, estimates={key: own for key, (own, _) in estimates[0].items()}, describe=measure,
            parameters=parameters, max_dim=max_dim, draws=test_draws, limit=test_points, seed=seed,
        )  # fmt: skip
        tests = permuted_differences(test, size, permutations, seed)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    rows = _rows(dict(zip(names, measured, strict=True)), notes, tests, size, test_points)
    curves = [
        row
        for name, found in zip(names, estimates, strict=True)
        if PH_DIMENSION in found
        for row in _curve(name, found[PH_DIMENSION][0])
    ]
    about = dict(about or {})
    return Comparison([about | row for row in rows], [about | row for row in curves])


def _check_settings(**settings: tuple[int | None, int]) -> None:
    for name, (value, least) in settings.items():
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not (whole and value >= least) and not (name == "n" and value is None):
            raise InputError(f"{name}: expected a whole number from {least}. Received: {value!r}")


def _clouds(
    points: np.ndarray, labels: np.ndarray | None, classes: Mapping[str, int], n: int | None, *, seed: int, where: str
) -> tuple[list[np.ndarray], dict[str, str]]:
    """Return both clouds, equal in size, float64, their points in an order drawn at random; and what was left out."""
    if len(classes) != 2 or len(set(classes.values())) != 2 or DIFFERENCE in classes:
        raise InputError(f"{where}: expected two classes, not called {DIFFERENCE!r}. Received: {classes}")
    if labels is None or len(labels) != len(points):
        received = "none" if labels is None else len(labels)
        raise InputError(f"{where}: expected one label for each of {len(points)} points. Received: {received}")
    found, notes = [], {}
    for key, (name, label) in enumerate(classes.items()):
        try:
            members = class_members(labels, label, None, np.random.default_rng(seed))
        except InputError as error:
            raise InputError(f"{where}: {name}: {error}") from None
        members = np.random.default_rng([seed, 0, key]).permutation(members)
        check_cloud(points[members], f"{where}, {name}")
        found.append(members[distinct_rows(points[members])])
        copies = len(members) - len(found[-1])
        notes[name] = f"{copies} of {len(members)} points repeat others within rounding and are left out" * bool(copies)
    size = min(len(members) for members in found)
    size = size if n is None else min(size, n)
    return [np.asarray(points[members[:size]], dtype=np.float64) for members in found], notes


def _descriptors(
    cloud: np.ndarray,
    names: Sequence[str],
    parameters: Mapping[str, Mapping],
    *,
    max_dim: int,
    engine: str,
    null_draws: int,
    groups: int,
    seed: int,
) -> dict[Key, dict]:
    """Return the columns of every descriptor of one cloud; distances with all points serve without each group too."""
    if not names:
        return {}
    matrix = distance_matrix(cloud)
    nulls = map(distance_matrix, null_clouds(cloud, null_draws, seed, 1))
    parts = (matrix[np.ix_(rows, rows)] for rows in left_out(len(cloud), groups, seed))
    found = of_cloud(matrix, nulls, parts, partial(of_distances, max_dim=max_dim, engine=engine))
    return {
        each.key: cloud_columns(each.data[WHOLE], each.null[WHOLE], each.jackknife)
        for each in values_of(found, names, parameters)
    }


def _rows(
    clouds: Mapping[str, Mapping[Key, dict]],
    notes: Mapping[str, str],
    tests: Mapping[Key, np.ndarray],
    n: int,
    limit: int,
) -> list[dict]:
    rows = []
    real, spoof = clouds.values()
    for key in real:
        common = {"descriptor": key[0], "homology_dimension": key[1], "n_points": n}
        for name, cloud in clouds.items():
            found = dict.fromkeys((*BOUNDS, "null_value"), np.nan) | cloud[key]
            found = {column: found[column] for column in OF_CLOUD if column in found}
            note = "; ".join(filter(None, (cloud[key].get("note"), notes[name]))) or None
            rows.append({**common, "cloud": name, **found, "note": note})
        one, other = (Interval(*(cloud[key].get(bound, np.nan) for bound in BOUNDS)) for cloud in (real, spoof))
        value = one.value - other.value
        rows.append({
            **common, "cloud": DIFFERENCE, "value": value,
            "ci_low": value - np.hypot(one.value - one.low, other.high - other.value),
            "ci_high": value + np.hypot(one.high - one.value, other.value - other.low),
            "p_value": p_value(tests[key]), "permutations": len(tests[key]) - 1,
            "test_differences": json.dumps([float(f"{value:.9g}") for value in tests[key]]),
            "note": f"test on {limit} points a cloud" if (key[1] or 0) > 0 and n > limit else None,
        })  # fmt: skip
    return rows


def _curve(name: str, found: dimension.PHDimension) -> list[dict]:
    """Return log E_0^α against log n, a row a draw, and the line through them that the dimension comes from."""
    logs = np.log(np.where(found.lengths > 0, found.lengths, np.nan))
    slope, intercept = line(np.log(found.sizes), logs.mean(axis=1)) if len(logs) else (np.nan, np.nan)
    fit = {"slope": slope, "intercept": intercept, "ph_dimension": found.value,
           "ci_low": found.ci_low, "ci_high": found.ci_high}  # fmt: skip
    return [
        {"cloud": name, "n": int(size), "draw": draw, "log_n": float(np.log(size)),
         "log_lifespan_sum": float(value), **fit}
        for size, values in zip(found.sizes, logs, strict=True)
        for draw, value in enumerate(values)
    ]  # fmt: skip
