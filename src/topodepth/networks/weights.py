"""The weights in a Keras file, layer by layer, read without Keras."""

import re
import tempfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.errors import InputError
from topodepth.files import hdf5
from topodepth.files.reading import of_file
from topodepth.networks.files import WEIGHTS, ModelFile

if TYPE_CHECKING:
    import h5py

WHOLE, SELF_CONTAINED = "a whole model file", "a model file that holds all its weights itself"
DEEPEST = 100  # groups of weights in each other; one inner model needs two
NUMBERS = "an array of numbers"
OLD_LAYERS = "_layer_checkpoint_dependencies"
WEIGHTS_PACKING, WEIGHTS_SLACK = 200, 2**26  # no ratio is suspicious below 64 MiB; trained weights hardly pack at all


class Weights:
    """Weights of a whole model, by layer name; a layer that has none, or is not there, has an empty list."""

    def __init__(self, file: "h5py.File", found: ModelFile) -> None:
        self._file, self._path = file, found.path
        self._keys = _keys_of_archive(found) if found.format == "keras" else None

    def of(self, layer: str) -> list[np.ndarray]:
        """Return the arrays of a layer in the order in which Keras lists them, float32.

        Raises
        ------
        InputError
            If the file is damaged where they lie.
        """
        return [self._array(key) for key in self._keys_of(layer)]

    def _array(self, key: str) -> np.ndarray:
        where = f"{self._path}: {key!r}"
        stored = hdf5.own_dataset(where, self._file, key, NUMBERS)
        if stored.dtype.kind not in "buif" or stored.shape is None:
            raise InputError(f"{where} expected as {NUMBERS}. Received: {stored.dtype} {stored.shape}")
        return stored[()].astype(np.float32)

    def _keys_of(self, layer: str) -> list[str]:
        if self._keys is None:
            folder = f"model_weights/{layer}"
            group = self._group(folder)
            names: Any = (
                [] if group is None else hdf5.attribute_of(f"{self._path}: {folder!r}", group, "weight_names", [])
            )
            return [f"{folder}/{hdf5.as_text(name)}" for name in np.atleast_1d(names).tolist()]
        folder = f"{self._keys[layer]}/vars" if layer in self._keys else ""
        group = self._group(folder)
        return (
            []
            if group is None
            else [f"{folder}/{k}" for k in range(len(hdf5.names_in(f"{self._path}: {folder!r}", group)))]
        )

    def _group(self, folder: str) -> "h5py.Group | None":
        """Return a group of the file, None if there is none of that name."""
        where, group = f"{self._path}: {folder!r}", None
        for part in filter(None, folder.split("/")):
            within = self._file if group is None else group
            if part not in hdf5.names_in(where, within):
                return None
            group = hdf5.own_group(where, within, part)
        return group


@contextmanager
def open_weights(found: ModelFile) -> Iterator[Weights]:
    """Open the weights of a model file that holds them all itself.

    Raises
    ------
    InputError
        If weights lie in other files, or the file is damaged.
    """
    if found.format == "keras":
        with _open_archive(found.path) as (file, _):
            yield Weights(file, found)
        return
    check_self_contained(found.path)
    with hdf5.open_h5(found.path) as file:
        yield Weights(file, found)


@contextmanager
def as_keras_reads(found: ModelFile) -> Iterator[Path]:
    """Yield a path from which Keras opens a model: the file's own, or that of a copy with its weights' names mended.

    Raises
    ------
    InputError
        As :func:`open_weights`.
    """
    if found.format != "keras":
        check_self_contained(found.path)
        yield found.path
        return
    with _open_archive(found.path) as (file, renamed):
        if not renamed:
            yield found.path
            return
        copy = Path(file.filename).with_name("copy.keras")
        with zipfile.ZipFile(found.path) as source, zipfile.ZipFile(copy, "w") as target:
            for name in source.namelist():
                if name != WEIGHTS:
                    target.writestr(name, of_file(f"{found.path}: {name!r}", source.read, name))
            file.flush()
            target.write(file.filename, WEIGHTS)
        yield copy


def check_self_contained(path: Path) -> None:
    """Refuse a model whose weights lie in other files: opening it would read them wherever they are.

    Raises
    ------
    InputError
        Also if the weights in an archive unpack to far more than weights can be packed.
    """
    with path.open("rb") as handle:
        in_hdf5 = handle.read(len(hdf5.START)) == hdf5.START
    if not in_hdf5:
        with _open_archive(path):
            return
    with hdf5.open_h5(path) as file:
        hdf5.check_self_contained(path, file, SELF_CONTAINED)


@contextmanager
def _open_archive(path: Path) -> Iterator[tuple["h5py.File", bool]]:
    """Open the weights in a ``.keras`` archive, by the names that Keras reads today; tell whether they had others."""
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        with of_file(f"{path}:", zipfile.ZipFile, path, expected=WHOLE) as archive:
            member = of_file(f"{path}:", archive.getinfo, WEIGHTS, expected=WHOLE)
            if member.file_size > max(WEIGHTS_SLACK, WEIGHTS_PACKING * member.compress_size):
                received = f"{member.compress_size} bytes that claim to unpack to {member.file_size}"
                raise InputError(f"{path}: {WEIGHTS} expected as numbers. Received: {received}")
            # a fixed name, so it stays in the folder
            weights = of_file(f"{path}: {WEIGHTS}", archive.extract, member, folder)
        with of_file(f"{path}: {WEIGHTS}", h5py.File, weights, "r") as file:
            hdf5.check_self_contained(path, file, SELF_CONTAINED)
            renamed = any("\\" in key or key == OLD_LAYERS for key in hdf5.names_in(f"{path}: {WEIGHTS}", file))
            if renamed:
                with h5py.File(Path(folder) / "renamed.h5", "w") as target:
                    _rename(path, file, target)
        with h5py.File(Path(folder) / ("renamed.h5" if renamed else WEIGHTS), "r") as file:
            yield file, renamed


def _rename(model: Path, source: "h5py.File", target: "h5py.File") -> None:
    """Copy weights to the names that Keras reads today.

    On Windows, Keras joined the names of groups with backslashes. Keras 2.12 and 2.13 named the layers
    ``_layer_checkpoint_dependencies``, and as they met each layer that has weights twice, counted those of a class
    ``conv2d``, ``conv2d_2``, ``conv2d_4`` (seen in files that 2.12.1 and 2.13.1 wrote).
    """
    import h5py

    items: dict[tuple[str, ...], Any] = {}
    pending: list[tuple[tuple[str, ...], Any]] = [((), source)]
    seen = set()
    while pending:
        path, item = pending.pop()
        where = f"{model}: {'/'.join(path)!r}"
        items[path] = item
        if len(path) > DEEPEST:
            raise InputError(f"{model}: expected {WHOLE}. Received: groups in each other, more than {DEEPEST}")
        if isinstance(item, h5py.Group) and hash(item.id) not in seen:  # hard links can form a ring
            seen.add(hash(item.id))
            for key in hdf5.names_in(where, item):
                inner = of_file(where, item.__getitem__, key)
                pending.append(((*path, *key.replace("\\", "/").split("/")), inner))
    counted: dict[tuple, set[int]] = defaultdict(set)  # the numbers of each class, by where and what it is
    for path in items:
        for k, name in enumerate(path[1:], 1):
            if path[k - 1] == OLD_LAYERS:
                counted[path[:k], _class_of(name)].add(_number_of(name))
    for path, item in items.items():
        names = []
        for k, name in enumerate(path):
            if k and path[k - 1] == OLD_LAYERS:
                kind = _class_of(name)
                rank = sorted(counted[path[:k], kind]).index(_number_of(name))
                name = f"{kind}_{rank}" if rank else kind  # noqa: PLW2901
            names.append("layers" if name == OLD_LAYERS else name)
        if names:
            of_file(f"{model}: {'/'.join(path)!r}", _copy, item, target, "/".join(names))


def _copy(item: "h5py.Group | h5py.Dataset", target: "h5py.File", name: str) -> None:
    """Copy a data set, or make a group, with its attributes; what is in the group comes by itself."""
    import h5py

    made = target.create_dataset(name, data=item[()]) if isinstance(item, h5py.Dataset) else target.require_group(name)
    made.attrs.update(item.attrs)


def _class_of(name: str) -> str:
    return re.sub(r"_\d{1,9}$", "", name)


def _number_of(name: str) -> int:
    return int(name[len(_class_of(name)) + 1 :] or 0)


def _keys_of_archive(found: ModelFile) -> dict[str, str]:
    """Return the group of each layer: Keras 3 numbers the layers of each class in the order of ``model.layers``."""
    seen: Counter[str] = Counter()
    keys = {}
    for _, name, kind in found.layers:
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", kind).lower()
        keys[name] = f"layers/{snake}_{seen[snake]}" if seen[snake] else f"layers/{snake}"
        seen[snake] += 1
    return keys
