"""Find the layers of a network worth tapping, where only a pass through it tells them."""

import argparse

from topodepth import datasets
from topodepth.files import texts
from topodepth.jobs.commands import prepare_networks, run
from topodepth.networks import openers

EXAMPLE = 8  # images that are passed through it


def main() -> None:
    """Parse, open, list."""
    parser = argparse.ArgumentParser(description=__doc__)
    openers.add_arguments(parser)
    parser.add_argument("--dataset", required=True, help="data set file")
    parser.add_argument("--out", required=True, help="JSON to make: a list of layers")
    arguments = parser.parse_args()
    prepare_networks(arguments.threads)
    source = openers.source_of(arguments)
    opener = openers.registry.get(source.kind)(source)
    how, _ = opener.normalisation(arguments.normalisation)
    with datasets.open_dataset(arguments.dataset) as dataset:
        normalise = dataset.normaliser(how)
        network = opener.network("auto", lambda: normalise(dataset.images("train")[:EXAMPLE]))
    texts.write_json(arguments.out, [tap.token for tap in network.taps])


run(main)
