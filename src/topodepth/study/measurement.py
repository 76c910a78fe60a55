"""What was measured of one model: a table, diagrams, bars and the activations; and of several, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from topodepth.activations.file import Activations
from topodepth.activations.on_device import write_whole
from topodepth.errors import InputError
from topodepth.files import storage, texts
from topodepth.statistics.intervals import jackknife_interval, mean_interval
from topodepth.study.draw import check_one
from topodepth.study.settings import Settings
from topodepth.study.showing import as_html, counted
from topodepth.tables.long_bars import LONG_BAR_COLUMNS, long_bar_rows
from topodepth.tables.rows import with_shuffled
from topodepth.tables.tables import BAR_COLUMNS, BETTI_COLUMNS, MODEL_COLUMNS, bar_rows, betti_rows
from topodepth.tables.values import Values
from topodepth.topology.clouds import WHOLE
from topodepth.topology.descriptors import CONSTANT
from topodepth.topology.diagrams import Diagrams

if TYPE_CHECKING:
    from pandas import DataFrame

    from topodepth.study.sources import Workspace

DIFFERENCES = ("model", "reference", "layer", "class", "homology_dimension", "descriptor", "difference", "ci_low",
               "ci_high")  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Measurement:
    """All layers of one model on one set of points.

    Attributes
    ----------
    model
        Its name in the table.
    rows
        Of the table, one for each layer, class, homology dimension and descriptor.
    diagrams
        By layer: ``diagrams["fc"].data["3"][1]`` are the bars (k, 2) of H_1 of class 3; ``.null`` and ``.jackknife``
        hold the same of each draw of the null model and without each group of points, ``.shuffled`` of each draw of
        shuffled tokens.
    values
        By layer: every descriptor of every cloud, of the null model and without each group.
    activations
        The points themselves, read a layer at a time: ``activations.points("fc")``. They are in a file, or on the GPU
        that computed with them, as long as the measurement is there.
    settings
        How it was measured.
    space
        The temporary folder of the activations, which goes with the measurement; None where they are in a user's file.
    """

    model: str
    rows: Sequence[Mapping]
    diagrams: Mapping[str, Diagrams]
    values: Mapping[str, Sequence[Values]]
    activations: Activations
    settings: Settings
    space: "Workspace | None" = None

    @property
    def layers(self) -> list[str]:
        """Names of the layers, in order of depth."""
        return list(self.diagrams)

    @cached_property
    def table(self) -> "DataFrame":
        """Tidy table with the columns of the pipeline's ``results/…/tables``; ``run`` is empty."""
        return as_table(self.rows, with_shuffled(MODEL_COLUMNS, self.rows))

    @cached_property
    def bars(self) -> "DataFrame":
        """Tidy table of every bar of the data and of the first draw of the null model."""
        return as_table([row for each in self.diagrams.values() for row in bar_rows(each)], BAR_COLUMNS)

    def longest_bars(self, longest: int = 5) -> "DataFrame":
        """Return a tidy table of the longest bars of H_0 and H_1 with the points that make them, of every cloud.

        Columns ``birth_indices`` and ``death_indices`` are rows of the data, ``birth_labels`` and ``death_labels``
        their classes, several in one cell with spaces between; :mod:`topodepth.tables.long_bars` says more.

        Parameters
        ----------
        longest
            How many bars of each cloud and homology dimension.
        """
        rows = [
            row
            for layer in self.layers
            for row in long_bar_rows(self.activations, layer, self.settings.diagrams, longest, model=self.model)
        ]
        return as_table(rows, LONG_BAR_COLUMNS)

    @cached_property
    def betti(self) -> "DataFrame":
        """Tidy table of the Betti curves of every layer, a mean over classes."""
        return as_table([row for each in self.diagrams.values() for row in betti_rows(each)], BETTI_COLUMNS)

    def save(self, path: str | Path, *, configuration: str | Path | None = None) -> Path:
        """Write the activations file that the pipeline and :func:`topodepth.measure` read; whole or not at all.

        Parameters
        ----------
        path
            HDF5 file to make.
        configuration
            Also write a configuration with which the pipeline measures that file in the same way:
            ``snakemake --cores 4 depth --configfile mine.yaml``.
        """
        with storage.atomic_path(path) as part:
            write_whole(self.activations, part)
        if configuration is not None:
            texts.write_json(configuration, self._configuration(Path(path)))  # JSON is YAML
        return Path(path)

    def _configuration(self, path: Path) -> dict:
        name = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in self.model).strip("_")
        name = name or "mine"
        chosen = {"name": name, "models": [name]}
        return {
            "run": name,
            **self.settings.configuration(),
            "activations": {name: {"file": str(path), "label": self.model}},
            "experiments": {"depth": [chosen]},
        }

    def write_table(self, path: str | Path) -> Path:
        """Write the table as CSV, with full precision, as the pipeline writes it."""
        texts.write_table(path, self.rows, with_shuffled(MODEL_COLUMNS, self.rows))
        return Path(path)

    def compare(self, *others: "Measurement") -> "Comparison":
        """Return this measurement beside others of the same points.

        Raises
        ------
        InputError
            If the points, their classes or the settings are not the same.
        """
        return Comparison([self, *others])

    def __repr__(self) -> str:
        clouds = next(iter(self.diagrams.values())).data
        classes = len([name for name in clouds if name != WHOLE])
        parts = [counted(len(self.layers), "layer"), counted(self.activations.n, "point")]
        parts.append(counted(classes, "class", "classes") if classes else "one cloud")
        return f"Measurement({self.model!r}: {', '.join(parts)})"

    def _repr_html_(self) -> str:
        return as_html(self, repr(self))


class Comparison:
    """Two or more models on the same points.

    Attributes
    ----------
    measurements
        In the order given; the first is the one that the others are compared with.

    Raises
    ------
    InputError
        If there are fewer than two, two of one name, or points, classes or settings differ.
    """

    def __init__(self, measurements: Sequence[Measurement]) -> None:
        for each in measurements:
            check_one(each)
        first, *others = self.measurements = list(measurements)
        names = [each.model for each in measurements]
        if len(set(names)) < len(names) or not others:
            hint = " Name them: measure(…, name=…)." if others else ""
            raise InputError(f"compare: expected two or more models of different names. Received: {names}.{hint}")
        for other in others:
            _check_same(first, other)

    @cached_property
    def table(self) -> "DataFrame":
        """The tables of all models under each other."""
        rows = [row for each in self.measurements for row in each.rows]
        return as_table(rows, with_shuffled(MODEL_COLUMNS, rows))

    @cached_property
    def differences(self) -> "DataFrame":
        """How far each other model's values are from the first's, in the layers that both have.

        Classes are pairs, as they hold the same images: the row of class ``mean`` is the mean over classes of the
        difference, with the interval of Student's t. For the cloud of all points the groups of the jackknife are pairs.
        An interval that excludes 0 tells the models apart on these images.
        """
        first, *others = self.measurements
        rows = []
        for other in others:
            for layer in [name for name in first.layers if name in other.layers]:
                for one, two in zip(first.values[layer], other.values[layer], strict=True):
                    if one.key in CONSTANT:
                        continue
                    about = {"model": other.model, "reference": first.model, "layer": layer}
                    key = {"homology_dimension": one.degree, "descriptor": one.descriptor}
                    rows += [about | key | row for row in _differences(one, two)]
        return as_table(rows, DIFFERENCES)

    def __repr__(self) -> str:
        return f"Comparison({', '.join(repr(each.model) for each in self.measurements)})"

    def _repr_html_(self) -> str:
        return as_html(self, repr(self))


def _check_same(first: Measurement, other: Measurement) -> None:
    one, two = first.activations, other.activations
    where = f"compare: {first.model} and {other.model}: expected"
    pairs = [(each.indices, np.zeros(each.n) if each.places is None else each.places) for each in (one, two)]
    if one.n != two.n or not np.array_equal(pairs[0], pairs[1]):
        raise InputError(f"{where} the same points. Received: {one.n} and {two.n}, or others of the data.")
    own, others = (np.empty(0) if each.labels is None else each.labels for each in (one, two))
    if not np.array_equal(own, others):
        raise InputError(f"{where} the same classes of the points. Received: others.")
    if first.settings != other.settings:
        raise InputError(f"{where} the same settings. Received: {first.settings} and {other.settings}.")


def _differences(one: Values, two: Values) -> list[dict]:
    """Return the rows of one descriptor: of the whole cloud, and of the mean over classes."""
    rows = []
    if WHOLE in one.data:
        found = jackknife_interval(two.data[WHOLE] - one.data[WHOLE], two.jackknife - one.jackknife)
        rows.append({"class": WHOLE, "difference": found.value, "ci_low": found.low, "ci_high": found.high})
    classes = [name for name in one.data if name != WHOLE]
    if classes:
        found = mean_interval(np.array([two.data[name] - one.data[name] for name in classes]))
        rows.append({"class": "mean", "difference": found.value, "ci_low": found.low, "ci_high": found.high})
    return rows


def as_table(rows: Sequence[Mapping], columns: Sequence[str]) -> "DataFrame":
    """Return rows as a table; what is not known is NaN."""
    import pandas

    table = pandas.DataFrame(list(rows), columns=list(columns))
    for column in table:
        if table[column].dtype == object and table[column].isna().all():
            table[column] = table[column].astype(float)
    return table
