"""Measurements of several models on the same points, side by side."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from topodepth.errors import InputError
from topodepth.statistics.intervals import jackknife_interval, mean_interval
from topodepth.study.measurement import Measurement, as_table, check_one
from topodepth.tables.tables import MODEL_COLUMNS
from topodepth.tables.values import Values
from topodepth.topology.clouds import WHOLE
from topodepth.topology.descriptors import CONSTANT

if TYPE_CHECKING:
    from pandas import DataFrame

DIFFERENCES = ("model", "reference", "layer", "class", "homology_dimension", "descriptor", "difference", "ci_low",
               "ci_high")  # fmt: skip


class Comparison:
    """Two or more models on the same points.

    Attributes
    ----------
    measurements
        In the order given; the first is the one that the others are compared with.

    Raises
    ------
    InputError
        If there are fewer than two, two of one name, or points, classes or settings differ.
    """

    def __init__(self, measurements: Sequence[Measurement]) -> None:
        for each in measurements:
            check_one(each)
        first, *others = self.measurements = list(measurements)
        names = [each.model for each in measurements]
        if len(set(names)) < len(names) or not others:
            hint = " Name them: measure(…, name=…)." if others else ""
            raise InputError(f"compare: expected two or more models of different names. Received: {names}.{hint}")
        for other in others:
            _check_same(first, other)

    @cached_property
    def table(self) -> "DataFrame":
        """The tables of all models under each other."""
        return as_table([row for each in self.measurements for row in each.rows], MODEL_COLUMNS)

    @cached_property
    def differences(self) -> "DataFrame":
        """How far each other model's values are from the first's, in the layers that both have.

        Classes are pairs, as they hold the same images: the row of class ``mean`` is the mean over classes of the
        difference, with the interval of Student's t. For the cloud of all points the groups of the jackknife are pairs.
        An interval that excludes 0 tells the models apart on these images.
        """
        first, *others = self.measurements
        rows = []
        for other in others:
            for layer in [name for name in first.layers if name in other.layers]:
                for one, two in zip(first.values[layer], other.values[layer], strict=True):
                    if one.key in CONSTANT:
                        continue
                    about = {"model": other.model, "reference": first.model, "layer": layer}
                    key = {"homology_dimension": one.degree, "descriptor": one.descriptor}
                    rows += [about | key | row for row in _differences(one, two)]
        return as_table(rows, DIFFERENCES)

    def __repr__(self) -> str:
        return f"Comparison({', '.join(repr(each.model) for each in self.measurements)})"

    def _repr_html_(self) -> str:
        from topodepth.study.showing import as_html

        return as_html(self, repr(self))


def _check_same(first: Measurement, other: Measurement) -> None:
    one, two = first.activations, other.activations
    where = f"compare: {first.model} and {other.model}: expected"
    if one.n != two.n or not np.array_equal(one.indices, two.indices):
        raise InputError(f"{where} the same points. Received: {one.n} and {two.n}, or others of the data.")
    own, others = (np.empty(0) if each.labels is None else each.labels for each in (one, two))
    if not np.array_equal(own, others):
        raise InputError(f"{where} the same classes of the points. Received: others.")
    if first.settings != other.settings:
        raise InputError(f"{where} the same settings. Received: {first.settings} and {other.settings}.")


def _differences(one: Values, two: Values) -> list[dict]:
    """Return the rows of one descriptor: of the whole cloud, and of the mean over classes."""
    rows = []
    if WHOLE in one.data:
        found = jackknife_interval(two.data[WHOLE] - one.data[WHOLE], two.jackknife - one.jackknife)
        rows.append({"class": WHOLE, "difference": found.value, "ci_low": found.low, "ci_high": found.high})
    classes = [name for name in one.data if name != WHOLE]
    if classes:
        found = mean_interval(np.array([two.data[name] - one.data[name] for name in classes]))
        rows.append({"class": "mean", "difference": found.value, "ci_low": found.low, "ci_high": found.high})
    return rows
