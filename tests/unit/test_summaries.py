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

from topodepth.experiments.summaries import depth, dynamics, rows
from topodepth.files import texts

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


def training(count):
    """One layer falls with the accuracy, one does not change."""
    return pandas.DataFrame(
        [
            row("m", place, value, 0.4, epoch=3 * k, test_accuracy=0.1 + 0.15 * k)
            for k in range(count)
            for place, value in ((1, 9.0 - k), (4, 5.0))
        ]
    )


def test_the_dynamics_page_counts_layers_and_says_whether_values_follow_the_accuracy():
    first, _, third, *_ = paragraphs(dynamics.page(training(6), {"m": "Net"}, "t"))
    told = "From the first to the last snapshot lifespan sum E_0 falls at 1 and rises at 0 of 2 layers (1 not shown)."
    assert first == told
    assert "Net, 6 from epoch 0 (test accuracy 10.0 %) to epoch 15 (85.0 %)" in third
    assert "Of 1 values (measures and layers) 0 rise and 1 fall with the accuracy" in third


def test_four_snapshots_are_too_few_to_follow_the_accuracy():
    third = paragraphs(dynamics.page(training(4), {}, "t"))[2]
    assert "cannot be said: at least 5 snapshots" in third
    assert paragraphs(dynamics.page(training(1), {}, "t"))[0].startswith("Nothing can be said")


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
