"""What a column of a table means: its unit, its type, its range, and when a cell of it is empty.

These are the columns that several tables share; :mod:`topodepth.tables.described` says which table has which.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Column:
    """What a column means.

    Attributes
    ----------
    meaning
        One or two sentences.
    type
        ``string``, ``integer``, ``number`` or ``boolean``. Whole numbers beside empty cells may be written as 1.0.
    unit
        Of its numbers; empty where they have none, such as counts and shares.
    low, high
        Least and largest value; None where there is no bound.
    levels
        All that a cell may hold; empty where it may hold anything.
    empty
        When a cell is empty; nothing where it never is.
    """

    meaning: str
    type: str = "number"
    unit: str = ""
    low: float | None = None
    high: float | None = None
    levels: tuple[str, ...] = ()
    empty: str = ""

    def but(self, **changes: object) -> "Column":
        """Return the column of another table that differs in some of this."""
        return replace(self, **changes)  # type: ignore[arg-type]  # mypy cannot tell which field each is


Columns = Mapping[str, Column]


def text(meaning: str, *levels: str, empty: str = "") -> Column:
    """Return a column of words."""
    return Column(meaning, "string", levels=levels, empty=empty)


def count(meaning: str, empty: str = "", *, low: float = 0) -> Column:
    """Return a column of whole numbers."""
    return Column(meaning, "integer", low=low, empty=empty)


def share(meaning: str, empty: str = "") -> Column:
    """Return a column of numbers from 0 to 1."""
    return Column(meaning, low=0, high=1, empty=empty)


def bounds(of: str, like: Column, low: str, high: str, *, empty: str) -> Columns:
    """Return the columns of a 95 % interval, of the same unit as what it is of."""
    ends = {low: "Lower", high: "Upper"}
    return {
        name: like.but(meaning=f"{end} end of the 95 % interval of `{of}`.", empty=empty) for name, end in ends.items()
    }


UNIT = "that of the descriptor"
ONE_ONLY = "where the value is of one class alone, or undefined, or intervals are switched off"
NO_NULL = "where the null model is switched off, or its value is undefined"

RUN = text("Name of the run.", empty="where no pipeline made the table")
MODEL = text("Name of the model; of several seeds pooled, that of their curve.")
DATASET = text("Name of the data set.", empty="where none is named")
LAYER_INDEX = count("Place of the layer among those tapped, from 0 at the input.")
LAYER = text("Name of the layer, as it was tapped.")
DEPTH = share("Relative depth of the layer: layer applications from the input to it, over those to the output.",
              "where it is not known")  # fmt: skip
CLASS = text("Cloud: a class's number; `mean`, the mean over classes; `all`, all points as one cloud.")
DEGREE = Column("Homology dimension, 0 for connected components, 1 for loops, 2 for voids.", "integer", low=0, high=2,
                empty="of an intrinsic dimension other than the PH dimension")  # fmt: skip
DESCRIPTOR = text("Descriptor of a persistence diagram, or estimator of intrinsic dimension, by its registered name.")
VERSION = text("`value`, the descriptor itself; `relative`, divided by that of the null model.", "value", "relative")
N_POINTS = count("Points of the cloud; of a mean, of all its clouds; of a dimension, without those that repeat others "
                 "within rounding.", "where it is not known")  # fmt: skip
SEED = count("Seed of what was drawn: subsamples of points and the null model.", "of several seeds pooled")
NOTE = text("Why a value is undefined, or to be read with care.", empty="where there is nothing to say")
ACCURACY = share("Accuracy of the network on the images that are measured.", "where the network has no such classes")

LAYERS: Columns = {"layer_index": LAYER_INDEX, "layer": LAYER, "relative_depth": DEPTH, "class": CLASS}

_VALUE = Column("The descriptor or dimension.", unit=UNIT, empty="where it is undefined; `note` says why")
_NULL = Column("Mean over draws of the null model, each feature permuted independently within the cloud.", unit=UNIT,
               empty=NO_NULL)  # fmt: skip
_RATIO = Column("`value` divided by `null_value`; 1 is what chance gives.", empty=NO_NULL)
_SHUFFLED = Column(
    "Mean over draws of the null model of shuffled tokens.", unit=UNIT, empty="of a layer without tokens"
)
_RATIO_SHUFFLED = Column("`value` divided by `shuffled_value`.", empty="of a layer without tokens")


def with_interval(name: str, column: Column, empty: str) -> Columns:
    """Return the columns of a value and of its interval: ``value, ci_low, ci_high`` with what stands before them."""
    stem = name.removesuffix("value")
    return {name: column, **bounds(name, column, f"{stem}ci_low", f"{stem}ci_high", empty=empty)}


DESCRIPTORS: Columns = {
    "run": RUN, "model": MODEL, "dataset": DATASET, **LAYERS, "homology_dimension": DEGREE, "descriptor": DESCRIPTOR,
    **with_interval("value", _VALUE, ONE_ONLY),
    **with_interval("null_value", _NULL, "where there are fewer than two draws of the null model"),
    **with_interval("relative_value", _RATIO, "where either of the two has no interval"),
    "n_points": N_POINTS,
    "dimension": count("Features of the layer: the dimension of the space that its points lie in.", low=1),
    "seed": SEED,
    "r_squared": share("Share of the variance that the fitted line explains.", "but of the PH dimension"),
    "bias": Column("Bias that the calibration of the estimator gives for as many points; the largest of cube, Gaussian "
                   "and sphere.", empty="of a descriptor, or of a dimension without a calibration"),
    "true_low": Column("Least true dimension whose estimates have a mean within the interval.",
                       empty="of a descriptor, or where there is no such end", low=0),
    "true_high": Column("Largest true dimension whose estimates have a mean within the interval.",
                        empty="of a descriptor, or where there is no such end", low=0),
    "note": NOTE,
}  # fmt: skip
SHUFFLED: Columns = {
    **with_interval("shuffled_value", _SHUFFLED, "of a layer without tokens"),
    **with_interval("relative_to_shuffled_value", _RATIO_SHUFFLED, "of a layer without tokens"),
}
UNMEASURED = "where it was not measured"
LOSS = Column("Loss.", unit="nat", low=0, empty=UNMEASURED)
LENGTH = Column("Filtration value.", unit="that of the distances of the layer, after scaling", low=0)
