"""A trained network as what its accuracy and complexity are measured of, one file per kind, as among openers.

An entry ``(source, example)`` returns a classifier, whose ``predict_on_batch`` returns probabilities and whose
``classes`` are their number; the shape of one item that it takes; and a function that returns its complexity, as
:func:`topodepth.training.complexity.complexity`.
"""

from topodepth.registry import Registry

registry = Registry(__name__, "kind of classifier")
register = registry.register
