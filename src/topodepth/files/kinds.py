"""What a file is, told from its first bytes, for messages about a file that is not what was expected."""

from pathlib import Path

KINDS = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array (.npy)",
    b"PK\x03\x04": "a zip archive (.npz, .keras and .pt are)",
    b"PK\x05\x06": "an empty zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"MATLAB": "a MATLAB file",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
    b"\x80\x02": "a pickle",
    b"\x80\x03": "a pickle",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
}


def kind_of(path: str | Path) -> str:
    """Return in a few words what a path leads to: ``"a NumPy array (.npy)"``, ``"a folder"``, ``"an empty file"``."""
    path = Path(path)
    if path.is_dir():
        return "a folder"
    if not path.exists():
        return "no such file"
    with path.open("rb") as handle:
        head = handle.read(12)
    if not head:
        return "an empty file"
    found = next((kind for start, kind in KINDS.items() if head.startswith(start)), None)
    return found or f"a file that begins with {head!r}"
