"""Compare attacked images with clean ones: one tidy table, the changes, the correlations, and a page that sums up."""

import argparse

from topodepth.experiments import adversarial
from topodepth.files import pages, storage, texts
from topodepth.jobs.commands import run, settings


def main() -> None:
    """Parse, read, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metrics", required=True, help="CSV of the attack: one row per strength")
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
    listed = adversarial.tables_of(metrics, found.trends)
    page = pages.page(options["title"], adversarial.answer(metrics, found.trends), listed, adversarial.METHOD)
    texts.write_text(arguments.summary, page)


run(main)
