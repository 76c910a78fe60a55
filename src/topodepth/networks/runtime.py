"""A trained network that takes images to its tapped layers: by ONNX Runtime where that knows its layers, or by Keras.

ONNX Runtime starts in a tenth of a second, where TensorFlow takes seconds, and is faster on a processor; the
two agree to single precision. Keras opens what :mod:`topodepth.networks.onnx_layers` does not know, and serves GPUs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.errors import InputError
from topodepth.jobs.commands import log
from topodepth.networks.batches import predict
from topodepth.networks.files import inspect_keras
from topodepth.networks.graph import Tap
from topodepth.networks.network import Network, check_logits
from topodepth.networks.onnx_file import inspect as inspect_onnx
from topodepth.networks.onnx_file import is_onnx, of_model
from topodepth.networks.taps import Layers

if TYPE_CHECKING:
    import onnx


def open_network(
    path: "str | Path | onnx.ModelProto",
    layers: Layers = "auto",
    *,
    scores: bool = False,
    trust: bool = False,
    threads: int = 1,
    gpu: bool = False,
    model: Any = None,
    layout: str = "auto",
) -> Network:
    """Open a model file, of Keras or ONNX, and tap its layers.

    Parameters
    ----------
    path, trust
        As for :func:`topodepth.networks.models.load_model`; an ONNX file by its ending ``.onnx``, or an
        ``onnx.ModelProto``.
    layers
        As for :func:`topodepth.networks.models.tap_layers`; of an ONNX file also names of nodes and values.
    scores
        Let ``predict`` return the model's own output too.
    threads
        Threads of ONNX Runtime; those of Keras are set before its import.
    gpu
        Let Keras open it in any case: there is a GPU, which ONNX Runtime would leave idle.
    model
        The same file as Keras has opened it, where it has: it is not opened again.
    layout
        Whether an ONNX network takes ``"channels_first"`` or ``"channels_last"``; ``"auto"`` finds out. Images are
        given channels last always.

    Raises
    ------
    InputError
        As both of these functions.
    """
    in_memory = type(path).__name__ == "ModelProto"
    try:
        if in_memory or is_onnx(path):
            from topodepth.networks.onnx_opened import open_file

            found = of_model(path) if in_memory else inspect_onnx(path)
            return open_file(found, layers, scores=scores, threads=threads, layout=layout)
        return _opened(path, layers, scores=scores, trust=trust, threads=threads, gpu=gpu, model=model)
    except InputError as error:  # what is said of a network names the network, and not its file
        if in_memory:
            raise
        raise error if str(path) in str(error) else InputError(f"{path}: {error}") from None


def _opened(
    path: str | Path, layers: Layers, *, scores: bool, trust: bool, threads: int, gpu: bool, model: Any
) -> Network:
    found = inspect_keras(path, trust=trust)
    reason = "there is a GPU" if gpu else "carries code" if found.code else None
    if reason is None:
        try:
            from topodepth.networks import onnx_network, onnx_session
        except ModuleNotFoundError as error:
            reason = f"{error.name} is not installed"
    if reason is None:
        try:
            source, taps, run = onnx_network.convert_file(found, layers, scores=scores, threads=threads)
            return Network(found.name, onnx_session.RUNTIME, [source], taps, lambda images, size: run(images))
        except onnx_network.Unsupported as unsupported:
            reason = f"not among the layers known to ONNX Runtime: {unsupported}"
    log.info("%s: computed by Keras, %s", path, reason)
    if model is None:
        from topodepth.networks.models import load_model

        model = load_model(path, trust=trust)
    return by_keras(model, layers, scores=scores)


def by_keras(model: Any, layers: Layers = "auto", *, scores: bool = False) -> Network:
    """Tap a Keras model that is open; ``layers`` as for :func:`topodepth.networks.models.tap_layers`."""
    from topodepth.networks.models import framework_of, tap_layers, tapped_model
    from topodepth.networks.opened import KerasGraph

    framework = framework_of(model)
    taps = tap_layers(model, layers)
    last = [Tap("scores", -1, "scores", "", 1.0, model.outputs[0], "none")] if scores else []
    tapped = tapped_model(model, [*taps, *last])
    # what a softmax takes is known; of an output that no known layer makes, the values have to tell
    doubtful = [k for k, tap in enumerate(taps) if tap.name == "logits" and KerasGraph(model).ending() == "logits"]

    def values(images: np.ndarray, size: int) -> list[np.ndarray]:
        outputs = predict(tapped, images, size)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        if doubtful and len(images) > 1:  # the two logits of one image can sum to 1 by chance
            check_logits(model.name, np.asarray(outputs[doubtful.pop()]))
        return outputs

    return Network(model.name, f"{framework.__name__} {framework.__version__}", model.inputs, taps, values)
