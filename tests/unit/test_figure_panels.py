"""A user's own descriptor and estimator are shown by every figure that shows descriptors, under their own names."""

import pandas
import pytest
from figure_tables import descriptor_table
from generalization_tables import associations_table, measures_table, models_table
from test_figures_adversarial import rows as attacked_rows
from test_figures_spoofing import table as table_of_spoofs  # noqa: F401

from topodepth.figures import (
    adversarial_depth,
    adversarial_success,
    depth,
    depth_models,
    dimension,
    dynamics,
    frame,
    generalization_depth,
    generalization_forest,
    generalization_scatter,
    grids,
    scales,
    spoofing_layers,
    style,
)

OWN = {"lifespan_sum": "number_of_bars", "ph_dimension": "nearest_neighbour", "two_nn": "nearest_neighbour"}
PANELS = [("number_of_bars", 1), ("nearest_neighbour", None)]
NAMES = ["Number of bars of $H_1$", "Nearest neighbour"]


def own(table):
    """A table whose descriptors have a user's names; an estimate has no homology dimension."""
    table = table[table["descriptor"].isin(OWN)].assign(descriptor=lambda rows: rows["descriptor"].map(OWN))
    estimates = table["descriptor"] == "nearest_neighbour"
    table.loc[estimates, "homology_dimension"] = None
    return table.drop_duplicates([name for name in ("model", "layer", "class", "homology_dimension", "descriptor",
                                                    "version", "measure", "scope", "target", "subset", "cloud",
                                                    "representation") if name in table])  # fmt: skip


def titles(figure):
    return [axes.get_title(loc="left").split(",")[0] for axes in figure.axes if axes.get_title(loc="left")]


DEPTHS = own(descriptor_table(("vgg", "resnet"), classes=2))
MODELS = models_table()
MEASURES = measures_table(MODELS)


def test_depth_figures_show_them():
    assert titles(depth.draw(DEPTHS, panels=PANELS)) == NAMES
    assert {axes.get_ylabel() for axes in depth_models.draw(DEPTHS, panels=PANELS).axes} - {""} == {
        "number of bars of $H_1$", "nearest neighbour"
    }  # fmt: skip
    snapshots = DEPTHS.assign(epoch=1, test_accuracy=0.5)
    labels = {axes.get_ylabel() for axes in dynamics.draw(snapshots, panels=PANELS).axes}
    assert {"number of bars of $H_1$", "nearest neighbour"} <= labels


def test_the_dimension_figure_names_them():
    (legend,) = dimension.draw(DEPTHS, estimators=["nearest_neighbour"]).legends
    assert "nearest neighbour" in [text.get_text() for text in legend.get_texts()]


def test_adversarial_figures_show_them():
    table = pandas.DataFrame(list(attacked_rows())).assign(descriptor="number_of_bars", version="value")
    assert titles(adversarial_depth.draw(table, panels=PANELS[:1])) == NAMES[:1]
    assert titles(adversarial_success.draw(table, panels=PANELS[:1])) == NAMES[:1]


def test_generalisation_figures_show_them():
    measures = own(MEASURES)
    associations = own(associations_table(MEASURES))
    assert titles(generalization_depth.draw(associations, panels=PANELS)) == NAMES
    assert titles(generalization_scatter.draw(MODELS, measures, associations, panels=PANELS)) == NAMES
    figure = generalization_forest.draw(associations, panels=PANELS[:1])
    assert all(label.get_text().startswith("number of bars of H_1") for label in figure.axes[0].get_yticklabels())
    assert " chosen, " in figure.axes[0].get_title(loc="left")
    assert "left out (see table)" in figure.axes[0].get_title(loc="left")


def test_the_figure_of_spoofs_shows_them(table_of_spoofs):  # noqa: F811
    figure = spoofing_layers.draw(own(table_of_spoofs), panels=[("nearest_neighbour", None)])
    assert titles(figure) == NAMES[1:]


def test_a_name_without_a_homology_dimension_stands_for_all_that_the_table_has():
    assert frame.present(DEPTHS, [("number_of_bars", None)], (), "any") == [
        ("number_of_bars", 0),
        ("number_of_bars", 1),
    ]
    assert frame.present(DEPTHS, [("nearest_neighbour", 0)], (), "any") == [("nearest_neighbour", None)]


@pytest.mark.parametrize(("count", "blocks", "columns"), [(1, 1, 1), (4, 1, 4), (5, 2, 3), (9, 3, 3)])
def test_many_panels_stand_in_blocks_and_none_is_lost(count, blocks, columns):
    found = grids.Blocks(count, 4, rows=2)
    figure = style.new_figure(3, 3)
    stacks = found.fill(figure)
    assert (found.blocks, found.columns, found.height) == (blocks, columns, 2 * blocks)
    assert len(stacks) == count
    assert sum(axes.get_visible() for axes in figure.axes) == 2 * count
    assert sum(stack.leftmost for stack in stacks) == blocks
    assert sum(stack.lowest for stack in stacks) == columns
    places = [axes.get_subplotspec() for stack in stacks for axes in stack.axes]
    assert [place.rowspan.start % 2 for place in places] == [0, 1] * count
    assert len({(place.rowspan.start, place.colspan.start) for place in places}) == 2 * count


def test_long_names_are_broken_into_lines():
    title, label, relative = frame.titles(("number_of_bars_longer_than_half_of_the_longest_one", 1))
    assert max(map(len, title.split("\n"))) <= frame.TITLE
    assert max(map(len, f"{label}\n{relative}".split("\n"))) <= frame.LABEL
    assert relative.endswith("\u00a0/\u00a0null")


def test_an_axis_from_zero_ends_above_values_that_are_nearly_the_same():
    axes = style.new_figure(3, 3).subplots()
    axes.plot([0, 1], [4.56, 4.57])
    scales.from_zero(axes)
    assert axes.get_ylim() == pytest.approx((0, 1.05 * 4.57))
