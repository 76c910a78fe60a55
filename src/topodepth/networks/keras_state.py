"""A live Keras model during a pass: afterwards it, and all that Keras draws from by chance, are as they were found.

Nothing here imports Keras before it is called: who has a live model has it imported.
"""

import logging
import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from topodepth.networks.models import framework_of


@contextmanager
def as_found(model: object) -> Iterator[None]:
    """Put back random states, counters of names, the links between layers, and what recurrent layers remember.

    A layer without a seed of its own draws one from Python's ``random`` as it is made (Keras 3.15.1: each of its
    initialisers does; the legacy Keras 2.21 draws from a generator of its own, where one was seeded), so that a twin of
    a layer that is made to look into it would change what is drawn next in training. Every layer that is called on a
    tensor of the model stays linked to the layer that made it, and would be kept as long as the model.
    """
    with ExitStack() as stack:
        stack.enter_context(_random_state())
        stack.enter_context(_legacy_state() if framework_of(model).__name__ == "tf_keras" else _global_state())
        stack.enter_context(_layers(list(_inner(model))))
        stack.enter_context(_traced_in_silence())
        yield


@contextmanager
def _traced_in_silence() -> Iterator[None]:
    """Hold back TensorFlow's advice not to trace a function again and again: what looks into a model is made anew."""
    logger = logging.getLogger("tensorflow")

    def told(record: logging.LogRecord) -> bool:
        return "triggered tf.function retracing" not in record.getMessage()

    logger.addFilter(told)
    try:
        yield
    finally:
        logger.removeFilter(told)


@contextmanager
def _random_state() -> Iterator[None]:
    """Put back the states of Python, NumPy and eager TensorFlow."""
    python, numbers = random.getstate(), np.random.get_state()  # noqa: NPY002
    generator = None
    if "tensorflow" in sys.modules:
        from tensorflow.python.eager import context

        generator = getattr(context.context(), "_rng", None)  # seeds of operations that have none
    operations = generator and generator.getstate()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numbers)  # noqa: NPY002
        if generator:
            generator.setstate(operations)


@contextmanager
def _global_state() -> Iterator[None]:
    """Put back Keras' own generator, which is made when it is first drawn from, and its counters of names."""
    from keras.src.backend.common import global_state

    generator = global_state.get_global_attribute("global_seed_generator")
    state = None if generator is None else np.array(generator.state)
    names = dict(global_state.get_global_attribute("object_name_uids") or {})
    try:
        yield
    finally:
        global_state.set_global_attribute("global_seed_generator", generator)
        if generator is not None:
            generator.state.assign(state)
        _put_back(global_state.get_global_attribute("object_name_uids"), names)


@contextmanager
def _legacy_state() -> Iterator[None]:
    """Put back the same of the legacy Keras."""
    from tf_keras.src import backend

    generator = getattr(backend._SEED_GENERATOR, "generator", None)
    state = generator and generator.getstate()
    names = [(counts, dict(counts)) for counts in backend.PER_GRAPH_OBJECT_NAME_UIDS.values()]
    try:
        yield
    finally:
        if generator:
            generator.setstate(state)
        for counts, before in names:
            _put_back(counts, before)


def _put_back(counts: dict | None, before: dict) -> None:
    if counts is not None:
        counts.clear()
        counts.update(before)


def _inner(model: object) -> Iterator[object]:
    for layer in getattr(model, "layers", ()):
        yield layer
        if hasattr(layer, "layers"):
            yield from _inner(layer)


@contextmanager
def _layers(layers: list) -> Iterator[None]:
    """Cut the links that came to layers, and put back the states of those that remember earlier batches."""
    links = [(found, len(found)) for layer in layers for found in (layer._inbound_nodes, layer._outbound_nodes)]
    stateful = [layer for layer in layers if getattr(layer, "stateful", False)]
    states = [
        (variable, np.array(variable)) for layer in stateful for variable in _flat(getattr(layer, "states", None))
    ]
    try:
        yield
    finally:
        for found, count in links:
            del found[count:]
        for variable, value in states:
            variable.assign(value)


def _flat(states: Any) -> Iterator[Any]:
    if isinstance(states, list | tuple):
        for each in states:
            yield from _flat(each)
    elif states is not None:
        yield states
