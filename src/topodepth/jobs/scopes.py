"""Variables of functions: which names are local, and which values only messages read."""

import ast
from typing import NamedTuple


class Scope:
    """Local variables of a function or a comprehension, and what is read within it."""

    def __init__(self, outer: "Scope | None") -> None:
        self.outer = outer
        self.bound: set[str] = set()
        self.elsewhere: set[str] = set()  # declared global or nonlocal
        self.read: set[tuple[str, ...]] = set()

    def holds(self, name: str) -> bool:
        """Whether a name is a local variable, here or around."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bound and name not in scope.elsewhere:
                return True
            scope = scope.outer
        return False


class Value(NamedTuple):
    """What a variable is assigned, and which part of the logic that is."""

    node: ast.expr
    start: int
    end: int


class Function:
    """Variables of a function and of those within it: what they are assigned, and where results depend on them."""

    def __init__(self) -> None:
        self.assigned: dict[str, list[Value]] = {}
        self.read: dict[str, set[int]] = {}  # by what is no message
        self.elsewhere: set[str] = set()

    def told_only(self) -> "list[Value]":
        """Return the values of those variables that only errors, log lines and other such variables read."""
        candidates = self.assigned.keys() - self.elsewhere
        found: list[Value] = []
        while only := {name for name in candidates if not self.read.get(name)}:
            values = [value for name in only for value in self.assigned[name] if _only_text(value.node)]
            found += values
            spoken = {id(item) for value in values for item in ast.walk(value.node)}
            self.read = {name: places - spoken for name, places in self.read.items()}
            candidates -= only
        return found


def called(node: ast.Call) -> str:
    """Return the last name of what is called."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _only_text(value: ast.AST) -> bool:
    """Whether an expression calls nothing but what puts texts together."""
    calls = [node for node in ast.walk(value) if isinstance(node, ast.Call)]
    return all(called(call) in ("join", "len", "sorted", "str", "repr", "type", "list", "tuple") for call in calls)
