"""One path from a cloud to a row: each descriptor is computed once, and experiments agree on the same cloud."""

import numpy as np
import pytest

from topodepth import adversarial, descriptors, diagrams, spoofing, tables
from topodepth.values import values_of

LIFESPAN = {"lifespan_sum": {"alpha": 1.0, "weight": 0.5}}
BOUNDS = ("value", "ci_low", "ci_high", "null_value", "relative_value")


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 3)) @ rng.normal(size=(3, 5)), rng.normal(size=(60, 5))


def written(folder, points, labels=None, name="d.h5", model="mine", **settings):
    about = {"model": model, "layer": "first", "layer_index": 0, "relative_depth": 0.5}
    settings = {"clouds_by": "all" if labels is None else "both", "limit": None, "null_draws": 2} | settings
    diagrams.write(folder / name, points, labels, where="net, layer first", attributes=about, **settings)
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
    layer = diagrams.read(written(tmp_path, points[0], np.arange(60) % 3, jackknife_groups=5))
    assert len(tables.descriptor_rows(layer, values_of(layer, ["lifespan_sum"], {}))) == 2 * (1 + 3 + 1)
    assert len(calls) == 2 * (4 + 2 * 4 + 5)  # H_0 and H_1; clouds, draws, groups of the whole


def test_an_attack_asks_for_each_value_once(tmp_path, points, calls):
    import pandas

    strengths = [
        written(tmp_path, points[0] * (1 + k), None, f"{k}.h5", f"m-{k}", jackknife_groups=4) for k in range(3)
    ]
    metrics = pandas.DataFrame(
        {"model": f"m-{k}", "epsilon": 0.1 * k, "epsilon_unit": "pixel", "accuracy": 1 - 0.2 * k,
         "macro_f1": 1 - 0.2 * k, "success_rate": 0.2 * k} for k in range(3)
    )  # fmt: skip
    found = adversarial.compare(metrics, strengths, names=["lifespan_sum"], parameters=LIFESPAN)
    assert len(found.rows) == 3 * 2
    assert len(calls) == 3 * 2 * (1 + 2 + 4)


def test_a_spoof_is_measured_as_a_layer_is(tmp_path, points):
    """The same cloud, null draws and groups: value, interval, null value and ratio are the same numbers."""
    settings = {"scaling": "minmax", "null_draws": 1, "jackknife_groups": 5, "max_dim": 1}
    both, labels = np.concatenate(points), np.repeat([0, 1], 60)
    found = spoofing.compare(
        both, labels, real=0, spoof=1, estimators=(), permutations=1, parameters=LIFESPAN, **settings
    )  # fmt: skip
    spoof = {(row["cloud"], row["homology_dimension"]): row for row in found.rows}
    # the order in which the experiment draws a class, and the scaling over both
    order = np.random.default_rng([0, 0, 0]).permutation(np.arange(60))
    low, high = both.min(axis=0), both.max(axis=0)
    cloud = (points[0][order] - low) / (high - low)
    layer = diagrams.read(written(tmp_path, cloud, **settings | {"scaling": "none"}))
    for row in tables.descriptor_rows(layer, values_of(layer, ["lifespan_sum"], LIFESPAN)):
        for column in BOUNDS:
            assert row[column] == pytest.approx(spoof["real", row["homology_dimension"]][column], rel=1e-9)


def test_without_draws_and_groups_there_is_a_value_alone(tmp_path, points):
    layer = diagrams.read(written(tmp_path, points[0], null_draws=0, jackknife_groups=0))
    for each in values_of(layer, ["lifespan_sum", "betti_peak"], {}):
        assert set(each.data) == {"all"}
        assert len(each.null["all"]) == len(each.jackknife) == 0
