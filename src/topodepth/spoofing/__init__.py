"""Real images against spoofs: dimension and topology of two clouds of equal size, and whether they differ."""

from topodepth.spoofing.comparison import (
    ABOUT,
    COLUMNS,
    CURVE_COLUMNS,
    DIFFERENCE,
    ESTIMATORS,
    TEST_COLUMNS,
    Comparison,
    compare,
)
from topodepth.spoofing.permutation import step_down
from topodepth.spoofing.summary import SIGNIFICANT, adjust, sentences

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
