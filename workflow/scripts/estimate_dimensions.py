"""Estimate the intrinsic dimension of one layer, beside that of its null model."""

import argparse

from topodepth.activations.file import read_activations
from topodepth.files import texts
from topodepth.homology import computing_on
from topodepth.jobs.commands import record_of, run, settings
from topodepth.tables import rows
from topodepth.tables.dimensions import DimensionSettings, dimension_rows


def main() -> None:
    """Parse, read one layer, estimate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activations", required=True, help="activations file")
    parser.add_argument("--name", help="name of the model in tables and figures; the file's own if left out")
    parser.add_argument("--layer", required=True, help="layer, as the activations file names it")
    parser.add_argument("--settings", type=settings, required=True, help="JSON: fields of DimensionSettings")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs that this job may use; 0: it computes on the CPU")
    parser.add_argument("--out", required=True, help="CSV to make")
    arguments = parser.parse_args()
    file = read_activations(arguments.activations)
    place, shuffled = file.place(arguments.layer, arguments.name), file.shuffled(arguments.layer)
    how = record_of(DimensionSettings, arguments.settings)
    with computing_on("cuda" if arguments.gpus else "cpu"):
        found = dimension_rows(file.points(arguments.layer), place, how, shuffled=shuffled)
    texts.write_table(arguments.out, found, rows.with_shuffled(rows.COLUMNS, found))


run(main)
