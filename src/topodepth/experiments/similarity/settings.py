"""How layers are compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from topodepth.topology.clouds import check_groups
from topodepth.topology.dimension.estimate import check_whole

MEASURES = (
    "linear_cka_unbiased", "linear_cka_biased", "rbf_cka_unbiased", "rbf_cka_biased", "procrustes", "mutual_knn",
    "neighbour_overlap", "rtd_lite", "bottleneck_h0", "bottleneck_h1", "sliced_wasserstein_h0", "sliced_wasserstein_h1",
)  # fmt: skip
LEAST = {"layers": 1, "points": 10, "permutations": 0}


@dataclass(frozen=True)
class SimilaritySettings:
    """How the layers of two networks are compared.

    Attributes
    ----------
    measures
        Registered measures of :mod:`topodepth.similarity`.
    parameters
        Keyword arguments by measure, such as ``{"mutual_knn": {"neighbours": 5}}``.
    layers
        At most this many layers of a network, spread evenly over its depth, the first and the last among them. None
        takes all.
    points
        At most this many images, drawn with ``seed``: the same ones for all networks. None takes all.
    jackknife_groups
        Groups of images left out in turn, for the intervals; 0 for none.
    permutations
        Orders of the images of one side, for the null value; and as many within the classes, where there are labels.
    seed
        Seed of everything drawn.

    Raises
    ------
    InputError
        If a number is out of its range.
    """

    measures: Sequence[str] = MEASURES
    parameters: Mapping[str, Mapping] = field(default_factory=dict)
    layers: int | None = 12
    points: int | None = 300
    jackknife_groups: int = 10
    permutations: int = 19
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            if getattr(self, name) is not None:
                check_whole(name, getattr(self, name), least)
        check_groups(self.jackknife_groups)
