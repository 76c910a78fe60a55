"""Which images make the longest bars: one row per bar, with rows of the data set and their labels.

Of H_0 ``death_indices`` are the two ends of an edge of the minimum spanning tree. Of H_1 ``birth_indices`` are the two
ends of the edge that closes the loop, ``death_indices`` the corners of the triangle that fills it, the ends of its
longest edge first (:mod:`topodepth.homology.representatives`). Several stand in one cell with spaces between. Of tokens
each is ``item:place``, where in the item the token stands.
"""

from collections.abc import Sequence

import numpy as np

from topodepth.activations.file import Activations
from topodepth.homology.representatives import HIGHEST, longest_bars
from topodepth.topology.diagrams import DiagramSettings, cloud_rows, scaled_points

LONG_BAR_COLUMNS = ("model", "layer", "layer_index", "relative_depth", "class", "homology_dimension", "rank", "birth",
                    "death", "birth_indices", "death_indices", "birth_labels", "death_labels")  # fmt: skip


def long_bar_rows(
    file: Activations, layer: str, settings: DiagramSettings, longest: int, *, model: str | None = None
) -> list[dict]:
    """Return the longest bars of every cloud of a layer, and which images make them.

    Parameters
    ----------
    file
        Activations of the model.
    layer
        Its token.
    settings
        As those of the diagrams of the layer; of H_2 no bar is told.
    longest
        How many bars of each cloud and homology dimension. The essential bar of H_0 is none of them.
    model
        Its name in the table; that of the file if None.

    Raises
    ------
    InputError
        If the activations are not finite or the layer is constant.
    """
    place = file.place(layer, model)
    points = scaled_points(file.points(layer), str(place), settings)
    rows = []
    for name, members in cloud_rows(file.n, file.labels, settings).items():
        found = longest_bars(points[members], max_dim=min(settings.max_dim, HIGHEST), longest=longest)
        for degree, bars in enumerate(found):
            for rank, bar in enumerate(bars, 1):
                row = {
                    "class": name,
                    "homology_dimension": degree,
                    "rank": rank,
                    "birth": bar.birth,
                    "death": bar.death,
                }
                for end, simplex in (("birth", bar.birth_points), ("death", bar.death_points)):
                    of = members[[*simplex]] if simplex else members[:0]
                    row |= {f"{end}_indices": _indices(file, of), f"{end}_labels": _listed(file.labels, of)}
                rows.append(place.columns | row)
    return rows


def _indices(file: Activations, rows: np.ndarray) -> str | None:
    """Return the rows of the data set that some points are of, of tokens with their places."""
    if file.places is None:
        return _listed(file.indices, rows)
    return _joined([f"{file.indices[row]}:{file.places[row]}" for row in rows])


def _listed(values: np.ndarray | None, rows: np.ndarray) -> str | None:
    return None if values is None else _joined([str(value) for value in values[rows]])


def _joined(words: Sequence[str]) -> str | None:
    return " ".join(words) or None
