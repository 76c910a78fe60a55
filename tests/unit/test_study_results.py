"""What is done with measurements: compared, drawn, turned into features."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

import topodepth as td

RNG = np.random.default_rng(5)
LABELS = np.arange(90) % 3
FIRST = RNG.normal(size=(90, 6)) + LABELS[:, None]
QUICK = {"progress": False, "draws": 2, "null_draws": 1, "clouds": "both"}


def measured(name, scale=1.0, **options):
    layers = {"a": FIRST, "b": np.sin(scale * FIRST), "own_" + name: FIRST[:, :3]}
    return td.measure(layers=layers, name=name, **{"labels": LABELS, **QUICK, **options})


@pytest.fixture(scope="module")
def pair():
    return measured("one"), measured("two", 2.0)


def test_models_stand_under_each_other(pair):
    both = pair[0].compare(pair[1])
    assert len(both.table) == sum(len(each.table) for each in pair)
    assert list(both.table["model"].unique()) == ["one", "two"]


def test_differences_are_paired_by_class_and_by_group(pair):
    found = pair[0].compare(pair[1]).differences
    assert set(found["layer"]) == {"a", "b"}  # those that both have
    same = found[found["layer"] == "a"]
    assert (same["difference"] == 0).all()
    row = found[
        (found["layer"] == "b") & (found["class"] == "mean") & (found["descriptor"] == "lifespan_sum")
        & (found["homology_dimension"] == 0)
    ].iloc[0]  # fmt: skip
    tables = [
        each.table.query("layer == 'b' and descriptor == 'lifespan_sum' and homology_dimension == 0") for each in pair
    ]
    values = [table[table["class"].isin(["0", "1", "2"])]["value"].to_numpy() for table in tables]
    interval = stats.ttest_rel(values[1], values[0]).confidence_interval()
    np.testing.assert_allclose([row["ci_low"], row["ci_high"]], interval, rtol=1e-9)
    np.testing.assert_allclose(row["difference"], np.mean(values[1] - values[0]))
    whole = found[(found["layer"] == "b") & (found["class"] == "all")]
    assert whole["ci_low"].notna().all()


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (lambda: measured("one"), "different names"),
        (lambda: measured("two", labels=LABELS[::-1].copy()), "the same classes"),
        (lambda: measured("two", indices=np.arange(80)), "the same points"),
        (lambda: measured("two", seed=1), "the same settings"),
        (lambda: 3, "expected a measurement"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(pair, other, expected):
    with pytest.raises(td.InputError, match=expected):
        pair[0].compare(other())


@pytest.mark.parametrize("figure", ["depth", "depth_models", "dimension"])
def test_figures_show_every_model(pair, figure):
    drawn = getattr(td.draw, figure)(pair[0].compare(pair[1]))
    texts = {text.get_text() for legend in drawn.legends for text in legend.get_texts()}
    texts |= {axes.get_title(loc=place) for axes in drawn.axes for place in ("left", "center")}
    assert {"one", "two"} <= texts


def test_diagrams_of_so_many_layers_are_drawn(pair):
    assert len(td.draw.diagrams(pair[0], layers=2).axes) == 2 * 3  # of each a diagram and two Betti curves
    with pytest.raises(td.InputError, match="layers: expected at least 1"):
        td.draw.diagrams(pair[0], layers=0)
    with pytest.raises(td.InputError, match="expected a measurement"):
        td.draw.depth("mine.h5")


def test_a_comparison_shows_itself(pair):
    page = pair[0].compare(pair[1])._repr_html_()
    assert all(name in page for name in ("one", "two", "data:image/png;base64,"))


def test_features_are_one_row_a_layer_or_class(pair):
    whole = td.features(pair[0], resolution=5)
    assert list(whole.index) == [("one", layer, "mean") for layer in pair[0].layers]
    parts = td.features(pair[0], by="class", resolution=5)
    assert list(parts.index[:4]) == [("one", "a", name) for name in pair[0].diagrams["a"].data]
    shared = [column for column in whole if column in parts]
    assert sum(column.startswith("image_H1") for column in shared) == 25
    assert sum(column.startswith("landscape_H0") for column in shared) == 15
    classes = parts[parts.index.get_level_values("class").isin(["0", "1", "2"])]
    means = classes.groupby("layer", sort=False)[shared].mean()
    np.testing.assert_allclose(whole[shared].to_numpy(), means.to_numpy(), rtol=1e-9, atol=1e-12)
    assert {"ph_dimension", "two_nn", "mle"} <= set(whole)
    both = td.features(pair[0].compare(pair[1]), kinds=["descriptors"])
    assert len(both) == 6


def test_a_landscape_and_an_image_of_one_bar_are_those_of_the_definition(monkeypatch):
    found = td.measure(
        layers={"a": FIRST}, clouds="all", max_dim=0, **{k: v for k, v in QUICK.items() if k != "clouds"}
    )
    found.diagrams["a"].data["all"][0] = np.array([[0.0, 1.0], [0.0, np.inf]])
    row = td.features(found, kinds=["images", "landscapes"], resolution=5, longest=1.0).iloc[0]
    tent = np.minimum(np.linspace(0, 1, 5), 1 - np.linspace(0, 1, 5))
    np.testing.assert_allclose([row[f"landscape_H0_0_{k}"] for k in range(5)], np.sqrt(2) * tent, atol=1e-12)
    assert all(row[f"landscape_H0_1_{k}"] == 0 for k in range(5))
    pixels = row[[column for column in row.index if column.startswith("image")]]
    assert pixels.idxmax() == "image_H0_4_0"  # persistence 1, birth 0
    np.testing.assert_allclose(pixels.max(), 1 / (2 * np.pi / 16**2))  # weight 1 times a Gaussian's peak


def test_features_without_bars_are_zero():
    found = td.measure(layers={"a": FIRST[:, :1]}, labels=LABELS, max_dim=1, **QUICK)  # points of a line have no loops
    row = td.features(found, kinds=["images", "landscapes"]).iloc[0]
    assert (row[[column for column in row.index if "_H1_" in column]] == 0).all()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"by": "model"}, "unknown rows of features"),
        ({"kinds": ["image"]}, "unknown kind of features 'image'. Did you mean 'images'"),
        ({"kinds": []}, "kinds: expected"),
        ({"resolution": 1}, "resolution: expected"),
        ({"longest": 0}, "longest: expected"),
    ],
)
def test_features_refuse_what_they_do_not_know(pair, options, expected):
    with pytest.raises(td.InputError, match=expected):
        td.features(pair[0], **options)


def test_features_say_what_to_install():
    code = """
import sys, numpy, pytest
import topodepth as td
m = td.measure(layers={"a": numpy.random.default_rng(0).normal(size=(60, 3))}, progress=False, draws=1)
for name in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
    del sys.modules[name]
sys.modules["sklearn"] = None
with pytest.raises(td.InputError, match="pip install 'scikit-learn'"):
    td.features(m)
assert len(td.features(m, kinds=["descriptors"])) == 1
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
