"""The tables of the spoofing and similarity experiments, and of a run as a whole."""

from collections.abc import Mapping

from topodepth.tables.columns import (
    DATASET,
    DEGREE,
    DEPTH,
    DESCRIPTOR,
    LAYER,
    NOTE,
    RUN,
    UNIT,
    Column,
    Columns,
    bounds,
    count,
    share,
    text,
    with_interval,
)
from topodepth.tables.table import Table

OF_SPOOFS: Columns = {
    "run": RUN,
    "dataset": DATASET,
    "representation": text("`pixels`, or the model in whose layers the images are."),
    "subset": text("Split of the data set."),
    "layer": LAYER,
    "relative_depth": DEPTH,
}
CLOUD = text("Name of the class; `difference`: the first class minus the second.")
NULL_ONLY = "where the measure does not depend on which image is which, or there are no permutations"
OF_CLOUD, OF_DIFFERENCE = "of a cloud", "of the difference"


TABLES: Mapping[str, Table] = {
    "spoofs": Table(
        {"spoofing/*/spoofing.csv": "join_spoofs.py", "spoofs/*/*/*.csv": "compare_spoofs.py"},
        "One row per subset, representation, layer, cloud and descriptor; and one for the difference of both clouds.",
        {
            **OF_SPOOFS,
            "cloud": CLOUD,
            "descriptor": DESCRIPTOR,
            "homology_dimension": DEGREE,
            "n_points": count("Points of each cloud."),
            **with_interval(
                "value",
                Column("The descriptor or dimension, or the difference.", unit=UNIT, empty="where it is undefined"),
                "where it has none",
            ),
            "null_value": Column(
                "Mean over draws of the null model, each feature permuted within the cloud.",
                unit=UNIT,
                empty=f"{OF_DIFFERENCE}, or where the null model is switched off",
            ),
            "relative_value": Column(
                "`value` divided by `null_value`.", empty=f"{OF_DIFFERENCE}, or where the null model is switched off"
            ),
            "p_value": share("Share of permutations of the labels with at least this difference.", OF_CLOUD),
            "permutations": count("Permutations of the labels.", OF_CLOUD),
            "p_corrected": share(
                "p-value corrected for all layers and descriptors of the subset and representation "
                "(step-down maximum, Westfall & Young).",
                OF_CLOUD,
            ),
            "note": NOTE,
        },
    ),
    "growth": Table(
        {"spoofing/*/curves.csv": "join_spoofs.py", "spoofs/*/*/*.curves.csv": "compare_spoofs.py"},
        "One row per cloud, size and subsample: the growth of the lifespan sum that gives the PH dimension.",
        {
            **OF_SPOOFS,
            "cloud": CLOUD,
            "n": count("Points of the subsample."),
            "draw": count("Number of the subsample among those of this size."),
            "log_n": Column("Natural logarithm of `n`.", low=0),
            "log_lifespan_sum": Column("Natural logarithm of E_0^α of the subsample.", empty="where E_0^α is 0"),
            "slope": Column("Slope of the fitted line.", empty="where there is none"),
            "intercept": Column("Intercept of the fitted line.", empty="where there is none"),
            "ph_dimension": Column("PH dimension, α / (1 − slope).", low=0, empty="where it is undefined"),
            **bounds("ph_dimension", Column("", low=0), "ci_low", "ci_high", empty="where it has none"),
        },
    ),
    "permutations": Table(
        {"spoofs/*/*/*.permutations.csv": "compare_spoofs.py"},
        "One row per test and permutation of the labels: what the test compared.",
        {
            **OF_SPOOFS,
            "descriptor": DESCRIPTOR,
            "homology_dimension": DEGREE,
            "permutation": count("Number of the permutation; 0 is as observed."),
            "difference": Column(
                "Difference of the statistic between both clouds.",
                unit="that of the statistic",
                empty="where it is undefined",
            ),
        },
    ),
    "similarity": Table(
        {"similarity/*/similarity.csv": "join_similarity.py", "similarity/*/pairs/*/*.csv": "compare_layers.py"},
        "One row per pair of layers and measure.",
        {
            "run": RUN,
            "dataset": DATASET,
            **{
                f"{name}_{side}": column.but(meaning=f"{column.meaning} Of the {which} of the pair.")
                for side, which in (("a", "first"), ("b", "second"))
                for name, column in (
                    ("model", text("Name of the network.")),
                    (
                        "layer",
                        text(
                            "Layer; `(same depth)` stands for the whole network, `(labels)` for "
                            "the labels of the images."
                        ),
                    ),
                    ("relative_depth", DEPTH.but(empty="of whole networks and of labels")),
                )
            },
            "measure": text("Measure of similarity by its registered name, or `label_overlap`."),
            "kind": text("`similarity`: 1 is the same; `distance`: 0 is.", "similarity", "distance"),
            **with_interval(
                "value",
                Column("The measure.", empty="where it is undefined; `note` says why"),
                "where jackknife groups are switched off, or it is undefined",
            ),
            "null_value": Column("Mean over orders of the images of one side.", empty=NULL_ONLY),
            "p_value": share("Share of orders, that of the data among them, that are at least as alike.", NULL_ONLY),
            "beyond_null": Column(
                "(`value` − `null_value`) / (best − `null_value`): 0 by chance, 1 for the same.",
                empty=NULL_ONLY,
            ),
            "class_null_value": Column(
                "As `null_value`, of orders within each class.", empty=f"{NULL_ONLY}, or no labels"
            ),
            "class_p_value": share("As `p_value`, of orders within each class.", f"{NULL_ONLY}, or no labels"),
            "beyond_class_null": Column(
                "As `beyond_null`, of orders within each class.", empty=f"{NULL_ONLY}, or no labels"
            ),
            "n_points": count("Images."),
            "note": NOTE,
        },
    ),
    "sample": Table(
        {"samples/*/*.csv": "draw_sample.py"},
        "One row per image that is measured.",
        {"index": count("Row of the image in its split of the data set file."), "label": count("Its class.")},
    ),
    "versions": Table(
        {"versions.csv": "record_provenance.py"},
        "One row per package that was installed.",
        {"package": text("Package, or `python`."), "version": text("Version.")},
    ),
    "times": Table(
        {"times.csv": "tabulate_times.py"},
        "One row per rule: what its jobs cost.",
        {
            "rule": text("Rule."),
            "jobs": count("Its jobs."),
            "seconds": Column("Time of all its jobs.", unit="s", low=0),
            "longest_seconds": Column("Time of the longest.", unit="s", low=0),
            "cpu_seconds": Column("Processor time of all.", unit="s", low=0),
            "peak_memory_mb": Column("Most memory that one took.", unit="MB", low=0),
        },
    ),
    "times_parts": Table(
        {"times_parts.csv": "tabulate_times.py"},
        "One row per part of the run: what its time went to.",
        {"part": text("Part."), "seconds": Column("Time.", unit="s", low=0), "what": text("Of what.")},
    ),
    "times_cores": Table(
        {"times_cores.csv": "tabulate_times.py"},
        "One row per number of cores: what the run would take, from the times of its jobs.",
        {
            "cores": count("Cores of the machine."),
            "seconds": Column("Time with the memory of the machine that made the table.", unit="s", low=0),
            "seconds_any_memory": Column("Time without a limit of memory.", unit="s", low=0),
        },
    ),
}
