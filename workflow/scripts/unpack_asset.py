"""Unpack a downloaded archive into a folder, refusing whatever would leave it."""

import argparse

from topodepth.files import assets
from topodepth.jobs.commands import run


def main() -> None:
    """Parse, unpack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", required=True, help="zip or tar file")
    parser.add_argument("--out", required=True, help="folder to make")
    arguments = parser.parse_args()
    assets.unpack(arguments.archive, arguments.out)


run(main)
