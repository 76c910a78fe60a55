"""The tables of one network after the other: by depth, by bar, through its training."""

from collections.abc import Mapping

from topodepth.tables.columns import (
    ACCURACY,
    CLASS,
    DATASET,
    DEGREE,
    DEPTH,
    DESCRIPTORS,
    LAYER,
    LAYERS,
    LENGTH,
    LOSS,
    MODEL,
    SHUFFLED,
    UNMEASURED,
    Column,
    Columns,
    bounds,
    count,
    share,
    text,
)
from topodepth.tables.table import Table

# whose bars they are
OF_DIAGRAM: Columns = {
    "model": MODEL,
    "layer": LAYER,
    "layer_index": LAYERS["layer_index"],
    "relative_depth": DEPTH,
    "class": CLASS,
    "homology_dimension": DEGREE.but(empty=""),
}

TABLES: Mapping[str, Table] = {
    "accuracy": Table(
        {"depth/*/accuracy.csv": "tabulate_accuracy.py"},
        "One row per model: how well it classifies the very images that are measured.",
        {
            "model": MODEL,
            "label": text("Name in figures."),
            "dataset": DATASET,
            "images": count("Images that were measured.", "where the accuracy is unknown"),
            "accuracy": share("Accuracy on these images.", "where the network has no head of its data's classes"),
            **bounds("accuracy", share(""), "ci_low", "ci_high", empty="where it is unknown"),
            "chance": share("Accuracy expected if predictions had nothing to do with labels.", "where it is unknown"),
            "p_value": share(
                "How likely at least so many right ones are by chance: exact binomial test, one-sided.",
                "where the accuracy is unknown",
            ),
            "stated_accuracy": share("Test accuracy that whoever trained the model states.", "where none is stated"),
            "doubt": text("What is wrong with it.", empty="where nothing is"),
        },
    ),
    "descriptors": Table(
        {"depth/*/depth.csv": "join_tables.py", "tables/*/*.csv": "describe_model.py"},
        "One row per model, layer, class, homology dimension and descriptor, with interval and null model.",
        {**DESCRIPTORS, "accuracy": ACCURACY},
        SHUFFLED,
    ),
    "dimensions": Table(
        {"dimensions/*/*/*.csv": "estimate_dimensions.py"},
        "One row per estimator of intrinsic dimension: of one layer.",
        DESCRIPTORS,
        SHUFFLED,
    ),
    "training": Table(
        {"depth/*/training.csv": "join_tables.py", "models/*/history.csv": "train_model.py"},
        "One row per model and epoch of its training.",
        {
            "model": MODEL,
            "epoch": count("Epoch, from 1.", low=1),
            "loss": LOSS.but(meaning="Mean loss over the epoch, with the L2 penalty."),
            "accuracy": share("Mean accuracy over the epoch, on the training images as they were augmented."),
            "val_loss": LOSS.but(meaning="Loss on the validation split."),
            "val_accuracy": share("Accuracy on the validation split."),
            "learning_rate": Column("Learning rate of the epoch.", low=0),
        },
    ),
    "bars": Table(
        {"depth/*/diagrams/*.bars.csv": "tabulate_diagrams.py"},
        "One row per bar of a model's persistence diagrams, of the data and of the first draw of the null model.",
        {
            **OF_DIAGRAM,
            "birth": LENGTH.but(meaning="Filtration value at which the bar is born."),
            "death": LENGTH.but(
                meaning="Filtration value at which it dies.", empty="of an essential bar, which never dies"
            ),
            "source": text("`data`, or `null`: the first draw of the null model.", "data", "null"),
        },
    ),
    "betti": Table(
        {"depth/*/diagrams/*.betti.csv": "tabulate_diagrams.py"},
        "One row per filtration value: Betti curves of a model's layers.",
        {
            **OF_DIAGRAM,
            "filtration_value": LENGTH.but(meaning="Filtration value."),
            "betti": Column("Betti number there, the mean over classes.", low=0),
            "null_betti": Column(
                "The same of the null model, the mean over its draws too.",
                low=0,
                empty="where the null model is switched off",
            ),
        },
    ),
    "long_bars": Table(
        {"depth/*/bars.csv": "join_tables.py", "depth/*/bars/*.csv": "list_bars.py"},
        "One row per bar, the longest ones of each layer, class and homology dimension: which images make them.",
        {
            **OF_DIAGRAM,
            "homology_dimension": DEGREE.but(empty="", high=1),
            "rank": count("Place by length, 1 is the longest; the essential bar is left out.", low=1),
            "birth": LENGTH.but(meaning="Filtration value at which the bar is born."),
            "death": LENGTH.but(meaning="Filtration value at which it dies."),
            "birth_indices": text(
                "Rows of the split, with spaces between: ends of the edge that closes the loop; of tokens "
                "`item:place`.",
                empty="of H_0",
            ),
            "death_indices": text(
                "Of H_0 both ends of the edge where two clusters meet; of H_1 corners of the triangle that "
                "fills the loop, the ends of its longest edge first."
            ),
            "birth_labels": text("Classes of these images, in the same order.", empty="of H_0, or without labels"),
            "death_labels": text("Classes of these images, in the same order.", empty="without labels"),
        },
    ),
    "dynamics": Table(
        {"dynamics/*/dynamics.csv": "join_snapshots.py"},
        "One row per snapshot of a training, layer, class, homology dimension and descriptor.",
        {
            **DESCRIPTORS,
            "accuracy": ACCURACY,
            "epoch": count("Epoch after which the snapshot was taken; 0 is untrained."),
            "train_accuracy": share("Accuracy of the snapshot on the training images.", UNMEASURED),
            "test_accuracy": share("Accuracy of the snapshot on the test images.", UNMEASURED),
        },
    ),
}
