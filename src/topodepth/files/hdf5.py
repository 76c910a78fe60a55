"""HDF5 files from anywhere: what is damaged in one, or not its own, ends in one line that names the file.

Only single calls of h5py are guarded: a mistake of the code that uses these functions stays what it is.
"""

import math
import mmap
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from topodepth.errors import InputError
from topodepth.files import storage
from topodepth.files.kinds import KINDS, kind_of
from topodepth.files.reading import of_file, reason_of

if TYPE_CHECKING:
    import h5py
    import numpy

START = b"\x89HDF\r\n\x1a\n"
PACKING = 1100  # gzip, the usual filter of HDF5, packs no tighter than 1032 to 1
WINDOW = 2**24  # bytes of a file that are searched at a time
ATTRIBUTE_LIMIT = 2**16  # values of one attribute

HELD_BY_TESTS = {"create_h5": 1}  # see topodepth.files.texts


@contextmanager
def create_h5(path: str | Path) -> Iterator["h5py.File"]:
    """Open a new HDF5 file for writing; it appears at ``path`` only when the block ends well.

    Raises
    ------
    OSError
        If the disk is full or fails, with what it said.
    """
    import h5py

    with storage.atomic_path(path) as part:
        # in the oldest format: in newer ones the same content gets different bytes, and so a new checksum, now and then
        file = h5py.File(part, "w", locking=False, libver="earliest")
        try:
            yield file
            file.close()
        except BaseException as error:
            os.truncate(part, 0)  # makes room: HDF5 writes again as it lets go of a file, and crashes where it cannot
            with suppress(OSError, RuntimeError):
                file.close()
            said = re.search(r"error message = '([^']+)'", str(error))
            if said:
                raise OSError(f"{path}: {said[1]}") from error
            raise


@contextmanager
def open_h5(path: str | Path, advice: str = "") -> Iterator["h5py.File"]:
    """Open an HDF5 file for reading, without a lock (network disks often have none).

    What the block raises is the block's own: what it reads it asks for with the functions of this module, which name
    the file.

    Parameters
    ----------
    path
        The file.
    advice
        What to do where it is no readable HDF5 file, for the message. To delete it and run again is advice for what
        only the pipeline makes, and never for a file that a user may have brought.

    Raises
    ------
    InputError
        If the file is missing, truncated or not HDF5; the message names it.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: {kind_of(path)}, expected an HDF5 file.")
    check_heaps(path)
    try:
        file = h5py.File(path, "r", locking=False)
    except Exception as error:  # a hostile file may raise anything
        reason, kind = str(error).rsplit("(", 1)[-1].rstrip(")"), kind_of(path)
        received = f"one that is damaged or cut short ({reason})" if kind == KINDS[START] else kind
        raise InputError(
            f"{path}: not a readable HDF5 file, expected a complete one. Received: {received}. {advice}"
        ) from error
    with file:
        yield file


def check_heaps(path: str | Path) -> None:
    """Refuse an HDF5 file with a damaged global heap, where text of free length is kept.

    The HDF5 library (1.14.6) walks a heap by the sizes that its entries claim, and for ever where one claims none.
    A file that is opened for one layer after another is searched once.
    """
    about = os.stat(path)
    _search_heaps(str(path), about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=64)
def _search_heaps(path: str, *_: int) -> None:
    """Do what :func:`check_heaps` says; further arguments tell versions of the file from each other."""
    with Path(path).open("rb") as handle:
        if not os.fstat(handle.fileno()).st_size:
            return
        with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
            start = next((at for at in (0, *(512 << k for k in range(12))) if content[at : at + 8] == START), None)
            if start is None:
                return  # the library will say so
            place = start + (13 if content[start + 8 : start + 9] < b"\2" else 9)
            whole, at = content[place : place + 2] == b"\x08\x08", _found(content, b"GCOL\x01", 0)
            while whole and at >= 0:
                whole = _is_heap(content, at)
                at = _found(content, b"GCOL\x01", at + 8)
            if not whole:
                raise InputError(f"{path}: expected a whole HDF5 file. Received: damaged sizes in it.")


def _found(content: mmap.mmap, mark: bytes, start: int) -> int:
    """Return where a mark is from ``start`` on, -1 where it is not; what was searched is not kept in memory."""
    while start < len(content):
        at = content.find(mark, start, start + WINDOW + len(mark) - 1)
        if at >= 0:
            return at
        start += WINDOW
        if hasattr(mmap, "MADV_DONTNEED"):
            content.madvise(mmap.MADV_DONTNEED)
    return -1


def _is_heap(content: mmap.mmap, start: int) -> bool:
    """Tell whether the entries of a global heap collection fill it from its header to its end."""
    size = int.from_bytes(content[start + 8 : start + 16], "little")
    place = 16
    while size - place >= 16:
        entry = content[start + place : start + place + 16]
        length = int.from_bytes(entry[8:], "little")
        step = 16 + (length + 7) // 8 * 8 if any(entry[:2]) else length
        if len(entry) < 16 or not 16 <= step <= size - place:
            return False
        place += step
    return place <= size


def names_in(where: str, group: "h5py.Group") -> list[str]:
    """Return the names in a file or group, in its own order."""
    return of_file(where, list, group)


def outside(where: str, group: "h5py.Group", key: str) -> str | None:
    """Say what an entry of an HDF5 group is if its content is not its own: a link or data of other files; else None.

    Following either could read any file of this machine, so neither ever is.
    """
    return _entry(where, group, key)[0]


def _entry(where: str, group: "h5py.Group", key: str) -> tuple[str | None, object]:
    """Return :func:`outside`, and the entry itself, opened once: of small data sets that is most of the work."""
    import h5py

    link = of_file(where, group.id.links.get_info, key.encode("utf-8", "surrogateescape"))
    if link.type != h5py.h5l.TYPE_HARD:
        return "a link", None
    item = of_file(where, group.__getitem__, key)
    if not isinstance(item, h5py.Dataset):
        return None, item
    elsewhere = of_file(where, getattr, item, "external") is not None or of_file(where, getattr, item, "is_virtual")
    return "data of other files" if elsewhere else None, item


def check_self_contained(
    path: str | Path,
    file: "h5py.File",
    expected: str = "a file that holds all its data itself",
) -> None:
    """Refuse an HDF5 file that anywhere has a link, data of other files, or a data set that is not whole.

    Raises
    ------
    InputError
        The message names the first one.
    """
    import h5py

    pending, seen = [("", file)], set()
    while pending:
        prefix, group = pending.pop()
        for key in names_in(f"{path}: {prefix or '/'!r}", group):
            where = f"{path}: {prefix + key!r}"
            found, item = _entry(where, group, key)
            if found:
                raise InputError(f"{path}: expected {expected}. Received: {found} at {prefix + key!r}")
            if isinstance(item, h5py.Dataset):
                _check_whole(where, item)
            elif isinstance(item, h5py.Group) and hash(item.id) not in seen:  # hard links can form a ring
                seen.add(hash(item.id))
                pending.append((f"{prefix}{key}/", item))


class StoredArray:
    """A data set of an HDF5 file, read when it is sliced; damage that is met then is told with the file's name.

    Attributes
    ----------
    where
        What it is, for messages.
    shape, dtype, size
        As of an array; shape and size are None of one that holds nothing.
    attrs
        As h5py has them, for :func:`attributes_of`.
    """

    def __init__(self, where: str, dataset: "h5py.Dataset") -> None:
        self.where, self._dataset = where, dataset
        self.shape, self.dtype, self.size = dataset.shape, dataset.dtype, dataset.size

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape or ())

    @property
    def attrs(self) -> "h5py.AttributeManager":
        """Attributes, not yet read."""
        return self._dataset.attrs

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: object) -> "numpy.ndarray":
        try:
            return self._dataset[key]
        except (OSError, RuntimeError) as error:  # any other is of the key: its type and shape were read before
            raise InputError(f"{self.where} expected whole. Received: {reason_of(error)}") from error

    def __array__(self, dtype: "numpy.dtype | None" = None, copy: bool | None = None) -> "numpy.ndarray":
        return self[()].astype(dtype or self.dtype, copy=False)


def own_group(where: str, group: "h5py.Group", key: str) -> "h5py.Group":
    """Return a group that lies in the file itself; parameters and errors as of :func:`own_dataset`."""
    import h5py

    found = _own(where, group, key, "a group")
    if not isinstance(found, h5py.Group):
        raise InputError(f"{where} expected as a group. Received: a data set")
    return found


def numbered_groups(path: str | Path, file: "h5py.File", name: str) -> list["h5py.Group"]:
    """Return the groups 0, 1, ... in a group of draws, none if there is no such group; errors as :func:`own_group`."""
    if name not in names_in(f"{path}:", file):
        return []
    where = f"{path}: /{name}:"
    draws = own_group(where, file, name)
    count = len(names_in(where, draws))
    return [own_group(f"{path}: /{name}/{draw}:", draws, str(draw)) for draw in range(count)]


def own_dataset(
    where: str, group: "h5py.Group", key: str, expected: str = "a data set", *, stored: bool = True
) -> StoredArray:
    """Return a data set that the file holds itself, and whole: no more is declared than the stored bytes can unpack to.

    Parameters
    ----------
    where
        What it is, for messages.
    group, key
        Where it is; the groups on the way must be the file's own too.
    expected
        What should be there.
    stored
        Whether its values are in the file; else nothing but its shape and attributes may be asked for.

    Raises
    ------
    InputError
        If it is missing, a group, a link, kept in other files, of a type that NumPy does not have, or not whole.
    """
    import h5py

    found = _own(where, group, key, expected)
    if not isinstance(found, h5py.Dataset):
        raise InputError(f"{where} expected as {expected}. Received: a group")
    if stored:
        _check_whole(where, found)
    return StoredArray(where, found)


def _own(where: str, group: "h5py.Group", key: str, expected: str) -> object:
    """Return what is at a key, if no link and no other file is on the way."""
    import h5py

    item: object = group
    for part in filter(None, key.split("/")):
        if not isinstance(item, h5py.Group) or part not in names_in(where, item):
            raise InputError(f"{where} expected as {expected}. Received: nothing of that name")
        found, item = _entry(where, item, part)
        if found:
            raise InputError(f"{where} expected to be stored in the file itself. Received: {found}")
    return item


def _check_whole(where: str, dataset: "h5py.Dataset") -> None:
    """Refuse a data set that declares more than its stored bytes can unpack to: reading it would fill the memory."""
    declared, shape, chunks, packed, whole = of_file(where, _layout, dataset)
    factor = PACKING if packed else 1
    pieces = math.prod(-(-size // chunk) for size, chunk in zip(shape, chunks, strict=False))
    # asked first: HDF5 counts what is stored chunk by chunk, which takes hours if there are as many as a file can claim
    claims_more = declared > factor * whole or pieces > whole
    stored = 0 if claims_more else of_file(where, dataset.id.get_storage_size)
    if declared > factor * stored:
        raise InputError(f"{where} expected whole. Received: {declared} bytes declared, {stored} stored")


def _layout(dataset: "h5py.Dataset") -> tuple[int, tuple, tuple, bool, int]:
    """Return the bytes that a data set declares, its shape and chunks, whether it is packed, and the file's length."""
    declared = (dataset.size or 0) * dataset.dtype.itemsize  # HDF5 knows types that NumPy has not: a TypeError
    packed = dataset.id.get_create_plist().get_nfilters() > 0
    return declared, dataset.shape or (), dataset.chunks or (), packed, dataset.file.id.get_filesize()


def attributes_of(where: str, item: "h5py.Group | StoredArray") -> dict[str, object]:
    """Return all attributes of a file, group or data set as Python values.

    Raises
    ------
    InputError
        If one cannot be read or claims more values than an attribute has reason to; the message names it.
    """
    held = of_file(where, getattr, item, "attrs")
    keys: list[str] = of_file(where, list, held)
    return {key: attribute_of(where, item, key) for key in keys}


def attribute_of(where: str, item: "h5py.Group | StoredArray", key: str, default: object = None) -> object:
    """Return one attribute as a Python value (an array of several), or the default; errors as :func:`attributes_of`."""
    import numpy

    where = f"{where} attribute {key!r}"
    held = of_file(where, getattr, item, "attrs")
    if not of_file(where, held.__contains__, key):
        return default
    count = of_file(where, lambda: held.get_id(key).get_space().get_simple_extent_npoints())
    if count > ATTRIBUTE_LIMIT:
        raise InputError(f"{where} expected at most {ATTRIBUTE_LIMIT} values. Received: {count}")
    value = of_file(where, held.__getitem__, key)
    if isinstance(value, bytes):
        return as_text(value)
    return value.item() if isinstance(value, numpy.generic) else value


def as_text(value: object) -> str:
    """Return a text, which some writers leave as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
