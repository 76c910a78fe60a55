"""Write the sampled images themselves as points: pixel space as an activations file with one layer."""

import argparse

from topodepth import datasets
from topodepth.activations import pixels
from topodepth.files import texts
from topodepth.jobs.commands import log, run


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help="data set file")
    parser.add_argument("--sample", required=True, help="CSV of the images' positions")
    parser.add_argument("--split", required=True, help="train, validation or test")
    parser.add_argument("--size", type=int, help="side in pixels to resize to; the data set's own if left out")
    parser.add_argument("--colour", choices=pixels.COLOURS, default="colour", help="grey: luma of colour images")
    parser.add_argument("--out", required=True, help="HDF5 file to make")
    arguments = parser.parse_args()
    indices = texts.read_indices(arguments.sample)
    with datasets.open_dataset(arguments.dataset) as dataset:
        pixels.write_pixels(
            arguments.out,
            dataset,
            arguments.split,
            indices=indices,
            size=arguments.size,
            colour=arguments.colour,
        )
    log.info("%s: %d points", arguments.out, len(indices))


run(main)
