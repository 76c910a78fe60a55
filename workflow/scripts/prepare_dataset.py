"""Load a data set with its registered loader and write it as one HDF5 file."""

import argparse

from topodepth import datasets
from topodepth.commands import log, run, settings


def main() -> None:
    """Parse, load, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loader", required=True, help="registered loader, such as digits")
    parser.add_argument("--settings", type=settings, required=True, help="JSON: size, validation, test, seed")
    parser.add_argument("--out", required=True, help="HDF5 file to make")
    arguments = parser.parse_args()
    splits, class_names = datasets.registry.get(arguments.loader)(**arguments.settings)
    datasets.write(arguments.out, splits, class_names)
    log.info("%s: %s", arguments.out, {split: len(labels) for split, (_, labels) in splits.items()})


run(main)
