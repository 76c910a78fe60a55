"""A finished tiny run in a copy of the repository, shared by the tests that look at it or plan over it."""

import fcntl
import os
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from tests.workflow.preloaded import snakemake

ROOT = Path(__file__).parents[2]
PARTS = (
    "Snakefile",
    "config.yaml",
    "workflow",
    "src",
    "profiles",
    "examples",
    "envs",
    "requirements.lock",
    "requirements-torch.lock",
)

SMALL = {"dataset": "digits", "width": 4, "seeds": []}
TINY = {
    "run": "tiny",
    "datasets": {
        "digits": {"loader": "digits", "size": 16},
        "spoofed": {"loader": "spoofed_digits", "size": 16},
    },
    "models": {
        "vgg": {**SMALL, "layers": [2, "block3_conv1", "logits"]},
        "resnet": {**SMALL, "layers": ["penultimate", "logits"], "training": {"snapshots": [0, 2]}},
        "grid": {**SMALL, "architecture": "cnn", "seeds": [0], "grid": {"depth": [1, 2], "label_noise": [0.0, 0.5]}},
    },
    "samples": {
        "default": {"images": 120, "points": 12},
        "head": {"images": 120, "points": 12, "layers": ["penultimate", "logits"]},
        "attacked": {"split": "test", "images": 60, "points": 40, "clouds": "both", "layers": ["logits"]},
    },
    "training": {"epochs": 2, "flip": False},
    "dimension": {"draws": 3},
    "experiments": {
        "depth": [{"name": "pair", "models": ["vgg", "resnet"], "diagrams": 2}],
        "dynamics": [{"name": "resnet", "models": ["resnet"]}],
        "generalization": [
            {
                "name": "grid",
                "models": ["grid"],
                "sample": "head",
                "controls": ["depth"],
                "resamples": 100,
                "permutations": 99,
            }
        ],
        "adversarial": [{"name": "fgsm", "models": ["resnet"], "sample": "attacked", "epsilons": [0.1, 0.3]}],
        "spoofing": [
            {
                "name": "digits",
                "dataset": "spoofed",
                "subsets": ["test"],
                "pixels": {"size": 8},
                "models": ["vgg"],
                "layers": ["logits"],
                "points": 60,
                "permutations": 19,
            }
        ],
        "similarity": [
            {
                "name": "training",
                "models": ["resnet"],
                "snapshots": True,
                "measures": [
                    "linear_cka_unbiased",
                    "procrustes",
                    "neighbour_overlap",
                    "rtd",
                    "rtd_lite",
                    "bottleneck_h1",
                ],
                "parameters": {"neighbour_overlap": {"neighbours": 5}, "rtd": {"points": 20}},
                "points": 60,
                "layers": 1,
                "jackknife_groups": 3,
                "permutations": 3,
            }
        ],
    },
}


class Repository:
    """A copy of the repository with its own results."""

    def __init__(self, path):
        self.path = path

    def copied(self, path):
        """A copy in another place, with its results and their records."""
        shutil.copytree(self.path, path)
        return Repository(path)

    def snakemake(self, *arguments, config="tiny.yaml", timeout=1800):
        return snakemake(self.path, "--configfile", config, *arguments, timeout=timeout)

    def make_recorded(self, *arguments, config="tiny.yaml"):
        """Make something; what its jobs enter of the library is written to the folder ``entered``."""
        recorder = self.path / "src/sitecustomize.py"  # which Python imports by itself when a job starts
        shutil.copy(Path(__file__).with_name("recorder.py"), recorder)
        result = self.snakemake(*arguments, config=config)
        recorder.unlink()
        shutil.rmtree(self.path / "noted")
        assert result.returncode == 0, result.stdout + result.stderr

    def planned(self, *arguments, config="tiny.yaml"):
        """The jobs that a run would start: a set of (rule, wildcards)."""
        result = self.snakemake("--cores", "2", "--dry-run", *arguments, config=config)
        assert result.returncode == 0, result.stdout + result.stderr
        jobs = set()
        for block in re.split(
            r"\n\s*\n|(?=^(?:local)?(?:rule|checkpoint) )", result.stdout + result.stderr, flags=re.MULTILINE
        ):
            rule = re.search(r"^(?:local)?(?:rule|checkpoint) (\w+):", block, flags=re.MULTILINE)
            if rule:
                wildcards = re.search(r"^\s+wildcards: (.*)$", block, flags=re.MULTILINE)
                jobs.add((rule[1], wildcards[1] if wildcards else ""))
        return jobs

    def configure(self, change, name="tiny.yaml"):
        config = yaml.safe_load((self.path / "tiny.yaml").read_text())
        change(config)
        (self.path / name).write_text(yaml.safe_dump(config))
        return name

    def edit(self, name, old, new):
        path = self.path / name
        text = path.read_text()
        assert text.count(old) >= 1, f"{name} no longer holds {old!r}"
        path.write_text(text.replace(old, new, 1))


def copy_repository(target, source=ROOT):
    target.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source / part, target / part)
    (target / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    return Repository(target)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A repository in which the tiny run has been made; what its jobs entered of the library is in ``entered``.

    Of the processes that share the tests one makes it, and the others wait; none may change it.
    """
    own = tmp_path_factory.getbasetemp()
    everyones = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with (everyones / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = everyones / "finished"
        if not made.exists():
            making = copy_repository(tmp_path_factory.mktemp("making") / "repository")
            making.make_recorded("--cores", "2")
            making.path.rename(made)
    return Repository(made)


@pytest.fixture
def repository(finished, tmp_path):
    """A fresh copy of the finished repository."""
    return finished.copied(tmp_path / "copy")


PLUGIN = """
{first}
from topodepth.topology import {module}


@{module}.register("{name}")
def {name}({arguments}):
    return {value}
"""
PLUGINS = {
    "helper.py": "SEVEN = 7\n",
    "bars.py": PLUGIN.format(
        first="import helper", module="descriptors", name="bars", arguments="diagram", value="helper.SEVEN"
    ),
    "flat.py": PLUGIN.format(
        first="", module="dimension", name="flat", arguments="points, *, seed=0, kept=None",
        value='dimension.DimensionEstimate(2.0, 1.0, 3.0, len(points), "")',
    ),
    "unused.py": PLUGIN.format(first="", module="descriptors", name="unused", arguments="diagram", value="1"),
}  # fmt: skip
OWN = {
    "run": "mine",
    "plugins": [{"file": name, "trust": True} for name in PLUGINS if name != "helper.py"],
    "activations": {"mine": {"file": "mine.h5"}},
    "topology": {"null_draws": 1, "descriptors": ["lifespan_sum", "bars"]},
    "dimension": {"estimators": ["flat"]},
    "experiments": {"depth": [{"name": "mine", "models": ["mine"]}]},
}


@pytest.fixture(scope="session")
def finished_with_plugins(tmp_path_factory):
    """A repository with plugins in which the table of activations that were brought has been made."""
    repository = copy_repository(tmp_path_factory.mktemp("plugged") / "repository")
    for name, text in PLUGINS.items():
        (repository.path / name).write_text(text)
    with h5py.File(repository.path / "mine.h5", "w") as file:
        file["layers/000_first"] = np.random.default_rng(0).normal(size=(60, 3))
        file["labels"] = np.arange(60) % 3
    (repository.path / "mine.yaml").write_text(yaml.safe_dump(OWN))
    result = repository.snakemake("--cores", "2", "results/mine/tables/mine/default.csv", config="mine.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    return repository


@pytest.fixture
def with_plugins(finished_with_plugins, tmp_path):
    """A fresh copy of it."""
    return finished_with_plugins.copied(tmp_path / "copy")
