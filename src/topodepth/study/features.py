"""Measurements as rows of numbers for scikit-learn: descriptors, persistence images, persistence landscapes."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from topodepth.errors import InputError, is_whole, unknown_name
from topodepth.jobs import extras
from topodepth.study.draw import check_one
from topodepth.study.measurement import Comparison, Measurement
from topodepth.topology.clouds import WHOLE

if TYPE_CHECKING:
    from pandas import DataFrame

KINDS = ("descriptors", "images", "landscapes")
LANDSCAPES = 3  # functions, from the highest
SPREAD = 1 / 16  # of the Gaussians of an image, in shares of its width


def features(
    measured: Measurement | Comparison,
    *,
    by: str = "layer",
    kinds: Sequence[str] = KINDS,
    resolution: int = 10,
    longest: float | None = None,
) -> "DataFrame":
    """Return one row of numbers for each layer, or each layer and class, of every model.

    Parameters
    ----------
    measured
        One or several models.
    by
        ``"layer"``: the mean over classes, or the cloud of all points where there are no classes; and the dimensions.
        ``"class"``: a row for each cloud.
    kinds
        Some of ``"descriptors"``, ``"images"`` (persistence images, weighted by persistence) and ``"landscapes"``
        (three functions; GUDHI's are √2 times as high as Bubenik's).
    resolution
        Pixels of an image along each axis, and values of a landscape.
    longest
        Filtration value at which images and landscapes end; None: the last finite death of all that is measured. Give
        one number to measurements whose rows are to be compared.

    Returns
    -------
    DataFrame
        Index: model, layer, class. Columns: ``lifespan_sum_H0``, …; ``image_H1_3_7`` (row of persistence, column of
        birth); ``landscape_H1_0_5``; ``two_nn``, …, NaN where no dimension is defined.

    Raises
    ------
    InputError
        If an argument is none of these, or scikit-learn, which GUDHI's representations need, is not installed.

    References
    ----------
    Adams et al. (2017), Persistence images, JMLR 18. Bubenik (2015), Statistical topological data analysis using
    persistence landscapes, JMLR 16.
    """
    import pandas

    measurements = measured.measurements if isinstance(measured, Comparison) else [measured]
    for each in measurements:
        check_one(each)
    _check(by, kinds, resolution, longest)
    if longest is None:
        deaths = [bars[:, 1] for each in measurements for bars in _all_bars(each)]
        longest = max((float(part[np.isfinite(part)].max(initial=0)) for part in deaths), default=0.0) or 1.0
    index, rows = [], []
    for each in measurements:
        for layer in each.layers:
            for name, row in _rows(each, layer, by, kinds, (resolution, longest)):
                index.append((each.model, layer, name))
                rows.append(row)
    return pandas.DataFrame(rows, index=pandas.MultiIndex.from_tuples(index, names=["model", "layer", "class"]))


def _check(by: str, kinds: Sequence[str], resolution: int, longest: float | None) -> None:
    if by not in ("layer", "class"):
        raise unknown_name("rows of features", by, ("layer", "class"))
    for kind in kinds:
        if kind not in KINDS:
            raise unknown_name("kind of features", kind, KINDS)
    if not kinds or isinstance(kinds, str):
        raise InputError(f"kinds: expected a list of {', '.join(KINDS)}. Received: {kinds!r}.")
    if not is_whole(resolution, 2, 1000):
        raise InputError(f"resolution: expected a whole number from 2 to 1000. Received: {resolution!r}.")
    if longest is not None and not 0 < longest < np.inf:
        raise InputError(f"longest: expected a positive number, or None. Received: {longest!r}.")


def _all_bars(measured: Measurement) -> Iterator[np.ndarray]:
    for found in measured.diagrams.values():
        for diagrams in found.data.values():
            yield from diagrams


def _rows(
    measured: Measurement, layer: str, by: str, kinds: Sequence[str], grid: tuple[int, float]
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the rows of one layer, each after the name of its class."""
    found: dict[str, dict[str, float]] = {name: {} for name in measured.diagrams[layer].data}
    if "descriptors" in kinds:
        for values in measured.values[layer]:
            for name, value in values.data.items():
                found[name][f"{values.descriptor}_H{values.degree}"] = value
    for name, diagrams in measured.diagrams[layer].data.items():
        for degree, bars in enumerate(diagrams):
            finite = bars[np.isfinite(bars[:, 1])]
            for kind, describe in (("images", _image), ("landscapes", _landscapes)):
                if kind in kinds:
                    found[name] |= {f"{key}_H{degree}_{place}": value for key, place, value in describe(finite, *grid)}
    if by == "class":
        yield from found.items()
        return
    classes = [name for name in found if name != WHOLE] or [WHOLE]
    row = {key: float(np.mean([found[name][key] for name in classes])) for key in found[classes[0]]}
    if "descriptors" in kinds:
        estimators = measured.settings.estimators
        own = [each for each in measured.rows if each["layer"] == layer and each["descriptor"] in estimators]
        row |= {each["descriptor"]: each["value"] for each in own}
    yield WHOLE if classes == [WHOLE] else "mean", row


def _image(bars: np.ndarray, resolution: int, longest: float) -> Iterator[tuple[str, str, float]]:
    pixels = np.zeros((resolution, resolution))
    if len(bars):  # GUDHI takes no image of no bars on its own
        with extras.one_line():
            from gudhi.representations import PersistenceImage
        made = PersistenceImage(
            bandwidth=SPREAD * longest, weight=_persistence, resolution=[resolution] * 2, im_range=[0, longest] * 2
        )
        pixels = made.fit_transform([bars]).reshape(resolution, resolution)
    for place, value in np.ndenumerate(pixels):
        yield "image", "_".join(map(str, place)), float(value)


def _persistence(point: np.ndarray) -> float:
    return point[1]


def _landscapes(bars: np.ndarray, resolution: int, longest: float) -> Iterator[tuple[str, str, float]]:
    curves = np.zeros((LANDSCAPES, resolution))
    if len(bars):
        with extras.one_line():
            from gudhi.representations import Landscape
        made = Landscape(num_landscapes=LANDSCAPES, resolution=resolution, sample_range=[0, longest])
        curves = made.fit_transform([bars]).reshape(LANDSCAPES, resolution)
    for place, value in np.ndenumerate(curves):
        yield "landscape", "_".join(map(str, place)), float(value)
