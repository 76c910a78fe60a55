"""A PyTorch model in the configuration is planned from its source alone: without PyTorch, and without running it."""

import datetime
import json
import sys
from pathlib import Path

import pytest

from topodepth import plan
from topodepth.errors import InputError
from topodepth.jobs import extras, reach
from topodepth.networks import openers
from topodepth.plan import configuration
from topodepth.training import classifiers

ROOT = Path(__file__).parents[2]
CODE = """
import torch
import blocks
from inside.block import Block

raise SystemExit("planning ran this file")


class Net(torch.nn.Module):
    pass


def untrained(width=8):
    return Net()
"""
OWN = {"torch": "nets.py:Net", "weights": "w.pth", "dataset": "digits", "trust": True}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of one's own with code, modules that it imports, and files of weights that nothing opens yet."""
    (tmp_path / "code/inside").mkdir(parents=True)
    (tmp_path / "zoo").mkdir()
    for base in (tmp_path, tmp_path / "code"):
        (base / "nets.py").write_text(CODE)
        (base / "blocks.py").write_text("import helper\n")
        (base / "helper.py").write_text("")
    (tmp_path / "code/inside/__init__.py").write_text("")
    (tmp_path / "code/inside/block.py").write_text("Block = None\n")
    (tmp_path / "unused.py").write_text("1 +")
    (tmp_path / "dynamic.py").write_text("for name in ('a', 'b'):\n    globals()[name] = dict\n")
    (tmp_path / "broken.py").write_text("def net(:\n")
    for name in ("w.pth", "w.txt", "zoo/net_0.81.th", "zoo/net_0.9.safetensors", "zoo/.hidden.pth", "zoo/notes.txt"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)  # an import of it fails
    return tmp_path


def planned(model, *, experiments=None, samples=None, layers_file=None, **others):
    own = {"models": {"mine": model, **others}, "samples": samples or {}}
    experiments = experiments or {"depth": [{"name": "mine", "models": ["mine", *others]}]}
    config = configuration.laid_over(ROOT, own | {"experiments": experiments})
    config = configuration.complete(config, ROOT / "workflow/schemas/config.schema.yaml")
    return plan.Plan(config, layers_file=layers_file)


def test_code_weights_and_what_the_code_imports_from_its_folder_are_files_of_the_model(folder):
    found = planned(OWN | {"torch": "code/nets.py:untrained", "arguments": {"width": 4}}).units["mine"]
    assert found.model.path == "code/nets.py"
    assert set(found.model.weights) == {"w.pth", "code/blocks.py", "code/helper.py", "code/inside/__init__.py",
                                        "code/inside/block.py"}  # fmt: skip
    assert set(found.brought) == {"code/nets.py", *found.model.weights}
    assert found.model.torch == {"name": "untrained", "arguments": {"width": 4}, "weights": "w.pth"}
    assert found.model.kind == "torch"
    assert found.model.normalisation == "global"


def test_a_job_declares_memory_for_the_weights_that_it_reads(folder):
    small = plan.network_megabytes(made := planned(OWN), made.units["mine"], "extract")
    with (folder / "w.pth").open("r+b") as file:
        file.truncate(342_000_000)  # of a vision transformer, whose extraction took 1421 MB; of a ResNet-18 881 MB
    made = planned(OWN)
    assert 881 < small < 3 * 881
    assert 1421 < plan.network_megabytes(made, made.units["mine"], "extract") < 3 * 1421


def test_other_models_are_opened_as_files(folder):
    vgg = {"architecture": "vgg", "dataset": "digits"}
    found = planned(OWN, other=vgg)
    assert [found.units[name].model.kind for name in ("mine", "other")] == ["torch", "file"]
    assert found.units["other"].model.torch == {}


def test_listed_layers_are_known_at_once_and_auto_waits_for_the_file_that_a_job_makes(folder):
    asked = []

    def layers_file(model):
        asked.append(model)
        return "layers.json"

    listed = planned(OWN | {"layers": ["blocks.0", "relu#2", "logits"]}, layers_file=layers_file).units["mine"]
    assert listed.model.layers == {"blocks.0": "blocks.0", "relu.2": "relu#2", "logits": "logits"}
    assert not asked
    unit = planned(OWN, layers_file=layers_file).units["mine"]
    assert not asked
    (folder / "layers.json").write_text(json.dumps(["blocks.0", "logits"]))
    assert dict(unit.model.layers) == {"blocks.0": "blocks.0", "logits": "logits"}
    assert unit.model.layers.file == "layers.json"
    assert set(asked) == {"mine"}
    assert unit.layers({"layers": ["penultimate"]}) == {"penultimate": "penultimate"}
    with pytest.raises(InputError, match="mine: its layers are known once a job has found them"):
        len(planned(OWN).units["mine"].model.layers)


def test_a_folder_of_weights_is_a_model_each(folder):
    experiments = {"generalization": [{"name": "zoo", "models": ["mine"], "accuracy": "stated"}]}
    found = planned(OWN | {"weights": "zoo"}, experiments=experiments)
    names = ["mine@net_0.81", "mine@net_0.9"]
    assert [unit.name for unit in found.entries["mine"]] == names
    assert [found.units[name].model.torch["weights"] for name in names] == [
        "zoo/net_0.81.th",
        "zoo/net_0.9.safetensors",
    ]
    assert [found.units[name].model.weights[0] for name in names] == ["zoo/net_0.81.th", "zoo/net_0.9.safetensors"]
    assert {found.units[name].model.architecture for name in names} == {"mine"}
    listing = found.experiments["generalization"]["zoo"].listing
    assert [(each["architecture"], each["stated_accuracy"]) for each in listing["models"]] == [
        ("net", 0.81),
        ("net", 0.9),
    ]


def test_without_weights_the_code_makes_them(folder):
    unit = planned({**OWN, "weights": None}).units["mine"]
    assert unit.model.torch["weights"] is None
    assert "w.pth" not in unit.brought


REFUSED = {
    "no trust": ({"trust": False}, r"'models.mine.torch': nets.py:Net: runs the code of this file, expected `trust"),
    "no code": ({"torch": "gone.py:Net"}, r"'models.mine.torch': expected a file or folder that is there.*gone.py$"),
    "no weights": ({"weights": "gone.pth"}, r"'models.mine.weights': expected a file or folder.* Received: gone.pth"),
    "no name": ({"torch": "nets.py"}, r"'models.mine.torch': expected a Python file and a name in it, my_nets.py:resn"),
    "no such name": (
        {"torch": "nets.py:Nat"}, r"torch': unknown function or class of nets.py 'Nat'. Did you mean 'Net'\? Known"
    ),
    "no Python": ({"torch": "broken.py:net"}, r"'models.mine.torch': broken.py, line 1: SyntaxError"),
    "other weights": ({"weights": "w.txt"}, r"'models.mine.weights': expected one of .safetensors, .*Received: w.txt"),
    "no folder of weights": ({"weights": "code"}, r"'models.mine.weights': expected a folder of .safetensors, .pth"),
    "file too": ({"file": "a.keras"}, r"'models.mine': expected one of .*asset, torch. Received: file, torch"),
    "architecture too": ({"architecture": "vgg"}, r"Received: architecture, torch"),
    "of training": ({"seeds": [1]}, r"'models.mine.seeds': expected in a model with an architecture"),
    "index": ({"layers": [3]}, r"'models.mine.layers': expected names of modules of a PyTorch model, or `auto`.*: 3"),
    "pattern": ({"layers": ["blocks.*"]}, r"'models.mine.layers': expected names of modules.*'blocks.\*'"),
    "alike as files": ({"layers": ["a#1", "a:1"]}, r"'models.mine.layers': expected names that differ as file names"),
    "no arguments": ({"arguments": [3]}, r"'models.mine.arguments': expected a map. Received: \[3\]"),
    "date": ({"arguments": {"a": [datetime.date(2026, 1, 2)]}}, r"'models.mine.arguments.a.0': expected a text"),
    "layout": ({"layout": "nhwc"}, r"'models.mine.layout': unknown value 'nhwc'"),
    "weights of a file": (
        {"torch": None, "file": "a.keras"}, r"'models.mine.weights': expected with `torch: my_nets.py:name`"
    ),
    "arguments of a file": (
        {"torch": None, "weights": None, "file": "a.keras", "arguments": {"a": 1}}, r"'models.mine.arguments': exp"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_opened_is_refused_in_one_line_before_any_job(case, folder):
    change, match = REFUSED[case]
    with pytest.raises(InputError, match=match) as caught:
        planned(OWN | change)
    assert "\n" not in str(caught.value)


def test_weights_of_an_asset_are_fetched(folder):
    config = configuration.laid_over(ROOT, {
        "assets": {"published": {"file": "nets/w.th", "urls": ["https://example.org/w.th"]}},
        "models": {"mine": OWN | {"weights": "resources/nets/w.th"}},
        "experiments": {"depth": [{"name": "mine", "models": ["mine"]}]},
    })  # fmt: skip
    found = plan.Plan(configuration.complete(config, ROOT / "workflow/schemas/config.schema.yaml"))
    assert found.units["mine"].model.weights[0] == "resources/nets/w.th"


def test_a_folder_is_followed_in_order_of_the_epochs_in_its_names(folder):
    for name in ("run.e2-last", "run.e10-last", "run.e0-last"):
        (folder / "zoo2").mkdir(exist_ok=True)
        (folder / f"zoo2/{name}.pth").write_bytes(b"")
    experiments = {"dynamics": [{"name": "mine", "models": ["mine"]}]}
    found = planned(OWN | {"weights": "zoo2", "label": "Mine"}, experiments=experiments)
    item = found.experiments["dynamics"]["mine"]
    assert [unit.model.epoch for unit in item.own] == [0, 2, 10]
    assert [unit.name for unit in item.own] == ["mine@run.e0-last", "mine@run.e2-last", "mine@run.e10-last"]
    assert item.own[1].model.metrics == "<results>/evaluations/mine@run.e2-last/metrics.json"
    assert item.own[1].model.keras_file("there") == "there"
    assert item.labels("dynamics") == [["mine", "Mine"]]
    (folder / "zoo2/best.pth").write_bytes(b"")
    with pytest.raises(
        InputError, match=r"'models.mine': expected files whose names differ in the epoch only.*best.pth"
    ):
        planned(OWN | {"weights": "zoo2"}, experiments=experiments)
    with pytest.raises(InputError, match=r"'models.mine.training.snapshots': expected epochs of a model trained here"):
        planned(OWN, experiments=experiments)


def test_a_job_without_pytorch_says_what_installs_it(folder):
    opener = openers.registry.get("torch")(openers.Source("nets.py", {"name": "Net"}, trust=True))
    with pytest.raises(InputError, match=r"package torch, .*pip install 'topodepth\[torch\]'"), extras.one_line():
        opener.network("auto", lambda: None)


def test_names_that_only_the_running_code_binds_are_left_to_the_job(folder):
    assert planned(OWN | {"torch": "dynamic.py:a"}).units["mine"].model.torch["name"] == "a"


@pytest.mark.parametrize(("script", "registries"), [
    ("extract_activations.py", [openers.registry]),
    ("evaluate_model.py", [openers.registry, classifiers.registry]),
    ("find_layers.py", [openers.registry]),
])  # fmt: skip
def test_the_code_of_each_kind_of_network_is_in_the_digest_of_its_jobs_only(script, registries):
    def modules(kind):
        found = reach.reached(ROOT / "workflow/scripts" / script, [each.module_of(kind) for each in registries])
        return {module.removeprefix("topodepth.networks.") for module, _ in found}

    of_file, of_torch = modules("file"), modules("torch")
    assert {"torch_source", "torch_files", "torch_caller", "torch_state", "openers.torch"} <= of_torch
    assert {"onnx_file", "openers.file"} <= of_file
    assert not [name for name in of_file if name.startswith(("torch_", "openers.torch"))]
    assert not [
        name for name in of_torch if name.startswith(("onnx_opened", "onnx_network", "runtime", "openers.file"))
    ]
