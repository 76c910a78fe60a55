"""ONNX files of others in the pipeline: measured and evaluated as Keras files are, refused where they cannot be."""

import json
import os
import re

import onnx
import pandas
import pytest
import yaml

from tests.unit.onnx_graphs import model, node, normal
from tests.workflow.conftest import copy_repository

SAMPLE = {"images": 60, "points": 12, "dimensions": False}
STUDY = {
    "run": "mine",
    "datasets": {"digits": {"loader": "digits", "size": 16}},
    "models": {
        "inside": {"file": "inside.onnx", "dataset": "digits", "mean": [0.5], "std": [0.25]},
        "beside": {"file": "beside.onnx", "dataset": "digits", "mean": [0.5], "std": [0.25]},
    },
    "samples": {"default": SAMPLE, "head": SAMPLE | {"layers": ["penultimate", "logits"]}},
    "topology": {"null_draws": 0, "max_dim": 0},
    "experiments": {
        "depth": [{"name": "pair", "models": ["inside", "beside"], "diagrams": 0}],
        "generalization": [{"name": "pair", "models": ["inside", "beside"], "sample": "head"}],
    },
}
TABLES = ["results/mine/depth/pair/depth.csv", "results/mine/generalization/pair/models.csv"]


def network():
    """Three blocks on grey images of 16 × 16 pixels, and a head of ten classes."""
    nodes, weights = [node("Conv", "x stem", "s0", pads=[1] * 4)], {"stem": normal(6, 1, 3, 3)}
    for k in range(3):
        weights[f"w{k}"] = normal(6, 6, 3, 3, seed=k + 1) / 4
        nodes += [node("Conv", f"s{k} w{k}", f"c{k}", pads=[1] * 4), node("Relu", f"c{k}", f"r{k}"),
                  node("Add", f"s{k} r{k}", f"s{k + 1}")]  # fmt: skip
    nodes += [node("GlobalAveragePool", "s3", "p"), node("Flatten", "p", "f"), node("Gemm", "f head", "y")]
    return nodes, weights | {"head": normal(6, 10, seed=9)}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A repository with the same network in two files: of any batch, and of one image with its weights beside it."""
    repository = copy_repository(tmp_path_factory.mktemp("onnx") / "repository")
    onnx.save_model(model(*network(), shape=["n", 1, 16, 16]), repository.path / "inside.onnx")
    onnx.save_model(
        model(*network(), shape=[1, 1, 16, 16]), repository.path / "beside.onnx",
        save_as_external_data=True, location="beside.onnx.data", size_threshold=0,
    )  # fmt: skip
    (repository.path / "mine.yaml").write_text(yaml.safe_dump(STUDY))
    result = repository.snakemake("--cores", "2", "--", *TABLES, config="mine.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    return repository


def test_depth_and_generalisation_of_both_files_are_the_same(study):
    table = pandas.read_csv(study.path / TABLES[0])
    parts = [
        table[table["model"] == name].drop(columns="model").reset_index(drop=True) for name in ("inside", "beside")
    ]
    pandas.testing.assert_frame_equal(*parts)
    assert list(dict.fromkeys(table["layer"])) == ["s1", "s2", "s3", "logits"]
    models = pandas.read_csv(study.path / TABLES[1])
    assert list(models["weight_layers"]) == [5, 5]
    assert list(models["parameters"]) == [sum(array.size for array in network()[1].values())] * 2
    metrics = [json.loads((study.path / f"results/mine/evaluations/{name}/metrics.json").read_text())
               for name in ("inside", "beside")]  # fmt: skip
    assert metrics[0] == metrics[1]
    assert set(metrics[0]) >= {"train", "validation", "test"}


def test_weights_beside_a_file_are_an_input_of_its_jobs(study):
    def rules():
        return {rule for rule, _ in study.planned("--", TABLES[0], config="mine.yaml")}

    assert rules() == set()
    data = study.path / "beside.onnx.data"
    content = bytearray(data.read_bytes())
    content[5] ^= 1
    data.write_bytes(content)
    planned = study.planned("--", TABLES[0], config="mine.yaml")
    assert ("extract_activations", "model=beside, sample=default") in planned
    assert not any(wildcards.startswith("model=inside") for _, wildcards in planned)
    content[5] ^= 1
    data.write_bytes(content)
    assert rules() == set()


def adversarial(config):
    config["experiments"] = {"adversarial": [{"name": "fgsm", "models": ["inside"], "epsilons": [0.1]}]}


def dynamics(config):
    config["experiments"] = {"dynamics": [{"name": "mine", "models": ["inside"]}]}


REFUSED = {
    "adversarial": (adversarial, r"'experiments.adversarial.fgsm.models': attacks follow gradients, .*inside.onnx"),
    "dynamics": (dynamics, "'models.inside.training.snapshots': expected epochs of a model trained here"),
    "seeds": (
        lambda config: config["models"]["inside"].update(seeds=[1]), "'models.inside.seeds': expected in a model with"
    ),
    "trust": (
        lambda config: config["models"]["inside"].update(trust=True), "'models.inside.trust': expected of a Keras file"
    ),
    "mean alone": (
        lambda config: config["models"]["inside"].pop("std"), "'models.inside': expected `mean` and `std` together"
    ),
    "both": (
        lambda config: config["models"]["inside"].update(normalisation="unit"),
        "expected `mean` and `std` together, in place of `normalisation`. Received: mean, std, normalisation",
    ),
    "layout of Keras": (
        lambda config: config["models"].update(
            inside={"file": "net.keras", "dataset": "digits", "layout": "channels_last"}
        ),
        "'models.inside.layout': expected of an ONNX file",
    ),
    "images": (
        lambda config: config["datasets"]["digits"].update(size=32),
        r"'models.beside': beside.onnx on data set 'digits': the network expected \(n, 16, 16, 1\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_an_onnx_file_cannot_do_is_refused_before_any_job(case, study):
    change, match = REFUSED[case]
    config = yaml.safe_load((study.path / "mine.yaml").read_text())
    change(config)
    (study.path / "changed.yaml").write_text(yaml.safe_dump(config))
    result = study.snakemake("--cores", "1", "--dry-run", config="changed.yaml")
    last = (result.stdout + result.stderr).strip().splitlines()[-1]
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert re.search(match, last), last


def test_weights_that_are_gone_are_missed_before_any_job(study):
    data = study.path / "beside.onnx.data"
    data.rename(study.path / "elsewhere")
    result = study.snakemake("--cores", "1", "--dry-run", config="mine.yaml")
    (study.path / "elsewhere").rename(data)
    last = (result.stdout + result.stderr).strip().splitlines()[-1]
    assert result.returncode == 1
    assert "'models.beside.file': beside.onnx: its weights lie in 'beside.onnx.data', expected beside it" in last


def test_a_folder_of_onnx_files_is_a_model_each(study):
    folder = study.path / "zoo"
    folder.mkdir()
    for name in ("one", "two"):
        onnx.save_model(model(*network(), shape=["n", 1, 16, 16]), folder / f"{name}.onnx")
    config = STUDY | {
        "models": {"zoo": {"directory": "zoo", "dataset": "digits"}},
        "experiments": {"depth": [{"name": "zoo", "models": ["zoo"], "diagrams": 0}]},
    }
    (study.path / "zoo.yaml").write_text(yaml.safe_dump(config))
    planned = study.planned(config="zoo.yaml")
    assert {wildcards for rule, wildcards in planned if rule == "extract_activations"} == {
        f"model=zoo@{name}, sample=default" for name in ("one", "two")
    }


def test_a_network_alone_shares_its_images_between_cores_and_no_value_changes(study):
    made = "results/mine/activations/inside/default.h5"
    before = (study.path / made).read_bytes()
    config = STUDY | {
        "models": {"inside": STUDY["models"]["inside"]},
        "experiments": {"depth": [{"name": "pair", "models": ["inside"], "diagrams": 0}]},
    }
    (study.path / "alone.yaml").write_text(yaml.safe_dump(config))
    result = study.snakemake("--cores", "2", "--forcerun", "extract_activations", "--", made, config="alone.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert ("threads: 2" in result.stdout + result.stderr) == (len(os.sched_getaffinity(0)) > 1)
    assert (study.path / made).read_bytes() == before
