"""Keyword arguments of descriptors and estimators: from keys of their own, or from ``parameters``."""

from collections.abc import Iterable, Mapping

from topodepth.errors import InputError, unknown_name
from topodepth.plan.experiment import pick
from topodepth.registry import Registry

OWN_KEYS = {"lifespan_sum": ("alpha", "weight"), "ph_dimension": ("alpha", "sizes", "draws")}
OF_THE_CALL = ("seed", "kept")  # arguments of estimators that are no settings


def of_descriptors(topology: Mapping) -> dict[str, Mapping]:
    """Return the keyword arguments of the selected descriptors, by descriptor."""
    return _given(topology, "descriptors") | {"lifespan_sum": pick(topology, *OWN_KEYS["lifespan_sum"])}


def of_estimators(dimension: Mapping) -> dict[str, Mapping]:
    """Return the keyword arguments of the selected estimators, by estimator."""
    given = _given(dimension, "estimators")
    own = pick(dimension, *OWN_KEYS["ph_dimension"])
    return given | {"ph_dimension": {**given.get("ph_dimension", {}), **own}}


def _given(settings: Mapping, selected: str) -> dict[str, Mapping]:
    return {name: options for name, options in settings["parameters"].items() if name in settings[selected]}


def check(where: str, registry: Registry, given: Mapping[str, Mapping], selected: Iterable[str]) -> None:
    """Refuse parameters of what is not selected, and those that it does not take.

    Parameters
    ----------
    where
        The key of the configuration that they stand under.
    registry
        Of the descriptors or estimators.
    given
        Keyword arguments by name.
    selected
        Names that are selected.
    """
    for name, options in given.items():
        if name not in selected:
            wrong = unknown_name(f"selected {registry.kind}", name, selected)
            raise InputError(f"config key '{where}.parameters': {wrong}")
        taken, own = registry.arguments(name), OWN_KEYS.get(name, ())
        for option in options:
            if option in own:
                raise InputError(
                    f"config key '{where}.parameters.{name}': expected as `{where}.{option}`. Received: {option!r}."
                )
            if option in OF_THE_CALL or (taken is not None and option not in taken):
                wrong = unknown_name("parameter", option, {*(taken or ())}.difference(own, OF_THE_CALL))
                raise InputError(f"config key '{where}.parameters.{name}': {wrong}")
