"""A figure that shows itself in a notebook.

IPython 9 shows matplotlib's figures only once ``matplotlib.pyplot`` is imported, which nothing here needs: until then
a cell that ends in a figure says ``<Figure size 1170x681 with 6 Axes>``.
"""

import io

import matplotlib.figure

from topodepth.figures import style


class Figure(matplotlib.figure.Figure):
    """Matplotlib's Figure, with a picture for notebooks."""

    def _repr_png_(self) -> bytes:
        return png(self)


def png(figure: matplotlib.figure.Figure, dpi: int = 80) -> bytes:
    """Return a figure as PNG, with the look of its files."""
    stored = io.BytesIO()
    with style.look():
        figure.savefig(stored, format="png", dpi=dpi, metadata=style.METADATA[".png"])
    return stored.getvalue()
