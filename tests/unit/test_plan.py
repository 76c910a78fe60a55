"""One entry of the configuration stands for the models it should, with names that cannot collide."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from topodepth import configuration, plan
from topodepth.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def configure():
    def make(models=None, **others):
        config = yaml.safe_load((ROOT / "config.yaml").read_text())
        config["models"] |= models or {}
        return configuration.complete(config | others, ROOT / "workflow/schemas/config.schema.yaml")

    return make


def test_a_model_with_seeds_is_one_model_a_seed_on_one_curve(configure):
    found = plan.models(configure(), {"vgg"})["vgg"]
    assert [(model.name, model.seed, model.curve) for model in found] == [
        ("vgg@s0", 0, "vgg"), ("vgg@s1", 1, "vgg"), ("vgg@s2", 2, "vgg")
    ]  # fmt: skip
    assert list(found[0].layers)[-1] == "logits"


def test_a_model_without_seeds_keeps_its_name_and_the_runs_seed(configure):
    config = configure({"one": {"dataset": "digits", "architecture": "vgg"}}, seed=5)
    assert [(model.name, model.seed) for model in plan.models(config, {"one"})["one"]] == [("one", 5)]


def test_snapshots_are_models_named_by_their_epoch(configure):
    model = plan.models(configure(), {"vgg_followed"})["vgg_followed"][0]
    found = plan.snapshots(model)
    assert [snapshot.name for snapshot in found][:3] == ["vgg_followed@0000", "vgg_followed@0001", "vgg_followed@0002"]
    assert {snapshot.base for snapshot in found} == {"vgg_followed"}
    assert found[0].layers == model.layers


def test_dynamics_of_a_model_without_snapshots_are_refused(configure):
    with pytest.raises(InputError, match=r"'models.vgg.training.snapshots'.*Received: \[\]"):
        plan.snapshots(plan.models(configure(), {"vgg"})["vgg"][0])


def test_a_snapshot_after_the_end_of_training_is_refused(configure):
    late = {"dataset": "digits", "architecture": "vgg", "training": {"epochs": 5, "snapshots": [1, 7]}}
    model = plan.models(configure({"late": late}), {"late"})["late"][0]
    with pytest.raises(InputError, match=r"'models.late.training.snapshots': expected epochs up to 5. Received: 7"):
        plan.snapshots(model)


def test_a_folder_of_files_is_one_model_a_file_each_its_own_curve(configure, tmp_path):
    for name in ("b.h5", "a.keras", "notes.txt", ".hidden.h5"):
        (tmp_path / name).write_text("")
    config = configure({"zoo": {"dataset": "digits", "directory": str(tmp_path), "layers": ["logits"]}})
    found = plan.models(config, {"zoo"})["zoo"]
    assert [(model.name, model.label, model.kind) for model in found] == [
        ("zoo@a", "a", "file"), ("zoo@b", "b", "file")
    ]  # fmt: skip
    assert len({model.curve for model in found}) == 2


def test_an_empty_folder_and_files_with_one_name_are_refused(configure, tmp_path):
    config = configure({"zoo": {"dataset": "digits", "directory": str(tmp_path), "layers": ["logits"]}})
    with pytest.raises(InputError, match=r"'models.zoo.directory': expected a folder of .keras"):
        plan.models(config, {"zoo"})
    for name in ("a.h5", "a.keras"):
        (tmp_path / name).write_text("")
    with pytest.raises(InputError, match=r"'models.zoo.directory': expected file names that differ"):
        plan.models(config, {"zoo"})


def test_layers_of_an_asset_that_is_not_there_must_be_listed(configure):
    config = configure({"theirs": {"dataset": "digits", "asset": "vgg_model"}})
    with pytest.raises(InputError, match=r"'models.theirs.layers': expected a list of layers.*snakemake assets"):
        plan.models(config, {"theirs"})


def test_a_brought_activations_file_is_a_model_with_the_layers_it_holds(configure, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["layers/000_first"] = np.zeros((4, 2))
        file["layers/001_second"] = np.zeros((4, 3))
    config = configure(activations={"torch": {"file": str(tmp_path / "a.h5"), "label": "PyTorch"}})
    model = plan.models(config, {"torch"})["torch"][0]
    assert (model.kind, model.label, list(model.layers)) == ("activations", "PyTorch", ["first", "second"])


def test_layers_that_would_share_a_file_name_are_refused(configure):
    config = configure({"one": {"dataset": "digits", "architecture": "vgg", "layers": ["a/b", "a.b"]}})
    with pytest.raises(InputError, match=r"'models.one.layers'.*differ as file names"):
        plan.models(config, {"one"})


def test_only_selected_entries_are_looked_at(configure):
    config = configure({"gone": {"dataset": "digits", "file": "/nowhere/gone.keras"}})
    assert set(plan.models(config, {"vgg"})) == {"vgg"}
