"""Files from elsewhere: fetched from Google Drive or mirrors, resumed, verified, and never taken for whole before."""

import errno
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from topodepth.errors import InputError, is_whole
from topodepth.files import storage, texts
from topodepth.files.archives import alone, printable, unpack
from topodepth.files.downloads import CHUNK, Part, Source, UnavailableError, download, is_allowed, is_page

__all__ = ["DRIVE_URL", "Asset", "fetch", "unpack"]

log = logging.getLogger("topodepth")
DRIVE_URL = "https://drive.google.com/uc?id={id}"


@dataclass(frozen=True)
class Asset:
    """A file from elsewhere.

    Attributes
    ----------
    name
        Its name in the configuration, for messages and the lock file.
    drive
        Google Drive's id of the file.
    urls
        Mirrors, tried in order after Drive; https, or http on this machine.
    path
        A file that the user put in place: it is checked and copied, and the network is not used.
    sha256
        Expected checksum, 64 hexadecimal digits.
    size
        Expected length in bytes.
    """

    name: str
    drive: str | None = None
    urls: Sequence[str] = ()
    path: str | Path | None = None
    sha256: str | None = None
    size: int | None = None


def fetch(
    asset: Asset,
    *,
    out: str | Path,
    lock: str | Path | None = None,
    retries: int = 4,
    backoff: float = 2.0,
    timeout: float = 60.0,
    drive_url: str = DRIVE_URL,
    progress: Callable[[str], None] = log.info,
) -> None:
    """Bring an asset here: copied from its ``path``, or downloaded from Google Drive or the first mirror that has it.

    A download goes into a hidden part file beside ``out``, is continued there after a cut or a kill, and is renamed to
    ``out`` when its length and checksum agree.

    Parameters
    ----------
    asset
        The file, and where it comes from.
    out
        The file to make.
    lock
        JSON file in which length and checksum of a file without ``sha256`` are recorded when it first comes, and by
        which it is verified ever after.
    retries
        Further attempts at each source after a fault that may pass.
    backoff
        Seconds before the first of them; each next one waits twice as long, at most a minute.
    timeout
        Seconds without a byte after which a connection counts as cut.
    drive_url
        Address of a Drive file, with ``{id}``.
    progress
        Receives lines on how far the download is.

    Raises
    ------
    InputError
        If no source gave the right file; one line says why each did not, and how to put the file in place by hand.
    """
    out, title = Path(out), printable(asset.name)
    name, path = asset.name, asset.path
    wanted = _Wanted.of(name, asset.sha256, asset.size, None if lock is None else Path(lock))
    if path is not None:
        if not isinstance(path, str | Path) or not str(path):
            raise InputError(f"assets/{title}/path: expected a file's path. Received: {path!r}.")
        with _room(wanted, out), storage.atomic_path(out) as copied:
            wanted.copy(Path(path).expanduser(), copied)
        return
    sources = _sources(wanted, asset.drive, asset.urls, drive_url)
    with _room(wanted, out), alone(out):
        if out.is_file() and wanted.sha256 is not None and not wanted.difference(out):
            progress(f"{name}: {out} is already there and right")
            return
        reasons = []
        for source in sources:
            part = Part(out, source, wanted.size, verified=wanted.sha256 is not None)
            resumed = part.length > 0
            try:
                try:
                    download(part, title, retries=retries, backoff=backoff, timeout=timeout, progress=progress)
                    _publish(wanted, part, progress)
                except _WrongFileError as error:
                    if not resumed:
                        raise
                    progress(f"{title}: {error} Once more from the start")  # the older part may have spoilt it
                    download(part, title, retries=retries, backoff=backoff, timeout=timeout, progress=progress)
                    _publish(wanted, part, progress)
                return
            except UnavailableError as error:
                reasons.append(f"{source.label}: {error}")
                progress(f"{title}: {reasons[-1]}")
    raise InputError(f"assets/{title}: could not be fetched. {' '.join(reasons)} {wanted.by_hand}")


class _WrongFileError(UnavailableError):
    """A whole file, but not the one that was expected."""


@dataclass(frozen=True)
class _Wanted:
    """What is known of a file beforehand; ``sha256`` may be the configuration's or the lock file's."""

    name: str
    sha256: str | None
    size: int | None
    lock: Path | None
    by: str

    @classmethod
    def of(cls, name: str, sha256: str | None, size: int | None, lock: Path | None) -> "_Wanted":
        where = f"assets/{printable(name)}"
        if sha256 is not None and not (isinstance(sha256, str) and re.fullmatch(r"[0-9a-fA-F]{64}", sha256)):
            raise InputError(f"{where}/sha256: expected 64 hexadecimal digits. Received: {sha256!r}.")
        if size is not None and not is_whole(size, 1):
            raise InputError(f"{where}/size: expected a number of bytes. Received: {size!r}.")
        if sha256 is not None:
            return cls(name, sha256.lower(), size, None, "the configuration")
        if lock is None or (known := _read_lock(lock).get(name)) is None:
            return cls(name, None, size, lock, "")
        if size is not None and size != known["size"]:
            raise InputError(
                f"{where}/size: {lock} has {known['size']} bytes. Received: {size}. {cls._accept(name, lock)}"
            )
        return cls(name, known["sha256"], known["size"], lock, str(lock))

    @staticmethod
    def _accept(name: str, lock: Path) -> str:
        return f"To accept the new file, remove the entry '{printable(name)}' from {lock} and run again."

    @property
    def by_hand(self) -> str:
        return (
            "Or download the file in a browser, put it on this machine, and say where it is: "
            f"assets: {{{printable(self.name)}: {{path: /where/you/put/it}}}}"
        )

    def difference(self, path: Path) -> str:
        """Return how a file differs from what is known, nothing if it does not."""
        length = path.stat().st_size
        by = f" by {self.by}" if self.by else ""
        if self.size is not None and length != self.size:
            reason = f"wrong size, expected {self.size} bytes{by}. Received: {length} bytes."
        elif self.sha256 is not None and (digest := storage.sha256(path)) != self.sha256:
            reason = f"wrong checksum, expected sha256 {self.sha256}{by}. Received: {digest}."
        else:
            return ""
        return f"{reason} {self._accept(self.name, self.lock)}" if self.by and self.lock is not None else reason

    def remember(self, path: Path, source: str) -> None:
        """Record a file that came for the first time; one that came meanwhile through another job must be the same."""
        if self.lock is None or self.sha256 is not None:
            return
        entry = {"sha256": storage.sha256(path), "size": path.stat().st_size, "source": source}
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        with alone(self.lock, wait=True):
            entries = _read_lock(self.lock)
            known = entries.setdefault(self.name, entry)
            if known is entry:
                texts.write_json(self.lock, entries)
            elif known["sha256"] != entry["sha256"]:
                raise _WrongFileError(
                    f"wrong checksum, expected sha256 {known['sha256']} by {self.lock}. Received: {entry['sha256']}. "
                    + self._accept(self.name, self.lock)
                )

    def copy(self, given: Path, part: Path) -> None:
        """Copy a file that the user put in place; what is checked is the copy."""
        where = f"assets/{printable(self.name)}/path"
        if not given.is_file():
            kind = "a folder" if given.is_dir() else "no file of that name"
            raise InputError(f"{where}: expected a file at {given}. Received: {kind}.")
        try:
            shutil.copyfile(given, part)
        except PermissionError as error:
            raise InputError(f"{where}: {given} cannot be read. Received: {error.strerror}.") from error
        with part.open("rb") as handle:
            page = is_page("", handle.read(CHUNK))
        reason = "a web page, expected the file itself." if page else self.difference(part)
        if not reason and part.stat().st_size == 0:
            reason = "empty, expected a complete file."
        if not reason:
            try:
                self.remember(part, "put in place by hand")
            except _WrongFileError as error:
                reason = str(error)
        if reason:
            raise InputError(f"{where}: {given}: {reason}")


def _sources(wanted: _Wanted, drive: str | None, urls: Sequence[str], drive_url: str) -> list[Source]:
    where = f"assets/{printable(wanted.name)}"
    if not isinstance(urls, list | tuple):
        raise InputError(f"{where}/urls: expected a list of addresses. Received: {urls!r}.")
    sources = []
    if drive is not None:
        if not (isinstance(drive, str) and re.fullmatch(r"[A-Za-z0-9_-]{10,}", drive)):
            raise InputError(
                f"{where}/drive: expected Google Drive's id of a file, not its address. Received: {drive!r}."
            )
        sources.append(Source(drive_url.format(id=drive), drive))
    for url in urls:
        if not isinstance(url, str) or not is_allowed(url):
            received = f"'{printable(url)}'"
            raise InputError(f"{where}/urls: expected https://… (http only on this machine). Received: {received}.")
        sources.append(Source(url))
    if not sources:
        raise InputError(f"{where}: no source, expected drive, urls or path. Received: none. {wanted.by_hand}")
    return sources


@contextmanager
def _room(wanted: _Wanted, out: Path) -> Iterator[None]:
    """Say in one line that the disk is full or ``out`` cannot be written."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EFBIG, errno.ENOTDIR):
            raise
        raise InputError(
            f"assets/{printable(wanted.name)}: {out} cannot be written: {error.strerror}. "
            "Make room (or the folder writable) and run again; a download goes on where it stopped."
        ) from error


def _publish(wanted: _Wanted, part: Part, progress: Callable[[str], None]) -> None:
    """Verify a whole part file and rename it; a wrong one is removed."""
    length = part.length
    try:
        if reason := wanted.difference(part.path):
            raise _WrongFileError(reason)
        wanted.remember(part.path, part.source.label)
    except _WrongFileError:
        part.discard()
        raise
    with part.path.open("rb") as handle:
        os.fsync(handle.fileno())
    os.replace(part.path, part.out)
    part.discard()
    progress(f"{wanted.name}: {part.out}, {length} bytes")


def _read_lock(path: Path) -> dict[str, dict]:
    """Read the lock file; none yet is an empty one."""
    if not path.exists():
        return {}
    entries = texts.read_json(path)
    for name, entry in entries.items() if isinstance(entries, dict) else [("", None)]:
        known = entry if isinstance(entry, dict) else {}
        if not isinstance(known.get("size"), int) or not re.fullmatch(r"[0-9a-f]{64}", str(known.get("sha256"))):
            received = printable(entry)
            raise InputError(f"{path}: '{printable(name)}': expected {{sha256, size, source}}. Received: {received}")
    return entries
