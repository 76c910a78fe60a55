"""Figures show what is in the table: every model, interval, null model and gap, and the same bytes each time."""

import numpy as np
import pandas as pd
import pytest
from figure_tables import SIX, betti_table, descriptor_table, diagram_table, history_table
from matplotlib.colors import to_hex

from topodepth.errors import InputError
from topodepth.figures import depth, depth_models, diagrams, dimension, frame, style, training
from topodepth.files import texts

TWELVE = tuple(f"model_{number}" for number in range(12))


def draw_diagrams(**options):
    return diagrams.draw(diagram_table(), betti_table(), **options)


TABLE = descriptor_table()
DRAWN = {
    "depth": lambda: depth.draw(TABLE),
    "depth_models": lambda: depth_models.draw(TABLE),
    "diagrams": draw_diagrams,
    "training": lambda: training.draw(history_table()),
    "dimension": lambda: dimension.draw(TABLE),
}


def legend_names(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts() if text.get_text().strip()]


def panel_titles(figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()]


def curve_of(axes, colour, marker):
    """The data curve of that mark, as two arrays; open markers of gaps are none."""
    found = [
        line
        for line in axes.lines
        if to_hex(line.get_color()) == colour.lower() and line.get_marker() == marker and line.get_gid() != "undefined"
    ]
    assert len(found) == 1
    return np.asarray(found[0].get_xdata(), float), np.asarray(found[0].get_ydata(), float)


def rows_drawn(table, model, descriptor, degree):
    rows = table[(table.model == model) & (table.descriptor == descriptor) & table["class"].isin(["mean", "all"])]
    return rows[(rows.homology_dimension == degree) | rows.homology_dimension.isna()]


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_table_gives_the_same_bytes(name, tmp_path):
    for suffix in (".png", ".svg") if name == "diagrams" else (".png",):
        first, again = tmp_path / f"first{suffix}", tmp_path / f"again{suffix}"
        style.save(DRAWN[name](), first, dpi=60)
        style.save(DRAWN[name](), again, dpi=60)
        assert first.read_bytes() == again.read_bytes()


def test_a_table_read_back_from_its_file_gives_the_same_figure(tmp_path):
    table = descriptor_table(("vgg", "resnet"), classes=3)
    texts.write_table(tmp_path / "table.csv", table.to_dict("records"), list(table))
    style.save(depth_models.draw(table), tmp_path / "memory.png", dpi=60)
    style.save(depth_models.draw(texts.read_table(tmp_path / "table.csv")), tmp_path / "file.png", dpi=60)
    assert (tmp_path / "file.png").read_bytes() == (tmp_path / "memory.png").read_bytes()


def test_a_table_of_numbered_classes_only_can_be_drawn_in_a_diagram(tmp_path):
    texts.write_table(tmp_path / "bars.csv", diagram_table().to_dict("records"), list(diagram_table()))
    texts.write_table(tmp_path / "betti.csv", betti_table().to_dict("records"), list(betti_table()))
    figure = diagrams.draw(texts.read_table(tmp_path / "bars.csv"), texts.read_table(tmp_path / "betti.csv"))
    assert "class 3" in panel_titles(figure)[0]


@pytest.mark.parametrize("draw", [depth.draw, lambda table: training.draw(history_table(TWELVE))])
def test_every_model_is_named_in_the_legend(draw):
    assert legend_names(draw(descriptor_table(TWELVE, classes=0)))[:12] == list(TWELVE)


@pytest.mark.parametrize("draw", [depth_models.draw, dimension.draw])
def test_every_model_has_its_panel(draw):
    assert [title for title in panel_titles(draw(descriptor_table(TWELVE, classes=2))) if title] == list(TWELVE)


def test_twelve_models_have_marks_that_differ_without_colour():
    marks = style.marks(TWELVE)
    assert len({mark.marker for mark in marks.values()}) == 12
    assert len({(mark.colour, mark.line) for mark in marks.values()}) == 12


@pytest.mark.parametrize("count", [14, 40])
def test_many_models_have_marks_that_differ(count):
    assert len(set(style.marks(map(str, range(count))).values())) == count


def test_eight_models_are_not_crowded_by_bands_and_null_curves_and_the_legend_says_where_they_are():
    figure = depth.draw(descriptor_table(TWELVE[:8], classes=0))
    assert [len(axes.lines) for axes in figure.axes[:3]] == [8] * 3
    assert not any(axes.collections for axes in figure.axes)
    assert legend_names(figure) == [*TWELVE[:8], depth.ELSEWHERE]


@pytest.mark.parametrize("draw", [depth.draw, lambda table: training.draw(history_table(tuple(set(table.model))))])
def test_forty_models_are_drawn_alike_and_counted(draw):
    figure = draw(descriptor_table(tuple(f"model_{number}" for number in range(40)), layers=3, classes=0))
    assert legend_names(figure)[0] == "40 models, one thin line each"
    assert len(legend_names(figure)) <= 3
    assert sum(line.get_color() == style.CROWD["color"] for line in figure.axes[0].lines) == 40


def test_depth_draws_the_values_of_every_model_and_descriptor():
    figure, marks = depth.draw(TABLE), style.marks(SIX)
    for column, (descriptor, degree) in enumerate(frame.DEPTH):
        for model, mark in marks.items():
            rows = rows_drawn(TABLE, model, descriptor, degree)
            for axes, value in ((figure.axes[column], "value"), (figure.axes[column + 3], "relative_value")):
                x, y = curve_of(axes, mark.colour, mark.marker)
                np.testing.assert_array_equal(x, rows.relative_depth)
                np.testing.assert_array_equal(y, rows[value])


def test_depth_draws_a_dashed_null_curve_for_every_model():
    top = depth.draw(TABLE, models=SIX[:4]).axes[0]
    dashed = {to_hex(line.get_color()): line for line in top.lines if line.get_marker() == "None"}
    for model, mark in style.marks(SIX[:4]).items():
        line = dashed[mark.colour.lower()]
        assert line.is_dashed()
        np.testing.assert_array_equal(line.get_ydata(), rows_drawn(TABLE, model, "lifespan_sum", 0).null_value)


def test_intervals_are_drawn_where_given_and_only_there():
    table = descriptor_table(("vgg",), classes=0)
    without = table.assign(ci_low=np.nan, ci_high=np.nan, null_ci_low=np.nan, null_ci_high=np.nan)
    bands = depth.draw(table).axes[0].collections
    rows = rows_drawn(table, "vgg", "lifespan_sum", 0)
    corners = np.concatenate([path.vertices for band in bands for path in band.get_paths()])
    for bound in (rows.ci_low, rows.ci_high, rows.null_ci_low, rows.null_ci_high):
        assert np.isin(bound, corners[:, 1]).all()
    assert not depth.draw(without).axes[0].collections
    assert style.INTERVAL_NAME in legend_names(depth.draw(table))


def test_a_point_without_neighbours_shows_its_interval_and_null():
    table = descriptor_table(("vgg",), layers=1, classes=0)
    axes = depth.draw(table).axes[0]
    row = rows_drawn(table, "vgg", "lifespan_sum", 0).iloc[0]
    segments = np.concatenate([np.concatenate(bars.get_segments()) for bars in axes.collections])
    assert {row.ci_low, row.ci_high} <= set(segments[:, 1])
    assert any(line.get_marker() == "_" and row.null_value in line.get_ydata() for line in axes.lines)


@pytest.mark.parametrize("name", ["depth", "depth_models", "dimension"])
def test_axis_limits_contain_values_and_intervals(name):
    figure = DRAWN[name]()
    for axes in figure.axes:
        low, high = axes.get_ylim()
        for line in axes.lines:
            x, y = (np.asarray(data, float) for data in line.get_data())
            if line.get_transform() == axes.transData:
                assert ((y >= low) & (y <= high)).all()
                assert ((x >= 0) & (x <= axes.get_xlim()[1])).all()
        for band in axes.collections:
            box = band.get_datalim(axes.transData)
            assert low <= box.y0 <= box.y1 <= high


def test_diagram_limits_contain_every_bar():
    table, figure = diagram_table(), draw_diagrams()
    for number, layer in enumerate(("conv_1", "conv_5", "logits")):
        axes = figure.axes[3 * number]
        own = table[table.layer == layer]
        assert axes.get_xlim()[0] <= own.birth.min() <= own.birth.max() <= axes.get_xlim()[1]
        assert own.death.max() <= axes.get_ylim()[1]


def with_gap(layer_index=4):
    table = descriptor_table(("vgg",), classes=0)
    gap = (table.descriptor == "ph_dimension") & (table.layer_index == layer_index)
    table.loc[gap, ["value", "ci_low", "ci_high", "relative_value", "relative_ci_low", "relative_ci_high"]] = np.nan
    return table, float(table.loc[gap, "relative_depth"].iloc[0])


@pytest.mark.parametrize(("draw", "panel"), [(depth.draw, 2), (depth_models.draw, 2), (dimension.draw, 0)])
def test_an_undefined_value_breaks_the_curve_and_leaves_an_open_marker(draw, panel):
    table, where = with_gap()
    figure = draw(table)
    (marker,) = [line for line in figure.axes[panel].lines if line.get_gid() == "undefined"]
    assert list(marker.get_xdata()) == [where]
    assert "undefined (see table)" in legend_names(figure)
    x, y = curve_of(figure.axes[panel], style.COLOURS[0], "o")
    assert np.isnan(y[x == where]).all()
    assert np.isfinite(y[x != where]).all()
    assert "undefined (see table)" not in legend_names(draw(descriptor_table(("vgg",), classes=0)))


def test_a_table_without_null_model_says_so():
    columns = [column for column in TABLE if column.startswith(("null_", "relative_")) and column != "relative_depth"]
    figure = depth.draw(TABLE.assign(**dict.fromkeys(columns, np.nan)))
    assert [text.get_text() for axes in figure.axes[3:] for text in axes.texts] == ["no null model"] * 3
    assert style.NULL_NAME not in legend_names(figure)


def test_a_value_of_zero_is_a_gap_on_the_logarithmic_axis():
    table = descriptor_table(("vgg",), classes=0)
    zero = (table.descriptor == "lifespan_sum") & (table.homology_dimension == 1) & (table.layer == "conv_9")
    figure = depth.draw(table.assign(relative_value=table.relative_value.where(~zero, 0.0)))
    assert [line.get_gid() for line in figure.axes[4].lines].count("undefined") == 1


def test_models_are_drawn_in_the_order_asked_for_under_their_labels():
    figure = depth.draw(TABLE, models=["resnet", "vgg"], labels={"vgg": "VGG, ReLU"}, title="Digits")
    assert legend_names(figure)[:2] == ["resnet", "VGG, ReLU"]
    assert figure.get_suptitle() == "Digits"
    x, y = curve_of(figure.axes[0], style.COLOURS[0], style.MARKERS[0])
    np.testing.assert_array_equal(y, rows_drawn(TABLE, "resnet", "lifespan_sum", 0).value)
    assert len(x) == 11


def test_other_descriptors_can_be_chosen():
    titles = panel_titles(depth.draw(TABLE, panels=[("two_nn", 0), ("lifespan_sum", 1)]))
    assert [title for title in titles if title] == ["TwoNN dimension", "Lifespan sum of $H_1$"]


def test_a_default_panel_that_the_table_lacks_is_left_out():
    assert len(depth.draw(TABLE[TABLE.descriptor != "ph_dimension"]).axes) == 4


def test_single_classes_are_the_faint_curves():
    axes = depth_models.draw(descriptor_table(("vgg",), classes=7)).axes[0]
    assert [line.get_color() for line in axes.lines].count(style.FAINT) == 7


def test_whole_cloud_is_drawn_where_not_every_model_has_a_mean():
    local = descriptor_table(("vgg", "resnet"), classes=2)
    whole = local[(local["class"] == "mean")].assign(**{"class": "all", "value": 1.0})
    both = pd.concat([local[~((local.model == "vgg") & (local["class"] == "mean"))], whole])
    _, y = curve_of(depth.draw(both).axes[0], style.COLOURS[1], style.MARKERS[1])
    assert set(y) == {1.0}
    with pytest.raises(InputError, match="class mean for resnet, class all for vgg"):
        depth.draw(both[~((both.model == "resnet") & (both["class"] == "all") & (both.descriptor == "lifespan_sum"))])


def test_essential_bars_stand_on_the_line_of_infinity():
    axes = draw_diagrams().axes[0]
    (mark,) = [text for text in axes.texts if "∞" in text.get_text()]
    heights = np.concatenate([points.get_offsets()[:, 1] for points in axes.collections])
    assert (heights == mark.get_position()[1]).sum() == 2  # one in the data, one in the null model
    assert np.isfinite(heights).all()


def test_data_bars_are_filled_and_null_bars_open():
    null, *_ = draw_diagrams().axes[0].collections
    data = draw_diagrams().axes[0].collections[-1]
    assert len(null.get_facecolors()) == 0
    assert len(data.get_facecolors()) == 1


def test_betti_curves_show_data_and_null():
    axes, table = draw_diagrams().axes[2], betti_table()
    own = table[(table.layer == "conv_1") & (table.homology_dimension == 1)]
    drawn = [line.get_ydata() for line in axes.lines]
    np.testing.assert_allclose(drawn[0], own.betti)
    np.testing.assert_allclose(drawn[1], own.null_betti)


def test_a_model_without_validation_still_shows_its_training_curve():
    table = history_table(("vgg",)).assign(val_loss=np.nan, val_accuracy=np.nan)
    figure = training.draw(table)
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), table.accuracy)


def test_a_training_of_one_epoch_is_seen():
    figure = training.draw(history_table(("vgg", "resnet"), epochs=1).assign(learning_rate=0.1))
    for axes in figure.axes[:2]:
        assert len(axes.lines) == 4
        assert all(line.get_marker() not in (None, "None") for line in axes.lines)  # a line of one point is nothing
        assert list(axes.get_xticks()) == [1]
    assert len({float(line.get_xdata()[0]) for line in figure.axes[2].lines}) == 2  # equal rates lie side by side


def test_a_diagram_shows_one_class_and_says_of_how_many_and_which_layers_are_left_out():
    bars = pd.concat(diagram_table(seed=c).assign(**{"class": str(c)}) for c in range(10))
    figure = diagrams.draw(bars, betti_table(), measured=9)
    assert figure.get_suptitle() == "vgg: 3 of 9 measured layers"
    assert "class 0 (first of 10)" in panel_titles(figure)[0]
    drawn = sum(len(points.get_offsets()) for points in figure.axes[0].collections)
    assert drawn == len(bars[(bars["class"] == "0") & (bars["layer"] == "conv_1")])
    assert diagrams.draw(bars, betti_table(), measured=3).get_suptitle() == "vgg"


@pytest.mark.parametrize("column", ["value", "ci_low", "null_value", "relative_value", "relative_depth", "class"])
def test_a_missing_column_is_named(column):
    with pytest.raises(InputError, match=f"depth figure: the table lacks {column}"):
        depth.draw(TABLE.drop(columns=column))


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: depth.draw(TABLE.iloc[:0]), "Received: an empty one"),
        (lambda: depth_models.draw(TABLE.drop(columns="ci_low")), "depth by model figure: the table lacks ci_low"),
        (lambda: dimension.draw(TABLE.drop(columns="dimension")), "dimension figure: the table lacks dimension"),
        (lambda: training.draw(history_table().drop(columns="val_loss")), "training figure: the table lacks val_loss"),
        (lambda: diagrams.draw(diagram_table().drop(columns="birth"), betti_table()), "lacks birth"),
        (lambda: diagrams.draw(diagram_table(), betti_table().drop(columns="betti")), "lacks betti"),
        (lambda: diagrams.draw(diagram_table(), betti_table().iloc[:0]), "Received: an empty one"),
        (lambda: diagrams.draw(diagram_table(layers=("a", "b")), betti_table(layers=("a",))), "Received: b in one"),
        (lambda: draw_diagrams(models=["vg"]), "Did you mean 'vgg'"),
        (lambda: depth.draw(TABLE, models=["resnett"]), "Did you mean 'resnet'"),
        (lambda: depth.draw(TABLE, panels=[("betti_peak", 0)]), "betti_peak H0, class mean or all"),
        (lambda: depth.draw(pd.concat([TABLE, TABLE])), "Received: several for model .*, layer conv_0"),
        (lambda: depth.draw(TABLE.assign(value="high")), "column value: expected numbers"),
        (lambda: depth.draw({}), "Received: dict"),
    ],
)
def test_bad_tables_are_refused(draw, message):
    with pytest.raises(InputError, match=message):
        draw()


def test_two_models_in_a_diagram_table_need_a_choice():
    bars = pd.concat([diagram_table("vgg"), diagram_table("resnet")])
    curves = pd.concat([betti_table("vgg"), betti_table("resnet")])
    with pytest.raises(InputError, match=r"expected one model\. Received: vgg, resnet"):
        diagrams.draw(bars, curves)
    assert diagrams.draw(bars, curves, models=["resnet"]).get_suptitle() == "resnet"


def test_an_unknown_file_format_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"Received: '\.bmp'"):
        style.save(style.new_figure(1, 1), tmp_path / "figure.bmp")


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_formats_are_what_their_suffix_says(suffix, start, tmp_path):
    style.save(style.new_figure(1, 1, "title"), tmp_path / f"figure{suffix}")
    assert (tmp_path / f"figure{suffix}").read_bytes().startswith(start)


def test_labels_lie_inside_the_figure():
    figure = depth.draw(
        descriptor_table(tuple(f"mobilenet_v2_width_{n}_swish" for n in range(12)), classes=0), title="T"
    )
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= figure.get_figwidth()
    assert box.y1 <= figure.get_figheight()


def test_the_users_own_matplotlib_settings_do_not_change_a_figure(tmp_path):
    import matplotlib

    style.save(depth.draw(TABLE), tmp_path / "plain.png", dpi=50)
    with matplotlib.rc_context({"font.size": 20, "axes.grid": False, "savefig.facecolor": "red"}):
        style.save(depth.draw(TABLE), tmp_path / "mine.png", dpi=50)
    assert (tmp_path / "mine.png").read_bytes() == (tmp_path / "plain.png").read_bytes()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.002, "0.002"), (500, "500"), (1e-4, "$10^{-4}$"), (5e-5, r"$5\times 10^{-5}$"), (0, "0"), (1e5, "$10^{5}$")],
)
def test_ticks_are_plain_numbers_where_these_are_short(value, text):
    assert style.plain(value) == text


def test_long_names_keep_both_ends():
    assert style.short("block_3_project_batch_norm", 11) == "block…_norm"
    assert style.short("conv_1", 11) == "conv_1"


@pytest.mark.parametrize("draw", [depth.draw, depth_models.draw])
def test_a_table_without_the_usual_descriptors_shows_those_that_it_has(draw):
    others = TABLE[TABLE["descriptor"] == "lifespan_sum"].assign(descriptor="persistent_entropy")
    labels = {axes.get_ylabel() for axes in draw(others).axes}
    assert {"persistent entropy of $H_0$", "persistent entropy of $H_1$"} <= labels
    others = others[others["homology_dimension"] == 0].assign(descriptor="my_dimension", homology_dimension=np.nan)
    assert any("my dimension" in axes.get_ylabel() for axes in draw(others).axes)


def test_dimensions_are_never_drawn_from_anything_else():
    others = TABLE[TABLE["descriptor"] == "lifespan_sum"]
    with pytest.raises(InputError, match=r"dimension figure: expected rows of ph_dimension,.*has: lifespan_sum H0"):
        dimension.draw(others)
