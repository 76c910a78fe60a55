"""The look shared by all figures: colours and markers of the models, fonts, texts, files."""

import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from topodepth.errors import InputError
from topodepth.files import storage

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe & Ito (2008), Color universal design, ordered to keep neighbours apart; their yellow is too pale for lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "p", ">", "h", "*", "d", "8")
LONG_DASH = (0, (9, 1.5))  # for the second round of colours; the null models own the short dashes
NULL_DASH = (0, (3, 2))
GREY = "#767676"
FAINT = "#cfcfcf"
MANY = 14  # more curves than this in one panel are not told apart: they are drawn alike, and not named

# half transparent
CROWD: dict[str, Any] = {"color": COLOURS[0] + "80", "linewidth": 0.9, "linestyle": "-", "marker": None}
NULL_NAME = "null model: features permuted"  # one name in all figures, captions and documents
SHUFFLED_NAME = "null model: tokens shuffled"
INTERVAL_NAME = "95 % interval"

THIN: dict[str, Any] = {"color": GREY, "linestyle": NULL_DASH, "linewidth": 1.1}
DOTTED: dict[str, Any] = {**THIN, "linestyle": (0, (1, 1.6)), "linewidth": 1.5}

LOOK = {
    "font.family": ["DejaVu Sans"],  # ships with matplotlib, so a figure looks the same everywhere
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#444444",
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.7,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "lines.linewidth": 1.8,
    "lines.markersize": 5.5,
    "lines.markeredgewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "figure.facecolor": "white",
    "svg.fonttype": "path",  # the reader may not have the font
    "svg.hashsalt": "topodepth",
    "pdf.fonttype": 42,
}

METADATA = {  # neither date nor version, so that the same table gives the same bytes
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


class Mark(NamedTuple):
    """How the curve of one model (or estimator) is drawn: colour, marker and line style."""

    colour: str
    marker: str
    line: str | tuple


def marks(names: Iterable[str]) -> dict[str, Mark]:
    """Return the mark of each name by its place in the list.

    14 marks differ in marker and in colour or line style; after each such round the markers move on by one, so that
    196 marks differ in something.
    """
    return {
        name: Mark(
            COLOURS[index % len(COLOURS)],
            MARKERS[(index + index // len(MARKERS)) % len(MARKERS)],
            "-" if index // len(COLOURS) % 2 == 0 else LONG_DASH,
        )
        for index, name in enumerate(names)
    }


@contextmanager
def look() -> Iterator[None]:
    """Apply the shared look, on top of matplotlib's defaults rather than the user's own settings."""
    import matplotlib.style

    with matplotlib.style.context(["default", LOOK]):
        yield


def new_figure(width: float, height: float, title: str = "") -> "Figure":
    """Return an empty figure of that size in inches, its title above, with a layout that avoids overlaps."""
    from topodepth.figures.notebook import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        lines = textwrap.wrap(title, max(20, int(8.5 * width)))
        figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=12, fontweight="bold")
        figure.set_figheight(height + 0.25 * len(lines))
    return figure


def save(figure: "Figure", path: str | Path, *, dpi: int = 160, made_from: str = "") -> None:
    """Write a figure to a PNG, SVG or PDF file, whole or not at all; the same figure gives the same bytes.

    Parameters
    ----------
    figure
        What a ``draw`` function returned.
    path
        File to write; its suffix chooses the format.
    dpi
        Dots per inch of a PNG, and of rasterised parts of the others.
    made_from
        What made the figure; kept in the file's metadata.

    Raises
    ------
    InputError
        If the suffix names another format.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in METADATA:
        raise InputError(f"{path}: expected a file name that ends in {', '.join(METADATA)}. Received: {suffix!r}.")
    described = {"Subject" if suffix == ".pdf" else "Description": made_from} if made_from else {}
    with look(), storage.atomic_path(path) as part:
        _lay_out(figure, dpi)
        figure.savefig(part, format=suffix[1:], dpi=dpi, metadata=METADATA[suffix] | described)


def _lay_out(figure: "Figure", dpi: int) -> None:
    """Find the layout of a figure once, for all its files: with an engine, matplotlib draws each of them twice."""
    if engine := figure.get_layout_engine():
        before = figure.get_dpi()
        figure.set_dpi(dpi)
        engine.execute(figure)
        figure.set_dpi(before)
        figure.set_layout_engine(None)


def short(name: str, length: int) -> str:
    """Return a name, its middle replaced by an ellipsis if it is longer than ``length``."""
    if len(name) <= length:
        return name
    head = (length - 1) // 2
    return f"{name[:head]}…{name[head + 1 - length :]}"


def plain(value: float) -> str:
    """Return a tick's label: 0.002 and 500 as they are, smaller and larger numbers with a power of ten."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:g}"
    factor, exponent = f"{value:.0e}".split("e")
    power = f"10^{{{int(exponent)}}}"
    return f"${power}$" if factor == "1" else f"${factor}\\times {power}$"
