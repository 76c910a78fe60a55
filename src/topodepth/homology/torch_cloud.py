"""Distances of the points of a cloud on a device of PyTorch: which are near is found by products, in single precision
as a rule, and how near from the differences of the points in float64. ``torch.cdist`` is of no use here: it takes what
products give for the distances.
"""

from collections.abc import Callable, Iterator
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.homology.devices import entries_at_once, exactly
from topodepth.homology.distances import Cloud, lengths, lengths_of_rows, squares_between, unit_of
from topodepth.homology.ties import whole_steps

if TYPE_CHECKING:
    from torch import Tensor

LISTED = 128  # so many points of a row may be candidates before its distances are multiplied in double precision
ENTRY_BYTES = 24  # for each distance held at a time: itself, what it is compared with, masks, and places of a few

Barred = Callable[[slice], "Tensor"]  # which points some of the rows may not have as neighbours, (rows, n)


class TorchCloud:
    """Points on a device, made ready for their distances as :func:`topodepth.homology.distances.prepared` does it.

    Parameters
    ----------
    points
        (n, d) finite float64.
    device
        A ``torch.device``.

    Attributes
    ----------
    cloud
        The points on the host, without centred ones.
    rows
        Which of these each point is, (n,).
    points
        (n, d) float64.

    Raises
    ------
    InputError
        If the differences of the points do not fit into float64.
    """

    def __init__(self, points: np.ndarray, device: Any) -> None:
        import torch

        in_steps = whole_steps(points)
        points = np.require(points if in_steps is None else in_steps[0], requirements=["C", "W"])
        self.device, self.points = device, torch.as_tensor(points, device=device)
        self.rows = torch.arange(len(points), device=device)
        self.middle = self.points.mean(dim=0)
        if in_steps is None:
            unit = unit_of(float((self.points - self.middle).abs_().max()))
            self.cloud = Cloud(points, points[:0], 1 / unit, unit, exact=False)
        else:
            self.middle.round_()
            self.cloud = Cloud(points, points[:0], 1.0, in_steps[1], exact=True)
        self.precision: Any = None

    def __len__(self) -> int:
        return len(self.points)

    def some(self, places: "Tensor") -> "TorchCloud":
        """Return some of the points."""
        found = copy(self)
        found.points, found.rows, found.precision = self.points[places], self.rows[places], None
        return found

    def distinct(self) -> "TorchCloud":
        """Return the distinct points, in a seeded random order."""
        import torch

        generator = np.random.default_rng(0)
        n, d = self.points.shape
        # as in topodepth.homology.spanning_tree: equal rows have equal sums
        keys = torch.as_tensor(generator.integers(-(2**63), 2**63, d), device=self.device)
        size = max(1, self.held() // d)
        starts = range(0, n, size)
        sums = [((self.points[start : start + size] + 0.0).view(torch.int64) * keys).sum(dim=1) for start in starts]
        groups = torch.cat(sums).unique(return_inverse=True)[1]
        first = groups.new_full((int(groups.max()) + 1,), n).scatter_reduce_(0, groups, self.rows, "amin")
        if len(first) < n and not torch.equal(self.points[first[groups]], self.points):
            first = torch.as_tensor(np.unique(self.cloud.points + 0.0, axis=0, return_index=True)[1]).to(self.device)
        return self.some(first[torch.as_tensor(generator.permutation(len(first)), device=self.device)])

    def multiply_in(self, precision: Any) -> None:
        """Make factors and columns, as :func:`topodepth.homology.near_pairs.lowered` does, in a precision of PyTorch.

        That bound holds for sums in any order, with or without fused multiplication.
        """
        import torch

        n, d = self.points.shape
        limits = torch.finfo(precision)
        centred = (self.points - self.middle).mul_(self.cloud.factor)
        norms = centred.square().sum(dim=1) * (1 - 2 * (d + 4) * limits.eps) - 4 * (d + 2) * limits.tiny
        self.precision = precision
        self.factors, self.columns = (torch.ones(n, d + 2, dtype=precision, device=self.device) for _ in range(2))
        self.columns[:, :d] = centred
        torch.mul(self.columns[:, :d], -2, out=self.factors[:, :d])
        self.factors[:, d + 1] = self.columns[:, d] = norms

    def lengths(self, first: "Tensor", second: "Tensor") -> np.ndarray:
        """Return the distances of pairs of points, ascending and equal ones equal, as the CPU computes them."""
        ends = (self.rows[places].cpu().numpy() for places in (first, second))
        return lengths(self.cloud, np.sort(squares_between(self.cloud, *ends)))

    def squares_between(self, first: "Tensor", second: "Tensor") -> "Tensor":
        """Return the squared distances of pairs of points, in float64 from their differences."""
        import torch

        size = max(1, self.held() // max(1, self.points.shape[1]))
        parts = []
        for start in range(0, len(first), size):
            part = slice(start, start + size)
            differences = self.points[first[part]] - self.points[second[part]]
            parts.append(differences.mul_(self.cloud.factor).square_().sum(dim=1))
        return torch.cat(parts) if parts else self.points.new_empty(0)

    def held(self) -> int:
        """Return how many distances may be held at a time."""
        return entries_at_once(self.device, ENTRY_BYTES)

    def below(self, squares: "Tensor") -> "Tensor":
        """Return numbers in the precision of products just above squared distances in float64."""
        import torch

        rounded = squares.to(self.precision)
        return torch.nextafter(rounded, torch.full_like(rounded, torch.inf))

    def nearest(self, rows: "Tensor", k: int, barred: Barred) -> tuple["Tensor", "Tensor"]:
        """Return the k nearest points of each row point.

        Why they are. Products are never above the true squared distances, and k points that they tell to be near have
        true ones, of which the largest is no less than the k-th least of all. So a point among the k nearest has a
        product not above it; of all such points the true distances are compared.

        Parameters
        ----------
        rows
            Points, (r,).
        k
            How many are wanted, at most as many as there are.
        barred
            Which points do not count for some of the rows.

        Returns
        -------
        squares, points : Tensor
            Squared distances (r, k) float64, ascending; and which point each is to.
        """
        import torch

        if self.precision is None:
            self.multiply_in(torch.float32)
        squares = self.points.new_empty(len(rows), k)
        points = torch.empty(len(rows), k, dtype=torch.int64, device=self.device)
        size, start = max(1, self.held() // len(self)), 0
        while start < len(rows):
            part = slice(start, min(start + size, len(rows)))
            crowded = self._nearest_of(rows[part], k, barred(part), squares[part], points[part])
            if crowded:
                self.multiply_in(torch.float64)
            else:
                start += size
        return squares, points

    def _nearest_of(self, rows: "Tensor", k: int, barred: "Tensor", squares: "Tensor", points: "Tensor") -> bool:
        """Fill in the nearest points of some rows; or tell that single precision finds too many that may be."""
        import torch

        products = self.factors[rows] @ self.columns.T
        products.masked_fill_(barred, torch.inf)
        guess = products.topk(k, dim=1, largest=False).indices if k > 1 else products.argmin(dim=1, keepdim=True)
        exact = self.squares_between(rows.repeat_interleave(k), guess.flatten()).view(-1, k)
        candidates = products < self.below(exact.amax(dim=1))[:, None]
        del products
        counts = candidates.sum(dim=1)
        if self.precision == torch.float32 and int(counts.sum()) > (LISTED + 2 * k) * len(rows):
            return True
        for part in _parts(counts, max(len(self), self.held())):
            places, near = candidates[part].nonzero(as_tuple=True)
            found = self.squares_between(rows[part][places], near)
            order = found.argsort(stable=True)
            order = order[places[order].argsort(stable=True)]
            ranks = torch.arange(len(order), device=self.device) - (counts[part].cumsum(0) - counts[part])[places]
            order = order[ranks < k]
            squares[part], points[part] = found[order].view(-1, k), near[order].view(-1, k)
        return False


def _parts(counts: "Tensor", most: int) -> Iterator[slice]:
    """Yield rows in pieces that have at most so many candidates together; none has more by itself."""
    ends = np.cumsum(counts.cpu().numpy())
    start = 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + most, side="right")))
        yield slice(start, stop)
        start = stop


def nearest_of_points(points: np.ndarray, k: int, reach: int, device: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return what :func:`topodepth.homology.nearest_neighbours` returns.

    Parameters
    ----------
    points
        (n, d) finite float64.
    k, reach
        As there.
    device
        A ``torch.device``.
    """
    with exactly(device):
        cloud = TorchCloud(points, device)
        every = cloud.rows
        squares, near = cloud.nearest(every, reach, lambda part: every[part, None] == every)
        return lengths_of_rows(cloud.cloud, squares.cpu().numpy(), k), near.cpu().numpy().astype(np.int32)
