"""The look shared by all figures: colours and markers of the models, fonts, bands, legends, files."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from topodepth.errors import InputError
from topodepth.files import storage

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

# Okabe & Ito (2008), Color universal design, ordered to keep neighbours apart; their yellow is too pale for lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "p", ">", "h", "*", "d", "8")
LONG_DASH = (0, (9, 1.5))  # for the second round of colours; the null models own the short dashes
NULL_DASH = (0, (3, 2))
GREY = "#767676"
FAINT = "#cfcfcf"
MANY = 14  # more curves than this in one panel are not told apart: they are drawn alike, and not named

CROWD = {"color": COLOURS[0] + "80", "linewidth": 0.9, "linestyle": "-", "marker": None}  # half transparent
NULL_NAME = "null model: features permuted"  # one name in all figures, captions and documents
INTERVAL_NAME = "95 % interval"

THIN = {"color": GREY, "linestyle": NULL_DASH, "linewidth": 1.1}

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
    from matplotlib.figure import Figure

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
        figure.savefig(part, format=suffix[1:], dpi=dpi, metadata=METADATA[suffix] | described)
    figure.set_layout_engine("none")  # found once: it takes a third of the time, and other files show the same


def band(axes: "Axes", x: Sequence, bounds: tuple[Sequence, Sequence], colour: str, *, alpha: float = 0.2) -> None:
    """Shade the interval between the bounds, low and high; a bar where a point has no neighbour to shade towards."""
    x, low, high = (np.asarray(array, dtype=float) for array in (x, *bounds))
    given = np.isfinite(low) & np.isfinite(high)
    if not given.any() or alpha <= 0:
        return
    alone = _alone(given)
    if (given & ~alone).any():
        axes.fill_between(x, low, high, where=given & ~alone, color=colour, alpha=alpha, linewidth=0, zorder=1.5)
    if alone.any():
        axes.vlines(x[alone], low[alone], high[alone], color=colour, alpha=min(1.0, alpha * 3), linewidth=3, zorder=1.5)


def curve(
    axes: "Axes",
    x: Sequence,
    y: Sequence,
    bounds: tuple[Sequence, Sequence],
    mark: Mark,
    *,
    alpha: float = 0.2,
    **look: object,
) -> None:
    """Draw a curve with markers and its interval as a band; NaN breaks it. ``look`` goes to the curve's line."""
    band(axes, x, bounds, mark.colour, alpha=alpha)
    line = {
        "color": mark.colour,
        "marker": mark.marker,
        "linestyle": mark.line,
        "markeredgecolor": "white",
        "zorder": 3,
    }
    axes.plot(x, y, **{**line, **look})


def null_curve(axes: "Axes", x: Sequence, y: Sequence, colour: str = GREY, alpha: float = 1.0) -> None:
    """Draw the null model's curve, thin and dashed; a dash of its own where a point has no neighbour."""
    axes.plot(x, y, **{**THIN, "color": colour}, alpha=alpha, zorder=2)
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    alone = _alone(np.isfinite(y))
    if alone.any():
        axes.plot(x[alone], y[alone], color=colour, linestyle="none", marker="_", markersize=12, markeredgewidth=1.2)


def _alone(given: np.ndarray) -> np.ndarray:
    """Tell which of the points given have no neighbour, so that no line or band can show them."""
    return given & ~np.append(given[1:], False) & ~np.append(False, given[:-1])


def say(axes: "Axes", text: str) -> None:
    """Write a note into an empty panel."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY)
    axes.set_yticks([])


def undefined(axes: "Axes", x: Sequence, y: Sequence, mark: Mark) -> bool:
    """Put an open marker at the panel's foot where ``y`` is NaN; tell whether there was any."""
    missing = np.asarray(x, dtype=float)[~np.isfinite(np.asarray(y, dtype=float))]
    if missing.size:
        axes.plot(
            missing,
            np.full(missing.size, 0.02),
            transform=axes.get_xaxis_transform(),
            linestyle="none",
            marker=mark.marker,
            markerfacecolor="white",
            markeredgecolor=mark.colour,
            markeredgewidth=1.2,
            clip_on=False,
            zorder=4,
            gid="undefined",
        )
    return bool(missing.size)


def from_zero(axes: "Axes") -> None:
    """Let the y axis begin at 0, or lower where the data do."""
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]) if axes.dataLim.y0 < 0 else 0.0)


def cells(count: int, per_row: int) -> tuple[int, int]:
    """Return the rows and columns of a grid for ``count`` panels, its last row as full as it can be."""
    rows = -(-count // per_row)
    return rows, -(-count // rows)


def short(name: str, length: int) -> str:
    """Return a name, its middle replaced by an ellipsis if it is longer than ``length``."""
    if len(name) <= length:
        return name
    head = (length - 1) // 2
    return f"{name[:head]}…{name[head + 1 - length :]}"


def depth_axis(axes: "Axes", label: bool = True) -> None:
    """Set the x axis to relative depth, 0 to 1, input to output."""
    axes.set_xlim(0, 1.04)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], ["0", "0.2", "0.4", "0.6", "0.8", "1"])
    if label:
        axes.set_xlabel("relative depth")


def log_axis(axes: "Axes") -> None:
    """Make the y axis logarithmic, with plain numbers as ticks however small its range is."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    axes.set_yscale("log", nonpositive="clip")
    axes.autoscale_view()
    low, high = axes.get_ylim()
    decades = np.log10(high / low)
    if decades < 0.8:
        locator = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10])
    else:
        locator = LogLocator(subs=(1, 2, 5) if decades < 3 else (1,), numticks=12)
    axes.yaxis.set_major_locator(locator)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))


def plain(value: float) -> str:
    """Return a tick's label: 0.002 and 500 as they are, smaller and larger numbers with a power of ten."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:g}"
    factor, exponent = f"{value:.0e}".split("e")
    power = f"10^{{{int(exponent)}}}"
    return f"${power}$" if factor == "1" else f"${factor}\\times {power}$"


def estimate(value: float, low: float, high: float) -> str:
    """Return an estimate and its interval as text, to two decimals: −0.61 [−0.72, −0.45]."""
    if not np.isfinite(value):
        return "undefined"
    bounds = f" [{low:z.2f}, {high:z.2f}]" if np.isfinite(low) and np.isfinite(high) else ""
    return f"{value:z.2f}{bounds}".replace("-", "−")


def epoch_axis(axes: "Axes") -> None:
    """Set the x axis to epochs, whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    low, high = axes.dataLim.intervalx
    if high - low < 1:  # a single epoch
        axes.set(xlim=(round(low) - 0.5, round(low) + 0.5), xticks=[round(low)])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))


def colour_scale(
    values: Sequence[float], colours: str = "viridis", span: tuple[float, float] = (0, 0.9)
) -> "ScalarMappable":
    """Return colours for numbers, from the smallest to the largest; a part of matplotlib's, whose ends may be too pale.

    Equal numbers get the colour of the middle.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    given = np.asarray(values, dtype=float)
    given = given[np.isfinite(given)]
    low, high = (float(given.min()), float(given.max())) if given.size else (0.0, 1.0)
    apart = high - low > 1e-6 * max(1.0, abs(high))
    scale = Normalize(low, high) if apart else Normalize(low - 0.5, high + 0.5)
    return ScalarMappable(scale, cmap=ListedColormap(colormaps[colours](np.linspace(*span, 256))))


def colour_bar(figure: "Figure", scale: "ScalarMappable", grid: np.ndarray, label: str, *, one: bool) -> None:
    """Put the key to a colour scale at the right of the panels; a number that is the only ``one`` is the only tick."""
    bar = figure.colorbar(scale, ax=grid, shrink=0.9, pad=0.02)
    bar.set_label(label)
    if one:
        bar.set_ticks([(scale.norm.vmax + scale.norm.vmin) / 2])


def layer_axis(axes: "Axes", layers: Sequence[str], label: bool = True) -> None:
    """Give each of a few layers a place of its own on the x axis, 0, 1, …, instead of its relative depth."""
    longest = max(map(len, layers))
    tilted = {} if len(layers) * longest <= 24 else {"rotation": 20, "ha": "right"}
    axes.set_xlim(-0.4, len(layers) - 0.6)
    axes.set_xticks(range(len(layers)), [short(name, 18) for name in layers], **tilted)
    if label:
        axes.set_xlabel("layer, from input to output")


def line_handle(label: str, **line: object) -> "Artist":
    """Return a legend entry for a line, grey unless told otherwise."""
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **{"color": GREY, **line})


def model_handles(models: Mapping[str, Mark], labels: Mapping[str, str]) -> list["Artist"]:
    """Return a legend entry for each model."""
    return [
        line_handle(labels.get(name, name), color=mark.colour, marker=mark.marker, linestyle=mark.line)
        for name, mark in models.items()
    ]


def crowd(count: int) -> list["Artist"]:
    """Return the legend entry of more models than can be told apart."""
    return [line_handle(f"{count} models, one thin line each", **CROWD)]


def key_handles(*, null: bool, interval: bool, gaps: bool) -> list["Artist"]:
    """Return the entries that explain line styles: data, null model, interval, undefined value."""
    from matplotlib.patches import Patch

    handles = [line_handle("data", marker="o")]
    if null:
        handles.append(line_handle(NULL_NAME, **THIN))
    if interval:
        handles.append(Patch(color=GREY, alpha=0.3, linewidth=0, label=INTERVAL_NAME))
    if gaps:
        handles.append(
            line_handle(
                "undefined (see table)", linestyle="none", marker="o", markerfacecolor="white", markeredgewidth=1.2
            )
        )
    return handles


def legend(figure: "Figure", names: Sequence["Artist"], key: Sequence["Artist"] = ()) -> None:
    """Put a legend below the panels, making the figure taller by its height.

    Entries stand in as many columns as the longest labels allow; where several rows are needed, the key to the line
    styles gets columns of its own, after the names.
    """
    groups = [list(group) for group in (names, key) if group]
    widths = [0.6 + 0.075 * max(len(str(handle.get_label())) for handle in group) for group in groups]
    rows = 1
    while rows < max(map(len, groups)) and figure.get_figwidth() < sum(
        -(-len(group) // rows) * width for group, width in zip(groups, widths, strict=True)
    ):
        rows += 1
    if rows > 1:
        for group in groups:
            group += [line_handle(" ", linestyle="none") for _ in range(-len(group) % rows)]
    handles = [handle for group in groups for handle in group]
    figure.set_figheight(figure.get_figheight() + 0.1 + 0.21 * rows)
    figure.legend(
        handles=handles, loc="outside lower center", ncols=-(-len(handles) // rows), columnspacing=1.6, handlelength=2.4
    )
