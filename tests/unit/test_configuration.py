"""A misspelt or impossible configuration is refused in one line that names the key and lists what is known."""

import copy
from pathlib import Path

import pytest
import yaml

from topodepth.errors import InputError
from topodepth.figures import frame
from topodepth.plan import configuration

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"


@pytest.fixture
def config():
    return copy.deepcopy(configuration.laid_over(ROOT, {}))


def at(config, path, value):
    """A copy of the configuration with the value at a dotted path replaced."""
    changed = copy.deepcopy(config)
    *parents, last = path.split(".")
    part = changed
    for key in parents:
        part = part[int(key)] if isinstance(part, list) else part.setdefault(key, {})
    part[last] = value
    return changed


def test_defaults_are_filled_in_at_every_level(config):
    complete = configuration.complete(config, SCHEMA)
    assert complete["topology"]["null_draws"] == 3
    assert complete["models"]["vgg"]["layers"] == "auto"
    assert complete["datasets"]["digits"]["validation"] == 0.15
    assert complete["protocol"] == "default"
    assert complete["experiments"]["depth"][0]["sample"] == "default"
    assert complete["samples"]["default"]["split"] == "train"


def test_the_given_configuration_is_not_changed(config):
    before = copy.deepcopy(config)
    configuration.complete(config, SCHEMA)
    assert config == before


def test_a_models_training_overrides_the_runs_training_key_by_key(config):
    complete = configuration.complete(at(config, "models.vgg.training", {"epochs": 3}), SCHEMA)
    assert complete["models"]["vgg"]["training"]["epochs"] == 3
    assert complete["models"]["vgg"]["training"]["batch_size"] == 128  # from the run's training
    assert complete["models"]["resnet"]["training"]["epochs"] == config["training"]["epochs"]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("topolgy", {}, r"unknown key 'topolgy'. Did you mean 'topology'\? Known: .*experiments"),
        ("models.vgg.widht", 8, r"'models.vgg'.*unknown key 'widht'. Did you mean 'width'\?"),
        ("models.vgg.training", {"epoch": 8}, r"'models.vgg.training'.*'epoch'. Did you mean 'epochs'\?"),
        ("models.vgg.training", {"epochs": 0}, r"'models.vgg.training.epochs'.*≥ 1. Received: 0"),
        ("models.vgg.architecture", "vg", r"unknown architecture 'vg'. Did you mean 'vgg'\? Known: .*mobilenet_v2"),
        ("models.vgg.dataset", "digit", r"'models.vgg.dataset'.*'digit'. Did you mean 'digits'\? Known: .*cifar10"),
        ("models.vgg.file", "vgg.keras", r"'models.vgg'.*one of architecture, file.*Received: architecture, file"),
        ("models.vgg.architecture", None, r"'models.vgg'.*one of architecture, file.*Received: none"),
        ("models.vgg_authors.asset", "vgg", r"unknown asset 'vgg'.*Known: .*vgg_model"),
        ("datasets.cifar10.assets", ["cifar"], r"unknown asset 'cifar'. Did you mean 'cifar10'\?"),
        ("assets.cifar10.sha256", "abc", r"'assets.cifar10.sha256'.*64 hexadecimal digits"),
        ("assets.cifar10.urls", ["ftp://a/b"], r"'assets.cifar10.urls.0'.*https"),
        ("assets.cifar10.file", "../../.bashrc", r"'assets.cifar10.file'"),
        ("activations", {"vgg": {"file": "a.h5"}}, r"'activations': expected names that no model has. Received: 'vgg'"),
        ("experiments.dynamics.0.models", ["vgq"], r"'experiments.dynamics.architectures.models'.*unknown model 'vgq'"),
        ("protocol", "orginal", r"unknown value 'orginal'. Did you mean 'original'\?"),
        ("models.vgg.activation", "rellu", r"unknown value 'rellu'. Did you mean 'relu'\?"),
        ("models.vgg.layers", "all", r"'models.vgg.layers'.*expected 'auto' or a list"),
        ("models.vgg.layers", [], r"'models.vgg.layers'.*at least 1"),
        ("models.vgg.seed", -1, r"'models.vgg.seed'.*≥ 0. Received: -1"),
        ("datasets.digits.loader", "digts", r"unknown loader 'digts'. Did you mean 'digits'\?"),
        ("experiments.depth.0.models", ["vggg"], r"unknown model 'vggg'. Did you mean 'vgg'\? Known: .*resnet"),
        ("experiments.depth.0.models", [], r"'experiments.depth.0.models'.*at least 1"),
        ("experiments.depth.0.sample", "defalt", r"unknown sample 'defalt'. Did you mean 'default'\?"),
        ("experiments.depth.0.name", "architectures", r"names that differ. Received twice: architectures"),
        ("samples.default.images", "many", r"'samples.default.images'.*a whole number or null. Received: 'many'"),
        ("topology.max_dim", 3, r"'topology.max_dim'.*≤ 2. Received: 3"),
        ("topology.alpha", 0, r"'topology.alpha'.*> 0. Received: 0"),
        ("topology.descriptors", ["lifespans"], r"unknown descriptor 'lifespans'.*Known: .*lifespan_sum"),
        ("dimension.estimators", ["twonn"], r"unknown estimator 'twonn'.*Known: .*two_nn"),
        ("dimension.sizes", [500, 200], r"'dimension.sizes'.*ascending"),
        ("topology.jackknife_groups", 1, r"'topology.jackknife_groups': expected 0, or 2 groups and more"),
        ("run", "../../etc", r"'run'.*expected letters"),
        ("run", "a;rm -rf ~", r"'run'.*expected letters"),
        ("models", {"a b": {"dataset": "digits", "architecture": "vgg"}}, r"'models'.*a b"),
    ],
)
def test_bad_input_is_refused_in_one_line_that_names_the_key(config, path, value, message):
    with pytest.raises(InputError, match=message) as caught:
        configuration.complete(at(config, path, value), SCHEMA)
    assert "\n" not in str(caught.value)


def test_a_missing_required_key_is_named(config):
    del config["models"]["vgg"]["dataset"]
    with pytest.raises(InputError, match=r"'models.vgg': key 'dataset' is missing"):
        configuration.complete(config, SCHEMA)


def every_key(schema, where=""):
    for key, part in schema.get("properties", {}).items():
        yield f"{where}{key}", part
        yield from every_key(part, f"{where}{key}.")


def test_every_key_of_the_schema_is_described_and_unknown_keys_are_refused_everywhere():
    schema = yaml.safe_load(SCHEMA.read_text())
    parts = {"": schema, **schema["$defs"]}
    keys = [(key, part) for name, root in parts.items() for key, part in every_key(root, f"{name}." if name else "")]
    assert [key for key, part in keys if "description" not in part] == []
    objects = [schema, *schema["$defs"].values(), *[part for _, part in keys]]
    closed = [part for part in objects if "properties" in part]
    assert closed
    assert all(part.get("additionalProperties") is False for part in closed)


@pytest.mark.parametrize("example", sorted(path.name for path in (ROOT / "examples").glob("*.yaml")))
def test_every_example_is_valid_over_the_base_configuration(example):
    overlay = yaml.safe_load((ROOT / "examples" / example).read_text())
    complete = configuration.complete(configuration.laid_over(ROOT, overlay), SCHEMA)
    selected = {kind for kind, items in complete["experiments"].items() if items}
    assert selected == {kind for kind, items in overlay["experiments"].items() if items}


def test_a_configuration_is_laid_over_the_base_maps_merged_and_lists_replaced():
    own = {"models": {"vgg": {"seeds": [7]}, "mine": {"file": "m.keras", "dataset": "digits"}}, "seed": 3}
    before = copy.deepcopy(own)
    laid = configuration.laid_over(ROOT, own)
    assert laid["models"]["vgg"] == configuration.laid_over(ROOT, {})["models"]["vgg"] | {"seeds": [7]}
    assert laid["models"]["mine"] == own["models"]["mine"]
    assert laid["seed"] == 3
    assert {"resnet", "vgg_authors"} <= {*laid["models"]}
    assert own == before


def test_the_papers_experiments_are_selected_only_where_a_configuration_names_none():
    paper = yaml.safe_load((ROOT / "examples/paper.yaml").read_text())
    for own in ({}, {"run": "renamed"}, {"models": {"vgg": {"seeds": [7]}}}):
        assert configuration.laid_over(ROOT, own)["experiments"] == paper["experiments"]
    assert configuration.laid_over(ROOT, {})["run"] == "paper"
    mine = {"experiments": {"depth": [{"name": "mine", "models": ["vgg"]}]}}
    assert configuration.laid_over(ROOT, mine)["experiments"] == mine["experiments"]
    assert configuration.laid_over(ROOT, {"experiments": {}})["experiments"] == {}


def test_every_target_of_the_generalisation_experiment_has_an_axis_in_its_figures():
    schema = yaml.safe_load(SCHEMA.read_text())
    assert {*schema["$defs"]["generalization"]["properties"]["targets"]["items"]["enum"]} <= {*frame.TARGETS}


def test_the_originals_protocol_makes_its_choices(config):
    complete = configuration.complete({**config, "protocol": "original"}, SCHEMA)
    assert complete["dimension"]["sizes"] == [500, 850, 1200, 1550, 1900, 2250, 2600, 2950]
    assert complete["dimension"]["draws"] == 1
    assert complete["topology"]["null_draws"] == complete["dimension"]["null_draws"] == 0
    assert complete["samples"]["default"]["classes"] == list(range(9))
    assert complete["models"]["vgg"]["layers"] == [2, 5, 7, 10, 12, 15, 17, 20, 22, -2]
    assert complete["models"]["resnet"]["layers"][0] == 16
    assert complete["models"]["se_resnet"]["layers"] == "auto"  # whose layers the original does not give
    attack = complete["experiments"]["adversarial"][0]
    assert (attack["logits"], attack["target"], attack["units"], attack["clip"]) == (
        "softmax",
        8,
        "standardised",
        False,
    )
    assert attack["epsilons"] == [0.005, 0.015, 0.025, 0.035, 0.045, 0.055, 0.065, 0.075, 0.085, 0.095]
    assert complete["samples"][attack["sample"]]["images"] == 800
    general = complete["experiments"]["generalization"][0]
    assert (general["accuracy"], general["classes"], general["targets"]) == ("stated", ["1"], ["test_accuracy"])
    assert complete["samples"][general["sample"]]["layers"] == ["logits"]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"colour": [1]}, r"'models.grid.grid': unknown axis 'colour'. Known: activation, architecture, augment"),
        ({"depth": []}, r"'models.grid.grid.depth': expected at least 1 entries"),
        ({"label_noise": [0.1, 2]}, r"'models.grid.grid.label_noise': expected a value ≤ 1. Received: 2"),
        ({"snapshots": [1]}, r"unknown axis 'snapshots'"),
        ({"architecture": ["vgg", "vgh"]}, r"'models.grid.architecture': unknown architecture 'vgh'.*vgg"),
        ({"depth": [2, 2]}, r"'models.grid.grid.depth': expected entries that differ"),
    ],
)
def test_an_axis_of_a_grid_is_a_setting_and_its_values_are_possible(config, grid, message):
    entry = {"dataset": "digits", "architecture": "cnn", "grid": grid}
    with pytest.raises(InputError, match=message):
        configuration.complete(at(config, "models.grid", entry), SCHEMA)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("models.one", {"dataset": "digits", "file": "a.h5", "grid": {"depth": [1]}},
         r"'models.one.grid': expected in a model with an architecture; nothing reads it of a file"),
        ("models.one", {"dataset": "digits", "file": "a.h5", "seeds": [0]}, r"'models.one.seeds'.*Received: \[0\]"),
        ("models.one", {"dataset": "digits", "file": "a.h5", "seed": 0}, r"'models.one.seed'.*Received: 0"),
        ("models.one", {"dataset": "digits", "directory": "a", "width": 8}, r"'models.one.width'"),
        ("models.one", {"dataset": "digits", "file": "a.h5", "training": {"epochs": 3}}, r"'models.one.training'"),
        ("models.vgg.trust", True, r"'models.vgg.trust': expected of a file"),
        ("models.vgg.stated_accuracy", 0.9, r"'models.vgg.stated_accuracy': expected of a file"),
        ("models.vgg.seed", 3, r"'models.vgg.seed': expected without `seeds`"),
        ("datasets.cifar10.source", "mine", r"'datasets.cifar10.source': .*add `assets: \[\]`. Received: 'mine'"),
        ("experiments.adversarial", [{"name": "x", "models": ["vgg"], "steps": 20}],
         r"'experiments.adversarial.x.steps': expected with an attack of several steps \(bim, pgd\)"),
        ("experiments.spoofing", [{"name": "x", "dataset": "digits", "pixels": None}],
         r"'experiments.spoofing.x.pixels': expected a map, or models"),
        ("experiments.spoofing", [{"name": "x", "dataset": "digits", "layers": ["logits"]}],
         r"'experiments.spoofing.x.layers': expected with `models`"),
    ],
)  # fmt: skip
def test_a_key_that_nothing_reads_where_it_stands_is_refused(config, path, value, message):
    with pytest.raises(InputError, match=message):
        configuration.complete(at(config, path, value), SCHEMA)


def test_keys_that_are_read_where_they_stand_are_taken(config):
    changed = at(config, "experiments.adversarial", [{"name": "x", "models": ["vgg"], "attack": "pgd", "steps": 20}])
    changed = at(changed, "models.one", {"dataset": "digits", "file": "a.h5", "stated_accuracy": 0.9, "width": None})
    changed = at(changed, "models.vgg.seeds", [])
    configuration.complete(at(changed, "models.vgg.seed", 3), SCHEMA)


@pytest.mark.parametrize(
    ("kind", "experiment", "message"),
    [
        ("generalization", {"models": ["vhh"]}, "'experiments.generalization.x.models': unknown model 'vhh'"),
        ("generalization", {"models": ["vgg"], "targets": ["luck"]}, "unknown value 'luck'.*test_error"),
        ("generalization", {"models": ["vgg"], "sample": "no"}, "'experiments.generalization.x.sample'"),
        ("adversarial", {"models": ["vgg"], "attack": "fgsn"}, "unknown attack 'fgsn'.*fgsm"),
        ("adversarial", {"models": ["vgg"], "epsilons": [0.1, -0.1]}, "expected a value ≥ 0. Received: -0.1"),
        ("spoofing", {"dataset": "faces"}, "'experiments.spoofing.x.dataset': unknown data set 'faces'"),
        ("spoofing", {"dataset": "digits", "subsets": ["training"]}, "unknown value 'training'"),
    ],
)
def test_every_name_in_an_experiment_is_checked(config, kind, experiment, message):
    with pytest.raises(InputError, match=message):
        configuration.complete(at(config, f"experiments.{kind}", [{"name": "x", **experiment}]), SCHEMA)


def test_the_spoofing_experiment_takes_what_the_configuration_says_and_else_its_own(config):
    spoofs = at(config, "experiments.spoofing", [{"name": "x", "dataset": "digits", "points": 500}])
    plain = configuration.complete(spoofs, SCHEMA)
    item = plain["experiments"]["spoofing"][0]
    assert (item["topology"]["null_draws"], plain["topology"]["null_draws"]) == (1, 3)
    assert item["topology"]["descriptors"] == ["lifespan_sum"]
    said = {
        "topology": {"null_draws": 3, "engine": "gudhi", "jackknife_groups": 5, "descriptors": ["longest_bar"]},
        "dimension": {"null_draws": 0, "sizes": [50, 100], "scaling": "minmax", "estimators": ["mle"]},
    }
    item = configuration.complete(spoofs | said, SCHEMA)["experiments"]["spoofing"][0]
    for part, keys in said.items():
        assert {key: item[part][key] for key in keys} == keys
    own = at(config, "experiments.spoofing", [{"name": "x", "dataset": "digits", "topology": {"null_draws": 7}}])
    complete = configuration.complete(own | said, SCHEMA)
    assert complete["experiments"]["spoofing"][0]["topology"] == {**item["topology"], "null_draws": 7}
    with pytest.raises(InputError, match=r"'experiments.spoofing.x.topology': unknown key 'nul_draws'.*null_draws"):
        configuration.complete(at(own, "experiments.spoofing.0.topology", {"nul_draws": 1}), SCHEMA)
    with pytest.raises(InputError, match=r"'dimension.sizes': expected at most 500, the `points` of .*spoofing.x.*900"):
        configuration.complete(spoofs | {"dimension": {"sizes": [50, 900]}}, SCHEMA)


def test_a_complete_configuration_is_complete_as_it_is():
    """So a recorded run is repeated with what it was made with."""
    config = configuration.laid_over(ROOT, yaml.safe_load((ROOT / "examples/demo.yaml").read_text()))
    complete = configuration.complete(config, SCHEMA)
    assert complete["experiments"]["spoofing"]
    assert configuration.complete(complete, SCHEMA) == complete
