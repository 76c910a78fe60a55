"""How the topology and geometry of data change through the depth of a neural network.

The rooms of the library, from the lowest up: ``errors``, ``plugins``, ``registry``, ``files``, ``jobs``,
``statistics``, ``homology``, ``topology``, ``similarity``, ``datasets``, ``architectures``, ``networks``,
``activations``, ``training``, ``attacks``, ``tables``, ``experiments``, ``figures``, ``plan``, ``study``, ``cli``.
Imports point down this list only (tests/unit/test_house.py). Nothing is imported here, so that a worker pays only for
what it uses.
"""

import importlib

__version__ = "0.2.0"

# The public names, and where each of them is. For editors and type checkers they stand in __init__.pyi too.
PUBLIC = {
    "measure": "study.measuring",
    "estimate": "study.costs",
    "taps": "study.taps",
    "features": "study.features",
    "draw": "study.draw",
    "Measurement": "study.measurement",
    "Monitor": "study.monitor",
    "Comparison": "study.measurement",
    "Cost": "study.costs",
    "InputError": "errors",
}
__all__ = list(PUBLIC)


def __getattr__(name: str) -> object:
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{PUBLIC[name]}")
    return module if PUBLIC[name].endswith(f".{name}") and not hasattr(module, name) else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})
