"""One path from a cloud to a row: each descriptor is computed once, and experiments agree on the same cloud."""

import numpy as np
import pandas
import pytest

from topodepth.experiments import adversarial, spoofing
from topodepth.tables import tables
from topodepth.tables.dimensions import DimensionSettings, dimension_rows, estimate_columns
from topodepth.tables.values import cloud_columns, values_of
from topodepth.topology import descriptors, diagrams, dimension
from topodepth.topology.diagrams import DiagramSettings
from topodepth.topology.place import Place

LIFESPAN = {"lifespan_sum": {"alpha": 1.0, "weight": 0.5}}
BOUNDS = ("value", "ci_low", "ci_high", "null_value", "relative_value")


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 3)) @ rng.normal(size=(3, 5)), rng.normal(size=(60, 5))


def written(folder, points, labels=None, name="d.h5", model="mine", **settings):
    settings = {"clouds": "all" if labels is None else "both", "limit": None, "null_draws": 2} | settings
    place = Place(model, "first", 0, 0.5)
    diagrams.write_diagrams(folder / name, points, labels, place, DiagramSettings(**settings))
    return folder / name


@pytest.fixture
def calls(monkeypatch):
    """How often a descriptor is computed."""
    counted = []
    real = descriptors.lifespan_sum

    def count(diagram, **options):
        counted.append(len(diagram))
        return real(diagram, **options)

    descriptors.registry.get("lifespan_sum")
    monkeypatch.setitem(descriptors.registry._entries, "lifespan_sum", count)
    return counted


def test_a_layer_asks_for_each_value_once(tmp_path, points, calls):
    layer = diagrams.read_diagrams(written(tmp_path, points[0], np.arange(60) % 3, jackknife_groups=5))
    assert len(tables.descriptor_rows(layer, values_of(layer, ["lifespan_sum"], {}))) == 2 * (1 + 3 + 1)
    assert len(calls) == 2 * (4 + 2 * 4 + 5)  # H_0 and H_1; clouds, draws, groups of the whole


def attack(folder, points, **settings):
    """Three strengths of an attack that makes every distance longer."""
    strengths = [written(folder, points * (1 + k), None, f"{k}.h5", f"m-{k}", **settings) for k in range(3)]
    metrics = pandas.DataFrame(
        {"model": f"m-{k}", "epsilon": 0.1 * k, "epsilon_unit": "pixel", "accuracy": 1 - 0.2 * k,
         "macro_f1": 1 - 0.2 * k, "success_rate": 0.2 * k} for k in range(3)
    )  # fmt: skip
    return adversarial.compare(metrics, strengths, names=["lifespan_sum"], parameters=LIFESPAN)


def test_an_attack_asks_for_each_value_once(tmp_path, points, calls):
    assert len(attack(tmp_path, points[0], jackknife_groups=4).rows) == 3 * 2
    assert len(calls) == 3 * 2 * (1 + 2 + 4)


def spoofed(points, **settings):
    """Two clouds of 60 points, compared."""
    both, labels = np.concatenate(points), np.repeat([0, 1], 60)
    return spoofing.compare(both, labels, {"real": 0, "spoof": 1}, spoofing.SpoofSettings(**settings))


def test_a_spoof_asks_for_each_value_once(points, calls):
    settings = {"null_draws": 2, "jackknife_groups": 4, "permutations": 3}
    spoofed(points, estimators=(), **settings)
    test = 1 + 3  # as observed and permuted
    assert len(calls) == 2 * 2 * (1 + 2 + 4 + test)  # H_0 and H_1 of both clouds


def test_an_attack_is_measured_as_a_layer_is(tmp_path, points):
    found = attack(tmp_path, points[0], jackknife_groups=4, scaling="none")
    layer = diagrams.read_diagrams(tmp_path / "1.h5")
    expected = tables.descriptor_rows(layer, values_of(layer, ["lifespan_sum"], LIFESPAN))
    rows = [row for row in found.rows if row["model"] == "m-1"]
    assert [{key: row[key] for key in own} for row, own in zip(rows, expected, strict=True)] == expected
    changed = {(row["homology_dimension"], row["version"]): row["value"] for row in found.changes
               if row["model"] == "m-1"}  # fmt: skip
    for row in expected:
        assert changed[row["homology_dimension"], "value"] == row["value"]
        assert changed[row["homology_dimension"], "relative"] == pytest.approx(row["relative_value"])


def test_a_spoof_is_measured_as_a_layer_is(tmp_path, points):
    """The same cloud, null draws and groups: value, interval, null value and ratio are the same numbers."""
    settings = {"scaling": "minmax", "null_draws": 1, "jackknife_groups": 5, "max_dim": 1}
    found = spoofed(points, estimators=(), permutations=1, parameters=LIFESPAN, **settings)
    spoof = {(row["cloud"], row["homology_dimension"]): row for row in found.rows}
    # the order in which the experiment draws a class, and the scaling over both
    order = np.random.default_rng([0, 0, 0]).permutation(np.arange(60))
    both = np.concatenate(points)
    low, high = both.min(axis=0), both.max(axis=0)
    cloud = (points[0][order] - low) / (high - low)
    layer = diagrams.read_diagrams(written(tmp_path, cloud, **settings | {"scaling": "none"}))
    for row in tables.descriptor_rows(layer, values_of(layer, ["lifespan_sum"], LIFESPAN)):
        for column in BOUNDS:
            assert row[column] == pytest.approx(spoof["real", row["homology_dimension"]][column], rel=1e-9)


def test_the_dimension_of_a_spoof_is_estimated_as_that_of_a_layer(points):
    """The same points in the same order, draws and seed: estimate, interval, null value and ratio are the same."""
    names = ("ph_dimension", "two_nn", "mle")
    found = spoofed(
        points, estimators=names, descriptors=(), dimension_null_draws=2, permutations=1, test_draws=1
    )  # fmt: skip
    rows = {row["descriptor"]: row for row in found.rows if row["cloud"] == "real"}
    cloud = points[0][np.random.default_rng([0, 0, 0]).permutation(np.arange(60))]
    layer = dimension_rows(cloud, Place("mine", "first", 0, 0.5), DimensionSettings(names, null_draws=2))
    assert [row["descriptor"] for row in layer] == list(rows) == list(names)
    for row in layer:
        other = rows[row["descriptor"]]
        assert row["homology_dimension"] == other["homology_dimension"]
        assert [row[column] for column in BOUNDS] == [other[column] for column in BOUNDS]


def bars(*lengths):
    return [np.array([[0.0, length] for length in (*lengths, np.inf)])]


def rows_of(data, null=(), jackknife=()):
    about = {"model": "mine", "layer": "first", "layer_index": 0, "relative_depth": 0.5, "dimension": 3, "seed": 0}
    layer = diagrams.Diagrams(data, null, jackknife, dict.fromkeys(data, 9), about)
    return tables.descriptor_rows(layer, values_of(layer, ["longest_bar"], {}))


def test_a_single_class_has_a_value_and_a_ratio_and_its_mean_no_interval():
    one, mean = rows_of({"3": bars(2.0)}, [{"3": bars(4.0)}, {"3": bars(6.0)}])
    assert (one["class"], one["value"], one["null_value"], one["relative_value"]) == ("3", 2.0, 5.0, 0.4)
    assert one["null_ci_low"] < 5 < one["null_ci_high"]
    assert (mean["class"], mean["value"], mean["relative_value"], mean["n_points"]) == ("mean", 2.0, 0.4, 9)
    assert not {"ci_low", "relative_ci_low", "ci_high", "relative_ci_high"} & {*one, *mean}


def test_a_value_that_no_group_changes_has_no_interval_and_one_of_the_null_that_is_0_no_ratio():
    (row,) = rows_of({"all": bars(2.0)}, [{"all": bars()}, {"all": bars()}], [{"all": bars(2.0)}] * 5)
    assert (row["value"], row["null_value"], row["null_ci_low"], row["null_ci_high"]) == (2.0, 0.0, 0.0, 0.0)
    assert not {"ci_low", "ci_high", "relative_value"} & set(row)


def test_a_single_group_or_draw_tells_no_interval():
    row = cloud_columns(2.0, np.array([4.0]), np.array([1.0]))
    assert row == {"value": 2.0, "null_value": 4.0, "relative_value": 0.5}


def test_a_value_of_0_has_a_ratio_of_0():
    row = cloud_columns(0.0, np.array([4.0, 5.0]), np.array([0.0, 1.0, 0.0]))
    assert row["relative_value"] == 0
    assert row["ci_low"] < 0 < row["ci_high"]
    assert "relative_ci_low" not in row


def test_without_draws_and_groups_there_is_a_value_alone(tmp_path, points):
    layer = diagrams.read_diagrams(written(tmp_path, points[0], null_draws=0, jackknife_groups=0))
    for each in values_of(layer, ["lifespan_sum", "betti_peak"], {}):
        assert set(each.data) == {"all"}
        assert len(each.null["all"]) == len(each.jackknife) == 0


def test_an_undefined_draw_leaves_the_null_value_of_a_dimension_to_the_others():
    def estimate(value):
        return dimension.DimensionEstimate(value, value - 1, value + 1, 60, "")

    row = estimate_columns(estimate(2.0), [estimate(value) for value in (4.0, np.nan, 6.0)])
    assert (row["null_value"], row["relative_value"]) == (5.0, 0.4)
    assert not {"null_value", "relative_value"} & set(estimate_columns(estimate(2.0), [estimate(np.nan)] * 2))
