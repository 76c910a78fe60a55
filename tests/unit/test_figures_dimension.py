"""The figures of dimension: marks of what the points do not resolve, and dimension by scale."""

import numpy as np
import pandas
import pytest

from tests.unit.figure_tables import descriptor_table
from topodepth.errors import InputError
from topodepth.figures import dimension, dimension_scale


def names_in(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_an_estimate_beyond_what_the_points_resolve_has_an_open_marker_and_a_bar_for_its_interval():
    table = descriptor_table(("vgg",))
    known = table["descriptor"] == "mle"
    table["bias"] = np.where(known & (table["relative_depth"] > 0.55), -3 * table["value"], np.nan)
    table["true_low"], table["true_high"] = 1.2 * table["value"], 1e6
    figure = dimension.draw(table)
    (axes,) = (axes for axes in figure.axes if axes.get_visible())
    marked = table[table["bias"].notna()]
    (opened,) = (line for line in axes.lines if line.get_gid() == "beyond" and len(line.get_xdata()))
    np.testing.assert_allclose(opened.get_ydata(), marked["value"])
    assert opened.get_markerfacecolor() == "white"
    bars = [segment for lines in axes.collections if hasattr(lines, "get_segments") for segment in lines.get_segments()]
    ends = sorted((low, high) for (_, low), (_, high) in bars)
    np.testing.assert_allclose(
        ends, sorted(zip(marked["true_low"], marked["dimension"], strict=True))
    )  # at most its width
    assert any("beyond what n resolves" in name for name in names_in(figure))
    assert not any("beyond" in name for name in names_in(dimension.draw(descriptor_table(("vgg",)))))


def test_an_estimate_beyond_the_calibration_is_marked_too_without_a_bar():
    table = descriptor_table(("vgg",))
    table = table[table["descriptor"] == "mle"].assign(bias=-np.inf, true_low=np.inf, true_high=np.inf)
    figure = dimension.draw(table)
    (axes,) = (axes for axes in figure.axes if axes.get_visible())
    (opened,) = (line for line in axes.lines if line.get_gid() == "beyond")
    np.testing.assert_allclose(opened.get_ydata(), table["value"])
    assert np.isfinite(axes.get_ylim()).all()
    bars = [segment for lines in axes.collections if hasattr(lines, "get_segments") for segment in lines.get_segments()]
    assert not any(np.size(bar) for bar in bars)
    assert any("beyond what n resolves" in name for name in names_in(figure))


def table(orders=(1, 4, 16)):
    one = descriptor_table(("vgg", "resnet"))
    one = one[one["descriptor"] == "two_nn"]
    return pandas.concat(
        [
            one.assign(descriptor=f"gride_{order}", value=one["value"] / order**0.1)
            for order in (16, 1, 4)
            if order in orders
        ]
    )


def test_the_figure_has_a_curve_a_layer_along_ascending_orders():
    figure = dimension_scale.draw(table())
    for axes, (_, own) in zip(figure.axes, table().groupby("model", sort=False), strict=False):
        layers = own["layer"].nunique()
        curves = [line for line in axes.lines if len(line.get_xdata()) == 3]
        assert len(curves) == layers
        assert all(list(line.get_xdata()) == [1, 4, 16] for line in curves)
        assert len({line.get_color() for line in curves}) == layers


@pytest.mark.parametrize("orders", [(), (4,)])
def test_a_single_scale_is_no_curve(orders):
    other = descriptor_table(("vgg",))
    with pytest.raises(InputError, match=r"at least two estimators gride_1, .*Received: (none|gride_4)"):
        dimension_scale.draw(pandas.concat([other, table(orders)]) if orders else other)
