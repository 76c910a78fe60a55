"""Activations of a network on images: one pass, one file, which :mod:`topodepth.activations.file` describes."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.activations import accuracy
from topodepth.activations.accuracy import Accuracy
from topodepth.activations.file import FORMAT, VERSION, Representation, check_finite
from topodepth.datasets import take
from topodepth.errors import InputError
from topodepth.files import hdf5
from topodepth.homology.devices import is_tensor, on_host
from topodepth.networks.batches import batch_for, even_batch, whole_numbers
from topodepth.networks.graph import Tap
from topodepth.networks.inputs import reshaping
from topodepth.networks.network import Network
from topodepth.networks.runtime import by_keras

if TYPE_CHECKING:
    import h5py

    from topodepth.activations.on_device import DeviceLayers

CHUNK = 1024  # points that lie together in a file whose number of points is not known beforehand


def extract(
    model: Any,
    images: Any,
    layers: Any = "auto",
    *,
    batch_size: int = 256,
    out: str | Path,
    labels: Sequence[int] | np.ndarray | None = None,
    indices: Sequence[int] | np.ndarray | None = None,
    normalise: Callable[[np.ndarray], np.ndarray] | None = None,
    attributes: Mapping[str, object] | None = None,
) -> None:
    """Write the activations of all tapped layers to one file, in one forward pass.

    Images are read, and results written, a batch at a time: memory does not grow with the number of images.

    Parameters
    ----------
    model
        A functional or sequential model of Keras 3 or of the legacy Keras.
    images
        (N, height, width, channels) or other numbers (N, …), anything that can be sliced: an array, an HDF5 data set.
    layers
        What to tap, see :func:`topodepth.networks.models.tap_layers`. Outputs with space are averaged over it,
        sequences over positions, both inside the graph.
    batch_size
        Images a step.
    out
        The file to make; it appears only when whole.
    labels
        (N,) class of each image.
    indices
        Rows of ``images`` and ``labels`` to use, in this order; all if None.
    normalise
        Turns a batch of images into the model's float32 input; only a conversion to float32 if None.
    attributes
        Further attributes of the file; ``model`` replaces the model's own name.

    Raises
    ------
    InputError
        If images and model do not fit (:func:`topodepth.networks.inputs.fitted`), a layer is unknown, an activation is
        NaN or infinite (names the layer), or fractions are given to a network that takes whole numbers.
    """
    network = by_keras(model, layers)
    given: dict[str, Any] = {"labels": labels, "indices": indices, "normalise": normalise, "attributes": attributes}
    write_activations(network, images, batch_size=batch_size, out=out, **given)


def write_activations(
    network: Network,
    images: Any,
    *,
    batch_size: int | None = None,
    out: str | Path,
    labels: Sequence[int] | np.ndarray | None = None,
    indices: Sequence[int] | np.ndarray | None = None,
    normalise: Callable[[np.ndarray], np.ndarray] | None = None,
    attributes: Mapping[str, object] | None = None,
    classes: int | None = None,
) -> Accuracy | None:
    """Write the activations of a network's taps, as :func:`extract` does of a Keras model's layers.

    Data of another shape than the network's input, but as many values, are reshaped, which the log says. A network
    without ``inputs``, a live model of PyTorch, gets batches as they are.

    ``batch_size`` None takes as many images at a time as their size allows, so that memory hardly depends on it. With
    the number of ``classes`` of the labels (0: as many as the network tells apart), and a network opened with its
    ``scores``, the file states the network's accuracy on these images, which is returned: None of a network without a
    head of so many classes.
    """
    batch_size = batch_for(images.shape) if batch_size is None else batch_size
    rows = checked_rows(network.name, images, labels, indices, batch_size)
    shape = reshaping(tuple(network.inputs[0].shape[1:]), images.shape[1:], network.name) if network.inputs else None
    labels = None if labels is None else take(labels, rows)
    about = {"model": network.name, "runtime": network.runtime, **(attributes or {})}
    tally = None if labels is None or classes is None else accuracy.Tally(labels, classes)
    with create(out, representations(network.taps), rows, labels, about) as put:
        size = even_batch(len(rows), batch_size)
        for start in range(0, len(rows), size):
            batch = take(images, rows[start : start + size])
            batch = batch.astype(np.float32) if normalise is None else normalise(batch)
            if shape is not None:
                check_whole(network, batch)
                batch = batch.reshape(len(batch), *shape)
            outputs = network.predict(batch, size)
            if tally and len(outputs) > len(network.taps):
                tally.add(start, outputs[-1])
            put(start, outputs[: len(network.taps)])
        found = tally.result() if tally else None
        put.file.attrs.update(accuracy.attributes(found))
    return found


def representations(taps: Sequence[Tap]) -> list[Representation]:
    """Return what the outputs of a network's taps are."""
    return [
        Representation(
            tap.token, tap.name, tap.layer_class, tap.reduction, tap.relative_depth, int(tap.tensor.shape[-1])
        )
        for tap in taps
    ]


class Writer:
    """Writes points to an open activations file, a batch of all layers at a time; n None: as many as come.

    With ``held`` they stay on a device where they fit, and their data sets are empty.
    """

    def __init__(
        self,
        file: "h5py.File",
        layers: Sequence[Representation],
        n: int | None,
        group: str = "layers",
        held: "DeviceLayers | None" = None,
    ) -> None:
        self.file, self.layers, self._held = file, layers, held
        parent = file.create_group(group)
        self._datasets = [_create(parent, k, layer, n) for k, layer in enumerate(layers)]

    def __call__(self, start: int, outputs: Sequence[np.ndarray]) -> None:
        """Write what the images from ``start`` on gave."""
        self.at(np.arange(start, start + len(outputs[0])), outputs)

    def at(self, rows: np.ndarray, outputs: Sequence[np.ndarray]) -> None:
        """Write points to these rows of the file, ascending; what was there is written over."""
        if not len(rows):
            return
        model, stop = self.file.attrs["model"], int(rows[-1]) + 1
        together = slice(int(rows[0]), stop) if stop - rows[0] == len(rows) else rows
        for layer, dataset, output in zip(self.layers, self._datasets, outputs, strict=True):
            values = output if is_tensor(output) else np.asarray(output)
            if tuple(values.shape) != (len(rows), layer.d):
                raise InputError(
                    f"model {model!r}, layer {layer.name!r}: expected {layer.d} features of each item in every batch. "
                    f"Received: {tuple(values.shape)}."
                )
            check_finite(values, model, layer.name)
            if len(dataset) < stop and dataset.maxshape[0] is None:
                dataset.resize(stop, axis=0)
            if self._held is None or not self._held.put(dataset, together, values):
                dataset[together] = on_host(values)


@contextmanager
def create(
    out: str | Path,
    layers: Sequence[Representation],
    rows: np.ndarray | None,
    labels: np.ndarray | None,
    attributes: Mapping[str, object],
    *,
    held: "DeviceLayers | None" = None,
) -> Iterator[Writer]:
    """Open an activations file of these rows of a data set, None where they are not known yet; yield what writes it."""
    with hdf5.create_h5(out) as file:
        file.attrs.update({"format": FORMAT, "version": VERSION, **attributes})
        if rows is not None:
            file["indices"] = rows
        if labels is not None:
            file["labels"] = np.asarray(labels, dtype=np.int64)
        yield Writer(file, layers, None if rows is None else len(rows), held=held)


def checked_rows(
    name: str, images: Any, labels: Any, indices: Sequence[int] | np.ndarray | None, batch_size: int
) -> np.ndarray:
    """Return the rows of the images to pass through a model, (n,) int64, if images, labels and rows fit together."""
    if labels is not None and len(labels) != len(images):
        raise InputError(f"{name}: expected one label for each of {len(images)} images. Received: {len(labels)}")
    if batch_size < 1:
        raise InputError(f"{name}: batch_size expected to be at least 1. Received: {batch_size}")
    rows = np.arange(len(images)) if indices is None else np.asarray(indices)
    if rows.ndim != 1 or len(rows) == 0 or rows.dtype.kind not in "iu":
        raise InputError(f"{name}: indices expected as whole numbers (n,), n ≥ 1. Received: shape {rows.shape}")
    if rows.min() < 0 or rows.max() >= len(images):
        received = f"{rows.min()} to {rows.max()}"
        raise InputError(f"{name}: indices expected from 0 to {len(images) - 1}. Received: {received}")
    return rows.astype(np.int64)


def check_whole(network: Network, batch: np.ndarray) -> None:
    """Refuse fractions for a network that takes whole numbers: they would be cut without a word."""
    if whole_numbers(network.inputs[0]) and (batch != np.trunc(batch)).any():
        raise InputError(
            f"{network.name}: takes whole numbers ({network.inputs[0].dtype}), so expected pixels as they are "
            "(`normalisation: raw`). Received: fractions."
        )


def _create(group: "h5py.Group", index: int, layer: Representation, n: int | None) -> "h5py.Dataset":
    name = re.sub(r"[^A-Za-z0-9_.@-]", "_", layer.name)
    shape: dict[str, Any] = {"shape": (n, layer.d)}
    if n is None:
        # Chunks are written at once: HDF5 (1.14.6) would hold a megabyte of each layer. h5py (3.14) takes a cache of 0
        # bytes for none asked for, and gives that megabyte.
        shape = {"shape": (0, layer.d), "maxshape": (None, layer.d), "chunks": (CHUNK, layer.d), "rdcc_nbytes": 1}
    dataset = group.create_dataset(f"{index:03d}_{name}", **shape, dtype=np.float32)
    for key in ("token", "layer_class", "reduction", "relative_depth"):
        dataset.attrs[key] = getattr(layer, key)
    return dataset
