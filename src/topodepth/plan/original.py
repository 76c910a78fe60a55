"""The original's choices, whatever a configuration says of them (docs/differences.md): ``protocol: original``."""

import copy
from collections.abc import Mapping

from topodepth.errors import InputError

# The layers that it taps, by their index: convolutions of VGG, Add layers elsewhere, and the output.
LAYERS = {
    "vgg": [2, 5, 7, 10, 12, 15, 17, 20, 22, -2],
    "resnet": [16, 26, 38, 48, 60, 70, 82, 92, 104, -1],
    "mobilenet_v2": [36, 43, 56, 63, 76, 83, 96, -2],
}
SETTINGS = {
    "topology": {"scaling": "minmax", "null_draws": 0, "jackknife_groups": 0, "alpha": 1.0, "weight": 0.5},
    "dimension": {
        "estimators": ["ph_dimension"], "scaling": "none", "alpha": 1.0, "draws": 1, "null_draws": 0,
        "sizes": list(range(500, 2951, 350)),
    },
}  # fmt: skip
SAMPLE = {"split": "train", "images": 3000, "clouds": "class", "points": 250, "classes": list(range(9))}
# Samples of its own, each like the first of the configuration but for this; and what its experiments do.
SAMPLES: dict[str, dict] = {
    "original_attack": {
        "split": "test", "images": 800, "clouds": "all", "points": None, "classes": None, "layers": None,
    },
    "original_head": {"images": 2500, "points": None, "classes": [1], "layers": ["logits"], "dimensions": False},
}  # fmt: skip
EXPERIMENTS: dict[str, dict] = {
    "adversarial": {
        "sample": "original_attack", "attack": "fgsm", "norm": "linf", "target": 8, "units": "standardised",
        "clip": False, "logits": "softmax", "epsilons": [round(0.005 + 0.01 * k, 3) for k in range(10)],
    },
    "generalization": {"sample": "original_head", "classes": ["1"], "targets": ["test_accuracy"]},
}  # fmt: skip


def follow(config: dict) -> None:
    """Make the original's choices in a configuration whose defaults are filled in.

    Raises
    ------
    InputError
        If it has no sample.
    """
    if not config["samples"]:
        raise InputError("config key 'samples': expected at least one for `protocol: original`. Received: none.")
    for part, settings in SETTINGS.items():
        config[part] |= copy.deepcopy(settings)
    for sample in config["samples"].values():
        sample.update(copy.deepcopy(SAMPLE))
    default = next(iter(config["samples"].values()))
    config["samples"] |= {name: copy.deepcopy({**default, **own}) for name, own in SAMPLES.items()}
    for model in config["models"].values():
        if model["layers"] == "auto":
            model["layers"] = LAYERS.get(model["architecture"], "auto")
    for kind, choices in EXPERIMENTS.items():
        for item in config["experiments"].get(kind, []):
            item.update(copy.deepcopy(choices))
    for item in config["experiments"].get("generalization", []):
        if not any(_is_trained(config, entry) for entry in item["models"]):
            item["accuracy"] = "stated"


def _is_trained(config: Mapping, entry: str) -> bool:
    return bool(config["models"].get(entry, {}).get("architecture"))
