"""Put the comparisons of all pairs of networks into one table, and say in words what it shows."""

import argparse
import json

from topodepth.experiments import similarity
from topodepth.files import texts
from topodepth.jobs.commands import run


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listing", required=True, help="JSON: a list of CSV files, one for each pair of networks")
    parser.add_argument("--labels", type=json.loads, default=[], help="JSON: [[model, label], ...] in order")
    parser.add_argument("--title", required=True, help="title of the page")
    parser.add_argument("--table", required=True, help="CSV to make")
    parser.add_argument("--summary", required=True, help="HTML page to make")
    arguments = parser.parse_args()
    rows = [row for path in texts.read_json(arguments.listing) for row in texts.read_table(path).to_dict("records")]
    texts.write_table(arguments.table, rows, similarity.COLUMNS)
    page = similarity.page(texts.read_table(arguments.table), dict(arguments.labels), arguments.title)
    texts.write_text(arguments.summary, page)


run(main)
