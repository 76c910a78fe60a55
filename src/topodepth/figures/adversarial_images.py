"""The adversarial experiment: a few images, clean and attacked, with what the model takes them for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from topodepth.errors import InputError
from topodepth.figures import keys, style
from topodepth.files import hdf5

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RIGHT, WRONG, TARGET = "#222222", "#B04A00", "#0072B2"


class AttackedImages(NamedTuple):
    """Images of one attack.

    Attributes
    ----------
    pixels
        (images, strengths, height, width, channels), black 0 to white 1.
    labels
        (images,) true classes.
    predicted
        (images, strengths) classes that the model gives.
    epsilons, macro_f1
        (strengths,) strengths of the attack, and F1 over all images there.
    class_names
        One a class.
    target
        Class that the attack aims at; None for none.
    """

    pixels: np.ndarray
    labels: np.ndarray
    predicted: np.ndarray
    epsilons: np.ndarray
    macro_f1: np.ndarray
    class_names: Sequence[str]
    target: int | None


def read(path: str | Path) -> AttackedImages:
    """Read the images that an attack has left to be shown, see :mod:`topodepth.attacks.sweep`.

    Raises
    ------
    InputError
        If the file is missing, damaged or no such file.
    """
    with hdf5.open_h5(path, "Delete its folder and run again to make it anew.") as file:
        arrays = {}
        for name, axes in {"pixels": 5, "labels": 1, "predicted": 2, "epsilons": 1, "macro_f1": 1}.items():
            where = f"{path}: /{name}:"
            stored = hdf5.own_dataset(where, file, name, f"real numbers with {axes} axes")
            if stored.ndim != axes or stored.dtype.kind not in "iuf":
                received = f"{stored.dtype} {stored.shape}"
                raise InputError(f"{where} expected as real numbers with {axes} axes. Received: {received}")
            arrays[name] = stored[()]
        names, target = (hdf5.attribute_of(f"{path}:", file, key) for key in ("class_names", "target"))
    if not isinstance(names, np.ndarray) or not isinstance(target, int):
        raise InputError(f"{path}: expected attributes class_names and target. Received: {names!r:.60}, {target!r:.60}")
    return AttackedImages(**arrays, class_names=[str(name) for name in names], target=None if target < 0 else target)


def draw(images: AttackedImages, *, title: str = "") -> "Figure":
    """Draw one row per strength and one column per image; below each image the class that the model gives it.

    Parameters
    ----------
    images
        What to draw.
    title
        Title above the panels.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the arrays do not fit together.
    """
    if images.pixels.ndim != 5 or images.pixels.shape[-1] not in (1, 3, 4):
        expected = "pixels expected as images (images, strengths, height, width, channels) of 1, 3 or 4 channels"
        raise InputError(f"adversarial_images figure: {expected}. Received: {images.pixels.shape}.")
    count, strengths = images.pixels.shape[:2]
    if images.labels.shape != (count,) or images.predicted.shape != (count, strengths):
        shapes = images.pixels.shape, images.labels.shape, images.predicted.shape
        raise InputError(f"adversarial_images figure: pixels, labels, predicted expected to fit. Received: {shapes}.")
    with style.look():
        figure = style.new_figure(max(6.0, 1.2 + 1.15 * count), 0.4 + 1.35 * strengths, title)
        grid = figure.subplots(strengths, count, squeeze=False)
        for row, (epsilon, f1) in enumerate(zip(images.epsilons, images.macro_f1, strict=True)):
            for column in range(count):
                _draw_image(grid[row][column], images, column, row)
            name = "clean" if epsilon == 0 else f"ε = {epsilon:g}"
            grid[row][0].set_ylabel(f"{name}\nF1 {f1:.2f}", rotation=0, ha="right", va="center", labelpad=8)
        for axes, label in zip(grid[0], images.labels, strict=True):
            axes.set_title(style.short(images.class_names[label], 12), loc="center", fontsize=9.5, fontweight="bold")
        keys.legend(figure, _key(images.target is not None))
    return figure


def _draw_image(axes: "Axes", images: AttackedImages, column: int, row: int) -> None:
    pixels, predicted = images.pixels[column, row], images.predicted[column, row]
    grey = pixels.shape[-1] == 1
    axes.imshow(pixels[..., 0] if grey else pixels, cmap="gray" if grey else None, vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    colour = RIGHT if predicted == images.labels[column] else TARGET if predicted == images.target else WRONG
    axes.set_xlabel(style.short(images.class_names[predicted], 14), color=colour, fontsize=9, labelpad=2)
    for spine in axes.spines.values():
        spine.set(visible=True, color=colour, linewidth=1.6)


def _key(targeted: bool) -> list:
    names: Mapping[str, str] = {"right": RIGHT, "wrong": WRONG, **({"the target": TARGET} if targeted else {})}
    return [
        keys.line_handle(f"predicted: {name}", color=colour, marker="s", markersize=8, linestyle="none")
        for name, colour in names.items()
    ]
