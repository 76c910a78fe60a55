"""Read one NumPy array from a pickle without running anything that the pickle names.

A pickle is a program. Here the few names that a pickled array needs lead to inert records instead of NumPy, every
other name is refused, and the array is made from the recorded bytes only after type, shape and length agree.
"""

import math
import pickle
from pathlib import Path

import numpy as np

from topodepth.errors import InputError
from topodepth.files.kinds import kind_of
from topodepth.files.reading import reason_of

DTYPE_NAMES = {f"{kind}{size}" for kind, size in [*(("u", 2**k) for k in range(4)), *(("i", 2**k) for k in range(4))]}
DTYPE_NAMES |= {"f2", "f4", "f8"}
CORES = ("numpy.core", "numpy._core")  # before and since NumPy 2


def read(path: str | Path) -> np.ndarray:
    """Return the one numeric array in a pickle of protocol 0 to 5, Python 2 or 3, NumPy 1 or 2.

    Raises
    ------
    InputError
        If the pickle is broken or names or holds anything but one array of numbers.
    """
    expected = f"{path}: expected a pickle of one NumPy array of numbers. Received: {kind_of(path)}"
    with Path(path).open("rb") as handle:
        try:
            record = _Unpickler(handle, encoding="bytes").load()
        except Exception as error:  # a hostile pickle may raise anything, and claim any memory
            raise InputError(f"{expected}, {reason_of(error)}") from error
    if not isinstance(record, _Array):
        raise InputError(f"{expected}, a {type(record).__name__}")
    try:
        return record.array()
    except pickle.UnpicklingError as error:
        raise InputError(f"{expected}, {error}") from error


class _Dtype:
    """What a pickle says of an array's type."""

    __slots__ = ("name", "order")

    def __init__(self, name: str | bytes, align: object = False, copy: object = True) -> None:
        self.name, self.order = _text(name), "|"
        if self.name not in DTYPE_NAMES:
            raise pickle.UnpicklingError(f"an array of type {self.name!r}")

    def __setstate__(self, state: tuple) -> None:
        self.order = _text(state[1])

    def dtype(self) -> np.dtype:
        if self.order not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError(f"byte order {self.order!r}")
        return np.dtype(self.name).newbyteorder(self.order)  # type: ignore[arg-type]  # one of the four above


class _Array:
    """What a pickle says of an array: type, shape, order and bytes."""

    __slots__ = ("content", "dtype", "order", "shape")

    def __init__(self, *reconstruct: object) -> None:
        self.content = None

    def __setstate__(self, state: tuple) -> None:
        _, self.shape, self.dtype, fortran, self.content = state
        self.order = "F" if fortran else "C"

    def array(self) -> np.ndarray:
        """Return the array, still on the pickle's own bytes."""
        if not isinstance(self.content, bytes | bytearray) or not isinstance(self.dtype, _Dtype):
            raise pickle.UnpicklingError("an array without its bytes")
        dtype = self.dtype.dtype()
        whole = isinstance(self.shape, tuple) and all(type(n) is int and n >= 0 for n in self.shape)
        if not whole or math.prod(self.shape) * dtype.itemsize != len(self.content) or self.order not in ("C", "F"):
            raise pickle.UnpicklingError(f"shape {self.shape!r} with {len(self.content)} bytes")
        return np.frombuffer(self.content, dtype=dtype).reshape(self.shape, order=self.order)


class _Unpickler(pickle.Unpickler):
    """Gives records for the names in a pickled array and refuses every other."""

    def find_class(self, module: str, name: str) -> object:
        """Return what stands for a name."""
        if (module, name) == ("numpy", "ndarray"):
            return _Type()
        if (module, name) == ("numpy", "dtype"):
            return _Dtype
        if (module, name) == ("_codecs", "encode"):  # protocols 0 to 2 have no bytes
            return _latin1
        if name == "_reconstruct" and module in [f"{core}.multiarray" for core in CORES]:
            return _Array
        if name == "_frombuffer" and module in [f"{core}.numeric" for core in CORES]:
            return _from_buffer
        raise pickle.UnpicklingError(f"the name {f'{module}.{name}'!r}, which is not opened")


class _Type:
    """Stands for ``numpy.ndarray``, which a pickled array only mentions."""

    __slots__ = ()


def _from_buffer(content: bytes, dtype: _Dtype, shape: tuple, order: str, axes: object = None) -> _Array:
    record = _Array()
    record.__setstate__((1, shape, dtype, order == "F", content))
    record.order = "C" if order == "C" else "F" if order == "F" else f"{order} {axes}"
    return record


def _latin1(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"encoding {encoding!r}")
    return text.encode("latin-1")


def _text(value: str | bytes) -> str:
    """Return a name; pickles of Python 2 hold it as bytes."""
    return value.decode("ascii") if isinstance(value, bytes) else str(value)
