"""Put tables with the same columns under each other."""

import argparse

from topodepth.errors import InputError
from topodepth.files import texts
from topodepth.jobs.commands import run, settings
from topodepth.tables import tables


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
    columns = list(found[arguments.tables[0]].columns)
    for path, table in found.items():
        if list(table.columns) != columns:
            raise InputError(f"{path}: expected the columns {columns}. Received: {list(table.columns)}.")
    rows = [row for table in found.values() for row in table.to_dict("records")]
    if arguments.curves:
        import pandas

        rows = tables.pool_seeds(pandas.DataFrame(rows), arguments.curves)
    texts.write_table(arguments.out, rows, columns)


run(main)
