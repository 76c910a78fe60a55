"""Load a data set with its registered loader and write it as one HDF5 file."""

import argparse

from topodepth import datasets
from topodepth.jobs.commands import log, run, settings


def main() -> None:
    """Parse, load, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loader", required=True, help="registered loader, such as digits")
    parser.add_argument("--source", help="file or unpacked folder that the loader reads, if it needs one")
    parser.add_argument("--settings", type=settings, required=True, help="JSON: size, validation, test, seed, options")
    parser.add_argument("--out", required=True, help="HDF5 file to make")
    arguments = parser.parse_args()
    source = arguments.source or None
    splits, class_names = datasets.load(arguments.loader, source, arguments.settings)
    attributes = {"loader": arguments.loader}
    if source is not None:
        names = getattr(datasets.registry.get(arguments.loader), "files", ())
        attributes["source_sha256"] = datasets.source_sha256(source, names)
    datasets.write_dataset(arguments.out, splits, class_names, attributes)
    with datasets.open_dataset(arguments.out) as dataset:
        log.info("%s: %s", arguments.out, dataset)


run(main)
