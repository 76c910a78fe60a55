"""Compare attacked images with clean ones: one tidy table, the changes, the correlations, and a page that sums up."""

import argparse

from topodepth import adversarial, pages, storage
from topodepth.commands import run, settings

SHOWN = (
    "layer", "class", "descriptor", "homology_dimension", "version", "percent", "percent_ci_low", "percent_ci_high",
    "kendall_success", "kendall_success_ci_low", "kendall_success_ci_high", "kendall_f1", "verdict",
)  # fmt: skip
METHOD = (
    "Change: where the success rate is highest against the clean images, in percent of the clean value, with the 95 % "
    "interval of the jackknife over groups of the same images (all images) or over classes (mean). Correlations are "
    "over the strengths, 0 included; their interval is the jackknife's too: how far they rest on single images, for "
    "this model and these strengths. Layers are tested one by one, without correction for their number."
)


def main() -> None:
    """Parse, read, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metrics", required=True, help="CSV of the attack: one row a strength")
    parser.add_argument("--diagrams", nargs="+", required=True, help="folders of diagrams, one a layer")
    parser.add_argument("--dimensions", nargs="*", default=[], help="tables of dimension estimates of all strengths")
    parser.add_argument("--settings", type=settings, required=True, help="JSON: descriptors, parameters, title")
    parser.add_argument("--table", required=True, help="CSV to make: every value, with the attack's success")
    parser.add_argument("--changes", required=True, help="CSV to make: changes from the clean images")
    parser.add_argument("--trends", required=True, help="CSV to make: correlations and verdict of each layer")
    parser.add_argument("--summary", required=True, help="HTML page to make")
    arguments = parser.parse_args()
    metrics = storage.read_table(arguments.metrics)
    dimensions = [row for path in arguments.dimensions for row in storage.read_table(path).to_dict("records")]
    options = arguments.settings
    diagrams = [path for folder in arguments.diagrams for path in storage.numbered_files(folder, "diagrams")]
    found = adversarial.compare(
        metrics, diagrams, dimensions, names=options["descriptors"], parameters=options["parameters"]
    )
    storage.write_table(arguments.table, found.rows, adversarial.COLUMNS)
    storage.write_table(arguments.changes, found.changes, adversarial.CHANGE_COLUMNS)
    storage.write_table(arguments.trends, found.trends, adversarial.TREND_COLUMNS)
    told = [row for row in found.trends if row["class"] in ("all", "mean")]
    listed = [
        pages.Table("The attack", list(metrics.columns), metrics.to_numpy().tolist()),
        pages.Table("Change and correlation by layer", SHOWN, [[row[key] for key in SHOWN] for row in told]),
    ]
    page = pages.page(options["title"], adversarial.summary(metrics, found.trends), listed, [METHOD])
    storage.write_text(arguments.summary, page)


run(main)
