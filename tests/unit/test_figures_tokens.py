"""The null model of shuffled tokens in figures by depth, where a table has one."""

import numpy as np
import pytest
from figure_tables import descriptor_table

from topodepth.figures import depth, depth_models, style

TABLE = descriptor_table(models=("bert", "gpt"))
SHUFFLED = TABLE.assign(shuffled_value=TABLE["value"] * 0.5)


def dotted(axes):
    return [line for line in axes.lines if line._unscaled_dash_pattern == style.DOTTED["linestyle"]]


def names(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("draw", [depth.draw, depth_models.draw], ids=["depth", "depth_models"])
def test_a_curve_for_each_model_where_tokens_were_shuffled(draw):
    figure = draw(SHUFFLED)
    found = [line for axes in figure.axes for line in dotted(axes)]
    assert len(found) == 2 * 3  # models × descriptors
    rows = SHUFFLED[(SHUFFLED["model"] == "bert") & (SHUFFLED["descriptor"] == "lifespan_sum")]
    rows = rows[(rows["class"] == "mean") & (rows["homology_dimension"] == 0)]
    np.testing.assert_array_equal(found[0].get_ydata(), rows["shuffled_value"])
    assert style.SHUFFLED_NAME in names(figure)


@pytest.mark.parametrize("draw", [depth.draw, depth_models.draw], ids=["depth", "depth_models"])
def test_none_where_they_were_not(draw):
    figure = draw(TABLE)
    assert not [line for axes in figure.axes for line in dotted(axes)]
    assert style.SHUFFLED_NAME not in names(figure)
