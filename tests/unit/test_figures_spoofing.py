"""The figures of the spoofing experiment show the tables' numbers, in one panel per subset and representation."""

import numpy as np
import pandas
import pytest

from topodepth.errors import InputError
from topodepth.figures import spoofing_growth, spoofing_layers, style

CLOUDS = ("real", "simulated spoof")
SLOPES = {"real": 0.8, "simulated spoof": 0.9}
PLACES = (("pixels", "pixels", 0.0), ("net", "a", 0.5), ("net", "b", 1.0))


@pytest.fixture
def curves():
    rng = np.random.default_rng(0)
    return pandas.DataFrame(
        [
            {"representation": name, "subset": subset, "layer": layer, "relative_depth": depth, "cloud": cloud, "n": n,
             "log_lifespan_sum": SLOPES[cloud] * np.log(n) + depth + rng.normal(scale=0.02), "slope": SLOPES[cloud],
             "intercept": depth, "ph_dimension": 1 / (1 - SLOPES[cloud]), "ci_low": 4.5, "ci_high": 12.25}
            for subset in ("train", "test")
            for name, layer, depth in PLACES
            for cloud in CLOUDS
            for n in (80, 200, 500)
            for _ in range(4)
        ]
    )  # fmt: skip


@pytest.fixture
def table():
    rows = []
    for subset in ("train", "test"):
        for name, layer, depth in PLACES:
            for descriptor, degree in (("ph_dimension", 0), ("two_nn", None), ("lifespan_sum", 0)):
                common = {"representation": name, "subset": subset, "layer": layer, "relative_depth": depth,
                          "descriptor": descriptor, "homology_dimension": degree}  # fmt: skip
                for k, cloud in enumerate(CLOUDS):
                    value = 10 + 5 * k + depth
                    rows.append({**common, "cloud": cloud, "value": value, "ci_low": value - 1, "ci_high": value + 1})
                p = {"pixels": (0.01, 0.01), "a": (0.01, 0.2), "b": (0.5, 0.9)}[layer]
                rows.append({**common, "cloud": "difference", "value": -5.0, "p_value": p[0], "p_corrected": p[1]})
    return pandas.DataFrame(rows)


def panels(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def test_growth_has_a_panel_for_each_representation_in_each_subset(curves):
    figure = spoofing_growth.draw(curves, models=["pixels", "net"], labels={"net": "ResNet"})
    titles = [axes.get_title(loc="left") for axes in panels(figure)]
    assert titles == ["pixels · train", "ResNet, b · train", "pixels · test", "ResNet, b · test"]
    assert len(panels(spoofing_growth.draw(curves, models=["pixels"]))) == 2


def test_growth_shows_every_draw_the_fitted_line_and_the_dimension(curves):
    axes = panels(spoofing_growth.draw(curves))[1]  # the network's deepest layer
    own = curves[(curves["layer"] == "b") & (curves["subset"] == "train")]
    points = [line for line in axes.lines if line.get_linestyle() == "None"]
    lines = [line for line in axes.lines if line.get_linestyle() == "-"]
    for cloud, marks, line in zip(CLOUDS, points, lines, strict=True):
        drawn = own[own["cloud"] == cloud]
        np.testing.assert_allclose(np.log(marks.get_ydata()), drawn["log_lifespan_sum"])
        np.testing.assert_array_equal(line.get_xdata(), [80, 500])
        np.testing.assert_allclose(line.get_ydata(), np.exp(1.0) * np.array([80.0, 500]) ** SLOPES[cloud])
        assert marks.get_color() == line.get_color()
    texts = {text.get_text(): text.get_color() for text in axes.texts}
    assert list(texts) == ["dimension 5.00 [4.50, 12.25]", "dimension 10.00 [4.50, 12.25]"]
    assert list(texts.values()) == [line.get_color() for line in lines]
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_an_undefined_dimension_is_called_so(curves):
    curves.loc[curves["cloud"] == "real", ["slope", "intercept", "ph_dimension", "ci_low", "ci_high"]] = np.nan
    assert panels(spoofing_growth.draw(curves))[0].texts[0].get_text() == "dimension undefined"


def test_layers_have_pixels_apart_and_the_network_by_depth(table):
    figure = spoofing_layers.draw(table)
    assert len(panels(figure)) == 6  # two subsets, three descriptors
    axes = panels(figure)[0]
    curves = [line for line in axes.lines if line.get_marker() in ("o", "s")]
    pixels, network = ([line for line in curves if len(line.get_xdata()) == count] for count in (1, 2))
    assert max(line.get_xdata()[0] for line in pixels) < 0
    assert [line.get_ydata().tolist() for line in pixels] == [[10.0], [15.0]]
    assert [line.get_xdata().tolist() for line in network] == [[0.5, 1.0]] * 2
    assert [line.get_ydata().tolist() for line in network] == [[10.5, 11.0], [15.5, 16.0]]
    assert axes.get_xticklabels()[0].get_text() == "pixels"


def test_stars_tell_corrected_from_uncorrected_tests(table):
    for axes in panels(spoofing_layers.draw(table)):
        stars = {line.get_markerfacecolor(): [] for line in axes.lines if line.get_marker() == "*"}
        for line in axes.lines:
            if line.get_marker() == "*":
                stars[line.get_markerfacecolor()] += list(line.get_xdata())
        assert set(stars) == {"black", "white"}
        assert max(stars["black"]) < 0  # pixels
        assert stars["white"] == [0.5]


@pytest.mark.parametrize("depths", [(0.94, 0.97), (0.5, 0.5), np.linspace(0.1, 1, 12), np.linspace(0.05, 1, 30)])
def test_no_star_covers_another(depths):
    common = {"subset": "test", "representation": "net", "descriptor": "two_nn", "homology_dimension": np.nan}
    rows = []
    for k, depth in enumerate(depths):
        place = {**common, "layer": f"l{k}", "relative_depth": depth}
        rows += [{**place, "cloud": cloud, "value": 9.0, "ci_low": 8.0, "ci_high": 10.0} for cloud in CLOUDS]
        p = {"p_value": 0.01, "p_corrected": 0.01 if k % 2 else 0.2}
        rows.append({**place, "cloud": "difference", "value": 1.0, **p})
    figure = spoofing_layers.draw(pandas.DataFrame(rows), panels=[("two_nn", None)])
    figure.canvas.draw()
    stars = [line for line in panels(figure)[0].lines if line.get_marker() == "*"]
    centres = np.concatenate([line.get_transform().transform(line.get_xydata()) for line in stars]) * 72 / figure.dpi
    assert len(centres) == len(depths)
    apart = np.linalg.norm(centres[:, None] - centres, axis=-1) + np.diag([np.inf] * len(depths))
    assert apart.min() > 0.7 * stars[0].get_markersize()


@pytest.mark.parametrize("kept", ["pixels", "net"])
def test_one_representation_alone_can_be_drawn(table, kept, tmp_path):
    figure = spoofing_layers.draw(table, models=[kept])
    style.save(figure, tmp_path / "f.png")
    assert len(panels(figure)) == 6
    assert (tmp_path / "f.png").stat().st_size > 10_000


def test_the_same_table_gives_the_same_bytes(table, curves, tmp_path):
    for draw, rows in ((spoofing_layers.draw, table), (spoofing_growth.draw, curves)):
        for name in ("a.png", "b.png"):
            style.save(draw(rows, title="Real against spoof"), tmp_path / name)
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("draw", "column"),
    [(spoofing_growth.draw, "cloud"), (spoofing_growth.draw, "slope"), (spoofing_layers.draw, "p_corrected")],
)
def test_a_missing_column_is_named(table, curves, draw, column):
    rows = curves if draw is spoofing_growth.draw else table
    with pytest.raises(InputError, match=rf"figure: the table lacks {column}"):
        draw(rows.drop(columns=column))


def test_unknown_representations_and_panels_are_named(table, curves):
    for draw, rows in ((spoofing_layers.draw, table), (spoofing_growth.draw, curves)):
        with pytest.raises(InputError, match=r"unknown model in the table 'nett'\. Did you mean 'net'"):
            draw(rows, models=["nett"])
    with pytest.raises(InputError, match=r"spoofing figure: expected rows of .*mle.* The table has: ph_dimension"):
        spoofing_layers.draw(table, panels=[("mle", 0)])
