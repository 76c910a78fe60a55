"""The page itself: a template, its style and its script, the plotting library and the data, in one file."""

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path

TEMPLATE = Path(__file__).with_name("explore.html")  # with explore.css and explore.js beside it


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
        "style": TEMPLATE.with_suffix(".css").read_text(encoding="utf-8"),
        "data": as_script(data),
        "library": get_plotlyjs(),
        "script": TEMPLATE.with_suffix(".js").read_text(encoding="utf-8"),
    }
    # in one pass: what is put in is never looked through
    return re.sub(r"\{\{ (\w+) \}\}", lambda found: parts[found[1]], TEMPLATE.read_text(encoding="utf-8"))


def as_script(data: object) -> str:
    """Return JSON that may stand in an HTML ``script``: no tag, comment or line of JavaScript can end it."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
