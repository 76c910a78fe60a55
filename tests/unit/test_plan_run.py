"""What a run makes follows from its configuration alone, without Snakemake."""

import json
import re
from pathlib import Path

import pytest

from tests.workflow.conftest import TINY
from topodepth import plan
from topodepth.errors import InputError
from topodepth.plan import configuration, kinds
from topodepth.topology import trajectory

ROOT = Path(__file__).parents[2]


def planned(**changes):
    config = configuration.laid_over(ROOT, {**TINY, **changes})
    return plan.Plan(configuration.complete(config, ROOT / "workflow/schemas/config.schema.yaml"))


@pytest.fixture(scope="module")
def tiny():
    return planned()


def test_every_kind_of_experiment_has_a_wildcard_a_folder_and_a_place_in_the_report(tiny):
    assert len(tiny.kinds) >= 5
    for name, kind in tiny.kinds.items():
        assert kind.kind == name
        assert tiny.path_variables()[name] == f"results/tiny/{name}/{{{kind.wildcard}}}"
        assert kind.wildcard in tiny.wildcards()
        assert kind.category
        assert (ROOT / f"workflow/rules/{name}.smk").is_file()
        for figure in kind.figures:
            assert (ROOT / f"src/topodepth/figures/{figure}.py").is_file()
            assert (ROOT / f"workflow/report/{figure}.rst").is_file()
    assert len({kind.wildcard for kind in tiny.kinds.values()}) == len(tiny.kinds)


def test_all_that_is_measured_is_named_once_and_matches_the_wildcard(tiny):
    names = list(tiny.units)
    assert {"vgg", "resnet", "resnet@0000", "resnet@0002", "grid@depth1-label_noise0.5-s0",
            "resnet@attack.fgsm-02", "vgg@spoof.digits", "pixels@spoof.digits"} <= {*names}  # fmt: skip
    model = re.compile(tiny.wildcards()["model"])
    assert all(model.fullmatch(name) for name in names)
    assert not model.fullmatch("nobody")
    sample = re.compile(tiny.wildcards()["sample"])
    assert sample.fullmatch("digits@test")
    assert not sample.fullmatch("digits@train")


def test_rules_that_share_a_pattern_of_files_share_no_model(tiny):
    """Pixels and networks make activations by two rules; trainings are those of networks made here."""
    networks, bare = re.compile(tiny.networks()), re.compile(tiny.bare_images())
    for name, unit in tiny.units.items():
        assert bool(networks.fullmatch(name)) == bool(unit.model.path)
        assert bool(bare.fullmatch(name)) == (not unit.model.path)
    trainings = re.compile(tiny.trainings())
    assert trainings.fullmatch("vgg")
    assert not trainings.fullmatch("pixels@spoof.digits")


def test_a_run_asks_for_the_results_of_its_experiments_and_no_others(tiny):
    assert tiny.results("depth") == [
        f"<results>/depth/pair/{name}"
        for name in ("summary.html", "depth.png", "depth_models.png", "dimension.png", "training.png", "accuracy.html",
                     "diagrams/resnet.png", "diagrams/vgg.png")
    ]  # fmt: skip
    assert tiny.results("adversarial")[0] == "<results>/adversarial/fgsm/resnet/summary.html"
    one = planned(experiments={"dynamics": TINY["experiments"]["dynamics"]})
    assert [kind for kind in one.kinds if one.results(kind)] == ["dynamics"]
    assert set(one.units) == {"resnet", "resnet@0000", "resnet@0002"}


def test_figures_that_would_show_nothing_are_not_drawn():
    config = {**TINY["samples"], "default": {"images": 120, "points": 12, "dimensions": False}}
    bare = planned(samples=config, experiments={"depth": TINY["experiments"]["depth"]})
    assert "dimension" not in bare.of("depth")[0].drawn
    spoof = {**TINY["experiments"]["spoofing"][0], "dimension": {"estimators": ["two_nn"]}}
    assert planned(experiments={"spoofing": [spoof]}).of("spoofing")[0].drawn == ["spoofing_layers"]


def test_settings_of_jobs_are_texts_that_depend_on_their_values_only(tiny):
    settings = tiny.diagram_settings("attacked")
    assert (settings["clouds"], settings["limit"], settings["seed"]) == ("both", 40, tiny.config["seed"])
    assert plan.as_json(settings) == plan.as_json(dict(reversed(settings.items())))
    assert tiny.dimension_settings("default")["parameters"]["ph_dimension"]["draws"] == 3
    assert tiny.sample_settings("digits@test")["split"] == "test"
    (spoofing,) = tiny.of("spoofing")
    assert spoofing.comparison_settings["permutations"] == 19
    assert spoofing.columns(tiny.units["vgg@spoof.digits"], "digits@test") == {
        "run": "tiny", "dataset": "spoofed", "subset": "test", "representation": "vgg"
    }  # fmt: skip
    for experiment in tiny.all_experiments:
        for figure in experiment.figures:
            json.loads(plan.as_json([experiment.labels(figure), experiment.options(figure)]))


def test_a_missing_source_is_refused_with_its_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = planned(datasets=TINY["datasets"] | {"digits": {"loader": "npz", "source": "gone.npz"}})
    with pytest.raises(InputError, match=r"config key 'datasets.digits.source': .*Received: gone.npz"):
        found.dataset_paths("digits", "datasets/digits.h5")
    (tmp_path / "results/tiny/datasets").mkdir(parents=True)
    (tmp_path / "results/tiny/datasets/digits.h5").write_text("")
    assert found.dataset_paths("digits", "datasets/digits.h5") == ["gone.npz"]


def test_a_missing_model_is_refused_with_its_key_unless_another_workflow_may_make_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = configuration.laid_over(ROOT, {
        "models": {"mine": {"dataset": "digits", "file": "gone.keras", "layers": ["logits"]}},
        "experiments": {"depth": [{"name": "x", "models": ["mine"]}]},
    })  # fmt: skip
    config = configuration.complete(config, ROOT / "workflow/schemas/config.schema.yaml")
    with pytest.raises(InputError, match=r"config key 'models.mine.file': .*Received: gone.keras"):
        plan.Plan(config)
    assert set(plan.Plan(config, elsewhere=True).units) == {"mine"}


def test_models_of_an_archive_are_planned_once_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = configuration.laid_over(ROOT, {
        "models": {"theirs": {"dataset": "digits", "asset": "resnet_models", "layers": ["logits"]}},
        "experiments": {"generalization": [{"name": "x", "models": ["theirs"], "accuracy": "stated"}]},
    })  # fmt: skip
    found = plan.Plan(configuration.complete(config, ROOT / "workflow/schemas/config.schema.yaml"))
    (experiment,) = found.of("generalization")
    assert (found.archived, experiment.assets, dict(found.units)) == (["theirs"], ["resnet_models"], {})
    assert re.fullmatch(found.wildcards()["model"], "theirs@Resnet32_a_0.9")
    with pytest.raises(InputError, match=r"is not there yet\. Fetch it first"):
        _ = experiment.members
    inner = tmp_path / "resources/resnet_models"
    inner.mkdir(parents=True)
    (inner / "Resnet32_a_0.9.h5").write_text("")
    assert experiment.listing["models"][0]["stated_accuracy"] == 0.9
    assert found.units["theirs@Resnet32_a_0.9"].model.label == "Resnet32_a_0.9"
    with pytest.raises(InputError, match="no model 'theirs@other' in this configuration"):
        _ = found.units["theirs@other"]


def test_kinds_of_experiment_are_known_without_importing_them():
    assert kinds.registry.names() == sorted(path.stem for path in (ROOT / "src/topodepth/plan/kinds").glob("[!_]*.py"))


def test_estimators_of_several_scales_have_a_figure_of_their_own():
    def depth(*estimators):
        (found,) = planned(dimension={"draws": 3, "estimators": [*estimators]}).of("depth")
        return [name for name in found.drawn if name.startswith("dimension")], found.options("dimension")["estimators"]

    assert depth("two_nn", "gride_1", "gride_8") == (["dimension", "dimension_scale"], ["two_nn"])
    assert depth("two_nn", "gride_8") == (["dimension"], ["two_nn", "gride_8"])  # a single scale is no curve
    assert depth("gride_1", "gride_8")[0] == ["dimension_scale"]
    assert depth()[0] == []


def test_of_models_whose_weights_are_recorded_the_trajectory_is_measured():
    grid = {"dataset": "digits", "architecture": "cnn", "depth": 2, "training": {"trajectory_every": 2}}
    found = planned(
        models={"grid": grid | {"grid": {"width": [4, 8]}}, "plain": grid | {"training": {}}},
        experiments={"generalization": [{"name": "x", "models": ["grid", "plain"]}]},
    )
    (experiment,) = found.of("generalization")
    names = [f"grid@width{width}" for width in (4, 8)]
    assert experiment.trajectories == [f"<results>/models/{name}/trajectory.json" for name in names]
    assert [model["model"] for model in experiment.listing["models"] if model.get("trajectory")] == names
    assert plan.model_settings(found.units[names[0]].model)["training"]["trajectory_last"] == 1000
    shown = experiment.options("generalization_scatter")["panels"]
    assert shown == [("lifespan_sum", None), *((name, None) for name in trajectory.MEASURES)]
    assert "panels" not in experiment.options("generalization_depth")


def test_measures_of_trajectories_can_be_chosen_for_figures_and_are_of_no_layer():
    net = {"dataset": "digits", "architecture": "cnn", "depth": 2, "training": {"trajectory_every": 2}}
    settings = {"models": {"net": net}, "experiments": {"generalization": [{"name": "x", "models": ["net"]}]}}
    figures = {"panels": ["betti_peak H1", trajectory.MEASURES[0]]}
    (experiment,) = planned(**settings, figures=figures).of("generalization")
    both = [("betti_peak", 1), (trajectory.MEASURES[0], None)]
    assert experiment.options("generalization_scatter")["panels"] == both
    assert experiment.options("generalization_forest")["panels"] == both
    assert experiment.options("generalization_depth")["panels"] == both[:1]


@pytest.mark.parametrize("axis", ["snapshots", "trajectory_every"])
def test_what_is_kept_of_a_training_is_no_axis_of_a_grid(axis):
    grid = {"dataset": "digits", "architecture": "cnn", "grid": {axis: [1, 2]}}
    with pytest.raises(InputError, match=f"'models.vgg.grid': unknown axis '{axis}'"):
        planned(models={"vgg": grid})
