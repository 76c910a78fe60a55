"""How a measurement shows itself in a notebook: a line, the figure by depth, and the table of its leading numbers."""

import base64
import html
from typing import TYPE_CHECKING, Any

from topodepth.errors import InputError
from topodepth.files import pages
from topodepth.study import draw

if TYPE_CHECKING:
    from pandas import DataFrame

ROWS = 24
DPI = 72  # of the picture
COLUMNS = {"model": "model", "layer": "layer", "relative_depth": "relative depth", "class": "class",
           "descriptor": "descriptor", "value": "value", "ci_low": "interval from", "ci_high": "to",
           "null_value": "null", "relative_value": "ratio"}  # fmt: skip


def counted(number: int, one: str, more: str = "") -> str:
    """Return a number of things in words: ``1 layer``, ``3 layers``, ``2 classes``."""
    return f"{number} {one if number == 1 else more or f'{one}s'}"


def as_html(measured: draw.Tabled, title: str) -> str:
    """Return HTML without scripts or addresses; every name in it is escaped."""
    parts = [f"<p><b>{html.escape(title)}</b></p>", _picture(measured), _table(measured.table)]
    return f"<div>{''.join(parts)}</div>"


def _picture(measured: Any) -> str:
    try:
        figure = draw.depth(measured)
    except InputError:  # nothing that this figure shows was measured
        return ""
    from topodepth.figures.notebook import png

    data = base64.b64encode(png(figure, DPI)).decode()
    return f'<img alt="descriptors against relative depth" src="data:image/png;base64,{data}">'


def _table(table: "DataFrame") -> str:
    from topodepth.tables.rows import SUMMARIES, measure

    shown = table[table["class"].isin(SUMMARIES)]  # classes one by one stand in the table itself
    names = [measure(*pair) for pair in zip(shown["descriptor"], shown["homology_dimension"], strict=True)]
    shown = shown.assign(descriptor=names)[list(COLUMNS)]
    caption = f"{min(ROWS, len(shown))} of {len(table)} rows; all are in .table"
    return pages.table(pages.Table(caption, list(COLUMNS.values()), shown.head(ROWS).to_numpy(dtype=object).tolist()))
