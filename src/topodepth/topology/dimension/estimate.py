"""An estimated dimension, and what all estimators share: their registry, points without copies, checks."""

from dataclasses import dataclass, field

import numpy as np

from topodepth.errors import InputError, is_whole
from topodepth.registry import Registry
from topodepth.topology.clouds import check_cloud, distinct_rows

registry = Registry("topodepth.topology.dimension", "dimension estimator")
register = registry.register


@dataclass(frozen=True, repr=False)
class DimensionEstimate:
    """An estimated dimension.

    Attributes
    ----------
    value
        The dimension; NaN where the data allow none, and ``note`` says why.
    ci_low, ci_high
        Bounds of an interval of 95 % for the chance of the sample: the mean of the estimator over samples as large lies
        in it. The bias is not covered, so the true dimension may lie outside. NaN with the value, and where the sample
        allows none.
    n_points
        Number of points used; copies count once.
    note
        Empty, or why the value is undefined or to be read with care, and how many points are copies.
    bias, true_low, true_high
        What :mod:`topodepth.topology.dimension.calibration` says: the bias of such an estimate on as many points of a
        cube, Gaussian or sphere, the largest of the three; and the range of true dimensions that the interval stands
        for on these. Infinite beyond the calibration; NaN without one.
    """

    value: float
    ci_low: float
    ci_high: float
    n_points: int
    note: str
    bias: float = field(default=np.nan, kw_only=True)
    true_low: float = field(default=np.nan, kw_only=True)
    true_high: float = field(default=np.nan, kw_only=True)

    @property
    def resolved(self) -> bool:
        """Whether the bias is within the interval: else it says more of the number of points than of the dimension."""
        return not abs(self.bias) > (self.ci_high - self.ci_low) / 2

    @property
    def defined(self) -> bool:
        """Whether there is a value."""
        return bool(np.isfinite(self.value))

    def __repr__(self) -> str:
        """Say in one line what was found and what its interval covers."""
        interval = f"interval {self.ci_low:.4g} to {self.ci_high:.4g} (chance of the sample; not the bias)"
        if not self.defined:
            return f"{type(self).__name__}(undefined, {self.n_points} points; {self.note})"
        biased = [f"bias about {self.bias:.2g}"] * bool(np.isfinite(self.bias))
        details = [f"{self.n_points} points", *biased, *self._details(), *[self.note] * bool(self.note)]
        return f"{type(self).__name__}({self.value:.4g}, {interval}, {'; '.join(details)})"

    def _details(self) -> list[str]:
        return []


def count_once(points: np.ndarray, kept: np.ndarray | None, least: int, what: str) -> tuple[np.ndarray, str]:
    """Return the points without copies, and a note that says how many there are, or why they are too few."""
    points = check_cloud(points, what)
    if len(points) < least:
        raise InputError(f"{what}: expected at least {least} points. Received: {len(points)}")
    distinct = points[distinct_rows(points) if kept is None else kept]
    copies = len(points) - len(distinct)
    if not copies:
        return distinct, ""
    note = f"{copies} of {len(points)} points repeat others within rounding and are left out"
    if len(distinct) < least:
        note = joined(f"no dimension: {least} points are needed, {len(distinct)} are left", note)
    return distinct, note


def joined(*notes: str) -> str:
    """Return notes as one, without those that are empty."""
    return "; ".join(note for note in notes if note)


def check_whole(name: str, value: int, least: int) -> None:
    """Refuse a setting that is not a whole number from ``least``."""
    if not is_whole(value, least):
        raise InputError(f"{name}: expected a whole number from {least}. Received: {value!r}")
