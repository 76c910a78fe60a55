"""Any HDF5 file with data sets ``x_train, y_train, x_test, y_test`` or ``images, labels``, read in parts."""

from collections.abc import Mapping
from pathlib import Path

from topodepth.datasets import Form, register
from topodepth.datasets._keyed import form_of, not_a, splits_of
from topodepth.files import storage

SOON = 2**29  # bytes: before the library sees a file, all of it is searched for damaged heaps


def _form(source: Path, settings: Mapping[str, object]) -> Form | None:
    """Return what one item of the file will be, from the arrays' headers; None if opening it safely takes long."""
    if source.is_file() and source.stat().st_size > SOON:
        return None
    with _opened(source) as file, storage.reading(source, "a whole HDF5 file"):
        return form_of(source, _names(file), lambda key: storage.h5_dataset(f"{source}/{key}:", file, key), settings)


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
    size
        Resize images to ``size`` × ``size``; None keeps the source's size.
    validation, test
        Fractions of each class, where the file has no such split.
    seed
        Seed of the split.
    keys
        The file's own names where they differ: ``{"x_train": "train/images"}``.
    kind
        As for :func:`topodepth.datasets.npz.load`.

    Raises
    ------
    InputError
        If the file is broken, keys are missing (those there are listed), arrays do not fit together, or a key is a
        link or keeps its values in another file.
    """
    source = Path(source)
    file = _opened(source)
    with storage.reading(source, "a whole HDF5 file"):
        known = _names(file)

    def get(key: str) -> "h5py.Dataset":  # noqa: F821
        return storage.h5_dataset(f"{source}/{key}:", file, key)

    with storage.reading(source, "a whole HDF5 file"):
        return splits_of(
            source, known, get, size=size, validation=validation, test=test, seed=seed, keys=keys, kind=kind, owner=file
        )  # fmt: skip


def _opened(source: Path) -> "h5py.File":  # noqa: F821
    """Open the file, without a lock."""
    import h5py

    with storage.reading(source, "a whole HDF5 file"):
        try:
            storage.check_heaps(source)
            return h5py.File(source, "r", locking=False)
        except OSError as error:
            raise not_a("an HDF5 file", source, error) from error


def _names(file: "h5py.File") -> list[str]:  # noqa: F821
    """Return the names of all data sets and links, sorted; no link is followed."""
    import h5py

    found: list[str] = []
    pending, seen = [("", file)], set()
    while pending:
        prefix, group = pending.pop()
        for name in group:
            path = f"{prefix}{name}"
            if storage.outside(group, name) or isinstance(group[name], h5py.Dataset):
                found.append(path)
            elif isinstance(group[name], h5py.Group) and hash(group[name].id) not in seen:  # hard links can form a ring
                seen.add(hash(group[name].id))
                pending.append((f"{path}/", group[name]))
    return sorted(found)
