"""Open any Keras model file, list its layers and tap them, whether Keras 3 or the legacy Keras wrote it."""

import re
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from topodepth.errors import InputError
from topodepth.networks.batches import predict
from topodepth.networks.code import APPLICATIONS
from topodepth.networks.files import inspect_keras
from topodepth.networks.frameworks import packages_of
from topodepth.networks.graph import Tap
from topodepth.networks.network import probabilities
from topodepth.networks.onnx_file import is_onnx
from topodepth.networks.opened import KerasGraph
from topodepth.networks.taps import Layers
from topodepth.networks.weights import as_keras_reads

__all__ = [
    "Classifier",
    "ListedLayer",
    "Tap",
    "list_layers",
    "load_model",
    "tap_layers",
    "tapped_model",
]


@dataclass(frozen=True)
class ListedLayer:
    """One entry of ``model.layers``.

    Attributes
    ----------
    index
        Position in ``model.layers``.
    name
        The layer's name.
    layer_class
        Its class, such as ``"Conv2D"``.
    applications
        How often the model applies it; more than 1 for a shared layer.
    output_shape
        Shape of the first application's output, None for free axes; None for a layer that is never applied.
    """

    index: int
    name: str
    layer_class: str
    applications: int
    output_shape: tuple[int | None, ...] | None


def load_model(path: str | Path, *, trust: bool = False) -> Any:
    """Open a whole Keras model: ``.keras`` or HDF5, written by Keras 3 or by the legacy Keras 2.

    The file itself says which Keras wrote it; the legacy Keras is imported only if that is needed.

    Parameters
    ----------
    path
        The model file.
    trust
        Open a file although it carries code (Lambda layers, custom objects), which runs on this machine.

    Returns
    -------
    keras.Model or tf_keras.Model
        The functions of this module take both.

    Raises
    ------
    InputError
        As :func:`topodepth.networks.files.inspect`; also if its weights lie in other files or Keras cannot open it.
    """
    path = Path(path)
    if is_onnx(path):
        raise InputError(
            f"{path}: expected a Keras model, which has gradients and can be trained. Received: an ONNX file."
        )
    found = inspect_keras(path, trust=trust)
    if found.legacy:
        import tf_keras as framework
    else:
        import keras as framework
    own = {name: getattr(import_module(f"{framework.__name__}.src.{room}"), name) for room, name in APPLICATIONS}
    options = {"compile": False, "custom_objects": own, **({"safe_mode": False} if trust else {})}
    with as_keras_reads(found) as readable:
        try:
            model = framework.models.load_model(readable, **options)
        except Exception as error:  # whatever a damaged or foreign file raises, the user needs the file's name
            raise InputError(
                f"{path}: cannot be opened by Keras {framework.__version__}. Received: {_told(error)}"
            ) from error
    if not getattr(model, "inputs", None):
        raise InputError(f"{path}: expected a functional or sequential model. Received: {type(model).__name__}")
    return model


def _told(error: Exception) -> str:
    """Return what Keras has to say of a file, on one line, without colours and the configurations that it quotes."""
    text = " ".join(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", str(error)).split())
    text = re.sub(r" using config=\{.*?\}\.? Exception encountered:", ":", text)
    text = re.split(r" Full (?:object )?config:| Please ensure you are using a| Traceback ", text)[0]
    return text[:300] or type(error).__name__


def list_layers(model: Any) -> list[ListedLayer]:
    """Return one record for each of ``model.layers``, in their order."""
    return KerasGraph(model).list_layers(ListedLayer)


def tap_layers(model: Any, layers: Layers = "auto") -> list[Tap]:
    """Find the tensors to tap in a model.

    Parameters
    ----------
    model
        A functional or sequential model of Keras 3 or of the legacy Keras, with one input.
    layers
        ``"auto"``, or a list of: a layer's name; an index into ``model.layers``, negative ones from the end;
        ``"logits"``, the values before the softmax, also if the softmax is inside the last layer; ``"penultimate"``,
        the input of the layer that makes the logits; ``"name@k"``, the k-th application, from 0, of a shared layer;
        ``"inner/name"``, a layer of the inner model ``inner``.
        ``"auto"`` takes the layers that a registered architecture declares; of any other model the block outputs
        (additions and concatenations, at least three), else the outputs of dense, convolutional, recurrent, attention
        and embedding layers, at most twelve; inner models are looked into. Of a model with several outputs it takes
        them all instead of the logits.

    Returns
    -------
    list of Tap
        In the order asked for.

    Raises
    ------
    InputError
        If a layer is unknown (lists the known ones), is shared and no application is named (lists them), or two
        entries mean the same tensor.
    """
    return KerasGraph(model).taps(layers)


def tapped_model(model: Any, taps: list[Tap]) -> Any:
    """Return a model with one output (n, d) a tap, averaged over space or steps: one forward pass for all.

    Steps of a sequence that a mask leaves out do not count.
    """
    framework = framework_of(model)
    pools = {
        3: framework.layers.GlobalAveragePooling1D,
        4: framework.layers.GlobalAveragePooling2D,
        5: framework.layers.GlobalAveragePooling3D,
    }
    taken = {layer.name for layer in model.layers}
    outputs = []
    for k, tap in enumerate(taps):
        rank = len(tap.tensor.shape)
        if rank != 2 and rank not in pools:
            raise InputError(f"{model.name}: layer {tap.token!r} expected to have 2 to 5 axes. Received: {rank}")
        if tap.tensor.shape[-1] is None:
            raise InputError(f"{model.name}: layer {tap.token!r} expected to have a fixed number of features.")
        # a name of its own: the default one may be that of a layer that the file brings along
        name = next(name for name in (f"tap{'_' * extra}{k}" for extra in count()) if name not in taken)
        options = {"name": name} if rank == 3 else {"name": name, "data_format": "channels_last"}
        outputs.append(tap.tensor if rank == 2 else pools[rank](**options)(tap.tensor))
    tapped = framework.Model(model.inputs, outputs)
    tapped.compile(jit_compile=False)  # XLA's compilation costs more than it saves in one pass over the images
    return tapped


def framework_of(model: Any) -> Any:
    """Return the Keras that a model belongs to: the module ``keras`` or ``tf_keras``."""
    if "tf_keras" in packages_of(model):
        import tf_keras

        return tf_keras
    import keras

    return keras


class Classifier:
    """A model whose output is probabilities, whatever its own last operation is.

    Where the model's graph ends in no softmax, its output is taken for logits and a softmax is applied. Sigmoids, one
    a class, are divided by their sum, as Keras' categorical cross-entropy does; a single sigmoid or logit is the
    second of two classes.

    Attributes
    ----------
    ends_in
        ``"softmax"``, ``"sigmoid"`` or ``"logits"``: what the model's own output is.
    classes
        How many classes it tells apart.

    Parameters
    ----------
    model
        A functional or sequential model with one input and one output.

    Raises
    ------
    InputError
        If it has several inputs or outputs, or an output that is not (n, classes).
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.name = model.name
        graph = KerasGraph(model)
        graph.check_one_output()
        self.ends_in = graph.ending()
        sizes = [size for size in model.outputs[0].shape[1:] if size != 1]
        if len(sizes) > 1 or None in sizes:
            raise InputError(f"{self.name}: output expected as (n, classes). Received: {tuple(model.outputs[0].shape)}")
        self.classes = max([2, *sizes])

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities (n, classes), float64."""
        outputs: Any = predict(self._model, images, len(images))
        return probabilities(outputs, self.ends_in)
