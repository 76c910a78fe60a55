"""Measure the trajectory of a network's weights along its training: lifespan sum, PH dimension, positive magnitude."""

import argparse
from pathlib import Path

from topodepth.files import texts
from topodepth.jobs.commands import run
from topodepth.topology import trajectory


def main() -> None:
    """Parse, read, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snapshots", required=True, help="folder of a training that holds trajectory.h5")
    parser.add_argument("--seed", type=int, default=0, help="seed of the PH dimension's subsamples")
    parser.add_argument("--out", required=True, help="JSON to make: value by measure")
    arguments = parser.parse_args()
    points, images = trajectory.read(Path(arguments.snapshots, "trajectory.h5"))
    texts.write_json(arguments.out, trajectory.measured(points, images, arguments.seed))


run(main)
