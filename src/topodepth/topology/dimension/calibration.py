"""What true dimension an estimate may stand for: the means of estimators on clouds of known dimension.

Near the border of a cloud, and wherever its density changes within a point's neighbourhood, an estimator of dimension
is biased, mostly low, the more so the higher the dimension and the fewer the points. By how much depends on the shape,
which is not known of data; so there are curves of three: cubes, whose border is most of them, Gaussians and spheres.
"""

from typing import NamedTuple

import numpy as np

DIMENSIONS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50)
POINTS = (200, 500, 1000, 2000, 5000)
SHAPES = ("cube", "gaussian", "sphere")

# The mean estimate over the true dimension, for DIMENSIONS, by estimator with its default settings, shape and number of
# points. Standard errors: maximum likelihood 0.2 %, TwoNN 0.7 %, PH dimension 1 to 2 %. They come, seeds and all, from
#     python benchmarks/dimension_curves.py
#     python benchmarks/dimension_curves.py --family ph_dimension --total 6000
MEANS: dict[tuple[str, str, int], tuple[float, ...]] = {
    ("two_nn", "cube", 200): (0.998, 0.982, 0.961, 0.910, 0.855, 0.829, 0.765, 0.726, 0.658, 0.566),
    ("two_nn", "cube", 500): (1.007, 1.001, 0.963, 0.905, 0.878, 0.826, 0.784, 0.751, 0.684, 0.585),
    ("two_nn", "cube", 1000): (1.006, 0.979, 0.972, 0.924, 0.897, 0.857, 0.798, 0.752, 0.697, 0.611),
    ("two_nn", "cube", 2000): (0.994, 0.989, 0.967, 0.940, 0.903, 0.843, 0.812, 0.775, 0.707, 0.622),
    ("two_nn", "cube", 5000): (1.003, 0.996, 0.981, 0.961, 0.913, 0.873, 0.818, 0.790, 0.722, 0.646),
    ("two_nn", "gaussian", 200): (1.012, 1.020, 1.017, 1.011, 0.977, 0.919, 0.839, 0.769, 0.675, 0.565),
    ("two_nn", "gaussian", 500): (1.015, 1.015, 1.017, 1.013, 0.989, 0.947, 0.869, 0.803, 0.718, 0.593),
    ("two_nn", "gaussian", 1000): (1.003, 1.010, 1.010, 0.999, 0.992, 0.959, 0.891, 0.834, 0.743, 0.614),
    ("two_nn", "gaussian", 2000): (0.996, 0.987, 1.000, 0.988, 1.006, 0.987, 0.911, 0.853, 0.753, 0.642),
    ("two_nn", "gaussian", 5000): (1.006, 0.990, 0.996, 1.012, 1.004, 0.972, 0.929, 0.882, 0.799, 0.676),
    ("two_nn", "sphere", 200): (1.015, 1.003, 1.000, 0.987, 0.960, 0.908, 0.843, 0.781, 0.705, 0.598),
    ("two_nn", "sphere", 500): (1.009, 0.995, 1.013, 0.995, 0.958, 0.909, 0.858, 0.803, 0.733, 0.623),
    ("two_nn", "sphere", 1000): (1.028, 1.012, 1.002, 0.974, 0.967, 0.936, 0.881, 0.824, 0.748, 0.650),
    ("two_nn", "sphere", 2000): (1.003, 1.003, 0.993, 0.994, 0.992, 0.938, 0.890, 0.840, 0.762, 0.667),
    ("two_nn", "sphere", 5000): (1.010, 0.991, 0.992, 0.992, 0.967, 0.948, 0.912, 0.850, 0.778, 0.692),
    ("mle", "cube", 200): (0.979, 0.929, 0.887, 0.830, 0.785, 0.734, 0.666, 0.615, 0.538, 0.446),
    ("mle", "cube", 500): (0.995, 0.955, 0.920, 0.860, 0.821, 0.771, 0.710, 0.668, 0.592, 0.498),
    ("mle", "cube", 1000): (0.997, 0.968, 0.935, 0.881, 0.837, 0.793, 0.737, 0.694, 0.623, 0.531),
    ("mle", "cube", 2000): (0.995, 0.976, 0.947, 0.896, 0.855, 0.811, 0.757, 0.716, 0.650, 0.556),
    ("mle", "cube", 5000): (1.001, 0.987, 0.958, 0.917, 0.875, 0.833, 0.781, 0.741, 0.678, 0.588),
    ("mle", "gaussian", 200): (1.023, 1.020, 1.000, 0.932, 0.863, 0.783, 0.686, 0.618, 0.530, 0.428),
    ("mle", "gaussian", 500): (1.010, 1.023, 1.013, 0.972, 0.921, 0.847, 0.756, 0.687, 0.594, 0.487),
    ("mle", "gaussian", 1000): (1.004, 1.015, 1.017, 0.990, 0.947, 0.883, 0.797, 0.729, 0.633, 0.523),
    ("mle", "gaussian", 2000): (1.004, 1.009, 1.014, 1.000, 0.969, 0.911, 0.830, 0.765, 0.670, 0.555),
    ("mle", "gaussian", 5000): (1.005, 1.004, 1.013, 1.009, 0.984, 0.939, 0.867, 0.805, 0.709, 0.593),
    ("mle", "sphere", 200): (1.001, 1.001, 0.978, 0.925, 0.869, 0.801, 0.717, 0.656, 0.572, 0.474),
    ("mle", "sphere", 500): (1.000, 0.996, 0.992, 0.949, 0.907, 0.852, 0.773, 0.713, 0.630, 0.527),
    ("mle", "sphere", 1000): (0.999, 1.002, 0.992, 0.965, 0.926, 0.877, 0.803, 0.746, 0.662, 0.561),
    ("mle", "sphere", 2000): (1.000, 1.003, 0.993, 0.974, 0.945, 0.894, 0.824, 0.774, 0.691, 0.590),
    ("mle", "sphere", 5000): (0.999, 1.003, 0.997, 0.980, 0.956, 0.918, 0.858, 0.802, 0.725, 0.623),
    ("ph_dimension", "cube", 200): (1.027, 0.981, 0.955, 0.916, 0.884, 0.864, 0.839, 0.807, 0.790, 0.758),
    ("ph_dimension", "cube", 500): (1.012, 0.974, 0.952, 0.908, 0.880, 0.834, 0.775, 0.766, 0.694, 0.649),
    ("ph_dimension", "cube", 1000): (1.005, 0.979, 0.959, 0.916, 0.879, 0.827, 0.800, 0.770, 0.696, 0.607),
    ("ph_dimension", "cube", 2000): (1.003, 0.978, 0.958, 0.936, 0.883, 0.847, 0.797, 0.749, 0.703, 0.601),
    ("ph_dimension", "cube", 5000): (1.001, 0.988, 0.962, 0.931, 0.897, 0.855, 0.814, 0.772, 0.718, 0.639),
    ("ph_dimension", "gaussian", 200): (1.194, 1.117, 1.106, 1.065, 1.019, 0.973, 0.902, 0.856, 0.768, 0.775),
    ("ph_dimension", "gaussian", 500): (1.151, 1.091, 1.088, 1.038, 1.029, 0.931, 0.870, 0.811, 0.738, 0.653),
    ("ph_dimension", "gaussian", 1000): (1.122, 1.069, 1.042, 1.046, 1.014, 0.942, 0.882, 0.816, 0.735, 0.619),
    ("ph_dimension", "gaussian", 2000): (1.116, 1.037, 1.028, 1.049, 0.992, 0.955, 0.899, 0.819, 0.739, 0.610),
    ("ph_dimension", "gaussian", 5000): (1.059, 1.035, 1.038, 1.038, 1.025, 0.984, 0.928, 0.850, 0.755, 0.636),
    ("ph_dimension", "sphere", 200): (1.062, 1.039, 1.038, 1.022, 1.000, 0.955, 0.914, 0.905, 0.877, 0.832),
    ("ph_dimension", "sphere", 500): (1.028, 1.011, 1.026, 0.974, 0.966, 0.928, 0.867, 0.828, 0.762, 0.684),
    ("ph_dimension", "sphere", 1000): (1.015, 1.008, 0.997, 0.984, 0.962, 0.924, 0.866, 0.830, 0.738, 0.678),
    ("ph_dimension", "sphere", 2000): (1.009, 1.010, 0.994, 0.984, 0.970, 0.936, 0.854, 0.837, 0.751, 0.652),
    ("ph_dimension", "sphere", 5000): (1.004, 0.999, 1.000, 0.980, 0.964, 0.936, 0.892, 0.844, 0.767, 0.675),
}


class Truth(NamedTuple):
    """What an estimate may stand for.

    Attributes
    ----------
    bias
        Mean of the estimator less the true dimension, where that mean is the estimate: of the three shapes the largest
        in size; -inf where a curve has no mean so large.
    true_low, true_high
        The smallest and largest true dimension for which the mean of the estimator, on one of the shapes, lies within
        the estimate's interval; inf beyond the curves.
    """

    bias: float
    true_low: float
    true_high: float


UNKNOWN = Truth(np.nan, np.nan, np.nan)


def truth(estimator: str, value: float, low: float, high: float, n: int) -> Truth:
    """Return what an estimate with its interval from n points may stand for; NaN without an interval or a curve.

    Fewer points than the curves begin with have none. More than they end with have the last one, whose bias is larger
    than theirs.
    """
    if n < POINTS[0] or not np.isfinite([value, low]).all():
        return UNKNOWN
    own, lows, highs = ([_dimension(estimator, shape, n, mean) for shape in SHAPES] for mean in (value, low, high))
    bias = max((value - dimension for dimension in own), key=abs)
    return Truth(bias, min(lows), max(highs))


def _dimension(estimator: str, shape: str, n: int, mean: float) -> float:
    """Return the dimension of which the estimator has that mean, on n points of that shape; inf beyond the curve."""
    shares = np.array([MEANS[estimator, shape, points] for points in POINTS])
    share = np.array([np.interp(np.log(n), np.log(POINTS), column) for column in shares.T])
    means = share * DIMENSIONS
    if mean > means[-1]:
        return np.inf
    if mean < means[0]:
        return float(mean / share[0])
    return float(np.exp(np.interp(np.log(mean), np.log(means), np.log(DIMENSIONS))))
