"""The dynamics figure draws one curve per snapshot, in the colour of its own measured accuracy."""

import numpy as np
import pandas
import pytest
from matplotlib.colors import to_rgb

from topodepth.errors import InputError
from topodepth.figures import dynamics, style

ACCURACY = {0: 0.1, 1: 0.9, 5: 0.5}  # not in the order of epochs: the colour must not be that order


@pytest.fixture
def table():
    return pandas.DataFrame(
        [
            {"model": model, "layer": f"layer{k}", "relative_depth": k / 3, "class": "mean", "homology_dimension": 0,
             "descriptor": "lifespan_sum", "value": 10.0 * k + epoch,
             "ci_low": 9.0 * k + epoch, "ci_high": 11.0 * k + epoch,
             "null_value": 5.0 * k + epoch,
             "null_ci_low": 4.0 * k, "null_ci_high": 6.0 * k + epoch, "epoch": epoch, "test_accuracy": accuracy}
            for model in ("vgg", "resnet")
            for epoch, accuracy in ACCURACY.items()
            for k in (1, 2, 3)
        ]
    )  # fmt: skip


def test_every_snapshot_of_every_model_is_drawn_with_its_values(table):
    *panels, _ = dynamics.draw(table, labels={"vgg": "VGG"}).axes
    assert [axes.get_title(loc="left") for axes in panels] == ["VGG", "resnet"]
    for axes in panels:
        drawn = sorted(tuple(line.get_ydata()) for line in axes.lines if not line.is_dashed())
        assert drawn == sorted((10.0 + epoch, 20.0 + epoch, 30.0 + epoch) for epoch in ACCURACY)


def test_the_colour_of_a_curve_is_that_of_its_accuracy_on_the_bar(table):
    figure = dynamics.draw(table)
    *panels, bar = figure.axes
    assert bar.get_ylabel().startswith("test accuracy")
    assert bar.get_ylim() == pytest.approx((10, 90))
    by_epoch = {round(line.get_ydata()[0] - 10): line.get_color() for line in panels[0].lines
                if not line.is_dashed()}  # fmt: skip
    lightness = {epoch: sum(to_rgb(colour)) for epoch, colour in by_epoch.items()}  # viridis grows lighter
    assert sorted(lightness, key=lightness.get) == sorted(ACCURACY, key=ACCURACY.get)


def test_a_table_without_accuracies_is_refused(table):
    with pytest.raises(InputError, match="dynamics figure: the table lacks test_accuracy"):
        dynamics.draw(table.drop(columns="test_accuracy"))


def legend_names(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_interval_and_the_null_model_of_each_snapshot_are_drawn(table):
    figure = dynamics.draw(table)
    axes = figure.axes[0]
    corners = np.concatenate([path.vertices for band in axes.collections for path in band.get_paths()])[:, 1]
    dashed = [tuple(line.get_ydata()) for line in axes.lines if line.is_dashed()]
    for epoch in ACCURACY:
        rows = table[(table["epoch"] == epoch) & (table["model"] == "vgg")]
        assert np.isin([*rows["ci_low"], *rows["ci_high"]], corners).all()
        assert tuple(rows["null_value"]) in dashed
    assert legend_names(figure) == ["data", style.NULL_NAME, style.INTERVAL_NAME]


def test_of_many_snapshots_the_first_and_the_last_have_their_null_model(table):
    many = pandas.concat(table[table["epoch"] == 0].assign(epoch=k, test_accuracy=0.1 * k) for k in range(9))
    axes = dynamics.draw(many).axes[0]
    assert len(axes.lines) == 9 + 2
    assert len(axes.collections) == 2


def test_many_models_keep_the_width_of_the_page(table):
    one = table[table["model"] == "vgg"]
    many = pandas.concat(one.assign(model=f"model {k}") for k in range(12))
    figure = dynamics.draw(many)
    assert figure.get_figwidth() < 12
    assert sum(bool(axes.get_title(loc="left")) for axes in figure.axes) == 12


def test_one_snapshot_has_its_own_accuracy_as_the_only_tick(table):
    *_, bar = dynamics.draw(table[table["epoch"] == 0]).axes
    assert list(bar.get_yticks()) == pytest.approx([10.0])


def test_models_whose_values_lie_far_apart_are_all_within_their_panels(table):
    table.loc[table["model"] == "resnet", ["value", "ci_low", "ci_high"]] *= 30
    for axes in dynamics.draw(table).axes[:2]:
        assert axes.get_ylim()[0] == 0
        assert axes.get_ylim()[1] > max(np.nanmax(line.get_ydata()) for line in axes.lines)
