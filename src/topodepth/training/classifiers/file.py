"""A model file of Keras or ONNX as a classifier."""

from collections.abc import Callable

import numpy as np

from topodepth.jobs.commands import start_keras
from topodepth.networks.onnx_file import is_onnx
from topodepth.networks.openers import Source
from topodepth.training.classifiers import register
from topodepth.training.complexity import complexity, of_kernels


@register("file")
def open_file(
    source: Source, _example: Callable[[], np.ndarray]
) -> tuple[object, tuple[int | None, ...], Callable[[], dict]]:
    """Open a model file, see :mod:`topodepth.training.classifiers`."""
    if is_onnx(source.path):
        from topodepth.networks.onnx_file import inspect
        from topodepth.networks.onnx_weights import FileClassifier, kernels, parameters

        found = inspect(source.path)
        onnx = FileClassifier(found, threads=source.threads, layout=source.layout)
        return onnx, onnx.inputs[0].shape[1:], lambda: of_kernels(list(kernels(found)), parameters(found))
    if not source.trust:  # code of a file may want all of Keras
        start_keras()
    from topodepth.networks.models import Classifier, load_model

    model = load_model(source.path, trust=source.trust)
    return Classifier(model), tuple(model.inputs[0].shape[1:]), lambda: complexity(model)
