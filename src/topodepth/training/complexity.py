"""Measures of a network that its weights alone decide; apart from the rest, for training records them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def complexity(model: "keras.Model") -> dict[str, float]:
    """Return the measures of a network that depend on its weights alone.

    A kernel of a convolution (height, width, channels, filters) counts as the matrix (height · width · channels,
    filters), a depthwise one likewise; biases and the weights of normalisations are left out.

    Returns
    -------
    dict
        ``parameters``; ``weight_layers``, the number of kernels; ``frobenius_norm``, the square root of the sum of
        squares over all kernels; ``spectral_norm``, the sum over kernels of the logarithm of the largest singular
        value, so the logarithm of the product of their spectral norms (Bartlett et al. 2017, arXiv:1706.08498; Jiang
        et al. 2020, arXiv:1912.02178).
    """
    kernels = [np.asarray(weight) for weight in model.trainable_weights if len(weight.shape) > 1]
    kernels = [kernel.reshape(-1, kernel.shape[-1]).astype(np.float64) for kernel in kernels]
    return of_kernels(kernels, int(model.count_params()))


def of_kernels(kernels: Sequence[np.ndarray], parameters: int) -> dict[str, float]:
    """Return the measures of a network with these kernels, matrices (inputs, outputs), and so many parameters."""
    largest = [np.linalg.norm(kernel, 2) for kernel in kernels]
    return {
        "parameters": parameters,
        "weight_layers": len(kernels),
        "frobenius_norm": float(np.sqrt(sum((kernel**2).sum() for kernel in kernels))),
        "spectral_norm": float(np.log(np.maximum(largest, np.finfo(float).tiny)).sum()),
    }
