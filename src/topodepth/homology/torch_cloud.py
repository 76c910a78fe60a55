"""Distances of the points of a cloud on a device of PyTorch: which are near is found by products, in single precision
as a rule, and how near from the differences of the points in float64. ``torch.cdist`` is of no use here: it takes what
products give for the distances.
"""

from collections.abc import Callable, Iterator
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.homology.devices import beside, entries_at_once, exactly, on_host
from topodepth.homology.distances import Cloud, lengths, lengths_of_rows, unit_of
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

    Attributes
    ----------
    points
        (n, d) float64, as given or in whole steps.
    scale
        Their factor, unit and whether they are exact, as of a cloud on the host, without its points.

    Raises
    ------
    InputError
        If the differences of the points do not fit into float64.
    """

    def __init__(self, points: "Tensor") -> None:
        in_steps = whole_steps(points)
        self.device, self.points = points.device, points if in_steps is None else in_steps[0]
        self.middle = self.points.mean(dim=0)
        none = np.empty((0, 0))
        if in_steps is None:
            unit = unit_of(float((self.points - self.middle).abs_().max()))
            self.scale = Cloud(none, none, 1 / unit, unit, exact=False)
        else:
            self.middle.round_()
            self.scale = Cloud(none, none, 1.0, in_steps[1], exact=True)
        self.precision: Any = None

    def __len__(self) -> int:
        return len(self.points)

    def some(self, places: "Tensor") -> "TorchCloud":
        """Return some of the points."""
        found = copy(self)
        found.points, found.precision = self.points[places], None
        return found

    def distinct(self) -> "TorchCloud":
        """Return the distinct points, in a seeded random order."""
        first, _ = first_of_equal(self.points)
        return self.some(first[beside(self.points, np.random.default_rng(0).permutation(len(first)))])

    def multiply_in(self, precision: Any) -> None:
        """Make factors and columns, as :func:`topodepth.homology.near_pairs.lowered` does, in a precision of PyTorch.

        That bound holds for sums in any order, with or without fused multiplication.
        """
        import torch

        n, d = self.points.shape
        limits = torch.finfo(precision)
        centred = (self.points - self.middle).mul_(self.scale.factor)
        norms = centred.square().sum(dim=1) * (1 - 2 * (d + 4) * limits.eps) - 4 * (d + 2) * limits.tiny
        self.precision = precision
        self.factors, self.columns = (torch.ones(n, d + 2, dtype=precision, device=self.device) for _ in range(2))
        self.columns[:, :d] = centred
        torch.mul(self.columns[:, :d], -2, out=self.factors[:, :d])
        self.factors[:, d + 1] = self.columns[:, d] = norms

    def lengths(self, first: "Tensor", second: "Tensor") -> np.ndarray:
        """Return the distances of pairs of points, ascending and equal ones equal."""
        return lengths(self.scale, np.sort(on_host(self.squares_between(first, second))))

    def squares_between(self, first: "Tensor", second: "Tensor") -> "Tensor":
        """Return the squared distances of pairs of points, in float64 from their differences."""
        import torch

        size = max(1, self.held() // max(1, self.points.shape[1]))
        parts = []
        for start in range(0, len(first), size):
            part = slice(start, start + size)
            differences = self.points[first[part]] - self.points[second[part]]
            parts.append(differences.mul_(self.scale.factor).square_().sum(dim=1))
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
    ends = np.cumsum(on_host(counts))
    start = 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + most, side="right")))
        yield slice(start, stop)
        start = stop


def nearest_of_points(points: "Tensor", k: int, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what :func:`topodepth.homology.nearest_neighbours` returns.

    Parameters
    ----------
    points
        (n, d) finite float64.
    k, reach
        As there.
    """
    import torch

    with exactly(points.device):
        cloud, every = TorchCloud(points), torch.arange(len(points), device=points.device)
        squares, near = cloud.nearest(every, reach, lambda part: every[part, None] == every)
        return lengths_of_rows(cloud.scale, on_host(squares), k), on_host(near).astype(np.int32)


def first_of_equal(points: "Tensor") -> tuple["Tensor", "Tensor"]:
    """Return the index of the first of each set of equal rows, ascending, and for every row the place of its own.

    Equal rows have equal sums of their bits times random numbers, and others differ in theirs but for one chance in
    2^64, which is looked at.

    Parameters
    ----------
    points
        (n, d) float32 or float64.
    """
    import torch

    n, d = points.shape
    keys = beside(points, np.random.default_rng(0).integers(-(2**63), 2**63, d))
    size = max(1, entries_at_once(points.device, ENTRY_BYTES) // d)
    parts = (points[start : start + size].to(torch.float64) + 0.0 for start in range(0, n, size))  # -0 becomes 0
    groups = torch.cat([(part.view(torch.int64) * keys).sum(dim=1) for part in parts]).unique(return_inverse=True)[1]
    first = _first_of(groups)
    if len(first) < n and not torch.equal(points[first[groups]], points):
        groups = (points + 0.0).unique(dim=0, return_inverse=True)[1]
        first = _first_of(groups)
    order = first.argsort()
    return first[order], order.argsort()[groups]


def _first_of(groups: "Tensor") -> "Tensor":
    """Return the first row of each group, by its number."""
    import torch

    n = len(groups)
    rows = torch.arange(n, device=groups.device)
    return groups.new_full((int(groups.max()) + 1,), n).scatter_reduce_(0, groups, rows, "amin")
