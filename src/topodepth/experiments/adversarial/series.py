"""One descriptor of one layer and cloud at every strength of an attack, and what chance it holds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from topodepth import statistics
from topodepth.errors import InputError, unknown_name
from topodepth.tables.values import Values
from topodepth.topology import descriptors
from topodepth.topology.clouds import WHOLE

CLOSE = 1e-12  # a ratio nearer to 1 than this is rounding


@dataclass(frozen=True)
class Series:
    """One descriptor of one layer and cloud at every strength.

    Attributes
    ----------
    place
        Layer, class, homology dimension, descriptor, and version: ``value``, or ``relative`` to the null model.
    full
        (K,) values, one for each strength in ascending order.
    sources
        Of each source of chance the (G, K) values without each of its units: groups of images or classes, and draws of
        the null model. Empty where nothing pairs the strengths.
    """

    place: Mapping[str, object]
    full: np.ndarray
    sources: Sequence[np.ndarray] = field(default=(), repr=False)

    def change(self, k: int) -> "statistics.Interval":
        """Return value at strength k minus the clean value, with its paired interval."""
        return self._interval(lambda values: values[k] - values[0])

    def percent(self, k: int) -> "statistics.Interval":
        """Return the change at strength k in percent of the clean value; its interval, of log ratios, is above -100."""
        return statistics.Interval(*(100 * np.expm1(bound) for bound in self._interval(_log_ratio(k))))

    def constant(self) -> bool:
        """Tell whether the value is the same, and known, at all strengths."""
        return bool(np.ptp(self.full) <= CLOSE * np.abs(self.full).max())

    def _interval(self, statistic: Callable[[np.ndarray], float]) -> "statistics.Interval":
        left_out = [[statistic(values) for values in source] for source in self.sources]
        # zero without a group (its logarithm is -inf) is as undefined as NaN
        known = [np.where(np.isfinite(estimates), estimates, np.nan) for estimates in left_out]
        full = statistic(self.full)
        return statistics.joint_jackknife_interval(full, known if np.isfinite(full) else ())


def _log_ratio(k: int) -> Callable[[np.ndarray], float]:
    def statistic(values: np.ndarray) -> float:
        if not (values[0] > 0 and values[k] >= 0):
            return np.nan
        ratio = values[k] / values[0]
        if abs(ratio - 1) < CLOSE:
            return 0.0
        return float(np.log(ratio)) if ratio > 0 else -np.inf

    return statistic


class Strengths:
    """Values by place, cloud or group, and strength, as files are read one by one."""

    def __init__(self, models: Sequence[str]) -> None:
        self._models = list(models)
        self._values: dict[tuple, dict[tuple, np.ndarray]] = {}  # (K,) by cloud, kind and unit

    def add(self, path: str | Path, attributes: Mapping, values: Iterable[Values]) -> None:
        """Take in every descriptor of a diagram file that an attack can change."""
        for each in values:
            if each.key in descriptors.CONSTANT:
                continue
            found = {(cloud, "", 0): value for cloud, value in each.data.items()}
            for cloud, draws in each.null.items():
                found |= {(cloud, "null", unit): value for unit, value in enumerate(draws)}
            found |= {(WHOLE, "without", unit): value for unit, value in enumerate(each.jackknife)}
            self._put(path, {**attributes, "homology_dimension": each.degree, "descriptor": each.descriptor}, found)

    def add_rows(self, rows: Iterable[Mapping]) -> None:
        """Take in rows of a table, value and relative value; nothing in them pairs the strengths."""
        for row in rows:
            found = {
                (row["class"], kind, 0): row[column]
                for kind, column in (("", "value"), ("relative", "relative_value"))
                if np.isfinite(row[column])
            }
            self._put("dimensions", row, found)

    def _put(self, where: str | Path, place: Mapping, found: Mapping[tuple, float]) -> None:
        if place["model"] not in self._models:
            raise unknown_name(f"model of {where}", place["model"], self._models)
        degree = place["homology_dimension"]
        degree = None if degree is None or np.isnan(degree) else int(degree)
        key = (place["layer_index"], place["layer"], place["relative_depth"], degree, place["descriptor"])
        values = self._values.setdefault(key, {})
        for name, value in found.items():
            values.setdefault(name, np.full(len(self._models), np.nan))[self._models.index(place["model"])] = value

    def series(self) -> list[Series]:
        """Return the series of all images, of the mean over classes, and of each class, by layer.

        Raises
        ------
        InputError
            If a value is missing at one of the strengths.
        """
        found = []
        for key, values in sorted(self._values.items(), key=lambda item: item[0][0]):
            layer_index, layer, depth, degree, descriptor = key
            place = {"layer_index": layer_index, "layer": layer, "relative_depth": depth, "homology_dimension": degree,
                     "descriptor": descriptor}  # fmt: skip
            for version, of_clouds in (("value", _values), ("relative", _relative)):
                found += _series({**place, "version": version}, of_clouds(values))
        for series in found:
            missing = [model for model, value in zip(self._models, series.full, strict=True) if np.isnan(value)]
            if missing and series.place["version"] == "value":
                where = f"layer {series.place['layer']}, class {series.place['class']}"
                raise InputError(f"{missing[0]}: expected {series.place['descriptor']} of {where}. Received: none.")
        return found


def _units(values: Mapping[tuple, np.ndarray], cloud: str, kind: str) -> np.ndarray:
    """Return the values of a cloud's groups or null draws, (G, K); G is 0 where there are none."""
    found = [value for (name, of, _), value in values.items() if (name, of) == (cloud, kind)]
    return np.array(found) if found else np.empty((0, len(next(iter(values.values())))))


def _values(values: Mapping[tuple, np.ndarray]) -> dict[str, tuple[np.ndarray, list]]:
    """Return the values of each cloud, and those without each group of images."""
    return {
        cloud: (full, [groups] if len(groups := _units(values, cloud, "without")) else [])
        for (cloud, kind, _), full in values.items()
        if not kind
    }


def _relative(values: Mapping[tuple, np.ndarray]) -> dict[str, tuple[np.ndarray, list]]:
    """Return the values of each cloud over its null's mean, without each group of images, and without each draw."""
    found: dict[str, tuple[np.ndarray, list]] = {
        cloud: (full, []) for (cloud, kind, _), full in values.items() if kind == "relative"
    }
    for cloud, (full, groups) in _values(values).items():
        draws = _units(values, cloud, "null")
        if not len(draws):
            continue
        null = _positive(draws.mean(axis=0))
        others = (draws.sum(axis=0) - draws) / (len(draws) - 1) if len(draws) > 1 else np.empty((0, len(full)))
        sources = [*(group / null for group in groups), full / _positive(others)] if groups else []
        if np.isfinite(null).any():
            found[cloud] = (full / null, sources)
    return found


def _positive(null: np.ndarray) -> np.ndarray:
    return np.where(null > 0, null, np.nan)


def _series(place: Mapping, clouds: Mapping[str, tuple[np.ndarray, list]]) -> list[Series]:
    """Return the series of the whole cloud, of the mean over classes, and of each class."""
    found = [Series({**place, "class": WHOLE}, *clouds[WHOLE])] if WHOLE in clouds else []
    classes = {name: full for name, (full, _) in clouds.items() if name != WHOLE}
    if classes:
        each = np.array(list(classes.values()))
        # each class has null draws of its own, so the spread between classes holds their chance too
        without = [(each.sum(axis=0) - each) / (len(each) - 1)] if len(each) > 1 else []
        found.append(Series({**place, "class": "mean"}, each.mean(axis=0), without))
    return found + [Series({**place, "class": name}, full) for name, full in classes.items()]
