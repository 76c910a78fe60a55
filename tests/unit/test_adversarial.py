"""Changes under attack are paired, correlations are measured, and a verdict is given only where both agree."""

import json
import runpy
from pathlib import Path

import h5py
import numpy as np
import pandas
import pytest
from scipy import stats

from topodepth import adversarial
from topodepth.errors import InputError

SCRIPT = Path(__file__).parents[2] / "workflow/scripts/compare_attacks.py"
GROUPS = 5
SUCCESS = [0.0, 0.2, 0.5, 0.9]
METRICS = pandas.DataFrame({
    "model": [f"m@a-{k:02d}" for k in range(4)], "epsilon": [0.0, 0.1, 0.2, 0.4], "epsilon_unit": "pixel",
    "accuracy": [0.9, 0.7, 0.4, 0.1], "macro_f1": [0.9, 0.7, 0.4, 0.1], "success_rate": SUCCESS,
})  # fmt: skip
# of each group of images, a length that differs much between groups and little between strengths
LENGTHS = np.array([1.0, 5.0, 9.0, 2.0, 7.0])
CLASSES = {"0": 2.0, "1": 4.0, "2": 12.0}


def bars(total):
    """A diagram of H_0 whose lifespan sum is ``total``, with its essential bar."""
    return np.array([[0.0, total], [0.0, total], [0.0, np.inf]])


def write(folder, k, layer="conv", index=0, *, growth=(1.0, 1.1, 1.2, 1.5), clouds=("all", "class"), null=20.0):
    """A diagram file at strength k: every length grows by a factor, group by group not quite the same."""
    path = folder / f"{k:02d}_{layer}.h5"
    factors = 1 + (growth[k] - 1) * np.array([0.9, 1.1, 1.0, 1.05, 0.95])
    values = {}
    if "all" in clouds:
        values["class_all"] = (LENGTHS * factors).sum()
        values |= {f"null/{draw}/class_all": null * scale for draw, scale in enumerate((0.9, 1.1))}
        values |= {f"jackknife/{g}/class_all": np.delete(LENGTHS * factors, g).sum() for g in range(GROUPS)}
    if "class" in clouds:
        for c, (name, value) in enumerate(CLASSES.items()):
            values[f"class_{name}"] = value * factors[c]
            values |= {f"null/{draw}/class_{name}": null for draw in range(2)}
    with h5py.File(path, "w") as file:
        file.attrs.update({"model": f"m@a-{k:02d}", "layer": layer, "layer_index": index, "dimension": 8, "seed": 0,
                           "relative_depth": (index + 1) / 2, "clouds": "both"})  # fmt: skip
        for name, value in values.items():
            file[f"{name}/H0"] = bars(value)
            file[name].attrs["n_points"] = 50
    return path


def compare(folder, metrics=METRICS, dimensions=(), **options):
    found = adversarial.compare(metrics, [write(folder, k, **options) for k in range(len(metrics))], dimensions)
    return found, pandas.DataFrame(found.changes), pandas.DataFrame(found.trends)


def only(table, **values):
    for key, value in values.items():
        table = table[table[key] == value]
    assert len(table) == 1
    return table.iloc[0]


def totals(k, growth=(1.0, 1.1, 1.2, 1.5)):
    return LENGTHS * (1 + (growth[k] - 1) * np.array([0.9, 1.1, 1.0, 1.05, 0.95]))


def test_the_change_of_the_whole_cloud_has_the_paired_jackknifes_interval(tmp_path):
    _, changes, _ = compare(tmp_path)
    row = only(changes, **{"class": "all"}, version="value", epsilon=0.4)
    change = totals(3).sum() - totals(0).sum()
    assert row["change"] == pytest.approx(change)
    assert row["percent"] == pytest.approx(100 * change / LENGTHS.sum())
    left_out = np.array([np.delete(totals(3) - totals(0), g).sum() for g in range(GROUPS)])
    margin = stats.t.ppf(0.975, GROUPS - 1) * np.sqrt((GROUPS - 1) / GROUPS * ((left_out - left_out.mean()) ** 2).sum())
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((change - margin, change + margin))
    alone = np.array([np.delete(totals(3), g).sum() for g in range(GROUPS)])
    assert margin < 0.7 * stats.t.ppf(0.975, 4) * np.sqrt(0.8 * ((alone - alone.mean()) ** 2).sum())  # pairing pays


def test_the_change_of_the_mean_over_classes_has_students_paired_interval(tmp_path):
    _, changes, _ = compare(tmp_path)
    row = only(changes, **{"class": "mean"}, version="value", epsilon=0.4)
    differences = np.array(list(CLASSES.values())) * 0.5 * np.array([0.9, 1.1, 1.0])
    low, high = stats.t.interval(0.95, 2, differences.mean(), stats.sem(differences))
    assert (row["change"], row["ci_low"], row["ci_high"]) == pytest.approx((differences.mean(), low, high))


def test_a_single_class_changes_without_an_interval(tmp_path):
    _, changes, trends = compare(tmp_path)
    row = only(changes, **{"class": "1"}, version="value", epsilon=0.1)
    assert row["change"] == pytest.approx(4.0 * 0.1 * 1.1)
    assert np.isnan(row["ci_low"])
    assert only(trends, **{"class": "1"}, version="value")["verdict"] == "not tested"


def test_at_strength_0_nothing_has_changed(tmp_path):
    _, changes, _ = compare(tmp_path)
    clean = changes[changes["epsilon"] == 0]
    assert len(clean) == 2 * 5  # value and relative; all, mean and three classes
    assert (clean[["change", "percent"]] == 0).all().all()


def test_relative_values_are_divided_by_the_null_models_mean(tmp_path):
    _, changes, _ = compare(tmp_path)
    row = only(changes, **{"class": "all"}, version="relative", epsilon=0.0)
    assert row["value"] == pytest.approx(LENGTHS.sum() / 20.0)


def test_correlations_are_those_of_the_values_with_success_and_f1(tmp_path):
    growth = (1.0, 1.3, 1.2, 1.5)
    _, changes, trends = compare(tmp_path, growth=growth)
    values = changes[(changes["class"] == "all") & (changes["version"] == "value")].sort_values("epsilon")["value"]
    row = only(trends, **{"class": "all"}, version="value")
    assert row["kendall_success"] == pytest.approx(stats.kendalltau(values, SUCCESS).statistic)
    assert row["spearman_success"] == pytest.approx(stats.spearmanr(values, SUCCESS).statistic)
    assert row["kendall_f1"] == pytest.approx(-row["kendall_success"])
    assert 0 < row["kendall_success"] < 1
    assert -1 <= row["kendall_success_ci_low"] <= row["kendall_success"] <= row["kendall_success_ci_high"] <= 1


@pytest.mark.parametrize(
    ("growth", "verdict", "words"),
    [
        ((1.0, 1.1, 1.2, 1.5), "more complex", "rises by 50"),
        ((1.0, 0.9, 0.8, 0.5), "simpler", "falls by 50"),
        ((1.0, 1.0, 1.0, 1.0), "no change shown", "no change can be shown"),
        ((1.0, 1.9, 1.8, 1.5), "no single direction", "no single direction"),
    ],
)
def test_a_verdict_needs_a_change_and_a_correlation_of_one_direction(tmp_path, growth, verdict, words):
    _, _, trends = compare(tmp_path, growth=growth)
    row = only(trends, **{"class": "all"}, version="value")
    assert row["verdict"] == verdict
    assert words in row["sentence"]
    assert "success 0.00 → 0.90, F1 0.90 → 0.10 at ε = 0.4" in row["sentence"]
    assert "E_0 of all images at layer conv" in row["sentence"]


def test_the_change_is_judged_where_success_is_highest_not_at_the_largest_strength(tmp_path):
    metrics = METRICS.assign(success_rate=[0.0, 0.8, 0.5, 0.1])
    _, _, trends = compare(tmp_path, metrics, growth=(1.0, 1.5, 1.2, 1.1))
    row = only(trends, **{"class": "all"}, version="value")
    assert (row["epsilon"], row["success_rate"]) == (0.1, 0.8)
    assert row["percent"] == pytest.approx(50, abs=2)


def test_the_table_has_every_value_with_the_success_at_its_strength(tmp_path):
    found, _, _ = compare(tmp_path)
    table = pandas.DataFrame(found.rows)
    assert len(table) == 4 * 5
    for k in range(4):
        rows = table[table["model"] == f"m@a-{k:02d}"]
        assert set(rows["success_rate"]) == {SUCCESS[k]}
        assert set(rows["epsilon"]) == {METRICS["epsilon"][k]}
    assert set(table.columns) <= set(adversarial.COLUMNS)
    assert set(found.changes[0]) == set(adversarial.CHANGE_COLUMNS)
    assert set(found.trends[0]) == set(adversarial.TREND_COLUMNS)


def test_dimensions_are_followed_without_a_test(tmp_path):
    about = {"layer": "conv", "layer_index": 0, "relative_depth": 0.5, "class": "all", "descriptor": "two_nn",
             "homology_dimension": float("nan"), "relative_value": float("nan")}  # fmt: skip
    rows = [{**about, "model": f"m@a-{k:02d}", "value": 5.0 + k} for k in range(4)]
    _, changes, trends = compare(tmp_path, dimensions=rows)
    assert only(changes, descriptor="two_nn", epsilon=0.4)["percent"] == pytest.approx(60)
    row = only(trends, descriptor="two_nn")
    assert row["kendall_success"] == pytest.approx(1)
    assert row["verdict"] == "not tested"
    assert (
        "two nn of all images at layer conv rises by 60.0 %; without an interval nothing is tested." in row["sentence"]
    )


def test_the_summary_counts_layers_and_warns_of_an_attack_that_hardly_succeeds(tmp_path):
    paths = [write(tmp_path, k, "first", 0) for k in range(4)]
    paths += [write(tmp_path, k, "last", 1, growth=(1.0, 0.9, 0.8, 0.5)) for k in range(4)]
    found = adversarial.compare(METRICS, paths)
    told = adversarial.summary(METRICS, found.trends)
    assert told[0].startswith("E_0 of all images, 2 layers: more complex at 1, simpler at 1. Last layer: As the attack")
    assert "layer last falls by" in told[0]
    weak = METRICS.assign(success_rate=[0.01, 0.02, 0.02, 0.03])
    told = adversarial.summary(weak, adversarial.compare(weak, paths).trends)
    assert told[0].startswith("The attack hardly succeeds: its success rate is 0.01 on clean images and at most 0.03.")


def test_the_same_call_twice_gives_the_same(tmp_path):
    first, again = compare(tmp_path)[0], compare(tmp_path)[0]
    assert repr(first) == repr(again)


def test_clean_images_are_needed(tmp_path):
    with pytest.raises(InputError, match=r"metrics: expected a row of the clean images, epsilon 0\. Received: none"):
        adversarial.compare(METRICS[1:], [])


def test_a_missing_file_and_a_foreign_model_are_named(tmp_path):
    paths = [write(tmp_path, k) for k in range(4)]
    with pytest.raises(InputError, match=r"m@a-02: expected lifespan_sum of layer conv, class all\. Received: none"):
        adversarial.compare(METRICS, paths[:2] + paths[3:])
    with pytest.raises(InputError, match=r"unknown model of .*03_conv.h5 'm@a-03'"):
        adversarial.compare(METRICS[:3], paths)


def test_the_command_writes_three_tables_and_a_page_with_the_sentences(tmp_path, monkeypatch):
    METRICS.to_csv(tmp_path / "metrics.csv", index=False)
    (tmp_path / "conv").mkdir()
    for k in range(4):
        write(tmp_path / "conv", k)
    options = {"descriptors": ["lifespan_sum"], "parameters": {}, "title": "Attack <on> m"}
    made = {name: str(tmp_path / f"{name}.made") for name in ("table", "changes", "trends", "summary")}
    monkeypatch.setattr("sys.argv", [
        str(SCRIPT), "--metrics", str(tmp_path / "metrics.csv"), "--diagrams", str(tmp_path / "conv"), "--settings",
        json.dumps(options), *[item for name, path in made.items() for item in (f"--{name}", path)],
    ])  # fmt: skip
    runpy.run_path(str(SCRIPT), run_name="__main__")
    tables = {name: pandas.read_csv(made[name]) for name in ("table", "changes", "trends")}
    assert {name: list(table.columns) for name, table in tables.items()} == {
        "table": list(adversarial.COLUMNS),
        "changes": list(adversarial.CHANGE_COLUMNS),
        "trends": list(adversarial.TREND_COLUMNS),
    }
    page = Path(made["summary"]).read_text()
    assert "Attack &lt;on&gt; m" in page
    assert only(tables["trends"], **{"class": "all"}, version="value")["sentence"] in page
