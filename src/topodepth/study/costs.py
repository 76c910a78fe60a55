"""What a measurement will cost, before it starts: memory by the formulas of the pipeline's jobs, and a rough time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from topodepth.activations.file import Representation
from topodepth.jobs import extras, memory
from topodepth.study import doors, sources
from topodepth.study.keywords import Keywords
from topodepth.study.settings import Settings, from_keywords
from topodepth.study.showing import counted

# Seconds on one core of a server's processor, from the tables of docs/cost.md; others differ, and so do data.
H0_PAIR, H1_PAIR = 6e-9, 6e-8  # of each pair of points; of H_0 once more for every 128 features
H2_FOUR = 2e-10  # of each four points: 250 random points of 32 features take half a second
PH_POINT, PH_PAIR = 7e-4, 5e-8  # of PH dimension, ten draws of subsamples of 128 features; steps, then distances
START = 0.004  # of each diagram
SCALED = 3  # copies in float64 of all points of a layer: as read, without rounding, scaled


@dataclass(frozen=True)
class LayerCost:
    """Memory in bytes and seconds that a layer takes; ``points`` are those of its largest cloud, ``d`` its features."""

    layer: str
    points: int
    d: int
    memory: int
    seconds: float


@dataclass(frozen=True, repr=False)
class Cost:
    """What a measurement will cost.

    Attributes
    ----------
    model
        Its name.
    layers
        In order; empty where only a pass through the batches tells how many points there are.
    disk
        Bytes of the temporary file of activations.
    """

    model: str
    layers: tuple[LayerCost, ...]
    disk: int

    @property
    def memory(self) -> int:
        """Bytes of memory: layers come one after another, so of the largest; what the model itself needs is not in."""
        return max((layer.memory for layer in self.layers), default=0)

    @property
    def seconds(self) -> float:
        """Seconds of all layers, roughly; those of the model's pass are not in."""
        return sum(layer.seconds for layer in self.layers)

    def require(self) -> None:
        """Refuse what would not fit into the memory there is.

        Raises
        ------
        InputError
            The message names the layer that takes most.
        """
        if self.layers:
            most = max(self.layers, key=lambda layer: layer.memory)
            what = f"model {self.model}, layer {most.layer}, {most.points} points of {most.d} features in a cloud"
            memory.require(most.memory, what)

    def __repr__(self) -> str:
        if not self.layers:
            return f"{self.model}: the cost is known once all batches are through"
        disk = f", {_size(self.disk)} on disk" if self.disk else ""
        what = f"about {_time(self.seconds)}, {_size(self.memory)} of memory{disk}"
        return f"{self.model}, {counted(len(self.layers), 'layer')}: {what}"


def estimate(
    model: Any = None,
    images: Any = None,
    labels: Any = None,
    *,
    layers: Any = "auto",
    name: str | None = None,
    **settings: Unpack[Keywords],
) -> Cost:
    """Return what :func:`topodepth.measure` of the same arguments will cost; nothing is computed.

    Raises
    ------
    InputError
        As :func:`topodepth.measure` where the arguments do not fit; what is too large is not refused here.
    """
    chosen, passing = from_keywords(settings)
    with extras.one_line(), doors.as_found(model, images):
        return of(sources.given(model, images, labels, layers=layers, name=name, passing=passing), chosen)


def of(what: sources.ToMeasure, settings: Settings) -> Cost:
    """Return the cost of what is given."""
    if what.n is None:
        return Cost(what.name, (), 0)
    sizes = _clouds(what, what.n, settings)
    layers = tuple(_layer(what.n, each, sizes, settings, what.draws) for each in what.layers)
    return Cost(what.name, layers, what.bytes_to_write)


def _clouds(what: sources.ToMeasure, n: int, settings: Settings) -> Sequence[int]:
    """Return the points of each diagram of a layer: of clouds, draws of their null models, and without each group."""
    limit = settings.points or n
    labels = what.labels
    if labels is not None and settings.classes is not None:
        labels = labels[np.isin(labels, settings.classes)]
    clouds = []
    if labels is not None and settings.clouds != "all":
        clouds += np.unique(labels, return_counts=True)[1].tolist()
    whole = [n if labels is None else len(labels)] if labels is None or settings.clouds != "class" else []
    clouds = [min(size, limit) for size in [*clouds, *whole]]
    groups = [min(size, limit) for size in whole for _ in range(settings.jackknife_groups)]
    return [*clouds * (1 + settings.null_draws + what.draws), *groups]


def _layer(n: int, layer: Representation, sizes: Sequence[int], settings: Settings, draws: int) -> LayerCost:
    largest, d = max(sizes, default=0), layer.d
    need = memory.memory_estimate(largest, d, settings.max_dim, settings.engine) + SCALED * memory.FLOAT * n * d
    if settings.estimators:
        need = max(need, memory.dimension_memory_estimate(n, d))
    seconds = sum(_diagrams_seconds(size, d, settings.max_dim) for size in sizes)
    estimates = 1 + settings.dimension_null_draws + draws
    if "ph_dimension" in settings.estimators:
        seconds += estimates * settings.draws / 10 * (PH_POINT * n + PH_PAIR * n**2 * (1 + d / 128) / 2)
    seconds += estimates * len(settings.estimators) * H0_PAIR * n**2 * (1 + d / 128)
    return LayerCost(layer.token, largest, d, need, seconds)


def _diagrams_seconds(n: int, d: int, max_dim: int) -> float:
    seconds = START + H0_PAIR * n**2 * (1 + d / 128)
    return seconds + (H1_PAIR * n**2 if max_dim else 0) + (H2_FOUR * n**4 if max_dim > 1 else 0)


def _size(count: int) -> str:
    for unit, size, digits in (("GB", 1e9, 1), ("MB", 1e6, 0)):
        if count >= size:
            return f"{count / size:.{digits}f} {unit}"
    return f"{max(1, count / 1e3):.0f} kB"


def _time(seconds: float) -> str:
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(1, seconds):.0f} s"
