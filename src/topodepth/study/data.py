"""Data that a command names: a file, a folder or a registered data set, as the pipeline reads them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from topodepth import datasets
from topodepth.errors import InputError
from topodepth.files import hdf5
from topodepth.files.kinds import kind_of

BY_ENDING = {".npz": "npz", ".h5": "hdf5", ".hdf5": "hdf5"}
SHARES = {"validation": 0.15, "test": 0.15, "seed": 0}  # as in the configuration


@contextmanager
def opened(source: str, size: int | None = None) -> Iterator[datasets.DataSet]:
    """Yield a data set: one that the pipeline prepared, or one made here from what the source holds.

    Parameters
    ----------
    source
        A data set file of the pipeline; an .npz or HDF5 file with ``x_train``, ``y_train``, ``x_test``, ``y_test`` or
        ``images``, ``labels``; a folder of images by class; the name of a data set that needs no file (``digits``);
        or ``loader:path``.
    size
        Images are resized to size × size; None keeps theirs.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if _is_prepared(source):
        if size is not None:
            raise InputError(f"{source}: a prepared data set has its size. Received: size {size}.")
        with hdf5.open_h5(source) as file:
            yield datasets.DataSet(file)
        return
    loader, path = _loader(source)
    splits, names = datasets.load(loader, path, {"size": size, **SHARES})
    with tempfile.TemporaryDirectory(prefix="topodepth-") as folder:
        prepared = Path(folder, "data.h5")
        datasets.write_dataset(prepared, splits, names, {"loader": loader})
        with hdf5.open_h5(prepared) as file:
            yield datasets.DataSet(file)


def _is_prepared(source: str) -> bool:
    path = Path(source)
    if path.suffix not in (".h5", ".hdf5") or not path.is_file():
        return False
    with hdf5.open_h5(path) as file:
        return "class_names" in file.attrs and "statistics" in hdf5.names_in(f"{path}:", file)


def _loader(source: str) -> tuple[str, str | None]:
    """Return the registered loader of a source, and the path it reads."""
    path = Path(source)
    if path.is_dir():
        return "images_folder", source
    if path.suffix in BY_ENDING:
        return BY_ENDING[path.suffix], source
    loader, _, rest = source.partition(":")
    if loader in datasets.registry.names():
        return loader, rest or None
    known = ", ".join(datasets.registry.names())
    raise InputError(
        f"{source}: expected data in an .npz or HDF5 file or a folder of images by class, or loader:path with one of "
        f"{known}. Received: {kind_of(path)}."
    )
