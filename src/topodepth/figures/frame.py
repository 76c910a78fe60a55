"""What every figure asks of its table: the columns, an order of the models, one row for each point drawn."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from topodepth.errors import InputError, unknown_name

if TYPE_CHECKING:
    from pandas import DataFrame, Series

Panel = tuple[str, int]  # descriptor and homology dimension

KEYS = ("model", "layer", "relative_depth", "class", "homology_dimension", "descriptor")
VALUE = ("value", "ci_low", "ci_high")
NULL = ("null_value", "null_ci_low", "null_ci_high")
RELATIVE = ("relative_value", "relative_ci_low", "relative_ci_high")
TEXT = {"run", "model", "dataset", "layer", "class", "descriptor", "source", "note", "measure", "kind", "version",
        "target", "scope", "rule"}  # fmt: skip
SUMMARIES = ("mean", "all")  # mean over the classes (local mode); the whole cloud (global mode)

# descriptor: title, axis label, label relative to the null model; {i} stands for the homology dimension
TITLES = {
    "lifespan_sum": ("Lifespan sum of $H_{i}$", "lifespan sum $E_{i}$", "$E_{i}$ / null"),
    "persistent_entropy": ("Persistent entropy of $H_{i}$", "persistent entropy, $H_{i}$", "entropy / null"),
    "longest_bar": ("Longest bar of $H_{i}$", "longest lifespan, $H_{i}$", "longest lifespan / null"),
    "betti_peak": ("Peak of the Betti curve $\\beta_{i}$", "largest $\\beta_{i}$", "largest $\\beta_{i}$ / null"),
    "ph_dimension": ("PH dimension, $H_{i}$", "PH$_{i}$ dimension", "PH$_{i}$ dimension / null"),
    "two_nn": ("TwoNN dimension", "TwoNN dimension", "TwoNN dimension / null"),
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
    descriptor, dimension = panel
    plain = descriptor.replace("_", " ")
    texts = TITLES.get(descriptor, (f"{plain}, $H_{{i}}$", f"{plain}, $H_{{i}}$", f"{plain} / null"))
    return tuple(text.replace("{i}", str(dimension)) for text in texts)


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
    """Return a column as text; a class 1 that empty cells below it made a float stays 1."""
    return column.map("{:g}".format) if column.dtype.kind == "f" else column.astype(str)


def order(table: "DataFrame", models: Sequence[str] | None) -> list[str]:
    """Return the models to draw: those asked for, else all in the order of the table.

    Raises
    ------
    InputError
        If a model asked for has no row.
    """
    known = list(dict.fromkeys(table["model"]))
    for model in models or ():
        if model not in known:
            raise unknown_name("model in the table", model, known)
    return list(dict.fromkeys(models)) if models else known


def with_accuracy(table: "DataFrame", labels: Mapping[str, str] | None) -> dict[str, str]:
    """Return the labels, with each model's accuracy on the measured images where the table knows it."""
    labels = dict(labels or {})
    if "accuracy" in table and "model" in table:
        for model, value in table.groupby("model", sort=False)["accuracy"].first().dropna().items():
            labels[model] = f"{labels.get(model, model)}, accuracy {value:.2f}"
    return labels


def rows_of(table: "DataFrame", panel: Panel) -> "DataFrame":
    """Return the rows of a descriptor and homology dimension (of which dimension estimates may have none)."""
    descriptor, dimension = panel
    degree = table["homology_dimension"]
    return table[(table["descriptor"] == descriptor) & ((degree == dimension) | degree.isna())]


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
            f"{figure} figure: {panel[0]} (H_{panel[1]}): expected class mean or class all for every model. "
            f"Received: {only}."
        )
    rows = rows[rows["class"] == common[0]]
    rows = rows.sort_values("relative_depth", kind="stable")
    twice = rows[rows.duplicated(["model", "layer"])]
    if len(twice):
        first = twice.iloc[0]
        raise InputError(
            f"{figure} figure: expected one {panel[0]} (H_{panel[1]}) per model and layer. "
            f"Received: several for model {first['model']}, layer {first['layer']}; select one run and seed."
        )
    return rows


def positive(rows: "DataFrame", column: str) -> "DataFrame":
    """Return the rows with NaN, so a gap, in place of the values that a logarithmic axis cannot show."""
    return rows.assign(**{column: rows[column].where(rows[column] > 0)})


def present(
    table: "DataFrame", panels: Sequence[Panel] | None, default: Sequence[Panel], figure: str, *, only: bool = False
) -> list[Panel]:
    """Return the panels asked for, or those of ``default`` that the table has, or else the first that it has.

    With ``only``, nothing stands in for the default.

    Raises
    ------
    InputError
        If the table has no row for a panel asked for, or for none that may stand for it.
    """
    wanted = [(str(descriptor), int(dimension)) for descriptor, dimension in (panels or default)]
    found = [panel for panel in wanted if rows_of(table, panel)["class"].isin(SUMMARIES).any()]
    if not (panels or found or only):
        summaries = table[table["class"].isin(SUMMARIES)][["descriptor", "homology_dimension"]].drop_duplicates()
        summaries = summaries.fillna({"homology_dimension": 0})  # estimates have none: a panel of any holds them
        found = [(name, int(degree)) for name, degree in summaries.itertuples(index=False)][: len(default)]
    absent = [panel for panel in wanted if panel not in found]
    if absent and (panels or not found):
        pairs = table[["descriptor", "homology_dimension"]].drop_duplicates().sort_values(["descriptor"], kind="stable")
        known = ", ".join(f"{name} H_{degree:g}" for name, degree in pairs.itertuples(index=False))
        raise InputError(
            f"{figure} figure: no rows of class mean or all for "
            f"{', '.join(f'{name} H_{degree}' for name, degree in absent)}. The table has: {known}."
        )
    return found


def classes(table: "DataFrame", panel: Panel) -> "DataFrame":
    """Return the rows of the single classes, along the depth."""
    rows = rows_of(table, panel)
    return rows[~rows["class"].isin(SUMMARIES)].sort_values("relative_depth", kind="stable")


def one_model(table: "DataFrame", models: Sequence[str] | None, figure: str) -> tuple["DataFrame", str]:
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
