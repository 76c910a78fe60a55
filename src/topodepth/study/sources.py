"""What is measured, as an activations file: a user's own, or a temporary one of arrays or of a model on images.

Whatever comes in, one layer at a time is in memory afterwards.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from topodepth.activations import extraction
from topodepth.activations import file as activations
from topodepth.activations.file import Activations, Representation
from topodepth.activations.on_device import DeviceLayers
from topodepth.errors import InputError
from topodepth.files import hdf5
from topodepth.files.kinds import KINDS, kind_of
from topodepth.homology.devices import chosen
from topodepth.networks import taps
from topodepth.networks.network import Network
from topodepth.study import arrays, batches, doors
from topodepth.study.settings import Passing

ROWS = 1024  # of arrays that are written at a time


@dataclass(frozen=True)
class ToMeasure:
    """What a user gives to be measured, checked as far as that needs no pass through a network.

    Attributes
    ----------
    name
        Of the model, in tables.
    layers
        What the points of each layer are.
    n
        Number of points; None where only a pass through the batches will tell.
    labels
        One for each item, which are the points where these are no tokens; None where there are none or the batches
        hold them.
    draws
        Of shuffled tokens.
    file, points, network
        One of three: an activations file; arrays by layer, with the user's ``rows`` that they are; a network, to which
        ``images`` belong.
    """

    name: str
    layers: Sequence[Representation]
    n: int | None
    labels: np.ndarray | None
    draws: int = 0
    file: Activations | None = None
    points: Mapping[str, np.ndarray] | None = None
    network: Network | None = None
    images: Any = None
    rows: np.ndarray | None = None

    @property
    def bytes_to_write(self) -> int:
        """Size of the temporary file of activations; 0 where there is one, or the number of points is not known."""
        return 0 if self.file or self.n is None else 4 * self.n * (1 + self.draws) * sum(each.d for each in self.layers)


def given(model: Any, images: Any, labels: Any, *, layers: Any, name: str | None, passing: Passing) -> ToMeasure:
    """Return what is to be measured, from the arguments of :func:`topodepth.measure`.

    Raises
    ------
    InputError
        If the arguments do not belong together, or one of them is not what it should be.
    """
    if isinstance(layers, Mapping):
        if model is not None or images is not None:
            raise InputError("layers: expected names of a model's layers, or arrays and no model. Received: both.")
        return _of_arrays(layers, labels, name or "arrays", passing)
    if model is None:
        raise InputError("expected a model, an activations file or arrays (layers={name: points}). Received: none.")
    if images is None:
        return _of_file(model, labels, layers, name, passing)
    if doors.is_path(model) and holds_activations(Path(model)):
        raise InputError(f"{model}: an activations file is measured as it is. Received: images beside it.")
    if batches.is_array(images):
        labels = None if labels is None else arrays.as_labels(labels, len(images))
        stream, n = batches.Stream(batches.sliced(images, passing)), len(images)
        n = n if passing.indices is None else len(passing.indices)
    elif passing.indices is not None:
        raise InputError("indices: expected for an array of images. Received: them with an iterable of batches.")
    elif isinstance(images, Iterable):  # a map of inputs, as a tokenizer gives it, is one batch
        stream, n = batches.Stream([images] if isinstance(images, Mapping) else images), None
    else:
        raise InputError(f"images: expected an array or an iterable of batches. Received: {type(images).__name__}.")
    network = doors.open_model(model, layers, lambda: batches.normalised(stream.example(), passing), passing)
    if n is None:
        images = stream
    elif network.inputs:
        images = arrays.as_array(images) if hasattr(images, "detach") else images
    else:  # it does not say what it takes, so it gets what it is given, in batches
        images = stream
        labels = labels if labels is None or passing.indices is None else labels[np.asarray(passing.indices)]
    about, draws = extraction.representations(network.taps), passing.shuffled_draws
    n = None if passing.pooling == "tokens" else n
    return ToMeasure(name or doors.name_of(model), about, n, labels, draws, network=network, images=images)


def _of_arrays(layers: Mapping, labels: Any, name: str, passing: Passing) -> ToMeasure:
    passing.require((), "arrays")
    points = arrays.as_layers(layers)
    n = len(next(iter(points.values())))
    labels = None if labels is None else arrays.as_labels(labels, n)
    rows = np.arange(n) if passing.indices is None else passing.indices
    rows = extraction.checked_rows(name, next(iter(points.values())), labels, rows, 1)
    if passing.indices is not None:
        points = {key: values[rows] for key, values in points.items()}
        labels = None if labels is None else labels[rows]
    return ToMeasure(name, arrays.representations(points), len(rows), labels, points=points, rows=rows)


def _of_file(path: Any, labels: Any, layers: Any, name: str | None, passing: Passing) -> ToMeasure:
    if not doors.is_path(path):
        raise InputError(f"images: expected beside a model. Received: {type(path).__name__} alone.")
    if holds_model(Path(path)):
        raise InputError(f"{path}: expected images beside a model, or an activations file. Received: a model alone.")
    if labels is not None or passing.indices is not None:
        raise InputError(f"{path}: an activations file is measured as it is. Received: labels or indices beside it.")
    passing.require((), f"{path}, which is measured as it is")
    file = activations.read_activations(path)
    tokens = [layer.token for layer in file.layers]
    if not isinstance(layers, str) or layers != "auto":
        asked = [layers] if isinstance(layers, str | int) else list(layers)
        tokens = [file.layer(token).token for token in taps.matched(asked, tokens, f"layer of {path}")]
    layers = [file.layer(token) for token in tokens]
    return ToMeasure(name or file.model, layers, file.n, file.labels, file.draws, file=file)


def holds_activations(path: Path) -> bool:
    """Tell whether a file is one of activations: HDF5 that says so, or with a data set in a group of layers."""
    import h5py

    if kind_of(path) != KINDS[hdf5.START]:
        return False
    with hdf5.open_h5(path) as file:
        where = f"{path}:"
        if hdf5.attribute_of(where, file, "format") == activations.FORMAT:
            return True
        if "layers" not in hdf5.names_in(where, file) or hdf5.outside(where, file, "layers"):
            return False
        group = file["layers"]
        if not isinstance(group, h5py.Group):
            return False
        own = [key for key in hdf5.names_in(where, group) if not hdf5.outside(where, group, key)]
        return any(isinstance(group[key], h5py.Dataset) for key in own)  # Keras' weights lie in groups


def holds_model(path: Path) -> bool:
    """Tell whether a file is a model for sure."""
    if path.suffix in (".keras", ".onnx"):
        return True
    if kind_of(path) != KINDS[hdf5.START]:
        return False
    with hdf5.open_h5(path) as file:
        return "model_config" in file.attrs


class Workspace:
    """A temporary folder that goes with the last measurement that needs it, or at once where one fails."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="topodepth-")
        self.path = Path(self._folder.name)

    def close(self) -> None:
        """Remove the folder."""
        self._folder.cleanup()


@contextmanager
def activations_of(what: ToMeasure, passing: Passing, seed: int) -> Iterator[tuple[Activations, Workspace | None]]:
    """Yield the activations file of what is measured, and the workspace that it lies in, None for a user's own.

    Tokens are drawn and shuffled with the seed. Where a device computes (:func:`topodepth.homology.computing_on`), what
    batches give in layers stays there as far as it fits. The workspace is removed where the block fails or is
    interrupted.

    Raises
    ------
    InputError
        If the disk has not enough room for the activations, or the pass through the network fails.
    """
    if what.file is not None:
        yield what.file, None
        return
    space = Workspace()
    try:
        free = shutil.disk_usage(space.path).free
        if what.bytes_to_write > free:
            raise InputError(
                f"{what.name}: expected {what.bytes_to_write / 1e9:.1f} GB on disk for the activations. Received: "
                f"{free / 1e9:.1f} GB free in {tempfile.gettempdir()}. Take fewer images, or set TMPDIR to another."
            )
        out, about, held = space.path / f"{os.getpid()}.h5", {"model": what.name}, None
        if what.points is not None:
            _write_arrays(what, what.points, out, about)
        elif what.network is not None:
            device = chosen() if isinstance(what.images, batches.Stream) else None
            held = None if device is None else DeviceLayers(device, what.n)
            _write_outputs(what, what.network, passing, seed=seed, out=out, about=about, held=held)
        yield activations.read_activations(out, None if held is None else held.taken()), space
    except BaseException:
        space.close()
        raise


def _write_arrays(what: ToMeasure, points: Mapping[str, np.ndarray], out: Path, about: Mapping) -> None:
    with extraction.create(out, what.layers, what.rows, what.labels, about) as put:
        for start in range(0, len(next(iter(points.values()))), ROWS):
            with np.errstate(over="ignore"):  # what is too large for float32 is refused as infinite
                parts = [values[start : start + ROWS].astype(np.float32) for values in points.values()]
            put(start, parts)


def _write_outputs(
    what: ToMeasure,
    network: Network,
    passing: Passing,
    *,
    seed: int,
    out: Path,
    about: Mapping,
    held: DeviceLayers | None,
) -> None:
    """Pass images or batches through the network; say so where it classifies them no better than chance."""
    about = {"runtime": network.runtime, **about}
    if isinstance(what.images, batches.Stream):
        found = batches.write(network, what.images, what.labels, passing, seed=seed, out=out, about=about, held=held)
    else:
        found = extraction.write_activations(
            network, what.images, batch_size=passing.batch_size, out=out, labels=what.labels,
            indices=passing.indices, normalise=passing.normalise, attributes=about, classes=0,
        )  # fmt: skip
    if found is not None:
        found.tell(what.name)
