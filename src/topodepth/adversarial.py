"""Does topology become simpler or more complex as an attack succeeds? Changes, correlations and a verdict a layer.

Every value at strength ε is compared with the value at ε = 0 of the same images, so intervals are paired: of a cloud of
all images by the delete-a-group jackknife, whose groups are the same images at every ε; of a mean over classes by the
jackknife over classes, which for a mean is Student's paired t. A single class has no interval.

Rank correlations are over the strengths, ε = 0 included. Those few values come from the same images and are not
independent, so a bootstrap over them would claim too much: the interval is the jackknife's, of the correlation found
without each group (or class), cut to [−1, 1]. It says how far the correlation rests on single images, for this model
and these strengths; success rate and F1 stay those of all images.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from topodepth import descriptors, statistics, tables
from topodepth.diagrams import DiagramFile
from topodepth.errors import InputError, unknown_name

STRENGTH = ("epsilon", "epsilon_unit", "accuracy", "macro_f1", "success_rate")
COLUMNS = (*tables.COLUMNS, *STRENGTH)
PLACE = ("layer_index", "layer", "relative_depth", "class", "homology_dimension", "descriptor", "version")
CHANGE_COLUMNS = (
    *PLACE, "model", *STRENGTH, "clean_value", "value", "change", "ci_low", "ci_high",
    "percent", "percent_ci_low", "percent_ci_high",
)  # fmt: skip
CORRELATIONS = tuple(f"{method}_{against}" for against in ("success", "f1") for method in ("kendall", "spearman"))
TREND_COLUMNS = (
    *PLACE, *(f"{name}{bound}" for name in CORRELATIONS for bound in ("", "_ci_low", "_ci_high")),
    "epsilon", "success_rate", "macro_f1", "percent", "percent_ci_low", "percent_ci_high", "verdict", "sentence",
)  # fmt: skip
VERDICTS = ("more complex", "simpler", "no single direction", "no change shown", "not tested")
LEAST_SUCCESS = 0.05  # a smaller rise of the success rate is called no success


@dataclass(frozen=True)
class Series:
    """One descriptor of one layer and cloud at every strength.

    Attributes
    ----------
    place
        Layer, class, homology dimension, descriptor, and version: ``value``, or ``relative`` to the null model.
    full
        (K,) values, one a strength in ascending order.
    left_out
        (G, K) values without each group of images, or without each class; G = 0 where there are none.
    """

    place: Mapping[str, object]
    full: np.ndarray
    left_out: np.ndarray = field(repr=False)

    def interval(self, statistic) -> "statistics.Interval":
        """Return a statistic of the values at all strengths, (K,) → number, with its jackknife interval."""
        return statistics.jackknife_interval(statistic(self.full), [statistic(values) for values in self.left_out])


@dataclass(frozen=True)
class Comparison:
    """All that is said of one attack: rows of the three tables, with this module's columns."""

    rows: list[dict]
    changes: list[dict]
    trends: list[dict]


def compare(
    metrics: "pandas.DataFrame",  # noqa: F821
    diagrams: Iterable[str | Path],
    dimensions: Sequence[Mapping] = (),
    *,
    names: Sequence[str] = ("lifespan_sum",),
    parameters: Mapping[str, Mapping] | None = None,
) -> Comparison:
    """Compare the diagrams of attacked images with those of the clean ones.

    Parameters
    ----------
    metrics
        One row a strength: model, epsilon, epsilon_unit, accuracy, macro_f1, success_rate.
    diagrams
        Diagram files of all strengths and layers; their attribute ``model`` is that of a row of ``metrics``.
    dimensions
        Rows of dimension estimates, with ``tables.COLUMNS``; their changes have no interval, as nothing pairs them.
    names, parameters
        Registered descriptors, and their keyword arguments.

    Raises
    ------
    InputError
        If a model has no metrics, the clean images or a file are missing, or files do not belong together.
    """
    metrics = metrics.sort_values("epsilon", kind="stable").reset_index(drop=True)
    if metrics.empty or metrics["epsilon"][0] != 0:
        raise InputError("metrics: expected a row of the clean images, epsilon 0. Received: none.")
    strengths = {row["model"]: row for row in metrics.to_dict("records")}
    rows, measured = [], _Measured(list(strengths))
    for path in diagrams:
        file = DiagramFile(path)
        rows += tables.descriptor_rows(file, names, parameters or {})
        measured.add(path, file, names, parameters or {})
    measured.add_rows(dimensions)
    rows += [dict(row) for row in dimensions]
    for row in rows:
        row |= {key: strengths[row["model"]][key] for key in STRENGTH}
    rows.sort(key=lambda row: (row["epsilon"], row["layer_index"]))
    found = measured.series()
    return Comparison(
        rows,
        [row for series in found for row in _changes(series, strengths.values())],
        [_trend(series, metrics) for series in found],
    )


class _Measured:
    """Values by place, cloud or group, and model, as files are read one by one."""

    def __init__(self, models: list[str]) -> None:
        self._models = models
        self._values: dict[tuple, dict[str, np.ndarray]] = {}  # (K,) by cloud or left-out group

    def add(self, path: str | Path, file: DiagramFile, names: Sequence[str], parameters: Mapping) -> None:
        """Take in every descriptor of a diagram file."""
        for name in names:
            describe, options = descriptors.registry.get(name), parameters.get(name, {})
            for degree in range(len(next(iter(file.data.values())))):
                for cloud, diagrams in file.data.items():
                    null = [describe(draw[cloud][degree], **options) for draw in file.null]
                    place = {**file.attributes, "homology_dimension": degree, "descriptor": name}
                    found = {cloud: describe(diagrams[degree], **options)}
                    if cloud == "all":
                        groups = [describe(group["all"][degree], **options) for group in file.jackknife]
                        found |= {f"without {g}": value for g, value in enumerate(groups)}
                    self._put(path, place, "value", found)
                    if null and np.mean(null) > 0:
                        relative = {key: value / np.mean(null) for key, value in found.items()}
                        self._put(path, place, "relative", relative)

    def add_rows(self, rows: Iterable[Mapping]) -> None:
        """Take in rows of a table, value and relative value."""
        for row in rows:
            for version, column in (("value", "value"), ("relative", "relative_value")):
                if np.isfinite(row[column]):
                    self._put("dimensions", row, version, {row["class"]: row[column]})

    def _put(self, where: str | Path, place: Mapping, version: str, found: Mapping[str, float]) -> None:
        if place["model"] not in self._models:
            raise unknown_name(f"model of {where}", place["model"], self._models)
        degree = place["homology_dimension"]
        degree = None if degree is None or np.isnan(degree) else int(degree)
        key = (place["layer_index"], place["layer"], place["relative_depth"], degree, place["descriptor"], version)
        values = self._values.setdefault(key, {})
        for cloud, value in found.items():
            values.setdefault(cloud, np.full(len(self._models), np.nan))[self._models.index(place["model"])] = value

    def series(self) -> list[Series]:
        """Return the series of all images, of the mean over classes, and of each class, by layer."""
        found = []
        for key, values in sorted(self._values.items(), key=lambda item: item[0][0]):
            layer_index, layer, depth, degree, descriptor, version = key
            place = {"layer_index": layer_index, "layer": layer, "relative_depth": depth, "homology_dimension": degree,
                     "descriptor": descriptor, "version": version}  # fmt: skip
            groups = np.array([value for name, value in values.items() if name.startswith("without ")])
            classes = {name: value for name, value in values.items() if name != "all" and name[:8] != "without "}
            none = np.empty((0, len(self._models)))
            if "all" in values:
                found.append(Series({**place, "class": "all"}, values["all"], groups if len(groups) else none))
            if classes:
                each = np.array(list(classes.values()))
                without = (each.sum(axis=0) - each) / (len(each) - 1) if len(each) > 1 else none
                found.append(Series({**place, "class": "mean"}, each.mean(axis=0), without))
            found += [Series({**place, "class": name}, value, none) for name, value in classes.items()]
        for series in found:
            missing = [model for model, value in zip(self._models, series.full, strict=True) if np.isnan(value)]
            if missing and series.place["version"] == "value":
                where = f"layer {series.place['layer']}, class {series.place['class']}"
                raise InputError(f"{missing[0]}: expected {series.place['descriptor']} of {where}. Received: none.")
        return found


def _change(k: int):
    return lambda values: values[k] - values[0]


def _percent(k: int):
    return lambda values: 100 * (values[k] / values[0] - 1) if values[0] > 0 else np.nan


def _changes(series: Series, strengths: Iterable[Mapping]) -> list[dict]:
    rows = []
    for k, strength in enumerate(strengths):
        change, percent = series.interval(_change(k)), series.interval(_percent(k))
        rows.append({
            **series.place, "model": strength["model"], **{key: strength[key] for key in STRENGTH},
            "clean_value": series.full[0], "value": series.full[k],
            "change": change.value, "ci_low": change.low, "ci_high": change.high,
            "percent": percent.value, "percent_ci_low": percent.low, "percent_ci_high": percent.high,
        })  # fmt: skip
    return rows


def most_successful(metrics: "pandas.DataFrame") -> int:  # noqa: F821
    """Return the place of the strength with the highest success rate; the last one if there are no rates."""
    success = metrics["success_rate"].to_numpy(dtype=float)
    return len(success) - 1 if np.isnan(success).all() else int(np.nanargmax(success))


def _trend(series: Series, metrics: "pandas.DataFrame") -> dict:  # noqa: F821
    k = most_successful(metrics)
    found = {
        f"{method}_{against}": _correlation(series, metrics[column].to_numpy(dtype=float), method)
        for against, column in (("success", "success_rate"), ("f1", "macro_f1"))
        for method in ("kendall", "spearman")
    }
    percent = series.interval(_percent(k))
    verdict = _verdict(percent, found["kendall_success"], found["kendall_f1"])
    row = {**series.place, **{key: metrics[key][k] for key in ("epsilon", "success_rate", "macro_f1")}}
    for name, interval in found.items():
        row |= {name: interval.value, f"{name}_ci_low": interval.low, f"{name}_ci_high": interval.high}
    row |= {"percent": percent.value, "percent_ci_low": percent.low, "percent_ci_high": percent.high}
    sentence = _sentence(series, metrics, found | {"percent": percent}, verdict)
    return row | {"verdict": verdict, "sentence": sentence}


def _correlation(series: Series, against: np.ndarray, method: str) -> "statistics.Interval":
    found = series.interval(lambda values: statistics.correlation(values, against, method))
    return found._replace(low=max(-1.0, found.low), high=min(1.0, found.high))


def _verdict(percent: "statistics.Interval", success: "statistics.Interval", f1: "statistics.Interval") -> str:
    """Return one of ``VERDICTS`` from the change where success is highest and Kendall's τ with success and with F1.

    A direction needs a change whose interval excludes 0, and that the values follow the attack in that direction: with
    rising success or with falling F1, by an interval that excludes 0, and with neither the other way round.
    """
    if np.isnan([percent.low, percent.high]).any():
        return "not tested"
    if percent.low <= 0 <= percent.high:
        return "no change shown"
    rises = np.sign(percent.value)
    follows = {rises * _sign(success), -rises * _sign(f1)}
    if 1 not in follows or -1 in follows:
        return "no single direction"
    return "more complex" if rises > 0 else "simpler"


def _sign(interval: "statistics.Interval") -> int:
    """Return the sign that an interval agrees on; 0 for none, or without an interval."""
    return int(interval.low > 0) - int(interval.high < 0)


def _sentence(series: Series, metrics: "pandas.DataFrame", found: Mapping, verdict: str) -> str:  # noqa: F821
    place, clean, attacked = series.place, metrics.iloc[0], metrics.iloc[most_successful(metrics)]
    percent, success, f1 = found["percent"], found["kendall_success"], found["kendall_f1"]
    told = (
        f"As the attack succeeds (success {_number(clean['success_rate'])} → {_number(attacked['success_rate'])}, "
        f"F1 {_number(clean['macro_f1'])} → {_number(attacked['macro_f1'])} at ε = {attacked['epsilon']:g}), "
        f"{measure(place)} of {_cloud(place)} at layer {place['layer']}"
    )
    if np.isnan(percent.value):
        return f"{told} has no relative change, its clean value being 0."
    told += f" {'rises' if percent.value > 0 else 'falls'} by {_number(abs(percent.value), '.1f')} %"
    if verdict == "not tested":
        return f"{told}; without an interval nothing is tested."
    bounds = f"95 % interval {_number(percent.low, '+.1f')} to {_number(percent.high, '+.1f')} %"
    told += f" ({bounds}; Kendall τ with the success {_estimate(success)}, with F1 {_estimate(f1)})"
    return told + {
        "more complex": ": by this measure topology becomes more complex.",
        "simpler": ": by this measure topology becomes simpler.",
        "no single direction": ", but over all ε it does not follow success or F1: no single direction.",
        "no change shown": ": no change can be shown.",
    }[verdict]  # fmt: skip


def _estimate(interval: "statistics.Interval") -> str:
    bounds = f" [{_number(interval.low, '+.2f')}, {_number(interval.high, '+.2f')}]"
    return _number(interval.value, "+.2f") + (bounds if np.isfinite(interval.low) else "")


def _number(value: float, form: str = ".2f") -> str:
    return "undefined" if np.isnan(value) else f"{value:{form}}".replace("-", "−")


def _cloud(place: Mapping) -> str:
    return {"all": "all images", "mean": "the mean over classes"}.get(place["class"], f"class {place['class']}")


def measure(place: Mapping) -> str:
    """Return what a descriptor is called in a sentence: ``E_0``, ``longest bar of H_1 relative to the null model``."""
    degree, descriptor = place["homology_dimension"], str(place["descriptor"])
    text = f"E_{degree}" if descriptor == "lifespan_sum" else descriptor.replace("_", " ")
    if degree is not None and descriptor not in ("lifespan_sum", "ph_dimension"):
        text += f" of H_{degree}"
    return text + (" relative to the null model" if place["version"] == "relative" else "")


def summary(metrics: "pandas.DataFrame", trends: Sequence[Mapping]) -> list[str]:  # noqa: F821
    """Return the sentences that sum up an attack: its success, each measure over the layers, and the last layer."""
    k = most_successful(metrics)
    clean, attacked = metrics["success_rate"][0], metrics["success_rate"][k]
    told = []
    if not attacked - clean >= LEAST_SUCCESS:
        told.append(
            f"The attack hardly succeeds: its success rate is {_number(clean)} on clean images and at most "
            f"{_number(attacked)}. So what follows says little of successful attacks."
        )
    groups: dict[tuple[str, str], list[Mapping]] = {}
    for row in trends:
        if row["class"] in ("all", "mean"):
            groups.setdefault((measure(row), _cloud(row)), []).append(row)
    for (text, cloud), rows in groups.items():
        counts = [(verdict, sum(row["verdict"] == verdict for row in rows)) for verdict in VERDICTS]
        listed = ", ".join(f"{verdict} at {count}" for verdict, count in counts if count)
        told.append(f"{text} of {cloud}, {len(rows)} layers: {listed}. Last layer: {rows[-1]['sentence']}")
    return told
