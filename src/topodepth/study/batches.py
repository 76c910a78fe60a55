"""Batches as users have them, from a loader or any iterable, through a network to an activations file."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.activations import accuracy, extraction
from topodepth.activations.accuracy import Accuracy
from topodepth.activations.tokens import PointSample, shuffled
from topodepth.errors import InputError
from topodepth.homology.devices import on_host
from topodepth.networks.inputs import reshaping
from topodepth.networks.network import Network
from topodepth.networks.torch_network import Pass, TorchNetwork
from topodepth.study.arrays import as_array, as_labels
from topodepth.study.settings import Passing

if TYPE_CHECKING:
    from topodepth.activations.on_device import DeviceLayers

BATCH = 64  # items of an array, where a network does not say what it takes
NO_BATCH = "images: expected at least one batch. Received: none; was the iterator used up before?"
LABELS = ("labels", "label", "targets", "target", "y")  # keys of a batch that is a map


def is_array(images: Any) -> bool:
    """Tell whether all images are there at once: an array, an HDF5 data set, what can be sliced and has a shape."""
    return hasattr(images, "shape") and hasattr(images, "__getitem__") and hasattr(images, "__len__")


class Stream:
    """Batches that can be looked at before they are passed on, each of them once."""

    def __init__(self, batches: Iterable) -> None:
        self._batches = iter(batches)

    def example(self) -> Any:
        """Return the inputs of the first batch, which is yielded all the same.

        Raises
        ------
        InputError
            If there is none.
        """
        try:
            first = next(self._batches)
        except StopIteration:
            raise InputError(NO_BATCH) from None
        self._batches = chain([first], self._batches)
        return _parted(first)[0]

    def __iter__(self) -> Iterator:
        return self._batches


def sliced(images: Any, passing: Passing) -> Iterator[Any]:
    """Yield an array in batches, each without labels."""
    rows = np.arange(len(images)) if passing.indices is None else np.asarray(passing.indices)
    size = passing.batch_size or BATCH
    for start in range(0, len(rows), size):
        chosen = rows[start : start + size]
        yield (images[int(start) : int(start) + len(chosen)] if passing.indices is None else images[chosen],)


def write(
    network: Network,
    batches: Iterable,
    labels: Any,
    passing: Passing,
    *,
    seed: int,
    out: Path,
    about: Mapping,
    held: "DeviceLayers | None" = None,
) -> Accuracy | None:
    """Write the activations of a network on batches, one after another; return its accuracy where it can be known.

    Parameters
    ----------
    network
        With its own output last.
    batches
        Each one inputs, a pair (inputs, labels), or a map of inputs and perhaps labels.
    labels
        (items,) for all batches, where they hold none themselves; None where there are none.
    passing
        How they are passed through it.
    seed
        Of the sample and the orders of tokens.
    out, about
        File to make, and what it says of itself.
    held
        Takes the points of layers on a device, as far as they fit there.

    Raises
    ------
    InputError
        If a batch is none of these, or does not fit the network, the batch before or the labels.
    """
    given, told, start, first = [], _Predictions(), 0, None
    tokens = passing.pooling == "tokens"
    sample = PointSample(passing.tokens if tokens else None, seed)
    with extraction.create(out, extraction.representations(network.taps), None, None, about, held=held) as put:
        nulls = [
            extraction.Writer(put.file, put.layers, None, f"shuffled/{draw}", held)
            for draw in range(passing.shuffled_draws)
        ]
        for inputs, classes in map(_parted, batches):
            ready = _ready(network, inputs, passing)
            size = _count(ready)
            first = first or size  # a network is prepared for one size of batch
            found = _passed(network, ready, first)
            if found.scores is not None:
                told.add(found.scores)
            chosen, rows = sample.take(start + found.rows)
            put.at(rows, [values[chosen] for values in found.values])
            for draw, null in enumerate(nulls):
                mixed = _shuffled(network, ready, passing, (seed, start, draw), first)
                null.at(rows, [values[chosen] for values in mixed])
            given.append(None if classes is None else as_labels(classes, size))
            start += size
        if not start:
            raise InputError(NO_BATCH)
        labels = _labels(given, labels, start)
        right = None if labels is None else told.accuracy(labels)
        if labels is not None:
            put.file["labels"] = labels[sample.items]
        put.file["indices"] = sample.items if passing.indices is None else np.asarray(passing.indices)[sample.items]
        if tokens:
            put.file["places"] = sample.places
        put.file.attrs.update(accuracy.attributes(right))
    return right


def _passed(network: Network, inputs: Any, size: int) -> Pass:
    """Return what a batch gave; ``size`` is that of the first."""
    if isinstance(network, TorchNetwork):
        return network.run(inputs, in_place=True)
    outputs = network.predict(inputs, size)
    values, scores = outputs[: len(network.taps)], outputs[len(network.taps) :]
    return Pass(values, np.arange(len(values[0])), scores[-1] if scores else None)


def _shuffled(
    network: Network, inputs: Any, passing: Passing, order: tuple[int, int, int], size: int
) -> list[np.ndarray]:
    """Return the points of a batch with its tokens shuffled; ``order`` is seed, place of the first item, and draw.

    Where points are tokens, each is in its own row, wherever it stood.
    """
    seed, start, draw = order
    mixed, now = shuffled(inputs, seed, start, draw=draw, pooling=passing.pooling, special=passing.special_tokens)
    values = _passed(network, mixed, size).values
    if passing.pooling != "tokens":
        return values
    if len(now) != len(values[0]):
        raise InputError(f"{network.name}: expected a point of each of {len(now)} tokens, to shuffle them. "
                         f"Received: {len(values[0])} points.")  # fmt: skip
    return [points[now] for points in values]


def _parted(batch: Any) -> tuple[Any, Any]:
    """Return the inputs of a batch and its labels, None where it has none."""
    if isinstance(batch, Mapping):
        key = next((key for key in LABELS if key in batch), None)
        inputs = {name: values for name, values in batch.items() if name != key}
        inputs = next(iter(inputs.values())) if len(inputs) == 1 else inputs
        return inputs, None if key is None else batch[key]
    if isinstance(batch, list | tuple):
        if len(batch) == 2:
            return batch[0], batch[1]
        if len(batch) != 1:
            raise InputError(f"images: expected batches (inputs, labels). Received: one of {len(batch)} parts.")
        return batch[0], None
    return batch, None


def normalised(inputs: Any, passing: Passing) -> Any:
    """Return the inputs of a batch as the user's function makes them."""
    return inputs if passing.normalise is None else passing.normalise(inputs)


def _ready(network: Network, inputs: Any, passing: Passing) -> Any:
    """Return a batch as the network takes it: one that does not say what it takes gets it as it is."""
    if not network.inputs:
        return normalised(inputs, passing)
    if isinstance(inputs, Mapping):
        raise InputError(f"{network.name}: takes one input. Received: batches of {', '.join(map(str, inputs))}.")
    array = as_array(inputs)
    if array.dtype.kind not in "fiub" or array.ndim < 2:
        raise InputError(f"images: expected batches of numbers (n, …). Received: {array.dtype} {array.shape}.")
    array = array.astype(np.float32) if passing.normalise is None else passing.normalise(array)
    extraction.check_whole(network, array)
    return array.reshape(len(array), *reshaping(tuple(network.inputs[0].shape[1:]), array.shape[1:], network.name))


def _count(inputs: Any) -> int:
    several = inputs if isinstance(inputs, list | tuple) else [inputs]
    sizes = {len(values) for values in (inputs.values() if isinstance(inputs, Mapping) else several)}
    if len(sizes) != 1:
        raise InputError(f"images: expected as many items in each input of a batch. Received: {sorted(sizes)}.")
    return sizes.pop()


def _labels(given: list, labels: Any, n: int) -> np.ndarray | None:
    """Return the labels that the batches hold, or those given for all of them."""
    held = [each for each in given if each is not None]
    if held and (labels is not None or len(held) < len(given)):
        received = "both" if labels is not None else f"labels in {len(held)} of {len(given)} batches"
        raise InputError(f"labels: expected either in every batch or beside the batches. Received: {received}.")
    if held:
        return np.concatenate(held)
    return None if labels is None else as_labels(labels, n)


class _Predictions:
    """The classes that a network tells apart, gathered batch by batch; never its scores, which can be many."""

    def __init__(self) -> None:
        self._classes = 0
        self._parts: list[np.ndarray] = []

    def add(self, scores: Any) -> None:
        scores = scores.reshape(len(scores), -1)
        self._classes = scores.shape[1]
        self._parts.append(on_host(scores[:, 0] if self._classes == 1 else scores.argmax(axis=1)))

    def accuracy(self, labels: np.ndarray) -> Accuracy | None:
        if not self._parts or labels.min() < 0 or labels.max() >= max(2, self._classes):
            return None
        values = np.concatenate(self._parts)
        if self._classes > 1:
            return accuracy.of_predictions(labels, values, self._classes)
        tally = accuracy.Tally(labels, 2)
        tally.add(0, values)
        return tally.result()
