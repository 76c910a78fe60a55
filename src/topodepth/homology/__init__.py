"""Persistent homology of point clouds: Vietoris–Rips persistence diagrams and the Euclidean minimum spanning tree.

The Vietoris–Rips filtration adds a simplex at the largest distance between its vertices. Its finite H_0 bars are born
at 0 and die at the lengths of the edges of the minimum spanning tree, so H_0 needs no homology engine at all.

Everything here works in float64. Only NumPy is imported until an engine is needed: a worker that wants H_0 starts in
a tenth of a second. BLAS, and the search for near points of a large cloud, use the threads that ``OMP_NUM_THREADS``
allows; all else runs in one.
"""

from topodepth.homology.devices import DEVICES, computing_on
from topodepth.homology.distances import (
    distance_matrix,
    nearest_distances,
    nearest_neighbours,
    squared_distance_matrix,
)
from topodepth.homology.representatives import longest_bars
from topodepth.homology.rips import ENGINES, MAX_DIMENSION, persistence_diagrams
from topodepth.homology.spanning_tree import minimum_spanning_tree_lengths
from topodepth.homology.subset_trees import SubsetTrees, device_subset_trees
from topodepth.homology.ties import without_rounding
from topodepth.jobs.memory import memory_estimate

__all__ = [
    "DEVICES",
    "ENGINES",
    "MAX_DIMENSION",
    "SubsetTrees",
    "computing_on",
    "device_subset_trees",
    "distance_matrix",
    "longest_bars",
    "memory_estimate",
    "minimum_spanning_tree_lengths",
    "nearest_distances",
    "nearest_neighbours",
    "persistence_diagrams",
    "squared_distance_matrix",
    "without_rounding",
]
