"""Descriptors of a layer's clouds: each value, those of the null model, and those without each group, computed once.

What depth, dynamics, generalisation, attacks and spoofs say of a descriptor all comes from here, and its interval, null
value and ratio from :func:`cloud_columns`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from numbers import Real

import numpy as np

from topodepth.errors import InputError
from topodepth.statistics.intervals import jackknife_interval, mean_interval
from topodepth.tables.rows import columns
from topodepth.topology import descriptors
from topodepth.topology.clouds import WHOLE
from topodepth.topology.diagrams import Diagrams

Key = tuple[str, int | None]  # descriptor or estimator, and homology dimension if it is of one


@dataclass(frozen=True)
class Values:
    """One descriptor in one homology dimension.

    Attributes
    ----------
    descriptor, degree
        Which.
    data
        Value of each cloud.
    null
        Values (draws,) of the null model of each cloud.
    jackknife
        Values (groups,) of the cloud of all points without each group.
    shuffled
        Values (draws,) of each cloud with tokens shuffled; empty where there are no such draws.
    """

    descriptor: str
    degree: int
    data: Mapping[str, float]
    null: Mapping[str, np.ndarray]
    jackknife: np.ndarray
    shuffled: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Descriptor and homology dimension."""
        return self.descriptor, self.degree


def values_of(diagrams: Diagrams, names: Iterable[str], parameters: Mapping[str, Mapping]) -> Iterator[Values]:
    """Yield the values of every descriptor in every homology dimension.

    Parameters
    ----------
    diagrams
        Of one layer.
    names
        Registered descriptors.
    parameters
        Keyword arguments by descriptor, such as ``{"lifespan_sum": {"alpha": 1.0}}``.

    Raises
    ------
    InputError
        If a descriptor fails, or returns no number.
    """
    for name in names:
        function = partial(descriptors.registry.get(name), **parameters.get(name, {}))
        describe = partial(_number, function, name, diagrams.attributes)
        for degree in range(diagrams.degrees):
            yield Values(
                name,
                degree,
                {cloud: describe(found[degree]) for cloud, found in diagrams.data.items()},
                _of_draws(describe, diagrams, diagrams.null, degree),
                np.array([describe(group[WHOLE][degree]) for group in diagrams.jackknife]),
                _of_draws(describe, diagrams, diagrams.shuffled, degree) if diagrams.shuffled else {},
            )


def _of_draws(
    describe: Callable[[np.ndarray], float], diagrams: Diagrams, draws: Sequence[Mapping], degree: int
) -> dict[str, np.ndarray]:
    """Return the values (draws,) of a null model of each cloud."""
    return {cloud: np.array([describe(draw[cloud][degree]) for draw in draws]) for cloud in diagrams.data}


def _number(function: Callable[[np.ndarray], float], name: str, about: Mapping, diagram: np.ndarray) -> float:
    """Return the value of a descriptor; what goes wrong in it names the model and layer, where they are known."""
    try:
        value = function(diagram)
        if not isinstance(value, Real):
            raise InputError(f"descriptor {name!r}: expected to return a number. Received: {value!r:.100}.")
    except InputError as error:
        where = f"model {about['model']}, layer {about['layer']}: " if "layer" in about else ""
        raise InputError(f"{where}{error}") from error
    return float(value)


def cloud_columns(value: float, null: np.ndarray, left_out: Sequence[float] | np.ndarray = ()) -> dict:
    """Return the columns of one cloud's value: interval, null value and ratio, as far as there are draws and groups.

    Parameters
    ----------
    value
        Of the cloud.
    null
        Of draws of its null model, (draws,).
    left_out
        Without each group of its points, (groups,).
    """
    return columns(jackknife_interval(value, left_out), mean_interval(null))
