"""Registries whose names are known without importing what they name.

A plan must list the architectures, data sets and descriptors that exist, and say which file makes each, without
paying for TensorFlow. So the names are read from the source: every ``@register("name")`` in the modules of a
package (or in one module) counts, and so does every one in the files that a user brings (:mod:`topodepth.plugins`).
"""

import ast
import importlib
import importlib.util
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from topodepth import plugins
from topodepth.errors import InputError, unknown_name
from topodepth.plugins import Entry, Plugin


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
    def _built_in(self) -> list[tuple[Entry, str]]:
        """What the library's own source registers, each with its dotted module."""
        spec = importlib.util.find_spec(self.module)
        assert spec is not None  # it is a module of this library
        if spec.submodule_search_locations:
            files = sorted(Path(spec.submodule_search_locations[0]).glob("[!_]*.py"))
            sources = {f"{self.module}.{file.stem}": file for file in files}
        else:
            assert spec.origin is not None
            sources = {self.module: Path(spec.origin)}
        return [(entry, module) for module, file in sources.items() for entry in _registered(file)]

    def _found(self) -> dict[str, tuple[Entry, str, Plugin | None]]:
        """Return every entry by name, with its module, and the user's file if it is from one."""
        found: dict[str, tuple[Entry, str, Plugin | None]] = {}
        users = [(entry, plugin.module, plugin) for entry, plugin in plugins.registering(self.module)]
        for entry, module, plugin in [*((entry, module, None) for entry, module in self._built_in), *users]:
            if entry.name in found:
                known = found[entry.name]
                places = [each.shown if each else of for of, each in (known[1:], (module, plugin))]
                raise InputError(f"{self.kind} {entry.name!r} is registered twice: in {places[0]} and {places[1]}.")
            found[entry.name] = entry, module, plugin
        return dict(sorted(found.items()))

    @property
    def modules(self) -> dict[str, str]:
        """Dotted module of every registered name, read from the source, sorted by name."""
        return {name: module for name, (_, module, _) in self._found().items()}

    def names(self) -> list[str]:
        """Return all registered names, sorted."""
        return list(self._found())

    def module_of(self, name: str) -> str:
        """Return the dotted module that registers ``name``; an unknown name lists the known ones."""
        return self._of(name)[1]

    def arguments(self, name: str) -> tuple[str, ...] | None:
        """Return the keyword arguments of an entry as its source names them; None if it takes any."""
        return self._of(name)[0].arguments

    def users(self, names: Iterable[str]) -> list[str]:
        """Return the modules behind these names if any is of a user's file, none otherwise."""
        found = [self._of(name)[1:] for name in names]
        return sorted({module for module, _ in found}) if any(plugin for _, plugin in found) else []

    def get(self, name: str) -> Any:
        """Import the one module that registers ``name`` and return its entry; what fails in a user's says where."""
        _, module, plugin = self._of(name)
        if name not in self._entries:
            plugin.load() if plugin else importlib.import_module(module)
        if plugin is None:
            return self._entries[name]
        if name not in self._entries:
            raise InputError(f"plugin {plugin.shown}: @register({name!r}) expected to be reached as the file is run.")
        return plugin.guarded(self._entries[name], f"{self.kind} {name!r}")

    def _of(self, name: str) -> tuple[Entry, str, Plugin | None]:
        found = self._found()
        if name not in found:
            raise unknown_name(self.kind, name, found)
        return found[name]

    def attribute(self, name: str, key: str) -> Any:
        """Return what ``@register`` was told of an entry, such as the layers of an architecture.

        What asks for this alone depends on that line of the entry (:mod:`topodepth.jobs.reach`), not on the rest of it.
        """
        return getattr(self.get(name), key)


def _registered(file: Path) -> list[Entry]:
    """Return what all ``@register("name")`` decorators in a source file of the library say, in order."""
    return [
        plugins.entry(node, decorator)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for decorator in getattr(node, "decorator_list", [])
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "register"
    ]
