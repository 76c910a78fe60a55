"""Tell how well each network of a comparison classifies the measured images, as a table and in words."""

import argparse
import json

from topodepth.activations import accuracy
from topodepth.activations.file import read_activations
from topodepth.errors import InputError
from topodepth.files import pages, texts
from topodepth.jobs.commands import run

SHOWN = ("label", "dataset", "images", "accuracy", "ci_low", "ci_high", "chance", "p_value", "stated_accuracy")
METHOD = (
    "Accuracy: the share of the images of the sample that the network classifies as they are labelled, with its exact "
    "95 % interval (Clopper & Pearson 1934). Chance: what would be expected if predictions had nothing to do with "
    "labels; p: one-sided exact binomial test against it. A network is in doubt if p is 0.01 or above, if it comes "
    "less than a tenth of the way from chance to 1, or if its interval lies below the accuracy that is stated of it."
)


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activations", nargs="+", required=True, help="activations files")
    parser.add_argument("--models", type=json.loads, required=True,
                        help="JSON list in the same order: model, label, dataset, stated_accuracy")  # fmt: skip
    parser.add_argument("--title", required=True, help="title of the page")
    parser.add_argument("--out", required=True, help="CSV to make")
    parser.add_argument("--page", required=True, help="HTML page to make")
    arguments = parser.parse_args()
    if len(arguments.activations) != len(arguments.models):
        counts = len(arguments.activations), len(arguments.models)
        raise InputError(f"expected as many activations files as models. Received: {counts}.")
    rows = [
        model | accuracy.row(accuracy.of_file(read_activations(path)), model["stated_accuracy"])
        for path, model in zip(arguments.activations, arguments.models, strict=True)
    ]
    texts.write_table(arguments.out, rows, accuracy.COLUMNS)
    table = pages.Table("Accuracy on the measured images", SHOWN, [[row.get(key) for key in SHOWN] for row in rows])
    texts.write_text(arguments.page, pages.page(arguments.title, accuracy.sentences(rows), [table], [METHOD]))


run(main)
