"""Does topology become simpler or more complex as an attack succeeds? Changes, rank tests and a verdict for each layer.

Every value at strength ε is compared with the value at ε = 0 of the same images, so intervals are paired: of a cloud of
all images by the delete-a-group jackknife, whose groups are the same images at every ε; of a mean over classes by the
jackknife over classes. A single class has no interval. A value relative to the null model has the chance of the null's
draws in it too, which is one more jackknife, over draws; a single draw cannot tell its chance, so there is no interval.

Rank correlations are over the strengths, ε = 0 included, with the exact permutation test over them. They are few: with
fewer than five no order of the values is rare enough, and the verdict says so.
"""

from topodepth.experiments.adversarial.comparison import (
    CHANGE_COLUMNS,
    COLUMNS,
    TREND_COLUMNS,
    AttackComparison,
    compare,
    most_successful,
)
from topodepth.experiments.adversarial.series import Series
from topodepth.experiments.adversarial.summary import METHOD, answer, tables_of
from topodepth.experiments.adversarial.verdicts import VERDICTS

__all__ = [
    "CHANGE_COLUMNS",
    "COLUMNS",
    "METHOD",
    "TREND_COLUMNS",
    "VERDICTS",
    "AttackComparison",
    "Series",
    "answer",
    "compare",
    "most_successful",
    "tables_of",
]
