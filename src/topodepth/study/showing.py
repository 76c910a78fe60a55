"""How a measurement shows itself in a notebook: a line, the figure by depth, and a row of numbers for each layer."""

import base64
import html
import re
from typing import TYPE_CHECKING, Any

from topodepth.errors import InputError
from topodepth.files import pages
from topodepth.study import draw

if TYPE_CHECKING:
    from pandas import DataFrame

ROWS = 24
DPI = 72  # of the picture
LAYER = {"model": "model", "layer": "layer", "relative_depth": "relative depth"}
# headings of columns; that of a value is the name of its measure
NUMBERS = {"value": "", "null_value": "null model", "relative_value": "ratio"}


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
    """Return the numbers of the figure, a row for each layer of each model."""
    from topodepth.figures import frame
    from topodepth.tables.rows import measure

    try:
        panels = frame.present(table, None, frame.DEPTH, "depth")
    except InputError:
        return ""
    numbers = [column for column in NUMBERS if table[column].notna().any()]
    cells: dict[tuple, dict] = {}
    for panel in panels:
        for row in frame.summary_rows(table, panel, "depth").to_dict("records"):
            layer = tuple(row[key] for key in LAYER)
            cells.setdefault(layer, {}).update({(panel, number): row[number] for number in numbers})
    heads = {(panel, number): NUMBERS[number] or _lowered(measure(*panel)) for panel in panels for number in numbers}
    part = f"The first {ROWS} of {len(cells)} layers. " if len(cells) > ROWS else ""
    caption = f"{part}All {len(table)} rows, with intervals, are in .table."
    shown = [[*layer, *map(row.get, heads)] for layer, row in list(cells.items())[:ROWS]]
    return pages.table(pages.Table(caption, [*LAYER.values(), *heads.values()], shown))


def _lowered(text: str) -> str:
    """Return a text with the index of a letter set low: E_0 as E₀."""
    return re.sub(r"_(\d)", lambda found: chr(ord("₀") + int(found[1])), text)
