"""Archives from strangers: unpacked whole or not at all, within their folder and within limits."""

import bz2
import fcntl
import glob
import gzip
import lzma
import os
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

from topodepth.errors import InputError
from topodepth.files.kinds import kind_of

ARCHIVES = "zip, tar, tar.gz, tar.bz2 or tar.xz"
CHUNK = 1 << 20  # bytes read at once
HEADER = 16 << 20  # bytes; a longer tar header is no name but an attempt to fill the memory
SLACK = 64 << 20  # bytes; below this no ratio is suspicious
Answer = TypeVar("Answer")
OPENERS: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}


def unpack(
    archive: str | Path,
    folder: str | Path,
    *,
    max_bytes: int = 20 << 30,
    max_files: int = 1_000_000,
    max_ratio: float = 200,
) -> None:
    """Unpack a zip or tar (plain, gzip, bzip2 or xz) into a new folder, which appears only when it is whole.

    What the archive says about itself is not believed: the bytes that really come out are counted. Permissions,
    owners and times of the archive are not taken over. Links to files or folders within the archive are kept.

    Parameters
    ----------
    archive
        The file; its kind is told from its content, not from its name.
    folder
        Must not exist yet, or be empty.
    max_bytes
        Most bytes that may come out.
    max_files
        Most files, folders and links together.
    max_ratio
        Most bytes out for a byte in, asked once 64 MiB have come out.

    Raises
    ------
    InputError
        If the archive is missing, truncated, encrypted or of another kind; if a member has an absolute path or ``..``,
        is a link leading out, a device, or a second one of its name with another content; if a limit is passed, or the
        disk is full. The message names the member.
    """
    archive, folder = Path(archive), Path(folder)
    if not archive.is_file():
        raise InputError(f"{archive}: {kind_of(archive)}, expected an archive ({ARCHIVES}).")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        if folder.is_symlink() or (folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))):
            raise InputError(f"{folder}: already there, expected a new folder. Move it away and run again.")
        for left in folder.parent.glob(f".{glob.escape(folder.name)}.*.unpacking"):  # by a job that was killed
            shutil.rmtree(left, ignore_errors=True)
        # a name nobody can foresee: a link cannot aim at it
        root = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".unpacking", dir=folder.parent))
        try:
            limit = min(max_bytes, max(int(max_ratio * archive.stat().st_size), SLACK))
            unpacking = _Unpacking(archive, root, limit, max_files)
            try:
                (_unzip if zipfile.is_zipfile(archive) else _untar)(archive, unpacking)
            except OSError as error:
                raise unpacking.refusal(f"cannot be unpacked: {error.strerror}.") from error
            unpacking.make_links()
            os.chmod(root, 0o777 & ~_umask())
            os.replace(root, folder)
        finally:
            shutil.rmtree(root, ignore_errors=True)


@contextmanager
def alone(path: str | Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock named after ``path`` while the block runs; a killed holder's lock is free at once.

    Raises
    ------
    InputError
        If another process holds it, unless ``wait``.
    """
    path = Path(path)
    guard = path.with_name(f".{path.name}.guard")
    while True:
        handle = os.open(guard, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            os.close(handle)
            raise InputError(f"{path}: another process is making it. Wait until it has ended and run again.") from error
        except OSError:
            break  # a network disk without locks; Snakemake's own lock keeps other runs away
        if os.fstat(handle).st_nlink:  # else the holder before us removed it, and others lock its successor
            break
        os.close(handle)
    try:
        yield
    finally:
        guard.unlink(missing_ok=True)
        os.close(handle)


def printable(text: object, length: int = 200) -> str:
    """Return a stranger's text as one short printable line; it could otherwise rewrite the terminal."""
    text = " ".join(str(text).split())
    text = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text[: 4 * length])
    return text if len(text) <= length else text[: length - 1] + "…"


class _Unpacking:
    """A folder being filled: where members may go, and how much has come out."""

    def __init__(self, archive: Path, root: Path, max_bytes: int, max_files: int) -> None:
        self.archive, self.root, self.max_bytes, self.max_files = archive, root, max_bytes, max_files
        self.bytes = 0
        self.made: set[Path] = set()
        self.links: dict[Path, str] = {}
        self.member = ""

    def refusal(self, reason: str) -> InputError:
        member = f"member '{printable(self.member)}': " if self.member else ""
        return InputError(f"{self.archive}: {member}{printable(reason, 400)}")

    def of_archive(self, call: Callable[..., Answer], *arguments: object) -> Answer:
        """Return what one call returns that reads the archive; whatever it raises but for want of memory is refused."""
        try:
            return call(*arguments)
        except (InputError, MemoryError):
            raise
        except Exception as error:
            if getattr(error, "errno", None) is not None:  # the disk's; those of compressors carry no number
                raise
            raise self.refusal(
                f"not a complete, readable archive, expected {ARCHIVES}. Received: {kind_of(self.archive)}, {error}"
            ) from error

    def path(self, name: str) -> Path:
        """Return where a member goes, below the root; its folders are made."""
        self.member = name
        name = name.replace("\\", "/")  # some programs on Windows write the one for the other
        if name.startswith("/") or "\0" in name or re.match(r"[A-Za-z]:", name):
            raise self.refusal("not a relative path, refused.")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise self.refusal("leads out of the folder ('..'), refused.")
        path = self.root
        for part in parts[:-1]:
            path /= part
            self.folder(path)
        return path / parts[-1] if parts else path

    def folder(self, path: Path) -> None:
        if path in self.made or path == self.root:
            if path in self.links or (path != self.root and not path.is_dir()):
                raise self.refusal("goes through a file or link of the archive, refused.")
            return
        self._count(path)
        path.mkdir()

    def file(self, path: Path, source: IO[bytes], size: int) -> None:
        """Write one file from ``source``; a second one of the same name must be the same, byte for byte."""
        if size > self.max_bytes - self.bytes:
            raise self._too_much()
        if path == self.root or path in self.links or path.is_dir():
            raise self.refusal("is a file here and something else elsewhere in the archive, refused.")
        again = path.exists()
        if not again:
            self._count(path)
        with path.open("rb" if again else "xb") as target:
            while block := self.of_archive(source.read, CHUNK):
                self.bytes += len(block)
                if self.bytes > self.max_bytes:
                    raise self._too_much()
                if again and target.read(len(block)) != block:
                    raise self.refusal("occurs twice with different content, refused.")
                if not again:
                    target.write(block)
            if again and target.read(1):
                raise self.refusal("occurs twice with different content, refused.")

    def symbolic_link(self, path: Path, target: str) -> None:
        """Note a link; it is made after all files, so none of them can be written through it."""
        where = os.path.normpath(os.path.join(path.parent.relative_to(self.root), target))
        if not target or "\0" in target or target.startswith("/") or where.split("/")[0] == "..":
            raise self.refusal(f"a link leading out of the folder, to '{printable(target)}', refused.")
        if (
            self.links.get(path, target) != target
            or path == self.root
            or (path in self.made and path not in self.links)
        ):
            raise self.refusal("occurs twice with different content, refused.")
        if path not in self.links:
            self._count(path)
        self.links[path] = target

    def hard_link(self, path: Path, target: Path) -> None:
        """Give a file that came out earlier a second name."""
        if target in self.links or target not in self.made or not target.is_file():
            raise self.refusal("a hard link to no earlier file of the archive, refused.")
        if path in self.made or path == self.root:
            raise self.refusal("occurs twice, once as a hard link, refused.")
        self._count(path)
        os.link(target, path)

    def make_links(self) -> None:
        for path, target in self.links.items():
            path.symlink_to(target)
        root = os.path.realpath(self.root)
        for path, target in self.links.items():  # links through links: only now is it known where they lead
            real = os.path.realpath(path)
            if not os.path.exists(real) or os.path.commonpath([real, root]) != root:
                self.member = str(path.relative_to(self.root))
                raise self.refusal(f"a link to nothing in the folder, '{printable(target)}', refused.")

    def _count(self, path: Path) -> None:
        self.made.add(path)
        if len(self.made) > self.max_files:
            raise self.refusal(f"more than {self.max_files} files, refused.")

    def _too_much(self) -> InputError:
        return self.refusal(
            f"more than {self.max_bytes} bytes come out of an archive of {self.archive.stat().st_size} bytes, refused."
        )


def _unzip(archive: Path, unpacking: _Unpacking) -> None:
    with unpacking.of_archive(zipfile.ZipFile, archive) as file:
        for entry in file.infolist():
            path = unpacking.path(entry.orig_filename)
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if entry.flag_bits & 1:
                raise unpacking.refusal("is encrypted, expected an archive without a password.")
            if entry.is_dir():
                unpacking.folder(path)
            elif kind == stat.S_IFLNK:
                if entry.file_size > 4096:
                    raise unpacking.refusal("a link with a target of over 4096 bytes, refused.")
                with unpacking.of_archive(file.open, entry) as source:
                    unpacking.symbolic_link(path, os.fsdecode(unpacking.of_archive(source.read, 4097)))
            elif kind in (0, stat.S_IFREG):
                with unpacking.of_archive(file.open, entry) as source:
                    unpacking.file(path, source, entry.file_size)
            else:
                raise unpacking.refusal("neither file, folder nor link, refused.")


def _untar(archive: Path, unpacking: _Unpacking) -> None:
    with archive.open("rb") as raw:
        start = raw.read(6)
        raw.seek(0)
        opener = next((opener for magic, opener in OPENERS.items() if start.startswith(magic)), None)
        stream = opener(raw) if opener else raw
        # folders, names and padding come on top of the files' own bytes
        with (
            _Bounded(stream, unpacking) as bounded,
            unpacking.of_archive(partial(tarfile.open, fileobj=bounded, mode="r:")) as file,
        ):
            while (member := unpacking.of_archive(file.next)) is not None:
                # tarfile keeps all it has seen, for searches that are not made here; its types leave that out
                file.members = []  # type: ignore[attr-defined]
                path = unpacking.path(member.name)
                if member.isdir():
                    unpacking.folder(path)
                elif member.issym():
                    unpacking.symbolic_link(path, member.linkname)
                elif member.islnk():
                    name = member.name
                    target = unpacking.path(member.linkname)
                    unpacking.member = name
                    unpacking.hard_link(path, target)
                elif member.isfile():
                    content = file.extractfile(member)
                    assert content is not None  # of a file
                    unpacking.file(path, content, member.size)
                else:
                    raise unpacking.refusal("neither file, folder nor link, refused.")
            unpacking.member = ""
            # tarfile takes a cut between two members for the end; a whole archive ends in zeros
            unpacking.of_archive(bounded.seek, file.offset)
            if unpacking.of_archive(bounded.read, 512) != bytes(512):
                raise unpacking.refusal("not a complete, readable archive: its end is missing.")
            while unpacking.of_archive(bounded.read, CHUNK):  # so that the compressor's own checksum is looked at
                pass


class _Bounded:
    """A stream that will not be read or wound beyond what may come out, nor in pieces that fill the memory."""

    def __init__(self, stream: IO[bytes], unpacking: _Unpacking) -> None:
        self.stream, self.unpacking = stream, unpacking
        self.end = unpacking.max_bytes + 2048 * min(unpacking.max_files, 1 << 16) + HEADER
        self.tell = stream.tell

    def __enter__(self) -> "_Bounded":
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def read(self, size: int) -> bytes:
        if not 0 <= size <= HEADER:
            raise self.unpacking.refusal(f"a header of {size} bytes, refused.")
        data = self.stream.read(size)
        if self.tell() > self.end:
            raise self.unpacking._too_much()
        return data

    def seek(self, position: int) -> int:
        if not 0 <= position <= self.end:
            raise self.unpacking._too_much()
        return self.stream.seek(position)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
