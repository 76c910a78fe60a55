"""A PyTorch model under attack in the pipeline, from its code and weights to figures, on the digits of scikit-learn."""

import h5py
import numpy as np
import pandas
import pytest
import torch
import yaml
from safetensors.torch import save_file
from torch import nn

from tests.workflow.conftest import copy_repository
from topodepth import datasets
from topodepth.networks.torch_files import load_torch

NETS = """
from torch import nn


class Net(nn.Module):
    def __init__(self, channels_last=False):
        super().__init__()
        self.channels_last = channels_last
        self.conv, self.head = nn.Conv2d(1, 6, 3, padding=1), nn.Linear(6 * 64, 10)

    def forward(self, x):
        x = x.permute(0, 3, 1, 2) if self.channels_last else x
        return self.head(nn.functional.max_pool2d(self.conv(x).relu(), 2).flatten(1))
"""
GIVEN = {
    "torch": "nets.py:Net",
    "weights": "w.safetensors",
    "trust": True,
    "dataset": "digits",
    "normalisation": "unit",
}
ATTACK = {
    "name": "pgd",
    "models": ["mine", "turned"],
    "sample": "attacked",
    "attack": "pgd",
    "steps": 3,
    "step_size": 0.5,
    "epsilons": [0.05, 0.1, 0.15, 0.2],
    "target": None,
}
STUDY = {
    "run": "mine",
    "datasets": {"digits": {"loader": "digits", "size": 16}},
    "models": {"mine": {**GIVEN, "layers": ["conv", "logits"]},
               "turned": {**GIVEN, "arguments": {"channels_last": True}}},
    "samples": {"attacked": {"split": "test", "images": 60, "points": 40}},
    "topology": {"null_draws": 2, "max_dim": 0, "descriptors": ["lifespan_sum"]},
    "experiments": {"adversarial": [ATTACK]},
}  # fmt: skip
FOLDER, PAGES = "results/mine/attacks/pgd/mine", "results/mine/adversarial/pgd/turned"
TARGETS = [FOLDER, f"{PAGES}/summary.html", f"{PAGES}/adversarial_images.png", f"{PAGES}/adversarial_success.png"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A repository with a trained network in code and weights, attacked in two orders of axes."""
    torch.set_num_threads(1)
    repository = copy_repository(tmp_path_factory.mktemp("attacked") / "repository")
    folder = repository.path
    (folder / "nets.py").write_text(NETS)
    torch.manual_seed(0)
    model = load_torch(f"{folder}/nets.py:Net", trust=True).train()
    save_file(model.state_dict(), folder / "w.safetensors")
    (folder / "mine.yaml").write_text(yaml.safe_dump(STUDY))
    made = repository.snakemake("--cores", "1", "--", "results/mine/datasets/digits.h5", config="mine.yaml")
    assert made.returncode == 0, made.stdout + made.stderr
    with datasets.open_dataset(folder / "results/mine/datasets/digits.h5") as data:
        x, y = torch.tensor(data.images("train")[:].transpose(0, 3, 1, 2) / 255).float(), data.labels("train")
    optimizer, y = torch.optim.Adam(model.parameters(), lr=0.01), torch.tensor(np.asarray(y)).long()
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    save_file(model.state_dict(), folder / "w.safetensors")
    result = repository.snakemake("--cores", "2", "--", *TARGETS, config="mine.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    return repository


def test_an_attack_succeeds_the_more_the_stronger_it_is(study):
    table = pandas.read_csv(study.path / FOLDER / "metrics.csv")
    assert list(table["epsilon"]) == [0, *ATTACK["epsilons"]]
    assert table["accuracy"].iloc[0] > 0.8
    assert table["success_rate"].is_monotonic_increasing
    assert table["success_rate"].iloc[-1] > table["success_rate"].iloc[0] + 0.2
    assert (table["mean_linf_pixel"] <= table["epsilon"] * (1 + 1e-6)).all()


def test_what_is_written_is_what_the_model_says_of_the_images_written(study):
    model = load_torch(f"{study.path}/nets.py:Net", weights=study.path / "w.safetensors", trust=True)
    with h5py.File(study.path / FOLDER / "images.h5") as file:
        pixels, predicted = file["pixels"][:], file["predicted"][:]
    assert pixels.shape == (8, 5, 16, 16, 1)
    for strength in range(5):
        with torch.no_grad():
            scores = model(torch.tensor(pixels[:, strength].transpose(0, 3, 1, 2)))
        np.testing.assert_array_equal(scores.argmax(1), predicted[:, strength])


def test_a_model_that_takes_channels_last_gives_the_same(study):
    mine, turned = (
        pandas.read_csv(study.path / f"results/mine/attacks/pgd/{each}/metrics.csv").drop(columns="model")
        for each in ("mine", "turned")
    )
    pandas.testing.assert_frame_equal(mine, turned, rtol=1e-4)


def test_pages_and_figures_are_made_of_the_layers_that_a_job_has_found(study):
    assert all((study.path / target).exists() for target in TARGETS)
    table = pandas.read_csv(study.path / PAGES / "table.csv")
    assert set(table["layer"]) == {"conv", "logits"}
    assert table["epsilon"].nunique() == 5


def test_another_setting_of_the_attack_attacks_again_and_nothing_else(study):
    assert study.planned("--", *TARGETS, config="mine.yaml") == set()
    changed = STUDY | {"experiments": {"adversarial": [ATTACK | {"steps": 4}]}}
    (study.path / "changed.yaml").write_text(yaml.safe_dump(changed))
    planned = study.planned("--", *TARGETS, config="changed.yaml")
    assert {wildcards for rule, wildcards in planned if rule == "attack_model"} == {
        "attack=pgd, model=mine", "attack=pgd, model=turned"
    }  # fmt: skip
    rules = {rule for rule, _ in planned}
    assert "compute_attacked_diagrams" in rules
    assert not rules & {"prepare_dataset", "draw_sample", "find_layers", "extract_activations"}


def test_other_weights_are_attacked_again(study):
    path = study.path / "w.safetensors"
    before = path.read_bytes()
    model = load_torch(f"{study.path}/nets.py:Net", trust=True)
    try:
        save_file(model.state_dict(), path)
        assert ("attack_model", "attack=pgd, model=mine") in study.planned("--", *TARGETS, config="mine.yaml")
    finally:
        path.write_bytes(before)
