"""Small self-contained HTML pages: sentences and tables, without scripts, fonts or addresses."""

import html
import math
from collections.abc import Iterable, Sequence
from html.parser import HTMLParser
from numbers import Real
from typing import NamedTuple

STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:72em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:1.5em 0;font-size:14px;display:block;overflow-x:auto}"
    "caption{text-align:left;font-weight:bold;padding-bottom:.5em}"
    "th,td{padding:.25em .7em;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}"
    "td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
)


# columns of CSV files whose names are no words
WORDS = {"ci_low": "95 % low", "ci_high": "high", "p_value": "p", "p_corrected": "corrected p", "n_points": "points",
         "epsilon": "ε", "epsilon_unit": "unit of ε", "macro_f1": "macro-F1", "percent": "change, %",
         "percent_ci_low": "95 % low", "percent_ci_high": "high", "kendall_success": "τ with success",
         "kendall_success_p": "p", "kendall_f1": "τ with F1", "kendall_f1_p": "p"}  # fmt: skip


class Table(NamedTuple):
    """A table of a page: ``rows`` hold one cell a column.

    Columns of CSV files are headed with words. Numbers have three significant digits, and all that stand before the
    decimal point.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


def page(title: str, paragraphs: Iterable[str], tables: Iterable[Table] = (), foot: Iterable[str] = ()) -> str:
    """Return a page: the title, the paragraphs, the tables, and further paragraphs below them.

    Everything is text and is escaped. A paragraph of several lines is set as it stands, in a face of fixed width.

    Parameters
    ----------
    title
        Of the page and of its first line.
    paragraphs
        Sentences above the tables.
    tables
        What the sentences rest on. A cell that is None or NaN stays empty.
    foot
        Sentences below the tables: definitions, sources.
    """
    head = f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
    body = [f"<h1>{html.escape(title)}</h1>", *map(_paragraph, paragraphs), *map(table, tables)]
    return "\n".join([f"{head}<style>{STYLE}</style>", *body, *map(_paragraph, foot), "</html>", ""])


def _paragraph(text: str) -> str:
    tag = "pre" if "\n" in text.strip() else "p"
    return f"<{tag}>{html.escape(text)}</{tag}>"


def table(shown: Table) -> str:
    """Return a table as HTML."""
    words = (WORDS.get(column, column.replace("_", " ")) for column in shown.columns)
    head = "".join(f"<th>{html.escape(column)}</th>" for column in words)
    rows = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in shown.rows)
    return f"<table><caption>{html.escape(shown.caption)}</caption>\n<tr>{head}</tr>\n{rows}\n</table>"


def _cell(value: object) -> str:
    if isinstance(value, Real) and not isinstance(value, bool):
        return f'<td class="number">{_number(float(value))}</td>'
    return f"<td>{'' if value is None else html.escape(str(value))}</td>"


def _number(value: float) -> str:
    if math.isnan(value):
        return ""
    whole = 999.5 <= abs(value) < 1e15  # 1,620 and not 1.62e+03
    return (f"{value:,.0f}" if whole else f"{value:.3g}").replace("-", "−")


class _Head(HTMLParser):
    """Gathers the title of a page, and the paragraphs above its first table."""

    def __init__(self) -> None:
        super().__init__()
        self.title, self.said = "", list[str]()
        self._tag, self._done = "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note which element begins."""
        self._tag, self._done = tag, self._done or tag == "table"
        if tag == "p" and not self._done:
            self.said.append("")

    def handle_endtag(self, tag: str) -> None:
        """Note that an element ends."""
        self._tag = ""

    def handle_data(self, data: str) -> None:
        """Keep the text of a title or paragraph."""
        if self._tag == "title":
            self.title += data
        elif self._tag == "p" and not self._done:
            self.said[-1] += data


def head(text: str) -> tuple[str, list[str]]:
    """Return the title of a page that :func:`page` made, and the paragraphs above its first table, as plain text."""
    parser = _Head()
    parser.feed(text)
    parser.close()
    return parser.title, parser.said


def estimate(value: float, low: float, high: float) -> str:
    """Return an estimate and its interval as text, to two decimals: −0.61 [−0.72, −0.45]."""
    if not math.isfinite(value):
        return "undefined"
    bounds = f" [{low:z.2f}, {high:z.2f}]" if math.isfinite(low) and math.isfinite(high) else ""
    return f"{value:z.2f}{bounds}".replace("-", "−")
