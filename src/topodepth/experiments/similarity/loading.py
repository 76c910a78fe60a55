"""From activations files to the networks that are compared: the same images, some of the layers."""

from collections.abc import Sequence

import numpy as np

from topodepth.activations.file import Activations
from topodepth.errors import InputError
from topodepth.experiments.similarity.comparison import Network
from topodepth.experiments.similarity.settings import SimilaritySettings
from topodepth.similarity import Side
from topodepth.topology.clouds import class_members


def same_images(one: Activations, other: Activations) -> np.ndarray | None:
    """Return the labels of the images of two files, None where neither has any; refuse files of different images."""
    for what in ("indices", "places", "labels"):
        columns = getattr(one, what), getattr(other, what)
        given = [column for column in columns if column is not None]
        if (what != "labels" and len(given) == 1) or (len(given) == 2 and not np.array_equal(*given)):
            raise InputError(
                f"{other.path}: expected the images of {one.path}, in the same order. Received: other {what}."
            )
    return one.labels if other.labels is None else other.labels


def drawn(n: int, settings: SimilaritySettings) -> np.ndarray:
    """Return which of n images are compared, ascending: the same ones for all networks."""
    return class_members(np.zeros(n, dtype=int), 0, settings.points, np.random.default_rng([settings.seed, 0, 0]))


def network(
    file: Activations, name: str, tokens: Sequence[str] | None, rows: np.ndarray, settings: SimilaritySettings
) -> Network:
    """Return a network's layers on some images of its file.

    Parameters
    ----------
    file
        Of its activations.
    name
        What the table calls it.
    tokens
        Its layers; None takes all of the file.
    rows
        Which images.
    settings
        How many layers.
    """
    layers = file.layers if tokens is None else [file.layer(str(token)) for token in tokens]
    kept = spread(len(layers), settings.layers)
    layers = [layers[place] for place in kept]
    sides = [Side(file.points(layer.token)[rows]) for layer in layers]
    return Network(name, [layer.token for layer in layers], [layer.relative_depth for layer in layers], sides)


def spread(count: int, most: int | None) -> list[int]:
    """Return at most ``most`` of the places 0 … count − 1, spread evenly, the first and the last among them."""
    if most is None or count <= most:
        return list(range(count))
    return [int(place) for place in np.linspace(0, count - 1, most).round()] if most > 1 else [count - 1]
