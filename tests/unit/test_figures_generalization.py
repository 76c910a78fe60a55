"""The figures of generalisation show what the tables hold, compute no correlation, and survive what cannot be said."""

import json
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from generalization_tables import LAYERS, associations_table, measures_table, models_table
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from PIL import Image

from topodepth.errors import InputError
from topodepth.figures import frame, generalization_depth, generalization_forest, generalization_scatter, style
from topodepth.files import pages, texts

MODELS = models_table()
MEASURES = measures_table(MODELS)
ASSOCIATIONS = associations_table(MEASURES)
DRAWN = {
    "scatter": lambda **options: generalization_scatter.draw(MODELS, MEASURES, ASSOCIATIONS, **options),
    "forest": lambda **options: generalization_forest.draw(ASSOCIATIONS, **options),
    "depth": lambda **options: generalization_depth.draw(ASSOCIATIONS, **options),
}


def legend_names(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts() if text.get_text().strip()]


def written(axes) -> str:
    return "\n".join(text.get_text() for text in axes.texts)


def association(measure, scope="all", target="test_error", table=ASSOCIATIONS):
    rows = table[(table.measure == measure) & (table.scope == scope) & (table.target == target)]
    assert len(rows) == 1
    return rows.iloc[0]


def points_of(axes, group):
    """The points drawn with a group's marker: x and y."""
    (found,) = [points for points in axes.collections if points.get_label() == group]
    return np.asarray(found.get_offsets())


def sentence(row, method):
    return pages.estimate(row[method], row[f"{method}_low"], row[f"{method}_high"])


def small(count=8, groups=("a", "b"), **changed):
    models = models_table(count, groups)
    measures = measures_table(models).assign(**changed)
    return models, measures, associations_table(measures, groups, n=count)


def undefined(table):
    columns = [f"{name}{end}" for name in ("pearson", "kendall") for end in ("", "_low", "_high")]
    return table.assign(**dict.fromkeys(columns, np.nan))


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_table_gives_the_same_bytes_from_memory_and_from_its_file(name, tmp_path, monkeypatch):
    style.save(DRAWN[name](), tmp_path / "first.png", dpi=50)
    for table in ("MODELS", "MEASURES", "ASSOCIATIONS"):
        original = globals()[table]
        texts.write_table(tmp_path / "table.csv", original.to_dict("records"), list(original))
        monkeypatch.setitem(globals(), table, texts.read_table(tmp_path / "table.csv"))
    style.save(DRAWN[name](), tmp_path / "again.png", dpi=50)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "again.png").read_bytes()


def test_the_scatter_shows_every_model_at_its_error_in_percent_and_its_value():
    figure = DRAWN["scatter"]()
    for degree, axes in enumerate(figure.axes[:2]):
        rows = MODELS.merge(MEASURES[MEASURES.measure == f"lifespan_sum H{degree}, logits"], on="model")
        for group in ("resnet32", "resnet56"):
            own = rows[rows.architecture == group]
            np.testing.assert_allclose(points_of(axes, group), np.column_stack([100 * own.test_error, own.value]))
        segments = np.concatenate([bars.get_segments() for bars in axes.collections if hasattr(bars, "get_segments")])
        assert {tuple(bar) for bar in segments[:, :, 1]} == set(zip(rows.ci_low, rows.ci_high, strict=True))
        assert axes.get_xlabel() == "test error, %"


def test_the_scatter_reads_r_and_tau_from_the_table_for_all_and_each_group():
    for degree, axes in enumerate(DRAWN["scatter"]().axes[:2]):
        for scope in ("all", "group:resnet32", "group:resnet56"):
            row = association(f"lifespan_sum H{degree}, logits", scope)
            assert sentence(row, "pearson") in written(axes)
            assert sentence(row, "kendall") in written(axes)
        assert "all, n = 24" in written(axes)


def test_the_numbers_in_the_scatter_follow_target_descriptor_layer_and_version():
    figure = DRAWN["scatter"](target="gap", panels=[("ph_dimension", None)], layer="conv_3", version="relative")
    axes = figure.axes[0]
    assert sentence(association("ph_dimension H0, conv_3, relative", target="gap"), "kendall") in written(axes)
    assert "gap" in axes.get_xlabel()
    assert "null" in axes.get_ylabel()
    assert "conv_3" in axes.get_title(loc="left")


def test_what_is_of_no_layer_has_a_panel_without_one():
    own = MODELS.assign(descriptor="trajectory_magnitude", measure="trajectory_magnitude", kind="descriptor")
    rows = own.assign(version="value", value=MODELS.test_error * 2)[
        ["model", "measure", "kind", "descriptor", "version", "value"]
    ]
    table = pd.concat([MEASURES, rows])
    panels = [("lifespan_sum", 0), ("trajectory_magnitude", None)]
    figure = generalization_scatter.draw(MODELS, table, ASSOCIATIONS, panels=panels, layer="conv_3")
    layered, whole = figure.axes[:2]
    assert layered.get_title(loc="left").endswith(", conv_3")
    assert whole.get_title(loc="left") == "Positive magnitude of the trajectory"
    drawn = np.concatenate([points_of(whole, group) for group in ("resnet32", "resnet56")])
    np.testing.assert_allclose(sorted(drawn[:, 0]), 50 * np.sort(rows.value))


def test_a_group_that_is_a_number_is_called_by_its_column_too_and_none_unknown():
    models, measures, associations = small(groups=("0.0", "0.2"))
    models = models.assign(label_noise=models.architecture.astype(float))
    figure = generalization_scatter.draw(models, measures, associations, group="label_noise")
    assert {"label noise 0.0", "label noise 0.2"} <= set(legend_names(figure))
    assert "label noise 0.2, n = " in written(figure.axes[0])
    models = models.assign(family=["a", None] * 4)
    figure = generalization_scatter.draw(models, measures, associations, group="family")
    assert "unknown" in legend_names(figure)


def test_the_line_of_the_scatter_is_fitted_to_all_and_to_each_group():
    axes = DRAWN["scatter"]().axes[0]
    rows = MODELS.merge(MEASURES[MEASURES.measure == "lifespan_sum H0, logits"], on="model")
    drawn = [line for line in axes.lines if len(line.get_xdata()) > 2]
    parts = [rows, *(rows[rows.architecture == name] for name in ("resnet32", "resnet56"))]
    assert len(drawn) == len(parts)
    for line, part in zip(drawn, parts, strict=True):
        slope, intercept = np.polyfit(100 * part.test_error, part.value, 1)
        np.testing.assert_allclose(line.get_ydata(), intercept + slope * line.get_xdata())


def test_the_line_of_snapshots_has_no_band_for_that_takes_models_for_independent():
    bands = []
    for models in (MODELS, MODELS.assign(run="r", snapshot=1)):
        figure = generalization_scatter.draw(models, MEASURES, ASSOCIATIONS)
        assert [line for line in figure.axes[0].lines if len(line.get_xdata()) > 2]
        bands.append("95 % band of the line" in legend_names(figure))
    assert bands == [True, False]


def test_group_lines_stand_only_where_the_table_has_groups():
    pooled = ASSOCIATIONS[ASSOCIATIONS.scope == "all"]
    axes = generalization_scatter.draw(MODELS, MEASURES, pooled).axes[0]
    assert len([line for line in axes.lines if len(line.get_xdata()) > 2]) == 1
    assert "resnet32" not in written(axes)


def test_of_many_groups_the_first_four_are_written_and_the_rest_counted():
    groups = tuple(f"arch_{k}" for k in range(7))
    axes = generalization_scatter.draw(*small(28, groups)).axes[0]
    assert [f"arch_{k}, n = 4" in written(axes) for k in range(7)] == [True] * 4 + [False] * 3
    assert "3 more groups: see table" in written(axes)


def test_a_choice_of_models_changes_the_points_and_not_the_line_or_the_numbers():
    every, some = DRAWN["scatter"]().axes[0], DRAWN["scatter"](models=["m0", "m2", "m3"]).axes[0]
    assert len(points_of(some, "resnet32")) == 2
    assert written(some) == written(every)
    np.testing.assert_array_equal(some.lines[0].get_ydata(), every.lines[0].get_ydata())


def test_a_covariate_of_many_numbers_gets_a_bar_with_its_range():
    *_, bar = DRAWN["scatter"]().axes
    assert bar.get_ylabel() == "epochs trained"
    assert bar.get_ylim() == (MODELS.epochs_trained.min(), MODELS.epochs_trained.max())


@pytest.mark.parametrize(
    ("colour", "names"),
    [("depth", ["depth 2", "depth 4", "depth 8"]), ("augment", ["augment False", "augment True"]), (None, [])],
)
def test_a_covariate_of_few_values_or_text_is_named_in_the_legend(colour, names):
    figure = DRAWN["scatter"](colour=colour)
    assert len(figure.axes) == 2
    assert legend_names(figure)[: 2 + len(names)] == ["resnet32", "resnet56", *names]
    faces = {
        to_hex(face) for points in figure.axes[0].collections if points.get_label() in ("resnet32", "resnet56")
        for face in points.get_facecolors()
    }  # fmt: skip
    assert len(faces) == max(2, len(names))


def test_an_unknown_covariate_is_grey_and_said_to_be():
    models, measures, associations = small()
    models.loc[2, "epochs_trained"] = np.nan
    figure = generalization_scatter.draw(models, measures, associations)
    assert "epochs trained unknown" in legend_names(figure) or "epochs trained: another or unknown" in legend_names(
        figure
    )
    faces = [to_hex(face) for points in figure.axes[0].collections if points.get_label() == "a"
             for face in points.get_facecolors()]  # fmt: skip
    assert faces.count(style.GREY) == 1


def test_an_undefined_value_is_an_open_marker_at_the_foot_of_the_scatter():
    models, measures, associations = small()
    measures.loc[(measures.model == "m3"), ["value", "ci_low", "ci_high"]] = np.nan
    figure = generalization_scatter.draw(models, measures, associations)
    (marker,) = [line for line in figure.axes[0].lines if line.get_gid() == "undefined"]
    assert marker.get_xdata() == [100 * models.test_error[3]]
    assert "undefined (see table)" in legend_names(figure)


@pytest.mark.parametrize("count", [1, 2])
def test_few_models_are_drawn_without_a_line_and_the_correlation_is_called_undefined(count):
    models, measures, associations = small(count, ("a",))
    figure = generalization_scatter.draw(models, measures, undefined(associations))
    assert len(points_of(figure.axes[0], "a")) == count
    assert not [line for line in figure.axes[0].lines if len(line.get_xdata()) > 2]
    assert "undefined" in written(figure.axes[0])
    assert not [name for name in legend_names(figure) if "least squares" in name]


def test_a_constant_descriptor_and_a_missing_target_are_drawn():
    models, measures, associations = small(value=5.0, ci_low=np.nan, ci_high=np.nan)
    assert "undefined" in written(generalization_scatter.draw(models, measures, undefined(associations)).axes[0])
    figure = generalization_scatter.draw(models.assign(test_error=np.nan), measures, undefined(associations))
    assert "no model has both values" in written(figure.axes[0])


def test_one_class_alone_is_drawn_and_named():
    models, measures, associations = small(**{"class": 1.0})  # as a CSV with empty cells gives it
    figure = generalization_scatter.draw(models, measures, associations)
    assert "class 1" in figure.axes[0].get_title(loc="left")
    assert "1.0" not in figure.axes[0].get_title(loc="left")


@pytest.mark.parametrize(("version", "row"), [("value", 0), ("relative", 1)])
def test_the_depth_figure_draws_tau_by_layer_for_all_and_within(version, row):
    figure = DRAWN["depth"]()
    for column, (descriptor, degree) in enumerate([("lifespan_sum", 0), ("lifespan_sum", 1), ("ph_dimension", 0)]):
        axes = figure.axes[3 * row + column]
        for scope, mark in style.marks(("all", "within")).items():
            (line,) = [line for line in axes.lines if line.get_marker() == mark.marker]
            end = ", relative" if version == "relative" else ""
            taus = [association(f"{descriptor} H{degree}, {layer}{end}", scope).kendall for layer in LAYERS]
            np.testing.assert_array_equal(line.get_xdata(), list(LAYERS.values()))
            np.testing.assert_array_equal(line.get_ydata(), taus)
        assert axes.get_ylim() == (-1.05, 1.05)


def test_a_descriptor_of_one_layer_stands_aside_for_those_of_several_and_is_drawn_where_there_are_none():
    alone = (ASSOCIATIONS.descriptor == "ph_dimension") & (ASSOCIATIONS.layer != "logits")
    titles = [axes.get_title(loc="left") for axes in generalization_depth.draw(ASSOCIATIONS[~alone]).axes]
    assert [title for title in titles if title] == ["Lifespan sum of $H_0$", "Lifespan sum of $H_1$"]
    logits = ASSOCIATIONS[(ASSOCIATIONS.layer == "logits") | (ASSOCIATIONS.kind == "rival")]
    figure = generalization_depth.draw(logits)
    assert len([axes for axes in figure.axes if axes.get_title(loc="left")]) == 3
    assert [tick.get_text() for tick in figure.axes[-3].get_xticklabels()] == ["logits"]


@pytest.mark.parametrize("count", [2, 3])
def test_few_layers_stand_side_by_side_under_their_names(count):
    layers = dict(list(LAYERS.items())[-count:])
    table = associations_table(measures_table(MODELS, layers))
    figure = generalization_depth.draw(table)
    axes = figure.axes[0]
    (line,) = [line for line in axes.lines if line.get_marker() == style.marks(("all",))["all"].marker]
    assert list(line.get_ydata()) == [association(f"lifespan_sum H0, {layer}", table=table).kendall for layer in layers]
    assert axes.get_xlim() == (-0.5, count - 0.5)
    assert [tick.get_text() for tick in figure.axes[3].get_xticklabels()] == list(layers)


def test_a_single_group_has_no_entry_in_the_legend_of_the_scatter():
    assert "cnn" not in legend_names(generalization_scatter.draw(*small(10, ("cnn",))))


@pytest.mark.parametrize("groups", [("cnn",), ("resnet32", "mobilenet_v2_width_2")])
def test_no_text_above_a_panel_of_the_scatter_lies_over_another(groups):
    figure = generalization_scatter.draw(*small(24, groups))
    figure.draw_without_rendering()
    for axes in figure.axes[:2]:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert not [(a, b) for k, a in enumerate(boxes) for b in boxes[k + 1 :] if a.overlaps(b)]
        assert all(box.x1 <= axes.get_window_extent().x1 + 6 for box in boxes)


def test_few_layers_are_named_above_the_panel_and_many_are_not():
    def names(figure):
        return [tick.get_text() for child in figure.axes[0].child_axes for tick in child.get_xticklabels()]

    assert names(DRAWN["depth"](labels={"logits": "output"})) == ["conv_3", "conv_6", "penultimate", "output"]
    measures = measures_table(MODELS, {f"conv_{k}": k / 12 for k in range(1, 13)})
    assert not names(generalization_depth.draw(associations_table(measures)))


def test_the_key_of_the_depth_figure_shows_intervals_as_they_are_drawn():
    few = ASSOCIATIONS[ASSOCIATIONS.layer.isin(["penultimate", "logits"]) | (ASSOCIATIONS.kind != "descriptor")]
    for table, interval in ((few, Line2D), (ASSOCIATIONS, Patch)):  # bars side by side; bands along the depth
        handles = generalization_depth.draw(table).legends[0].legend_handles
        by_name = {handle.get_label(): handle for handle in handles}
        assert isinstance(by_name[style.INTERVAL_NAME], interval)
        lines = {line.get_linestyle() for name, line in by_name.items() if name.startswith("τ with")}
        assert (lines == {"None"}) == (interval is Line2D)


def test_an_undefined_tau_breaks_the_curve_of_the_depth_figure():
    table = ASSOCIATIONS.copy()
    table.loc[table.layer == "conv_6", ["kendall", "kendall_low", "kendall_high"]] = np.nan
    figure = generalization_depth.draw(table)
    assert {line.get_xdata()[0] for line in figure.axes[0].lines if line.get_gid() == "undefined"} == {0.7}
    assert "undefined (see table)" in legend_names(figure)


@pytest.mark.parametrize("name", ["forest", "depth"])
def test_without_groups_only_all_models_are_drawn(name):
    associations = associations_table(MEASURES, ("cnn",))
    draw = {"forest": generalization_forest.draw, "depth": generalization_depth.draw}[name]
    assert not [text for text in legend_names(draw(associations)) if "within" in text]
    assert [text for text in legend_names(DRAWN[name]()) if "within" in text]


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_leaves_the_figure_however_long_the_names(name):
    groups = tuple(f"mobilenet_v2_width_{k}_swish_without_batch_normalisation" for k in range(3))
    models = models_table(12, groups)
    measures = measures_table(models, {f"block_{k}_of_the_{'very_' * 4}deep_part": k / 3 for k in (1, 2, 3)})
    tables = models, measures, associations_table(measures, groups, n=12)
    draw = {
        "scatter": generalization_scatter.draw,
        "forest": generalization_forest.draw,
        "depth": generalization_depth.draw,
    }[name]
    figure = draw(*(tables if name == "scatter" else tables[2:]), title="A title of many words " * 8)
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert box.x0 >= -0.01
    assert box.y0 >= -0.01
    assert box.x1 <= figure.get_figwidth() + 0.01
    assert box.y1 <= figure.get_figheight() + 0.01


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: DRAWN["scatter"](target="error"), "unknown target 'error'"),
        (lambda: DRAWN["forest"](target="loss_gap"), "unknown target in the table of associations 'loss_gap'"),
        (lambda: DRAWN["depth"](target="test_eror"), "Did you mean 'test_error'"),
        (lambda: DRAWN["scatter"](colour="epochs"), "unknown column of the table of models 'epochs'"),
        (lambda: DRAWN["scatter"](group="archi"), "unknown column of the table of models 'archi'"),
        (lambda: DRAWN["scatter"](panels=[("lifespan", 0)]), "rows of lifespan H0. The table has: lifespan_sum H0"),
        (lambda: DRAWN["scatter"](layer="logit"), "Did you mean 'logits'"),
        (lambda: DRAWN["scatter"](version="null"), "unknown version of lifespan_sum"),
        (lambda: DRAWN["scatter"](models=["m99"]), "unknown model in the table 'm99'"),
        (lambda: generalization_scatter.draw(MODELS, pd.concat([MEASURES] * 2), ASSOCIATIONS), "several for model m0"),
        (lambda: generalization_scatter.draw(MODELS.drop(columns="test_error"), MEASURES, ASSOCIATIONS), "lacks test"),
        (lambda: generalization_forest.draw(ASSOCIATIONS.drop(columns="kendall")), "forest figure: .* lacks kendall"),
        (lambda: generalization_depth.draw(ASSOCIATIONS[ASSOCIATIONS.kind == "rival"]), "expected descriptors"),
        (lambda: generalization_depth.draw(pd.concat([ASSOCIATIONS] * 2)), "several for layer conv_3"),
        (lambda: generalization_forest.draw(ASSOCIATIONS.iloc[:0]), "Received: an empty one"),
    ],
)  # fmt: skip
def test_bad_tables_and_options_are_refused(draw, message):
    with pytest.raises(InputError, match=message):
        draw()


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((-0.614, -0.72, -0.449), "−0.61 [−0.72, −0.45]"),
        ((0.5, np.nan, 1), "0.50"),
        ((0.1, -0.001, 0.2), "0.10 [0.00, 0.20]"),
        ((np.nan, 0, 1), "undefined"),
    ],
)
def test_an_estimate_reads_as_value_and_interval(numbers, text):
    assert pages.estimate(*numbers) == text


def test_every_target_has_an_axis_label_that_tells_its_unit():
    assert all(("%" in text) == (factor == 100) for text, factor in frame.TARGETS.values())


def test_the_command_hands_its_options_to_the_figure(tmp_path, monkeypatch):
    texts.write_table(tmp_path / "associations.csv", ASSOCIATIONS.to_dict("records"), list(ASSOCIATIONS))
    script = Path(__file__).parents[2] / "workflow/scripts/draw_figure.py"
    command = [script, "generalization_forest", "--tables", tmp_path / "associations.csv", "--title", "Gap"]
    command += ["--options", json.dumps({"target": "gap"}), "--code", "0123456789abcdef"]
    command += ["--out", tmp_path / "drawn.png"]
    monkeypatch.setattr(sys, "argv", [str(part) for part in command])
    runpy.run_path(str(script), run_name="__main__")
    style.save(DRAWN["forest"](target="gap", title="Gap"), tmp_path / "expected.png")
    drawn, expected = (Image.open(tmp_path / name) for name in ("drawn.png", "expected.png"))
    np.testing.assert_array_equal(np.asarray(drawn), np.asarray(expected))
    assert re.search(r"code 0123456789abcdef; associations.csv [0-9a-f]{64}", drawn.info["Description"])
