"""What every figure asks of its table: the columns, an order of the models, one row for each point drawn."""

import math
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from topodepth.errors import InputError, unknown_name
from topodepth.tables.rows import SUMMARIES, measure

if TYPE_CHECKING:
    from pandas import DataFrame, Series

Panel = tuple[str, int | None]  # descriptor and homology dimension, None for one that has none

# keywords of every ``draw``, see the package
Models = Sequence[str] | None
Labels = Mapping[str, str] | None
Panels = Sequence[Panel] | None

KEYS = ("model", "layer", "relative_depth", "class", "homology_dimension", "descriptor")
VALUE = ("value", "ci_low", "ci_high")
NULL = ("null_value", "null_ci_low", "null_ci_high")
SHUFFLED = "shuffled_value"  # a column of tables of points whose tokens were shuffled
RELATIVE = ("relative_value", "relative_ci_low", "relative_ci_high")
TEXT = {"run", "model", "dataset", "layer", "class", "descriptor", "source", "note", "measure", "kind", "version",
        "target", "scope", "rule", "representation", "subset", "cloud", "model_a", "layer_a", "model_b",
        "layer_b"}  # fmt: skip

DEPTH: tuple[Panel, ...] = (("lifespan_sum", 0), ("lifespan_sum", 1), ("ph_dimension", 0))  # where depth is drawn
LABEL, TITLE = 28, 36  # letters in a line

# descriptor: title, axis label, and label relative to the null model; {i} stands for the homology dimension. Of others,
# built in or a user's own, what tables and pages call them.
NAMES = {
    "lifespan_sum": ("Lifespan sum of $H_{i}$", "lifespan sum $E_{i}$", "$E_{i}$ / null"),
    "betti_peak": ("Peak of the Betti curve $\\beta_{i}$", "largest $\\beta_{i}$", "largest $\\beta_{i}$ / null"),
    "ph_dimension": ("PH dimension, $H_{i}$", "PH$_{i}$ dimension", "PH$_{i}$ dimension / null"),
    "mle": ("Maximum-likelihood dimension", "MLE dimension", "MLE dimension / null"),
}

# what models are compared by: axis label, factor from the table's unit
TARGETS = {
    "test_error": ("test error, %", 100),
    "gap": ("generalisation gap, training − test accuracy, %", 100),
    "loss_gap": ("gap of the loss, test − training", 1),
    "test_accuracy": ("test accuracy, %", 100),
    "test_loss": ("test loss", 1),
}


def titles(panel: Panel) -> tuple[str, str, str]:
    """Return the title, the axis label and the label relative to the null model of a panel."""
    descriptor, degree = panel
    if descriptor in NAMES:
        title, label, relative = (text.replace("{i}", str(degree or 0)) for text in NAMES[descriptor])
        return title, label, relative
    words = measure(descriptor, degree).replace("$", r"\$")
    name = re.sub(r"\bH_(\d)$", r"$H_\1$", words)
    title = textwrap.fill(name[0].upper() + name[1:], TITLE)
    return title, textwrap.fill(name, LABEL), textwrap.fill(f"{name}\u00a0/\u00a0null", LABEL)


def tidy(table: "DataFrame", columns: Iterable[str], figure: str) -> "DataFrame":
    """Return a copy of the table with text as text and everything else as float.

    Raises
    ------
    InputError
        If the table is empty or lacks one of ``columns``; the message names ``figure`` and what is missing.
    """
    import pandas

    columns = list(columns)
    if not isinstance(table, pandas.DataFrame):
        raise InputError(f"{figure} figure: expected a pandas DataFrame. Received: {type(table).__name__}.")
    missing = [column for column in columns if column not in table.columns]
    if missing:
        received = ", ".join(map(str, table.columns)) or "none"
        raise InputError(f"{figure} figure: the table lacks {', '.join(missing)}. Received columns: {received}.")
    if table.empty:
        raise InputError(f"{figure} figure: expected a table with rows. Received: an empty one.")
    copy = table[columns].copy()
    for column in columns:
        if column in TEXT:
            copy[column] = _as_text(copy[column])
            continue
        try:
            copy[column] = pandas.to_numeric(copy[column]).astype(float)
        except (ValueError, TypeError) as error:
            raise InputError(f"{figure} figure: column {column}: expected numbers. Received: {error}.") from error
    return copy.reset_index(drop=True)


def _as_text(column: "Series") -> "Series":
    """Return a column as text, empty cells as they are; a class 1 that those made a float stays 1."""
    return column.map("{:g}".format if column.dtype.kind == "f" else str, na_action="ignore")


def order(table: "DataFrame", models: Models, column: str = "model") -> list[str]:
    """Return the models to draw, of the column that names them: those asked for, else all in the order of the table.

    Raises
    ------
    InputError
        If a model asked for has no row.
    """
    known = list(dict.fromkeys(table[column]))
    for model in models or ():
        if model not in known:
            raise unknown_name("model in the table", model, known)
    return list(dict.fromkeys(models)) if models else known


def of_models(
    table: "DataFrame", columns: Iterable[str], models: Models, figure: str, column: str = "model"
) -> tuple["DataFrame", list[str]]:
    """Return the rows of the models to draw, of :func:`tidy`, and those models, of :func:`order`.

    A column of shuffled tokens comes too, where the table has one.
    """
    if SHUFFLED in getattr(table, "columns", ()):
        columns = [*columns, SHUFFLED]
    table = tidy(table, columns, figure)
    names = order(table, models, column)
    return table[table[column].isin(names)], names


def with_accuracy(table: "DataFrame", labels: Labels) -> dict[str, str]:
    """Return the labels, with each model's accuracy on the measured images where the table knows it."""
    labels = dict(labels or {})
    if "accuracy" in table and "model" in table:
        for model, value in table.groupby("model", sort=False)["accuracy"].first().dropna().items():
            labels[model] = f"{labels.get(model, model)}, accuracy {value:.2f}"
    return labels


def text(panel: Panel) -> str:
    """Return a panel as messages name it: ``lifespan_sum H0``, ``two_nn``."""
    descriptor, dimension = panel
    return descriptor if dimension is None else f"{descriptor} H{dimension}"


def rows_of(table: "DataFrame", panel: Panel) -> "DataFrame":
    """Return the rows of a descriptor and homology dimension; of a descriptor without one, all."""
    descriptor, dimension = panel
    rows = table[table["descriptor"] == descriptor]
    degree = rows["homology_dimension"]
    return rows if dimension is None else rows[(degree == dimension) | degree.isna()]


def summary_rows(table: "DataFrame", panel: Panel, figure: str) -> "DataFrame":
    """Return one row per model and layer: the mean over classes if every model has it, else the whole cloud.

    Raises
    ------
    InputError
        If models have different ones, which one axis must not mix, or a model has two values at one layer.
    """
    rows = rows_of(table, panel)
    having = {name: set(rows.loc[rows["class"] == name, "model"]) for name in SUMMARIES}
    everyone = set().union(*having.values())
    common = [name for name in SUMMARIES if having[name] == everyone]
    if not common:
        only = ", ".join(f"class {name} for {', '.join(sorted(models))}" for name, models in having.items())
        raise InputError(
            f"{figure} figure: {text(panel)}: expected class mean or class all for every model. Received: {only}."
        )
    rows = rows[rows["class"] == common[0]]
    rows = rows.sort_values("relative_depth", kind="stable")
    twice = rows[rows.duplicated(["model", "layer"])]
    if len(twice):
        first = twice.iloc[0]
        raise InputError(
            f"{figure} figure: expected one {text(panel)} per model and layer. "
            f"Received: several for model {first['model']}, layer {first['layer']}; select one run and seed."
        )
    return rows


def positive(rows: "DataFrame", column: str) -> "DataFrame":
    """Return the rows with NaN, so a gap, in place of the values that a logarithmic axis cannot show."""
    return rows.assign(**{column: rows[column].where(rows[column] > 0)})


def present(
    table: "DataFrame",
    wanted: Panels,
    default: Sequence[Panel],
    figure: str,
    *,
    classes: Sequence[str] | None = SUMMARIES,
    only: bool = False,
) -> list[Panel]:
    """Return the panels asked for, or those of ``default`` that the table has, or else the first that it has.

    Parameters
    ----------
    table
        With the columns descriptor and homology_dimension.
    wanted
        Panels asked for, each with its homology dimension, or None for all that the table has; None for the default.
    default
        What is shown where nothing is asked for.
    figure
        Its name, for messages.
    classes
        Classes of which rows are drawn; None: of any, or the table has none.
    only
        Whether nothing stands in for the default.

    Raises
    ------
    InputError
        If the table has no row for a panel asked for, or for none that may stand for it.
    """
    known = of_table(table if classes is None else table[table["class"].isin(classes)])
    asked = [(str(name), None if degree is None else int(degree)) for name, degree in wanted or default]
    absent = [panel for panel in asked if not any(_is_of(each, panel) for each in known)]
    found = list(dict.fromkeys(each for panel in asked for each in known if _is_of(each, panel)))
    if not (wanted or found or only):
        found = known[: len(default)]
    if absent and (wanted or not found):
        of_class = f", class {' or '.join(classes)}" if classes else ""
        raise InputError(
            f"{figure} figure: expected rows of {', '.join(map(text, absent))}{of_class}. "
            f"The table has: {', '.join(map(text, known)) or 'none'}."
        )
    return found


def of_table(table: "DataFrame") -> list[Panel]:
    """Return the descriptors of a table with their homology dimensions, in its order."""
    pairs = table[["descriptor", "homology_dimension"]].drop_duplicates()
    return [(name, None if math.isnan(degree) else int(degree)) for name, degree in pairs.itertuples(index=False)]


def _is_of(known: Panel, asked: Panel) -> bool:
    """Tell whether a panel is what is asked for; where one of them has no homology dimension, the name decides."""
    return known[0] == asked[0] and (known[1] == asked[1] or None in (known[1], asked[1]))


def classes(table: "DataFrame", panel: Panel) -> "DataFrame":
    """Return the rows of the single classes, along the depth."""
    rows = rows_of(table, panel)
    return rows[~rows["class"].isin(SUMMARIES)].sort_values("relative_depth", kind="stable")


def one_model(table: "DataFrame", models: Models, figure: str) -> tuple["DataFrame", str]:
    """Return the rows of one model and its name.

    Raises
    ------
    InputError
        If the model has no row, or none is named and the table holds several.
    """
    known = order(table, models)
    if len(known) > 1:
        raise InputError(f"{figure} figure: expected one model. Received: {', '.join(known)}.")
    return table[table["model"] == known[0]], known[0]


def layers(table: "DataFrame") -> dict[str, float]:
    """Return the layers of a table in the order of their relative depth, and that depth."""
    rows = table.drop_duplicates("layer").sort_values("relative_depth", kind="stable")
    return dict(zip(rows["layer"], rows["relative_depth"], strict=True))


def same_layers(bars: Iterable[str], curves: Iterable[str], figure: str) -> None:
    """Refuse a layer that only one of two tables has."""
    alone = sorted(set(bars) ^ set(curves))
    if alone:
        raise InputError(
            f"{figure} figure: expected the same layers in both tables. Received: {', '.join(alone)} in one only."
        )


def of_target(associations: "DataFrame", target: str) -> "DataFrame":
    """Return the rows of the table of associations that belong to a target.

    Raises
    ------
    InputError
        If it is not one of ``TARGETS``, or has no row.
    """
    known = [name for name in TARGETS if name in set(associations["target"])]
    if target not in known:
        raise unknown_name("target in the table of associations", target, known)
    return associations[associations["target"] == target]


def one_class(rows: "DataFrame") -> "DataFrame":
    """Return the rows of one class: the mean over classes if there, else the whole cloud, else the first class."""
    names = [name for name in (*SUMMARIES, *rows["class"]) if name in set(rows["class"])]
    return rows[rows["class"].isin(names[:1])]
