"""Statistics of measured values: intervals, correlations, tests. Arrays in, plain records out; no files."""

from topodepth.statistics.correlation import (
    Association,
    MaxTest,
    association,
    correlation,
    max_statistic_test,
    paired_difference,
)
from topodepth.statistics.environments import HeldOut, SignError, leave_one_group_out, sign_error
from topodepth.statistics.granulated import Granulated, granulated_kendall
from topodepth.statistics.information import InformationScore, conditional_mutual_information
from topodepth.statistics.intervals import (
    Interval,
    bootstrap_interval,
    jackknife_interval,
    joint_jackknife_interval,
    mean_interval,
    ratio_interval,
    ratio_of_estimates,
)
from topodepth.statistics.pairs import METHODS
from topodepth.statistics.partial import Partial, partial_correlation, partial_correlations

__all__ = [
    "METHODS",
    "Association",
    "Granulated",
    "HeldOut",
    "InformationScore",
    "Interval",
    "MaxTest",
    "Partial",
    "SignError",
    "association",
    "bootstrap_interval",
    "conditional_mutual_information",
    "correlation",
    "granulated_kendall",
    "jackknife_interval",
    "joint_jackknife_interval",
    "leave_one_group_out",
    "max_statistic_test",
    "mean_interval",
    "paired_difference",
    "partial_correlation",
    "partial_correlations",
    "ratio_interval",
    "ratio_of_estimates",
    "sign_error",
]
