"""The tables of the generalisation experiment."""

from collections.abc import Mapping

from topodepth.tables.columns import (
    ACCURACY,
    CLASS,
    DEGREE,
    DEPTH,
    DESCRIPTOR,
    LAYER,
    LOSS,
    MODEL,
    NOTE,
    SEED,
    UNIT,
    UNMEASURED,
    VERSION,
    Column,
    Columns,
    bounds,
    count,
    share,
    text,
    with_interval,
)
from topodepth.tables.table import Table

TARGET = text("What the measure is compared with.", "test_error", "test_accuracy", "test_loss", "gap", "loss_gap")
MEASURE = text("Measure by its full name: descriptor, homology dimension, layer, version; or a rival.")
OF_LAYER = "of a rival, or of a trajectory, which are of no layer"
ABOUT_MEASURE: Columns = {
    "measure": MEASURE,
    "kind": text("`descriptor`, or `rival`: what is known of a model without topology.", "descriptor", "rival"),
    "descriptor": DESCRIPTOR.but(meaning="Descriptor, estimator or rival, by its registered name."),
    "layer": LAYER.but(empty=OF_LAYER),
    "relative_depth": DEPTH.but(empty=OF_LAYER),
    "class": CLASS.but(empty=OF_LAYER),
    "homology_dimension": DEGREE.but(empty="of a rival, or of an intrinsic dimension other than the PH dimension"),
    "version": VERSION,
}
ASSOCIATION = Column("", low=-1, high=1, empty="where it is undefined; `reason` says why")
PART = Column("", low=-1, high=1, empty="where there are no covariates, or it is undefined; `partial_reason` says why")
UNTESTED = "where the test is undefined"
GRID_ONLY = "in rows of blocks, and where the models are no grid"


def _association(name: str, meaning: str, like: Column = ASSOCIATION) -> Columns:
    column = like.but(meaning=meaning)
    return {
        name: column,
        **bounds(name, column, f"{name}_low", f"{name}_high", empty=f"{like.empty}; or has no interval"),
    }


OF_MODELS: Columns = {
    "parameters": count("Weights of the network.", UNMEASURED),
    "weight_layers": count("Layers with weights.", UNMEASURED),
    "epochs_trained": count("Epochs that the training took.", UNMEASURED),
    "frobenius_norm": Column("Frobenius norm of all weights.", low=0, empty=UNMEASURED),
    "spectral_norm": Column("Largest spectral norm of a layer's weights.", low=0, empty=UNMEASURED),
    **{
        f"{split}_{name}": column
        for split in ("train", "validation", "test")
        for name, column in (
            ("accuracy", share(f"Accuracy on the split `{split}`.", UNMEASURED)),
            ("loss", LOSS.but(meaning=f"Cross-entropy on the split `{split}`.")),
        )
    },
    "test_error": share("1 − `test_accuracy`.", "where neither is known"),
    "gap": Column("`train_accuracy` − `test_accuracy`.", low=-1, high=1, empty=UNMEASURED),
    "loss_gap": Column("`test_loss` − `train_loss`.", unit="nat", empty=UNMEASURED),
    "stated_accuracy": share("Test accuracy that whoever trained the model states.", "where none is stated"),
    "stated_difference": Column(
        "`stated_accuracy` minus the measured test accuracy.", low=-1, high=1, empty="where either is unknown"
    ),
    "sample_accuracy": ACCURACY,
}


TABLES: Mapping[str, Table] = {
    "models": Table(
        {"generalization/*/models.csv": "join_generalization.py"},
        "One row per model: what is known of it beside its descriptors.",
        {
            "model": MODEL,
            "entry": text("Entry of the configuration that it comes from."),
            "label": text("Name in figures."),
            "architecture": text("Architecture.", empty="where it is not known"),
            "seed": SEED.but(
                meaning="Seed of the initial weights and of training.", empty="of a model not trained here"
            ),
            **OF_MODELS,
        },
        {
            "run": text("Training run that the model is a snapshot of, by the name of its last one."),
            "snapshot": count("Place of the snapshot in its run, from 1.", low=1),
        },
        text(
            "Hyper-parameter in which the models differ: a key of the configuration or of `hyperparameters`.",
            empty="of a model without it",
        ),
    ),
    "measures": Table(
        {"generalization/*/measures.csv": "join_generalization.py"},
        "One row per model and measure: descriptors and rivals.",
        {
            "model": MODEL,
            **ABOUT_MEASURE,
            **with_interval(
                "value",
                Column("The measure.", unit=UNIT, empty="where it is undefined"),
                "of a rival, or where the value has none",
            ),
        },
        made_of=("models.csv",),
    ),
    "associations": Table(
        {"generalization/*/associations.csv": "associate_measures.py"},
        "One row per target, scope and measure: how they go together.",
        {
            "target": TARGET,
            "scope": text("`all` models; `within` blocks of equal controls; `group:<name>`, one group alone."),
            **ABOUT_MEASURE,
            "n": count("Models that count."),
            **_association("pearson", "Pearson's r with the target."),
            **_association("spearman", "Spearman's ρ with the target."),
            **_association("kendall", "Kendall's τ-b with the target."),
            "p_value": share("Permutation test of τ, two-sided.", UNTESTED),
            "p_corrected": share(
                "The same, corrected for the number of descriptors of this target (Westfall & Young).", UNTESTED
            ),
            "least_p": share("Least p-value that the permutations can give."),
            **_association("partial", "Partial correlation given the covariates, of normal scores.", PART),
            "partial_p": share("Permutation test of it, two-sided.", PART.empty),
            "partial_corrected": share(
                "The same, corrected for the number of descriptors.", f"of a rival; {PART.empty}"
            ),
            "partial_given": text("Covariates that were used.", empty="where there are none"),
            "partial_unknown": text(
                "Covariates that are unknown of some models, and left out.", empty="where there are none"
            ),
            "partial_reason": text("Why the partial correlation is undefined.", empty="where it is not"),
            "granulated": Column(
                "Ψ: mean over the axes of a grid of τ among models that differ in one axis only.",
                low=-1,
                high=1,
                empty=GRID_ONLY,
            ),
            "cells_skipped": count("Cells of the grid without an order, left out of Ψ.", GRID_ONLY),
            "cmi": share(
                "Share of the order of two models by the target that the measure tells, the least over sets of at "
                "most two hyper-parameters.",
                GRID_ONLY,
            ),
            "sign_error": share(
                "Share of pairs of models that the measure orders wrongly: mean over groups, or axes.",
                "where there are neither groups nor axes, or no pairs",
            ),
            "sign_error_worst": share(
                "The same of the worst group or axis.", "where there are neither groups nor axes, or no pairs"
            ),
            **_association("beats_train_accuracy", "|τ| of the measure minus |τ| of the training accuracy."),
            **_association("beats_logit_spread", "|τ| of the measure minus |τ| of the logit spread."),
            "verdict": text("What may be said of the descriptor, with its numbers.", empty="of a rival"),
            "verdict_class": text(
                "The verdict in short.",
                "beats rivals",
                "associated",
                "the sign turns",
                "explained by covariates",
                "no association shown",
                "cannot be said",
                empty="of a rival",
            ),
            "reason": text("Why the coefficients are undefined.", empty="where they are not"),
            "note": NOTE,
        },
        {
            "runs": count("Training runs that the models are snapshots of."),
            "effective_runs": Column("Effective number of runs, (Σ n)² / Σ n² of their numbers of snapshots.", low=0),
        },
        made_of=("models.csv", "measures.csv"),
    ),
    "granulated": Table(
        {"generalization/*/granulated.csv": "associate_measures.py"},
        "One row per target, measure and axis of a grid: granulated Kendall's τ.",
        {
            "target": TARGET,
            "measure": MEASURE,
            "axis": text("Hyper-parameter that alone differs."),
            "psi": Column(
                "Mean of Kendall's τ over the cells of this axis.", low=-1, high=1, empty="where no cell has an order"
            ),
            "cells": count("Cells with an order."),
            "skipped": count("Cells without one, left out."),
        },
        made_of=("models.csv", "measures.csv"),
    ),
    "held_out": Table(
        {"generalization/*/held_out.csv": "associate_measures.py"},
        "One row per target, measure and group left out: a line fitted to the other groups predicts it.",
        {
            "target": TARGET,
            "measure": MEASURE,
            "group": text("Group that is left out."),
            "n": count("Its models."),
            "kendall_within": Column("Kendall's τ-b in the group.", low=-1, high=1, empty="where it is undefined"),
            "kendall_without": Column("Kendall's τ-b in the others.", low=-1, high=1, empty="where it is undefined"),
            "rmse": Column(
                "Root mean squared error of the line in the group.",
                low=0,
                unit="that of the target",
                empty="where it is undefined",
            ),
            "baseline_rmse": Column(
                "The same of the others' mean in place of the line.",
                low=0,
                unit="that of the target",
                empty="where it is undefined",
            ),
        },
        made_of=("models.csv", "measures.csv"),
    ),
}
