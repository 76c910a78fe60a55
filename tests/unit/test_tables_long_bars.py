"""Which images make the longest bars of a measurement: rows of the data and their labels."""

import h5py
import numpy as np
import pytest

import topodepth as td
from topodepth.activations.file import read_activations
from topodepth.tables.long_bars import long_bar_rows
from topodepth.topology.diagrams import DiagramSettings

GAP, N = 0.6, 40
QUICK = {"progress": False, "estimators": (), "null_draws": 0, "descriptors": "longest_bar"}


def two_classes():
    """Class 0: two clusters whose closest pair are points 0 and 1 of it; class 1: a circle with a gap."""
    rng = np.random.default_rng(0)
    clusters = np.concatenate([[[0.0, 0.0], [3.0, 0.0]], rng.uniform([-2, -1], [-1, 1], size=(19, 2)),
                               rng.uniform([4, -1], [5, 1], size=(19, 2))])  # fmt: skip
    angles = np.linspace(GAP / 2, 2 * np.pi - GAP / 2, N) + rng.uniform(-0.01, 0.01, N)
    return clusters, np.column_stack([np.cos(angles), np.sin(angles)])


@pytest.fixture(scope="module")
def measured():
    points = np.concatenate(two_classes())
    labels, order = np.repeat([0, 1], N), np.random.default_rng(1).permutation(2 * N)
    layers = {"plane": points[order], "twice": 2 * points[order]}
    result = td.measure(layers=layers, labels=labels[order], scaling="none", name="m", **QUICK)
    return result, order


def row_of(table, layer, label, degree):
    found = table[(table["layer"] == layer) & (table["class"] == label) & (table["homology_dimension"] == degree)]
    assert list(found["rank"]) == list(range(1, len(found) + 1))
    return found.iloc[0]


def places(row, column, order):
    return {int(order[int(index)]) for index in row[column].split()}


@pytest.mark.parametrize(("layer", "scale"), [("plane", 1), ("twice", 2)])
def test_images_of_known_bars(measured, layer, scale):
    result, order = measured
    table = result.longest_bars(2)
    meeting = row_of(table, layer, "0", 0)
    assert places(meeting, "death_indices", order) == {0, 1}
    assert meeting["death"] == pytest.approx(3 * scale)
    assert meeting["death_labels"] == "0 0"
    loop = row_of(table, layer, "1", 1)
    assert places(loop, "birth_indices", order) == {N, 2 * N - 1}  # the two sides of the gap
    assert len(places(loop, "death_indices", order)) == 3
    assert loop["birth_labels"] == "1 1"
    assert loop["death_labels"] == "1 1 1"


def test_bars_are_the_longest_of_the_diagrams_of_the_measurement(measured):
    result, _ = measured
    table = result.longest_bars(3)
    assert set(table["layer"]) == {"plane", "twice"}
    for (layer, label, degree), rows in table.groupby(["layer", "class", "homology_dimension"]):
        bars = result.diagrams[layer].data[label][degree]
        bars = bars[np.isfinite(bars[:, 1])]
        lengths = np.sort(bars[:, 1] - bars[:, 0])[::-1][:3]
        assert ((rows["death"] - rows["birth"]).to_numpy() == lengths).all()
        assert set(zip(rows["birth"], rows["death"], strict=True)) <= set(map(tuple, bars))


def test_without_labels_the_cloud_of_all_points_has_indices_only():
    result = td.measure(layers={"a": two_classes()[1]}, name="m", **QUICK)
    table = result.longest_bars(1)
    assert list(table["class"]) == ["all", "all"]
    assert table[["birth_labels", "death_labels"]].isna().all(axis=None)
    assert [len(text.split()) for text in table["death_indices"]] == [2, 3]


def test_classes_of_few_points_are_told_by_their_rows_of_the_data(measured):
    _, order = measured
    fewer = td.measure(layers={"plane": np.concatenate(two_classes())[order]}, points=20, name="few", clouds="both",
                       labels=np.repeat([0, 1], N)[order], jackknife_groups=0, **QUICK)  # fmt: skip
    table = fewer.longest_bars(4)
    assert set(table["class"]) == {"all", "0", "1"}
    for label in ("0", "1"):
        own = table[table["class"] == label]
        indices = {
            index for column in ("birth_indices", "death_indices") for index in " ".join(own[column].dropna()).split()
        }
        assert {int(order[int(index)]) // N for index in indices} == {int(label)}


def test_tokens_are_told_by_item_and_place(tmp_path):
    with h5py.File(tmp_path / "tokens.h5", "w") as file:
        file["layers/000_a"] = np.array([[0.0], [1.0], [3.0], [3.5]], dtype=np.float32)
        file["indices"], file["places"], file["labels"] = [7, 7, 9, 9], [0, 4, 0, 2], [1, 1, 2, 2]
    settings = DiagramSettings(clouds="all", scaling="none")
    row = long_bar_rows(read_activations(tmp_path / "tokens.h5"), "a", settings, 1)[0]
    assert (row["death"], row["death_indices"], row["death_labels"]) == (2.0, "7:4 9:0", "1 2")
