"""What is said of a kind of table."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from topodepth.tables.columns import Column, Columns


@dataclass(frozen=True)
class Table:
    """A kind of table.

    Attributes
    ----------
    files
        Where such tables lie, from the folder of a run, and the script that writes each.
    rows
        What a row is, and what the table is for.
    columns
        Its columns, in order.
    optional
        Columns that only some of these tables have, among the others or behind them.
    others
        What any further column means, such as an axis of a grid under its own name; None where there is none.
    made_of
        Tables of the same folder that it is made of.
    """

    files: Mapping[str, str]
    rows: str
    columns: Columns
    optional: Columns = field(default_factory=dict)
    others: Column | None = None
    made_of: tuple[str, ...] = ()
