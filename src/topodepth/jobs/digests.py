"""The digest of the logic behind a job, with that of users' files whose entries it uses."""

from collections.abc import Iterable
from pathlib import Path

from topodepth import plugins
from topodepth.jobs import provenance


def digest(script: str | Path, modules: Iterable[str] = ()) -> str:
    """Return the digest of a script, of all it imports, and of modules that it loads by name.

    Parameters
    ----------
    script
        Path of the Python file that a rule runs.
    modules
        Dotted modules that its source does not name, of the library or of users' files
        (:meth:`topodepth.registry.Registry.module_of`, :meth:`topodepth.registry.Registry.users`).

    Returns
    -------
    str
        That of the library's own logic, and after a ``+`` each those of the users' files. Comments, docstrings and
        layout do not count in either.
    """
    own: list[str] = []
    files: dict[Path, None] = {}
    for module in modules:
        plugin = plugins.of_module(module)
        # what a registry finds in a plugin it does not find in the library: no built-in entry counts for it
        own += [f"{registry}.{module}" for registry in plugin.entries] if plugin else [module]
        files |= dict.fromkeys(plugin.files if plugin else ())
    return "+".join([provenance.code_digest(script, own), *map(provenance.code_digest, files)])


def of_plugin(path: str | Path) -> str:
    """Return the digest of a user's file, of what it imports from its folder and of what it uses of the library."""
    return "+".join(map(provenance.code_digest, plugins.read(path).files))
