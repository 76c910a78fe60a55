"""Centred kernel alignment, by the unbiased and by the biased estimator of the Hilbert–Schmidt criterion."""

import numpy as np

from topodepth.similarity import PAIRS, Side, register

BANDWIDTH = 0.5  # of an RBF kernel, as a share of the median distance between two points


@register("linear_cka_unbiased", distance=False)
def linear_cka_unbiased(a: Side, b: Side, /) -> float:
    """Return linear CKA by the unbiased estimator: 1 for clouds that a rotation and a scale take into each other.

    Centred about 0 for independent clouds at any n and d; it can be a little negative.

    References
    ----------
    Kornblith et al. (2019), Similarity of neural network representations revisited, ICML. Song et al. (2012), Feature
    selection via dependence maximization, JMLR 13, eq. 5. Nguyen et al. (2021), Do wide and deep networks learn the
    same things?, ICLR.
    """
    return _product(a, b, None, unbiased=True)


@register("linear_cka_biased", distance=False)
def linear_cka_biased(a: Side, b: Side, /) -> float:
    """Return linear CKA as Kornblith et al. (2019) define it, ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖) of centred points.

    Biased: of independent clouds it tends to 1 as d grows beyond n.
    """
    return _product(a, b, None, unbiased=False)


@register("rbf_cka_unbiased", distance=False)
def rbf_cka_unbiased(a: Side, b: Side, /, *, bandwidth: float = BANDWIDTH) -> float:
    """Return CKA with the kernel exp(−|x − y|² / (2 σ²)) by the unbiased estimator.

    Parameters
    ----------
    a, b
        Points of the same images.
    bandwidth
        σ as a share of the median distance between two points of each side.
    """
    return _product(a, b, bandwidth, unbiased=True)


@register("rbf_cka_biased", distance=False)
def rbf_cka_biased(a: Side, b: Side, /, *, bandwidth: float = BANDWIDTH) -> float:
    """Return CKA with an RBF kernel by the biased estimator; as :func:`rbf_cka_unbiased`."""
    return _product(a, b, bandwidth, unbiased=False)


def _product(a: Side, b: Side, bandwidth: float | None, *, unbiased: bool) -> float:
    one, other = (_centred(side, bandwidth, unbiased=unbiased) for side in (a, b))
    return float(np.vdot(one, other))


def _centred(side: Side, bandwidth: float | None, *, unbiased: bool) -> np.ndarray:
    """Return the centred kernel (n, n) of norm 1, NaN where it is 0: the product of two of them is CKA."""

    def computed(side: Side) -> np.ndarray:
        matrix = _kernel(side, bandwidth)
        centred = u_centred(matrix) if unbiased else double_centred(matrix)
        return centred / (np.linalg.norm(centred) or np.nan)

    return side.once(("kernel", bandwidth, unbiased), computed, PAIRS)


def _kernel(side: Side, bandwidth: float | None) -> np.ndarray:
    if bandwidth is None:
        centred = side.points - side.points.mean(axis=0)
        centred /= np.abs(centred).max() or 1.0  # no square overflows
        return centred @ centred.T
    distances = side.distances[np.triu_indices(len(side), k=1)]
    sigma = bandwidth * float(np.median(distances)) or np.nan
    return np.exp(-0.5 * (side.distances / sigma) ** 2)


def double_centred(matrix: np.ndarray) -> np.ndarray:
    """Return a symmetric matrix (n, n) with the means of its rows and columns taken off."""
    means = matrix.mean(axis=0)
    return matrix - means - means[:, None] + means.mean()


def u_centred(matrix: np.ndarray) -> np.ndarray:
    """Return a symmetric matrix (n, n) without its diagonal, centred so that products are unbiased.

    The sum of products of two such matrices, over n (n − 3), is the estimator of Song et al. (2012), eq. 5 (Székely &
    Rizzo 2014, Partial distance correlation with methods for dissimilarities, Ann. Stat. 42).
    """
    n = len(matrix)
    hollow = matrix - np.diag(np.diagonal(matrix))
    rows = hollow.sum(axis=1) / (n - 2)
    centred = hollow - rows - rows[:, None] + hollow.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(centred, 0.0)
    return centred
