"""Configurations that make no sense end in one line, whatever is wrong with them."""

import json
import re
from pathlib import Path

import pytest

from tests.fuzz import files
from tests.fuzz.damage import damaged_values
from tests.fuzz.harness import fuzz
from tests.workflow.conftest import TINY
from topodepth import plan
from topodepth.errors import InputError
from topodepth.plan import configuration

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"


def planned(config):
    """As workflow/rules/common.smk does before anything runs, and what the rules ask."""
    found = plan.Plan(configuration.complete(config, SCHEMA), elsewhere=True)
    for pattern in found.wildcards().values():
        re.compile(pattern)
    paths = [path for kind in found.kinds for path in found.results(kind)]
    paths += [unit.activations(name) for unit in found.units.values() for name in found.samples]
    for part in [*found.units, *paths]:
        assert "\n" not in part
    for unit in found.units.values():
        assert "/" not in unit.name
        assert all("/" not in name and "\n" not in name for name in unit.model.layers)
    for experiment in found.all_experiments:
        plan.as_json([[experiment.labels(figure), experiment.options(figure)] for figure in experiment.drawn])
    for sample in found.samples:
        plan.as_json([found.diagram_settings(sample), found.dimension_settings(sample), found.sample_settings(sample)])


def configs(folder):
    """Small whole configurations of every kind, and the files that they name."""
    (folder / "models").mkdir()
    config = json.dumps(files.keras_configs()[0]).encode()
    for path in (folder / "model.keras", folder / "models/a_0.5.keras"):
        path.write_bytes(files.keras_archive(config))
    (folder / "activations.h5").write_bytes(files.activations()[0])
    brought = {
        "run": "brought",
        "seed": 3,
        "assets": {"a": {"file": "a/b.h5", "urls": ["https://example.org/a"], "sha256": "0" * 64, "size": 10}},
        "datasets": {"d": {"loader": "npz", "source": "images.npz", "options": {"keys": {"images": "x"}}},
                     "e": {"loader": "svhn", "assets": ["a"]}},
        "activations": {"acts": {"file": "activations.h5", "label": "mine"}},
        "models": {"one": {"file": "model.keras", "dataset": "d", "normalisation": "unit", "label": "a"},
                   "many": {"directory": "models", "dataset": "d", "trust": False},
                   "asset": {"asset": "a", "dataset": "e", "layers": [1, -2, "logits"]}},
        "samples": {"default": {"images": 10, "points": 5, "classes": [0, 1]}},
        "experiments": {"depth": [{"name": "x", "models": ["one", "many", "acts", "asset"], "title": "T"}]},
    }  # fmt: skip
    tiny = {**TINY, "models": {name: {"architecture": name, **model} if name in ("vgg", "resnet") else model
                               for name, model in TINY["models"].items()}}  # fmt: skip
    small = {
        "run": "small",
        "seed": 0,
        "datasets": {"digits": {"loader": "digits"}},
        "models": {"m": {"dataset": "digits", "architecture": "vgg", "seeds": [0, 1]}},
        "samples": {"default": {"split": "train"}},
        "training": {"epochs": 2},
        "topology": {"max_dim": 1, "alpha": 1.0},
        "dimension": {"sizes": [10, 20]},
        "protocol": "original",
        "experiments": {"depth": [{"name": "a", "models": ["m"]}]},
    }
    return [brought, tiny, small]


def test_the_whole_configurations_are_planned(scratch):
    for config in configs(scratch.inside):
        planned(config)


def test_damaged_configurations(scratch):
    fuzz("configuration", damaged_values(configs(scratch.inside)), planned, refused=0.5)


@pytest.mark.parametrize(
    "name", ["a\n", "a b", "a/b", "..", "a'; touch PWNED; '", "$(touch PWNED)", "é", "-a", ".a", ""]
)
@pytest.mark.parametrize("place", ["run", "models", "datasets", "samples", "experiments"])
def test_names_that_become_parts_of_file_names_are_plain(scratch, place, name):
    config = configs(scratch.inside)[2]
    if place == "run":
        config["run"] = name
    elif place == "experiments":
        config["experiments"]["depth"][0]["name"] = name
    else:
        config[place][name] = config[place].pop(next(iter(config[place])))
    with pytest.raises(InputError, match="config"):
        planned(config)


def test_a_grid_of_more_models_than_can_be_planned_is_refused(scratch):
    config = configs(scratch.inside)[2]
    axes = {"width": list(range(1, 200)), "batch_size": list(range(1, 200)), "epochs": list(range(1, 200))}
    config["models"]["m"]["grid"] = axes
    with pytest.raises(InputError, match=r"models\.m.*at most 100000 models. Received: "):
        planned(config)
