"""A trained network, whoever trained it, as what its accuracy and its complexity are measured of."""

from collections.abc import Callable
from pathlib import Path

from topodepth.networks.onnx_file import is_onnx
from topodepth.training.complexity import complexity, of_kernels


def open_classifier(
    path: str | Path, *, trust: bool = False, threads: int = 1, layout: str = "auto"
) -> tuple[object, tuple[int | None, ...], Callable[[], dict]]:
    """Open a model file, of Keras or ONNX, as a classifier.

    Parameters
    ----------
    path, trust, threads, layout
        As for :func:`topodepth.networks.runtime.open_network`.

    Returns
    -------
    tuple
        The classifier; the shape of one item that it takes; and a function that returns its complexity, as
        :func:`topodepth.training.complexity.complexity`.
    """
    if is_onnx(path):
        from topodepth.networks.onnx_file import inspect
        from topodepth.networks.onnx_weights import FileClassifier, kernels, parameters

        found = inspect(path)
        classifier = FileClassifier(found, threads=threads, layout=layout)
        shape = classifier.inputs[0].shape[1:]
        return classifier, shape, lambda: of_kernels(list(kernels(found)), parameters(found))
    from topodepth.networks.models import Classifier, load_model

    model = load_model(path, trust=trust)
    return Classifier(model), tuple(model.inputs[0].shape[1:]), lambda: complexity(model)
