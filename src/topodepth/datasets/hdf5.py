"""Any HDF5 file with data sets ``x_train, y_train, x_test, y_test`` or ``images, labels``, read in parts."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from topodepth.datasets import Form, register
from topodepth.datasets._keyed import Keyed, form_of, not_a, splits_of
from topodepth.files import hdf5
from topodepth.files.reading import of_file

if TYPE_CHECKING:
    import h5py

SOON = 2**29  # bytes: before the library sees a file, all of it is searched for damaged heaps


def _form(source: Path, settings: Mapping[str, object]) -> Form | None:
    """Return what one item of the file will be, from the arrays' headers; None if opening it safely takes long."""
    if source.is_file() and source.stat().st_size > SOON:
        return None
    with _opened(source) as file:
        known = _names(source, file)
        keyed = Keyed(source, known, lambda key: hdf5.own_dataset(f"{source}/{key}:", file, key))
        return form_of(keyed, settings)


@register("hdf5", source="an HDF5 file with x_train, y_train, x_test, y_test, or images, labels", shape=_form)
def load(
    source: Path,
    *,
    size: int | None = None,
    validation: float = 0.1,
    test: float = 0.15,
    seed: int = 0,
    keys: dict[str, str] | None = None,
    kind: str | None = None,
) -> tuple[dict, list[str]]:
    """Return the images, or other arrays, of an HDF5 file, which stay on disk until they are sliced.

    Parameters
    ----------
    source
        The file, with arrays as :func:`topodepth.datasets.npz.load` describes them, at any depth of groups.
    size, validation, test, seed, kind
        As for :func:`topodepth.datasets.npz.load`.
    keys
        The file's own names where they differ: ``{"x_train": "train/images"}``.

    Raises
    ------
    InputError
        If the file is broken, keys are missing (those there are listed), arrays do not fit together, or a key is a
        link or keeps its values in another file.
    """
    source = Path(source)
    file = _opened(source)
    known = _names(source, file)

    def get(key: str) -> hdf5.StoredArray:
        return hdf5.own_dataset(f"{source}/{key}:", file, key)

    keyed = Keyed(source, known, get, owner=file)
    return splits_of(keyed, size=size, validation=validation, test=test, seed=seed, keys=keys, kind=kind)


def _opened(source: Path) -> "h5py.File":
    """Open the file, without a lock."""
    import h5py

    if source.is_file():
        hdf5.check_heaps(source)
    try:
        return h5py.File(source, "r", locking=False)
    except Exception as error:  # a hostile file may raise anything
        raise not_a("an HDF5 file", source, error) from error


def _names(source: Path, file: "h5py.File") -> list[str]:
    """Return the names of all data sets and links, sorted; no link is followed."""
    import h5py

    found: list[str] = []
    pending, seen = [("", file)], set()
    while pending:
        prefix, group = pending.pop()
        for name in hdf5.names_in(f"{source}/{prefix}:", group):
            path = f"{prefix}{name}"
            where = f"{source}/{path}:"
            item = None if hdf5.outside(where, group, name) else of_file(where, group.__getitem__, name)
            if item is None or isinstance(item, h5py.Dataset):
                found.append(path)
            elif isinstance(item, h5py.Group) and hash(item.id) not in seen:  # hard links can form a ring
                seen.add(hash(item.id))
                pending.append((f"{path}/", item))
    return sorted(found)
