"""Any HDF5 file with data sets ``x_train, y_train, x_test, y_test`` or ``images, labels``, read in parts."""

import os
from pathlib import Path

from topodepth.datasets import register
from topodepth.datasets._keyed import splits_of
from topodepth.errors import InputError


@register("hdf5", source="an HDF5 file with x_train, y_train, x_test, y_test, or images, labels")
def load(
    source: Path,
    *,
    size: int | None = None,
    validation: float = 0.1,
    test: float = 0.15,
    seed: int = 0,
    keys: dict[str, str] | None = None,
) -> tuple[dict, list[str]]:
    """Return the images of an HDF5 file, which stay on disk until they are sliced.

    Parameters
    ----------
    source
        The file, with arrays as :func:`topodepth.datasets.npz.load` describes them, at any depth of groups.
    size
        Resize to ``size`` × ``size``; None keeps the source's size.
    validation, test
        Fractions of each class, where the file has no such split.
    seed
        Seed of the split.
    keys
        The file's own names where they differ: ``{"x_train": "train/images"}``.

    Raises
    ------
    InputError
        If the file is broken, keys are missing (those there are listed), arrays do not fit together, or a key is a
        link or keeps its values in another file.
    """
    import h5py

    source = Path(source)
    try:
        file = h5py.File(source, "r", locking=False)
    except OSError as error:
        raise InputError(f"{source}: expected a whole HDF5 file. Received: {os.path.basename(str(error))}") from error
    try:
        known = _names(file)
    except (RuntimeError, KeyError, OSError) as error:
        raise InputError(f"{source}: expected a whole HDF5 file. Received: {error}") from error

    def get(key: str) -> "h5py.Dataset":
        if known[key] is not None:
            raise InputError(f"{source}/{key}: expected values in this file. Received: {known[key]}, not followed.")
        return file[key]

    return splits_of(
        source, known, get, size=size, validation=validation, test=test, seed=seed, keys=keys, owner=file
    )  # fmt: skip


def _names(file: "h5py.File") -> dict[str, str | None]:  # noqa: F821
    """Return the names of all data sets and links, with what speaks against reading them; no link is followed."""
    import h5py

    found: dict[str, str | None] = {}
    pending, seen = [("", file)], set()
    while pending:
        prefix, group = pending.pop()
        for name in group:
            link, path = group.get(name, getlink=True), f"{prefix}{name}"
            if not isinstance(link, h5py.HardLink):
                found[path] = "a link"
                continue
            item = group[name]
            if isinstance(item, h5py.Dataset):
                outside = item.is_virtual or item.external is not None
                found[path] = "a data set kept in another file" if outside else None
            elif isinstance(item, h5py.Group) and item.id.__hash__() not in seen:  # hard links can form a ring
                seen.add(item.id.__hash__())
                pending.append((f"{path}/", item))
    return dict(sorted(found.items()))
