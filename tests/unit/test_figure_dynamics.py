"""The dynamics figure draws one curve a snapshot, in the colour of its own measured accuracy."""

import pandas
import pytest

from topodepth.errors import InputError
from topodepth.figures import dynamics

ACCURACY = {0: 0.1, 1: 0.9, 5: 0.5}  # not in the order of epochs: the colour must not be that order


@pytest.fixture
def table():
    return pandas.DataFrame(
        [
            {"model": model, "layer": f"layer{k}", "relative_depth": k / 3, "class": "mean", "homology_dimension": 0,
             "descriptor": "lifespan_sum", "value": 10.0 * k + epoch, "epoch": epoch, "test_accuracy": accuracy}
            for model in ("vgg", "resnet")
            for epoch, accuracy in ACCURACY.items()
            for k in (1, 2, 3)
        ]
    )  # fmt: skip


def test_every_snapshot_of_every_model_is_drawn_with_its_values(table):
    *panels, _ = dynamics.draw(table, labels={"vgg": "VGG"}).axes
    assert [axes.get_title(loc="left") for axes in panels] == ["VGG", "resnet"]
    for axes in panels:
        drawn = sorted(tuple(line.get_ydata()) for line in axes.lines)
        assert drawn == sorted((10.0 + epoch, 20.0 + epoch, 30.0 + epoch) for epoch in ACCURACY)


def test_the_colour_of_a_curve_is_that_of_its_accuracy_on_the_bar(table):
    figure = dynamics.draw(table)
    *panels, bar = figure.axes
    assert bar.get_ylabel().startswith("test accuracy")
    assert bar.get_ylim() == pytest.approx((10, 90))
    by_epoch = {round(line.get_ydata()[0] - 10): line.get_color() for line in panels[0].lines}
    lightness = {epoch: sum(colour[:3]) for epoch, colour in by_epoch.items()}  # viridis grows lighter
    assert sorted(lightness, key=lightness.get) == sorted(ACCURACY, key=ACCURACY.get)


def test_a_table_without_accuracies_is_refused(table):
    with pytest.raises(InputError, match="dynamics figure: the table lacks test_accuracy"):
        dynamics.draw(table.drop(columns="test_accuracy"))
