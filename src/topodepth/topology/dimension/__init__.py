"""Intrinsic dimension of a point cloud: the persistent homological dimension, two cross-checks, dimension by scale.

An estimator is called as ``estimator(points, seed=..., kept=..., **settings)`` and returns a
:class:`DimensionEstimate`. Adding one = a function in a module here with ``@register("name")``.

Copies count once: of points nearer than the rounding of their coordinates an estimator takes one
(:func:`topodepth.topology.clouds.distinct_rows`), says so in ``note`` and gives the number it took as ``n_points``.
"""

from topodepth.topology.dimension.estimate import DimensionEstimate, register, registry
from topodepth.topology.dimension.neighbours import mle_dimension, two_nn
from topodepth.topology.dimension.persistent import PHDimension, ph_dimension
from topodepth.topology.dimension.scales import gride

__all__ = [
    "DimensionEstimate",
    "PHDimension",
    "gride",
    "mle_dimension",
    "ph_dimension",
    "register",
    "registry",
    "two_nn",
]
