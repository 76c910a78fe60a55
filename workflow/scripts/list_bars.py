"""List the longest bars of a model's layers, and which images make them."""

import argparse
import json

from topodepth.activations.file import read_activations
from topodepth.files import texts
from topodepth.jobs.commands import record_of, run, settings
from topodepth.tables.long_bars import LONG_BAR_COLUMNS, long_bar_rows
from topodepth.topology.diagrams import DiagramSettings


def main() -> None:
    """Parse, read one layer after the other, list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activations", required=True, help="activations file")
    parser.add_argument("--name", help="name of the model in tables and figures; the file's own if left out")
    parser.add_argument(
        "--layers", type=json.loads, required=True, help="JSON: layers, as the activations file names them"
    )
    parser.add_argument("--settings", type=settings, default={}, help="JSON: fields of DiagramSettings")
    parser.add_argument("--longest", type=int, default=5, help="bars of each layer, class and homology dimension")
    parser.add_argument("--out", required=True, help="CSV to make")
    arguments = parser.parse_args()
    how = record_of(DiagramSettings, arguments.settings)
    file = read_activations(arguments.activations)
    of_layers = (long_bar_rows(file, layer, how, arguments.longest, model=arguments.name) for layer in arguments.layers)
    texts.write_table(arguments.out, [row for rows in of_layers for row in rows], LONG_BAR_COLUMNS)


run(main)
