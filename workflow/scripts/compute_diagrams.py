"""Compute the persistence diagrams of one layer: data, null model and jackknife."""

import argparse

from topodepth.activations import file as activations
from topodepth.jobs.commands import run, settings
from topodepth.topology import diagrams


def main() -> None:
    """Parse, read one layer, compute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activations", required=True, help="activations file")
    parser.add_argument("--name", help="name of the model in tables and figures; the file's own if left out")
    parser.add_argument("--layer", required=True, help="layer, as the activations file names it")
    parser.add_argument("--settings", type=settings, default={}, help="JSON: keyword arguments of diagrams.write")
    parser.add_argument("--out", required=True, help="HDF5 file to make")
    arguments = parser.parse_args()
    file = activations.read(arguments.activations)
    model = arguments.name or file.model
    diagrams.write(
        arguments.out,
        file.points(arguments.layer),
        file.labels,
        where=f"model {model}, layer {arguments.layer}",
        attributes=file.about(arguments.layer) | {"model": model},
        **arguments.settings,
    )


run(main)
