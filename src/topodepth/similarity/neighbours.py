"""Whether the same images are near each other on both sides, or bear the same label."""

import numpy as np

from topodepth.errors import InputError, is_whole
from topodepth.homology import distance_matrix
from topodepth.similarity import PAIRS, Side, register

HUH, DADAPY = 10, 30  # numbers of neighbours in the two sources


@register("mutual_knn", distance=False)
def mutual_knn(a: Side, b: Side, /, *, neighbours: int = HUH) -> float:
    """Return the mean share of the k nearest neighbours that an image has on both sides, by cosine similarity.

    Points are brought to length 1, not centred, as the source does. Of independent clouds it is k / (n − 1). Where
    several neighbours are equally far, those that do not all fit share the places left.

    References
    ----------
    Huh, Cheung, Wang & Isola (2024), The Platonic representation hypothesis, ICML.
    """
    return _shared(_nearest(a, neighbours, cosine=True), _nearest(b, neighbours, cosine=True), neighbours)


@register("neighbour_overlap", distance=False)
def neighbour_overlap(a: Side, b: Side, /, *, neighbours: int = DADAPY) -> float:
    """Return the mean share of the k nearest neighbours that an image has on both sides, by Euclidean distance.

    DADApy's ``return_data_overlap``; ties and independent clouds as for :func:`mutual_knn`.

    References
    ----------
    Doimo et al. (2020), Hierarchical nucleation in deep neural networks, NeurIPS 33. Glielmo et al. (2022), DADApy:
    distance-based analysis of data-manifolds in Python, Patterns 3.
    """
    return _shared(_nearest(a, neighbours, cosine=False), _nearest(b, neighbours, cosine=False), neighbours)


def label_overlap(side: Side, labels: np.ndarray, *, neighbours: int = DADAPY) -> float:
    """Return the share of the k nearest neighbours that bear an image's own label, averaged over classes.

    DADApy's ``return_label_overlap`` with its default weights: each image counts by the inverse of its class's size, so
    that labels at random give about 1 / (number of classes) whatever the sizes.

    Parameters
    ----------
    side
        Points by Euclidean distance.
    labels
        Class of each, (n,).
    neighbours
        k.
    """
    labels = np.asarray(labels)
    same = labels[:, None] == labels
    of_images = (_nearest(side, neighbours, cosine=False) * same).sum(axis=1) / neighbours
    return float(np.mean([of_images[labels == label].mean() for label in np.unique(labels)]))


def _shared(one: np.ndarray, other: np.ndarray, neighbours: int) -> float:
    return float(np.vdot(one, other)) / (len(one) * neighbours)


def _nearest(side: Side, neighbours: int, *, cosine: bool) -> np.ndarray:
    """Return a matrix (n, n): 1 where a column is one of the k nearest of a row, less where several share a place."""
    if not is_whole(neighbours, 1) or neighbours >= len(side):
        raise InputError(
            f"neighbours: expected a whole number from 1, below the number of points ({len(side)}). "
            f"Received: {neighbours!r}."
        )

    def computed(side: Side) -> np.ndarray:
        distances = (distance_matrix(_of_length_one(side.points)) if cosine else side.distances).copy()
        np.fill_diagonal(distances, np.inf)
        farthest = np.partition(distances, neighbours - 1, axis=1)[:, neighbours - 1, None]
        nearer, last = distances < farthest, distances == farthest
        places = (neighbours - nearer.sum(axis=1, keepdims=True)) / last.sum(axis=1, keepdims=True)
        return nearer + last * places

    return side.once(("nearest", neighbours, cosine), computed, PAIRS)


def _of_length_one(points: np.ndarray) -> np.ndarray:
    scaled = points / (np.abs(points).max() or 1.0)
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    return scaled / np.where(lengths > 0, lengths, 1.0)
