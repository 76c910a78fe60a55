"""Points of layers that stay on the device that computes with them, beside an activations file with all the rest."""

import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.activations.file import Activations
from topodepth.homology.devices import free_memory, on_host

if TYPE_CHECKING:
    import h5py
    import torch

SHARE = 4  # one part in so many of the memory that is free before the pass is for activations
BYTES = 4  # of a number in single precision


class DeviceLayers:
    """Points of layers on a device, as long as they fit there; those of other layers go to the file.

    Parameters
    ----------
    device
        A ``torch.device``.
    n
        How many points will come; None where only the last batch tells.
    """

    def __init__(self, device: "torch.device", n: int | None = None) -> None:
        self.device, self._n = device, n
        self.room = self._left = free_memory(device) // SHARE
        self._buffers: dict[str, Any] = {}
        self._lengths: dict[str, int] = {}
        self._written: dict[str, int] = {}  # sizes of layers that did not fit

    def put(self, dataset: "h5py.Dataset", rows: slice | np.ndarray, values: Any) -> bool:
        """Take points of a layer, or tell that they are to be written; what was taken of it before is written then.

        Parameters
        ----------
        dataset
            Of the layer in the file, as long as it is to be.
        rows
            Where these points go.
        values
            (m, d) float32, an array or a tensor.
        """
        import torch

        name = dataset.name.lstrip("/")
        if name not in self._written and self._make_room(name, dataset):
            self._buffers[name][rows] = torch.as_tensor(values, device=self.device)
            self._lengths[name] = len(dataset)
            return True
        self._written[name] = BYTES * dataset.size
        return False

    def _make_room(self, name: str, dataset: "h5py.Dataset") -> bool:
        """Let the buffer of a layer be as long as its data set; or empty it into that if it would not fit."""
        import torch

        held, (n, d) = self._buffers.get(name, torch.empty(0, dataset.shape[1], device=self.device)), dataset.shape
        if len(held) >= n:
            return True
        n = max(n, self._n or 2 * len(held))  # it grows batch by batch
        more = BYTES * d * (n - len(held))
        if more > self._left:
            dataset[: len(held)] = on_host(held)
            self._left += BYTES * held.numel()
            self._buffers.pop(name, None)
            return False
        self._left -= more
        self._buffers[name] = held.new_empty(n, d, dtype=torch.float32)
        self._buffers[name][: len(held)] = held
        return True

    def taken(self) -> dict[str, Any]:
        """Return the points of each layer by its data set; say in one line how many did not fit."""
        if self._written:
            layers, size = len(self._written), sum(self._written.values())
            warnings.warn(
                f"device {str(self.device)!r}: activations of {layers} of {layers + len(self._buffers)} layers, "
                f"{size / 1e9:.1f} GB, do not fit into {self.room / 1e9:.1f} GB, a part of its free memory. They go "
                "through a file.",
                RuntimeWarning,
                stacklevel=5,
            )
        return {name: buffer[: self._lengths[name]] for name, buffer in self._buffers.items()}


def write_whole(activations: Activations, path: str | Path) -> None:
    """Write an activations file once more, with all its points, those on a device too."""
    import h5py

    shutil.copyfile(activations.path, path)
    if activations.held:
        with h5py.File(path, "r+", locking=False) as file:
            for dataset, points in activations.held.items():
                file[dataset][:] = on_host(points)
