"""The pages of depth and dynamics: the answer first, counted by intervals that do not touch, and nothing from NaN."""

import html
import json
import re
import runpy
from pathlib import Path

import numpy as np
import pandas
import pytest
from figure_tables import descriptor_table
from scipy import stats

from topodepth.experiments.summaries import depth, dynamics, rows
from topodepth.files import texts
from topodepth.statistics.resampling import common_direction

SCRIPT = Path(__file__).parents[2] / "workflow/scripts/summarize.py"


def row(model, place, value, half, null=10.0, **more):
    """A row of E_0 of the mean over classes: value ± half, relative to an exact null."""
    return {
        "model": model, "layer": f"layer{place}", "relative_depth": place / 4, "class": "mean",
        "homology_dimension": 0.0, "descriptor": "lifespan_sum", "value": value, "ci_low": value - half,
        "ci_high": value + half, "relative_value": value / null, "relative_ci_low": (value - half) / null,
        "relative_ci_high": (value + half) / null, **more,
    }  # fmt: skip


def paragraphs(page):
    return [html.unescape(text) for text in re.findall(r"<p>(.*?)</p>", page)]


def comparison():
    """Three models: one falls, one rises beyond its null, one whose intervals touch; a fourth has no interval."""
    return pandas.DataFrame(
        [row("a", 1, 9.0, 1.0), row("a", 4, 5.0, 1.0), row("b", 1, 9.0, 1.0), row("b", 4, 15.0, 1.0),
         row("c", 1, 9.0, 1.0), row("c", 4, 8.0, 1.0), row("d", 1, 9.0, np.nan), row("d", 4, 5.0, np.nan)]
    )  # fmt: skip


def test_the_depth_page_counts_models_by_intervals_that_do_not_touch():
    first, second, *_ = paragraphs(depth.page(comparison(), {}, "Some models"))
    assert first.endswith("layer lifespan sum E_0 falls in 1 and rises in 1 of 4 models (1 not shown, 1 no interval).")
    assert "at the last layer it is below in 2 and is above in 1 of 4 models (1 no interval)" in second


def test_the_depth_page_has_every_model_under_its_label():
    page = depth.page(comparison(), {"a": "Model A"}, "A <b> title")
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page)
    assert "Model A" in cells
    assert "A &lt;b&gt; title" in page
    assert {"falls", "rises", "not shown", "no interval"} <= set(cells)


def test_other_measures_are_told_where_the_foremost_are_not_measured():
    table = comparison().assign(descriptor="persistent_entropy")
    assert "persistent entropy of H_0 falls in 1" in paragraphs(depth.page(table, {}, "t"))[0]


def test_nothing_is_said_of_a_single_layer():
    one = pandas.DataFrame([row("a", 4, 5.0, 1.0)])
    assert paragraphs(depth.page(one, {}, "t"))[0].startswith("Nothing can be said")


def test_a_measure_that_is_constant_whatever_the_data_is_left_out():
    table = comparison()
    both = pandas.concat([table, table.assign(descriptor="betti_peak", value=100.0)])
    assert [measure.descriptor for measure, _ in rows.curves(both)] == ["lifespan_sum"]


@pytest.mark.parametrize("missing", ["ci_low", "ci_high"])
def test_no_change_follows_from_an_undefined_bound(missing):
    first, last = row("a", 1, 9.0, 1.0), row("a", 4, 5.0, 1.0)
    assert rows.change(first, last) == rows.FALLS
    assert rows.change({**first, missing: np.nan}, last) == rows.UNKNOWN
    assert rows.change(first, {**last, missing: np.nan}) == rows.UNKNOWN
    assert rows.against_null({**last, f"relative_{missing}": np.nan}) == rows.UNKNOWN


def trainings(count, models=("m",)):
    """One layer falls with the accuracy, one does not change."""
    return pandas.DataFrame(
        [
            row(model, place, value, 0.4, epoch=3 * k, test_accuracy=0.1 + 0.15 * k)
            for model in models
            for k in range(count)
            for place, value in ((1, 9.0 - k), (4, 5.0))
        ]
    )


def test_the_dynamics_page_counts_layers_and_says_whether_values_follow_the_accuracy():
    table = trainings(6, ("m", *"abcde"))
    first, _, third, *_ = paragraphs(dynamics.page(table, {"m": "Net"}, "t"))
    told = "From the first to the last snapshot lifespan sum E_0 falls at 6 and rises at 0 of 12 layers (6 not shown)."
    assert first == told
    assert "Net, 6 from epoch 0 (test accuracy 10.0 %) to epoch 15 (85.0 %)" in third
    # six trainings that agree: 2 of 2^6 signs
    assert "Of 1 values (measures and layers) 0 rise and 1 fall with the accuracy" in third
    cells = re.findall(r"<td[^>]*>(.*?)</td>", dynamics.page(table, {}, "t"))
    assert "0.0312" in cells


@pytest.mark.parametrize("models", ["m", "abcde"])
def test_of_few_trainings_nothing_is_claimed_however_many_snapshots_they_have(models):
    third = paragraphs(dynamics.page(trainings(20, tuple(models)), {}, "t"))[2]
    assert "cannot be said: snapshots of one training are not independent" in third
    assert "at least 6 of the same layers" in third
    assert third.endswith(f"There are {len(models)}.")
    assert paragraphs(dynamics.page(trainings(1), {}, "t"))[0].startswith("Nothing can be said")


def test_noise_along_trainings_is_rarely_said_to_follow_the_accuracy():
    """Autocorrelated values and accuracies, each training its own: whatever their direction, it is not a common one."""
    rng = np.random.default_rng(0)
    claims = 0
    for _ in range(100):
        courses = np.cumsum(rng.normal(size=(7, 5, 20)), axis=2)
        taus = [
            [stats.kendalltau(run[0], run[k])[0] for run in courses]
            for k in (1, 2, 3, 4)
        ]  # fmt: skip
        claims += (common_direction(taus) <= 0.05).any()
    assert claims <= 10


def test_the_p_of_a_common_direction_is_the_share_of_signs():
    assert common_direction([[0.5] * 6]) == pytest.approx([2 / 64])
    # by signs (+++), (++-), (+-+), (-++), times √6: 4, 0, 2, 2 of the first, 2, 0, 4, 2 of the second; the larger one
    # is at least 4 twice of four, at least 2 thrice
    assert common_direction([[1, 1, 2], [2, -1, 1]]) == pytest.approx([1 / 2, 3 / 4])
    assert common_direction([[0.3] * 40])[0] == pytest.approx(1 / 10_000)


@pytest.mark.parametrize("experiment", ["depth", "dynamics"])
def test_the_command_writes_the_page_of_a_table(tmp_path, monkeypatch, experiment):
    table = pandas.concat(
        descriptor_table(("vgg", "resnet"), layers=3, classes=2, seed=k).assign(epoch=k, test_accuracy=0.2 * k)
        for k in range(2 if experiment == "dynamics" else 1)
    )
    texts.write_table(tmp_path / "table.csv", table.to_dict("records"), list(table))
    monkeypatch.setattr("sys.argv", [
        str(SCRIPT), experiment, "--table", str(tmp_path / "table.csv"), "--labels", json.dumps([["vgg", "VGG"]]),
        "--title", "T", "--out", str(tmp_path / "page.html"),
    ])  # fmt: skip
    runpy.run_path(str(SCRIPT), run_name="__main__")
    page = (tmp_path / "page.html").read_text()
    assert page.index("<p>From the first to the last") < page.index("<table>")
    for name in ("lifespan sum E_0", "lifespan sum E_1", "PH dimension", "TwoNN dimension", "VGG", "resnet"):
        assert name in page
