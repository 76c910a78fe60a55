"""Which images are measured: the samples of a configuration, and those that a spoofing experiment draws."""

from collections.abc import Mapping
from pathlib import Path

from topodepth.errors import InputError

DRAWS = ("random", "first")  # what `indices` of a sample may say beside the path of a file


def check_positions(config: Mapping) -> None:
    """Refuse a sample that an experiment uses whose ``indices`` are no way to draw and no file."""
    for experiment in [item for kind in config["experiments"].values() for item in kind]:
        indices = config["samples"][experiment["sample"]]["indices"] if "sample" in experiment else DRAWS[0]
        if indices not in DRAWS and not Path(indices).is_file():
            raise InputError(
                f"config key 'samples.{experiment['sample']}.indices': expected random, first, or a file with one "
                f"position on a line. Received: {indices!r}, no such file."
            )


def subsets(experiment: Mapping) -> dict[str, dict]:
    """Return the samples that a spoofing experiment draws, by name: one for each of its subsets."""
    return {
        f"{experiment['name']}@{subset}": {
            "split": subset, "images": experiment["images"], "indices": DRAWS[0], "seed": None, "classes": None,
            "clouds": "class", "points": experiment["points"], "layers": None, "dimensions": True,
            "device": "cpu",
        }
        for subset in experiment["subsets"]
    }  # fmt: skip
