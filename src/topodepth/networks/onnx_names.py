"""How the layers of an ONNX graph are called: as the module that makes them, where the file tells it.

PyTorch 2.13 calls values ``relu_1`` or ``add_3``, and other numbers with dynamic axes; the module stands in the node's
metadata, ``pkg.torch.onnx.name_scopes``. Its exporter before called nodes ``/layer1/layer1.0/conv1/Conv``. A BatchNorm
that is folded into a convolution leaves one value: the newer exporter says that the BatchNorm made it, the older that
the convolution did.
"""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

    from topodepth.networks.onnx_flow import Flow

SCOPES = "pkg.torch.onnx.name_scopes"
LONGEST = 2000  # characters of what tells a scope
DEEPEST = 50  # modules in each other


def names_of(flow: "Flow", model: "onnx.ModelProto") -> tuple[dict, dict]:
    """Return the name of each value, and what else it may be asked for by.

    The output of a module bears the module's name, that of the innermost where it is the output of several; other
    values of a module are ``module/Operator``. Without modules it is the node's name, or the value's own.

    Returns
    -------
    tuple
        ``{value: (name, number among those of this name)}``, and ``{further name: value}``.
    """
    scopes = [_scope(node, model.producer_name) for node in flow.nodes]
    scopes = [None if scope and scope.count(".") > DEEPEST else scope for scope in scopes]
    given = Counter(node.name for node in flow.nodes)
    modules, aliases = _outputs_of_modules(flow, scopes)
    names: dict[str, tuple[str, int]] = {}
    seen: Counter[str] = Counter()
    for value, base in [(flow.source, flow.source), *_bases(flow, scopes, modules, given)]:
        names[value] = (base, seen[base])
        seen[base] += 1
    known = set(seen)
    for value in names:  # as other tools show it
        aliases.setdefault(value, value)
    for node in flow.nodes:
        if node.name and given[node.name] == 1:
            aliases.setdefault(node.name, next(filter(None, node.output)))
    return names, {alias: value for alias, value in aliases.items() if alias not in known and value in names}


def _bases(
    flow: "Flow", scopes: list[str | None], modules: dict[str, str], given: Counter
) -> Iterator[tuple[str, str]]:
    for node, scope in zip(flow.nodes, scopes, strict=True):
        for value in filter(None, node.output):
            if value in modules:
                yield value, modules[value]
            elif scope is not None:
                yield value, f"{scope}/{node.op_type}" if scope else node.op_type
            else:
                yield value, _own_name(flow, node, value, given)


def _own_name(flow: "Flow", node: "onnx.NodeProto", value: str, given: Counter) -> str:
    """Return the name of a value of which no module is known; that of its weights tells one."""
    number = flow.made_by[value]
    kernel = flow.kinds[number].kernel
    if 0 <= kernel < len(node.input) and node.input[kernel].endswith(".weight"):
        return node.input[kernel].removesuffix(".weight")
    several = sum(map(bool, node.output)) > 1
    numbered = re.fullmatch(r"[A-Za-z]?\d*", node.name)  # n14: the value's name says more
    return value if several or numbered or given[node.name] > 1 else node.name


def _scope(node: "onnx.NodeProto", producer: str) -> str | None:
    """Return the path of the module that a node is of, ``""`` of the outermost; None if the file does not tell."""
    told = next((item.value for item in node.metadata_props if item.key == SCOPES), "")
    if told and len(told) < LONGEST:
        try:
            scopes = ast.literal_eval(told)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
        if isinstance(scopes, list) and len(scopes) > 1 and isinstance(scopes[-2], str):
            return scopes[-2]
    if producer == "pytorch" and node.name.startswith("/") and len(node.name) < LONGEST:
        path = ""
        *parts, _ = node.name[1:].split("/")
        for part in parts:  # a child of a Sequential repeats its name: layer1/layer1.0/conv1
            head, _, last = path.rpartition(".")
            repeats = part.startswith(f"{last}.") and last
            path = f"{head}.{part}".lstrip(".") if repeats else f"{path}.{part}".lstrip(".")
        return path
    return None


def _outputs_of_modules(flow: "Flow", scopes: list[str | None]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the innermost module whose output a value is, and the values of modules further out.

    A module that is applied twice stands twice in the order of the nodes: each run of its nodes is an application. What
    alone leaves such a run is its output.
    """
    runs: dict[str, list[list[int]]] = defaultdict(list)
    previous: set[str] = set()
    for number, scope in enumerate(scopes):
        around = set(_ancestors(scope)) if scope else set()
        for module in around:
            if module in previous:
                runs[module][-1].append(number)
            else:
                runs[module].append([number])
        previous = around
    modules: dict[str, str] = {}
    others: dict[str, list[str]] = defaultdict(list)
    for module in sorted(runs, key=len, reverse=True):
        for run in runs[module]:
            end = _exit(flow, run)
            if end and end not in modules:
                modules[end] = module
            elif end:
                others[module].append(end)
    aliases = {}
    for module, ends in others.items():
        for k, end in enumerate(ends):
            aliases[f"{module}@{k}" if len(ends) > 1 else module] = end
    return modules, aliases


def _ancestors(scope: str) -> list[str]:
    parts = scope.split(".")
    return [".".join(parts[: k + 1]) for k in range(len(parts))]


def _exit(flow: "Flow", run: list[int]) -> str:
    """Return the one value that leaves these nodes; ``""`` if several do."""
    inside, found = set(run), []
    for number in run:
        for value in filter(None, flow.nodes[number].output):
            if flow.leaves(value) or not inside.issuperset(flow.users[value]):
                found.append(value)
                if len(found) > 1:
                    return ""
    return found[0] if found else ""
