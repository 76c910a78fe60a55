"""A joined table of comparisons: p corrected for all tests of a representation, and in words what it shows."""

from typing import TYPE_CHECKING

import numpy as np

from topodepth.errors import InputError
from topodepth.experiments.spoofing.comparison import DIFFERENCE
from topodepth.experiments.spoofing.permutation import step_down
from topodepth.experiments.spoofing.settings import ESTIMATORS
from topodepth.tables.rows import measure

if TYPE_CHECKING:
    import pandas

FAMILY = ["run", "dataset", "representation", "subset"]  # the tests that are corrected together share these
SIGNIFICANT = 0.05


def adjust(table: "pandas.DataFrame", permutations: "pandas.DataFrame") -> "pandas.DataFrame":
    """Return a joined table with every p corrected for the number of tests, in the column ``p_corrected``.

    The tests of one subset in one representation are one family: all its layers and descriptors, corrected together by
    :func:`step_down`.

    Parameters
    ----------
    table, permutations
        ``rows`` and ``permutations`` of :func:`topodepth.experiments.spoofing.compare` of any number of layers.

    Raises
    ------
    InputError
        If tests of one family differ in their number of permutations, or the permutations of one are not there.
    """
    table = table.astype({"p_corrected": float})
    ordered = permutations.assign(test=_tests(permutations)).sort_values("permutation", kind="stable")
    permuted = {test: rows.to_numpy() for test, rows in ordered.groupby("test")["difference"]}
    for key, family in table[table["p_value"].notna()].groupby(FAMILY, dropna=False):
        differences = [permuted.get(test, [np.nan]) for test in _tests(family)]
        counts = sorted({len(each) - 1 for each in differences})
        if len(counts) > 1 or counts[0] < 1:
            raise InputError(f"{' '.join(map(str, key))}: expected one number of permutations. Received: {counts}")
        table.loc[family.index, "p_corrected"] = step_down(np.stack(differences))
    return table


def _tests(table: "pandas.DataFrame") -> list[tuple]:
    """Return which test each row is of; a homology dimension of none is −1."""
    columns = table[[*FAMILY, "layer", "descriptor"]].astype(str)
    degrees = table["homology_dimension"].astype(float).fillna(-1)
    return list(zip(*(columns[name] for name in columns), degrees, strict=True))


def sentences(table: "pandas.DataFrame") -> list[str]:
    """Return what an adjusted table says of dimension, in plain words: a paragraph a subset and representation.

    Parameters
    ----------
    table
        What :func:`adjust` returned.
    """
    paragraphs = []
    for (subset, representation), rows in table.groupby(["subset", "representation"], sort=False):
        names = [name for name in rows["cloud"].unique() if name != DIFFERENCE]
        estimated = rows.loc[rows["homology_dimension"].isna(), "descriptor"]
        found = [
            _sentence(differences, *names)
            for name in dict.fromkeys((*ESTIMATORS, *estimated))
            if len(differences := rows[(rows["cloud"] == DIFFERENCE) & (rows["descriptor"] == name)])
        ]
        if found:
            n = rows["n_points"].max()
            paragraphs.append(f"{subset}, {representation} ({n:g} points a cloud): {' '.join(found)}")
    return paragraphs


def _sentence(differences: "pandas.DataFrame", real: str, spoof: str) -> str:
    """Say of one estimator where the spoof's dimension is lower or higher than the real one's."""
    what = f"The {measure(differences['descriptor'].iloc[0], None)} of {spoof}"
    if len(differences) == 1:
        row = differences.iloc[0]
        if not np.isfinite(row["value"]):
            return f"{what} or {real} is undefined."
        if np.isnan(row["p_corrected"]):
            return f"{what} cannot be compared with that of {real}: the test is undefined ({_difference(row)})."
        clear = row["p_corrected"] < SIGNIFICANT
        verdict = f"is {'lower' if row['value'] > 0 else 'higher'} than" if clear else "is not shown to differ from"
        return f"{what} {verdict} that of {real} ({_difference(row)})."
    tested, clear = differences["p_corrected"].notna(), differences["p_corrected"] < SIGNIFICANT
    lower = differences[clear & (differences["value"] > 0)]
    higher = differences[clear & (differences["value"] < 0)]
    same = differences[tested & ~differences.index.isin([*lower.index, *higher.index])]
    text = (
        f"{what} is lower than that of {real} at {len(lower)} of {len(differences)} layers, higher at {len(higher)}, "
        f"and not shown to differ at {len(same)}"
    )
    if not tested.all():
        text += f"; undefined at {len(differences) - int(tested.sum())}"
    if not differences["value"].notna().any():
        return f"{text}."
    row = differences.loc[differences["value"].abs().idxmax()]
    return f"{text}; the largest difference is at layer {row['layer']} ({_difference(row)})."


def _difference(row: "pandas.Series") -> str:
    bounds = np.isfinite([row["ci_low"], row["ci_high"]]).all()
    interval = f"95 % interval {row['ci_low']:.2f} to {row['ci_high']:.2f}" if bounds else "without an interval"
    p_value = "undefined" if np.isnan(row["p_corrected"]) else f"{row['p_corrected']:.3g}"
    return f"real − spoof = {row['value']:.2f}, {interval}, corrected p = {p_value}".replace("-", "−")
