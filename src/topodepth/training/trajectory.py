"""The weights of a network along its training, step by step, projected to few dimensions where they are many."""

from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from topodepth.files import hdf5

CHUNK = 65_536  # weights projected at a time
BLOCKS = 8  # places of the projection that every weight adds to


class Trajectory:
    """The last recorded points of a training, each the trainable weights of the network as one vector.

    Parameters
    ----------
    every
        Steps between two points.
    last
        Number of points kept, the latest.
    dimensions
        Of a point: more weights than that are projected to so many, see :func:`project`.
    seed
        Seed of the projection.
    """

    def __init__(self, every: int, last: int, dimensions: int, seed: int) -> None:
        self.every, self.dimensions, self.seed = every, dimensions, seed
        self.parameters = 0
        self._points: deque[np.ndarray] = deque(maxlen=last)
        self._steps: deque[int] = deque(maxlen=last)

    def wants(self, step: int) -> bool:
        """Tell whether the point after a step, counted from 1, is one of those recorded."""
        return step % self.every == 0

    def record(self, step: int, weights: Iterable[np.ndarray]) -> None:
        """Add the point after a step; forget the oldest beyond the last."""
        arrays = list(weights)
        self.parameters = sum(array.size for array in arrays)
        self._points.append(project(arrays, self.dimensions, self.seed))
        self._steps.append(step)

    def arrays(self) -> list[np.ndarray]:
        """Return points, steps and number of weights, for a checkpoint."""
        return [np.array(self._points), np.array(self._steps, dtype=np.int64), np.array(self.parameters)]

    def restore(self, arrays: Sequence[np.ndarray]) -> None:
        """Go on from what :meth:`arrays` returned."""
        points, steps, parameters = arrays
        self._points, self._steps = (deque(column, self._points.maxlen) for column in (points, steps.tolist()))
        self.parameters = int(parameters)

    def write(self, path: str | Path, images: int) -> None:
        """Write an HDF5 file, whole or not at all: ``points`` (n, d) float64, ``steps`` (n,), and attributes.

        Parameters
        ----------
        path
            The file to make.
        images
            Number of training images; with ``parameters``, the number of weights, ``every`` and ``seed`` it is an
            attribute.
        """
        points, steps, parameters = self.arrays()
        with hdf5.create_h5(path) as file:
            file.create_dataset("points", data=points.reshape(len(steps), -1))
            file.create_dataset("steps", data=steps)
            file.attrs.update(images=images, parameters=int(parameters), every=self.every, seed=self.seed)


def project(arrays: Sequence[np.ndarray], dimensions: int, seed: int) -> np.ndarray:
    """Return arrays as one vector, (d,) float64: exactly if it has at most so many entries, else a random projection.

    Each entry is added, with a random sign, to one random place in each of eight blocks of the vector, which is divided
    by √8. Squared distances are right in the mean; of differences that no single entry dominates they scatter by about
    √(2 / d) of themselves (4 % with 1000 dimensions). The same seed makes the same projection, whatever the entries.

    References
    ----------
    Johnson & Lindenstrauss (1984), Extensions of Lipschitz mappings into a Hilbert space, Contemporary Mathematics 26.
    Kane & Nelson (2014), Sparser Johnson-Lindenstrauss transforms, Journal of the ACM 61(1), section 3: the blocks.
    """
    flat = np.concatenate([np.ravel(array).astype(np.float64) for array in arrays])
    if flat.size <= dimensions:
        return flat
    blocks = min(BLOCKS, dimensions)
    width = dimensions // blocks
    found = np.zeros((blocks, width))
    for number, start in enumerate(range(0, flat.size, CHUNK)):
        rng, part = np.random.default_rng([seed, number]), flat[start : start + CHUNK]
        places = rng.integers(width, size=(blocks, CHUNK), dtype=np.int32)[:, : part.size]
        signs = rng.integers(2, size=(blocks, CHUNK), dtype=np.int8)[:, : part.size] * 2.0 - 1
        for block in range(blocks):
            found[block] += np.bincount(places[block], weights=signs[block] * part, minlength=width)
    return found.ravel() / np.sqrt(blocks)
