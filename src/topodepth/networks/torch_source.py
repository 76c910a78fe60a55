"""A PyTorch model that a configuration names, opened for a job, and the order of axes that it takes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from topodepth.errors import InputError
from topodepth.networks.openers import Source
from topodepth.networks.torch_caller import Caller
from topodepth.networks.torch_files import first_line, load_torch
from topodepth.networks.torch_state import as_found, live_module

SEED = 0  # of weights that the code makes
TRIED = 2  # items

Turned = Callable[[np.ndarray], np.ndarray]


def _channels_first(items: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(items, -1, 1))


ORDERS: dict[str, Turned] = {"channels_first": _channels_first, "channels_last": np.ascontiguousarray}


def open_module(source: Source) -> Any:
    """Build a model, load its weights, and put it where the job computes.

    The same source gives the same model in every job: weights that the code makes are those of a fixed seed. A GPU
    computes in full single precision.

    Returns
    -------
    torch.nn.Module
        In ``eval()`` mode.

    Raises
    ------
    InputError
        As :func:`topodepth.networks.torch_files.load_torch`, and as
        :func:`topodepth.networks.torch_state.live_module`.
    """
    import torch

    torch.set_num_threads(source.threads)
    torch.manual_seed(SEED)
    told = source.torch
    model = live_module(
        load_torch(
            f"{source.path}:{told['name']}",
            weights=told.get("weights"),
            trust=source.trust,
            arguments=told.get("arguments"),
        )
    )
    if source.gpu and torch.cuda.is_available():
        torch.backends.cudnn.allow_tf32 = False  # of matrix products it is off as it comes
        torch.backends.cudnn.deterministic = True
        model = model.to("cuda")
    return model


def turning(model: Any, example: np.ndarray, layout: str, name: str) -> Turned:
    """Return what gives a model a batch in the order of axes that it takes, which :func:`order_of` finds."""
    return ORDERS[order_of(model, example, layout, name)]


def order_of(model: Any, example: np.ndarray, layout: str, name: str) -> str:
    """Return the order of axes that a model takes, one of :data:`ORDERS`.

    Images of PyTorch have their channels first. A model that fails on them so and does not fail on them as they are
    takes channels last. Of sequences (n, steps, features) it is tried the other way round.

    Parameters
    ----------
    model
        Of :func:`open_module`.
    example
        A batch (n, …, channels), normalised.
    layout
        ``"channels_first"``, ``"channels_last"``, or ``"auto"`` to try.
    name
        For messages.

    Raises
    ------
    InputError
        If the model takes neither.
    """
    items = example[:TRIED]
    if items.ndim == 2:
        orders = ["channels_last"]  # one axis has no order
    elif layout != "auto":
        orders = [layout]
    else:
        orders = sorted(ORDERS, reverse=items.ndim == 3)
    failed = []
    for order in orders:
        try:
            _pass(model, ORDERS[order](items), name)
            return order
        except Exception as error:  # whatever a model raises on what it does not take
            failed.append(f"{order} {_form(ORDERS[order](items))}: {first_line(error, 200)}")
    raise InputError(
        f"{name}: fails on what the data set holds, expected items that it takes (see `layout`, and `size` of the data "
        f"set). Received: {'; '.join(failed)}."
    )


def _pass(model: Any, items: np.ndarray, name: str) -> object:
    caller = Caller(model, name)
    with as_found(model):
        return caller(caller.placed(items))


def _form(items: np.ndarray) -> str:
    return f"(n, {', '.join(map(str, items.shape[1:]))})"
