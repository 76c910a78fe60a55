"""Compare attacked images with clean ones: one tidy table, the changes, the correlations, and a page that sums up."""

import argparse

from topodepth.experiments import adversarial
from topodepth.files import pages, storage, texts
from topodepth.jobs.commands import run, settings
from topodepth.tables.rows import measure

SHOWN = (
    "layer", "class", "measure", "percent", "percent_ci_low", "percent_ci_high",
    "kendall_success", "kendall_success_p", "kendall_f1", "kendall_f1_p", "verdict",
)  # fmt: skip
METHOD = (
    "Change: where the success rate is highest against the clean images, in percent of the clean value, with the 95 % "
    "interval of the jackknife over groups of the same images (all images) or over classes (mean), on the scale of "
    "logarithms. Relative to the null model, the chance of its draws is added (a jackknife over draws); a single draw "
    "cannot tell it, so there is no interval. An interval that no group moves is none either.",
    "τ: Kendall's rank correlation over the strengths, ε = 0 included. p: the share of all orders of the strengths "
    "with at least this |τ|, two-sided. It tells whether values follow the attack, for this model and these images.",
    "A direction (more complex, simpler) needs an interval of the change that excludes 0, and p of at most 0.025 with "
    "success or with F1 (half of 5 %, for there are two tests), in the same direction. Four strengths cannot reach it: "
    "their smallest p is 2/4! = 0.083. Layers and measures are tested one by one, without correction for their number. "
    "The peak of the Betti curve of H_0 is always the number of points and is left out.",
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
    metrics = texts.read_table(arguments.metrics)
    dimensions = [row for path in arguments.dimensions for row in texts.read_table(path).to_dict("records")]
    options = arguments.settings
    diagrams = [path for folder in arguments.diagrams for path in storage.numbered_files(folder, "diagrams")]
    found = adversarial.compare(
        metrics, diagrams, dimensions, names=options["descriptors"], parameters=options["parameters"]
    )
    texts.write_table(arguments.table, found.rows, adversarial.COLUMNS)
    texts.write_table(arguments.changes, found.changes, adversarial.CHANGE_COLUMNS)
    texts.write_table(arguments.trends, found.trends, adversarial.TREND_COLUMNS)
    told = [
        {**row, "measure": measure(row["descriptor"], row["homology_dimension"], row["version"])}
        for row in found.trends
        if row["class"] in ("all", "mean")
    ]
    listed = [
        adversarial.by_measure(found.trends),
        pages.Table("The attack", list(metrics.columns), metrics.to_numpy().tolist()),
        pages.Table("Change and rank tests by layer", SHOWN, [[row[key] for key in SHOWN] for row in told]),
    ]
    page = pages.page(options["title"], adversarial.answer(metrics, found.trends), listed, METHOD)
    texts.write_text(arguments.summary, page)


run(main)
