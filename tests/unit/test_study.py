"""One call in Python measures what the pipeline measures: same numbers, same defaults, nothing left behind."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas
import pytest
import yaml

import topodepth as td
from topodepth.files import texts
from topodepth.homology import memory_estimate, persistence_diagrams
from topodepth.plan import configuration
from topodepth.plan.plan import Plan
from topodepth.study import measuring, settings
from topodepth.tables import rows
from topodepth.topology.clouds import min_max_scale

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow/scripts"
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
RNG = np.random.default_rng(3)
LABELS = np.arange(120) % 3
FIRST = RNG.normal(size=(120, 8)).astype(np.float32) + LABELS[:, None]
LAYERS = {"conv1": FIRST, "fc": np.tanh(FIRST @ RNG.normal(size=(8, 4)).astype(np.float32))}
QUICK = {"progress": False, "draws": 2, "null_draws": 1}


@pytest.fixture(scope="module")
def measured():
    return td.measure(layers=LAYERS, labels=LABELS, name="mine", dataset="noise", progress=False)


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder of temporary files, watched."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def script(name, *arguments):
    subprocess.run([sys.executable, SCRIPTS / name, *map(str, arguments)], check=True, capture_output=True, text=True)


def by_the_pipeline(folder, activations, plan, sample="default"):
    """The table that the pipeline's own scripts make of an activations file, with the settings of a plan."""
    diagrams, dimensions = [], []
    for number, layer in enumerate(LAYERS):
        common = ["--activations", activations, "--layer", layer, "--name", "mine"]
        diagrams.append(folder / f"{number}.h5")
        how = json.dumps(plan.diagram_settings(sample))
        script("compute_diagrams.py", *common, "--settings", how, "--out", diagrams[-1])
        dimensions.append(folder / f"{number}.csv")
        how = json.dumps(plan.dimension_settings(sample))
        script("estimate_dimensions.py", *common, "--settings", how, "--out", dimensions[-1])
    script(
        "describe_model.py", "--activations", activations, "--diagrams", *diagrams, "--dimensions", *dimensions,
        "--settings", json.dumps(plan.description_settings), "--columns", json.dumps({"dataset": "noise"}),
        "--out", folder / "table.csv",
    )  # fmt: skip
    return texts.read_table(folder / "table.csv")


def plan_of(config):
    return Plan(configuration.complete({"datasets": {}, "models": {}, "experiments": {}, **config}, SCHEMA))


def assert_same(found, expected):
    """Equal to the last bit; a column without a value has no type."""
    empty = [column for column in expected if expected[column].isna().all()]
    assert found[empty].isna().all(axis=None)
    pandas.testing.assert_frame_equal(found.drop(columns=empty), expected.drop(columns=empty), check_exact=True)


def test_the_table_is_that_of_the_pipeline_to_the_last_bit(measured, tmp_path):
    path = measured.save(tmp_path / "a.h5")
    expected = by_the_pipeline(tmp_path, path, plan_of({"samples": {"default": {}}}))
    assert set(expected["descriptor"]) > {"lifespan_sum", "ph_dimension", "mle"}
    assert_same(measured.table, expected)
    measured.write_table(tmp_path / "own.csv")
    assert_same(texts.read_table(tmp_path / "own.csv"), expected)


def test_with_other_settings_too(tmp_path):
    own = td.measure(
        layers=LAYERS, labels=LABELS, name="mine", dataset="noise", progress=False, clouds="both", points=30,
        classes=[0, 2], null_draws=2, jackknife_groups=4, descriptors=["lifespan_sum"], max_dim=0, alpha=0.5, weight=1,
        scaling="none", seed=7, estimators=["ph_dimension"], dimension_alpha=0.7, sizes=[40, 60, 90], draws=3,
        dimension_null_draws=2, dimension_scaling="minmax",
    )  # fmt: skip
    path = own.save(tmp_path / "a.h5", configuration=tmp_path / "a.yaml")
    config = yaml.safe_load((tmp_path / "a.yaml").read_text())
    assert_same(own.table, by_the_pipeline(tmp_path, path, plan_of(config)))


@pytest.fixture
def tokens(tmp_path):
    """The same points as tokens, three an item, and two draws with tokens shuffled."""
    path = tmp_path / "tokens.h5"
    with h5py.File(path, "w") as file:
        for k, (layer, points) in enumerate(LAYERS.items()):
            file[f"layers/{k}_{layer}"] = points
            for draw, others in enumerate((points[::-1] ** 2, np.sin(points))):
                file[f"shuffled/{draw}/{k}_{layer}"] = others
        file["labels"], file["indices"], file["places"] = LABELS, np.arange(120) // 3, np.arange(120) % 3
    return path


def test_tokens_and_their_null_are_measured_as_by_the_pipeline(tokens, tmp_path):
    own = td.measure(tokens, name="mine", dataset="noise", progress=False)
    expected = by_the_pipeline(tmp_path, tokens, plan_of({"samples": {"default": {}}}))
    assert expected[next(iter(rows.SHUFFLED))].notna().all()
    assert_same(own.table, expected)
    plain = td.measure(layers=LAYERS, labels=LABELS, name="mine", dataset="noise", progress=False)
    assert_same(own.table.drop(columns=list(rows.SHUFFLED)), plain.table)
    plain.write_table(tmp_path / "plain.csv")
    for first, second in (("plain", "table"), ("table", "plain")):
        script("join_tables.py", "--tables", *(tmp_path / f"{name}.csv" for name in (first, second)), "--out",
               tmp_path / "joined.csv")  # fmt: skip
        joined = texts.read_table(tmp_path / "joined.csv")
        assert list(joined) == list(expected)
        assert joined["shuffled_value"].notna().sum() == len(expected)


def test_the_null_of_shuffled_tokens_is_their_own_measurement(tokens):
    """Its value is the mean over draws of what measuring these points alone gives."""
    found = td.measure(tokens, progress=False, clouds="both", points=None)
    draws = []
    for draw in range(2):
        with h5py.File(tokens) as file:
            layers = {name: file[f"shuffled/{draw}/{k}_{name}"][()] for k, name in enumerate(LAYERS)}
        draws.append(td.measure(layers=layers, labels=LABELS, progress=False, clouds="both", points=None).table)
    np.testing.assert_allclose(found.table["shuffled_value"], (draws[0]["value"] + draws[1]["value"]) / 2)
    ratios = found.table["value"] / found.table["shuffled_value"]
    single = found.table["class"] != "mean"  # the mean over classes is one of ratios
    np.testing.assert_allclose(found.table["relative_to_shuffled_value"][single], ratios[single])
    assert found.diagrams["fc"].shuffled[1]["2"][0].shape == found.diagrams["fc"].data["2"][0].shape


def test_settings_that_would_change_nothing_are_refused(tokens):
    class Network:
        """Neither is opened: the mistake is seen before."""

    Network.__module__ = "keras.models"
    for given, options in (
        ({"model": tokens}, {"shuffled_draws": 2}), ({"layers": LAYERS}, {"pooling": "tokens"}),
        ({"model": Network(), "images": FIRST}, {"pooling": "first"}),
        ({"layers": LAYERS}, {"layout": "channels_last"}),
        ({"model": "net.onnx", "images": FIRST}, {"shuffled_draws": 1}),
    ):  # fmt: skip
        (name,) = options
        with pytest.raises(td.InputError, match=f"{name}: expected for an? (PyTorch|ONNX) model. Received: "):
            td.measure(**given, **options)
    with pytest.raises(td.InputError, match=r"tokens: expected with pooling='tokens'. Received: 5 with 'mean'"):
        td.measure(layers=LAYERS, tokens=5)


def test_the_saved_configuration_asks_for_the_saved_file(measured, tmp_path):
    measured.save(tmp_path / "a.h5", configuration=tmp_path / "a.yaml")
    plan = plan_of(yaml.safe_load((tmp_path / "a.yaml").read_text()))
    assert [unit.brought for unit in plan.units.values()] == [[str(tmp_path / "a.h5")]]
    assert list(plan.units["mine"].model.layers.values()) == list(LAYERS)


def test_defaults_and_ranges_are_those_of_the_configuration():
    config = plan_of({"samples": {"default": {}}}).config
    own = settings.Settings()
    for key, value in own.configuration()["topology"].items():
        assert config["topology"][key] == value, key
    for key, value in own.configuration()["dimension"].items():
        assert config["dimension"][key] == value, key
    for key in ("clouds", "points", "classes"):
        assert config["samples"]["default"][key] == getattr(own, key)
    assert config["seed"] == own.seed


def schema_keys():
    schema = yaml.safe_load(SCHEMA.read_text())
    yield from schema["properties"]["topology"]["properties"].items()
    for key, part in schema["properties"]["dimension"]["properties"].items():
        yield (key if key in ("estimators", "sizes", "draws") else f"dimension_{key}"), part
    for key in ("clouds", "points", "classes"):
        yield key, schema["$defs"]["sample"]["properties"][key]
    yield "seed", schema["properties"]["seed"]


@pytest.mark.parametrize(("key", "part"), schema_keys())
def test_every_key_of_the_configuration_is_a_setting_with_the_same_range(key, part):
    wrong = ["nothing"]
    if "minimum" in part:
        settings.Settings(**{key: part["minimum"]})
        wrong += [part["minimum"] - 1, 1.5, True]
    if "exclusiveMinimum" in part:
        wrong += [part["exclusiveMinimum"], "1"]
    if "maximum" in part:
        settings.Settings(**{key: part["maximum"]})
        wrong += [part["maximum"] + 1]
    for value in part.get("enum", []):
        settings.Settings(**{key: value})
    for value in wrong:
        with pytest.raises(td.InputError, match=r"Received|Known"):
            settings.Settings(**{key: value})


def test_an_activations_file_gives_what_its_arrays_give(measured, tmp_path):
    path = measured.save(tmp_path / "a.h5")
    again = td.measure(path, name="mine", dataset="noise", progress=False)
    pandas.testing.assert_frame_equal(again.table, measured.table, check_exact=True)
    del again
    assert path.stat().st_size  # a user's own file stays
    only = td.measure(path, layers="f*", **QUICK)
    assert only.layers == ["fc"]
    assert (only.table["layer_index"] == 1).all()


def test_diagrams_are_those_of_the_scaled_class(measured):
    scaled = min_max_scale(LAYERS["fc"])[LABELS == 1]
    for found, expected in zip(measured.diagrams["fc"].data["1"], persistence_diagrams(scaled), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)  # here the rounding of float32 is taken out
    bars = measured.bars
    own = bars[(bars["layer"] == "fc") & (bars["class"] == "1") & (bars["source"] == "data")]
    assert len(own) == sum(map(len, measured.diagrams["fc"].data["1"]))


def test_without_labels_all_points_are_one_cloud():
    found = td.measure(layers=LAYERS, **QUICK)
    assert set(found.table["class"]) == {"all"}
    with pytest.raises(td.InputError, match="clouds: expected"):
        td.measure(layers=LAYERS, clouds="class", **QUICK)


def test_float64_and_lists_are_measured_as_the_file_holds_them():
    plain = td.measure(layers={"a": LAYERS["fc"]}, labels=LABELS, **QUICK)
    other = td.measure(layers={"a": LAYERS["fc"].astype(np.float64).tolist()}, labels=LABELS.tolist(), **QUICK)
    pandas.testing.assert_frame_equal(plain.table, other.table, check_exact=True)


def test_rows_can_be_chosen():
    rows = np.arange(119, 40, -1)
    part = td.measure(layers=LAYERS, labels=LABELS, indices=rows, **QUICK)
    cut = td.measure(layers={key: value[rows] for key, value in LAYERS.items()}, labels=LABELS[rows], **QUICK)
    pandas.testing.assert_frame_equal(part.table, cut.table, check_exact=True)
    np.testing.assert_array_equal(part.activations.indices, rows)


WRONG = {
    "nothing": ({}, "expected a model, an activations file or arrays"),
    "no layer": ({"layers": {}}, "layers: expected at least one"),
    "space": ({"layers": {"a": np.zeros((4, 3, 3, 2))}}, r"'a': expected real numbers \(n, d\).*Average over space"),
    "one feature": ({"layers": {"a": np.zeros(4)}}, r"'a': expected real numbers \(n, d\).*values\[:, None\]"),
    "words": ({"layers": {"a": np.array([["x"]])}}, "'a': expected real numbers"),
    "lengths": ({"layers": {"a": np.ones((4, 2)), "b": np.ones((5, 2))}}, "'b': expected 4 points.*Received: 5"),
    "NaN": ({"layers": {"a": np.full((4, 2), np.nan)}}, "layer 'a': activations expected to be finite"),
    "overflow": ({"layers": {"a": np.array([[1e300], [0.0]])}}, "layer 'a': .*finite.*Received: 1 NaN or infinite"),
    "constant": ({"layers": {"a": np.ones((60, 2))}}, "layer a: expected points that differ"),
    "short labels": ({"layers": LAYERS, "labels": [0, 1]}, "labels: expected 120 whole numbers"),
    "one-hot": ({"layers": LAYERS, "labels": np.eye(3)[LABELS]}, "One-hot"),
    "text labels": ({"layers": LAYERS, "labels": ["a"] * 120}, "np.unique"),
    "setting": ({"layers": LAYERS, "nul_draws": 1}, "unknown setting 'nul_draws'. Did you mean 'null_draws'.*points"),
    "descriptor": ({"layers": LAYERS, "descriptors": ["entropy"]}, "unknown descriptor 'entropy'.*persistent_entropy"),
    "class": ({"layers": LAYERS, "labels": LABELS, "classes": [9]}, "class 9: expected at least one point"),
    "arrays and model": ({"model": "x.keras", "layers": LAYERS}, "expected names of a model's layers, or arrays"),
    "no file": ({"model": "nothing.h5"}, "nothing.h5: no such file"),
    "model alone": ({"model": object()}, "images: expected beside a model"),
    "no model": ({"model": object(), "images": FIRST}, r"model: expected a Keras model.*Received: builtins.object"),
}


@pytest.mark.parametrize(("arguments", "expected"), WRONG.values(), ids=WRONG)
def test_bad_input_is_refused_in_one_line_and_leaves_nothing(temporary, arguments, expected):
    with pytest.raises(td.InputError, match=expected) as caught:
        td.measure(**{"progress": False, **arguments})
    assert "\n" not in str(caught.value)
    assert list(temporary.iterdir()) == []


def test_an_interrupt_leaves_nothing_half_written(temporary, monkeypatch):
    def interrupted(*_, **__):
        assert list(temporary.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(measuring, "of_layer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        td.measure(layers=LAYERS, labels=LABELS, progress=False)
    assert list(temporary.iterdir()) == []


def test_the_temporary_file_goes_with_the_measurement(temporary):
    found = td.measure(layers=LAYERS, labels=LABELS, **QUICK)
    assert list(temporary.iterdir())
    del found
    assert list(temporary.iterdir()) == []


def test_a_name_in_a_file_cannot_leave_the_page():
    found = td.measure(layers={"<script>x</script>": FIRST}, labels=LABELS, name="<b>mine", **QUICK)
    page = found._repr_html_()
    assert "<script" not in page
    assert "&lt;b&gt;mine" in page
    assert "data:image/png;base64," in page


def test_progress_says_cost_and_layers_on_stderr_alone(capsys):
    td.measure(layers=LAYERS, labels=LABELS, **{**QUICK, "progress": True})
    told = capsys.readouterr()
    assert told.out == ""
    assert [word in told.err for word in ("of memory", "layer 1 of 2, conv1", "layer 2 of 2, fc")] == [True] * 3
    td.measure(layers=LAYERS, labels=LABELS, **QUICK)
    assert capsys.readouterr().err == ""


def test_what_cannot_fit_is_refused_before_anything_is_written(temporary, monkeypatch):
    monkeypatch.setattr("topodepth.jobs.memory.available_memory", lambda: 10**6)
    with pytest.raises(td.InputError, match=r"layer conv1, 40 points of 8 features.*GB of memory"):
        td.measure(layers=LAYERS, labels=LABELS, progress=False)
    monkeypatch.undo()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(td.InputError, match="GB on disk"):
        td.measure(layers=LAYERS, labels=LABELS, progress=False)
    assert list(temporary.iterdir()) == []


def test_a_cost_counts_every_diagram_and_every_point():
    def cost(**options):
        return td.estimate(layers=LAYERS, labels=LABELS, **options)

    plain = cost(estimators=[], null_draws=0)
    assert [(layer.layer, layer.points, layer.d) for layer in plain.layers] == [("conv1", 40, 8), ("fc", 40, 4)]
    assert cost(estimators=[], null_draws=3).seconds == pytest.approx(4 * plain.seconds)
    assert cost(estimators=[], null_draws=0, classes=[1]).seconds == pytest.approx(plain.seconds / 3)
    whole = cost(estimators=[], null_draws=0, clouds="all", jackknife_groups=0, points=None)
    assert whole.layers[0].points == 120
    assert cost(max_dim=2).seconds > cost().seconds > cost(max_dim=0).seconds > plain.seconds
    assert plain.layers[0].memory > memory_estimate(40, 8, 1)
    assert plain.memory == max(layer.memory for layer in plain.layers)
    assert plain.disk == 4 * 120 * (8 + 4)


def test_a_file_of_another_kind_says_what_it_is(tmp_path):
    np.save(tmp_path / "a.npy", FIRST)
    with pytest.raises(td.InputError, match=r"a NumPy array"):
        td.measure(tmp_path / "a.npy")
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["layers/dense/vars/0"] = FIRST
    with pytest.raises(td.InputError, match="weights"):
        td.measure(tmp_path / "weights.h5", FIRST, progress=False)
