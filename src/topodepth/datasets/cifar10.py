"""CIFAR-10, the binary version: 50,000 training and 10,000 test images of 32×32 pixels in ten classes.

Each record of a file is one byte of label and 3072 bytes of pixels, first all red, then green, then blue.
Source: Krizhevsky (2009), Learning multiple layers of features from tiny images, https://www.cs.toronto.edu/~kriz/cifar.html
"""

import gzip
import tarfile
import zlib
from pathlib import Path

import numpy as np

from topodepth.datasets import register, three_splits
from topodepth.datasets._images import ArrayImages
from topodepth.errors import InputError

TRAIN = tuple(f"data_batch_{k}.bin" for k in range(1, 6))
FILES = (*TRAIN, "test_batch.bin", "batches.meta.txt")
RECORD = 1 + 3 * 32 * 32
LIMIT = 2**29  # the real archive unpacks to 184 MB


@register(
    "cifar10",
    source="the folder cifar-10-batches-bin, the folder that holds it, or cifar-10-binary.tar.gz",
    shape=(32, 32, 3),
)
def load(
    source: Path, *, size: int | None = None, validation: float = 0.1, test: float = 0.15, seed: int = 0
) -> tuple[dict, list[str]]:
    """Return CIFAR-10; its own test images stay the test split, a seeded part of training becomes validation.

    Parameters
    ----------
    source
        Folder or archive.
    size
        Resize to ``size`` × ``size``; None keeps 32.
    validation
        Fraction of each class of the training images.
    test
        Not used: the source has a test split.
    seed
        Seed of the validation split.

    Returns
    -------
    tuple
        Splits and the ten class names; positions are the official ones, counted through the five training files.

    Raises
    ------
    InputError
        If a file is missing, of a wrong length or holds a label above 9, or this is the version made of pickles.
    """
    source = Path(source)
    files = _from_archive(source) if source.is_file() else _from_folder(source)
    missing = [name for name in FILES if name not in files]
    if missing and any(name.removesuffix(".bin") in files for name in TRAIN):
        raise InputError(
            f"{source}: expected the binary version of CIFAR-10 (cifar-10-binary.tar.gz). Received: the Python "
            "version, whose pickles could run code and are not opened."
        )
    if missing:
        raise InputError(f"{source}: expected {', '.join(FILES)}. Received: no {', '.join(missing)}.")
    class_names = files["batches.meta.txt"].decode("utf-8", "replace").split()
    if len(class_names) != 10:
        raise InputError(f"{source}/batches.meta.txt: expected 10 names. Received: {len(class_names)}.")
    length = len(files[TRAIN[0]])
    records = {name: _records(files.pop(name), length, f"{source}/{name}") for name in FILES[:-1]}
    train = np.concatenate([records.pop(name) for name in TRAIN])
    parts = [_images_and_labels(part, size) for part in (train, records["test_batch.bin"])]
    return three_splits(*parts, validation=validation, seed=seed), class_names


def _records(content: bytes, length: int, where: str) -> np.ndarray:
    """Return a file's records, uint8 (n, 3073)."""
    if len(content) == 0 or len(content) % RECORD or len(content) != length:
        raise InputError(
            f"{where}: expected the same whole number of records of {RECORD} bytes as in every file (10,000: "
            f"30,730,000 bytes). Received: {len(content)} bytes, {TRAIN[0]} has {length}. Download it again."
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, RECORD)
    if records[:, 0].max() > 9:
        raise InputError(f"{where}: expected labels 0 to 9. Received: {records[:, 0].max()}.")
    return records


def _images_and_labels(records: np.ndarray, size: int | None) -> tuple[ArrayImages, np.ndarray]:
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return ArrayImages(pixels, size=size), records[:, 0].astype(np.int64)


def _wanted(name: str) -> bool:
    """Say whether a file counts: one of this version, or a sign of the other."""
    return name in FILES or name in [known.removesuffix(".bin") for known in TRAIN]


def _from_folder(source: Path) -> dict[str, bytes]:
    for folder in (source, source / "cifar-10-batches-bin", source / "cifar-10-batches-py"):
        found = [path for path in folder.iterdir() if _wanted(path.name) and path.is_file()] if folder.is_dir() else []
        if found:
            return {path.name: _read(path) for path in found if path.suffix in (".bin", ".txt")} | {
                path.name: b"" for path in found if not path.suffix
            }
    return {}


def _read(path: Path) -> bytes:
    if path.stat().st_size > LIMIT:
        raise InputError(f"{path}: expected about 30 MB. Received: {path.stat().st_size} bytes.")
    return path.read_bytes()


def _from_archive(source: Path) -> dict[str, bytes]:
    """Read the archive's known files by name, nothing written to disk; links and other files are passed over."""
    found: dict[str, bytes] = {}
    try:
        with (
            gzip.open(source) as stream,
            tarfile.open(fileobj=_Limited(stream, source), mode="r|") as archive,  # type: ignore[call-overload]
        ):
            for member in archive:
                name = member.name.rpartition("/")[2]
                if member.isreg() and _wanted(name):
                    found[name] = archive.extractfile(member).read() if name in FILES else b""
    except InputError:
        raise
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, OverflowError) as error:
        raise InputError(f"{source}: expected a whole .tar.gz archive. Received: {error}") from error
    return found


class _Limited:
    """A stream that refuses to give more than an honest archive holds."""

    def __init__(self, stream: gzip.GzipFile, source: Path) -> None:
        self._stream, self._source, self._left = stream, source, LIMIT

    def read(self, count: int) -> bytes:  # all that tarfile asks a stream for
        data = self._stream.read(min(count, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise InputError(f"{self._source}: expected at most {LIMIT >> 20} MiB unpacked. Received: more.")
        return data
