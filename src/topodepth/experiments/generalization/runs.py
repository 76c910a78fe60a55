"""Which models of a table are snapshots of one training run."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from topodepth.errors import unknown_name

if TYPE_CHECKING:
    import pandas

# a counter of training in a file's name: runE_epoch003, ckpt-12, step_4000; what follows it is taken for an accuracy
COUNTER = re.compile(r"(?:^|[^a-z])(?:epochs?|ep|steps?|iter(?:ation)?s?|checkpoint|ckpt|snapshot)[^a-z0-9]?\d+", re.I)
NUMBER = re.compile(r"\d+(?:\.\d+)?")
KINDS = ("names", "entry", "models")
COLUMNS = ("run", "snapshot")


def run_rows(models: Sequence[Mapping], kind: str = "names") -> list[dict]:
    """Return the run of every model and its place among that run's snapshots, from 1; nothing if no run has several.

    Two models of one entry are of one run if they are trained here with the same seed and differ in the number of
    epochs only: then the first epochs of both are the same. Of models that are not trained here, names tell: two are of
    one run if their names have a counter of epochs, steps, iterations, checkpoints or snapshots, and differ in nothing
    else but numbers behind it, and no two such models have the same count; where two have, the numbers behind tell runs
    apart. Names that say nothing tell nothing: an empty result does not mean that models are independent.

    Parameters
    ----------
    models
        One record for each model, see :func:`topodepth.experiments.generalization.records.model_rows`.
    kind
        Of models that are not trained here. ``"names"``: as said; ``"entry"``: all of an entry are of one run;
        ``"models"``: every one is a run of its own.

    Raises
    ------
    InputError
        If the kind is unknown.
    """
    if kind not in KINDS:
        raise unknown_name("kind of runs", kind, KINDS)
    members: dict[tuple, list[tuple[list[float], int, str]]] = {}
    found = [_trained(record) or _brought(record, kind) for record in models]
    for place, (key, record) in enumerate(zip(_told_apart(found), models, strict=True)):
        members.setdefault(key, []).append((found[place][1], place, str(record["model"])))
    if len(members) == len(models):
        return []
    rows: list[dict] = [{} for _ in models]
    for own in members.values():
        own.sort()
        name = own[-1][2]  # of the longest training
        for k, (_, place, _) in enumerate(own):
            rows[place] = {"run": name, "snapshot": k + 1}
    return rows


def _trained(record: Mapping) -> tuple[tuple, list[float]] | None:
    """Return what a model trained here shares with others of its run, and its epochs; None of other models."""
    if record.get("seed") is None:
        return None
    axes = record.get("axes", {})
    if "epochs" not in axes:
        return ("alone", record["model"]), []
    others = tuple(sorted((axis, str(value)) for axis, value in axes.items() if axis != "epochs"))
    return ("trained", record.get("entry"), record["seed"], others), [float(axes["epochs"])]


def _brought(record: Mapping, kind: str) -> tuple[tuple, list[float]]:
    """Return what a model shares with others of its run, and the numbers that tell its place there."""
    name, entry = str(record["model"]), str(record.get("entry"))
    found = COUNTER.search(name) if kind == "names" else None
    if found:
        key = ("named", entry, name[: found.start()], NUMBER.sub("", name[found.end() :]), name[found.end() :])
        return key, _numbers(name[found.start() :])
    if kind == "entry":
        return ("entry", entry), _numbers(name.removeprefix(entry))
    return ("alone", name), []


def _told_apart(found: Sequence[tuple[tuple, list[float]]]) -> list[tuple]:
    """Return the keys of runs; what stands behind a counter belongs to the key where two models have one count."""
    seen: dict[tuple, list[float]] = {}
    for key, numbers in found:
        if key[0] == "named":
            seen.setdefault(key[:-1], []).append(numbers[0])
    alike = {key for key, counts in seen.items() if len(set(counts)) < len(counts)}
    return [key[:-1] if key[0] == "named" and key[:-1] not in alike else key for key, _ in found]


def _numbers(text: str) -> list[float]:
    return [float(number) for number in NUMBER.findall(text)]


def snapshots_of_runs(models: "pandas.DataFrame") -> list[list[str]]:
    """Return the models that are snapshots, a list for each run of two or more, in the order of its training."""
    if "run" not in models:
        return []
    ordered = models.sort_values("snapshot", kind="stable")
    names = [own["model"].astype(str).tolist() for _, own in ordered.groupby("run", sort=False)]
    return [own for own in names if len(own) > 1]
