"""Which images are measured: drawn at random, the first ones of a split, or those that a file lists."""

from pathlib import Path

import numpy as np

from topodepth.datasets import DataSet, draw_sample
from topodepth.errors import InputError

LARGEST = 2**31  # a position beyond it is a mistake, and a number of a million digits would take its time


def choose(
    dataset: DataSet,
    split: str,
    *,
    images: int | None = None,
    seed: int = 0,
    indices: str = "random",
    positions: str | Path | None = None,
) -> np.ndarray:
    """Return the rows of a split that are measured, (n,) int64.

    Parameters
    ----------
    dataset
        An open data set file.
    split
        ``train``, ``validation``, ``test`` or ``train+validation``.
    images
        How many; None, or more than there are, takes all.
    seed
        Seed of a random draw.
    indices
        ``random`` draws from the split, ``first`` takes the first ones in the source's own order, ``file`` those that
        ``positions`` lists, in the order of that file.
    positions
        A file of positions, see :func:`read_positions`.

    Raises
    ------
    InputError
        If a class is missing from a random sample, or the file is unreadable or lists what the split has not.
    """
    if indices == "random":
        return draw_sample(dataset.labels(split), images, seed)
    own = dataset.positions(split)
    order = np.argsort(own, kind="stable")
    if indices == "first":
        return order[:images]
    if indices != "file" or positions is None:
        raise InputError(f"sample: indices expected as random, first or file. Received: {indices!r}.")
    lines = read_positions(positions)
    wanted, there = np.array(list(lines)), own[order]
    places = np.minimum(np.searchsorted(there, wanted), len(there) - 1)
    absent = wanted[there[places] != wanted]
    if len(absent):
        raise InputError(
            f"{positions}, line {lines[absent[0]]}: expected a position of split {split!r} in the source's own order, "
            f"which has {len(there)} images from {there[0]} to {there[-1]}. Received: {absent[0]}. {_hint(split)}"
        )
    return order[places][:images]


def _hint(split: str) -> str:
    return "`split: train+validation` has all training images." if split in ("train", "validation") else ""


def read_positions(path: str | Path) -> dict[int, int]:
    """Return the positions that a file lists, and the line of each, in the order of the file.

    The file is plain text with one whole number on a line, counted from 0, as ``numpy.savetxt(path, rows, fmt="%d")``
    writes it; empty lines and lines that begin with ``#`` are skipped.

    Raises
    ------
    InputError
        If the file is missing, empty or no text, or a line is no whole number or repeats an earlier one; the message
        names the line.
    """
    path = Path(path)
    found: dict[int, int] = {}
    try:
        with path.open(encoding="utf-8") as handle:
            for number, line in enumerate(handle, 1):
                text = line.strip()
                if text and not text.startswith("#"):
                    position = _position(f"{path}, line {number}", text)
                    if position in found:
                        received = f"{position} again, as on line {found[position]}"
                        raise InputError(f"{path}, line {number}: expected every position once. Received: {received}.")
                    found[position] = number
    except FileNotFoundError as error:
        raise InputError(f"{path}: expected a file of positions. Received: no such file.") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text"
        raise InputError(f"{path}: expected a text file with one position on a line. Received: {reason}.") from error
    if not found:
        raise InputError(f"{path}: expected at least one position. Received: none.")
    return found


def _position(where: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 11 and int(text) < LARGEST):
        raise InputError(f"{where}: expected a position, a whole number from 0. Received: {text[:40]!r}.")
    return int(text)
