"""Write the bars and the Betti curves of chosen layers of one model as tidy tables."""

import argparse

from topodepth.files import texts
from topodepth.jobs.commands import run
from topodepth.tables import tables
from topodepth.topology import diagrams


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--diagrams", nargs="+", required=True, help="diagram files, in order of depth")
    parser.add_argument("--bars", required=True, help="CSV of bars to make")
    parser.add_argument("--betti", required=True, help="CSV of Betti curves to make")
    arguments = parser.parse_args()
    files = [diagrams.read_diagrams(path) for path in arguments.diagrams]
    texts.write_table(arguments.bars, [row for file in files for row in tables.bar_rows(file)], tables.BAR_COLUMNS)
    betti = [row for file in files for row in tables.betti_rows(file)]
    texts.write_table(arguments.betti, betti, tables.BETTI_COLUMNS)


run(main)
