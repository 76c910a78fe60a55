"""Where distances are computed: by NumPy on the CPU, or by PyTorch on a GPU.

A block ``with computing_on("cuda"):`` says it for all that is computed inside, whatever the way there: what users
register need not pass it on. PyTorch is imported in such a block only.

Points that lie on a device already are tensors, and stay there as long as a device computes with them. What is done
with points on the way is written once: in functions that NumPy and PyTorch both have, with the same keywords, of the
library that :func:`library_of` returns.
"""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.errors import InputError, unknown_name
from topodepth.jobs import memory

if TYPE_CHECKING:
    import torch

Points = Any  # (n, d): an array of NumPy, or a tensor of PyTorch
DEVICES = ("auto", "cpu", "cuda")
FEW = 1000  # fewer points are measured by the CPU before a GPU's kernels have started (not measured on a GPU yet)
SHARE = 4  # one part in so many of the free memory is for what is held at a time
AT_ONCE = 1 << 32  # and no more bytes than that: larger tiles are no quicker
UNKNOWN = 1 << 30  # bytes taken to be free where nobody knows

_chosen: ContextVar[Any] = ContextVar("device", default=None)


@contextmanager
def computing_on(device: Any) -> Iterator[None]:
    """Let trees, neighbours and distances of many points be computed on a device.

    Parameters
    ----------
    device
        ``"cpu"``: by NumPy. ``"cuda"``: by PyTorch on the current GPU; where there is none, by NumPy, after a warning.
        ``"auto"``: ``"cuda"`` where PyTorch is loaded already and sees a GPU, else ``"cpu"``. A ``torch.device``: by
        PyTorch there. None: as outside the block.

    Raises
    ------
    InputError
        If the device is unknown.
    """
    token = _chosen.set(_chosen.get() if device is None else found(device))
    try:
        yield
    finally:
        _chosen.reset(token)


def found(device: Any) -> "torch.device | None":
    """Return the device of PyTorch that a name stands for; None is NumPy. See :func:`computing_on`."""
    if not isinstance(device, str):
        if type(device).__module__.partition(".")[0] != "torch":
            raise InputError(f"device: expected one of {', '.join(DEVICES)}. Received: {device!r:.100}.")
        return device
    if device not in DEVICES:
        raise unknown_name("device", device, DEVICES)
    if device == "cpu" or (device == "auto" and "torch" not in sys.modules):
        return None
    why = "PyTorch is not installed (pip install 'topodepth[torch]')"
    if find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            return torch.device("cuda")
        why = "PyTorch sees no GPU"
    if device == "cuda":
        warnings.warn(f"device 'cuda': {why}. The CPU computes instead.", RuntimeWarning, stacklevel=4)
    return None


def chosen() -> "torch.device | None":
    """Return the device of PyTorch that the block around the call names; None is NumPy."""
    return _chosen.get()


def is_tensor(points: Points) -> bool:
    """Tell whether points are a tensor of PyTorch."""
    return type(points).__module__.partition(".")[0] == "torch"


def library_of(points: Points) -> Any:
    """Return PyTorch for a tensor, else NumPy."""
    return sys.modules["torch"] if is_tensor(points) else np


def on_host(points: Points) -> np.ndarray:
    """Return points as an array of NumPy; a tensor is copied from its device."""
    return np.asarray(points.detach().cpu() if is_tensor(points) else points)


def beside(points: Points, values: np.ndarray) -> Points:
    """Return an array of NumPy where points are: as it is, or as a tensor on their device."""
    return library_of(points).asarray(values, device=points.device)


def settled(points: Points) -> Points:
    """Return points (n, d) where their distances are to be computed: a tensor on a device, or an array of NumPy."""
    device = _device_for(*points.shape)
    if device is None:
        return on_host(points)
    import torch

    # a tensor cannot be made of an array that may not be written
    return torch.as_tensor(points if is_tensor(points) else np.require(points, requirements="W"), device=device)


def _device_for(n: int, d: int) -> "torch.device | None":
    """Return the device that is to compute distances of n points of d coordinates; None: NumPy.

    Points that would not fit beside all that the device holds stay on the CPU, after a warning.
    """
    device = _chosen.get()
    if device is None or n < FEW:
        return None
    size = memory.device_memory_estimate(n, d)
    if size > free_memory(device):
        warnings.warn(
            f"device {str(device)!r}: {n} points of {d} coordinates need about {size / 1e9:.1f} GB of its memory, "
            f"{free_memory(device) / 1e9:.1f} GB are free. The CPU computes instead.",
            RuntimeWarning,
            stacklevel=4,
        )
        return None
    return device


def free_memory(device: "torch.device") -> int:
    """Return the bytes of a device that are free, or held by PyTorch and not in use."""
    if device.type != "cuda":
        available = memory.available_memory()
        return UNKNOWN if available is None else available
    import torch

    free, _ = torch.cuda.mem_get_info(device)
    return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))


def entries_at_once(device: "torch.device", size: int) -> int:
    """Return how many entries of so many bytes may be held at a time; at least 2^16."""
    return max(1 << 16, min(AT_ONCE, free_memory(device) // SHARE) // size)


@contextmanager
def exactly(device: "torch.device") -> Iterator[None]:
    """Let products of matrices be computed in the precision of their numbers, without gradients; then all is as before.

    TF32 and half precision, which a user may have allowed or an autocast around the call asks for, have 11 and 8 bits.
    """
    import torch

    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        restore = _full_precision()
        try:
            yield
        finally:
            restore()


def _full_precision() -> Callable[[], None]:
    """Ask PyTorch for products in full precision; return what makes all as it was.

    PyTorch 2.9 named the setting anew, one for each backend, and reading the old one then raises (2.14.1).
    """
    import torch

    backends: list[Any] = [torch.backends.cuda.matmul, getattr(torch.backends.mkldnn, "matmul", None)]
    if not all(hasattr(backend, "fp32_precision") for backend in backends):
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        return lambda: torch.set_float32_matmul_precision(before)
    settings = [backend.fp32_precision for backend in backends]
    for backend in backends:
        backend.fp32_precision = "ieee"

    def restore() -> None:
        for backend, setting in zip(backends, settings, strict=True):
            backend.fp32_precision = setting

    return restore
