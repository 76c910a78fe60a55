"""The adversarial figures: colours are measured F1, points are the table's, images bear their predictions."""

import runpy
from pathlib import Path

import h5py
import numpy as np
import pandas
import pytest
from matplotlib.colors import to_hex, to_rgb

from topodepth.errors import InputError
from topodepth.figures import adversarial_depth, adversarial_images, adversarial_success, style

SCRIPT = Path(__file__).parents[2] / "workflow/scripts/draw_images.py"
EPSILONS = [0.0, 0.01, 0.05]
F1 = [0.9, 0.2, 0.5]  # not in the order of ε: the colour must not be that order
SUCCESS = [0.0, 0.7, 0.4]
LAYERS = ["first", "second", "logits"]


def rows(clouds=("all", "mean", "3")):
    for k, epsilon in enumerate(EPSILONS):
        for depth, layer in enumerate(LAYERS, start=1):
            for cloud in clouds:
                for degree in (0, 1):
                    yield {
                        "model": f"m@a-{k:02d}", "layer": layer, "relative_depth": depth / 3, "class": cloud,
                        "homology_dimension": degree, "descriptor": "lifespan_sum", "epsilon": epsilon,
                        "macro_f1": F1[k], "success_rate": SUCCESS[k],
                        "value": 10.0 * depth + k + 100 * (cloud != "all"), "relative_value": 0.5 + 0.1 * k,
                        "percent": k * depth, "percent_ci_low": k * depth - 1.0, "percent_ci_high": k * depth + 1.0,
                    }  # fmt: skip


@pytest.fixture
def table():
    return pandas.DataFrame(list(rows()))


@pytest.fixture
def changes():
    return pandas.concat(pandas.DataFrame(list(rows())).assign(version=version) for version in ("value", "relative"))


def curves(axes):
    return {line.get_gid(): line for line in axes.lines if str(line.get_gid()).startswith("epsilon")}


def test_one_curve_a_strength_has_the_values_of_the_whole_cloud(table):
    panels = adversarial_depth.draw(table).axes[:4]
    assert [axes.get_title(loc="left") for axes in panels[:2]] == ["Lifespan sum of $H_0$", "Lifespan sum of $H_1$"]
    for axes in panels[:2]:
        drawn = curves(axes)
        assert list(drawn) == ["epsilon 0", "epsilon 0.01", "epsilon 0.05"]
        for k, line in enumerate(drawn.values()):
            np.testing.assert_allclose(line.get_xdata(), [0, 1, 2])  # three layers stand side by side by name
            np.testing.assert_allclose(line.get_ydata(), [10 + k, 20 + k, 30 + k])
    for axes in panels[2:]:
        for k, line in enumerate(curves(axes).values()):
            np.testing.assert_allclose(line.get_ydata(), 0.5 + 0.1 * k)


def test_few_layers_stand_side_by_side_and_many_at_their_depth(table):
    axes = adversarial_depth.draw(table).axes[2]
    assert [label.get_text() for label in axes.get_xticklabels()] == LAYERS
    many = pandas.concat(table.assign(layer=table["layer"] + str(k), relative_depth=table["relative_depth"] - 0.1 * k)
                         for k in range(2))  # fmt: skip
    axes = adversarial_depth.draw(many).axes[2]
    assert axes.get_xlabel() == "relative depth"
    np.testing.assert_allclose(curves(axes)["epsilon 0"].get_xdata(), np.sort(many["relative_depth"].unique()))


def test_without_a_whole_cloud_the_mean_over_classes_is_drawn():
    axes = adversarial_depth.draw(pandas.DataFrame(list(rows(("mean", "3"))))).axes[0]
    np.testing.assert_allclose(curves(axes)["epsilon 0"].get_ydata(), [110, 120, 130])


def test_the_colour_of_a_curve_is_its_own_f1_and_the_clean_one_stands_out(table):
    figure = adversarial_depth.draw(table)
    *_, bar = figure.axes
    assert bar.get_ylabel().startswith("macro-F1")
    assert bar.get_ylim() == pytest.approx((0.2, 0.9))
    drawn = curves(figure.axes[0])
    lightness = {key: sum(line.get_color()[:3]) for key, line in drawn.items()}  # viridis grows lighter
    assert sorted(lightness, key=lightness.get) == ["epsilon 0.01", "epsilon 0.05", "epsilon 0"]
    assert drawn["epsilon 0"].get_linewidth() > drawn["epsilon 0.01"].get_linewidth()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "clean images, ε = 0 (F1 0.90)", "ε = 0.01 (F1 0.20)", "ε = 0.05 (F1 0.50)"
    ]  # fmt: skip
    assert len({line.get_marker() for line in drawn.values()}) == 3


def test_without_a_null_model_only_the_values_are_drawn(table):
    figure = adversarial_depth.draw(table.assign(relative_value=np.nan))
    assert len(figure.axes) == 3  # two panels and the colour bar


def test_changes_are_drawn_against_success_and_against_f1_joined_in_order_of_strength(changes):
    panels = adversarial_success.draw(changes.sample(frac=1, random_state=0)).axes[:4]
    for axes, x in zip(panels, (SUCCESS, F1, SUCCESS, F1), strict=True):
        drawn = {line.get_gid(): line for line in axes.lines if line.get_gid() in LAYERS}
        assert set(drawn) == set(LAYERS)
        for depth, layer in enumerate(LAYERS, start=1):
            np.testing.assert_allclose(drawn[layer].get_xdata(), x)
            np.testing.assert_allclose(drawn[layer].get_ydata(), [0, depth, 2 * depth])
        bars = [tuple(segment[:, 1]) for collection in axes.collections for segment in collection.get_segments()]
        assert sorted(bars) == sorted((k * d - 1.0, k * d + 1.0) for k in range(3) for d in (1, 2, 3))


def test_f1_falls_from_left_to_right_and_every_layer_and_strength_is_named(changes):
    figure = adversarial_success.draw(changes)
    assert figure.axes[1].get_xlim()[0] > figure.axes[1].get_xlim()[1]
    assert figure.axes[0].get_xlim()[0] < figure.axes[0].get_xlim()[1]
    entries = dict(zip((text.get_text() for text in figure.legends[0].get_texts()),
                       figure.legends[0].legend_handles, strict=True))  # fmt: skip
    drawn = {line.get_gid(): line for line in figure.axes[0].lines if line.get_gid() in LAYERS}
    for layer, line in drawn.items():
        assert to_hex(entries[layer].get_color()) == to_hex(line.get_color())
        assert entries[layer].get_marker() == line.get_marker()
    assert len({line.get_marker() for line in drawn.values()}) == 3
    for axes in figure.axes[:2]:
        names = {text.get_text(): text.xy[0] for text in axes.texts}
        assert set(names) == {"ε 0", "ε 0.01", "ε 0.05"}
    assert {text.get_text(): text.xy[0] for text in figure.axes[0].texts} == {"ε 0": 0.0, "ε 0.01": 0.7, "ε 0.05": 0.4}


def far_apart(first, second):
    """Return how far two colours are from each other, 0 to √3."""
    return float(np.linalg.norm(np.subtract(to_rgb(first), to_rgb(second))))


def test_two_layers_near_the_output_have_colours_far_apart(changes):
    two = changes[changes["layer"] != "first"].assign(
        relative_depth=lambda rows: rows["layer"].map({"second": 0.98, "logits": 1.0})
    )
    first, last = (line for line in adversarial_success.draw(two).axes[0].lines if line.get_gid() in LAYERS)
    assert far_apart(first.get_color(), last.get_color()) > 0.5


def test_forty_layers_are_told_by_the_colour_of_their_depth(changes):
    one = changes[changes["layer"] == "first"]
    many = pandas.concat(one.assign(layer=f"l{k}", relative_depth=(k + 1) / 40) for k in range(40))
    figure = adversarial_success.draw(many)
    assert figure.axes[-1].get_ylabel() == "relative depth of the layer"
    assert not any(axes.collections for axes in figure.axes[:4])  # their intervals would hide everything
    assert len(figure.legends[0].get_texts()) == 2


def test_an_interval_far_beyond_the_points_is_cut_and_marked(changes):
    wild = changes.copy()
    wild.loc[(wild["homology_dimension"] == 1) & (wild["layer"] == "logits") & (wild["epsilon"] > 0),
             ["percent_ci_low", "percent_ci_high"]] = [-750.0, 1250.0]  # fmt: skip
    figure = adversarial_success.draw(wild)
    calm, noisy = figure.axes[0], figure.axes[2]
    low, high = noisy.get_ylim()
    assert low > -20
    assert high < 30  # points lie between 0 and 6 %
    assert {line.get_marker() for line in noisy.lines if line.get_gid() == "cut"} == {"v", "^"}
    assert not [line for line in calm.lines if line.get_gid() == "cut"]
    assert "interval goes on" in [text.get_text() for text in figure.legends[0].get_texts()]
    assert calm.get_ylim()[0] <= -1.0
    assert calm.get_ylim()[1] >= 7.0  # all of the others are whole


@pytest.mark.parametrize("count", [2, 6, 12])
def test_names_of_strengths_do_not_overlap(changes, count):
    one = changes[changes["epsilon"] == 0.05]
    many = pandas.concat(
        one.assign(model=f"m@a-{k:02d}", epsilon=0.003 * k, success_rate=1 - np.exp(-k), macro_f1=0.9 * np.exp(-k))
        for k in range(count)
    )
    figure = adversarial_success.draw(many)
    figure.draw_without_rendering()
    for axes in figure.axes[:2]:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) >= 2
        assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])
        title = axes.title if axes.get_title() else axes._left_title
        assert not any(title.get_window_extent().overlaps(box) for box in boxes)


def test_a_descriptor_that_is_not_there_is_refused(changes, table):
    with pytest.raises(InputError, match="adversarial_success figure: expected rows of mle, class mean or all"):
        adversarial_success.draw(changes, panels=[("mle", None)])
    with pytest.raises(InputError, match="adversarial_depth figure: the table lacks macro_f1"):
        adversarial_depth.draw(table.drop(columns="macro_f1"))


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_drawn_with_their_prediction_in_the_colour_of_its_kind(channels, tmp_path):
    pixels = np.random.default_rng(0).random((2, 3, 4, 4, channels)).astype(np.float32)
    images = adversarial_images.AttackedImages(
        pixels, np.array([0, 2]), np.array([[0, 2, 1], [2, 2, 0]]), np.array(EPSILONS), np.array(F1), ["a", "b", "c"], 1
    )
    figure = adversarial_images.draw(images, title="Some images")
    grid = np.reshape(figure.axes, (3, 2))
    said = [[(axes.get_xlabel(), axes.xaxis.label.get_color()) for axes in row] for row in grid]
    right, wrong, target = adversarial_images.RIGHT, adversarial_images.WRONG, adversarial_images.TARGET
    assert said == [[("a", right), ("c", right)], [("c", wrong), ("c", right)], [("b", target), ("a", wrong)]]
    assert [axes.get_title(loc="center") for axes in grid[0]] == ["a", "c"]
    assert [axes.get_ylabel() for axes in grid[:, 0]] == ["clean\nF1 0.90", "ε = 0.01\nF1 0.20", "ε = 0.05\nF1 0.50"]
    np.testing.assert_array_equal(np.squeeze(grid[2, 1].images[0].get_array()), np.squeeze(pixels[1, 2]))
    style.save(figure, tmp_path / "images.png", dpi=40)
    assert (tmp_path / "images.png").stat().st_size > 1000


def test_images_that_do_not_fit_their_labels_are_refused():
    images = adversarial_images.AttackedImages(np.zeros((2, 3, 4, 4, 1)), np.zeros(1, int), np.zeros((2, 3), int),
                                       np.array(EPSILONS), np.array(F1), ["a"], None)  # fmt: skip
    with pytest.raises(InputError, match="adversarial_images figure: pixels, labels, predicted expected to fit"):
        adversarial_images.draw(images)


@pytest.mark.parametrize("shape", [(2, 3, 12), (2, 3, 150, 1), (2, 3, 8, 8, 7)])
def test_what_is_no_image_is_not_drawn(shape):
    images = adversarial_images.AttackedImages(np.zeros(shape), np.zeros(2, int), np.zeros((2, 3), int),
                                       np.array(EPSILONS), np.array(F1), ["a"], None)  # fmt: skip
    with pytest.raises(InputError, match=r"pixels expected as images .*of 1, 3 or 4 channels. Received"):
        adversarial_images.draw(images)


def test_the_same_table_gives_the_same_bytes(table, changes, tmp_path):
    for name, draw, data in (
        ("depth", adversarial_depth.draw, table),
        ("success", adversarial_success.draw, changes),
    ):
        for copy in ("a", "b"):
            style.save(draw(data), tmp_path / f"{name}_{copy}.svg")
        assert (tmp_path / f"{name}_a.svg").read_bytes() == (tmp_path / f"{name}_b.svg").read_bytes()


@pytest.mark.parametrize(("target", "entries"), [(-1, 2), (1, 3)])
def test_the_command_draws_the_images_of_an_attack(tmp_path, monkeypatch, target, entries):
    with h5py.File(tmp_path / "images.h5", "w") as file:
        file["pixels"] = np.random.default_rng(0).random((2, 3, 4, 4, 3)).astype(np.float32)
        file["labels"], file["predicted"] = np.array([0, 2]), np.array([[0, 2, 1], [2, 2, 0]])
        file["epsilons"], file["macro_f1"] = EPSILONS, F1
        file.attrs.update({"class_names": ["a", "b", "c"], "target": target, "epsilon_unit": "pixel"})
    drawn = []
    draw = adversarial_images.draw
    monkeypatch.setattr(adversarial_images, "draw", lambda *a, **b: drawn.append(draw(*a, **b)) or drawn[-1])
    arguments = ["--images", str(tmp_path / "images.h5"), "--title", "x", "--code", "0123456789abcdef"]
    arguments += ["--out", str(tmp_path / "images.png")]
    monkeypatch.setattr("sys.argv", [str(SCRIPT), *arguments])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert (tmp_path / "images.png").read_bytes().startswith(b"\x89PNG")
    assert sum(text.get_text().startswith("predicted") for text in drawn[0].legends[0].get_texts()) == entries
