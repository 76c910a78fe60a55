"""What the page shows of the layers of one network: the points in a plane, and the bars of each cloud."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from topodepth.activations.file import Activations
from topodepth.errors import InputError
from topodepth.topology.clouds import WHOLE, evenly
from topodepth.topology.diagrams import Diagrams

# of each layer; more would make the page slow to load, and hide each other
POINTS, BARS, CLASSES = 300, 150, 10
DIGITS = 3  # significant: a screen shows fewer


class Plane(NamedTuple):
    """Points of a layer in a plane.

    Attributes
    ----------
    points
        (n, 2) of each strength of an attack; of a network without one there is one.
    variance
        (2,) share of the variance of the first that each axis has.
    """

    points: list[np.ndarray]
    variance: np.ndarray


def of_network(
    steps: Sequence[Activations], diagrams: Iterable[Sequence[Diagrams]], *, scaling: str = "minmax"
) -> dict:
    """Return what is shown of a network, as JSON can hold it.

    Parameters
    ----------
    steps
        Its activations: one file, or one for each strength of an attack, without attack first.
    diagrams
        Of each layer that is shown, in order: the diagrams at each step.
    scaling
        Of the features before the projection, as for diagrams: ``minmax`` or ``none``.

    Raises
    ------
    InputError
        If a layer has not as many diagrams as there are steps.
    """
    first = steps[0]
    rows = evenly(first.n, POINTS)
    layers = {}
    for own in diagrams:
        name = str(own[0].attributes["layer"])
        if len(own) != len(steps):
            raise InputError(f"layer {name!r}: expected diagrams of {len(steps)} steps. Received: {len(own)}.")
        whole = first.points(name)
        found = plane(whole, [whole[rows], *(file.points(name)[rows] for file in steps[1:])], scaling)
        layers[name] = {
            "dimension": first.layer(name).d,
            "depth": rounded([first.layer(name).relative_depth])[0],
            "variance": rounded(found.variance),
            "points": [rounded(points.ravel()) for points in found.points],
            "clouds": [clouds(each) for each in own],
        }
    return {
        "images": first.n,
        "scaling": scaling,
        "indices": first.indices[rows].tolist(),
        "labels": None if first.labels is None else first.labels[rows].tolist(),
        "layers": layers,
    }


def plane(whole: np.ndarray, clouds: Sequence[np.ndarray], scaling: str) -> Plane:
    """Return clouds in the plane of the two principal axes of the first.

    The sign of an axis is that with which the largest of its weights is positive, so that the plane is the same
    everywhere.

    Parameters
    ----------
    whole
        (m, d) all points of the sample, over which diagrams scale features too.
    clouds
        (n, d) each; rows of all are of the same images.
    scaling
        ``minmax``: features are mapped as those of ``whole`` are onto [0, 1]; ``none``: left as they are.
    """
    low, span = whole.min(axis=0).astype(np.float64), np.ptp(whole.astype(np.float64), axis=0)
    factor = 1 / np.where(span > 0, span, 1) if scaling == "minmax" else np.ones(whole.shape[1])
    scaled = [(cloud.astype(np.float64) - low) * factor for cloud in clouds]
    centre = scaled[0].mean(axis=0)
    _, sizes, axes = np.linalg.svd(scaled[0] - centre, full_matrices=False)
    axes, shares = axes[:2], sizes[:2] ** 2 / max((sizes**2).sum(), np.finfo(float).tiny)
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    missing = 2 - len(axes)  # of a layer with one feature, or one point
    points = [np.pad((cloud - centre) @ axes.T, ((0, 0), (0, missing))) for cloud in scaled]
    return Plane(points, np.pad(shares, (0, missing)))


def clouds(found: Diagrams) -> dict:
    """Return the bars of each cloud, and of one draw of its null model, by homology dimension, the longest first."""
    null: Mapping = found.null[0] if found.null else {}
    return {
        name: {
            "points": found.n_points.get(name),
            "counts": [len(diagram) for diagram in found.data[name]],
            "bars": [longest(diagram) for diagram in found.data[name]],
            "null": [longest(diagram) for diagram in null.get(name, ())],
        }
        for name in shown_classes(found.data)
    }


def shown_classes(names: Iterable[str]) -> list[str]:
    """Return the clouds that are shown: those that stand for all images, and the first classes."""
    names = list(dict.fromkeys(names))
    summaries = [name for name in ("mean", WHOLE) if name in names]
    return [*summaries, *[name for name in names if name not in summaries][:CLASSES]]


def longest(diagram: np.ndarray) -> list[float | None]:
    """Return the longest bars of a diagram (k, 2) as births and deaths in turn; of an endless one the death is None."""
    order = np.argsort(diagram[:, 0] - diagram[:, 1], kind="stable")[:BARS]
    return rounded(diagram[order].ravel())


def rounded(values: ArrayLike) -> list[float | None]:
    """Return numbers with as many digits as a screen shows; None for what is no finite number, which JSON has not."""
    plain = np.asarray(values, dtype=float).tolist()  # NumPy's own numbers take four times as long
    return [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in plain]
