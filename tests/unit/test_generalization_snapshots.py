"""Snapshots of one training count once: runs are known, named, and the unit of every verdict."""

import os
from pathlib import Path

import numpy as np
import pandas
import pytest
from generalization_models import associated, descriptor, metrics, model, row_of

from tests import jobs
from topodepth.errors import InputError
from topodepth.experiments.generalization import associations, records
from topodepth.experiments.generalization.runs import run_rows
from topodepth.experiments.generalization.summary import summary_page
from topodepth.files import texts

benchmark = jobs.benchmark("snapshot_verdicts")


def runs_by(names, kind="names", **about):
    """Return the models of each run, in the order of its training; every model alone if there are no snapshots."""
    rows = run_rows([{"model": name, "entry": "e"} | about for name in names], kind)
    found = {}
    for name, row in sorted(zip(names, rows, strict=True), key=lambda pair: pair[1]["snapshot"]) if rows else ():
        found.setdefault(row["run"], []).append(name)
    return list(found.values()) or [[name] for name in names]


@pytest.mark.parametrize(
    ("names", "runs"),
    [
        (["runE_epoch001", "runE_epoch002", "runF_epoch001", "runF_epoch002"], [2, 2]),
        (["resnet_ep1_0.81", "resnet_ep12_0.93", "vgg_ep3_0.7"], [2, 1]),
        (["ckpt-1", "ckpt-2"], [2]),
        (["vgg_step1_lr0.1", "vgg_step2_lr0.1", "vgg_step1_lr0.01", "vgg_step2_lr0.01"], [2, 2]),
        (["model_1", "model_2"], [1, 1]),
        (["deep_2", "step", "resnet20", "resnet56"], [1, 1, 1, 1]),
    ],
)
def test_snapshots_of_one_run_are_known_by_their_names(names, runs):
    assert sorted(map(len, runs_by(names)), reverse=True) == runs
    assert run_rows([{"model": name, "entry": name} for name in names]) == []
    assert run_rows([{"model": name, "entry": "e"} for name in names], "models") == []


def test_snapshots_stand_in_the_order_of_their_training():
    names = ["r_epoch10_0.2", "r_epoch9_0.8", "r_epoch100_0.1"]
    assert runs_by(names) == [["r_epoch9_0.8", "r_epoch10_0.2", "r_epoch100_0.1"]]
    assert runs_by(["e@10", "e@9", "e@a"], "entry") == [["e@a", "e@9", "e@10"]]


def test_models_trained_here_are_of_one_run_if_they_differ_in_epochs_only():
    def trained(epochs, rate=0.1, seed=0):
        return {"model": f"g@{epochs}-{rate}-{seed}", "entry": "g", "seed": seed,
                "axes": {"epochs": epochs, "learning_rate": rate}}  # fmt: skip

    rows = run_rows([trained(10), trained(20), trained(10, rate=0.01), trained(20, seed=1), trained(5)], "models")
    assert rows[1] == {"run": "g@20-0.1-0", "snapshot": 3}
    assert [row["run"] for row in rows] == ["g@20-0.1-0"] * 2 + ["g@10-0.01-0", "g@20-0.1-1", "g@20-0.1-0"]
    # a name that our own grid makes says nothing
    assert run_rows([model(f"g@epochs{k}-width8", seed=0) for k in (10, 20)]) == []


def test_an_unknown_kind_of_runs_is_refused():
    with pytest.raises(InputError, match=r"unknown kind of runs 'name'\. Did you mean 'names'"):
        run_rows([model("a")], "name")


def tables(lengths, cause="accuracy", number=0):
    return benchmark.made_up_set(cause, number, lengths)


def test_fewer_than_five_runs_allow_one_verdict_only_and_the_sentence_says_why():
    models, measures = tables([20] * 4)
    found = associated(models, measures)
    row = row_of(found, "caused")
    assert row["verdict_class"] == "cannot be said"
    assert "pooled over 80 models of 4 training runs, effectively 4.0" in row["verdict"]
    assert "snapshots of 4 runs; snapshots of one run are not independent" in row["verdict"]
    assert "at least 5 runs are needed" in row["verdict"]
    page = summary_page("t", models, found.associations, found.held_out, None)
    assert "80 of 80 models are snapshots of 4 training runs (such as run00_epoch000 and run00_epoch019)" in page
    assert "at least 5 runs are needed" in page
    assert {row["verdict_class"] for row in found.associations if row["kind"] == "descriptor"} == {"cannot be said"}


def test_one_long_run_among_short_ones_counts_for_what_it_weighs():
    row = row_of(associated(*tables([60, 2, 2, 2, 2, 2])), "caused")
    assert (row["runs"], row["verdict_class"]) == (6, "cannot be said")
    assert row["effective_runs"] == pytest.approx(70**2 / (60**2 + 5 * 4))
    assert "6 runs that weigh like 1.4 of equal length" in row["verdict"]
    assert "runs of more equal length are needed" in row["verdict"]
    assert row_of(associated(*tables([10, 15, 20, 25, 30])), "caused")["verdict_class"] != "cannot be said"


def test_what_is_true_of_runs_is_claimed_with_their_number():
    found = associated(*tables([20] * 8))
    row = row_of(found, "caused")
    assert row["verdict_class"] in ("associated", "beats rivals")
    assert "160 models of 8 training runs, effectively 8.0" in row["verdict"]
    assert (row["n"], row["runs"], row["effective_runs"]) == (160, 8, pytest.approx(8))
    assert found.columns[found.columns.index("n") + 1 :][:2] == associations.RUN_COLUMNS


def test_independent_models_have_neither_runs_nor_their_columns():
    models, measures = benchmark.made_up_set("accuracy", 0, [20] * 2, named=False)
    found = associated(models, measures)
    assert not {"run", "snapshot"} & set(models)
    assert found.columns == associations.COLUMNS
    assert "takes the 40 models for independent" in summary_page("t", models, found.associations, [], None)


def test_blocks_hold_for_runs_and_a_run_without_a_match_is_left_out():
    """Runs of two architectures, and one of a third that has none to be compared with."""
    models, measures = tables([10] * 11)
    models["architecture"] = np.repeat(["a", "b", "c"], [50, 50, 10])
    row = row_of(associated(models, measures, groups="architecture"), "caused", "within")
    assert (row["n"], row["runs"]) == (100, 10)
    assert row["least_p"] == pytest.approx(1 / 200)  # the permutations; 5! · 5! orders of runs
    alone = row_of(associated(models, measures, controls=["run"]), "caused", "within")
    assert (alone["n"], alone["verdict_class"]) == (0, "cannot be said")


def test_the_order_of_the_table_changes_nothing():
    models, measures = tables([6] * 6)
    shuffled = models.sample(frac=1, random_state=0)
    found, again = (row_of(associated(table, measures), "noise 0") for table in (models, shuffled))
    assert again["kendall"] == pytest.approx(found["kendall"])
    assert again["p_value"] == pytest.approx(found["p_value"], abs=0.15)  # runs are numbered otherwise


def test_snapshots_that_one_run_explains_are_rarely_claimed_and_true_ones_mostly():
    """Seeded and small; benchmarks/snapshot_verdicts.py has the rates. Pooled, noise is claimed in half of the sets."""
    settings = {"resamples": 100, "permutations": 199}
    noise = benchmark.tally("nothing", 25, [12] * 6, settings)
    assert noise["any_p"] <= 0.2
    assert noise["any_claim"] <= 0.2
    pooled = benchmark.tally("nothing", 10, [12] * 6, settings, named=False)
    assert pooled["any_claim"] >= 0.3
    assert benchmark.tally("accuracy", 8, [12] * 6, settings)["claims"] >= 0.75
    assert benchmark.tally("course", 8, [12] * 6, settings)["claims"] <= 0.13
    assert benchmark.tally("accuracy", 2, [12] * 4, settings)["cannot be said"] == 1


def test_the_table_of_models_names_the_run_of_a_snapshot():
    names = ["r_epoch2", "r_epoch1", "other"]
    rows, columns = records.model_rows([model(name) | {"seed": None} for name in names], [metrics()] * 3)
    table = pandas.DataFrame(rows, columns=columns)
    assert table["run"].tolist() == ["r_epoch2", "r_epoch2", "other"]
    assert table["snapshot"].tolist() == [2, 1, 1]


@pytest.mark.skipif("TOPODEPTH_SHARED" not in os.environ, reason="TOPODEPTH_SHARED is not set")
def test_seventeen_public_checkpoints_are_two_runs_and_allow_no_verdict():
    golden = texts.read_table(Path(os.environ["TOPODEPTH_SHARED"], "golden/generalization_runEF.csv"))
    about = [model(Path(file).stem, seed=None) for file in golden["file"]]
    rows, columns = records.model_rows(about, [metrics(accuracy) for accuracy in golden["test_accuracy"]])
    models = pandas.DataFrame(rows, columns=columns)
    assert sorted(run[:4] for run in models["run"].unique()) == ["runE", "runF"]
    measures = pandas.DataFrame(
        records.measure_rows(rows, [pandas.DataFrame(columns=["class"])] * len(rows), [{}] * len(rows))
        + descriptor(models, "logits", golden["logits_E0_mean10"]),
        columns=records.MEASURE_COLUMNS,
    )
    row = row_of(associated(models, measures), "logits")
    assert (row["runs"], row["verdict_class"]) == (2, "cannot be said")
