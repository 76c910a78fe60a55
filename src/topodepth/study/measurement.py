"""What was measured of one model: a table, diagrams, bars; and the activations, to be kept if the user wants to."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topodepth.activations.file import Activations
from topodepth.errors import InputError
from topodepth.files import storage, texts
from topodepth.study.settings import Settings
from topodepth.tables.tables import BAR_COLUMNS, BETTI_COLUMNS, MODEL_COLUMNS, bar_rows, betti_rows
from topodepth.tables.values import Values
from topodepth.topology.diagrams import Diagrams

if TYPE_CHECKING:
    from pandas import DataFrame

    from topodepth.study.comparison import Comparison
    from topodepth.study.sources import Workspace


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
        hold the same of each draw of the null model and without each group of points.
    values
        By layer: every descriptor of every cloud, of the null model and without each group.
    activations
        The points themselves, in a file, read a layer at a time: ``activations.points("fc")``.
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
        return as_table(self.rows, MODEL_COLUMNS)

    @cached_property
    def bars(self) -> "DataFrame":
        """Tidy table of every bar of the data and of the first draw of the null model."""
        return as_table([row for each in self.diagrams.values() for row in bar_rows(each)], BAR_COLUMNS)

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
            shutil.copyfile(self.activations.path, part)
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
        texts.write_table(path, self.rows, MODEL_COLUMNS)
        return Path(path)

    def compare(self, *others: "Measurement") -> "Comparison":
        """Return this measurement beside others of the same points.

        Raises
        ------
        InputError
            If the points, their classes or the settings are not the same.
        """
        from topodepth.study.comparison import Comparison

        return Comparison([self, *others])

    def __repr__(self) -> str:
        clouds = next(iter(self.diagrams.values())).data
        what = "one cloud" if list(clouds) == ["all"] else f"{len([name for name in clouds if name != 'all'])} classes"
        return f"Measurement({self.model!r}: {len(self.layers)} layers, {self.activations.n} points, {what})"

    def _repr_html_(self) -> str:
        from topodepth.study.showing import as_html

        return as_html(self, repr(self))


def as_table(rows: Sequence[Mapping], columns: Sequence[str]) -> "DataFrame":
    """Return rows as a table; what is not known is NaN."""
    import pandas

    table = pandas.DataFrame(list(rows), columns=list(columns))
    for column in table:
        if table[column].dtype == object and table[column].isna().all():
            table[column] = table[column].astype(float)
    return table


def check_one(measurement: Any) -> None:
    """Refuse what is no measurement."""
    if not isinstance(measurement, Measurement):
        raise InputError(f"expected a measurement, of topodepth.measure. Received: {type(measurement).__name__}.")
