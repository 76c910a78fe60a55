"""Which loaders there are, what each will make of a source, and the loading itself."""

import hashlib
import inspect
import os
from collections.abc import Iterable, Mapping
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

from topodepth.datasets._opened import DataSet
from topodepth.errors import InputError, is_whole, unknown_name
from topodepth.files import storage
from topodepth.registry import Registry

registry = Registry("topodepth.datasets", "data set")
register = registry.register


class Form(NamedTuple):
    """What one item of a data set is: its kind, ``"images"`` or ``"arrays"``, and its shape."""

    kind: str
    shape: tuple[int, ...]


def form(name: str, source: str | Path | None, settings: Mapping[str, Any]) -> Form | None:
    """Return what a loader will make of a source, from headers alone; None if that cannot be known yet.

    A loader says so with ``@register(name, shape=…)``: the shape (height, width, channels) of its images before they
    are resized, or a function of source and settings that returns a :class:`Form` or None.

    Parameters
    ----------
    name, source, settings
        As for :func:`load`; a source that is not there yet is not looked at.

    Raises
    ------
    InputError
        If the source is not what the loader reads.
    """
    loader = registry.get(name)
    shape, size = getattr(loader, "shape", None), settings.get("size")
    if callable(shape):
        return shape(Path(source), settings) if source is not None and Path(source).exists() else None
    if shape is None:
        return None
    return Form("images", (size, size, shape[2]) if size else shape)


def load(name: str, source: str | Path | None, settings: Mapping[str, object]) -> tuple[dict, list[str]]:
    """Load a data set with its registered loader; settings and source are checked first.

    Parameters
    ----------
    name
        Registered loader, such as ``"cifar10"``.
    source
        File or folder that the loader reads; None for one that needs none.
    settings
        ``size``, ``validation``, ``test``, ``seed`` and the loader's own options.

    Returns
    -------
    tuple
        ``(splits, class_names)``, what :func:`topodepth.datasets.write_dataset` takes.

    Raises
    ------
    InputError
        If the loader or an option is unknown, a setting is out of its range, or the source is missing or not what the
        loader reads.
    """
    loader = registry.get(name)
    options = [key for key, item in inspect.signature(loader).parameters.items() if item.kind is item.KEYWORD_ONLY]
    for key in settings:
        if key not in options:
            raise unknown_name(f"option of loader {name}", key, options)
    _check_settings(settings)
    if loader.source is None and source is not None:
        raise InputError(f"source: loader {name} needs none. Received: {source}.")
    if loader.source is not None and source is None:
        raise InputError(f"source: loader {name} expected {loader.source}. Received: none.")
    if source is not None and not Path(source).exists():
        raise InputError(f"{source}: expected {loader.source}. Received: no such file or folder.")
    found = loader(None if source is None else Path(source), **settings)
    if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], Mapping)):
        raise InputError(f"loader {name}: expected to return ({{split: (images, labels)}}, class names). "
                         f"Received: {found!r:.100}.")  # fmt: skip
    return found


def _check_settings(settings: Mapping[str, Any]) -> None:
    size, seed = settings.get("size"), settings.get("seed", 0)
    if size is not None and not is_whole(size, 1, 4096):
        raise InputError(f"size: expected a whole number from 1 to 4096, or null. Received: {size!r}.")
    if not is_whole(seed, 0):
        raise InputError(f"seed: expected a whole number, at least 0. Received: {seed!r}.")
    parts = [settings.get(key, 0.1) for key in ("validation", "test")]
    if not all(isinstance(part, Real) and float(part) > 0 for part in parts) or sum(parts) >= 1:
        raise InputError(f"validation, test: expected fractions above 0 with a sum below 1. Received: {parts}.")


def images_only(form: Form | DataSet, where: str) -> Form | DataSet:
    """Return a data set, or its form, that holds images; another is refused."""
    if form.kind != "images":
        shape = form.image_shape if isinstance(form, DataSet) else form.shape
        text = ", ".join("any" if size is None else str(size) for size in shape)
        raise InputError(
            f"{where}: expected images (n, height, width, channels). Received: arrays (n, {text}). "
            "If they are images: `options: {kind: images}` in the data set's entry."
        )
    return form


def source_sha256(source: str | Path, names: Iterable[str] = ()) -> str:
    """Return the SHA-256 of a file, or for a folder that of the sorted names and sizes of the files in it.

    Parameters
    ----------
    source
        File or folder.
    names
        Only these files of the folder count, as it may hold others' too; all if empty.
    """
    source = Path(source)
    if source.is_file():
        return storage.sha256(source)
    files = [source / name for name in names] or [
        Path(base, name) for base, _, found in os.walk(source) for name in found
    ]
    lines = sorted(f"{path.relative_to(source).as_posix()}\0{path.lstat().st_size}\n" for path in files)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
