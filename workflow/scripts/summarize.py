"""Say in words what the tables of an experiment show: an HTML page."""

import argparse
import importlib
import json

from topodepth.files import texts
from topodepth.jobs.commands import run


def main() -> None:
    """Parse, read, say, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment", help="module of topodepth.experiments.summaries: depth or dynamics")
    parser.add_argument("--table", required=True, help="CSV of all values of the experiment")
    parser.add_argument("--labels", type=json.loads, default=[], help="JSON: [[model, label], ...] in order")
    parser.add_argument("--title", required=True, help="title of the page")
    parser.add_argument("--out", required=True, help="HTML page to make")
    arguments = parser.parse_args()
    summary = importlib.import_module(f"topodepth.experiments.summaries.{arguments.experiment}")
    page = summary.page(texts.read_table(arguments.table), dict(arguments.labels), arguments.title)
    texts.write_text(arguments.out, page)


run(main)
