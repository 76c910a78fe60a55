"""The weights of an ONNX file, and the classifier that it is."""

from collections.abc import Iterator, Mapping

import numpy as np

from topodepth.networks.network import probabilities
from topodepth.networks.onnx_file import OnnxFile
from topodepth.networks.onnx_flow import as_array, constants_of, used_by
from topodepth.networks.onnx_opened import passing
from topodepth.networks.onnx_tensors import whole

NUMBERS = "fe"  # kinds of NumPy types that weights have


class FileClassifier:
    """An ONNX network whose output is probabilities, as :class:`topodepth.networks.models.Classifier` is of a model.

    Attributes
    ----------
    name, ends_in, classes, inputs
        As of a classifier, and of a Keras model.

    Parameters
    ----------
    found
        The file.
    threads, layout
        As for :func:`topodepth.networks.runtime.open_network`.

    Raises
    ------
    InputError
        If it has several outputs, or one that is not (n, classes).
    """

    def __init__(self, found: OnnxFile, *, threads: int = 1, layout: str = "auto") -> None:
        graph = found.graph()
        graph.check_one_output()
        self.name = found.name
        logarithms = any(use.kind == "LogSoftmax" and found.flow.leaves(use.output) for use in graph.applications)
        self.ends_in = "logits" if logarithms else graph.ending()
        source, [(_, features)], self._run = passing(
            found, {"output": found.flow.outputs[0]}, threads=threads, layout=layout
        )
        self.inputs = [source]
        self.classes = max(2, features)

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities (n, classes), float64."""
        return probabilities(self._run(images)[0], self.ends_in)


def parameters(found: OnnxFile) -> int:
    """Return how many numbers a network has for weights: all real ones that its nodes take, each once."""
    constants = constants_of(found.model.graph)
    taken = {name for node in found.model.graph.node for name in used_by(node)}
    real = {1, 10, 11, 16}
    different = {id(constants[name]): constants[name] for name in taken & set(constants)}
    return sum(int(np.prod(tensor.dims)) for tensor in different.values() if tensor.data_type in real and tensor.dims)


def kernels(found: OnnxFile) -> Iterator[np.ndarray]:
    """Yield the kernels of a network as matrices (inputs, outputs); one that several layers share comes once.

    A convolution (filters, channels, height, width) becomes (channels · height · width, filters), a depthwise one as
    Keras has it: (channels · height · width, filters of a channel). Kernels that are computed are left out.
    """
    constants = constants_of(whole(found.path, found.model).graph)
    seen = set()
    for node, kind in found.flow.kernels():
        places = (1, 2) if kind.name in ("LSTM", "GRU", "SimpleRNN") else (kind.kernel,)
        for place in places:
            name = node.input[place] if 0 <= place < len(node.input) else ""
            array = as_array(constants.get(name))
            if array is None or name in seen or array.dtype.kind not in NUMBERS or array.ndim < 2:
                continue
            seen.add(name)
            yield from _matrices(array.astype(np.float64), kind.name, {a.name: a for a in node.attribute})


def _matrices(array: np.ndarray, kind: str, settings: Mapping) -> Iterator[np.ndarray]:
    if kind in ("LSTM", "GRU", "SimpleRNN"):  # (directions, gates, inputs)
        yield from (part.T for part in array)
    elif kind.startswith("Depthwise"):
        groups = settings["group"].i
        many = array.shape[0] // groups
        yield array.reshape(groups, many, -1).transpose(0, 2, 1).reshape(-1, many)
    elif kind.endswith("Transpose"):  # (channels, filters, …)
        yield np.moveaxis(array, 1, -1).reshape(-1, array.shape[1])
    elif kind.startswith("Conv"):
        yield array.reshape(len(array), -1).T
    elif "transB" in settings and settings["transB"].i:
        yield array.T
    else:
        yield array.reshape(-1, array.shape[-1])
