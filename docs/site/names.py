"""The public names of the library: those that a package or module lists in ``__all__``."""

import ast
import importlib
import re
from pathlib import Path
from types import ModuleType

SOURCE = Path(__file__).resolve().parents[2] / "src"


def modules() -> list[str]:
    """Return the modules that list what is public."""
    found = [path for path in sorted(SOURCE.rglob("*.py")) if _lists(path)]
    parts = [path.relative_to(SOURCE).with_suffix("").parts for path in found]
    return [".".join(each).removesuffix(".__init__") for each in parts]


def _lists(path: Path) -> bool:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    targets = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


def with_constants(text: str) -> str:
    """Return a page of the reference with its modules' constants; autodoc leaves them out, without a docstring."""
    return re.sub(r"\.\. automodule:: (\S+)\n(?: {3}:.*\n)*", lambda found: found[0] + _constants(found[1]), text)


def _constants(name: str) -> str:
    module = importlib.import_module(name)
    values = {each: getattr(module, each) for each in getattr(module, "__all__", ())}
    plain = [each for each, value in values.items() if not callable(value) and not isinstance(value, ModuleType)]
    return "".join(f"\n.. autodata:: {name}.{each}\n" for each in plain)


def public() -> set[str]:
    """Return all public names, dotted; a module among them is known by its own name."""
    found = set()
    for name in modules():
        module = importlib.import_module(name)
        for each in module.__all__:
            value = getattr(module, each)
            found.add(value.__name__ if isinstance(value, ModuleType) else f"{name}.{each}")
    return found
