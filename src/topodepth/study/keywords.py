"""Keyword arguments of measurements, for editors and type checkers: the fields of the settings, with their types."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

import numpy as np


class Keywords(TypedDict, total=False):
    """Fields of :class:`topodepth.study.settings.Settings` and of :class:`topodepth.study.settings.Passing`."""

    descriptors: Sequence[str]
    max_dim: int
    clouds: str
    points: int | None
    classes: Sequence[int] | np.ndarray | None
    null_draws: int
    jackknife_groups: int
    engine: str
    device: str
    scaling: str
    alpha: float
    weight: float
    estimators: Sequence[str]
    dimension_scaling: str
    dimension_alpha: float
    sizes: Sequence[int] | np.ndarray | None
    draws: int
    dimension_null_draws: int
    parameters: Mapping[str, Mapping]
    dimension_parameters: Mapping[str, Mapping]
    seed: int
    batch_size: int | None
    normalise: Callable[[np.ndarray], np.ndarray] | None
    indices: Sequence[int] | np.ndarray | None
    trust: bool
    threads: int | None
    pooling: str
    tokens: int | None
    shuffled_draws: int
    special_tokens: Sequence[int] | np.ndarray
    channels: str
    layout: str


class Named(Keywords, total=False):
    """What the table calls the model and the data, too."""

    name: str | None
    dataset: str
