"""Heat maps of similarity hold the table's values, whichever way the pairs were measured."""

import numpy as np
import pandas
import pytest

from topodepth.errors import InputError
from topodepth.experiments.similarity import COLUMNS, LABELS, MATCHED
from topodepth.figures import similarity_labels, similarity_layers, similarity_networks, style

DEPTHS = {"vgg": {"2": 0.5, "logits": 1.0}, "resnet": {"a": 0.3, "b": 0.6, "c": 1.0}}
MEASURES = {"linear_cka_unbiased": "similarity", "procrustes": "distance", "mine": "similarity"}


def row(one, other, measure, value, **columns):
    ends = {f"{key}_{end}": each for end, pair in (("a", one), ("b", other))
            for key, each in zip(("model", "layer", "relative_depth"), pair, strict=True)}  # fmt: skip
    return {**ends, "measure": measure, "kind": MEASURES.get(measure, "similarity"), "value": value, **columns}


def places(depths):
    return [(model, layer, depth) for model, layers in depths.items() for layer, depth in layers.items()]


def table_of(depths):
    """A value of its own for each pair, of places i and j: (i + 1) / 10 + j / 100; its p is 0.01, of one pair 0.5."""
    ends, rows = places(depths), []
    for measure in MEASURES:
        for i, one in enumerate(ends):
            for j, other in enumerate(ends[i:], start=i):
                p = 0.5 if (i, j) == (0, 2) else 0.01
                rows.append(row(one, other, measure, (i + 1) / 10 + j / 100, null_value=1.7, p_value=p))
        names = list(depths)
        for i, one in enumerate(names):
            for j, other in enumerate(names[i:], start=i):
                rows.append(
                    row((one, MATCHED, None), (other, MATCHED, None), measure, 0.4 + i / 10 + j / 20, p_value=0.01)
                )
    for k, one in enumerate(ends):
        label = (one[0], LABELS, None)
        rows.append(row(one, label, "label_overlap", 0.2 + k / 10, ci_low=0.1, ci_high=0.9, null_value=0.1))
    return pandas.DataFrame(rows, columns=list(COLUMNS))


@pytest.fixture
def table():
    return table_of(DEPTHS)


def images(figure):
    """The matrix of each panel by its title."""
    return {axes.get_title(loc="left"): np.ma.filled(axes.images[0].get_array().astype(float), np.nan)
            for axes in figure.axes if axes.images and axes.get_title(loc="left")}  # fmt: skip


def panel(figure, title):
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == title)


def test_a_panel_holds_every_pair_of_layers_both_ways(table):
    found = images(similarity_layers.draw(table))
    assert list(found) == ["Linear CKA, unbiased", "Procrustes distance", "Mine"]
    for values in found.values():
        expected = [[(min(i, j) + 1) / 10 + max(i, j) / 100 for j in range(5)] for i in range(5)]
        np.testing.assert_allclose(values, expected)


def test_networks_and_measures_stand_in_the_order_asked_for(table):
    figure = similarity_layers.draw(table, models=["resnet", "vgg"], measures=["mine", "procrustes"])
    found = images(figure)
    assert list(found) == ["Mine", "Procrustes distance"]
    order = [2, 3, 4, 0, 1]
    np.testing.assert_allclose(found["Mine"], images(similarity_layers.draw(table))["Mine"][np.ix_(order, order)])
    assert images(similarity_layers.draw(table, models=["vgg"]))["Mine"].shape == (2, 2)


def test_what_is_not_beyond_chance_is_crossed_both_ways_and_nothing_else_is(table):
    axes = panel(similarity_layers.draw(table), "Mine")
    (crosses,) = axes.collections
    assert sorted(map(tuple, crosses.get_offsets().tolist())) == [(0.0, 2.0), (2.0, 0.0)]
    unknown = panel(similarity_layers.draw(table.assign(p_value=np.nan)), "Mine")
    assert not unknown.collections


def test_a_layer_beside_itself_is_never_crossed(table):
    axes = panel(similarity_layers.draw(table.assign(p_value=0.5)), "Mine")
    (crosses,) = axes.collections
    assert len(crosses.get_offsets()) == 5 * 4
    assert not any(x == y for x, y in crosses.get_offsets())


def test_light_is_alike_whatever_way_a_measure_runs(table):
    figure = similarity_layers.draw(table)
    for title, same, other in (("Mine", 1.0, 0.1), ("Procrustes distance", 0.0, 1.6)):
        image = panel(figure, title).images[0]
        light, dark = (np.mean(image.cmap(image.norm(value))[:3]) for value in (same, other))
        assert light > dark
    assert panel(figure, "Procrustes distance").images[0].get_clim() == (0.0, 1.7)  # as far as the null model
    assert panel(figure, "Mine").images[0].get_clim() == (0.0, 1.0)


def test_an_undefined_value_is_grey_and_has_no_cross(table):
    table.loc[(table["measure"] == "mine") & (table["layer_a"] == "2"), ["value", "p_value"]] = np.nan
    axes = panel(similarity_layers.draw(table), "Mine")
    assert np.isnan(np.ma.filled(axes.images[0].get_array(), np.nan)[0]).all()
    assert not axes.collections


def test_networks_are_compared_by_the_rows_of_the_same_depth(table):
    figure = similarity_networks.draw(table, labels={"vgg": "VGG of mine"})
    np.testing.assert_allclose(images(figure)["Mine"], [[0.4, 0.45], [0.45, 0.55]])
    axes = panel(figure, "Mine")
    assert [text.get_text() for text in axes.texts] == ["0.4", "0.45", "0.45", "0.55"]
    assert [text.get_text() for text in axes.get_yticklabels()][:1] in (["VGG of mine"], [""])


def test_curves_of_labels_are_those_of_the_table(table):
    axes = similarity_labels.draw(table).axes[0]
    curves = [line.get_ydata().tolist() for line in axes.lines if line.get_marker() in style.MARKERS[:2]]
    assert curves == [pytest.approx([0.2, 0.3]), pytest.approx([0.4, 0.5, 0.6])]
    without = similarity_labels.draw(table[table["layer_b"] != LABELS])
    assert "no labels" in [text.get_text() for text in without.axes[0].texts]


@pytest.mark.parametrize("count", [1, 3, 16])
def test_few_and_many_networks_have_figures(count, tmp_path):
    table = table_of({f"a long name of a network {k}": {"x": 0.5, "y": 1.0} for k in range(count)})
    for module in (similarity_layers, similarity_networks, similarity_labels):
        paths = [tmp_path / f"{k}.png" for k in range(2)]
        for path in paths:
            style.save(module.draw(table, title="Many"), path)
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert paths[0].stat().st_size > 5000


def test_what_is_missing_is_named(table):
    with pytest.raises(InputError, match="similarity figure: the table lacks kind"):
        similarity_layers.draw(table.drop(columns="kind"))
    with pytest.raises(InputError, match=r"unknown measure in the table 'procruste'\. Did you mean 'procrustes'"):
        similarity_networks.draw(table, measures=["procruste"])
    with pytest.raises(InputError, match="unknown model in the table"):
        similarity_layers.draw(table, models=["vgg", "nobody"])
