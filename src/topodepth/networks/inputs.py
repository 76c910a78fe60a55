"""Whether what a data set holds and what a network takes fit together, and how the one becomes the other."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from topodepth import datasets
from topodepth.errors import InputError
from topodepth.jobs.commands import log
from topodepth.networks.files import ModelFile, inspect
from topodepth.networks.onnx_file import OnnxFile

AXES = {
    1: "(n, features)",
    2: "(n, positions, features)",
    3: "(n, height, width, channels)",
    4: "(n, depth, height, width, channels)",
}


def fitted(expected: tuple[int | None, ...], shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    """Return the shape that one item takes for a network: its own, or as many values in the network's shape.

    Values keep their order, the last axis running fastest, as in Keras' ``Reshape``. An axis that the network leaves
    free can be filled only where axes of length 1 come or go.

    Parameters
    ----------
    expected
        The network's input without the batch's axis; None for a free axis.
    shape
        Of one item of the data.
    name
        Of the network, for error messages.

    Raises
    ------
    InputError
        If the numbers of values differ, or the same axes come in another order.
    """
    shape = tuple(map(int, shape))
    if fits(expected, shape):
        return shape
    made = _filled(expected, shape)
    turned = _turned(expected, shape)
    if made is None or math.prod(made) != math.prod(shape) or turned:
        hint = ""
        if turned:
            hint = f" The axes are in another order: channels first? Transpose to {AXES.get(len(expected), 'it')}."
        raise InputError(
            f"{name}: the network expected {_text(expected)}, or as many values each. Received: data of shape "
            f"{_text(shape)}.{hint}"
        )
    return made


def reshaping(expected: tuple[int | None, ...], shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    """Return :func:`fitted`, and log where data are reshaped."""
    made = fitted(expected, shape, name)
    if made != tuple(shape):
        log.info("%s: data of shape %s are reshaped to %s", name, _text(shape), _text(made))
    return made


def fits(expected: tuple[int | None, ...], shape: tuple[int, ...]) -> bool:
    """Tell whether an item of a shape is one of the shape that is expected, in which None is any length."""
    return len(shape) == len(expected) and all(b in (None, a) for a, b in zip(shape, expected, strict=True))


def _turned(expected: tuple[int | None, ...], shape: tuple[int, ...]) -> bool:
    """Tell whether two shapes have the same axes in another order; reshaping would mix all values up."""
    if fits(expected, shape[1:] + shape[:1]) or fits(expected, shape[-1:] + shape[:-1]):
        return _lengths(shape) != _lengths(expected)
    real, wanted = _lengths(shape), _lengths(expected)
    return real != wanted and None not in wanted and sorted(real) == sorted(wanted)


def _filled(expected: tuple[int | None, ...], shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return a network's input shape with its free axis filled, or None if nothing fills it."""
    known = tuple(size for size in expected if size is not None)
    if len(known) == len(expected):
        return known
    if len(known) < len(expected) - 1:
        return None
    rest = math.prod(known)
    made = tuple(math.prod(shape) // rest if size is None else size for size in expected)
    return made if _lengths(made) == _lengths(shape) else None


def _lengths(shape: tuple[int | None, ...]) -> list:
    """Return the lengths of all axes that are longer than 1."""
    return [size for size in shape if size != 1]


def _text(shape: tuple) -> str:
    return f"(n, {', '.join('any' if size is None else str(size) for size in shape)})"


def declared(found: ModelFile | OnnxFile, layout: str = "auto") -> tuple[tuple[int | None, ...], str] | None:
    """Return the shape of a model file's one input, the batch's axis first, and its type, as the file tells them.

    None if it has several inputs, or does not say. The channels are the last axis; ``layout`` says where an ONNX
    network has them.
    """
    if isinstance(found, OnnxFile):
        source = found.source(layout)
        return source.shape, source.dtype
    inner = found.config["config"]
    records = inner if isinstance(inner, list) else inner["layers"]
    inputs = [item for item in records if item.get("class_name") == "InputLayer"]
    if len(inputs) > 1 or not records:
        return None
    first: Any = (inputs or records)[0].get("config") or {}
    shape = first.get("batch_shape") or first.get("batch_input_shape")
    whole = isinstance(shape, list | tuple) and shape and all(n is None or type(n) is int for n in shape)
    return (tuple(shape), str(first.get("dtype", "float32"))) if whole else None


def check_plan(config: Mapping, units: Iterable, attacked: Iterable[str]) -> None:
    """Refuse, before any job runs, networks whose images cannot be theirs, as far as files' headers tell it.

    Parameters
    ----------
    config
        A complete configuration.
    units
        What :mod:`topodepth.plan` makes of it: each with ``model`` and ``images``.
    attacked
        Entries of ``models`` whose images are attacked.

    Raises
    ------
    InputError
        The message names the model's key and the data set's.
    """
    forms = {}
    for unit in units:
        if not unit.has_images:
            continue
        model, name = unit.model, unit.images.dataset
        if name not in forms:
            forms[name] = form_of(config, name)
        form, where = forms[name], f"config key 'models.{model.entry}'"
        if form is None:
            continue
        if not model.path:
            if form.kind != "images" and model.settings["size"]:
                where = f"config key 'experiments.spoofing', data set {name!r}"
                raise InputError(
                    f"{where}: arrays of numbers are not resized, expected `pixels: {{size: null}}`. "
                    f"Received: {model.settings['size']}."
                )
            continue
        if name == model.settings["dataset"]:
            if model.is_made:
                datasets.images_only(form, f"{where}: architectures are trained on images, data set {name!r}")
            if model.entry in attacked:
                datasets.images_only(form, f"{where}: attacks change images, data set {name!r}")
        if model.settings["file"] and Path(model.path).is_file():  # of many files in a folder it would take too long
            found = inspect(model.path, trust=model.settings["trust"])
            try:
                known = declared(found, model.settings.get("layout", "auto"))
            except InputError as error:
                raise InputError(f"{where}: {error}") from None
            if known is not None:
                fitted(known[0][1:], form.shape, f"{where}: {model.path} on data set {name!r}")


def form_of(config: Mapping, name: str) -> datasets.Form | None:
    """Return what one item of a data set will be; None if that is known only once its job has run."""
    dataset = config["datasets"][name]
    settings = {"size": dataset["size"], **dataset["options"]}
    try:
        return datasets.form(dataset["loader"], dataset["source"], settings)
    except InputError as error:
        raise InputError(f"config key 'datasets.{name}': {error}") from None
