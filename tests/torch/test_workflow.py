"""PyTorch models in the pipeline: the numbers of a live module and of its ONNX export, on real digits."""

import json
import re
import shutil

import numpy as np
import pandas
import pytest
import torch
import yaml
from safetensors.torch import save_file

import topodepth as td
from tests.workflow.conftest import ROOT, copy_repository
from tests.workflow.test_reach import APART
from topodepth import datasets
from topodepth.files import texts
from topodepth.jobs import reach
from topodepth.networks import openers
from topodepth.networks.torch_files import load_torch
from topodepth.training import classifiers

BLOCKS = """
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)

    def forward(self, x):
        return x + self.bn(self.conv(x)).relu()
"""
NETS = """
from torch import nn
from blocks import Block


class Net(nn.Module):
    def __init__(self, width=6):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(3)))
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


def untrained():
    return Net()


def flat():
    return nn.Linear(7, 10)


def few():
    return nn.Sequential(nn.Flatten(), nn.Linear(256, 3))
"""
GIVEN = {"dataset": "digits", "trust": True, "mean": [0.5], "std": [0.25]}
SAMPLE = {"split": "test", "images": 80, "points": 12, "clouds": "both", "dimensions": False}
STUDY = {
    "run": "mine",
    "datasets": {"digits": {"loader": "digits", "size": 16}, "spoofed": {"loader": "spoofed_digits", "size": 16}},
    "models": {
        "mine": {"torch": "nets.py:Net", "weights": "weights/wide.safetensors", "arguments": {"width": 8}, **GIVEN},
        "exported": {"file": "net.onnx", "dataset": "digits", "mean": [0.5], "std": [0.25]},
        "zoo": {"torch": "nets.py:Net", "weights": "zoo", **GIVEN},
        "untrained": {"torch": "nets.py:untrained", "dataset": "digits", "trust": True, "normalisation": "unit"},
    },
    "samples": {"default": SAMPLE, "head": SAMPLE | {"layers": ["penultimate", "logits"]}},
    "topology": {"null_draws": 1, "max_dim": 1, "descriptors": ["lifespan_sum"]},
    "experiments": {
        "depth": [{"name": "both", "models": ["mine", "exported"], "diagrams": 0}],
        "dynamics": [{"name": "zoo", "models": ["zoo"], "sample": "head"}],
        "generalization": [{"name": "all", "models": ["mine", "exported", "zoo", "untrained"], "sample": "head"}],
        "spoofing": [{"name": "digits", "dataset": "spoofed", "subsets": ["test"], "pixels": None, "models": ["mine"],
                      "points": 60, "permutations": 19}],
    },
}  # fmt: skip
DEPTH, MODELS = "results/mine/depth/both/depth.csv", "results/mine/generalization/all/models.csv"
TABLES = [DEPTH, "results/mine/dynamics/zoo/dynamics.csv", MODELS, "results/mine/spoofing/digits/spoofing.csv"]


def trained(model, x, y, steps):
    """Train a model for some steps: what it says shall be better than chance."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for step in range(steps):
        part = slice(step * 100 % 1200, step * 100 % 1200 + 100)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x[part]), y[part]).backward()
        optimizer.step()
    return model.eval()


def prepared(path, split):
    with datasets.open_dataset(path) as data:
        images, labels = data.images(split)[:], data.labels(split)
    return (images.astype(np.float32) / 255 - 0.5) / 0.25, np.asarray(labels)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A repository with trained networks in code and weights, one of them exported too, in which all is measured."""
    torch.set_num_threads(1)
    repository = copy_repository(tmp_path_factory.mktemp("torch") / "repository")
    folder = repository.path
    (folder / "blocks.py").write_text(BLOCKS)
    (folder / "nets.py").write_text(NETS)
    (folder / "mine.yaml").write_text(yaml.safe_dump(STUDY | {"experiments": {}}))
    for each in ("weights", "zoo"):
        (folder / each).mkdir()
    made = repository.snakemake("--cores", "1", "--", "results/mine/datasets/digits.h5", config="mine.yaml")
    assert made.returncode == 0, made.stdout + made.stderr
    x, y = (torch.tensor(values) for values in prepared(folder / "results/mine/datasets/digits.h5", "train"))
    x = x.permute(0, 3, 1, 2).contiguous()
    torch.manual_seed(0)
    wide = trained(load_torch(f"{folder}/nets.py:Net", trust=True, arguments={"width": 8}).train(), x, y, 150)
    save_file(wide.state_dict(), folder / "weights/wide.safetensors")
    torch.onnx.export(
        wide, (x[:2],), folder / "net.onnx", dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}}
    )
    for name in ("epoch_2", "epoch_10"):
        narrow = trained(load_torch(f"{folder}/nets.py:Net", trust=True).train(), x, y, 60)
        state = {f"module.{key}": value for key, value in narrow.state_dict().items()}
        torch.save({"state_dict": state, "epoch": 60}, folder / f"zoo/{name}.th")
    (folder / "mine.yaml").write_text(yaml.safe_dump(STUDY))
    recorder = folder / "src/sitecustomize.py"  # which Python imports by itself when a job starts
    shutil.copy(ROOT / "tests/workflow/recorder.py", recorder)
    result = repository.snakemake("--cores", "2", "--", *TABLES, config="mine.yaml")
    recorder.unlink()
    assert result.returncode == 0, result.stdout + result.stderr
    return repository


def of_model(table, name):
    return table[table["model"] == name].drop(columns="model").reset_index(drop=True)


def assert_same(found, expected, *, rtol=1e-4):
    """Compare tables of descriptors; which share of depth a layer has is counted in each framework's own layers."""
    columns = ["layer", "class", "homology_dimension", "descriptor", "value", "null_value", "n_points", "accuracy"]
    pandas.testing.assert_frame_equal(
        found[columns].reset_index(drop=True), expected[columns].reset_index(drop=True), rtol=rtol, check_dtype=False
    )


def test_a_module_its_export_and_td_measure_give_the_same_table(study):
    table = pandas.read_csv(study.path / DEPTH)
    mine = of_model(table, "mine")
    assert list(dict.fromkeys(mine["layer"])) == ["blocks.0", "blocks.1", "blocks.2", "logits"]
    assert mine["accuracy"].iloc[0] > 0.5
    assert_same(of_model(table, "exported"), mine)
    model = load_torch(f"{study.path}/nets.py:Net", weights=study.path / "weights/wide.safetensors", trust=True,
                       arguments={"width": 8})  # fmt: skip
    images, labels = prepared(study.path / "results/mine/datasets/digits.h5", "test")
    rows = texts.read_indices(study.path / "results/mine/samples/digits/default.csv")
    live = td.measure(
        model, np.moveaxis(images, -1, 1), labels, indices=rows, clouds="both", points=12, max_dim=1, null_draws=1,
        descriptors=["lifespan_sum"], estimators=[], progress=False,
    )  # fmt: skip
    assert_same(live.table, mine)


def test_accuracies_are_those_of_plain_pytorch(study):
    model = load_torch(f"{study.path}/nets.py:Net", weights=study.path / "zoo/epoch_2.th", trust=True)
    metrics = json.loads((study.path / "results/mine/evaluations/zoo@epoch_2/metrics.json").read_text())
    for split in ("train", "validation", "test"):
        images, labels = prepared(study.path / "results/mine/datasets/digits.h5", split)
        with torch.no_grad():
            scores = model(torch.tensor(np.moveaxis(images, -1, 1)))
        loss = torch.nn.functional.cross_entropy(scores, torch.tensor(labels))
        assert metrics[split]["accuracy"] == pytest.approx(np.mean(scores.argmax(1).numpy() == labels), abs=1e-9)
        assert metrics[split]["loss"] == pytest.approx(float(loss), rel=1e-4)
    assert metrics["parameters"] == sum(
        value.numel() for value in model.state_dict().values() if value.is_floating_point()
    )
    assert metrics["weight_layers"] == 5
    squares = [(weight.detach() ** 2).sum() for weight in model.parameters() if weight.ndim > 1]
    assert metrics["frobenius_norm"] == pytest.approx(float(sum(squares) ** 0.5), rel=1e-5)


def test_generalisation_of_all_kinds_of_models_in_one_table(study):
    models = pandas.read_csv(study.path / MODELS).set_index("model")
    assert set(models.index) == {"mine", "exported", "zoo@epoch_2", "zoo@epoch_10", "untrained"}
    for column in ("train_accuracy", "test_accuracy"):
        assert models.loc["mine", column] == models.loc["exported", column]
    assert models.loc["mine", "test_accuracy"] > 0.5
    assert models.loc["untrained", "test_accuracy"] < 0.4


def test_weights_that_the_code_makes_are_the_same_in_every_job(study):
    path = "results/mine/evaluations/untrained/metrics.json"
    before = (study.path / path).read_bytes()
    result = study.snakemake("--cores", "1", "--force", "--", path, config="mine.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert (study.path / path).read_bytes() == before


def test_images_of_another_data_set_are_normalised_as_its_own(study):
    table = pandas.read_csv(study.path / "results/mine/spoofing/digits/spoofing.csv")
    assert set(table["representation"]) == {"mine"}
    assert list(dict.fromkeys(table["layer"])) == ["blocks.0", "blocks.1", "blocks.2", "logits"]


def test_a_folder_of_weights_is_followed_in_order_of_its_epochs(study):
    table = pandas.read_csv(study.path / TABLES[1])
    assert list(dict.fromkeys(table["epoch"])) == [2, 10]
    assert set(table["model"]) == {"zoo"}
    for epoch in (2, 10):
        metrics = json.loads((study.path / f"results/mine/evaluations/zoo@epoch_{epoch}/metrics.json").read_text())
        assert set(table.loc[table["epoch"] == epoch, "test_accuracy"]) == {metrics["test"]["accuracy"]}


@pytest.fixture
def all_logic(monkeypatch):
    """Let functions that are held by tests count, and what they reach."""
    monkeypatch.setattr(reach, "HELD", "NOTHING")
    reach.module.cache_clear()
    yield
    reach.module.cache_clear()


def test_every_definition_that_a_job_enters_is_in_the_digest_of_its_kind_of_network(study, all_logic):
    apart = APART | {("topodepth.networks.onnx_kinds", "Kind")}  # of a table that an import makes, and nothing asks
    counted = {"torch": 0, "file": 0}
    for path in (study.path / "entered").iterdir():
        script = path.name.split(".")[0]
        if script not in ("extract_activations", "evaluate_model", "find_layers"):
            continue
        entered = {tuple(line.split(" ")) for line in path.read_text().splitlines()}
        kind = "torch" if any(module == "topodepth.networks.openers.torch" for module, _ in entered) else "file"
        modules = [registry.module_of(kind) for registry in (openers.registry, classifiers.registry)]
        found = reach.reached(ROOT / f"workflow/scripts/{script}.py", modules)
        assert not {each for each in entered - {*found} - apart if each[0] != reach.MESSAGES}, path.name
        counted[kind] += 1
    assert counted["torch"] >= 10  # layers of one; activations and evaluations of four; the spoofed images
    assert counted["file"] == 3  # activations on two samples, and one evaluation


EDITS = {
    "code": ("nets.py", "return Net()", "return Net(width=6)", {"mine", "zoo", "untrained"}),
    "what the code imports": ("blocks.py", ".relu()", ".relu() + 0", {"mine", "zoo", "untrained"}),
    "weights": ("weights/wide.safetensors", None, None, {"mine"}),
    "an opener of PyTorch": (
        "src/topodepth/networks/torch_source.py", "TRIED = 2", "TRIED = 3", {"mine", "zoo", "untrained"}
    ),
    "an opener of files": (
        "src/topodepth/networks/onnx_opened.py", "images.ndim - 1, *range", "images.ndim + 0 - 1, *range", {"exported"}
    ),
}  # fmt: skip


def edited(path, old, new):
    if old is not None:
        return path.read_text().replace(old, new, 1).encode()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    return bytes(content)


@pytest.mark.parametrize("case", EDITS)
def test_an_edit_makes_the_jobs_of_its_models_run_again_and_no_others(case, study):
    name, old, new, expected = EDITS[case]
    path = study.path / name
    before = path.read_bytes()
    path.write_bytes(edited(path, old, new))
    assert path.read_bytes() != before
    planned = study.planned("--", *TABLES, config="mine.yaml")
    path.write_bytes(before)
    models = {rule: set() for rule in ("extract_activations", "evaluate_model", "find_layers")}
    for rule, wildcards in planned:
        if rule in models:
            models[rule] |= {wildcards.split(",")[0].removeprefix("model=").split("@")[0]}
    assert models["extract_activations"] == models["evaluate_model"] == expected
    assert models["find_layers"] == expected & {"mine"}  # the others' layers are listed in the sample
    if case == "code":
        assert study.planned("--", *TABLES, config="mine.yaml") == set()


REFUSED = {
    "weights of another model": (
        {"arguments": {"width": 5}}, r"wide.safetensors: '.*' expected as \(5.*\) in Net. Received: \(8"
    ),
    "arguments": ({"arguments": {"wide": 5}}, "nets.py:Net: its code failed, nets.py: TypeError: .*'wide'"),
    "images": (
        {"torch": "nets.py:flat", "weights": None},
        r"nets.py: fails on what the data set holds, .*Received: channels_first \(n, 1, 16, 16\): RuntimeError",
    ),
    "classes": ({"torch": "nets.py:few", "weights": None}, "nets.py: expected 10 classes, .* Received: 3"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_only_a_job_can_see_is_the_last_line_of_its_log(case, study):
    change, match = REFUSED[case]
    config = yaml.safe_load((study.path / "mine.yaml").read_text())
    config["models"]["mine"] |= {"arguments": {}} | change
    (study.path / "wrong.yaml").write_text(yaml.safe_dump(config | {"run": "wrong"}))
    target = "results/wrong/evaluations/mine/metrics.json"
    result = study.snakemake("--cores", "1", "--", target, config="wrong.yaml")
    assert result.returncode != 0
    log = (study.path / "results/wrong/logs/evaluate_model/mine.log").read_text()
    assert "Traceback" not in log
    assert re.match(f"error: .*{match}", log.strip().splitlines()[-1]), log
