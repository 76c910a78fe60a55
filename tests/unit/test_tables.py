"""Table rows say what the diagrams and the points say: values, intervals, null values and their ratio."""

import warnings

import numpy as np
import pandas
import pytest

from topodepth.errors import InputError
from topodepth.tables import tables
from topodepth.tables.dimensions import DimensionSettings, dimension_rows
from topodepth.tables.values import values_of
from topodepth.topology import descriptors, diagrams
from topodepth.topology.diagrams import DiagramSettings
from topodepth.topology.place import Place

FIRST = Place("mine", "first", 0, 0.5)
ESTIMATORS = ("ph_dimension", "two_nn", "mle")
LIFESPAN = {"lifespan_sum": {"alpha": 1.0, "weight": 0.5}}


@pytest.fixture(scope="module")
def cloud():
    rng = np.random.default_rng(0)
    return rng.normal(size=(120, 4)) @ rng.normal(size=(4, 6)), np.arange(120) % 4


def diagram_file(folder, cloud, **settings):
    points, labels = cloud
    diagrams.write_diagrams(folder / "d.h5", points, labels, FIRST, DiagramSettings(**settings))
    return diagrams.read_diagrams(folder / "d.h5")


def described(file, names, parameters):
    return tables.descriptor_rows(file, values_of(file, names, parameters))


def one(rows, **where):
    found = [row for row in rows if all(row[key] == value for key, value in where.items())]
    assert len(found) == 1
    return found[0]


def test_local_rows_are_one_a_class_and_their_mean(tmp_path, cloud):
    rows = described(diagram_file(tmp_path, cloud), ["lifespan_sum"], LIFESPAN)
    assert len(rows) == 2 * (4 + 1)
    connected = [row for row in rows if row["homology_dimension"] == 0]
    mean = one(connected, **{"class": "mean"})
    classes = [row["value"] for row in connected if row["class"] != "mean"]
    half_width = 3.182446 * np.std(classes, ddof=1) / 2  # Student's t, 3 degrees of freedom, 97.5 %
    assert mean["value"] == pytest.approx(np.mean(classes))
    assert mean["ci_high"] - mean["value"] == pytest.approx(half_width, rel=1e-5)
    assert mean["n_points"] == 120
    assert mean["dimension"] == 6


def test_the_null_value_is_the_mean_over_draws_and_the_ratio_stands_to_it(tmp_path, cloud):
    file = diagram_file(tmp_path, cloud, null_draws=4)
    rows = described(file, ["longest_bar"], {})
    row = one(rows, **{"class": "2", "homology_dimension": 1})
    draws = [descriptors.longest_bar(draw["2"][1]) for draw in file.null]
    assert row["null_value"] == pytest.approx(np.mean(draws))
    assert row["null_ci_low"] < row["null_value"] < row["null_ci_high"]
    assert row["relative_value"] == pytest.approx(row["value"] / np.mean(draws))


def test_a_global_cloud_has_one_row_with_a_jackknife_interval(tmp_path, cloud):
    file = diagram_file(tmp_path, cloud, clouds="all", limit=None, jackknife_groups=6)
    row = one(described(file, ["lifespan_sum"], LIFESPAN), homology_dimension=0)
    left_out = [descriptors.lifespan_sum(group["all"][0]) for group in file.jackknife]
    error = np.sqrt(5 / 6 * np.sum((left_out - np.mean(left_out)) ** 2))
    assert row["class"] == "all"
    assert row["value"] == pytest.approx(descriptors.lifespan_sum(file.data["all"][0]))
    assert row["ci_high"] - row["value"] == pytest.approx(2.570582 * error, rel=1e-5)  # t, 5 degrees of freedom
    assert row["relative_ci_low"] < row["relative_value"] < row["relative_ci_high"]


def test_without_null_draws_and_jackknife_the_value_stands_alone(tmp_path, cloud):
    file = diagram_file(tmp_path, cloud, clouds="all", limit=None, null_draws=0, jackknife_groups=0)
    row = one(described(file, ["lifespan_sum"], LIFESPAN), homology_dimension=1)
    assert row["value"] > 0
    assert not {"ci_low", "null_value", "relative_value"} & set(row)


def test_parameters_reach_their_descriptor(tmp_path, cloud):
    file = diagram_file(tmp_path, cloud)
    values = [
        one(
            described(file, ["lifespan_sum"], {"lifespan_sum": {"alpha": 1.0, "weight": weight}}),
            **{"class": "mean", "homology_dimension": 0},
        )["value"]
        for weight in (0.5, 1.0)
    ]
    assert values[1] == pytest.approx(2 * values[0])


def test_every_row_fits_the_columns(tmp_path, cloud):
    points, _ = cloud
    file = diagram_file(tmp_path, cloud)
    rows = described(file, descriptors.registry.names(), {})
    rows += dimension_rows(points, FIRST, DimensionSettings(["two_nn"]))
    assert all(set(row) <= set(tables.COLUMNS) for row in rows)
    assert all(set(row) == set(tables.BETTI_COLUMNS) for row in tables.betti_rows(file))
    assert all(set(row) == set(tables.BAR_COLUMNS) for row in tables.bar_rows(file))


def test_a_plane_in_six_dimensions_is_two_dimensional_and_its_null_is_not():
    rng = np.random.default_rng(1)
    plane = rng.uniform(size=(600, 2)) @ rng.normal(size=(2, 6))
    rows = dimension_rows(plane, FIRST, DimensionSettings(ESTIMATORS, seed=2))
    for row in rows:
        assert row["ci_low"] < row["value"] < row["ci_high"]
        assert row["value"] == pytest.approx(2, rel=0.15)
        assert row["null_value"] > 3.5
        assert row["relative_ci_low"] < row["relative_value"] < row["relative_ci_high"] < 1


def test_several_null_draws_give_their_mean(cloud):
    points, _ = cloud
    row = one(dimension_rows(points, FIRST, DimensionSettings(["two_nn"], null_draws=3)), descriptor="two_nn")
    assert row["null_ci_low"] < row["null_value"] < row["null_ci_high"]
    assert "null_value" not in dimension_rows(points, FIRST, DimensionSettings(["two_nn"], null_draws=0))[0]


@pytest.mark.parametrize("scaling", ["none", "minmax"])
def test_copies_count_once_in_the_table_and_its_note_says_so(scaling):
    points = (np.random.default_rng(2).normal(size=(200, 5)) + 100).astype(np.float32)
    twice = np.concatenate([points, np.nextafter(points[:20], np.float32(0))])
    settings = DimensionSettings(ESTIMATORS, scaling=scaling)
    rows, expected = (dimension_rows(some, FIRST, settings) for some in (twice, points))
    for row, alone in zip(rows, expected, strict=True):
        assert row["n_points"] == 200
        assert row["note"].endswith("20 of 220 points repeat others within rounding and are left out")
        assert row["value"] == pytest.approx(alone["value"], rel=1e-3)
        assert row["null_value"] == pytest.approx(alone["null_value"], rel=1e-3)


def test_a_layer_of_few_different_points_has_empty_dimensions_and_a_note():
    points = np.eye(4, dtype=np.float32)[np.random.default_rng(3).integers(4, size=300)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = dimension_rows(points, FIRST, DimensionSettings(ESTIMATORS))
    for row in rows:
        assert np.isnan(row["value"])
        assert row["n_points"] == 4
        assert "296 of 300 points repeat others" in row["note"]


def test_too_few_points_name_model_and_layer():
    with pytest.raises(InputError, match=r"^model mine, layer first: .*Received: 6"):
        dimension_rows(np.random.default_rng(0).normal(size=(6, 3)), FIRST, DimensionSettings(["ph_dimension"]))


def test_betti_curves_begin_with_all_points_and_end_with_one_component(tmp_path, cloud):
    curves = [row for row in tables.betti_rows(diagram_file(tmp_path, cloud)) if row["homology_dimension"] == 0]
    assert curves[0]["filtration_value"] == 0
    assert curves[0]["betti"] == curves[0]["null_betti"] == 30  # points in each of four classes
    assert curves[-1]["betti"] == curves[-1]["null_betti"] == 1


def test_bars_of_data_and_null_are_all_there(tmp_path, cloud):
    file = diagram_file(tmp_path, cloud)
    rows = tables.bar_rows(file)
    for source, collection in (("data", file.data), ("null", file.null[0])):
        found = [row for row in rows if row["source"] == source]
        assert len(found) == sum(len(diagram) for diagrams in collection.values() for diagram in diagrams)
        assert sum(row["death"] is None for row in found) == 4  # one essential bar a class


def seed_table(values):
    rows = [
        {"model": model, "layer": "first", "layer_index": 0, "relative_depth": 0.5, "class": "mean", "value": value,
         "homology_dimension": 0, "descriptor": "lifespan_sum", "null_value": 10.0, "relative_value": value / 10}
        for model, value in values.items()
    ]  # fmt: skip
    return pandas.DataFrame(rows, columns=list(tables.COLUMNS))


def test_seeds_of_one_model_become_their_mean_with_an_interval_over_seeds():
    table = seed_table({"vgg@s0": 1.0, "vgg@s1": 2.0, "vgg@s2": 6.0, "resnet": 5.0})
    curves = {"vgg@s0": "vgg", "vgg@s1": "vgg", "vgg@s2": "vgg", "resnet": "resnet"}
    pooled, alone = tables.pool_seeds(table, curves)
    assert (pooled["model"], pooled["value"], pooled["null_value"]) == ("vgg", 3.0, 10.0)
    half_width = 4.302653 * np.std([1, 2, 6], ddof=1) / np.sqrt(3)  # Student's t, 2 degrees of freedom
    assert pooled["ci_high"] - pooled["value"] == pytest.approx(half_width, rel=1e-5)
    assert pooled["relative_value"] == pytest.approx(0.3)
    assert pooled["note"] == "3 seeds"
    assert (alone["model"], alone["value"]) == ("resnet", 5.0)


def test_a_value_beyond_what_the_points_resolve_is_marked_with_its_bias():
    rng = np.random.default_rng(6)
    cube, line = rng.random((400, 10)), rng.random((400, 1)) @ np.ones((1, 3)) / 2
    high, low = (one(dimension_rows(x, FIRST, DimensionSettings(["mle"])), descriptor="mle") for x in (cube, line))
    assert high["note"] == f"beyond what 400 points resolve: the bias may be {high['bias']:.2g}"
    assert high["ci_high"] < 10
    assert high["true_low"] < 10 < high["true_high"]
    assert low["note"] is None
    assert abs(low["bias"]) < (low["ci_high"] - low["ci_low"]) / 2
    noise = one(dimension_rows(rng.normal(size=(400, 300)), FIRST, DimensionSettings(["mle"])), descriptor="mle")
    assert noise["note"] == "beyond what 400 points resolve: the bias is unknown"
    assert (noise["bias"], noise["true_high"]) == (-np.inf, np.inf)  # which a figure can mark, as it could not a gap


def test_pooled_seeds_keep_the_widest_range_of_true_dimensions():
    table = seed_table({"vgg@s0": 1.0, "vgg@s1": 2.0})
    table["bias"], table["true_low"], table["true_high"] = [-1.0, -3.0], [1.5, 2.0], [2.0, 3.0]
    (pooled,) = tables.pool_seeds(table, {"vgg@s0": "vgg", "vgg@s1": "vgg"})
    assert (pooled["bias"], pooled["true_low"], pooled["true_high"]) == (-2.0, 1.5, 3.0)
