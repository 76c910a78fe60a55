"""Real images against spoofs: dimension and topology of two clouds of equal size, and whether they differ."""

from topodepth.experiments.spoofing.comparison import (
    ABOUT,
    COLUMNS,
    CURVE_COLUMNS,
    DIFFERENCE,
    PERMUTATION_COLUMNS,
    SpoofComparison,
    compare,
)
from topodepth.experiments.spoofing.permutation import step_down
from topodepth.experiments.spoofing.settings import ESTIMATORS, SpoofSettings
from topodepth.experiments.spoofing.summary import SIGNIFICANT, adjust, sentences

__all__ = [
    "ABOUT",
    "COLUMNS",
    "CURVE_COLUMNS",
    "DIFFERENCE",
    "ESTIMATORS",
    "PERMUTATION_COLUMNS",
    "SIGNIFICANT",
    "SpoofComparison",
    "SpoofSettings",
    "adjust",
    "compare",
    "sentences",
    "step_down",
]
