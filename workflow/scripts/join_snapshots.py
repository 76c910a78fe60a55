"""Put the tables of a model's snapshots under each other, with the epoch and the accuracies of each."""

import argparse

from topodepth.errors import InputError
from topodepth.files import texts
from topodepth.jobs.commands import run
from topodepth.tables import tables


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="+", required=True, help="one CSV per snapshot")
    parser.add_argument("--metrics", nargs="+", required=True, help="one JSON per snapshot, in the same order")
    parser.add_argument("--models", nargs="+", required=True, help="the model that each snapshot is of")
    parser.add_argument("--epochs", nargs="+", required=True, type=int, help="the epoch of each snapshot")
    parser.add_argument("--out", required=True, help="CSV to make")
    arguments = parser.parse_args()
    counts = [len(getattr(arguments, name)) for name in ("tables", "metrics", "models", "epochs")]
    if len(set(counts)) > 1:
        raise InputError(f"expected as many tables as metrics, models and epochs. Received: {counts}.")
    rows = []
    for path, metrics_path, model, epoch in zip(
        arguments.tables, arguments.metrics, arguments.models, arguments.epochs, strict=True
    ):
        metrics = texts.read_json(metrics_path)
        about = {"model": model, "epoch": epoch} | {f"{split}_accuracy": metrics[split]["accuracy"] for split in metrics
                                                     if split in ("train", "test")}  # fmt: skip
        rows += [row | about for row in texts.read_table(path).to_dict("records")]
    texts.write_table(arguments.out, rows, [*tables.MODEL_COLUMNS, "epoch", "train_accuracy", "test_accuracy"])


run(main)
