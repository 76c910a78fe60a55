"""The tiny run makes every promised file, and what they hold is right."""

import json
import re

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import pdist, squareform

from topodepth.activations.file import read_activations
from topodepth.files import texts
from topodepth.topology import descriptors, diagrams


@pytest.fixture(scope="module")
def results(finished):
    return finished.path / "results/tiny"


@pytest.fixture(scope="module")
def table(results):
    return texts.read_table(results / "depth/pair/depth.csv")


def test_every_figure_has_its_table_beside_it(results):
    made = {str(path.relative_to(results / "depth/pair")) for path in (results / "depth/pair").rglob("*.*")}
    figures = {"depth", "depth_models", "dimension", "training", "diagrams/vgg", "diagrams/resnet"}
    assert {f"{figure}.{ending}" for figure in figures for ending in ("png", "svg")} <= made
    assert {"accuracy.csv", "accuracy.html"} <= made
    assert {"depth.csv", "training.csv", "diagrams/vgg.bars.csv", "diagrams/resnet.betti.csv"} <= made


def test_accuracy_on_the_measured_images_is_that_of_the_logits_measured(results, table):
    rows = texts.read_table(results / "depth/pair/accuracy.csv").set_index("model")
    assert list(rows.index) == ["vgg", "resnet"]
    for model in rows.index:
        file = read_activations(results / f"activations/{model}/default.h5")
        expected = (file.points("logits").argmax(axis=1) == file.labels).mean()
        assert rows.loc[model, "accuracy"] == pytest.approx(expected)
        assert set(table.loc[table["model"] == model, "accuracy"]) == {rows.loc[model, "accuracy"]}
        assert rows.loc[model, "images"] == 120
    view = read_activations(results / "activations/vgg@spoof.digits/digits@test.h5")
    assert "accuracy" not in view.attributes  # of the two classes of other data


def test_every_layer_of_every_model_is_in_the_table_in_order_of_depth(table):
    layers = {model: list(map(str, dict.fromkeys(rows["layer"]))) for model, rows in table.groupby("model")}
    assert layers == {"vgg": ["2", "block3_conv1", "logits"], "resnet": ["penultimate", "logits"]}
    for _, rows in table.groupby(["model", "descriptor", "homology_dimension", "class"], dropna=False):
        assert (np.diff(rows["relative_depth"]) > 0).all()
    assert set(table.loc[table["layer"] == "logits", "relative_depth"]) <= {1.0} or (table["relative_depth"] <= 1).all()


def test_values_come_with_intervals_and_a_null_value(table):
    means = table[(table["class"] == "mean") & (table["descriptor"] == "lifespan_sum")]
    assert len(means) == 2 * 5
    connected = means[means["homology_dimension"] == 0]
    assert (connected["ci_low"] < connected["value"]).all()
    assert (connected["value"] < connected["ci_high"]).all()
    assert connected["null_value"].notna().all()
    assert connected["relative_value"].notna().all()


def test_the_mean_over_classes_is_the_mean_of_all_ten_classes(table):
    rows = table[(table["descriptor"] == "lifespan_sum") & (table["homology_dimension"] == 0)]
    for _, layer in rows.groupby(["model", "layer"]):
        classes = layer[layer["class"] != "mean"]
        assert set(classes["class"]) == {str(k) for k in range(10)}
        assert layer.loc[layer["class"] == "mean", "value"].item() == pytest.approx(classes["value"].mean(), rel=1e-12)


def test_a_table_value_can_be_had_again_by_hand_from_the_activations(results, table):
    file = read_activations(results / "activations/vgg/default.h5")
    points = file.points("logits").astype(float)
    scaled = (points - points.min(axis=0)) / (points.max(axis=0) - points.min(axis=0))
    rows = table[(table["model"] == "vgg") & (table["layer"] == "logits") & (table["descriptor"] == "lifespan_sum")]
    values = rows[rows["homology_dimension"] == 0].set_index("class")["value"]
    whole = [label for label in range(10) if (file.labels == label).sum() <= 12]  # classes of which all points count
    assert whole
    for label in whole:
        edges = minimum_spanning_tree(squareform(pdist(scaled[file.labels == label])))
        assert values[str(label)] == pytest.approx(0.5 * edges.sum(), rel=1e-6)


def test_diagram_files_hold_data_and_null_of_every_class(results):
    file = diagrams.read_diagrams(results / "diagrams/resnet/default/logits.h5")
    assert list(file.data) == [str(k) for k in range(10)]
    assert len(file.null) == 3
    for name, bars in file.data.items():
        assert len(bars) == 2
        assert len(bars[0]) <= file.n_points[name] <= 12
        assert np.isinf(bars[0][:, 1]).sum() == 1
        assert descriptors.registry.get("lifespan_sum")(bars[0]) > 0


def test_dynamics_follow_the_snapshots_of_one_training(results):
    table = texts.read_table(results / "dynamics/resnet/dynamics.csv")
    assert sorted(table["epoch"].unique()) == [0, 2]
    assert set(table["model"]) == {"resnet"}
    accuracy = table.groupby("epoch")["test_accuracy"].unique()
    assert all(len(values) == 1 for values in accuracy)
    last = table[(table["epoch"] == 2) & (table["class"] == "mean")].set_index(
        ["layer", "descriptor", "homology_dimension"]
    )
    first = table[(table["epoch"] == 0) & (table["class"] == "mean")].set_index(last.index.names)
    assert (last["value"] != first["value"]).any()
    assert (results / "dynamics/resnet/dynamics.png").stat().st_size > 10_000


def test_metrics_say_how_good_each_model_is_on_each_split(results):
    metrics = texts.read_json(results / "models/vgg/metrics.json")
    for split in ("train", "validation", "test"):
        assert 0 <= metrics[split]["accuracy"] <= 1
        assert metrics[split]["loss"] > 0
    assert metrics["epochs"] == 2


def test_nothing_is_left_half_written(results):
    assert list(results.rglob("*.part*")) == []
    assert not any((results / "checkpoints").glob("*"))


def test_the_page_of_spoofs_calls_measures_by_their_names(results):
    page = (results / "spoofing/digits/summary.html").read_text()
    for name in ("lifespan sum E_0", "lifespan sum E_1", "PH dimension", "TwoNN dimension"):
        assert f">{name}<" in page
    assert "two_nn" not in page


def test_snapshots_of_a_training_are_compared_on_the_same_images(results):
    folder = results / "similarity/training"
    table = texts.read_table(folder / "similarity.csv")
    before, after = "resnet@0000", "resnet@0002"
    pairs = table[["model_a", "model_b"]].drop_duplicates().itertuples(index=False, name=None)
    assert list(pairs) == [(before, before), (before, after), (after, after)]
    assert set(table["n_points"]) == {60}
    assert set(table["layer_a"]) == {"logits", "(same depth)"}  # at most one layer: the last of two
    chosen = np.sort(np.random.default_rng([0, 0, 0]).choice(np.arange(120), 60, replace=False))
    files = [read_activations(results / f"activations/{model}/default.h5") for model in (before, after)]
    clouds = [file.points("logits")[chosen].astype(float) for file in files]
    clouds = [cloud - cloud.mean(axis=0) for cloud in clouds]
    one, other = (cloud / np.linalg.norm(cloud) for cloud in clouds)
    rows = table[(table["model_a"] != table["model_b"]) & (table["measure"] == "procrustes")]
    expected = 2 - 2 * np.linalg.svd(one.T @ other, compute_uv=False).sum()
    assert list(rows["value"]) == [pytest.approx(expected), pytest.approx(expected)]
    assert (rows["p_value"] >= 0.25).all()  # 1 / (1 + 3)
    for name in ("similarity_layers", "similarity_networks", "similarity_labels"):
        assert (folder / f"{name}.png").stat().st_size > 5_000
    assert "networks at the same depth: epoch 0 and epoch 2 with" in (folder / "summary.html").read_text()


def test_the_report_is_one_page_with_figures_captions_and_versions(repository):
    result = repository.snakemake("--cores", "1", "--report", "report.html")
    assert result.returncode == 0, result.stderr
    assert "WARNING/" not in result.stdout + result.stderr  # a caption that is not well-formed
    page = (repository.path / "report.html").read_text()
    for words in ("persistence", "Provenance", "depth.png", "versions.csv"):
        assert words in page


def test_the_page_to_explore_holds_every_comparison_attack_and_page(results):
    text = (results / "explore.html").read_text()
    held = json.loads(re.search(r'id="data">(.*?)</script>', text, flags=re.DOTALL)[1])
    assert [view["kind"] for view in held["views"]] == ["Depth", "Dynamics", "Adversarial"]
    assert [list(network["layers"]) for network in held["networks"]] == [
        ["2", "block3_conv1", "logits"], ["penultimate", "logits"], ["logits"],
    ]  # fmt: skip
    assert [len(sheet["places"]) for sheet in held["sheets"]] == [120, 60]
    kinds = {"Adversarial", "Depth", "Dynamics", "Generalisation", "Similarity", "Spoofing"}
    assert {each["kind"] for each in held["words"]} == kinds
    assert all(each["said"] for each in held["words"])
