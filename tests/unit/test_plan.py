"""One entry of the configuration stands for the models it should, with names that cannot collide."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from topodepth import plan
from topodepth.errors import InputError
from topodepth.plan import configuration

ROOT = Path(__file__).parents[2]


@pytest.fixture
def configure():
    def make(models=None, **others):
        config = configuration.laid_over(ROOT, {})
        config["models"] |= models or {}
        return configuration.complete(config | others, ROOT / "workflow/schemas/config.schema.yaml")

    return make


def test_a_model_with_seeds_is_one_model_a_seed_on_one_curve(configure):
    found = plan.units(configure(), {"vgg"})["vgg"]
    assert [(unit.name, unit.model.seed, unit.model.curve) for unit in found] == [
        ("vgg@s0", 0, "vgg"), ("vgg@s1", 1, "vgg"), ("vgg@s2", 2, "vgg")
    ]  # fmt: skip
    assert list(found[0].model.layers)[-1] == "logits"


def test_a_model_without_seeds_keeps_its_name_and_the_runs_seed(configure):
    config = configure({"one": {"dataset": "digits", "architecture": "vgg"}}, seed=5)
    assert [(unit.name, unit.model.seed) for unit in plan.units(config, {"one"})["one"]] == [("one", 5)]


def test_snapshots_are_models_named_by_their_epoch(configure):
    unit = plan.units(configure(), {"vgg_followed"})["vgg_followed"][0]
    found = plan.snapshots(unit)
    assert [snapshot.name for snapshot in found][:3] == ["vgg_followed@0000", "vgg_followed@0001", "vgg_followed@0002"]
    assert {snapshot.model.path for snapshot in found} == {"<results>/models/vgg_followed/snapshots"}
    assert found[1].model.keras_file("there") == "there/0001.keras"
    assert found[0].model.layers == unit.model.layers
    assert [unit.model.metrics, found[1].model.metrics] == [
        "<results>/models/vgg_followed/metrics.json", "<results>/evaluations/vgg_followed@0001/metrics.json"
    ]  # fmt: skip
    assert unit.model.history == ["<results>/models/vgg_followed/history.csv"]
    assert found[1].model.history == []


def test_dynamics_of_a_model_without_snapshots_are_refused(configure):
    with pytest.raises(InputError, match=r"'models.vgg.training.snapshots'.*Received: \[\]"):
        plan.snapshots(plan.units(configure(), {"vgg"})["vgg"][0])


def test_a_snapshot_after_the_end_of_training_is_refused(configure):
    late = {"dataset": "digits", "architecture": "vgg", "training": {"epochs": 5, "snapshots": [1, 7]}}
    unit = plan.units(configure({"late": late}), {"late"})["late"][0]
    with pytest.raises(InputError, match=r"'models.late.training.snapshots': expected epochs up to 5. Received: 7"):
        plan.snapshots(unit)


def test_a_folder_of_files_is_one_model_a_file_each_its_own_curve(configure, tmp_path):
    for name in ("b.h5", "a.keras", "notes.txt", ".hidden.h5"):
        (tmp_path / name).write_text("")
    config = configure({"zoo": {"dataset": "digits", "directory": str(tmp_path), "layers": ["logits"]}})
    found = plan.units(config, {"zoo"})["zoo"]
    assert [(unit.name, unit.model.label) for unit in found] == [("zoo@a", "a"), ("zoo@b", "b")]
    assert [unit.brought for unit in found] == [[str(tmp_path / "a.keras")], [str(tmp_path / "b.h5")]]
    assert len({unit.model.curve for unit in found}) == 2


def test_an_empty_folder_and_files_with_one_name_are_refused(configure, tmp_path):
    config = configure({"zoo": {"dataset": "digits", "directory": str(tmp_path), "layers": ["logits"]}})
    with pytest.raises(InputError, match=r"'models.zoo.directory': expected a folder of .keras"):
        plan.units(config, {"zoo"})
    for name in ("a.h5", "a.keras"):
        (tmp_path / name).write_text("")
    with pytest.raises(InputError, match=r"'models.zoo.directory': expected file names that differ"):
        plan.units(config, {"zoo"})


def test_layers_of_an_asset_that_is_not_there_must_be_listed(configure):
    config = configure({"theirs": {"dataset": "digits", "asset": "vgg_model"}})
    with pytest.raises(InputError, match=r"'models.theirs.layers': expected a list of layers.*snakemake assets"):
        plan.units(config, {"theirs"})


def test_a_brought_activations_file_is_a_model_with_the_layers_it_holds(configure, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["layers/000_first"] = np.zeros((4, 2))
        file["layers/001_second"] = np.zeros((4, 3))
    config = configure(activations={"torch": {"file": str(tmp_path / "a.h5"), "label": "PyTorch"}})
    unit = plan.units(config, {"torch"})["torch"][0]
    assert (unit.model.label, list(unit.model.layers)) == ("PyTorch", ["first", "second"])
    assert (unit.has_images, unit.model.path, unit.brought) == (False, "", [str(tmp_path / "a.h5")])
    assert unit.activations("any") == str(tmp_path / "a.h5")


def test_layers_that_would_share_a_file_name_are_refused(configure):
    config = configure({"one": {"dataset": "digits", "architecture": "vgg", "layers": ["a/b", "a.b"]}})
    with pytest.raises(InputError, match=r"'models.one.layers'.*differ as file names"):
        plan.units(config, {"one"})


def test_only_selected_entries_are_looked_at(configure):
    config = configure({"gone": {"dataset": "digits", "file": "/nowhere/gone.keras"}})
    assert set(plan.units(config, {"vgg"})) == {"vgg"}


GRID = {"dataset": "digits", "architecture": "cnn", "grid": {"depth": [2, 3], "l2": [0.001], "label_noise": [0.0, 0.5]}}


def test_a_grid_is_one_model_a_combination_and_seed_each_with_its_own_settings(configure):
    found = plan.units(configure({"grid": {**GRID, "seeds": [0, 4]}}), {"grid"})["grid"]
    assert len(found) == 2 * 1 * 2 * 2
    assert len({unit.name for unit in found}) == 8
    one = next(unit.model for unit in found if unit.name == "grid@depth3-l20.001-label_noise0.5-s4")
    assert dict(one.axes) == {"depth": 3, "l2": 0.001, "label_noise": 0.5}
    assert (one.settings["depth"], one.settings["training"]["l2"], one.seed) == (3, 0.001, 4)
    assert one.settings["training"]["label_noise"] == 0.5
    assert list(one.layers) == ["conv1", "conv2", "conv3", "features", "logits"]
    assert one.curve == "grid@depth3-l20.001-label_noise0.5"
    assert one.architecture == "cnn"


def test_a_value_added_to_an_axis_leaves_the_other_cells_as_they_are(configure):
    def cells(**grid):
        entry = {**GRID, "grid": {**GRID["grid"], **grid}}
        units = plan.units(configure({"grid": entry}), {"grid"})["grid"]
        return {unit.name: (unit.model.layers, {**unit.model.settings, "grid": None}) for unit in units}

    before, after = cells(), cells(depth=[2, 3, 5])
    assert len(after) == 6
    assert {name: after[name] for name in before} == before


def test_a_depth_that_the_architecture_has_not_is_refused_with_its_key(configure):
    config = configure({"grid": {"dataset": "digits", "architecture": "vgg", "grid": {"depth": [2]}}})
    with pytest.raises(InputError, match=r"config key 'models.grid': vgg: has one depth"):
        plan.units(config, {"grid"})


@pytest.mark.parametrize(
    "name", ["model_1", "vgg_lr_1", "epoch_12", "plain", "net_0.89_best", "Resnet110_1.0", "net_0.0", "_0.9", "a_.9"]
)
def test_a_file_name_of_another_form_is_no_accuracy(configure, tmp_path, name):
    (tmp_path / f"{name}.h5").write_text("")
    config = configure({"zoo": {"dataset": "digits", "directory": str(tmp_path), "layers": ["logits"]}})
    (unit,) = plan.units(config, {"zoo"})["zoo"]
    with pytest.raises(
        InputError, match=rf"'experiments.generalization.x.accuracy': .*Received: .*{name}.h5"
    ) as caught:
        plan.stated(unit.model, "x")
    assert "Resnet32_…_0.89.h5" in str(caught.value)


@pytest.mark.parametrize("name", ["Resnet32_adam_0.89", "Resnet32_0.89", "Resnet32_a_b_0.890"])
def test_file_names_of_the_documented_form_state_architecture_and_accuracy(configure, tmp_path, name):
    (tmp_path / f"{name}.h5").write_text("")
    config = configure({"zoo": {"dataset": "digits", "directory": str(tmp_path), "layers": ["logits"]}})
    (unit,) = plan.units(config, {"zoo"})["zoo"]
    assert plan.stated(unit.model, "x") == ("Resnet32", 0.89)


def test_a_network_trained_here_states_nothing(configure):
    with pytest.raises(InputError, match="Received: vgg@s0, which is no file"):
        plan.stated(plan.units(configure(), {"vgg"})["vgg"][0].model, "x")


def test_the_architecture_of_a_file_is_what_the_file_holds_whatever_its_name(configure, tmp_path):
    import keras

    for name, depth in [("Resnet32_a_0.89", 1), ("Resnet56_b_0.91", 1), ("model_1", 3)]:
        layers = [keras.layers.Dense(3, activation="relu") for _ in range(depth)]
        images = [keras.Input((32, 32, 3)), keras.layers.Flatten()]
        keras.Sequential([*images, *layers, keras.layers.Dense(10)]).save(tmp_path / f"{name}.keras")
    entries = {"zoo": {"dataset": "digits", "directory": str(tmp_path)},
               "one": {"dataset": "digits", "file": str(tmp_path / "model_1.keras")}}  # fmt: skip
    found = plan.units(configure(entries), {"zoo", "one"})
    assert [unit.model.architecture for unit in found["zoo"]] == ["zoo, 3 layers", "zoo, 3 layers", "zoo, 5 layers"]
    assert [unit.model.architecture for unit in found["one"]] == ["one"]


def test_models_of_an_archive_are_those_of_its_folder_at_any_depth(configure, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = configure({"theirs": {"dataset": "digits", "asset": "resnet_models", "layers": ["logits"]}})
    assert plan.archived(config, "theirs")
    with pytest.raises(
        InputError,
        match=r"'models.theirs.asset'.*Received: resources/resnet_models, which is not there yet. Fetch it first",
    ):
        plan.units(config, {"theirs"})
    inner = tmp_path / "resources/resnet_models/inner"
    inner.mkdir(parents=True)
    (inner / "Resnet32_a_0.9.h5").write_text("")
    assert [unit.name for unit in plan.units(config, {"theirs"})["theirs"]] == ["theirs@Resnet32_a_0.9"]


def test_a_network_for_whole_numbers_is_refused_while_planning_if_its_pixels_are_to_be_scaled(configure, tmp_path):
    import keras

    layers = [keras.Input((32, 32, 3), dtype="uint8"), keras.layers.Flatten(), keras.layers.Dense(10)]
    keras.Sequential(layers).save(tmp_path / "whole.keras")
    entry = {"dataset": "digits", "file": str(tmp_path / "whole.keras")}
    plan.units(configure({"one": entry}), {"one"})
    plan.units(configure({"one": entry | {"normalisation": "raw"}}), {"one"})
    with pytest.raises(InputError, match=r"'models.one.normalisation': .*takes whole numbers.*`normalisation: raw`"):
        plan.units(configure({"one": entry | {"normalisation": "unit"}}), {"one"})


def test_a_network_trained_here_has_the_default_normalisation_by_name(configure):
    assert plan.units(configure(), {"vgg"})["vgg"][0].model.settings["normalisation"] == "global"


def test_models_that_differ_in_more_than_their_seed_are_not_followed_as_one(configure):
    entries = {"grid": {**GRID, "seeds": [0, 1]}, "one": {**GRID, "grid": {"depth": [2]}, "seeds": [3, 4]}}
    found = plan.units(configure(entries), {"grid", "one"})
    assert plan.followed(found["one"]).model.seed == 3
    with pytest.raises(InputError, match=r"'models.grid': expected one model.*Received: 8, such as grid@depth2"):
        plan.followed(found["grid"])


def test_the_label_of_a_grid_or_folder_stands_before_each_models_own(configure, tmp_path):
    (tmp_path / "a.h5").write_text("")
    folder = {"dataset": "digits", "directory": str(tmp_path), "layers": ["logits"], "label": "Zoo"}
    found = plan.units(configure({"grid": GRID | {"label": "CNN"}, "zoo": folder}), {"grid", "zoo"})
    assert found["grid"][0].model.label == "CNN, depth 2, l2 0.001, label_noise 0"
    assert found["zoo"][0].model.label == "Zoo, a"


def test_one_stated_accuracy_is_not_believed_of_a_whole_folder(configure, tmp_path):
    (tmp_path / "a.h5").write_text("")
    folder = {"dataset": "digits", "directory": str(tmp_path), "layers": ["logits"], "stated_accuracy": 0.9}
    with pytest.raises(InputError, match=r"'models.zoo.stated_accuracy': expected for one file. Received: 0.9"):
        plan.units(configure({"zoo": folder}), {"zoo"})


def test_a_sample_may_list_the_layers_of_every_model(configure):
    unit = plan.units(configure(), {"vgg"})["vgg"][0]
    assert unit.layers({"layers": None}) == unit.model.layers
    assert unit.layers({"layers": ["penultimate", -2]}) == {"penultimate": "penultimate", "-2": -2}


def test_a_file_of_positions_that_is_not_there_is_refused_with_its_key_where_an_experiment_uses_it(configure, tmp_path):
    config = configure()
    plan.check_positions(config)
    config["samples"]["spare"] = {**config["samples"]["default"], "indices": "frist"}
    plan.check_positions(config)
    config["samples"]["default"]["indices"] = "frist"
    with pytest.raises(InputError, match=r"'samples.default.indices': expected random, first.*'frist', no such file"):
        plan.check_positions(config)
    (tmp_path / "positions.txt").write_text("1")
    config["samples"]["default"]["indices"] = str(tmp_path / "positions.txt")
    plan.check_positions(config)


def test_an_attack_changes_the_images_and_not_the_network(configure):
    unit = plan.units(configure(), {"vgg"})["vgg"][1]
    attacked = plan.attacked(unit, "fgsm", 3)
    assert [each.name for each in attacked] == [f"vgg@s1@attack.fgsm-0{k}" for k in range(3)]
    assert {each.model == unit.model for each in attacked} == {True}
    assert {each.activations("any") for each in attacked} == {"<results>/attacks/fgsm/vgg@s1"}
    assert attacked[2].activations_file("there") == "there/02.h5"


def test_a_network_on_another_data_set_keeps_its_own_for_its_normalisation(configure):
    unit = plan.units(configure(), {"vgg"})["vgg"][1]
    view = plan.viewed(unit, {"name": "faces", "dataset": "lcc", "layers": None})
    assert (view.name, view.model, view.images.dataset) == ("vgg@s1@spoof.faces", unit.model, "lcc")
    assert view.model.settings["dataset"] == "cifar10"
    assert view.activations("faces@train") == "<results>/activations/vgg@s1@spoof.faces/faces@train.h5"
    few = plan.viewed(unit, {"name": "faces", "dataset": "lcc", "layers": ["logits"]})
    assert few.layers({"layers": None}) == {"logits": "logits"}


def test_pixels_are_one_layer_of_images_without_a_network():
    found = plan.pixels({"name": "faces", "dataset": "lcc", "layers": ["logits"], "pixels": {"size": 8}})
    assert (found.model.path, found.brought, found.has_images, found.images.dataset) == ("", [], True, "lcc")
    assert found.layers({"layers": None}) == {"pixels": "pixels"}


def test_each_subset_of_a_spoofing_experiment_is_a_sample():
    found = plan.subsets({"name": "faces", "subsets": ["train", "test"], "images": 50, "points": 20})
    assert {name: sample["split"] for name, sample in found.items()} == {"faces@train": "train", "faces@test": "test"}


@pytest.mark.parametrize(("device", "gpus"), [("cpu", 0), ("auto", 1), ("cuda", 1)])
def test_jobs_of_a_sample_ask_for_a_gpu_by_its_device_and_have_the_same_settings(configure, device, gpus):
    configs = [configure(), configure()]
    configs[1]["samples"]["default"]["device"] = device
    made = [*map(plan.Plan, configs)]
    assert [plan.gpus(each, "default") for each in made] == [0, gpus]
    settings = [(each.diagram_settings("default"), each.dimension_settings("default")) for each in made]
    assert settings[0] == settings[1]
    own, with_gpu = (plan.diagrams_megabytes(each, "default") for each in made)
    assert (with_gpu > own) == bool(gpus)


PEAKS = {  # MB of a training, measured: architecture, side of the images, images a batch
    ("vgg", 32, 128): 1493, ("mobilenet_v2", 32, 128): 1253, ("se_resnet", 32, 128): 1579, ("resnet", 32, 128): 1035,
    ("resnet110", 32, 128): 2778, ("vgg", 64, 256): 5658, ("mobilenet_v2", 64, 256): 3340,
}  # fmt: skip


def test_a_training_declares_the_memory_that_was_measured_and_little_more(configure):
    for (name, side, batch), peak in PEAKS.items():
        model = {"dataset": "digits", "architecture": name, "training": {"batch_size": batch}}
        nets = {"net": model, "narrow": model | {"width": 4}}
        config = configure(nets, experiments={"depth": [{"name": "one", "models": [*nets]}]})
        config["datasets"]["digits"]["size"] = side
        made = plan.Plan(config)
        declared, narrow = (plan.training_megabytes(made, made.units[net]) for net in nets)
        assert peak < declared < 1.25 * peak
        assert narrow < declared
