"""Join what is known of every model into two tables: one row a model, and one row a measure of a model."""

import argparse
import json

from topodepth import storage
from topodepth.commands import run, settings
from topodepth.errors import InputError
from topodepth.generalization import records


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=json.loads, required=True, help="JSON: a list, what each model is")
    parser.add_argument("--tables", nargs="+", required=True, help="one CSV of descriptors a model")
    parser.add_argument("--metrics", nargs="*", default=[], help="one JSON a model, or none: accuracies as stated")
    parser.add_argument("--activations", nargs="*", default=[], help="one HDF5 a model, or none: no logits")
    parser.add_argument("--settings", type=settings, required=True, help="JSON: classes")
    parser.add_argument("--models-out", required=True, help="CSV to make: one row a model")
    parser.add_argument("--measures-out", required=True, help="CSV to make: one row a measure of a model")
    arguments = parser.parse_args()
    models = arguments.models
    for name in ("tables", "metrics", "activations"):
        count = len(getattr(arguments, name))
        if count not in ({len(models)} if name == "tables" else {0, len(models)}):
            raise InputError(f"--{name}: expected one file for each of {len(models)} models. Received: {count}.")
    metrics = [storage.read_json(path) for path in arguments.metrics] or [None] * len(models)
    logits = [records.logit_rivals(path) for path in arguments.activations] or [{}] * len(models)
    tables = [storage.read_table(path) for path in arguments.tables]
    rows, columns = records.model_rows(models, metrics)
    measures = records.measure_rows(rows, tables, logits, arguments.settings.get("classes", ("mean",)))
    storage.write_table(arguments.models_out, rows, columns)
    storage.write_table(arguments.measures_out, measures, records.MEASURE_COLUMNS)


run(main)
