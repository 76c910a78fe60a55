"""The digest of the logic behind a job, with that of users' files whose entries it uses."""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from topodepth import plugins
from topodepth.files.storage import atomic_path
from topodepth.jobs import provenance, reach


class Kept:
    """Digests of the library's logic, kept in a folder while no source changes: to read all of it takes a second.

    Parameters
    ----------
    folder
        Where they are kept; one that cannot be written keeps none.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.sources = hashlib.sha256()
        for path in sorted(reach.ROOT.rglob("*.py")):
            self.sources.update(f"{path.relative_to(reach.ROOT)}\0".encode() + path.read_bytes() + b"\0")

    def __call__(self, script: str | Path, modules: Iterable[str] = ()) -> str:
        """Return :func:`topodepth.jobs.provenance.code_digest` of a script and modules."""
        script, asked = Path(script), "\0".join(modules)
        now = self.sources.copy()
        now.update(f"{asked}\0".encode() + script.read_bytes())
        kept = self.folder / f"{script.stem}-{hashlib.sha256(asked.encode()).hexdigest()[:16]}"
        with suppress(OSError, ValueError):
            of, found = kept.read_text(encoding="utf-8").split()
            if of == now.hexdigest():
                return found
        found = provenance.code_digest(script, modules)
        with suppress(OSError), atomic_path(kept) as part:
            part.write_text(f"{now.hexdigest()} {found}", encoding="utf-8")
        return found


def digest(
    script: str | Path, modules: Iterable[str] = (), *, of_library: Callable[..., str] = provenance.code_digest
) -> str:
    """Return the digest of a script, of all it imports, and of modules that it loads by name.

    Parameters
    ----------
    script
        Path of the Python file that a rule runs.
    modules
        Dotted modules that its source does not name, of the library or of users' files
        (:meth:`topodepth.registry.Registry.module_of`, :meth:`topodepth.registry.Registry.users`).
    of_library
        What tells the digest of the library's own logic: :class:`Kept`, where it is asked for often.

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
    return "+".join([of_library(script, own), *map(provenance.code_digest, files)])


def of_plugin(path: str | Path) -> str:
    """Return the digest of a user's file, of what it imports from its folder and of what it uses of the library."""
    return "+".join(map(provenance.code_digest, plugins.read(path).files))
