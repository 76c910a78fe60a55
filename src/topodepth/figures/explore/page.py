"""The page itself: a template, its style and its script, the plotting library and the data, in one file."""

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path

PARTS = Path(__file__).with_name("parts")
SCRIPTS = ("chosen.js", "curves.js", "layer.js", "controls.js")  # one scope: each uses what stands before it


def page(title: str, data: Mapping) -> str:
    """Return the page as one HTML file that loads nothing from elsewhere, and may not.

    Names in the data come from users' files: they are JSON here, in which no tag can stand, and text on the page.

    Parameters
    ----------
    title
        Of the page.
    data
        What :func:`topodepth.figures.explore.data.of_run` returns.
    """
    from plotly.offline import get_plotlyjs

    parts = {
        "title": html.escape(title),
        "style": _part("explore.css"),
        "data": as_script(data),
        "library": get_plotlyjs(),
        "script": "\n".join(map(_part, SCRIPTS)),
    }
    # in one pass: what is put in is never looked through
    return re.sub(r"\{\{ (\w+) \}\}", lambda found: parts[found[1]], _part("explore.html"))


def _part(name: str) -> str:
    return (PARTS / name).read_text(encoding="utf-8")


def as_script(data: object) -> str:
    """Return JSON that may stand in an HTML ``script``: no tag, comment or line of JavaScript can end it."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
