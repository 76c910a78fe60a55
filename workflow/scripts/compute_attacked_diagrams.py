"""Compute the persistence diagrams of one layer at every strength of an attack: many strengths of small clouds."""

import argparse

from topodepth.activations.file import read_activations
from topodepth.files import storage
from topodepth.homology import computing_on
from topodepth.jobs.commands import record_of, run, settings
from topodepth.topology.diagrams import DiagramSettings, write_diagrams


def main() -> None:
    """Parse, read the layer at one strength after the other, compute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attack", required=True, help="folder of an attack: an activations file a strength")
    parser.add_argument("--layer", required=True, help="layer, as the activations files name it")
    parser.add_argument("--settings", type=settings, default={}, help="JSON: fields of DiagramSettings")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs that this job may use; 0: it computes on the CPU")
    parser.add_argument("--out-folder", required=True, help="folder to make: a file of diagrams a strength")
    arguments = parser.parse_args()
    how = record_of(DiagramSettings, arguments.settings)
    with computing_on("cuda" if arguments.gpus else "cpu"), storage.whole_folder(arguments.out_folder) as folder:
        for path in storage.numbered_files(arguments.attack, "activations"):
            file = read_activations(path)
            place = file.place(arguments.layer)
            write_diagrams(folder / path.name, file.points(arguments.layer), file.labels, place, how)


run(main)
