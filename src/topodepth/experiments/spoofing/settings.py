"""How real images are compared with spoofs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from topodepth.topology.dimension.estimate import check_whole

ESTIMATORS = ("ph_dimension", "two_nn", "mle")
LEAST = {"n": 2, "permutations": 1, "test_draws": 1, "test_points": 10, "null_draws": 0, "dimension_null_draws": 0}


@dataclass(frozen=True)
class SpoofSettings:
    """How two clouds are compared.

    Attributes
    ----------
    n
        Points a cloud; None, or more than the smaller class has, takes as many as that has. Points left out are chosen
        by ``seed`` alone: the same images in every layer and representation, but for copies, of which one is taken.
    estimators
        Registered estimators of :mod:`topodepth.topology.dimension`.
    descriptors
        Registered descriptors of :mod:`topodepth.topology.descriptors`.
    parameters
        Keyword arguments by estimator or descriptor, such as ``{"ph_dimension": {"alpha": 0.5}}``.
    max_dim
        Highest homology dimension of the descriptors.
    engine
        As in :func:`topodepth.homology.persistence_diagrams`.
    scaling, dimension_scaling
        Of each feature before the descriptors, and before the estimators, over both clouds together: ``minmax`` or
        ``none``.
    null_draws, dimension_null_draws
        Draws of the null model of the descriptors, and of the estimators; the null value is their mean. 0 for none.
    jackknife_groups
        Groups left out in turn for the intervals of the descriptors; 0 for no intervals.
    permutations
        Of the labels over the pooled points. The smallest possible p is 1/(permutations + 1).
    test_draws
        Subsamples of the smallest size behind a PH dimension in the test, of larger ones fewer in proportion: the test
        repeats them all. The estimate itself has as many of each size.
    test_points
        From H_1 on, the test takes at most this many points of each cloud.
    seed
        Seed of everything drawn.

    Raises
    ------
    InputError
        If a number is out of its range.
    """

    n: int | None = None
    estimators: Sequence[str] = ESTIMATORS
    descriptors: Sequence[str] = ("lifespan_sum",)
    parameters: Mapping[str, Mapping] = field(default_factory=dict)
    max_dim: int = 1
    engine: str = "auto"
    scaling: str = "minmax"
    dimension_scaling: str = "none"
    null_draws: int = 1
    dimension_null_draws: int = 1
    jackknife_groups: int = 10
    permutations: int = 199
    test_draws: int = 12
    test_points: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            if name != "n" or self.n is not None:
                check_whole(name, getattr(self, name), least)
