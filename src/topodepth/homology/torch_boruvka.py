"""Borůvka's algorithm on a device of PyTorch, for one graph or for many side by side: see
:mod:`topodepth.homology.boruvka`, whose argument it is.

Graphs side by side are one graph that does not hang together, so that many small ones take as many steps as one.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from topodepth.homology.ties import TIE

if TYPE_CHECKING:
    from torch import Tensor

Search = Callable[["Tensor", "Tensor"], tuple["Tensor", "Tensor"]]


class Edges(NamedTuple):
    """Edges: their weights (m,) float64 and two ends (m,)."""

    weights: "Tensor"
    first: "Tensor"
    second: "Tensor"

    def picked(self, places: "Tensor") -> "Edges":
        """Return some of them."""
        return Edges(self.weights[places], self.first[places], self.second[places])


def joined_edges(parts: list[Edges]) -> Edges:
    """Return the edges of several lists as one."""
    import torch

    return Edges(*(torch.cat(column) for column in zip(*parts, strict=True)))


def forest(edges: Edges, bounds: "Tensor", graph: "Tensor", search: Search) -> Edges:
    """Return the edges of a minimum spanning tree of every graph.

    Parameters
    ----------
    edges
        Some edges, among them those of every vertex that are below its bound.
    bounds
        (n,) float64: no vertex has another edge below its own. Changed in place.
    graph
        Graph of each vertex, (n,), from 0.
    search
        ``search(vertices, labels)`` gives the shortest edge from each of some vertices to one with another label, as
        weight and other end.
    """
    import torch

    graphs = int(graph.max()) + 1
    labels = torch.arange(len(bounds), device=bounds.device)
    taken = []
    while True:
        found, edges, labels, reach = _join(edges, bounds, labels)
        taken.append(found)
        if len(reach) == graphs:
            return joined_edges(taken)
        outside = labels != _largest(labels, graph, len(reach), graphs)[graph]
        doubtful = (outside & (bounds < reach[labels] * (1 - TIE))).nonzero()[:, 0]
        weights, others = search(doubtful, labels)
        bounds[doubtful] = weights
        edges = joined_edges([edges, Edges(weights, doubtful, others)])


def _largest(labels: "Tensor", graph: "Tensor", components: int, graphs: int) -> "Tensor":
    """Return the component of the most vertices in each graph."""
    keys = labels.bincount(minlength=components)[labels] * components + labels
    most = keys.new_zeros(graphs).scatter_reduce_(0, graph, keys, "amax")
    return most % components


def _join(edges: Edges, bounds: "Tensor", labels: "Tensor") -> tuple[Edges, Edges, "Tensor", "Tensor"]:
    """Join components as long as one is certain of its shortest edge.

    Returns
    -------
    taken, left : Edges
        Those taken, and those still between two components.
    labels, reach : Tensor
        Component of each vertex, from 0; and the shortest edge known to leave each, inf if none is.
    """
    import torch

    edges = edges.picked(edges.weights.argsort(stable=True))
    components = int(labels.max()) + 1
    taken = []
    while True:
        edges = edges.picked((labels[edges.first] != labels[edges.second]).nonzero()[:, 0])
        count = len(edges.weights)
        places = torch.arange(count, device=labels.device)
        shortest = torch.full((components,), count, device=labels.device)
        for ends in (edges.first, edges.second):
            shortest.scatter_reduce_(0, labels[ends], places, "amin")
        reach = torch.cat([edges.weights, edges.weights.new_full((1,), torch.inf)])[shortest]
        least = bounds.new_full((components,), torch.inf).scatter_reduce_(0, labels, bounds, "amin")
        own = ((shortest < count) & (reach * (1 - TIE) <= least)).nonzero()[:, 0]
        taken.append(edges.picked(shortest[own].unique()))
        if not len(own):
            return joined_edges(taken), edges, labels, reach
        roots = _roots(edges, labels, shortest, own)
        names = (roots == torch.arange(components, device=labels.device)).cumsum(0) - 1
        labels, components = names[roots][labels], int(names[-1]) + 1


def _roots(edges: Edges, labels: "Tensor", shortest: "Tensor", own: "Tensor") -> "Tensor":
    """Return the component that each is joined to, after those that are certain have taken their shortest edge.

    Ties are broken by place, so the edges taken make no cycle but that of two components that choose the same one.
    """
    import torch

    every = torch.arange(len(shortest), device=labels.device)
    first, second = labels[edges.first[shortest[own]]], labels[edges.second[shortest[own]]]
    parents = every.clone()
    parents[own] = torch.where(first == own, second, first)
    parents = torch.where((parents[parents] == every) & (every < parents), every, parents)
    while bool((parents != parents[parents]).any()):
        parents = parents[parents]
    return parents
