"""Changes under attack are paired, and a verdict is given only where the change and the rank test agree."""

import json
import logging
import runpy
from html import unescape
from pathlib import Path

import h5py
import numpy as np
import pandas
import pytest
from scipy import stats

from topodepth import statistics
from topodepth.errors import InputError
from topodepth.experiments import adversarial
from topodepth.jobs import commands

SCRIPT = Path(__file__).parents[2] / "workflow/scripts/compare_attacks.py"
GROUPS = 5
SUCCESS = [0.0, 0.2, 0.5, 0.7, 0.9]
F1 = [0.9, 0.7, 0.4, 0.3, 0.1]
RISING = (1.0, 1.1, 1.2, 1.4, 1.5)
METRICS = pandas.DataFrame({
    "model": [f"m@a-{k:02d}" for k in range(5)], "epsilon": [0.0, 0.1, 0.2, 0.3, 0.4], "epsilon_unit": "pixel",
    "accuracy": F1, "macro_f1": F1, "success_rate": SUCCESS,
})  # fmt: skip
# of each group of images, a length that differs much between groups and little between strengths
LENGTHS = np.array([1.0, 5.0, 9.0, 2.0, 7.0])
CLASSES = {"0": 2.0, "1": 4.0, "2": 12.0}


def bars(total):
    """A diagram of H_0 whose lifespan sum is ``total``, with its essential bar."""
    return np.array([[0.0, total], [0.0, total], [0.0, np.inf]])


def write(folder, k, layer="conv", index=0, *, growth=RISING, clouds=("all", "class"), null=20.0, draws=(0.9, 1.1)):
    """A diagram file at strength k: every length grows by a factor, group by group not quite the same.

    ``draws``: of each draw of the null model of all images, its share of ``null``: one number, or one a strength.
    """
    path = folder / f"{k:02d}_{layer}.h5"
    factors = 1 + (growth[k] - 1) * np.array([0.9, 1.1, 1.0, 1.05, 0.95])
    values = {}
    if "all" in clouds:
        values["class_all"] = (LENGTHS * factors).sum()
        for draw, share in enumerate(draws):
            values[f"null/{draw}/class_all"] = null * (share if np.isscalar(share) else share[k])
        values |= {f"jackknife/{g}/class_all": np.delete(LENGTHS * factors, g).sum() for g in range(GROUPS)}
    if "class" in clouds:
        for c, (name, value) in enumerate(CLASSES.items()):
            values[f"class_{name}"] = value * factors[c]
            values |= {f"null/{draw}/class_{name}": null for draw in range(len(draws))}
    with h5py.File(path, "w") as file:
        file.attrs.update({"model": f"m@a-{k:02d}", "layer": layer, "layer_index": index, "dimension": 8, "seed": 0,
                           "relative_depth": (index + 1) / 2, "clouds": "both"})  # fmt: skip
        for name, value in values.items():
            file[f"{name}/H0"] = bars(value)
            file[name].attrs["n_points"] = 50
    return path


def compare(folder, metrics=METRICS, dimensions=(), names=("lifespan_sum",), **options):
    paths = [write(folder, k, **options) for k in range(len(metrics))]
    found = adversarial.compare(metrics, paths, dimensions, names=names)
    return found, pandas.DataFrame(found.changes), pandas.DataFrame(found.trends)


def only(table, **values):
    for key, value in values.items():
        table = table[table[key] == value]
    assert len(table) == 1
    return table.iloc[0]


def totals(k, growth=RISING):
    return LENGTHS * (1 + (growth[k] - 1) * np.array([0.9, 1.1, 1.0, 1.05, 0.95]))


def test_the_change_of_the_whole_cloud_has_the_paired_jackknifes_interval(tmp_path):
    _, changes, _ = compare(tmp_path)
    row = only(changes, **{"class": "all"}, version="value", epsilon=0.4)
    change = totals(4).sum() - totals(0).sum()
    assert row["change"] == pytest.approx(change)
    assert row["percent"] == pytest.approx(100 * change / LENGTHS.sum())
    left_out = np.array([np.delete(totals(4) - totals(0), g).sum() for g in range(GROUPS)])
    margin = stats.t.ppf(0.975, GROUPS - 1) * np.sqrt((GROUPS - 1) / GROUPS * ((left_out - left_out.mean()) ** 2).sum())
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((change - margin, change + margin))
    alone = np.array([np.delete(totals(4), g).sum() for g in range(GROUPS)])
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
    _, changes, trends = compare(tmp_path, growth=(1.0, 1.3, 1.2, 1.4, 1.5))
    values = changes[(changes["class"] == "all") & (changes["version"] == "value")].sort_values("epsilon")["value"]
    row = only(trends, **{"class": "all"}, version="value")
    expected = stats.kendalltau(values, SUCCESS, method="exact")
    assert (row["kendall_success"], row["kendall_success_p"]) == pytest.approx((expected.statistic, expected.pvalue))
    assert row["spearman_success"] == pytest.approx(stats.spearmanr(values, SUCCESS).statistic)
    assert row["kendall_f1"] == pytest.approx(-row["kendall_success"])
    assert 0 < row["kendall_success"] < 1


@pytest.mark.parametrize(
    ("growth", "verdict", "words"),
    [
        (RISING, "more complex", "rises by 50"),
        ((1.0, 0.9, 0.8, 0.6, 0.5), "simpler", "falls by 50"),
        ((1.0, 1.0, 1.0, 1.0, 1.0), "no change shown", "is the same at all strengths"),
        ((1.0, 1.9, 1.8, 1.7, 1.5), "no single direction", "no single direction"),
        ((1.0, 1.2, 1.1, 1.5, 1.4), "no single direction", "τ over the strengths +0.60 with success, p = 0.23"),
    ],
)
def test_a_verdict_needs_a_change_and_a_rank_test_of_one_direction(tmp_path, growth, verdict, words):
    _, _, trends = compare(tmp_path, growth=growth)
    row = only(trends, **{"class": "all"}, version="value")
    assert row["verdict"] == verdict
    assert words in row["sentence"]
    assert "success 0.00 → 0.90, F1 0.90 → 0.10 at ε = 0.4" in row["sentence"]
    assert "lifespan sum E_0 of all images at layer conv" in row["sentence"]


def test_four_strengths_are_too_few_for_a_direction(tmp_path):
    _, _, trends = compare(tmp_path, METRICS[:4])
    row = only(trends, **{"class": "all"}, version="value")
    assert (row["kendall_success"], row["kendall_success_p"]) == pytest.approx((1.0, 2 / 24))
    assert row["verdict"] == "too few strengths"
    assert "expected at least 5" in row["sentence"]


def test_what_does_not_change_has_neither_percentages_nor_an_interval(tmp_path):
    _, changes, trends = compare(tmp_path, growth=(1.0,) * 5)
    row = only(trends, **{"class": "all"}, version="value")
    assert "%" not in row["sentence"]
    assert np.isnan([row["percent_ci_low"], row["kendall_success"], row["kendall_success_p"]]).all()
    assert changes[["ci_low", "ci_high", "percent_ci_low", "percent_ci_high"]].isna().all(axis=None)


def test_an_attack_that_changes_neither_success_nor_f1_tests_nothing(tmp_path):
    _, _, trends = compare(tmp_path, METRICS.assign(success_rate=0.0, macro_f1=0.9))
    row = only(trends, **{"class": "all"}, version="value")
    assert row["verdict"] == "not tested"
    assert np.isnan([row["kendall_success"], row["kendall_success_p"]]).all()
    assert row["percent"] == pytest.approx(50, abs=2)  # at the largest strength


def test_a_change_that_no_group_moves_has_no_interval(tmp_path):
    """The longest bar grows, and is the same without any group: a jackknife of width 0 shows nothing."""
    found, _, _ = compare(tmp_path, names=["persistent_entropy", "longest_bar"], clouds=("all",))
    assert {row["verdict"] for row in found.trends if row["descriptor"] == "persistent_entropy"} == {"no change shown"}
    series = adversarial.Series({}, np.array([1.0, 2.0]), [np.array([[1.0, 2.0]] * 5)])
    assert series.percent(1).value == pytest.approx(100)
    assert np.isnan([series.percent(1).low, series.change(1).low]).all()


def test_the_peak_of_the_betti_curve_of_h0_is_the_number_of_points_and_is_left_out(tmp_path):
    found, changes, trends = compare(tmp_path, names=["betti_peak", "lifespan_sum"])
    assert set(trends["descriptor"]) == set(changes["descriptor"]) == {"lifespan_sum"}
    assert {row["descriptor"] for row in found.rows} == {"betti_peak", "lifespan_sum"}


def test_a_relative_change_has_the_chance_of_the_null_models_draws_in_its_interval(tmp_path):
    draws = ((0.9, 0.9, 0.9, 0.9, 0.7), (1.1, 1.1, 1.1, 1.1, 1.4), (1.0, 1.0, 1.0, 1.0, 0.9))
    _, changes, _ = compare(tmp_path, clouds=("all",), draws=draws)
    alone, relative = (only(changes, version=version, epsilon=0.4) for version in ("value", "relative"))
    null = np.array(draws)[:, [0, 4]]
    assert relative["percent"] == pytest.approx((100 + alone["percent"]) / null[:, 1].mean() - 100)
    # by hand: half-widths over groups of images and over draws, each of the logarithm of the ratio, in quadrature
    groups = np.log([np.delete(totals(4), g).sum() / np.delete(totals(0), g).sum() for g in range(GROUPS)])
    others = [np.delete(null, d, axis=0).mean(axis=0) for d in range(3)]
    parts = np.array([GROUPS - 1, 2]) * [groups.var(), np.log([other[1] / other[0] for other in others]).var()]
    margin = (stats.t.ppf(0.975, [GROUPS - 1, 2]) ** 2 @ parts) ** 0.5
    bounds = 100 * np.expm1(np.log1p(relative["percent"] / 100) + np.array([-margin, margin]))
    assert (relative["percent_ci_low"], relative["percent_ci_high"]) == pytest.approx(tuple(bounds))


def test_one_draw_of_the_null_model_cannot_tell_its_chance(tmp_path):
    _, changes, trends = compare(tmp_path, clouds=("all",), draws=(1.0,))
    assert only(changes, version="relative", epsilon=0.4)[["ci_low", "percent_ci_low"]].isna().all()
    row = only(trends, version="relative")
    assert row["verdict"] == "not tested"
    assert "without an interval nothing is tested" in row["sentence"]


def test_relative_intervals_cover_where_the_null_models_draws_are_most_of_the_chance():
    """300 worlds with a true change of +20 %: groups of images scatter by 2 %, a draw of the null model by 20 %."""
    rng = np.random.default_rng(0)
    covered = {"joint": 0, "as if the null were known": 0}
    for _ in range(300):
        groups = rng.normal([1.0, 1.2], 0.02 * GROUPS**0.5, (GROUPS, 2))
        draws = rng.lognormal(0, 0.2, (3, 2))
        null, others = draws.mean(axis=0), (draws.sum(axis=0) - draws) / 2
        full, without = groups.mean(axis=0), (groups.sum(axis=0) - groups) / (GROUPS - 1)
        for name, sources in (("joint", [without / null, full / others]), ([*covered][1], [without / null])):
            found = adversarial.Series({}, full / null, sources).percent(1)
            covered[name] += found.low <= 20 <= found.high
    assert 0.91 <= covered["joint"] / 300 <= 0.99  # three standard errors around 95 %
    assert covered["as if the null were known"] / 300 < 0.5


def test_bounds_of_a_change_in_percent_stay_above_minus_100():
    rng = np.random.default_rng(0)
    left_out = [np.column_stack([rng.uniform(0.5, 3, 5), rng.uniform(0.1, 9, 5)])]
    found = adversarial.Series({}, np.array([1.0, 2.0]), left_out).percent(1)
    assert -100 < found.low < found.value < found.high
    assert found.high > 1000  # little is known, and that is said


def test_undefined_intervals_are_said_once_with_their_number(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        compare(tmp_path, clouds=("all",), draws=(1.0,))
    assert [record.getMessage()[:37] for record in caplog.records] == ["4 of 8 changes have no interval: a va"]


def test_the_change_is_judged_where_success_is_highest_not_at_the_largest_strength(tmp_path):
    metrics = METRICS.assign(success_rate=[0.0, 0.8, 0.5, 0.1, 0.1])
    _, _, trends = compare(tmp_path, metrics, growth=(1.0, 1.5, 1.2, 1.1, 1.1))
    row = only(trends, **{"class": "all"}, version="value")
    assert (row["epsilon"], row["success_rate"]) == (0.1, 0.8)
    assert row["percent"] == pytest.approx(50, abs=2)


def test_the_table_has_every_value_with_the_success_at_its_strength(tmp_path):
    found, _, _ = compare(tmp_path)
    table = pandas.DataFrame(found.rows)
    assert len(table) == 5 * 5
    for k in range(5):
        rows = table[table["model"] == f"m@a-{k:02d}"]
        assert set(rows["success_rate"]) == {SUCCESS[k]}
        assert set(rows["epsilon"]) == {METRICS["epsilon"][k]}
    assert set(table.columns) <= set(adversarial.COLUMNS)
    assert set(found.changes[0]) == set(adversarial.CHANGE_COLUMNS)
    assert set(found.trends[0]) == set(adversarial.TREND_COLUMNS)


def test_dimensions_are_followed_without_a_test(tmp_path):
    about = {"layer": "conv", "layer_index": 0, "relative_depth": 0.5, "class": "all", "descriptor": "two_nn",
             "homology_dimension": float("nan"), "relative_value": float("nan")}  # fmt: skip
    rows = [{**about, "model": f"m@a-{k:02d}", "value": 5.0 + k} for k in range(5)]
    _, changes, trends = compare(tmp_path, dimensions=rows)
    assert only(changes, descriptor="two_nn", epsilon=0.4)["percent"] == pytest.approx(80)
    row = only(trends, descriptor="two_nn")
    assert row["kendall_success"] == pytest.approx(1)
    assert row["verdict"] == "not tested"
    assert "TwoNN dimension of all images at layer conv rises by 80.0 %" in row["sentence"]
    assert "without an interval nothing is tested" in row["sentence"]


def two_layers(folder, metrics=METRICS):
    paths = [write(folder, k, "first", 0) for k in range(len(metrics))]
    paths += [write(folder, k, "last", 1, growth=(1.0, 0.9, 0.8, 0.6, 0.5)) for k in range(len(metrics))]
    return adversarial.compare(metrics, paths).trends


def test_the_answer_comes_first_and_counts_the_tests(tmp_path):
    told = adversarial.answer(METRICS, two_layers(tmp_path))
    assert told[0].startswith("As the attack succeeds, topology becomes more complex by 4 and simpler by 4 of 8 tests")
    assert "no one answer" in told[0]
    assert len(told) <= 6
    assert told[-1].startswith("As the attack succeeds (success 0.00 → 0.90")


def test_the_answer_says_that_an_attack_hardly_succeeds_or_cannot_be_rated(tmp_path):
    weak = METRICS.assign(success_rate=[0.01, 0.02, 0.02, 0.03, 0.03])
    assert "hardly succeeds" in adversarial.answer(weak, two_layers(tmp_path, weak))[1]
    told = adversarial.answer(METRICS.assign(success_rate=np.nan), two_layers(tmp_path))[1]
    assert "hardly succeeds" not in told
    assert "success rate is undefined" in told


def test_the_answer_says_when_nothing_is_shown(tmp_path):
    told = adversarial.answer(METRICS[:4], two_layers(tmp_path, METRICS[:4]))
    assert told[0].startswith("Too few strengths to tell")
    assert len(told) == 2  # and no paragraph for each measure
    nothing = compare(tmp_path, growth=(1.0, 1.9, 1.8, 1.7, 1.5))[0].trends
    assert adversarial.answer(METRICS, nothing)[0].startswith("No direction is shown: by none of 4 tests")


def test_a_few_directions_among_many_tests_are_no_more_than_chance(tmp_path):
    trends = two_layers(tmp_path)
    nothing = [{**row, "verdict": "no change shown"} for row in trends] * 40
    told = adversarial.answer(METRICS, [*trends, *nothing])[0]
    assert told.startswith("No direction is shown: of ")
    assert "4 say more complex and 4 simpler, no more than chance gives." in told


def test_what_is_said_of_every_interval_is_logged_once_with_its_number(caplog):
    def main():
        for k in range(1, 31):
            statistics.ratio_interval([1.0] * 40, [0.0] * k + [1.0] * (40 - k))

    with caplog.at_level(logging.WARNING):
        commands.run(main)
    assert [record.getMessage() for record in caplog.records] == [
        "ratios: dropped 1 undefined of 40 replicates",
        "29 more like: %s: dropped %d undefined of %d replicates",
    ]


def test_the_table_by_measure_has_a_row_for_each_and_the_last_layer(tmp_path):
    table = adversarial.tables_of(METRICS, two_layers(tmp_path))[0]
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [(row["measure"], row["cloud"]) for row in rows] == [
        (name, cloud)
        for name in ("lifespan sum E_0", "lifespan sum E_0 relative to the null model")
        for cloud in ("all images", "the mean over classes")
    ]
    assert all(sum(row[verdict] or 0 for verdict in adversarial.VERDICTS) == row["layers"] == 2 for row in rows)
    assert rows[0]["last layer"] == "last"
    assert rows[0]["its change, %"] == pytest.approx(-50, abs=2)


def test_the_same_call_twice_gives_the_same(tmp_path):
    first, again = compare(tmp_path)[0], compare(tmp_path)[0]
    assert repr(first) == repr(again)


def test_clean_images_are_needed(tmp_path):
    with pytest.raises(InputError, match=r"metrics: expected a row of the clean images, epsilon 0\. Received: none"):
        adversarial.compare(METRICS[1:], [])


def test_a_missing_file_and_a_foreign_model_are_named(tmp_path):
    paths = [write(tmp_path, k) for k in range(5)]
    with pytest.raises(InputError, match=r"m@a-02: expected lifespan_sum of layer conv, class all\. Received: none"):
        adversarial.compare(METRICS, paths[:2] + paths[3:])
    with pytest.raises(InputError, match=r"unknown model of .*03_conv.h5 'm@a-03'"):
        adversarial.compare(METRICS[:3], paths)


def test_the_command_writes_three_tables_and_a_page_with_the_sentences(tmp_path, monkeypatch):
    METRICS.to_csv(tmp_path / "metrics.csv", index=False)
    (tmp_path / "conv").mkdir()
    for k in range(5):
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
    text = unescape(page)
    assert "Attack &lt;on&gt; m" in page
    assert all(told in text for told in adversarial.answer(METRICS, tables["trends"].to_dict("records")))
