"""Real against spoof: the values are the estimators' own, the test keeps its level and finds what is there."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest

from topodepth.errors import InputError
from topodepth.experiments import spoofing
from topodepth.experiments.spoofing.permutation import Statistics, p_value
from topodepth.homology import persistence_diagrams
from topodepth.topology import descriptors, dimension
from topodepth.topology.clouds import min_max_scale
from topodepth.topology.dimension import spread

ROOT = Path(__file__).parents[2]
QUICK = {"permutations": 19, "test_draws": 1, "parameters": {"ph_dimension": {"draws": 3}}}


def cube(n, d, rng, width=8):
    """Points of a d-dimensional cube in ``width`` coordinates, turned at random."""
    turn = np.linalg.qr(rng.normal(size=(width, width)))[0]
    return rng.uniform(size=(n, d)) @ turn[:d]


def two_clouds(n=60, dimensions=(3, 3), seed=0):
    rng = np.random.default_rng(seed)
    points = np.concatenate([cube(n, d, rng) for d in dimensions])
    return points, np.repeat([0, 1], n)


def compare(points, labels, *, classes=None, where="spoofing", about=None, **options):
    settings = spoofing.SpoofSettings(**{**QUICK, **options})
    return spoofing.compare(points, labels, classes or {"real": 0, "spoof": 1}, settings, where=where, about=about)


def by_key(comparison, cloud):
    return {
        (row["descriptor"], row["homology_dimension"]): row for row in comparison.rows if row["cloud"] == cloud
    }  # fmt: skip


def differences_of(comparison, *key):
    """What the test of a descriptor compared, first as observed."""
    return [
        row["difference"] for row in comparison.permutations if (row["descriptor"], row["homology_dimension"]) == key
    ]


def table_of(comparisons, columns=spoofing.COLUMNS, rows="rows"):
    return pandas.DataFrame([row for each in comparisons for row in getattr(each, rows)], columns=columns)


def adjusted(comparisons):
    return spoofing.adjust(
        table_of(comparisons), table_of(comparisons, spoofing.PERMUTATION_COLUMNS, "permutations")
    )  # fmt: skip


def test_values_are_those_of_the_estimators_and_descriptors_on_each_class():
    points, labels = two_clouds(dimensions=(3, 2))
    found = compare(points, labels)
    scaled = min_max_scale(points)  # over both clouds together
    for label, name in enumerate(("real", "spoof")):
        rows = by_key(found, name)
        cloud = points[labels == label]
        for estimator in ("two_nn", "mle"):
            estimate = dimension.registry.get(estimator)(cloud)
            row = rows[estimator, None]
            assert row["value"] == pytest.approx(estimate.value)
            # from halves of the points, which have another order here
            assert row["ci_low"] == pytest.approx(estimate.ci_low, rel=0.2)
            assert row["ci_low"] < row["value"] < row["ci_high"]
        for degree, diagram in enumerate(persistence_diagrams(scaled[labels == label], max_dim=1)):
            value = descriptors.lifespan_sum(diagram)
            assert value > 0
            assert rows["lifespan_sum", degree]["value"] == pytest.approx(value)
        ph = rows["ph_dimension", 0]
        assert ph["ci_low"] < ph["value"] < ph["ci_high"]
        assert all(row["n_points"] == 60 for row in rows.values())
        assert all(row["relative_value"] == pytest.approx(row["value"] / row["null_value"]) for row in rows.values())


@pytest.mark.parametrize("order", [1, 4, 32])
def test_a_permutation_has_the_estimators_gride_without_its_interval(order, monkeypatch):
    points, _ = two_clouds(dimensions=(3, 2))
    points[7] = points[3]
    name, members = f"gride_{order}", np.arange(70)
    settings = spoofing.SpoofSettings(**QUICK, estimators=[name], descriptors=())
    estimate = dimension.registry.get(name)(points[members])
    monkeypatch.setattr(spread, "log_interval", lambda *_: pytest.fail("an interval is made"))
    found = Statistics(points, points, {(name, None): estimate}, settings)(members)
    assert found == {(name, None): pytest.approx(estimate.value)}
    assert np.isnan(Statistics(points, points, {(name, None): estimate}, settings)(members[: 2 * order])[name, None])


def test_a_difference_is_real_minus_spoof_with_both_intervals_in_quadrature():
    found = compare(*two_clouds(dimensions=(4, 2)))
    real, spoof, differences = (by_key(found, name) for name in ("real", "spoof", "difference"))
    assert set(real) == set(spoof) == set(differences)
    for key, row in differences.items():
        assert row["value"] == pytest.approx(real[key]["value"] - spoof[key]["value"])
        below = real[key]["value"] - real[key]["ci_low"], spoof[key]["ci_high"] - spoof[key]["value"]
        assert row["value"] - row["ci_low"] == pytest.approx(np.hypot(*below))


def test_the_same_call_twice_gives_the_same_rows_and_curves():
    first, second = (compare(*two_clouds()) for _ in range(2))
    pandas.testing.assert_frame_equal(table_of([first]), table_of([second]))
    assert first.curves == second.curves


def test_clouds_have_equal_size_and_every_layer_the_same_images():
    points, labels = two_clouds(n=80)
    points, labels = points[:140], labels[:140]  # 80 real, 60 spoof
    # a layer in which an image's place tells which image it is, and the same one in another unit
    first, second = (compare(layer, labels) for layer in (points, points * 1000))
    for one, other in zip(first.rows, second.rows, strict=True):
        assert one["n_points"] == 60
        if one["descriptor"] in ("two_nn", "mle"):
            assert one["value"] == pytest.approx(other["value"])
    assert {row["n_points"] for row in compare(points, labels, n=55).rows} == {55}
    shifted = by_key(compare(points, labels, seed=1), "real")["two_nn", None]
    assert shifted["value"] != by_key(first, "real")["two_nn", None]["value"]  # other images, by the seed alone


def test_curves_hold_every_draw_and_the_line_that_the_dimension_comes_from():
    found = compare(*two_clouds(dimensions=(3, 2)))
    curves = pandas.DataFrame(found.curves)
    for name in ("real", "spoof"):
        own = curves[curves["cloud"] == name]
        value = by_key(found, name)["ph_dimension", 0]["value"]
        assert own.groupby("n").size().eq(QUICK["parameters"]["ph_dimension"]["draws"]).all()
        fitted = np.polyfit(own["log_n"], own["log_lifespan_sum"], 1)
        assert own[["slope", "intercept"]].iloc[0].tolist() == pytest.approx(fitted.tolist())
        assert 1 / (1 - own["slope"].iloc[0]) == pytest.approx(value)
        assert own["ph_dimension"].eq(value).all()


def test_p_is_uniform_where_both_clouds_are_of_one_distribution():
    sets = 100
    ph_dimension = {"sizes": [10, 45], "draws": 1}
    options = {**QUICK, "jackknife_groups": 0, "parameters": {"ph_dimension": ph_dimension}}
    p_values = []
    for seed in range(sets):
        points, labels = two_clouds(n=50, seed=seed)
        differences = by_key(compare(points, labels, seed=seed, **options), "difference")
        p_values.append([row["p_value"] for row in differences.values()])
    p_values = np.array(p_values)
    assert p_values.shape == (sets, 5)
    # multiples of 1/20, each as likely: mean 0.525, standard deviation 0.288; four standard errors allowed
    np.testing.assert_allclose(p_values * 20, np.rint(p_values * 20), atol=1e-9)
    assert np.abs(p_values.mean(axis=0) - 0.525).max() < 4 * 0.288 / np.sqrt(sets)
    for level in (0.05, 0.2, 0.5, 0.8):
        share = (p_values <= level + 1e-9).mean(axis=0)
        assert np.abs(share - level).max() < 4 * np.sqrt(level * (1 - level) / sets), level


def test_a_cloud_of_five_dimensions_is_told_from_one_of_two():
    for seed in range(5):
        points, labels = two_clouds(n=100, dimensions=(5, 2), seed=seed)
        differences = by_key(compare(points, labels, permutations=99, max_dim=0), "difference")
        for key in (("ph_dimension", 0), ("two_nn", None), ("mle", None)):
            row = differences[key]
            assert row["p_value"] == pytest.approx(0.01)
            assert 0 < row["ci_low"] < row["value"]


def test_the_spoof_may_be_the_one_of_higher_dimension():
    points, labels = two_clouds(n=100, dimensions=(5, 2))
    row = by_key(compare(points, labels, classes={"real": 1, "spoof": 0}, max_dim=0), "difference")["mle", None]
    assert row["ci_high"] < 0
    assert row["p_value"] == pytest.approx(0.05)


def test_a_test_of_loops_takes_few_points_and_says_so():
    made = compare(*two_clouds(), test_points=30)
    found = by_key(made, "difference")
    assert found["lifespan_sum", 1]["note"] == "test on 30 points a cloud"
    assert found["lifespan_sum", 0]["note"] is None
    # what is tested of H_0 is the value itself; of H_1 that of fewer points
    assert differences_of(made, "lifespan_sum", 0)[0] == pytest.approx(found["lifespan_sum", 0]["value"])
    assert differences_of(made, "lifespan_sum", 1)[0] != pytest.approx(found["lifespan_sum", 1]["value"])


def test_the_statistic_of_maximum_likelihood_is_the_inverse_of_its_dimension():
    found = compare(*two_clouds(dimensions=(4, 2)))
    one, other = (by_key(found, name)["mle", None]["value"] for name in ("real", "spoof"))
    differences = differences_of(found, "mle", None)
    assert differences[0] == pytest.approx(1 / one - 1 / other)
    assert len(differences) == 1 + QUICK["permutations"]


def test_repeated_points_do_no_harm():
    points, labels = two_clouds(n=70)
    points[1:10] = points[0]
    points[80:90] = points[5]
    found = compare(points, labels)
    for row in found.rows:
        assert np.isfinite(row["value"])
        assert row["cloud"] != "difference" or 0 < row["p_value"] <= 1
    for name, note in (("real", "9 of 70 points repeat others"), ("spoof", "9 of 70 points repeat others")):
        for row in by_key(found, name).values():
            assert row["n_points"] == 61
            assert note in row["note"]


def test_one_test_is_the_share_of_differences_as_far_from_zero():
    assert p_value(np.array([3.0, 1, -2, -3.5, 0.5])) == pytest.approx(2 / 5)
    assert p_value(np.array([-3.0, 1, -2, np.nan, 0.5])) == pytest.approx(2 / 5)  # undefined counts against
    assert np.isnan(p_value(np.array([np.nan, 1.0, 2.0])))


def test_correction_compares_with_the_largest_of_all_tests_in_each_permutation():
    differences = np.array([[4.0, 1, -1, 1, 1, -1], [2.0, 1, 1, -3, 1, 1]])
    # in units of their root mean squares the tests are 2.13 and 1.19; largest permuted 0.53, 0.6, 1.79, 0.6, 0.6
    np.testing.assert_allclose(spoofing.step_down(differences), [1 / 6, 2 / 6])
    same = np.tile(differences[1], (7, 1))  # seven times one test is one test
    np.testing.assert_allclose(spoofing.step_down(same), 2 / 6)


def test_the_corrected_p_is_rarely_small_where_no_test_has_anything_to_find():
    rng = np.random.default_rng(0)
    sets = 400
    wrong = [spoofing.step_down(rng.normal(size=(10, 40))).min() <= 0.05 for _ in range(sets)]
    assert np.mean(wrong) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / sets)
    assert np.mean(wrong) > 0.01  # nor is it never small


def test_families_are_corrected_apart_and_layers_of_one_together():
    def layer(name, subset, dimensions):
        about = {"run": "r", "dataset": "d", "representation": "net", "subset": subset, "layer": name}
        return compare(*two_clouds(n=100, dimensions=dimensions), permutations=39, max_dim=0, about=about)

    clear, same = layer("a", "train", (5, 2)), layer("b", "train", (3, 3))
    joined = adjusted([clear, same, layer("a", "test", (3, 3))])
    assert tuple(joined.columns) == spoofing.COLUMNS
    tests = joined[joined["cloud"] == "difference"]
    assert joined.loc[joined["cloud"] != "difference", "p_corrected"].isna().all()
    assert (tests["p_corrected"] >= tests["p_value"]).all()
    alone = adjusted([clear, same])
    alone = alone[alone["cloud"] == "difference"]
    np.testing.assert_array_equal(tests[tests["subset"] == "train"]["p_corrected"], alone["p_corrected"])
    own = alone.set_index(["layer", "descriptor"])
    assert own.loc[("a", "mle"), "p_corrected"] == pytest.approx(1 / 40)  # however many tests
    assert own.loc[("b", "mle"), "p_corrected"] > 0.05
    with pytest.raises(InputError, match=r"expected one number of permutations. Received: \[19, 39\]"):
        other = {"run": "r", "dataset": "d", "representation": "net", "subset": "train", "layer": "c"}
        adjusted([clear, compare(*two_clouds(), about=other)])


def test_sentences_say_what_the_tests_showed():
    about = {"run": "r", "dataset": "d", "subset": "test"}
    options = {"permutations": 39, "max_dim": 0, "estimators": ("mle",)}
    options["classes"] = {"real": 0, "simulated spoof": 1}
    places = [("pixels", "pixels", (2, 5)), ("net", "a", (5, 2)), ("net", "b", (3, 3)), ("other", "x", (3, 3))]
    comparisons = [
        compare(*two_clouds(dimensions=d), about={**about, "representation": name, "layer": layer}, **options)
        for name, layer, d in places
    ]
    pixels, net, other = spoofing.sentences(adjusted(comparisons))
    assert pixels.startswith("test, pixels (60 points a cloud): ")
    assert "maximum-likelihood dimension of simulated spoof is higher than that of real (real − spoof = −" in pixels
    assert "interval −" in pixels
    assert "corrected p = 0.025" in pixels
    assert "is lower than that of real at 1 of 2 layers, higher at 0, and not shown to differ at 1" in net
    assert "largest difference is at layer a" in net
    assert "is not shown to differ from that of real" in other


def test_an_undefined_test_is_not_called_no_difference():
    def said(p_values, name="two_nn"):
        rows = [
            {"subset": "test", "representation": "net", "layer": layer, "cloud": cloud, "descriptor": name,
             "homology_dimension": np.nan, "value": 1.5, "ci_low": np.nan, "ci_high": np.nan, "p_corrected": p_value,
             "n_points": 60}
            for layer, p_value in p_values.items() for cloud in ("real", "spoof", "difference")
        ]  # fmt: skip
        return spoofing.sentences(pandas.DataFrame(rows))[0]

    alone = said({"a": np.nan})
    assert "the test is undefined" in alone
    assert "not shown" not in alone
    assert "not shown to differ at 1; undefined at 1" in said({"a": 0.5, "b": np.nan})
    assert "nan" not in said({"a": 0.5, "b": np.nan})
    assert "The my estimate of spoof is lower than that of real" in said({"a": 0.01}, "my_estimate")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"classes": {"real": 0, "spoof": 7}},
            r"net, layer a: spoof: class 7: expected at least one point. Received: classes \[0, 1\]",
        ),
        ({"classes": {"real": 0, "spoof": 0}}, r"net, layer a: expected two classes"),
        ({"classes": {"real": 0, "difference": 1}}, r"expected two classes, not called 'difference'"),
        ({"n": 20}, r"net, layer a: PH dimension: expected at least 50 points. Received: 20"),
        ({"n": 1}, r"n: expected a whole number from 2. Received: 1"),
        ({"permutations": 0}, r"permutations: expected a whole number from 1. Received: 0"),
        ({"estimators": ("tow_nn",)}, r"unknown dimension estimator 'tow_nn'. Did you mean 'two_nn'"),
        ({"descriptors": ("entropy",)}, r"unknown descriptor 'entropy'"),
        ({"scaling": "max"}, r"unknown scaling 'max'"),
    ],
)
def test_bad_requests_are_named(options, message):
    with pytest.raises(InputError, match=message):
        compare(*two_clouds(), where="net, layer a", **options)


def test_a_dead_layer_and_missing_labels_are_named():
    points, labels = two_clouds()
    with pytest.raises(InputError, match=r"net, spoof: expected points that differ. Received: 60 equal rows"):
        compare(np.where(labels[:, None] == 0, points, 0.5), labels, where="net")
    with pytest.raises(InputError, match=r"net: expected one label for each of 120 points. Received: none"):
        compare(points, None, where="net")
    with pytest.raises(InputError, match=r"real: expected finite activations. Received: 8 NaN"):
        compare(np.where(np.arange(120)[:, None] == 3, np.nan, points), labels)


def test_the_commands_compare_pixels_without_tensorflow(tmp_path):
    code = f"""
import json, runpy, sys
from pathlib import Path
def run(script, *arguments):
    sys.argv = [script, *map(str, arguments)]
    runpy.run_path({str(ROOT / "workflow/scripts")!r} + "/" + script + ".py", run_name="__main__")
here = Path({str(tmp_path)!r})
run("prepare_dataset", "--loader", "spoofed_digits", "--settings",
    '{{"size": 8, "validation": 0.1, "test": 0.1, "seed": 0}}', "--out", here / "d.h5")
run("draw_sample", "--dataset", here / "d.h5", "--settings", '{{"split": "train", "images": 150, "seed": 0}}',
    "--out", here / "s.csv")
run("extract_pixels", "--dataset", here / "d.h5", "--sample", here / "s.csv", "--split", "train", "--colour", "grey",
    "--out", here / "a.h5")
settings = {{"classes": ["real", "simulated spoof"], "permutations": 9, "test_draws": 1}}
run("compare_spoofs", "--activations", here / "a.h5", "--dataset", here / "d.h5", "--layer", "pixels",
    "--settings", json.dumps(settings), "--columns", '{{"run": "r", "dataset": "d", "subset": "train"}}',
    "--out", here / "r.csv", "--curves", here / "c.csv", "--permutations", here / "p.csv")
assert not {{"tensorflow", "keras", "tf_keras"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    table, curves = pandas.read_csv(tmp_path / "r.csv"), pandas.read_csv(tmp_path / "c.csv")
    assert list(table["cloud"].unique()) == ["real", "simulated spoof", "difference"]
    assert table["representation"].eq("pixels").all()
    assert table["n_points"].max() < 150
    assert tuple(curves.columns) == spoofing.CURVE_COLUMNS
    permutations = pandas.read_csv(tmp_path / "p.csv")
    assert tuple(permutations.columns) == spoofing.PERMUTATION_COLUMNS
    tests = table[table["cloud"] == "difference"]
    counted = permutations.groupby(["descriptor", "homology_dimension"], dropna=False)["permutation"].agg(list)
    assert counted.tolist() == [list(range(1 + 9))] * len(tests)  # as observed, and nine permutations


def test_every_setting_of_diagrams_and_dimensions_is_honoured():
    points, labels = two_clouds(dimensions=(3, 2))
    plain = compare(points, labels)
    names = ["lifespan_sum", "longest_bar"]
    found = compare(
        points, labels, descriptors=names, estimators=["two_nn"], null_draws=3, dimension_null_draws=2,
        jackknife_groups=4, dimension_scaling="minmax", engine="ripser",
    )  # fmt: skip
    rows, before = by_key(found, "real"), by_key(plain, "real")
    assert {name for name, _ in rows} == {"two_nn", *names}
    assert found.curves == []
    scaled = min_max_scale(points)[labels == 0]
    assert rows["two_nn", None]["value"] == pytest.approx(dimension.two_nn(scaled).value)
    # values of a descriptor do not depend on null model, groups or engine; what does, changes
    key = "lifespan_sum", 0
    assert rows[key]["value"] == pytest.approx(before[key]["value"], rel=1e-6)
    assert rows[key]["ci_high"] != before[key]["ci_high"]
    assert rows[key]["null_value"] != before[key]["null_value"]
    assert rows[key]["null_value"] == pytest.approx(before[key]["null_value"], rel=0.1)


def test_null_values_are_means_over_draws_and_absent_without_them():
    points, labels = two_clouds()

    def real(draws):
        options = {"estimators": ["two_nn"], "jackknife_groups": 0}
        found = compare(points, labels, null_draws=draws, dimension_null_draws=draws, **options)
        return by_key(found, "real")

    alone = [real(draws) for draws in (1, 2, 4)]
    for key in ("lifespan_sum", 0), ("two_nn", None):
        one, two, four = (rows[key]["null_value"] for rows in alone)
        assert len({one, two, four}) == 3
    for row in real(0).values():
        assert np.isnan(row["null_value"])
        assert "relative_value" not in row
