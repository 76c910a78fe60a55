"""Files: HDF5, CSV and JSON, written whole or not at all, read with clear errors."""

import csv
import hashlib
import json
import math
import mmap
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from topodepth.errors import InputError
from topodepth.files.kinds import KINDS, kind_of

HDF5_START = b"\x89HDF\r\n\x1a\n"
PACKING = 1100  # gzip, the usual filter of HDF5, packs no tighter than 1032 to 1
ATTRIBUTE_LIMIT = 2**16  # values of one attribute
DAMAGED = (OSError, KeyError, ValueError, TypeError, RuntimeError, IndexError, AttributeError, OverflowError)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block ends well, else remove it.

    A reader, or a killed job's successor, therefore never sees half a file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path`` that takes its place when the block ends well, and else goes."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        shutil.rmtree(path, ignore_errors=True)
        part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def numbered_files(folder: str | Path, what: str) -> list[Path]:
    """Return the files ``00.h5``, ``01.h5`` … of a folder, one a strength of an attack, in order.

    Raises
    ------
    InputError
        If there is no such folder, or none in it; the message says that ``what`` was expected.
    """
    found = sorted(Path(folder).glob("[0-9]*.h5"))
    if not found:
        raise InputError(f"{folder}: expected a folder of {what}, a file 00.h5 … a strength. Received: none.")
    return found


@contextmanager
def create_h5(path: str | Path) -> Iterator["h5py.File"]:  # noqa: F821
    """Open a new HDF5 file for writing; it appears at ``path`` only when the block ends well.

    Raises
    ------
    OSError
        If the disk is full or fails, with what it said.
    """
    import h5py

    with atomic_path(path) as part:
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
def open_h5(path: str | Path, otherwise: str = "") -> Iterator["h5py.File"]:  # noqa: F821
    """Open an HDF5 file for reading, without a lock (network disks often have none).

    Parameters
    ----------
    path
        The file.
    otherwise
        What to do where it is no HDF5 file and was not made here, for the message.

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
    except OSError as error:
        reason, kind = str(error).rsplit("(", 1)[-1].rstrip(")"), kind_of(path)
        received = f"one that is damaged or cut short ({reason})" if kind == KINDS[HDF5_START] else kind
        made_here = not path.is_absolute() and "results" in path.parts  # a user's own file could not be made anew
        advice = "Delete it and run again to make it anew." if made_here else otherwise
        raise InputError(
            f"{path}: not a readable HDF5 file, expected a complete one. Received: {received}. {advice}"
        ) from error
    with file:
        try:
            yield file
        except (OSError, KeyError) as error:
            reason = str(error.args[0] if error.args else error)
            raise InputError(f"{path}: corrupt or incomplete HDF5 file. Received: {reason}") from error


@contextmanager
def reading(path: str | Path, expected: str = "a complete file of its kind") -> Iterator[None]:
    """Turn whatever a damaged or foreign file makes a reader raise into one line that names the file.

    Around code that reads and does nothing else: a mistake of ours would be taken for one of the file's.

    Raises
    ------
    InputError
        If the block raises anything but a lack of memory.
    """
    try:
        yield
    except InputError:
        raise
    except DAMAGED as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(f"{path}: expected {expected}. Received: {reason}") from error


def check_heaps(path: str | Path) -> None:
    """Refuse an HDF5 file with a damaged global heap, where text of free length is kept.

    The HDF5 library (1.14.6) walks a heap by the sizes that its entries claim, and for ever where one claims none.
    """
    with Path(path).open("rb") as handle:
        if not os.fstat(handle.fileno()).st_size:
            return
        with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
            start = next((at for at in (0, *(512 << k for k in range(12))) if content[at : at + 8] == HDF5_START), None)
            if start is None:
                return  # the library will say so
            place = start + (13 if content[start + 8 : start + 9] < b"\2" else 9)
            whole, at = content[place : place + 2] == b"\x08\x08", content.find(b"GCOL\x01")
            while whole and at >= 0:
                whole = _is_heap(content, at)
                at = content.find(b"GCOL\x01", at + 8)
            if not whole:
                raise InputError(f"{path}: expected a whole HDF5 file. Received: damaged sizes in it.")


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


def outside(group: "h5py.Group", key: str) -> str | None:  # noqa: F821
    """Say what an entry of an HDF5 group is if its content is not its own: a link or data of other files; else None.

    Following either could read any file of this machine, so neither ever is.
    """
    import h5py

    if group.id.links.get_info(key.encode("utf-8", "surrogateescape")).type != h5py.h5l.TYPE_HARD:
        return "a link"
    item = group[key]
    foreign = isinstance(item, h5py.Dataset) and (item.external is not None or item.is_virtual)
    return "data of other files" if foreign else None


def check_self_contained(
    path: str | Path,
    file: "h5py.File",  # noqa: F821
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
        for key in group:
            if found := outside(group, key):
                raise InputError(f"{path}: expected {expected}. Received: {found} at {prefix + key!r}")
            item = group[key]
            if isinstance(item, h5py.Dataset):
                _check_whole(f"{path}: {prefix + key!r}", item)
            elif isinstance(item, h5py.Group) and hash(item.id) not in seen:  # hard links can form a ring
                seen.add(hash(item.id))
                pending.append((f"{prefix}{key}/", item))


def h5_dataset(where: str, group: "h5py.Group", key: str, expected: str = "a data set") -> "h5py.Dataset":  # noqa: F821
    """Return a data set that the file holds itself, and whole: no more is declared than the stored bytes can unpack to.

    Parameters
    ----------
    where
        What it is, for messages.
    group, key
        Where it is; the groups on the way must be the file's own too.
    expected
        What should be there.

    Raises
    ------
    InputError
        If it is missing, a group, a link, kept in other files, of a type that NumPy does not have, or not whole.
    """
    import h5py

    dataset = group
    for part in key.split("/"):
        if not isinstance(dataset, h5py.Group) or part not in list(dataset):
            raise InputError(f"{where} expected as {expected}. Received: nothing of that name")
        if found := outside(dataset, part):
            raise InputError(f"{where} expected to be stored in the file itself. Received: {found}")
        dataset = dataset[part]
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(f"{where} expected as {expected}. Received: a group")
    _check_whole(where, dataset)
    return dataset


def _check_whole(where: str, dataset: "h5py.Dataset") -> None:  # noqa: F821
    """Refuse a data set that declares more than its stored bytes can unpack to: reading it would fill the memory."""
    try:
        declared = (dataset.size or 0) * dataset.dtype.itemsize
    except TypeError as error:  # HDF5 knows types that NumPy has not
        raise InputError(f"{where} expected in a type of NumPy. Received: {error}") from error
    whole, packed = dataset.file.id.get_filesize(), dataset.id.get_create_plist().get_nfilters() > 0
    factor = PACKING if packed else 1
    chunks = math.prod(
        -(-size // chunk) for size, chunk in zip(dataset.shape or (), dataset.chunks or (), strict=False)
    )
    # asked first: HDF5 counts what is stored chunk by chunk, which takes hours if there are as many as a file can claim
    stored = 0 if declared > factor * whole or chunks > whole else dataset.id.get_storage_size()
    if declared > factor * stored:
        raise InputError(f"{where} expected whole. Received: {declared} bytes declared, {stored} stored")


def h5_attributes(where: str, item: "h5py.File | h5py.Group | h5py.Dataset") -> dict[str, object]:  # noqa: F821
    """Return all attributes of a file, group or data set as Python values.

    Raises
    ------
    InputError
        If one cannot be read or claims more values than an attribute has reason to; the message names it.
    """
    found = {}
    for key in item.attrs:
        try:
            count = item.attrs.get_id(key).get_space().get_simple_extent_npoints()
            if count > ATTRIBUTE_LIMIT:
                raise ValueError(f"{count} values, expected at most {ATTRIBUTE_LIMIT}")
            found[key] = plain(item.attrs[key])
        except DAMAGED as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{where} attribute {key!r} cannot be read. Received: {reason}") from error
    return found


def plain(value: object) -> object:
    """Return an attribute as a Python value: HDF5 hands out NumPy scalars and, from some writers, bytes."""
    import numpy

    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value.item() if isinstance(value, numpy.generic) else value


def write_table(path: str | Path, rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> None:
    """Write a tidy CSV with full precision; a missing key or ``None`` or NaN becomes an empty cell.

    Raises
    ------
    InputError
        If a row has a key that is not a column.
    """
    with atomic_path(path) as part, part.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            extra = set(row) - set(columns)
            if extra:
                raise InputError(f"{path}: row keys {sorted(extra)} are no columns. Expected: {list(columns)}.")
            writer.writerow([_cell(row.get(column)) for column in columns])


def _cell(value: object) -> str:
    if value is None:
        return ""
    if hasattr(value, "item"):
        value = value.item()  # NumPy scalars print as Python's, shortest form that reads back exactly
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    return str(value)


def read_table(path: str | Path) -> "pandas.DataFrame":  # noqa: F821
    """Read a CSV written by :func:`write_table`; empty cells become NaN.

    Raises
    ------
    InputError
        If the file is missing or no table.
    """
    import pandas

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    try:
        return pandas.read_csv(path, float_precision="round_trip", keep_default_na=False, na_values=[""])
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a readable CSV table. Received: {error}") from error


def read_indices(path: str | Path) -> "numpy.ndarray":  # noqa: F821
    """Read the column ``index`` of a sample's table, (n,) int64; without what :func:`read_table` takes to start.

    Raises
    ------
    InputError
        If the file is missing, or has no such column of whole numbers.
    """
    import numpy

    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            return numpy.array([int(row["index"]) for row in csv.DictReader(handle)], dtype=numpy.int64)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file.") from error
    except (KeyError, TypeError, ValueError, OverflowError, csv.Error) as error:
        reason = f"{type(error).__name__} {error}"
        raise InputError(f"{path}: column 'index' expected as whole numbers. Received: {reason}") from error


def write_text(path: str | Path, text: str) -> None:
    """Write a text as UTF-8, whole or not at all."""
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: object) -> None:
    """Write indented JSON with sorted keys."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def read_json(path: str | Path) -> object:
    """Read JSON; a missing or malformed file raises :class:`InputError` naming it."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file.") from error
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON. Received: {error}") from error


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
