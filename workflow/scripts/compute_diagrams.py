"""Compute the persistence diagrams of one layer: data, null model and jackknife."""

import argparse

from topodepth.activations.file import read_activations
from topodepth.homology import computing_on
from topodepth.jobs.commands import record_of, run, settings
from topodepth.topology.diagrams import DiagramSettings, write_diagrams


def main() -> None:
    """Parse, read one layer, compute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activations", required=True, help="activations file")
    parser.add_argument("--name", help="name of the model in tables and figures; the file's own if left out")
    parser.add_argument("--layer", required=True, help="layer, as the activations file names it")
    parser.add_argument("--settings", type=settings, default={}, help="JSON: fields of DiagramSettings")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs that this job may use; 0: it computes on the CPU")
    parser.add_argument("--out", required=True, help="HDF5 file to make")
    arguments = parser.parse_args()
    how = record_of(DiagramSettings, arguments.settings)
    file = read_activations(arguments.activations)
    place, shuffled = file.place(arguments.layer, arguments.name), file.shuffled(arguments.layer)
    with computing_on("cuda" if arguments.gpus else "cpu"):
        write_diagrams(arguments.out, file.points(arguments.layer), file.labels, place, how, shuffled=shuffled)


run(main)
