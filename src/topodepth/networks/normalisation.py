"""What a model file says of the input it takes: whole numbers, or pixels 0–255 that its first layer scales itself."""

from collections.abc import Iterator
from pathlib import Path

from topodepth.errors import InputError
from topodepth.networks import onnx_input
from topodepth.networks.files import ModelFile, inspect
from topodepth.networks.graph import CONTAINERS
from topodepth.networks.onnx_file import OnnxFile

SCALED_INSIDE = 0.1  # a first Rescaling by less than this brings 0–255 near 1; numbers scaled already would vanish
INDEXING = {"Embedding", "CategoryEncoding", "IntegerLookup", "Hashing", "Discretization"}  # cut numbers to whole ones
PLAIN = "global"  # what `auto` means for every other network


def normalisation(how: str, path: str | Path, *, trust: bool = False) -> tuple[str, str]:
    """Return the normalisation of a network's input, and why if it was chosen here.

    Parameters
    ----------
    how
        As configured; ``auto`` is ``raw`` for a network that takes whole numbers or scales pixels itself, and
        ``global`` for any other.
    path, trust
        As for :func:`topodepth.networks.files.inspect`.

    Raises
    ------
    InputError
        If the network takes whole numbers and another normalisation than ``raw`` is asked for: its input would be cut
        to whole ones, without a word.
    """
    if how == "raw":
        return how, ""
    found = inspect(path, trust=trust)
    whole = whole_numbers(found)
    if how != "auto":
        if whole:
            raise InputError(
                f"{path}: {whole}, so expected `normalisation: raw`, pixels 0–255 as they are; others would be cut to "
                f"whole numbers. Received: `normalisation: {how}`."
            )
        return how, ""
    reason = whole or _scales_itself(found)
    return ("raw", reason) if reason else (PLAIN, "")


def whole_numbers(found: ModelFile | OnnxFile) -> str:
    """Say why a network takes whole numbers only; nothing if it does not."""
    if isinstance(found, OnnxFile):
        return onnx_input.whole_numbers(found)
    for source, first in _entrances_of(found):
        dtype = str(source.get("dtype", ""))
        if dtype.startswith(("int", "uint")):
            return f"takes whole numbers ({dtype})"
        if first.get("class_name") in INDEXING:
            return f"begins with {first['class_name']}, which takes whole numbers"
    return ""


def _scales_itself(found: ModelFile | OnnxFile) -> str:
    if isinstance(found, OnnxFile):
        return onnx_input.scales_itself(found, SCALED_INSIDE)
    for _, first in _entrances_of(found):
        settings = first.get("config")
        scale = settings.get("scale") if isinstance(settings, dict) else None
        if first.get("class_name") == "Rescaling" and isinstance(scale, int | float) and 0 < abs(scale) < SCALED_INSIDE:
            return f"begins with Rescaling by {scale:.4g}"
    return ""


def _entrances_of(found: ModelFile) -> list[tuple[dict, dict]]:
    try:
        return list(_entrances(found.config))
    except (AttributeError, KeyError, TypeError, IndexError, RecursionError) as error:
        reason = f"{type(error).__name__} {error}"
        raise InputError(f"{found.path}: unreadable architecture. Received: {reason}") from error


def _entrances(model: dict, source: dict | None = None) -> Iterator[tuple[dict, dict]]:
    """Yield the settings of each input and the record of each layer that takes it; inner models are entered."""
    inner = model["config"]
    records = inner if isinstance(inner, list) else inner["layers"]
    sources = {_name(record): record["config"] for record in records if record["class_name"] == "InputLayer"}
    rest = [record for record in records if record["class_name"] != "InputLayer"]
    if model["class_name"] == "Sequential":
        known = next(iter(sources.values()), None)
        pairs = [(known or record["config"], record) for record in rest[:1]]  # Keras 2.1 writes no input layer
    else:
        pairs = [
            (sources[name], record)
            for record in rest
            for name in dict.fromkeys(_taken(record.get("inbound_nodes")))
            if name in sources
        ]
    for own, record in pairs:
        taken = source or (own if isinstance(own, dict) else {})
        if record["class_name"] in CONTAINERS:
            yield from _entrances(record, taken)
        else:
            yield taken, record


def _taken(calls: object) -> Iterator[str]:
    """Yield the names of the layers whose outputs a serialised call takes, whichever Keras wrote it."""
    if isinstance(calls, dict):
        yield from _taken(list(calls.values()))
    elif isinstance(calls, list):
        if len(calls) >= 3 and isinstance(calls[0], str) and all(type(item) is int for item in calls[1:3]):
            yield calls[0]
        for item in calls:
            yield from _taken(item)


def _name(record: dict) -> str:
    return str(record["config"].get("name") or record.get("name"))
