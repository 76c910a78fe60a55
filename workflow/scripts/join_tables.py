"""Put tables with the same columns under each other."""

import argparse

from topodepth import storage
from topodepth.commands import run
from topodepth.errors import InputError


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="+", required=True, help="CSV files")
    parser.add_argument("--out", required=True, help="CSV to make")
    arguments = parser.parse_args()
    tables = {path: storage.read_table(path) for path in arguments.tables}
    columns = list(tables[arguments.tables[0]].columns)
    for path, table in tables.items():
        if list(table.columns) != columns:
            raise InputError(f"{path}: expected the columns {columns}. Received: {list(table.columns)}.")
    rows = [row for table in tables.values() for row in table.to_dict("records")]
    storage.write_table(arguments.out, rows, columns)


run(main)
