"""Summarise all layers of one model: descriptors of their diagrams, and their dimensions, as one tidy table."""

import argparse

from topodepth.activations import accuracy
from topodepth.activations.file import read_activations
from topodepth.files import texts
from topodepth.jobs.commands import run, settings
from topodepth.tables import tables
from topodepth.tables.rows import with_shuffled
from topodepth.tables.values import values_of
from topodepth.topology import diagrams


def main() -> None:
    """Parse, describe each layer, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--diagrams", nargs="+", required=True, help="diagram files, in order of depth")
    parser.add_argument("--dimensions", nargs="*", default=[], help="tables of dimension estimates, in the same order")
    parser.add_argument("--activations", help="activations file behind them, which knows the network's accuracy")
    parser.add_argument("--settings", type=settings, required=True, help="JSON: descriptors, parameters")
    parser.add_argument("--columns", type=settings, default={}, help="JSON: values of columns for every row")
    parser.add_argument("--out", required=True, help="CSV to make")
    arguments = parser.parse_args()
    names, parameters = arguments.settings["descriptors"], arguments.settings["parameters"]
    rows = []
    for path in arguments.diagrams:
        layer = diagrams.read_diagrams(path)
        rows += tables.descriptor_rows(layer, values_of(layer, names, parameters))
    for path in arguments.dimensions:
        rows += texts.read_table(path).to_dict("records")
    about = dict(arguments.columns)
    if arguments.activations and (found := accuracy.of_file(read_activations(arguments.activations))):
        about["accuracy"] = found.value
    columns = with_shuffled(tables.MODEL_COLUMNS, rows)
    texts.write_table(arguments.out, [{**row, **about} for row in rows], columns)


run(main)
