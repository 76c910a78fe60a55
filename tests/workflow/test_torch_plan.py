"""PyTorch models are planned without PyTorch: with their layers where they are listed, else up to the job that asks."""

import pytest
import yaml

from tests.workflow.conftest import copy_repository
from tests.workflow.planned import rules

GIVEN = {"torch": "nets.py:Net", "weights": "w.pth", "dataset": "digits", "trust": True}
STUDY = {
    "run": "mine",
    "datasets": {"digits": {"loader": "digits", "size": 16}, "spoofed": {"loader": "spoofed_digits", "size": 16}},
    "models": {"asked": GIVEN, "listed": GIVEN | {"layers": ["blocks.0", "logits"]}},
    "samples": {"default": {"images": 60}, "head": {"images": 60, "layers": ["penultimate", "logits"]}},
    "experiments": {
        "depth": [{"name": "both", "models": ["asked", "listed"], "diagrams": 2}],
        "generalization": [{"name": "both", "models": ["asked", "listed"], "sample": "head"}],
        "adversarial": [{"name": "fgsm", "models": ["asked"], "epsilons": [0.1]}],
        "spoofing": [{"name": "digits", "dataset": "spoofed", "pixels": None, "models": ["asked"]}],
    },
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    repository = copy_repository(tmp_path_factory.mktemp("torch") / "repository")
    (repository.path / "nets.py").write_text("raise SystemExit('planning ran this file')\nNet = None\n")
    (repository.path / "w.pth").write_bytes(b"")
    (repository.path / "mine.yaml").write_text(yaml.safe_dump(STUDY))
    return repository


def of_model(jobs, rule, model):
    return [wildcards for each, wildcards in jobs if each == rule and f"model={model}," in f"{wildcards},"]


def test_listed_layers_are_planned_one_by_one_and_others_wait_for_the_job_that_finds_them(study):
    jobs = study.planned(config="mine.yaml")
    assert len(of_model(jobs, "compute_diagrams", "listed")) == 4  # two layers of each sample
    assert of_model(jobs, "find_layers", "asked") == ["model=asked"]
    assert not of_model(jobs, "find_layers", "listed")
    assert sorted(of_model(jobs, "compute_diagrams", "asked")) == [
        f"model=asked, sample=head, layer={layer}" for layer in ("logits", "penultimate")
    ]
    assert {"extract_activations", "describe_model", "evaluate_model", "attack_model", "compare_attacks", "join_spoofs",
            "join_depth_tables", "draw_depth"} <= rules(jobs)  # fmt: skip


@pytest.mark.parametrize(
    "target",
    [
        "results/mine/diagrams/asked/default/blocks.0.h5",
        "results/mine/dimensions/asked/default/blocks.0.csv",
        "results/mine/attacked_diagrams/fgsm/asked/blocks.0",
        "results/mine/spoofs/asked@spoof.digits/digits@test/blocks.0.csv",
        "results/mine/depth/both/diagrams/asked.png",
    ],
)
def test_a_file_of_one_layer_can_be_asked_for_before_the_layers_are_known(study, target):
    jobs = study.planned("--", target, config="mine.yaml")
    assert of_model(jobs, "find_layers", "asked") == ["model=asked"]
