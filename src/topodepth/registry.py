"""Registries whose names are known without importing what they name.

A plan must list the architectures, data sets and descriptors that exist, and say which file makes each, without
paying for TensorFlow. So the names are read from the source: every ``@register("name")`` in the modules of a
package (or in one module) counts.
"""

import ast
import importlib
import importlib.util
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from topodepth.errors import InputError, unknown_name


class Registry:
    """Callables known by name, each made known by ``@register("name")`` in a module of ``module``.

    Parameters
    ----------
    module
        Dotted name of a package, whose modules are searched, or of a single module.
    kind
        What an entry is, for error messages: ``"architecture"``.
    """

    def __init__(self, module: str, kind: str) -> None:
        self.module = module
        self.kind = kind
        self._entries: dict[str, Callable] = {}

    def register(self, name: str, **attributes: object) -> Callable[[Callable], Callable]:
        """Make the decorated callable known as ``name`` and set ``attributes`` on it.

        Raises
        ------
        InputError
            If another callable already has that name.
        """

        def decorate(function: Callable) -> Callable:
            known = self._entries.get(name)
            if known is not None and known.__module__ != function.__module__:
                raise InputError(
                    f"{self.kind} {name!r} is registered twice: in {known.__module__} and {function.__module__}."
                )
            for key, value in attributes.items():
                setattr(function, key, value)
            self._entries[name] = function
            return function

        return decorate

    @cached_property
    def modules(self) -> dict[str, str]:
        """Dotted module of every registered name, read from the source, sorted by name."""
        spec = importlib.util.find_spec(self.module)
        if spec.submodule_search_locations:
            files = sorted(Path(spec.submodule_search_locations[0]).glob("[!_]*.py"))
            sources = {f"{self.module}.{file.stem}": file for file in files}
        else:
            sources = {self.module: Path(spec.origin)}
        found: dict[str, str] = {}
        for module, file in sources.items():
            for name in _registered_names(file):
                if name in found:
                    raise InputError(f"{self.kind} {name!r} is registered twice: in {found[name]} and {module}.")
                found[name] = module
        return dict(sorted(found.items()))

    def names(self) -> list[str]:
        """Return all registered names, sorted."""
        return list(self.modules)

    def module_of(self, name: str) -> str:
        """Return the dotted module that registers ``name``; an unknown name lists the known ones."""
        if name not in self.modules:
            raise unknown_name(self.kind, name, self.modules)
        return self.modules[name]

    def get(self, name: str) -> Callable:
        """Import the one module that registers ``name`` and return its entry."""
        module = self.module_of(name)
        if name not in self._entries:
            importlib.import_module(module)
        return self._entries[name]

    def attribute(self, name: str, key: str) -> object:
        """Return what ``@register`` was told of an entry, such as the layers of an architecture.

        What asks for this alone depends on that line of the entry (:mod:`topodepth.jobs.reach`), not on the rest of it.
        """
        return getattr(self.get(name), key)


def _registered_names(file: Path) -> list[str]:
    """Return the first arguments of all ``@register(...)`` decorators in a source file, in order."""
    names = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        for decorator in getattr(node, "decorator_list", []):
            if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "register":
                names.append(ast.literal_eval(decorator.args[0]))
    return names
