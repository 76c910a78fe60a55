"""Which models of a table are snapshots of one training run, as far as their names tell."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas

# a counter of training in a file's name: runE_epoch003, ckpt-12, step_4000; what follows it is taken for an accuracy
COUNTER = re.compile(r"(?:^|[^a-z])(?:epochs?|ep|steps?|iter(?:ation)?s?|checkpoint|ckpt|snapshot)[^a-z0-9]?\d+", re.I)


def snapshots_of_a_run(models: "pandas.DataFrame") -> list[list[str]]:
    """Return the models that seem to be snapshots of one run, a list for each run of two or more.

    Two models of one entry are taken for snapshots if their names have a counter of epochs, steps, iterations,
    checkpoints or snapshots, and differ in nothing else but numbers behind it. Names that say nothing tell nothing:
    an empty result does not mean that models are independent.

    Parameters
    ----------
    models
        The table of models, with the columns model and entry.
    """
    runs: dict[tuple[str, str], list[str]] = {}
    for model, entry in zip(models["model"].astype(str), models["entry"].astype(str), strict=True):
        found = COUNTER.search(model)
        if found:
            behind = re.sub(r"\d+(?:\.\d+)?", "", model[found.end() :])
            runs.setdefault((entry, model[: found.start()] + behind), []).append(model)
    return [names for names in runs.values() if len(names) > 1]
