"""What is said of a set of models follows from its tables, and what cannot be said is said to be so."""

import math
import os
import re
from pathlib import Path

import numpy as np
import pandas
import pytest
from generalization_models import QUICK, associated, descriptor, model, row_of, tables_of
from scipy import stats

from tests import jobs
from topodepth.experiments.generalization import records
from topodepth.experiments.generalization.design import Scope
from topodepth.experiments.generalization.summary import disagreements, summary_page
from topodepth.experiments.generalization.verdicts import verdict
from topodepth.files import texts

benchmark = jobs.benchmark("generalization_verdicts")


@pytest.fixture(scope="module")
def opposed():
    """Two architectures: the descriptor falls with the error in both, and rises with it between them."""
    rng = np.random.default_rng(0)
    error = np.concatenate([np.linspace(0.1, 0.2, 10), np.linspace(0.5, 0.6, 10)])
    falling = -20 * error + 30 * (error > 0.4) + rng.normal(scale=0.1, size=20)
    return tables_of(
        1 - error, {"falling": falling, "noise": rng.normal(size=20)}, architecture=["a"] * 10 + ["b"] * 10
    )


def test_coefficients_are_those_of_scipy(opposed):
    models, measures = opposed
    found = row_of(associated(*opposed), "falling")
    x = measures.loc[measures["measure"] == "falling", "value"]
    for name, function in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
        assert found[name] == pytest.approx(function(x, models["test_error"])[0])
        assert found[f"{name}_low"] <= found[name] <= found[f"{name}_high"]


def test_pooled_and_within_answers_that_differ_are_both_there_and_named(opposed):
    found = associated(*opposed, groups="architecture")
    assert row_of(found, "falling")["pearson"] > 0.9
    for scope in ("within", "group:a", "group:b"):
        assert row_of(found, "falling", scope)["kendall"] < -0.7
    told = disagreements(found.associations)
    assert "falling: pooled +" in told[0]
    assert "within" in told[0]
    page = summary_page("t", opposed[0], found.associations, found.held_out, "architecture")
    assert told[0] in page


def test_groups_that_are_values_are_told_with_what_they_are_values_of(opposed):
    models, measures = opposed
    models = models.assign(label_noise=[0.0] * 10 + [0.2] * 10, architecture=["a", "b"] * 10)
    found = associated(models, measures, groups="label_noise", controls=["architecture"])
    told = disagreements(found.associations, "label_noise")
    assert "within label noise 0." in told[0]
    page = summary_page("t", models, found.associations, found.held_out, "label_noise")
    assert "held-out label noise better" in page
    assert "label_noise" not in page


def test_scopes_that_agree_are_not_said_to_differ():
    error = np.linspace(0.1, 0.6, 20)
    found = associated(*tables_of(1 - error, {"d": error}, architecture=["a", "b"] * 10), groups="architecture")
    assert row_of(found, "d", "within")["kendall"] == pytest.approx(1)
    assert disagreements(found.associations) == []


def test_every_descriptor_tried_is_paid_for_and_rivals_cost_nothing(opposed):
    models, measures = opposed
    rng = np.random.default_rng(1)
    more = [row for k in range(20) for row in descriptor(models, f"more {k}", rng.normal(size=20))]
    few = row_of(associated(*opposed), "noise")
    alone = row_of(associated(models, measures[measures["kind"] == "descriptor"]), "noise")
    many = row_of(associated(models, pandas.concat([measures, pandas.DataFrame(more)])), "noise")
    assert few["p_value"] == alone["p_value"] == many["p_value"]
    assert few["p_value"] <= few["p_corrected"] < many["p_corrected"]
    assert alone["p_corrected"] == few["p_corrected"]


def test_a_measure_is_not_given_itself(opposed):
    found = associated(*opposed, covariates=["train_accuracy", "architecture"])
    assert row_of(found, "falling")["partial_given"] == "train_accuracy, architecture"
    assert row_of(found, "train_accuracy")["partial_given"] == "architecture"


def test_the_same_call_gives_the_same_rows(opposed):
    first, second = (pandas.DataFrame(associated(*opposed, groups="architecture").associations) for _ in range(2))
    pandas.testing.assert_frame_equal(first, second)


def test_a_grid_and_groups_held_out_have_their_own_rows():
    models, measures = benchmark.made_up_set("accuracy", 0)
    models["architecture"] = ["a", "b"] * 18
    found = associated(models, measures, groups="architecture", axes=["depth", "epochs"])
    axes = [row for row in found.granulated if row["measure"] == "caused"]
    assert [(row["axis"], row["cells"], row["skipped"]) for row in axes] == [("depth", 3, 0), ("epochs", 3, 0)]
    assert row_of(found, "caused")["granulated"] == pytest.approx(np.mean([row["psi"] for row in axes]))
    groups = [row for row in found.held_out if row["measure"] == "caused"]
    assert [(row["group"], row["n"]) for row in groups] == [("a", 18), ("b", 18)]
    assert all(row["rmse"] < row["baseline_rmse"] for row in groups)


# verdicts


def shares(cause, sets):
    return benchmark.tally(cause, sets, QUICK | {"axes": []})


def test_a_descriptor_caused_by_the_accuracy_is_found_and_beats_its_rivals_more_often_than_not():
    found = shares("accuracy", 8)
    assert found["claims"] == 1
    assert found["beats rivals"] >= 0.5


@pytest.mark.parametrize("cause", ["training", "epochs"])
def test_a_descriptor_caused_by_something_else_is_laid_to_that(cause):
    found = shares(cause, 8)
    assert found["beats rivals"] == 0
    assert found["claims"] <= 0.25
    assert found["explained by covariates"] >= 0.5


def test_noise_is_called_noise():
    found = shares("noise", 24)
    assert found["no association shown"] >= 0.8  # all but five, which chance makes of 24 once in 500
    assert found["family"] <= 5 / 24


def verdict_of(models, measures, measure="d", **settings):
    found = associated(models, measures, **settings)
    page = summary_page("t", models, found.associations, found.held_out, settings.get("groups"))
    assert page.count("<h1>") == 1
    row = row_of(found, measure)
    assert row["verdict"].startswith(f"{row['verdict_class']}: ")
    return row["verdict_class"], row["verdict"], page


@pytest.mark.parametrize(
    ("count", "values", "controls", "reason"),
    [
        (1, 0.5, [], "pooled over 1 models, 1 of them with a value; at least 8 are needed"),
        (7, None, [], "at least 8 are needed"),
        (12, 0.5, [], "the measure is constant"),
        (12, np.nan, [], "0 of them with a value"),
        (8, None, ["pair"], "too few orders"),  # four pairs: 16 orders
        (12, None, ["model"], "within blocks of equal model (0 models)"),
    ],
)
def test_what_cannot_be_said_is_said_with_its_reason(count, values, controls, reason):
    error = np.linspace(0.1, 0.5, count)
    models, measures = tables_of(1 - error, {"d": error if values is None else np.full(count, values)})
    models["pair"] = [str(k // 2) for k in range(count)]
    kind, sentence, _ = verdict_of(models, measures, controls=controls)
    assert kind == "cannot be said"
    assert reason in sentence


def test_one_architecture_tied_models_and_unknown_rivals_are_said():
    error = np.linspace(0.1, 0.5, 12)
    kind, sentence, page = verdict_of(*tables_of(1 - error, {"d": error}), groups="architecture")
    assert kind == "associated"
    assert "whether it beats logit spread cannot be said" in sentence
    assert "All models have the same architecture: what holds for another one cannot be said." in page
    kind, sentence, _ = verdict_of(*tables_of(np.full(12, 0.8), {"d": error}))
    assert kind == "cannot be said"
    assert "the target is constant" in sentence


def test_accuracies_only_stated_leave_the_gap_unsaid_and_the_page_says_so():
    about = [model(f"m{k}", stated_accuracy=0.5 + k / 40) for k in range(12)]
    rows, columns = records.model_rows(about, [None] * 12)
    models = pandas.DataFrame(rows, columns=columns)
    measures = pandas.DataFrame(descriptor(models, "d", np.arange(12.0)), columns=records.MEASURE_COLUMNS)
    found = associated(models, measures, targets=["test_error", "gap"], covariates=["train_accuracy"])
    assert row_of(found, "d")["verdict_class"] == "associated"
    assert row_of(found, "d", target="gap")["verdict"].startswith("cannot be said: pooled over 0 models")
    page = summary_page("t", models, found.associations, found.held_out, None)
    assert "The test accuracy of 12 of them was not measured here: it is the one that their files state." in page
    sentence = row_of(found, "d")["verdict"]
    assert "training accuracy could not be given, being unknown for some or all models" in sentence
    assert "differs between the models" not in sentence


def test_no_descriptors_and_no_models_with_accuracy_make_a_page_all_the_same():
    models, measures = tables_of(np.full(3, np.nan), {})
    found = associated(models, measures)
    page = summary_page("t", models, found.associations, found.held_out, None)
    assert "none with a known test accuracy" in page
    assert "no descriptor was measured" in page


def test_nothing_left_by_the_covariates_is_explained_by_them():
    """Training accuracy orders the models as test accuracy does: no residual, and not for want of models."""
    rng = np.random.default_rng(0)
    test = np.sort(rng.uniform(0.5, 0.9, 12))
    noisy = -test + rng.normal(scale=0.01, size=12)
    kind, sentence, _ = verdict_of(*tables_of(test, {"d": noisy}, train=test**0.5), covariates=["train_accuracy"])
    assert kind == "explained by covariates"
    assert "given training accuracy, nothing is left: they determine the order of the models by the target" in sentence


def test_a_descriptor_that_is_a_covariate_in_disguise_is_explained_by_it():
    rng = np.random.default_rng(0)
    test = np.sort(rng.uniform(0.5, 0.9, 12))
    train = test + rng.normal(scale=0.02, size=12)
    kind, sentence, _ = verdict_of(*tables_of(test, {"d": -(train**3)}, train=train), covariates=["train_accuracy"])
    assert kind == "explained by covariates"
    assert "by this descriptor" in sentence


def test_too_few_models_for_the_covariates_is_no_verdict():
    rng = np.random.default_rng(0)
    models, measures = tables_of(
        np.linspace(0.5, 0.9, 12), {"d": np.linspace(1, 0, 12) + rng.normal(scale=0.01, size=12)}
    )
    covariates = [f"c{k}" for k in range(9)]
    models[covariates] = rng.normal(size=(12, 9))
    kind, sentence, _ = verdict_of(models, measures, covariates=covariates)
    assert kind == "cannot be said"
    assert "too few models for the covariates" in sentence


def test_opposite_directions_are_a_class_of_their_own():
    """Among all models the descriptor rises with the error, among models of equal training accuracy it falls."""
    rng = np.random.default_rng(0)
    train, own = rng.normal(size=40), rng.normal(size=40)
    error = train + 0.3 * own
    tables = tables_of(0.5 - error / 10, {"d": train - 0.3 * own}, train=0.9 - train / 20)
    kind, sentence, page = verdict_of(*tables, covariates=["train_accuracy"])
    assert kind == "the sign turns"
    assert "1 goes with it, but in the opposite direction once the covariates are given" in page
    found = row_of(associated(*tables, covariates=["train_accuracy"]), "d")
    assert found["kendall"] > 0.5
    assert found["partial"] < -0.5
    assert "τ = +" in sentence
    assert "partial r = −" in sentence


def test_partial_correlations_pay_for_every_descriptor_tried():
    rng = np.random.default_rng(3)
    test = rng.uniform(0.5, 0.9, 20)
    noise = {f"noise {k}": rng.normal(size=20) for k in range(19)}
    tables = tables_of(test, {"d": test + rng.normal(scale=0.3, size=20), **noise}, train=rng.uniform(0.8, 0.9, 20))
    few = row_of(
        associated(tables[0], tables[1][~tables[1]["measure"].isin(noise)], covariates=["train_accuracy"]), "d"
    )
    many = row_of(associated(*tables, covariates=["train_accuracy"]), "d")
    assert few["partial"] == many["partial"]
    assert few["partial_p"] == few["partial_corrected"] == many["partial_p"]
    every = [row_of(associated(*tables, covariates=["train_accuracy"]), name) for name in ("d", *list(noise)[:5])]
    assert all(row["partial_corrected"] >= row["partial_p"] for row in every)
    assert sum(row["partial_corrected"] > row["partial_p"] for row in every) >= 5


KNOWN = {
    "n": 20, "reason": "", "kendall": 0.6, "kendall_low": 0.4, "kendall_high": 0.8, "p_corrected": 0.001,
    "least_p": 0.0001, "partial": 0.5, "partial_low": 0.2, "partial_high": 0.8, "partial_corrected": 0.01,
    "partial_given": "train_accuracy", "partial_reason": "", "granulated": 0.1, "cells_skipped": 0,
    **{f"beats_{rival}{end}": value for rival in ("train_accuracy", "logit_spread")
       for end, value in (("", 0.2), ("_low", 0.1), ("_high", 0.3))},
}  # fmt: skip


@pytest.mark.parametrize(
    ("undefined", "expected"),
    [
        ((), "beats rivals"),
        (("p_corrected",), "cannot be said"),
        (("partial", "partial_low", "partial_high", "partial_corrected"), "cannot be said"),
        (("partial_low", "partial_high"), "beats rivals"),
        (("beats_train_accuracy", "beats_train_accuracy_low", "beats_train_accuracy_high"), "associated"),
        (("beats_logit_spread_low", "beats_logit_spread_high"), "associated"),
        (("kendall_low", "kendall_high", "granulated"), "beats rivals"),
    ],
)
def test_no_class_follows_from_a_comparison_with_nan(undefined, expected):
    """What is undefined never makes a claim stronger, and is never called a result."""
    everything = Scope("all", np.arange(20), None, (), "pooled over 20 models")
    row = KNOWN | dict.fromkeys(undefined, math.nan)
    found = verdict(row, row, everything, everything)
    assert found.kind == expected
    assert "nan" not in found.sentence
    beaten = {"beats_logit_spread": "logit spread", "beats_train_accuracy": "training accuracy"}
    for name, text in beaten.items():
        if f"{name}_low" in undefined:
            assert f"whether it beats {text} cannot be said" in found.sentence
            assert f"not shown to beat {text}" not in found.sentence


def test_the_page_answers_first_and_says_what_it_supposes():
    error = np.linspace(0.1, 0.5, 12)
    rng = np.random.default_rng(0)
    models, measures = tables_of(
        1 - error, {"d": error, "noise": rng.normal(size=12)}, logits=[{"logit_spread": v} for v in error]
    )
    found = associated(models, measures)
    paragraphs = re.findall(r"<p>(.*?)</p>", summary_page("t", models, found.associations, found.held_out, None))
    assert paragraphs[0].startswith(
        "None of 2 descriptors is shown to tell the test error better than training accuracy"
    )
    assert "1 goes with it" in paragraphs[0]
    assert "takes the 12 models for independent" in paragraphs[1]
    assert "Snapshots of one training run are not" in paragraphs[1]


def test_without_blocks_no_column_repeats_the_pooled_answer(opposed):
    def columns(**settings):
        found = associated(*opposed, **settings)
        return re.findall(r"<th>(.*?)</th>", summary_page("t", opposed[0], found.associations, found.held_out, None))

    alone, blocks = columns(), columns(groups="architecture")
    assert "τ" in alone
    assert not [name for name in alone if "within" in name or "pooled" in name]
    assert {"τ within blocks", "τ pooled"} <= set(blocks)


# other people's models


def two_runs(architectures):
    """The original's measure on seventeen models of two training runs, with their accuracies."""
    folder = Path(os.environ["TOPODEPTH_SHARED"])
    golden = texts.read_table(folder / "golden/generalization_runEF.csv")
    known = texts.read_table(folder / "data/models/models.csv").set_index("file")
    train = known.loc[golden["file"], "train_accuracy_932"].to_numpy()
    names = {"lifespan_sum H0, logits": "logits_E0_mean10", "lifespan_sum H0, penultimate": "penultimate_E0_mean10"}
    described = {name: golden[column] for name, column in names.items()}
    own = [file[:4] if architectures == 2 else "resnet20" for file in golden["file"]]
    return tables_of(golden["test_accuracy"], described, train=train, architecture=own)


@pytest.mark.skipif("TOPODEPTH_SHARED" not in os.environ, reason="TOPODEPTH_SHARED is not set")
def test_two_runs_taken_for_one_directory_give_an_answer_that_does_not_last():
    settings = {"groups": "architecture", "covariates": ["train_accuracy"]}
    pooled = associated(*two_runs(1), **settings)
    assert row_of(pooled, "lifespan_sum H0, logits")["verdict_class"] == "associated"
    found = associated(*two_runs(2), **settings)
    assert row_of(found, "lifespan_sum H0, logits")["verdict_class"] == "explained by covariates"
    first, second = (row_of(found, "lifespan_sum H0, penultimate", f"group:run{run}")["kendall"] for run in "EF")
    assert first > 0 > second
    assert disagreements(found.associations)
