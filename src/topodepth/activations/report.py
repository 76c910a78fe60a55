"""What is in an activations file, in words."""

from pathlib import Path

import numpy as np

from topodepth.activations import file as activations
from topodepth.errors import InputError
from topodepth.jobs.commands import log


def report(path: str | Path) -> str:
    """Return what an activations file holds, a line for the file, one for each layer and one for the labels.

    Raises
    ------
    InputError
        If it cannot be measured; every problem is logged before.
    """
    problems = activations.validate(path)
    for problem in problems:
        log.error("error: %s", problem)
    if problems:
        raise InputError(f"{path}: {len(problems)} problems, see above and docs/activations.md")
    found = activations.read_activations(path)
    tokens = "" if found.places is None else f", tokens of {len(np.unique(found.indices))} items"
    lines = [f"{path}: model {found.model!r}, {len(found.layers)} layers, {found.n} points{tokens}"]
    width = max(len(layer.token) for layer in found.layers)
    for layer in found.layers:
        lines.append(f"  {layer.token:{width}}  relative depth {layer.relative_depth:.3f}  {layer.d} features")
    if found.labels is None:
        lines.append("  no labels: only one cloud of all points can be measured (clouds: all)")
    else:
        classes, counts = np.unique(found.labels, return_counts=True)
        lines.append(f"  {len(classes)} classes of {counts.min()} to {counts.max()} points")
    if found.draws:
        lines.append(f"  {found.draws} draws of shuffled tokens, a null model beside permuted features")
    return "\n".join(lines) + "\n"
