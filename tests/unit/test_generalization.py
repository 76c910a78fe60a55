"""The tables of models and measures, and what is asked of them, are what their sources and the settings say."""

import json
import logging
import math
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
from generalization_models import QUICK, associated, metrics, model, tables_of

from topodepth.errors import InputError
from topodepth.experiments.generalization import records, words
from topodepth.experiments.generalization.design import AssociationSettings, block_codes, covariates, scopes
from topodepth.files import hdf5, texts
from topodepth.tables import tables

ROOT = Path(__file__).parents[2]


def test_error_and_gaps_are_those_of_the_measured_accuracies():
    rows, columns = records.model_rows([model("a", axes={"depth": 4})], [metrics(test=0.75, train=0.95)])
    assert rows[0]["test_error"] == pytest.approx(0.25)
    assert rows[0]["gap"] == pytest.approx(0.2)
    assert rows[0]["loss_gap"] == pytest.approx(0.3)
    assert rows[0]["depth"] == 4
    assert columns.index("depth") == len(records.ABOUT)
    assert math.isnan(rows[0]["validation_accuracy"])


def test_a_stated_accuracy_stands_in_only_where_none_was_measured(caplog):
    about = [model("near", stated_accuracy=0.81), model("far", stated_accuracy=0.9), model("only", stated_accuracy=0.7)]
    with caplog.at_level(logging.WARNING):
        rows, _ = records.model_rows(about, [metrics(0.8), metrics(0.8), None])
    assert [row["test_accuracy"] for row in rows] == [0.8, 0.8, 0.7]
    assert [records.only_stated(row) for row in rows] == [False, False, True]
    assert rows[1]["stated_difference"] == pytest.approx(0.1)
    assert "far" in caplog.messages[0]
    assert "near" not in caplog.text
    assert "1 models: test accuracy as stated, not measured: only" in caplog.messages[1]


def test_measured_images_classified_much_worse_than_stated_put_the_normalisation_in_doubt(caplog):
    about = [
        model(name, stated_accuracy=0.89, sample_accuracy=share) for name, share in (("fine", 0.93), ("wrong", 0.31))
    ]
    with caplog.at_level(logging.WARNING):
        rows, columns = records.model_rows([*about, model("unknown")], [None] * 3)
    assert [records.in_doubt(row) for row in rows] == [False, True, False]
    warnings = [text for text in caplog.messages if "normalisation" in text]
    assert len(warnings) == 1
    assert "wrong: stated accuracy 0.890, on the measured images 0.310" in warnings[0]
    assert "sample_accuracy" in columns


def test_a_class_that_no_table_has_is_refused_and_not_left_out():
    found = table([{"descriptor": "lifespan_sum", "homology_dimension": 0, "layer": "logits", "class": "1"}])
    rows = records.model_rows([model("a")], [None])[0]
    with pytest.raises(InputError, match=r"unknown class in the tables of descriptors '12'.*Known: 1\."):
        records.measure_rows(rows, [found], [{}], ["12"])


def test_models_of_one_name_are_refused():
    with pytest.raises(InputError, match="'a' twice"):
        records.model_rows([model("a"), model("a")], [None, None])


def table(rows):
    shared = {"relative_depth": 1.0, "value": 2.0, "relative_value": 0.5}
    return pandas.DataFrame([shared | row for row in rows], columns=tables.COLUMNS)


def test_measures_are_named_for_what_they_are():
    lifespan = {"descriptor": "lifespan_sum", "homology_dimension": 1, "layer": "logits"}
    found = table([
        lifespan | {"class": "mean"},
        lifespan | {"class": "1", "relative_value": None},
        lifespan | {"class": "2"},
        {"descriptor": "two_nn", "layer": "penultimate", "class": "all"},
        {"descriptor": "ph_dimension", "homology_dimension": 0, "layer": "-2", "class": "all"},
    ])  # fmt: skip
    rows = records.measure_rows(records.model_rows([model("a")], [None])[0], [found], [{"margin": 3.0}], ["mean", 1])
    values = {row["measure"]: row["value"] for row in rows if row["kind"] == "descriptor"}
    assert values == {
        "lifespan_sum H1, logits": 2.0, "lifespan_sum H1, logits, relative": 0.5,
        "lifespan_sum H1, logits, class 1": 2.0,
        "two_nn, penultimate": 2.0, "two_nn, penultimate, relative": 0.5,
        "ph_dimension, -2": 2.0, "ph_dimension, -2, relative": 0.5,
    }  # fmt: skip
    rivals = {row["measure"]: row["value"] for row in rows if row["kind"] == "rival"}
    assert set(rivals) == set(records.RIVALS)
    assert rivals["margin"] == 3.0


def test_measures_of_a_trajectory_are_descriptors_of_no_layer():
    models = records.model_rows([model("a"), model("b")], [None] * 2)[0]
    found = {"a": {"trajectory_magnitude": 7.0}}
    empty = [pandas.DataFrame(columns=["class"])] * 2
    rows = [row for row in records.measure_rows(models, empty, [{}] * 2, trajectories=found) if row["kind"] != "rival"]
    assert [(row["model"], row["measure"], row["value"]) for row in rows] == [("a", "trajectory_magnitude", 7.0)]
    assert words.measure(rows[0]) == "positive magnitude of the trajectory"
    table = pandas.DataFrame(rows, columns=records.MEASURE_COLUMNS)
    assert words.measure(table.iloc[0].to_dict()) == "positive magnitude of the trajectory"


def test_what_is_the_same_for_every_network_whatever_the_data_is_no_measure():
    peak = {"descriptor": "betti_peak", "layer": "logits", "class": "mean"}
    found = table([peak | {"homology_dimension": degree} for degree in (0, 1)])
    rows = records.measure_rows(records.model_rows([model("a")], [None])[0], [found], [{}])
    described = [row["measure"] for row in rows if row["kind"] == "descriptor"]
    assert described == ["betti_peak H1, logits", "betti_peak H1, logits, relative"]


def write_activations(path, logits, labels=None, layer="000_logits"):
    with hdf5.create_h5(path) as file:
        file[f"layers/{layer}"] = np.asarray(logits, dtype=np.float32)
        if labels is not None:
            file["labels"] = np.asarray(labels)


def test_margin_and_spread_of_logits_worked_out_by_hand(tmp_path):
    # true class minus the best other: 3 - 1, 0 - 4, 2 - 0; the median is 2. Standard deviations over the classes
    # of (3, 1, -1), (4, 0, 2), (0, 2, -2): root of 8/3 each
    write_activations(tmp_path / "a.h5", [[3, 1, -1], [4, 0, 2], [0, 2, -2]], labels=[0, 1, 1])
    rivals = records.logit_rivals(tmp_path / "a.h5")
    assert rivals == {"margin": pytest.approx(2.0), "logit_spread": pytest.approx((8 / 3) ** 0.5)}


def test_without_logits_or_labels_the_rivals_are_unknown_and_wrong_labels_are_refused(tmp_path):
    write_activations(tmp_path / "a.h5", np.eye(3), labels=[0, 1, 2], layer="000_conv")
    write_activations(tmp_path / "b.h5", np.eye(3))
    write_activations(tmp_path / "c.h5", np.eye(3), labels=[0, 1, 3])
    assert records.logit_rivals(tmp_path / "a.h5") == {}
    assert set(records.logit_rivals(tmp_path / "b.h5")) == {"logit_spread"}
    with pytest.raises(InputError, match=r"c\.h5: labels expected from 0 to 2\. Received: 0 to 3"):
        records.logit_rivals(tmp_path / "c.h5")


# scopes, controls, covariates


def frame(**columns):
    count = len(next(iter(columns.values())))
    return pandas.DataFrame(
        {"model": [f"m{k}" for k in range(count)], "test_error": np.linspace(0, 1, count)} | columns
    )


def test_blocks_are_the_combinations_of_the_controls_and_long_ones_are_cut_at_their_quartiles():
    models = frame(architecture=["a", "b"] * 8, epochs=[*range(15), None], depth=[2, 2, 4, 4] * 4)
    assert len(set(block_codes(models, ["architecture", "depth"]))) == 4
    bins = block_codes(models, ["epochs"])
    assert sorted(np.bincount(bins)) == [1, 3, 4, 4, 4]  # fifteen in quarters, and the missing one by itself
    assert all(len(set(bins[models["epochs"].between(low, high)])) == 1 for low, high in ((0, 3), (11, 14)))


def test_a_model_alone_in_its_block_is_left_out_within_blocks_and_small_groups_are_no_scope():
    models = frame(architecture=["a"] * 6 + ["b"] * 4 + ["c"])
    asked = AssociationSettings.of({"groups": "architecture", "covariates": []}, models)
    found = {scope.name: len(scope.rows) for scope in scopes(models, "test_error", asked)}
    assert found == {"all": 11, "within": 10, "group:a": 6}


def test_one_block_of_all_models_is_the_pooled_answer_and_not_a_second_one():
    models = frame(architecture=["a"] * 9)
    asked = AssociationSettings.of({"groups": "architecture"}, models)
    assert [scope.name for scope in scopes(models, "test_error", asked)] == ["all"]


def test_covariates_that_tell_nothing_or_would_drop_models_are_not_used():
    models = frame(kind=["a", "b", "c"] * 3, same=[1] * 9, gaps=[1.0, None, 3.0] * 3, epochs=range(9), none=[None] * 9)
    found = covariates(models, ["kind", "same", "gaps", "epochs", "none"])
    assert {name: values.shape for name, values in found.used.items()} == {"kind": (9, 2), "epochs": (9, 1)}
    assert found.unknown == {"gaps": 3, "none": 9}
    assert found.same == ["same"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"targets": ["test_eror"]}, "unknown target 'test_eror'. Did you mean 'test_error'"),
        ({"controls": ["epoch_trained"]}, "under 'controls' 'epoch_trained'. Did you mean 'epochs_trained'"),
        ({"covariates": ["test_accuracy"]}, "covariates: expected columns that do not hold the outcome"),
    ],
)
def test_bad_settings_say_which_and_what_was_expected(settings, message):
    with pytest.raises(InputError) as error:
        associated(*tables_of(np.linspace(0.5, 0.9, 10), {}), **settings)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_tables_that_do_not_fit_each_other_are_refused():
    models, measures = tables_of(np.linspace(0.5, 0.9, 10), {"d": np.arange(10.0)})
    with pytest.raises(InputError, match="Received: 'm9'"):
        associated(models.iloc[:9], measures)
    with pytest.raises(InputError, match="'d' of 'm0' twice"):
        associated(models, pandas.concat([measures, measures[measures["measure"] == "d"]]))


# commands


def test_the_commands_go_from_files_to_tables_and_page_without_tensorflow(tmp_path):
    rng = np.random.default_rng(0)
    about = [model(f"m{k}", axes={"depth": 2 + k % 2}, architecture="<b>") for k in range(8)]
    about[3]["trajectory"] = about[5]["trajectory"] = True
    for k in (3, 5):
        texts.write_json(tmp_path / f"{k}.trajectory.json", {"trajectory_magnitude": k / 2})
    for k in range(8):
        write_activations(tmp_path / f"{k}.h5", rng.normal(size=(30, 4)) * (k + 1), rng.integers(4, size=30))
        texts.write_json(tmp_path / f"{k}.json", metrics(0.5 + k / 20, 0.9 + k / 100))
        rows = [{"layer": "logits", "class": "mean", "homology_dimension": 0, "descriptor": "lifespan_sum",
                 "relative_depth": 1.0, "value": 3.0 - k, "relative_value": 1.0 / (k + 1)}]  # fmt: skip
        texts.write_table(tmp_path / f"{k}.csv", rows, tables.COLUMNS)
    files = {ending: [f"{tmp_path}/{k}.{ending}" for k in range(8)] for ending in ("csv", "json", "h5")}
    settings = {"targets": ["test_error", "gap"], "groups": "architecture", "controls": ["depth"],
                "covariates": ["train_accuracy"], "axes": ["depth"], "classes": ["mean"], **QUICK}  # fmt: skip
    listing = {"models": about, "tables": files["csv"], "metrics": files["json"], "activations": files["h5"]}
    texts.write_json(tmp_path / "listing.json", listing | {"classes": ["mean"], "runs": "names"} | {
        "trajectories": [f"{tmp_path}/{k}.trajectory.json" for k in (3, 5)]
    })  # fmt: skip
    join = ["--listing", f"{tmp_path}/listing.json", "--models-out", f"{tmp_path}/models.csv",
            "--measures-out", f"{tmp_path}/measures.csv"]  # fmt: skip
    associate = ["--models", f"{tmp_path}/models.csv", "--measures", f"{tmp_path}/measures.csv", "--settings",
                 json.dumps(settings), "--associations", f"{tmp_path}/a.csv", "--granulated", f"{tmp_path}/g.csv",
                 "--held-out", f"{tmp_path}/h.csv", "--summary", f"{tmp_path}/s.html"]  # fmt: skip
    code = f"""
import runpy, sys
for name, arguments in (("join_generalization", {join!r}), ("associate_measures", {associate!r})):
    sys.argv = [name, *arguments]
    runpy.run_path({str(ROOT / "workflow/scripts")!r} + "/" + name + ".py", run_name="__main__")
assert not {{"tensorflow", "keras", "tf_keras"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = texts.read_table(tmp_path / "a.csv")
    assert set(found["scope"]) == {"all", "within"}
    assert set(found["target"]) == {"test_error", "gap"}
    assert found["verdict"].notna().sum() == 2 * 2 * 3  # targets, scopes, a descriptor in both versions, a trajectory
    measured = texts.read_table(tmp_path / "measures.csv").set_index("measure").loc["trajectory_magnitude"]
    assert dict(zip(measured["model"], measured["value"], strict=True)) == {"m3": 1.5, "m5": 2.5}
    assert len(texts.read_table(tmp_path / "g.csv")) == 2 * (3 + len(records.RIVALS))
    page = (tmp_path / "s.html").read_text()
    assert "lifespan sum E_0, logits, relative to the null model" in page
    assert "<b>" not in page


def test_files_that_are_missing_are_counted(monkeypatch, tmp_path):
    texts.write_table(tmp_path / "a.csv", [], tables.COLUMNS)
    listing = {"models": [model("a"), model("b")], "tables": [f"{tmp_path}/a.csv"], "metrics": [], "activations": []}
    texts.write_json(tmp_path / "listing.json", listing | {"classes": ["mean"], "runs": "names", "trajectories": []})
    arguments = ["--listing", f"{tmp_path}/listing.json", "--models-out", "m.csv", "--measures-out", "n.csv"]
    monkeypatch.setattr(sys, "argv", ["join_generalization", *arguments])
    with pytest.raises(SystemExit, match=r"tables: expected one file for each of 2 models\. Received: 1\."):
        runpy.run_path(str(ROOT / "workflow/scripts/join_generalization.py"), run_name="__main__")
