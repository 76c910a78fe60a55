"""Ask every measure how well it tells the models' generalisation, and say what the answer allows to be said."""

import argparse

from topodepth.experiments.generalization import associations
from topodepth.experiments.generalization.summary import summary_page
from topodepth.files import texts
from topodepth.jobs.commands import run, settings


def main() -> None:
    """Parse, read, compute, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", required=True, help="CSV: one row per model")
    parser.add_argument("--measures", required=True, help="CSV: one row per measure of a model")
    parser.add_argument("--settings", type=settings, required=True, help="JSON: title, targets, groups, controls, …")
    parser.add_argument("--associations", required=True, help="CSV to make: one row per target, scope and measure")
    parser.add_argument("--granulated", required=True, help="CSV to make: one row per target, measure and axis")
    parser.add_argument("--held-out", required=True, help="CSV to make: one row per target, measure and group held out")
    parser.add_argument("--summary", required=True, help="HTML page to make")
    arguments = parser.parse_args()
    options = arguments.settings
    models, measures = texts.read_table(arguments.models), texts.read_table(arguments.measures)
    found = associations.associate(models, measures, options)
    texts.write_table(arguments.associations, found.associations, found.columns)
    texts.write_table(arguments.granulated, found.granulated, associations.GRANULATED_COLUMNS)
    texts.write_table(arguments.held_out, found.held_out, associations.HELD_OUT_COLUMNS)
    title = options.get("title", "Does topology tell how well a network generalises?")
    page = summary_page(title, models, found.associations, found.held_out, options.get("groups"))
    texts.write_text(arguments.summary, page)


run(main)
