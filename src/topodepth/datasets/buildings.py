"""Ten classes of ImageNet buildings, 4500 images of 64×64 pixels each, as the authors of the paper share them.

One pickle of a NumPy array (classes, images, height, width, channels). Source: Magai & Ayzenberg (2022),
arXiv:2204.08624; the images are ImageNet's (research only).
"""

from pathlib import Path

import numpy as np

from topodepth.datasets import _array_pickle, random_split, register
from topodepth.datasets._images import ArrayImages, pixel_scale
from topodepth.errors import InputError


@register("buildings", source="the authors' pickle, one array (10, 4500, 64, 64, 3)")
def load(
    source: Path,
    *,
    size: int | None = None,
    validation: float = 0.1,
    test: float = 0.2,
    seed: int = 42,
    class_names: list[str] | None = None,
) -> tuple[dict, list[str]]:
    """Return the buildings, split at random by class: by default 20 % for testing, seed 42, as the paper.

    The paper's draw cannot be repeated image by image, since its order of images and its splitter are not published.

    Parameters
    ----------
    source
        The pickle; nothing in it is run.
    size
        Resize to ``size`` × ``size``; None keeps the array's.
    validation, test
        Fractions of each class.
    seed
        Seed of the split.
    class_names
        One a class; "0", "1", … if None, for the file has none.

    Returns
    -------
    tuple
        Splits and class names; positions count through the classes, class · images a class + image.

    Raises
    ------
    InputError
        If the file is no pickle of one such array, or its pixels are neither 0–255 nor 0–1 (see
        :func:`topodepth.datasets._images.pixel_scale` for the rule).
    """
    source = Path(source)
    if not source.is_file():
        raise InputError(f"{source}: expected a pickle of one array. Received: no file.")
    array = _array_pickle.read(source)
    if array.ndim != 5 or 0 in array.shape or array.shape[0] < 2 or array.shape[4] not in (1, 3):
        raise InputError(
            f"{source}: expected an array (classes, images, height, width, channels). Received: {array.shape}."
        )
    classes, each = array.shape[:2]
    names = [str(k) for k in range(classes)] if class_names is None else class_names
    if not isinstance(names, list) or len(names) != classes or not all(isinstance(name, str) for name in names):
        raise InputError(f"class_names: expected {classes} names. Received: {names!r}.")
    pixels = array.reshape(-1, *array.shape[2:])
    images = ArrayImages(pixels, size=size, scale=pixel_scale(pixels, str(source)))
    labels = np.repeat(np.arange(classes), each)
    parts = {"train": 0, "validation": validation, "test": test}
    return random_split(images, labels, parts, np.random.default_rng(seed)), names
