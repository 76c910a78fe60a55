"""The page on which a run is explored: what it holds, that names in it stay text, and that it works in a browser."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from plotly.offline import get_plotlyjs
from snakemake.utils import update_config

from tests import browser
from topodepth.activations.file import read_activations
from topodepth.errors import InputError
from topodepth.figures.explore import data, layers, page
from topodepth.files import hdf5, pages
from topodepth.plan import Plan, configuration, explored
from topodepth.topology import clouds
from topodepth.topology.diagrams import Diagrams

ROOT = Path(__file__).parents[2]
HOSTILE = "</script><img src=x onerror=boom()><b>{{ data }}"
LAYERS = (f"first {HOSTILE}", "second")
N = 40


@pytest.fixture
def steps(tmp_path):
    """Activations of two layers on the same images, without attack and under one."""
    rng = np.random.default_rng(0)
    found = []
    for step in range(2):
        path = tmp_path / f"{step:02d}.h5"
        with hdf5.create_h5(path) as file:
            for k, name in enumerate(LAYERS):
                file[f"layers/{k:03d}_layer"] = rng.normal(size=(N, 3)) + step
                file[f"layers/{k:03d}_layer"].attrs.update(token=name, relative_depth=(k + 1) / 2)
            file["labels"] = np.arange(N) % 2
            file["indices"] = np.arange(N) + 100
        found.append(read_activations(path))
    return found


def bars(name):
    """Diagrams of one cloud a class: H_0 with a bar that never dies, and a bar of H_1."""
    data = {label: [np.array([[0, 0.25], [0, np.inf]]), np.array([[0.5, 0.75]])] for label in ("0", "1")}
    return Diagrams(data, [data], [], {"0": 2, "1": 2}, {"layer": name})


@pytest.fixture
def network(steps):
    return layers.of_network(steps, [[bars(name)] * len(steps) for name in LAYERS])


def table(epsilons=(0.0, 0.1)):
    rows = [
        {"model": f"net@{epsilon}", "layer": layer, "relative_depth": (k + 1) / 2, "class": cloud,
         "homology_dimension": degree, "descriptor": name, "value": 1.0 + k + epsilon, "ci_low": 0.5, "ci_high": 4.0,
         "null_value": 3.0, "null_ci_low": 2.0, "null_ci_high": 4.0, "relative_value": 0.5, "relative_ci_low": 0.4,
         "relative_ci_high": 0.6, "epsilon": epsilon, "epsilon_unit": "pixel", "macro_f1": 0.9, "success_rate": epsilon}
        for epsilon in epsilons for k, layer in enumerate(LAYERS) for cloud in ("0", "1", "mean")
        for name, degree in (("lifespan_sum", 0), ("lifespan_sum", 1), ("gride_2", np.nan), ("gride_4", np.nan))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def trainings():
    """Two trainings, the other of which kept no snapshot of epoch 3."""
    rows = table((0.0, 3.0)).rename(columns={"epsilon": "epoch"})
    rows["test_accuracy"] = rows["epoch"].map({0.0: 0.1, 3.0: 0.75})
    return pd.concat([rows.assign(model="net"), rows[rows["epoch"] == 0].assign(model="other")], ignore_index=True)


def whole(network):
    """All that the page of a run with a comparison, an attack and trainings shows."""
    plain = table((0.0,)).drop(columns=["epsilon"]).assign(model="net")
    plain.loc[(plain["class"] == "1") & (plain["layer"] == "second"), "ci_low"] = np.nan
    both = pd.concat([plain, plain.assign(model="other")])
    views = [
        data.View("Depth", "Two networks", both, {"net": HOSTILE, "other": "other"}, {"net": 0}),
        data.View("Adversarial", f"Attack {HOSTILE}", table(), {"net": HOSTILE}, {"net": 0}),
        data.View("Dynamics", "Trainings", trainings(), {"net": "followed", "other": "other"}),
    ]
    place = {"source": "data:image/png;base64,", "side": 8, "columns": 20, "places": list(range(100, 100 + N)),
             "classes": [HOSTILE, "one"]}  # fmt: skip
    words = [{"kind": "Depth", "title": HOSTILE, "said": [HOSTILE]}]
    found = data.of_run("run", views, [network | {"sheet": 0}], [place], words)
    found["limits"] |= {"layers": 16, "left": 0}
    return found


def test_the_plane_holds_the_two_axes_of_most_variance_of_the_first_cloud():
    spread = np.array([[3.0, 0, 0], [-3, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 1], [0, 0, -1]])
    found = layers.plane(spread, [spread, spread + 1], "none")
    assert found.variance == pytest.approx([9 / 14, 4 / 14])
    assert found.points[0] == pytest.approx(spread[:, :2])
    assert found.points[1] == pytest.approx(spread[:, :2] + 1)  # another cloud lies in the plane of the first


def test_features_are_scaled_over_the_whole_sample_as_for_diagrams_and_few_of_them_suffice():
    one = np.array([[10.0], [30], [20]])
    found = layers.plane(one, [one], "minmax")
    assert found.points[0] == pytest.approx(np.array([[-0.5, 0], [0.5, 0], [0, 0]]))
    some = layers.plane(one, [one[1:]], "minmax")  # over the whole sample, not over those that are shown
    assert some.points[0] == pytest.approx(np.array([[0.25, 0], [-0.25, 0]]))
    assert found.variance == pytest.approx([1, 0])
    assert layers.plane(np.ones((3, 2)), [np.ones((3, 2))], "minmax").points[0] == pytest.approx(np.zeros((3, 2)))


def test_a_network_shows_its_longest_bars_and_the_points_of_the_same_images(network):
    cloud = network["layers"]["second"]["clouds"][0]["0"]
    assert cloud["bars"] == [[0, None, 0, 0.25], [0.5, 0.75]]
    assert cloud["counts"] == [2, 1]
    assert network["indices"] == list(range(100, 100 + N))
    assert [len(points) for points in network["layers"]["second"]["points"]] == [2 * N, 2 * N]


def test_of_many_bars_the_longest_are_kept_and_of_many_images_some_all_over():
    diagram = np.array([[0, death] for death in np.arange(1, 1001) / 100])
    assert layers.longest(diagram)[1::2] == list(np.arange(1000, 1000 - layers.BARS, -1) / 100)
    rows = clouds.evenly(1000, layers.POINTS)
    assert len(rows) == layers.POINTS
    assert (rows[0], rows[-1]) == (0, 999)
    assert clouds.evenly(3, layers.POINTS).tolist() == [0, 1, 2]


def test_of_many_classes_the_first_are_shown_and_the_summaries():
    names = [str(k) for k in range(100)]
    assert layers.shown_classes([*names, "all", "mean"]) == ["mean", "all", *names[: layers.CLASSES]]


def test_layers_of_other_steps_are_refused(steps):
    with pytest.raises(InputError, match=r"diagrams of 2 steps\. Received: 1"):
        layers.of_network(steps, [[bars("second")]])


def test_curves_are_those_of_the_table(network):
    view = whole(network)["views"][1]
    assert view["models"][0]["reached"][1] == "ε = 0.1 (pixel), F1 0.9, success 0.1"
    told = view["models"][0]["curves"][1]["lifespan_sum 1"]["classes"]["mean"]
    assert told["value"] == [1.1, 2.1]
    assert told["relative_value"] == [0.5, 0.5]
    both = whole(network)["views"][2]["models"]
    assert [one["reached"][1] for one in both] == ["epoch 3, test accuracy 0.75", "epoch 3: no snapshot of this model"]
    assert [list(one["curves"][1]) for one in both] == [list(both[0]["curves"][0]), []]


def test_names_stay_text_wherever_they_stand(network):
    made = page.page(f"Explore {HOSTILE}", whole(network))
    held = re.search(r'<script type="application/json" id="data">(.*?)</script>', made, flags=re.DOTALL)[1]
    assert json.loads(held) == json.loads(json.dumps(whole(network)))
    assert "<img" not in made.replace(get_plotlyjs(), "")
    assert made.count('id="data"') == 1


def test_the_page_of_a_run_is_made_of_its_tables_pages_and_each_network_once():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(config, yaml.safe_load((ROOT / "examples/demo.yaml").read_text()))
    config = configuration.complete(config, ROOT / "workflow/schemas/config.schema.yaml")
    found = explored(Plan(config, check_inputs=False))
    names = ["vgg", "resnet", "se_resnet", "mobilenet_v2", "vgg_swish", "vgg_tanh"]  # vgg is in two comparisons
    networks = [f"<results>/explore/networks/{name}/default.json" for name in names]
    assert found.layers == [*networks, "<results>/explore/attacks/fgsm/mobilenet_v2.json"]
    assert found.contents["views"][1]["layers"] == {"vgg": 0, "vgg_swish": 4, "vgg_tanh": 5}
    assert found.contents["sheets"] == [0] * 6 + [1]
    assert found.datasets == ["<results>/datasets/digits.h5"] * 2  # images of the train and of the test split
    assert len(found.pages) == len(found.contents["kinds"]) == 6


def test_what_a_page_says_is_read_back():
    table = pages.Table("caption", ["a"], [["<p>cell"]])
    text = pages.page("A & B", ["First <b>.", "x\ny", "Second."], [table], ["Foot."])
    assert pages.head(text) == ("A & B", ["First <b>.", "Second."])


@pytest.fixture
def written(network, tmp_path):
    if not browser.FOUND:
        pytest.skip("there is no Chromium to open the page in")
    path = tmp_path / "explore.html"
    path.write_text(page.page(f"Explore {HOSTILE}", whole(network)), encoding="utf-8")
    return path


@pytest.fixture
def opened(written, tmp_path):
    with browser.Browser(tmp_path / "profile") as found:
        found.show(1280)
        found.open(written)
        yield found


def text(opened, name):
    return opened.ask(f"document.getElementById('{name}').textContent")


def choose(opened, name, number):
    """Focus a list and go down in it with the keyboard."""
    opened.ask(f"document.getElementById('{name}').focus()")
    opened.press(*["ArrowDown" if number > 0 else "ArrowUp"] * abs(number))


def test_it_opens_and_every_control_works_with_the_keyboard(opened):
    assert HOSTILE in text(opened, "here")
    assert not opened.ask("document.querySelector('img')")
    choose(opened, "layer", 1)
    assert "layer second" in text(opened, "here")
    choose(opened, "class", 2)
    assert "class 1: one" in text(opened, "here")
    band = "document.getElementById('depth').data.find((trace) => trace.fill === 'toself')"
    assert opened.ask(f"{band}.x") == [0.5, 0.5, 0.5, None]  # where an interval is undefined, the band has a gap
    choose(opened, "measure", 1)
    assert "lifespan sum E_1" in text(opened, "here")
    choose(opened, "version", 1)
    assert "/ null" in opened.ask("document.getElementById('depth').layout.yaxis.title.text")
    assert "order 2: 2; order 4: 2" in opened.ask("document.getElementById('scale').getAttribute('aria-label')")
    choose(opened, "model", 1)
    assert "not on this page" in text(opened, "points-note")
    choose(opened, "view", 1)
    choose(opened, "measure", 0)
    assert not opened.problems
    before = opened.ask("document.getElementById('points').data[0].x[0]")
    opened.ask("document.getElementById('step').focus()")
    opened.press("ArrowRight")
    assert "ε = 0.1 (pixel)" in text(opened, "reached")
    assert opened.ask("document.getElementById('points').data[0].x[0]") != before
    assert not opened.problems


def test_a_training_is_walked_through_and_has_neither_bars_nor_points(opened):
    choose(opened, "view", 2)
    assert "epoch 0, test accuracy 0.1" in text(opened, "reached")
    assert opened.ask("document.getElementById('diagram').clientWidth") == 0
    before = opened.ask("document.getElementById('depth').layout.yaxis.range")
    opened.ask("document.getElementById('step').focus()")
    opened.press("ArrowRight")
    assert "epoch 3, test accuracy 0.75" in text(opened, "reached")
    names = "document.getElementById('depth').data.map((trace) => trace.name)"
    assert [name for name in opened.ask(names) if name in ("epoch 0", "followed", "other")] == ["epoch 0", "followed"]
    assert opened.ask("document.getElementById('depth').layout.yaxis.range") == before  # curves can be compared
    choose(opened, "model", 1)
    assert (text(opened, "here"), text(opened, "reached")) == ("Not measured.", "epoch 3: no snapshot of this model")
    choose(opened, "view", -1)
    assert opened.ask("document.getElementById('diagram')._fullLayout.width") > 300
    assert not opened.problems


def test_a_bar_is_marked_in_both_plots_and_a_point_shows_its_image(opened):
    opened.ask("document.getElementById('diagram').focus()")
    opened.press("End")
    assert "H1: born at 0.5, dies at 0.75" in text(opened, "chosen-bar")
    marked = "document.getElementById('{}').data.at(-1).x"
    assert opened.ask(marked.format("diagram")) == [0.5]
    assert opened.ask(marked.format("barcode")) == [0.5, 0.75]
    opened.ask("document.getElementById('points').focus()")
    opened.press("ArrowRight", "ArrowRight")
    assert "Image 101, class 1: one" in text(opened, "tip")
    opened.press("Escape")
    assert opened.ask("document.getElementById('tip').hidden")
    place = opened.ask("""(() => {
      const plot = document.getElementById("diagram");
      plot.scrollIntoView();
      const box = plot.getBoundingClientRect(), axes = plot._fullLayout;
      return [box.left + axes.xaxis._offset + axes.xaxis.d2p(0), box.top + axes.yaxis._offset + axes.yaxis.d2p(0.25)];
    })()""")
    opened.move(*place)
    opened.move(place[0] + 1, place[1])
    assert opened.until("document.getElementById('chosen-bar').textContent", "dies at 0.25")
    assert opened.ask(marked.format("barcode")) == [0, 0.25]
    assert not opened.problems


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_telephone_and_every_plot_says_what_it_shows(opened, dark):
    opened.show(390, dark=dark)
    assert opened.until("String(document.documentElement.scrollWidth <= innerWidth)", "true")
    labels = opened.ask("[...document.querySelectorAll('.plot')].map((plot) => plot.getAttribute('aria-label'))")
    assert len(labels) == 5
    assert all(labels)
    colours = opened.ask("[getComputedStyle(document.body).color, document.getElementById('depth').layout.font.color]")
    assert colours == (["rgb(232, 234, 237)", "#e8eaed"] if dark else ["rgb(31, 35, 40)", "#1f2328"])
    assert not opened.problems


def test_points_have_the_width_of_the_page_where_no_dimension_by_scale_stands_beside_them(opened, written, network):
    wide = "document.getElementById('points').clientWidth > 900"
    hidden = "document.getElementById('scale').parentElement.hidden"
    assert (opened.ask(wide), opened.ask(hidden)) == (False, False)
    shown = whole(network)
    for curve in (each for view in shown["views"] for one in view["models"] for each in one["curves"]):
        for key in [key for key, told in curve.items() if told["order"] is not None]:
            del curve[key]
    written.write_text(page.page("Explore", shown), encoding="utf-8")
    opened.open(written)
    assert (opened.ask(wide), opened.ask(hidden)) == (True, True)
    assert opened.ask("document.getElementById('points')._fullLayout.width > 900")
    assert not opened.problems


def test_a_run_without_curves_has_its_words(written, tmp_path):
    words = {"kind": "Spoofing", "title": "Prints", "said": ["The PH dimension is higher."]}
    written.write_text(page.page("Explore", data.of_run("run", [], [], [], [words])), encoding="utf-8")
    with browser.Browser(tmp_path / "profile") as found:
        found.open(written)
        assert "Spoofing: PrintsThe PH dimension is higher." in text(found, "words")
        assert found.ask("document.getElementById('controls').hidden")
        assert not found.problems
