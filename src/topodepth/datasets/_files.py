"""Image files of many sizes in folders, decoded one block at a time; nothing outside the folder is read."""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.datasets import Form
from topodepth.datasets._images import Items
from topodepth.datasets._splits import Splits
from topodepth.errors import InputError
from topodepth.files.reading import reason_of

if TYPE_CHECKING:
    import PIL.Image

ENDINGS = (".png", ".jpg", ".jpeg")
log = logging.getLogger("topodepth")


class UnreadableError(Exception):
    """An image file that cannot be read; the message says in a few words why."""


class Unreadable:
    """The files of one data set that cannot be read: an error, or left out if the user said so.

    Parameters
    ----------
    root
        The data set's folder, for error messages.
    total
        Images in it.
    skip
        Leave them out instead of refusing the data set.
    """

    def __init__(self, root: Path, total: int, skip: bool) -> None:
        self.root, self.total, self.skip = root, total, skip
        self.reasons: dict[Path, str] = {}
        self._told = 0

    def finish(self) -> None:
        """Name and count the files noted so far: in the log if they may be left out, else in an InputError."""
        if len(self.reasons) == self._told:
            return
        self._told = len(self.reasons)
        shown = [f"{str(path.relative_to(self.root))!r} ({why})" for path, why in [*self.reasons.items()][:3]]
        more = f" and {self._told - 3} more" if self._told > 3 else ""
        text = f"{self._told} of {self.total} unreadable: {', '.join(shown)}{more}"
        if not self.skip:
            raise InputError(
                f"{self.root}: expected whole PNG or JPEG images, or skip_unreadable: true to leave others out. "
                f"Received: {text}."
            )
        log.warning("%s: %s; left out", self.root, text)


class FileImages(Items):
    """Image files, decoded when sliced.

    Parameters
    ----------
    paths
        (n,) files.
    shape
        Height, width and channels (1 or 3) that every image is brought to.
    unreadable
        Notes files that fail; shared by all splits of a data set.
    positions
        (n,) index of each file in its folder's order; 0, 1, … if None.
    """

    def __init__(
        self,
        paths: list[Path],
        shape: tuple[int, ...],
        unreadable: Unreadable,
        positions: np.ndarray | None = None,
    ) -> None:
        self.paths, self.unreadable = paths, unreadable
        self.shape = (len(paths), *shape)
        self.positions = np.arange(len(paths)) if positions is None else positions

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the images of some rows; one that cannot be read raises :class:`InputError`."""
        made = np.empty((len(rows), *self.shape[1:]), dtype=np.uint8)
        for k, row in enumerate(rows):
            try:
                made[k] = decode(self.paths[row], self.shape[1:])
            except UnreadableError as error:
                raise InputError(f"{self.paths[row]}: expected an image. Received: {error}.") from error
        return made

    def blocks(self, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows and their images; files that cannot be read are noted and left out."""
        for start in range(0, len(self), count):
            kept, images = [], []
            for row in range(start, min(start + count, len(self))):
                try:
                    images.append(decode(self.paths[row], self.shape[1:]))
                    kept.append(row)
                except UnreadableError as error:
                    self.unreadable.reasons[self.paths[row]] = str(error)
            if kept:
                yield np.array(kept), np.stack(images)

    def subset(self, rows: np.ndarray) -> "FileImages":
        """Return some of the files, still unread."""
        return FileImages([self.paths[row] for row in rows], self.shape[1:], self.unreadable, self.positions[rows])

    def finish(self) -> None:
        """Refuse the data set, or log, if files could not be read."""
        self.unreadable.finish()


def open_image(path: Path) -> "PIL.Image.Image":
    """Open a PNG or JPEG file and read its header only.

    Raises
    ------
    UnreadableError
        If it is none, or of too many pixels (Pillow's limit).
    """
    from PIL import Image

    if path.stat().st_size == 0:
        raise UnreadableError("empty file")
    with warnings.catch_warnings(), _of_pillow():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(path, formats=("PNG", "JPEG"))


def decode(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Return an image file as uint8 of a given shape (height, width, channels).

    Transparent pixels are shown on white, 16-bit grey is brought to 8 bits, a palette to its colours; then one
    channel is the luma, three are red, green and blue.

    Raises
    ------
    UnreadableError
        If the file is damaged, or no such image.
    """
    from PIL import Image

    height, width, channels = shape
    with open_image(path) as image:
        with _of_pillow():
            image.load()
        if image.mode.startswith("I"):  # 16 bits: Pillow's own conversion would clip at 255
            made = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        elif image.has_transparency_data:
            over = image.convert("RGBA")
            made = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
        else:
            made = image
        made = made.convert("L" if channels == 1 else "RGB")
    if made.size != (width, height):
        made = made.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(made).reshape(shape)


@contextlib.contextmanager
def _of_pillow() -> Iterator[None]:
    """Say in a few words why Pillow cannot read an image; around its calls only, as these may raise anything."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except UnidentifiedImageError as error:
        raise UnreadableError("no PNG or JPEG image") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UnreadableError(f"more than {Image.MAX_IMAGE_PIXELS} pixels") from error
    except MemoryError:
        raise
    except Exception as error:
        raise UnreadableError(reason_of(error)) from error


def open_files(
    root: Path,
    splits: Mapping[str, tuple[list[Path], np.ndarray]],
    *,
    size: int | None,
    channels: int,
    skip_unreadable: bool,
) -> Splits:
    """Look at the headers of all files and return them as images that are decoded later.

    Parameters
    ----------
    root
        The data set's folder.
    splits
        Files and their labels (n,) of each split.
    size
        Resize to ``size`` × ``size``; None keeps the size that all files then must share.
    channels
        1 (grey) or 3 (colour).
    skip_unreadable
        Leave out files that cannot be read; else they are named, counted and refused.

    Raises
    ------
    InputError
        If files cannot be read, or differ in size while ``size`` is None, or an option is out of its range.
    """
    if channels not in (1, 3) or isinstance(channels, bool):
        raise InputError(f"channels: expected 1 (grey) or 3 (colour). Received: {channels!r}.")
    if not isinstance(skip_unreadable, bool):
        raise InputError(f"skip_unreadable: expected true or false. Received: {skip_unreadable!r}.")
    unreadable = Unreadable(root, sum(len(paths) for paths, _ in splits.values()), skip_unreadable)
    sizes: dict[tuple[int, int], Path] = {}
    for path in (path for paths, _ in splits.values() for path in paths):
        try:
            with open_image(path) as image:
                sizes.setdefault((image.height, image.width), path)
        except UnreadableError as error:
            unreadable.reasons[path] = str(error)
    unreadable.finish()
    if size is None and len(sizes) > 1:
        (one, first), (other, second) = list(sizes.items())[:2]
        raise InputError(
            f"{root}: expected images of one size, or `size:` in the data set's entry to bring them to one. Received: "
            f"{str(first.relative_to(root))!r} of {one[1]}×{one[0]} and {str(second.relative_to(root))!r} of "
            f"{other[1]}×{other[0]} pixels."
        )
    shape = (size, size) if size is not None else next(iter(sizes), (1, 1))
    made: Splits = {}
    for split, (paths, labels) in splits.items():
        rows = np.array([k for k, path in enumerate(paths) if path not in unreadable.reasons], dtype=np.int64)
        made[split] = FileImages(paths, (*shape, channels), unreadable).subset(rows), labels[rows]
    return made


def file_form(root: Path, settings: Mapping[str, Any]) -> Form | None:
    """Return what the images of a folder will be: of the size asked for, or of that of the first one that is met."""
    size, channels = settings.get("size"), settings.get("channels", 3)
    if size:
        return Form("images", (size, size, channels))
    for base, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(ENDINGS) and not name.startswith(".") and Path(base, name).is_file():
                # what is wrong with a damaged one, the job says
                with contextlib.suppress(UnreadableError), open_image(Path(base, name)) as image:
                    return Form("images", (image.height, image.width, channels))
    return None


def subfolders(folder: Path, root: Path) -> dict[str, Path]:
    """Return the folders in a folder by name, sorted, hidden ones left out.

    Raises
    ------
    InputError
        If one is a link.
    """
    found = {path.name: path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")}
    for path in found.values():
        _refuse_link(path, root)
    return found


def labelled(classes: Mapping[str, Path], names: list[str], root: Path) -> tuple[list[Path], np.ndarray]:
    """Return all image files of the folders of classes, at any depth, in the order of their names, and their labels.

    Raises
    ------
    InputError
        If a class has no images, or a link leads out of ``root`` or to a folder.
    """
    paths, labels = [], []
    for name, folder in classes.items():
        found = _find(folder, root)
        if not found:
            raise InputError(
                f"{folder}: expected {', '.join(ENDINGS)} images of class {name!r}. Received: {_others(folder)}."
            )
        paths += found
        labels += [names.index(name)] * len(found)
    return paths, np.array(labels, dtype=np.int64)


def _others(folder: Path) -> str:
    """Say what a folder holds in place of images."""
    endings = sorted({path.suffix for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")})
    return f"files that end in {', '.join(map(repr, endings[:5]))}, convert them" if endings else "none"


def _find(folder: Path, root: Path) -> list[Path]:
    """Return the image files below a folder, sorted; hidden files and folders do not count."""
    found = []
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files = [name for name in names if not name.startswith(".") and name.lower().endswith(ENDINGS)]
        for name in (*folders, *files):
            _refuse_link(Path(base, name), root)
        found += [Path(base, name) for name in files if Path(base, name).is_file()]  # a named pipe would block
    return sorted(found, key=Path.as_posix)


def _refuse_link(path: Path, root: Path) -> None:
    if path.is_symlink() and (path.is_dir() or not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))):
        raise InputError(
            f"{path}: expected files and folders inside {root}. Received: a link out of it or to a folder, "
            "which is not followed. Copy what it leads to."
        )
