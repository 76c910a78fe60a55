"""Put tables with the same columns under each other."""

import argparse

from topodepth.errors import InputError
from topodepth.files import texts
from topodepth.jobs.commands import run, settings
from topodepth.tables import tables
from topodepth.tables.rows import SHUFFLED, with_shuffled


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="+", required=True, help="CSV files")
    parser.add_argument(
        "--curves", type=settings, help="JSON: {model: curve}; models of one curve are pooled over seeds"
    )
    parser.add_argument("--out", required=True, help="CSV to make")
    arguments = parser.parse_args()
    found = {path: texts.read_table(path) for path in arguments.tables}
    own = [column for column in found[arguments.tables[0]].columns if column not in SHUFFLED]
    columns = with_shuffled(own, (table.columns for table in found.values()))
    for path, table in found.items():
        if [column for column in table.columns if column not in SHUFFLED] != own:
            raise InputError(f"{path}: expected the columns {own}. Received: {list(table.columns)}.")
    rows = [row for table in found.values() for row in table.to_dict("records")]
    if arguments.curves:
        import pandas

        rows = tables.pool_seeds(pandas.DataFrame(rows), arguments.curves)
    texts.write_table(arguments.out, rows, columns)


run(main)
