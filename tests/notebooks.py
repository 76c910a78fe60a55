"""What tests of notebooks share: running one, and comparing its outputs with those that are committed."""

import base64
import importlib.util
import io
import math
import re
from pathlib import Path

import nbformat
from matplotlib.image import imread

FOLDER = Path(__file__).parents[1] / "docs/notebooks"
NUMBER = re.compile(r"(?<![\w.])[-−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])")
PICTURE = re.compile(r'src="data:image/png;base64,([^"]+)"')


def runner():
    """docs/notebooks/execute.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("execute_notebooks", FOLDER / "execute.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def committed(name):
    return nbformat.read(FOLDER / name, as_version=4)


def texts(cell):
    """All that a code cell wrote, without pictures."""
    for output in cell.outputs:
        found = output.get("data", {"text": output.get("text", "")})
        yield from (PICTURE.sub("", found[kind]) for kind in sorted(found) if kind.startswith("text"))


def pictures(cell):
    """The pictures (height, width, channels) that a code cell shows, also those in its HTML."""
    for output in cell.outputs:
        data = output.get("data", {})
        for code in [data.get("image/png"), *PICTURE.findall(data.get("text/html", ""))]:
            if code:
                yield imread(io.BytesIO(base64.b64decode(code)))


def differences(found, expected, *, share, least):
    """Return where two notebooks' outputs differ, one line each.

    Words and whole numbers must be equal, other numbers to a ``share`` of them or to ``least``. Pictures must be there
    and show something.
    """
    assert [cell.source for cell in found.cells] == [cell.source for cell in expected.cells]
    lines = []
    for one, two in zip(found.cells, expected.cells, strict=True):
        if one.cell_type == "code":
            lines += [f"{one.id}: {line}" for line in _of_cells(one, two, share, least)]
    return lines


def _of_cells(one, two, share, least):
    texts_of = [list(texts(cell)) for cell in (one, two)]
    if len(texts_of[0]) != len(texts_of[1]):
        yield f"{len(texts_of[0])} texts in place of {len(texts_of[1])}"
    for own, other in zip(*texts_of, strict=False):
        words = [NUMBER.sub("#", text).split() for text in (own, other)]
        if words[0] != words[1]:
            yield f"other words: {own!r:.300} in place of {other!r:.300}"
            continue
        for pair in zip(NUMBER.findall(own), NUMBER.findall(other), strict=True):
            if not _near(*pair, share, least):
                yield f"{pair[0]} in place of {pair[1]}"
    shown, wanted = list(pictures(one)), list(pictures(two))
    if len(shown) != len(wanted):
        yield f"{len(shown)} pictures in place of {len(wanted)}"
    yield from ("an empty picture" for picture in shown if picture.std(axis=(0, 1)).max() < 0.02)


def _near(one, two, share, least):
    if not any("." in text or "e" in text for text in (one, two)):
        return one == two
    values = [float(text.replace("−", "-").replace(",", "")) for text in (one, two)]
    return math.isclose(*values, rel_tol=share, abs_tol=least)
