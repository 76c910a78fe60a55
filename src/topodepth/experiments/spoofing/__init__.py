"""Real images against spoofs: dimension and topology of two clouds of equal size, and whether they differ."""

from topodepth.experiments.spoofing.comparison import (
    ABOUT,
    COLUMNS,
    CURVE_COLUMNS,
    DIFFERENCE,
    ESTIMATORS,
    TEST_COLUMNS,
    Comparison,
    compare,
)
from topodepth.experiments.spoofing.permutation import step_down
from topodepth.experiments.spoofing.summary import SIGNIFICANT, adjust, sentences

__all__ = [
    "ABOUT",
    "COLUMNS",
    "CURVE_COLUMNS",
    "DIFFERENCE",
    "ESTIMATORS",
    "SIGNIFICANT",
    "TEST_COLUMNS",
    "Comparison",
    "adjust",
    "compare",
    "sentences",
    "step_down",
]
