"""The page of every key of the configuration, from the schema that checks it: the two cannot differ."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from topodepth.plan.configuration import PATTERNS, TYPES, resolved, schema

SCHEMA = Path(__file__).resolve().parents[2] / "workflow/schemas/config.schema.yaml"
BOUNDS = {"minimum": "from {}", "exclusiveMinimum": "above {}", "maximum": "up to {}", "exclusiveMaximum": "below {}"}
COUNTS = {"minItems": "at least {} of them", "maxItems": "at most {} of them"}


def page() -> str:
    """Return the Markdown of the page."""
    whole = schema(SCHEMA)
    return "\n".join(["## The run", *_keys(whole, whole, ""), *_below(whole, whole, "")])


def sections(whole: Mapping, node: Mapping, path: str) -> Iterator[tuple[str, Mapping]]:
    """Yield the maps within a map, each with its path: ``topology``, ``models: <name>``, ``experiments: depth: -``."""
    for key, value in node.get("properties", {}).items():
        for place, inner in _inner(whole, value, f"{path}{key}"):
            if "properties" in inner:
                yield place, inner


def _inner(whole: Mapping, value: Mapping, path: str) -> Iterator[tuple[str, Mapping]]:
    value = resolved(whole, value)
    yield path, value
    if isinstance(value.get("additionalProperties"), Mapping):
        yield f"{path}: <name>", resolved(whole, value["additionalProperties"])
    if "items" in value:
        yield f"{path}: -", resolved(whole, value["items"])


def _below(whole: Mapping, node: Mapping, path: str) -> Iterator[str]:
    for place, inner in sections(whole, node, path):
        if inner["properties"] and place != "experiments":
            yield from ["", f"(keys-{anchor(place)})=", f"## `{place}`", "", prose(inner.get("description", ""))]
            yield from _keys(whole, inner, f"{place}: ")
        yield from _below(whole, inner, f"{place}: ")


def _keys(whole: Mapping, node: Mapping, path: str) -> Iterator[str]:
    for key, part in node["properties"].items():
        value = resolved(whole, part)
        needed = key in node.get("required", [])
        yield from ["", f"[`{key}`]{{#{anchor(path + key)}}}", f": {prose(value.get('description', ''))}", ""]
        yield f"  *{'; '.join(_facts(whole, value, needed=needed))}*"


def _facts(whole: Mapping, value: Mapping, *, needed: bool) -> Iterator[str]:
    """Yield what may stand there, and what stands there if nothing does."""
    yield _allowed(whole, value)
    if needed:
        yield "must be given"
    elif "default" in value:
        default = value["default"]
        yield "default empty" if default in ([], {}) else f"default `{json.dumps(default)}`"


def _allowed(whole: Mapping, value: Mapping) -> str:
    value = resolved(whole, value)
    if "enum" in value:
        return "one of " + ", ".join(f"`{json.dumps(each).strip(chr(34))}`" for each in value["enum"])
    types = value.get("type", "object")
    words = [TYPES[each] for each in ([types] if isinstance(types, str) else types)]
    facts = [" or ".join(words)]
    facts += [text.format(value[bound]) for bound, text in BOUNDS.items() if bound in value]
    facts += [text.format(value[count]) for count, text in COUNTS.items() if count in value]
    if value.get("pattern") in PATTERNS:
        facts.append(prose(PATTERNS[value["pattern"]]))
    if value.get("items"):
        facts.append(f"of {_allowed(whole, value['items'])}")
    return ", ".join(facts)


def anchor(path: str) -> str:
    """Return the address of a key on the page: ``topology: max_dim`` is at ``#topology-max_dim``."""
    return re.sub(r"[^a-z0-9_]+", "-", path.lower()).strip("-")


def prose(text: str) -> str:
    """Return words of the schema as Markdown: paths of guides are links, signs of Markdown mean themselves."""
    parts = re.split(r"(`[^`]*`)", text.strip())
    return "".join(part if part.startswith("`") else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    text = re.sub(r"([\\*<$\[\]|_])", r"\\\1", text)
    return re.sub(r"docs/(\w+)\.md", r"[docs/\1.md](../\1.md)", text)
