"""Images of several splits as one array, in the order that they have in their source."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from topodepth.errors import InputError


class Joined:
    """Data sets of an HDF5 file as one, read when sliced.

    Parameters
    ----------
    parts
        Of one shape but for the first axis, anything that can be sliced.
    positions
        (n,) of each part: where its rows stand in the source.

    Raises
    ------
    InputError
        If two rows stand at one place: the parts are no parts of one source.
    """

    def __init__(self, parts: Sequence[Any], positions: Sequence[np.ndarray]) -> None:
        places = np.concatenate(positions)
        order = np.argsort(places, kind="stable")
        if (np.diff(places[order]) == 0).any():
            raise InputError(
                "split 'train+validation': expected a validation split drawn from the training images. "
                "Received: images of two sources, each counted from 0. Use `split: train`."
            )
        self._parts = list(parts)
        sizes = [len(part) for part in parts]
        self._part = np.repeat(np.arange(len(sizes)), sizes)[order]
        self._row = np.concatenate([np.arange(size) for size in sizes])[order]
        self.shape = (len(places), *parts[0].shape[1:])
        self.dtype = parts[0].dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: slice | np.ndarray) -> np.ndarray:
        part, row = self._part[key], self._row[key]
        found = np.empty((len(row), *self.shape[1:]), self.dtype)
        for number, source in enumerate(self._parts):
            own = np.flatnonzero(part == number)
            if len(own):  # HDF5 hands out rows in ascending order only
                order = own[np.argsort(row[own])]
                found[order] = source[row[order]]
        return found
