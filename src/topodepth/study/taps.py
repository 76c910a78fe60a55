"""Which layers a measurement will have, before it: their names, depths, kinds and widths."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from topodepth.activations.extraction import representations
from topodepth.activations.file import Representation
from topodepth.jobs import extras
from topodepth.study import doors, sources
from topodepth.study.keywords import Keywords
from topodepth.study.settings import from_keywords

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = ("layer_index", "layer", "relative_depth", "layer_class", "dimension", "reduction")


def taps(model: Any = None, images: Any = None, *, layers: Any = "auto", **settings: Unpack[Keywords]) -> "DataFrame":
    """Return the layers that :func:`topodepth.measure` of the same arguments will measure; nothing is measured.

    ``taps(model, images, layers="*")`` lists all that can be asked for. A PyTorch model passes a few items to show its
    layers; of other models no image is needed. The model and all random states are as found.

    Parameters
    ----------
    model
        As for :func:`topodepth.measure`: a model of Keras, PyTorch or ONNX, the path of a Keras or ONNX model, or an
        activations file.
    images
        As for :func:`topodepth.measure`; the first batch will do. Of an iterator at most one batch is taken.
    layers
        As for :func:`topodepth.measure`.
    **settings
        How data pass through the model, such as ``pooling``; further ones of :func:`topodepth.measure` change nothing.

    Returns
    -------
    DataFrame
        One row for each layer, in order of depth. ``layer_index``, ``layer``, ``relative_depth`` and ``dimension`` (the
        number of features of a point) are those of the table of :func:`topodepth.measure`. ``layer_class`` is the class
        of the module or layer, of ONNX the Keras layer that it amounts to; empty for arrays. ``reduction`` says what
        becomes of space or of a sequence: ``"mean"``, ``"first"`` or ``"last"``; ``"none"`` where there are none.

    Raises
    ------
    InputError
        If there is no such layer, or the model cannot be opened; as :func:`topodepth.measure`.
    """
    import pandas

    _, passing = from_keywords(settings)
    found: Sequence[Representation]
    with extras.one_line(), doors.as_found(model, images):
        if images is None and model is not None and not isinstance(layers, Mapping) and not _is_measured_alone(model):
            found = representations(doors.open_model(model, layers, None, passing).taps)
        else:
            found = sources.given(model, images, None, layers=layers, name=None, passing=passing).layers
    rows = [
        (getattr(each, "index", k), each.token, each.relative_depth, each.layer_class, each.d, each.reduction)
        for k, each in enumerate(found)
    ]
    return pandas.DataFrame(rows, columns=list(COLUMNS))


def _is_measured_alone(model: Any) -> bool:
    return doors.is_path(model) and sources.holds_activations(Path(model))
