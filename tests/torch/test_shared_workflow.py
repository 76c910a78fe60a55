"""A published network in the pipeline, by its authors' code and weights: accuracy and lifespan sums of plain PyTorch.

Set TOPODEPTH_SHARED to the folder that holds ``data/torch`` and ``golden``; neither is a part of the repository.
"""

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pandas
import pytest
import yaml

from tests.workflow.conftest import copy_repository

SHARED = Path(os.environ.get("TOPODEPTH_SHARED", ""))
pytestmark = pytest.mark.skipif(
    "TOPODEPTH_SHARED" not in os.environ, reason="needs published models: set TOPODEPTH_SHARED to their folder"
)
NAME = "resnet20"
TABLE = "results/mine/depth/one/depth.csv"


def test_resnet20_has_its_accuracy_and_lifespan_sums_in_the_pipeline(tmp_path):
    with (SHARED / "golden/torch_resnets.csv").open() as handle:
        rows = [row for row in csv.DictReader(handle) if row["name"] == NAME]
    repository = copy_repository(tmp_path / "repository")
    shutil.copy(SHARED / "data/torch/resnet.py", repository.path)
    config = {
        "run": "mine",
        "datasets": {"cifar": {"loader": "npz", "source": str((SHARED / "data/cifar10_lossless.npz").resolve())}},
        "models": {
            NAME: {
                "torch": f"resnet.py:{NAME}", "weights": str((SHARED / "data/torch" / rows[0]["file"]).resolve()),
                "dataset": "cifar", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "trust": True,
                "layers": [row["layer"] for row in rows],
            }
        },
        "samples": {
            "default": {"split": "test", "images": None, "points": None, "clouds": "both", "dimensions": False}
        },
        "topology": {"max_dim": 0, "null_draws": 0, "jackknife_groups": 0, "descriptors": ["lifespan_sum"]},
        "experiments": {"depth": [{"name": "one", "models": [NAME], "diagrams": 0}]},
    }  # fmt: skip
    (repository.path / "mine.yaml").write_text(yaml.safe_dump(config))
    result = repository.snakemake("--cores", "2", "--", TABLE, config="mine.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    table = pandas.read_csv(repository.path / TABLE, dtype={"class": str})
    assert list(table["accuracy"].unique()) == pytest.approx([float(rows[0]["accuracy_932"])], abs=1e-6)
    for row in rows:
        values = table[table["layer"] == row["layer"]].set_index("class")["value"]
        assert values["all"] == pytest.approx(float(row["E0_all"]), rel=1e-4)
        of_classes = [values[str(label)] for label in range(10)]
        assert np.mean(of_classes) == pytest.approx(float(row["E0_mean_of_classes"]), rel=1e-4)
