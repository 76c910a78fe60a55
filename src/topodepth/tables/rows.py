"""What the rows of all tables share: columns, what is said of a layer, null model and ratio, names of measures."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from topodepth.statistics.intervals import Interval, ratio_of_estimates
from topodepth.topology.clouds import WHOLE

COLUMNS = (
    "run", "model", "dataset", "layer_index", "layer", "relative_depth", "class", "homology_dimension", "descriptor",
    "value", "ci_low", "ci_high", "null_value", "null_ci_low", "null_ci_high",
    "relative_value", "relative_ci_low", "relative_ci_high", "n_points", "dimension", "seed", "r_squared",
    "bias", "true_low", "true_high", "note",
)  # fmt: skip
SUMMARIES = ("mean", WHOLE)  # classes of rows that stand for all: the mean over the classes, the cloud of all points
# The columns of the null model of shuffled tokens, only in tables that have one, and those of permuted features.
PARTS = ("value", "ci_low", "ci_high")
SHUFFLED = {f"shuffled_{part}": f"null_{part}" for part in PARTS}
SHUFFLED |= {f"relative_to_shuffled_{part}": f"relative_{part}" for part in PARTS}

OF_SCALE = "gride_"  # how estimators of one scale of several begin, before its number
NAMES = {"betti_peak": "peak of the Betti curve", "ph_dimension": "PH dimension", "two_nn": "TwoNN dimension",
         "mle": "maximum-likelihood dimension", "trajectory_lifespan_sum": "lifespan sum E_0 of the trajectory",
         "trajectory_ph_dimension": "PH dimension of the trajectory",
         "trajectory_magnitude": "positive magnitude of the trajectory",
         **{f"{OF_SCALE}{order}": f"GRIDE dimension, order {order}" for order in (1, 2, 4, 8, 16, 32)}}  # fmt: skip


def of_scale(estimator: str) -> bool:
    """Tell whether an estimator is of one scale of several."""
    return estimator.startswith(OF_SCALE)


def about(attributes: Mapping) -> dict:
    """Return the columns that say which layer of which model a row is of."""
    return {key: attributes[key] for key in ("model", "layer", "layer_index", "relative_depth", "dimension", "seed")}


def columns(value: Interval, null: Interval, ratio: Interval | None = None) -> dict:
    """Return the columns of a value, of its null model and of their ratio; what is undefined has none.

    Parameters
    ----------
    value, null
        With their intervals; independent of each other.
    ratio
        None: that of the two, :func:`topodepth.statistics.intervals.ratio_of_estimates`.
    """
    ratio = ratio_of_estimates(value, null) if ratio is None else ratio
    row = {"value": value.value}
    for name, found in (("", value), ("null_", null), ("relative_", ratio)):
        part = {f"{name}value": found.value, f"{name}ci_low": found.low, f"{name}ci_high": found.high}
        row |= {column: number for column, number in part.items() if not np.isnan(number)}
    return row


def as_shuffled(row: Mapping) -> dict:
    """Return the columns of a null model under the names of that of shuffled tokens."""
    return {column: row[name] for column, name in SHUFFLED.items() if name in row}


def with_shuffled(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Return the columns of a table of these rows: behind the others those of shuffled tokens, where a row has them."""
    has = any(not SHUFFLED.keys().isdisjoint(row) for row in rows)
    return (*columns, *(SHUFFLED if has else ()))


def measure(descriptor: str, degree: float | None, version: str = "value") -> str:
    """Return what a measure is called: ``lifespan sum E_0``, ``longest bar of H_1 relative to the null model``.

    One of no homology dimension has None, or NaN as in a table that was read.
    """
    text = NAMES.get(descriptor, descriptor.replace("_", " "))
    if degree is not None and not np.isnan(degree) and descriptor != "ph_dimension":
        text += f" E_{degree:g}" if descriptor == "lifespan_sum" else f" of H_{degree:g}"
    return text + (" relative to the null model" if version == "relative" else "")
