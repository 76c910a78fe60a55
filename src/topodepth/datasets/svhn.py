"""Street View House Numbers, cropped digits: 73,257 training and 26,032 test images of 32×32 pixels.

Source: Netzer et al. (2011), Reading digits in natural images with unsupervised feature learning,
http://ufldl.stanford.edu/housenumbers
"""

from pathlib import Path

import numpy as np

from topodepth.datasets import register, three_splits
from topodepth.datasets._images import ArrayImages
from topodepth.errors import InputError
from topodepth.files.reading import of_file

FILES = ("train_32x32.mat", "test_32x32.mat")
LIMIT = 2**31  # bytes of pixels in one file; the real training file holds 225 MB


@register("svhn", source="the folder with train_32x32.mat and test_32x32.mat", files=FILES, shape=(32, 32, 3))
def load(
    source: Path, *, size: int | None = None, validation: float = 0.1, test: float = 0.15, seed: int = 0
) -> tuple[dict, list[str]]:
    """Return SVHN; its own test images stay the test split, a seeded part of training becomes validation.

    Parameters
    ----------
    source
        Folder.
    size, validation, test, seed
        As for :func:`topodepth.datasets.cifar10.load`.

    Returns
    -------
    tuple
        Splits and the names "0" to "9"; the source's label 10 means the digit 0.

    Raises
    ------
    InputError
        If a file is missing or not what its name says.
    """
    parts = [_read(Path(source) / name, size) for name in FILES]
    return three_splits(*parts, validation=validation, seed=seed), [str(digit) for digit in range(10)]


def _read(path: Path, size: int | None) -> tuple[ArrayImages, np.ndarray]:
    """Return the images and labels of one file."""
    from scipy import io

    if not path.is_file():
        raise InputError(f"{path}: expected a MATLAB file of SVHN, cropped digits. Received: no such file.")
    where, whole = f"{path}:", "a whole MATLAB file"
    headers = of_file(where, io.whosmat, path, expected=whole)  # nothing is unpacked yet
    shapes = {name: shape for name, shape, _ in headers}
    images, labels = shapes.get("X", ()), shapes.get("y", ())
    fit = len(images) == 4 and images[:3] == (32, 32, 3) and labels in [(images[3], 1), (1, images[3])]
    if not fit or not 0 < np.prod(images, dtype=float) <= LIMIT:
        raise InputError(f"{path}: expected X (32, 32, 3, n) and y (n, 1). Received: {shapes}.")
    variables = of_file(where, lambda: io.loadmat(path, variable_names=["X", "y"]), expected=whole)
    pixels, digits = variables["X"], variables["y"].ravel()
    if pixels.dtype != np.uint8 or digits.dtype.kind not in "uif" or not np.isin(digits, range(1, 11)).all():
        raise InputError(
            f"{path}: expected uint8 images and labels 1 to 10. Received: {pixels.dtype} and "
            f"{np.unique(digits)[:20].tolist()}."
        )
    return ArrayImages(np.moveaxis(pixels, 3, 0), size=size), digits.astype(np.int64) % 10
