"""Writes down which definitions of this project a job enters, once it lies beside the library as ``sitecustomize``."""

import ast
import builtins
import importlib.machinery
import marshal
import os
import sys
from pathlib import Path

RECORDS = Path(__file__).resolve().parents[1] / "entered"
NOTED = RECORDS.with_name("noted")  # modules with their notes, compiled
seen = set()


def note(module, name):
    """Write down a definition, once a process, and so that a killed process loses nothing."""
    if (module, name) not in seen:
        seen.add((module, name))
        RECORDS.mkdir(exist_ok=True)
        with (RECORDS / f"{Path(sys.argv[0]).stem}.{os.getpid()}").open("a") as file:
            file.write(f"{module} {name}\n")


def noting(path, module):
    """Return the code of a module in which every function begins with a note of the definition that it lies in."""
    tree = ast.parse(Path(path).read_bytes())
    for top in tree.body:
        for node in ast.walk(top):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                call = ast.parse(f"__note__({module!r}, {top.name!r})").body[0]
                has_docstring = ast.get_docstring(node) is not None
                node.body.insert(int(has_docstring), ast.copy_location(call, node.body[0]))
    return compile(ast.fix_missing_locations(tree), path, "exec")


plain = importlib.machinery.SourceFileLoader.get_code


def get_code(loader, name):
    """Load modules of this project with notes, made once, and all others as ever."""
    if name.split(".")[0] != "topodepth":
        return plain(loader, name)
    made = NOTED / name
    if not made.exists():
        NOTED.mkdir(exist_ok=True)
        part = made.with_name(f"{name}.{os.getpid()}")
        part.write_bytes(marshal.dumps(noting(loader.path, name)))
        part.replace(made)
    return marshal.loads(made.read_bytes())


builtins.__note__ = note
importlib.machinery.SourceFileLoader.get_code = get_code
