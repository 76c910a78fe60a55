"""Write beside each table of a run what its columns mean, what made it, and from what."""

import argparse
from pathlib import Path

from topodepth import __version__
from topodepth.files import texts
from topodepth.jobs.commands import run
from topodepth.tables import metadata


def main() -> None:
    """Parse, look at each table of the run, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", required=True, help="provenance.json of the run, in whose folder the tables lie")
    arguments = parser.parse_args()
    record, folder = texts.read_json(arguments.record), Path(arguments.record).parent
    for path in metadata.tables(folder, record):
        texts.write_json(folder / f"{path}{metadata.ENDING}", metadata.describe(folder, path, record, __version__))


run(main)
