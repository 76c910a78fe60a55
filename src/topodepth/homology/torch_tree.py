"""The Euclidean minimum spanning tree on a device of PyTorch: of many points, or of many subsets of them at once.

The algorithm is that of :mod:`topodepth.homology.near_pairs` and :mod:`topodepth.homology.boruvka`, with larger tiles:
one pass over half of the distances finds all pairs that are nearer than one of the two is to a sample; a component that
is not certain of its shortest edge by these looks through all distances of its points.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from topodepth.homology.devices import beside, exactly, on_host
from topodepth.homology.near_pairs import CROWDED, SAMPLED
from topodepth.homology.subset_trees import NEAR
from topodepth.homology.torch_boruvka import Edges, forest, joined_edges
from topodepth.homology.torch_cloud import TorchCloud

if TYPE_CHECKING:
    from torch import Tensor


def tree_lengths(points: "Tensor") -> np.ndarray:
    """Return the n − 1 edge lengths of the minimum spanning tree, ascending, equal ones equal.

    They are computed again from the edges, by differences of the points.

    Parameters
    ----------
    points
        (n, d) finite float64.
    """
    with exactly(points.device):
        cloud = TorchCloud(points).distinct()
        edges = _tree(cloud) if len(cloud) > 1 else None
    copies = np.zeros(len(points) - len(cloud))
    return copies if edges is None else np.concatenate([copies, cloud.lengths(edges.first, edges.second)])


def _tree(cloud: TorchCloud) -> Edges:
    import torch

    every = torch.arange(len(cloud), device=cloud.device)

    def search(points: "Tensor", labels: "Tensor") -> tuple["Tensor", "Tensor"]:
        squares, others = cloud.nearest(points, 1, lambda part: labels[points[part]][:, None] == labels)
        return squares[:, 0], others[:, 0]

    cloud.multiply_in(torch.float32)
    found = _near_pairs(cloud)
    if found is None:  # single precision tells too few points apart
        squares, others = search(every, every)
        found = Edges(squares, every, others), squares.clone()
    return forest(*found, torch.zeros_like(every), search)


def _near_pairs(cloud: TorchCloud) -> tuple[Edges, "Tensor"] | None:
    """Return pairs of near points, and for every point a bound below the distance of all others; None if too many."""
    import torch

    thresholds = _thresholds(cloud)
    left, found = CROWDED * len(cloud), []
    for rows, others in _tiles(len(cloud), cloud.held()):
        products = cloud.factors[rows] @ cloud.columns[others].T
        near = products < thresholds[rows, None]
        near |= products < thresholds[others]
        del products
        if rows.start == others.start:
            near.triu_(1)
        left -= int(near.count_nonzero())
        if left < 0:
            return None
        first, second = near.nonzero(as_tuple=True)
        first, second = first + rows.start, second + others.start
        found.append(Edges(cloud.squares_between(first, second), first, second))
    return joined_edges(found), thresholds.to(torch.float64)


def _thresholds(cloud: TorchCloud) -> "Tensor":
    """Return a number just above the squared distance of every point to the nearest of the sample, (n,) float32."""
    import torch

    n = len(cloud)
    sampled = max(2, n // SAMPLED)
    sample = cloud.columns[:sampled].T
    size, parts = max(1, cloud.held() // sampled), []
    for start in range(0, n, size):
        rows = torch.arange(start, min(start + size, n), device=cloud.device)
        products = cloud.factors[rows] @ sample
        products.masked_fill_(rows[:, None] == torch.arange(sampled, device=cloud.device), torch.inf)
        least, nearest = products.min(dim=1)
        parts.append(cloud.below(torch.maximum(least, cloud.squares_between(rows, nearest))))
    return torch.cat(parts)


def _tiles(n: int, entries: int) -> Iterator[tuple[slice, slice]]:
    """Yield the square tiles on and above the diagonal."""
    side = max(1, int(entries**0.5))
    for start in range(0, n, side):
        for place in range(start, n, side):
            yield slice(start, min(start + side, n)), slice(place, min(place + side, n))


class TorchSubsetTrees:
    """Trees of subsets of n points, many at a time, from lists of near points.

    As :class:`topodepth.homology.SubsetTrees` on the CPU.

    Parameters
    ----------
    points
        (n, d) finite float64, n ≥ 2; equal ones may be among them.
    """

    def __init__(self, points: "Tensor") -> None:
        self.cloud = TorchCloud(points)

    def lengths(self, members: np.ndarray, subsets: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the edge lengths of the minimum spanning tree of each subset, ascending, (size − 1,) float64.

        Parameters
        ----------
        members
            Points from which all subsets are, (m,): lists are made of these.
        subsets
            Indices of points, each once.
        """
        places = np.full(len(self.cloud), -1)
        places[members] = np.arange(len(members))
        with exactly(self.cloud.device):
            of_members = _Subsets(self.cloud.some(beside(self.cloud.points, members)))
            found: list[np.ndarray] = []
            while len(found) < len(subsets):
                batch = subsets[len(found) : len(found) + of_members.at_once]
                found += of_members.trees([places[subset] for subset in batch])
        return [np.sqrt(squares) * self.cloud.scale.unit for squares in found]


class _Subsets:
    """A cloud with a list of near points of each, made once."""

    def __init__(self, cloud: TorchCloud) -> None:
        import torch

        n, self.cloud = len(cloud), cloud
        every = torch.arange(n, device=cloud.device)
        near = min(NEAR, n - 1)
        squares, others = cloud.nearest(every, near, lambda part: every[part, None] == every)
        first = every.repeat_interleave(near)
        keys, place = torch.unique(
            torch.minimum(first, others.flatten()) * n + torch.maximum(first, others.flatten()), return_inverse=True
        )
        weights = squares.new_empty(len(keys))
        weights[place] = squares.flatten()  # equal where a pair comes twice
        self.edges = Edges(weights, keys // n, keys % n)
        self.bounds = squares[:, -1] if near < n - 1 else torch.full_like(squares[:, -1], torch.inf)
        self.at_once = max(1, cloud.held() // (2 * len(keys) + n))

    def trees(self, subsets: list[np.ndarray]) -> list[np.ndarray]:
        """Return the squared edge lengths of the tree of each subset, ascending."""
        import torch

        inside = torch.zeros(len(subsets), len(self.cloud), dtype=torch.bool)
        for graph, subset in enumerate(subsets):
            inside[graph, torch.as_tensor(subset)] = True
        inside = inside.to(self.cloud.device)
        graph, point = inside.nonzero(as_tuple=True)  # of every vertex
        vertices = torch.full(inside.shape, -1, device=self.cloud.device)
        vertices[graph, point] = torch.arange(len(graph), device=self.cloud.device)
        of, edge = (inside[:, self.edges.first] & inside[:, self.edges.second]).nonzero(as_tuple=True)
        edges = Edges(
            self.edges.weights[edge], vertices[of, self.edges.first[edge]], vertices[of, self.edges.second[edge]]
        )

        def search(rows: "Tensor", labels: "Tensor") -> tuple["Tensor", "Tensor"]:
            owners = torch.full_like(vertices, -1)
            owners[graph, point] = labels

            def barred(part: slice) -> "Tensor":
                others = owners[graph[rows[part]]]
                return (others == labels[rows[part]][:, None]) | (others < 0)

            squares, near = self.cloud.nearest(point[rows], 1, barred)
            return squares[:, 0], vertices[graph[rows], near[:, 0]]

        taken = forest(edges, self.bounds[point], graph, search)
        order = taken.weights.argsort()
        order = order[graph[taken.first[order]].argsort(stable=True)]
        squares = on_host(taken.weights[order])
        return np.split(squares, np.cumsum([len(subset) - 1 for subset in subsets])[:-1])
