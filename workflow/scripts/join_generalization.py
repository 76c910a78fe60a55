"""Join what is known of every model into two tables: one row per model, and one row per measure of a model."""

import argparse

from topodepth.errors import InputError
from topodepth.experiments.generalization import records
from topodepth.files import texts
from topodepth.jobs.commands import run


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listing", required=True, help="JSON: models (what each one is); tables, metrics and "
                        "activations (one file per model; the last two may be empty); trajectories (one file a "
                        "model that has one); classes to measure; "
                        "how runs are known")  # fmt: skip
    parser.add_argument("--models-out", required=True, help="CSV to make: one row per model")
    parser.add_argument("--measures-out", required=True, help="CSV to make: one row per measure of a model")
    arguments = parser.parse_args()
    listing = texts.read_json(arguments.listing)
    models = listing["models"]
    for name in ("tables", "metrics", "activations"):
        count = len(listing[name])
        if count not in ({len(models)} if name == "tables" else {0, len(models)}):
            raise InputError(f"{name}: expected one file for each of {len(models)} models. Received: {count}.")
    metrics = [texts.read_json(path) for path in listing["metrics"]] or [None] * len(models)
    logits = [records.logit_rivals(path) for path in listing["activations"]] or [{}] * len(models)
    tables = [texts.read_table(path) for path in listing["tables"]]
    for model, table in zip(models, tables, strict=True):
        model["sample_accuracy"] = table["accuracy"].iloc[0] if "accuracy" in table else None
    rows, columns = records.model_rows(models, metrics, listing["runs"])
    recorded = [model["model"] for model in models if model.get("trajectory")]
    trajectories = dict(zip(recorded, map(texts.read_json, listing["trajectories"]), strict=True))
    measures = records.measure_rows(rows, tables, logits, listing["classes"], trajectories)
    texts.write_table(arguments.models_out, rows, columns)
    texts.write_table(arguments.measures_out, measures, records.MEASURE_COLUMNS)


run(main)
