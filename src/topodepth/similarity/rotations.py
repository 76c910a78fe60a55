"""The Procrustes distance: what is left of the difference of two clouds after the best rotation."""

import numpy as np

from topodepth.similarity import IMAGES, Side, register

ROUNDING = 1e-12  # a distance below it is 0


@register("procrustes", distance=True)
def procrustes(a: Side, b: Side, /) -> float:
    """Return the squared Procrustes distance of two clouds, each centred and of Frobenius norm 1.

    min over orthogonal Q of ‖A Q − B‖² = 2 − 2 ‖AᵀB‖ (nuclear norm), from 0 (rotation, reflection, scale and shift
    take one into the other) to 2; dimensions may differ. At n < d a rotation fits much of any two clouds: compare it
    with its null value.

    References
    ----------
    Ding, Denain & Steinhardt (2021), Grounding representation similarity with statistical testing, NeurIPS 34. Williams
    et al. (2021), Generalized shape metrics on neural representations, NeurIPS 34.
    """
    product = _normalised(a).T @ _normalised(b)
    if not np.isfinite(product).all():
        return float("nan")
    left = 2 - 2 * float(np.linalg.svd(product, compute_uv=False).sum())
    return left if left > ROUNDING else 0.0


def _normalised(side: Side) -> np.ndarray:
    """Return the centred cloud of norm 1 in as few coordinates as it spans, (n, min(n, d)); NaN of a constant one."""

    def computed(side: Side) -> np.ndarray:
        centred = side.points - side.points.mean(axis=0)
        centred /= np.abs(centred).max() or np.nan
        centred /= np.linalg.norm(centred)
        if centred.shape[0] >= centred.shape[1] or not np.isfinite(centred).all():
            return centred
        left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
        return left * lengths

    return side.once("normalised", computed, IMAGES)
