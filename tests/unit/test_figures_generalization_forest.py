"""The forest of associations: its order, its marks, its yardstick, and what it leaves out."""

import numpy as np
import pandas as pd
from generalization_tables import RIVALS
from test_figures_generalization import ASSOCIATIONS, DRAWN, MEASURES, association, legend_names, written

from topodepth.experiments.generalization import words
from topodepth.figures import generalization_forest, style
from topodepth.topology import descriptors


def measure_of(text, table=ASSOCIATIONS):
    """The measure that a row of the forest is about, by its words."""
    called = {words.measure(row): row["measure"] for row in table.to_dict("records")}
    name, cloud, number = text.get_text().removesuffix(" *").partition(", class ")
    name = name.replace("relative to null", "relative to the null model")
    return called[name] + (f"{cloud}{number}" if cloud else "")


def estimates(axes, gid):
    """τ by row label of the markers drawn for one scope."""
    names = [measure_of(text) for text in axes.get_yticklabels()]
    return {names[round(line.get_ydata()[0])]: line.get_xdata()[0] for line in axes.lines if line.get_gid() == gid}


def test_the_forest_has_a_row_a_measure_strongest_first_pooled_filled_and_within_open():
    descriptors, rivals = DRAWN["forest"]().axes
    assert set(estimates(rivals, "all")) == set(RIVALS)
    assert set(estimates(descriptors, "all")) == set(MEASURES.measure)
    for axes in (descriptors, rivals):
        for gid in ("all", "within"):
            found = estimates(axes, gid)
            assert found == {name: association(name, gid).kendall for name in found}
            assert len(found) == len(axes.get_yticklabels())
        strength = np.abs([association(name, "within").kendall for name in estimates(axes, "all")])
        assert (np.diff(strength) <= 0).all()
        fills = {
            gid: {line.get_markerfacecolor() for line in axes.lines if line.get_gid() == gid}
            for gid in ("all", "within")
        }
        assert fills["within"] == {"white"}
        assert "white" not in fills["all"]


def test_no_name_of_a_built_in_descriptor_is_cut_short_at_the_penultimate_layer():
    rows = [{"descriptor": name, "homology_dimension": 1.0, "layer": "penultimate", "version": "relative",
             "class": "mean", "kind": "descriptor", "measure": name}
            for name in descriptors.registry.names()]  # fmt: skip
    called = [generalization_forest._called(row) for row in rows]
    assert "peak of the Betti curve of H_1, penultimate layer, relative to null" in called
    assert [style.short(name, generalization_forest.NAME) for name in called] == called


def test_the_forest_shades_the_interval_of_training_accuracy_and_its_mirror_image():
    row = association("train_accuracy", "within")
    for axes in DRAWN["forest"]().axes:
        spans = {patch.get_gid(): patch.get_extents().transformed(axes.transData.inverted()) for patch in axes.patches}
        np.testing.assert_allclose(spans["yardstick"].intervalx, [row.kendall_low, row.kendall_high])
        np.testing.assert_allclose(spans["mirror"].intervalx, [-row.kendall_high, -row.kendall_low])
    without = generalization_forest.draw(ASSOCIATIONS[ASSOCIATIONS.measure != "train_accuracy"])
    assert not without.axes[0].patches
    assert not [name for name in legend_names(without) if "train_accuracy" in name]


def test_the_forest_marks_what_survives_the_correction_and_only_that():
    figure, marked = DRAWN["forest"](), set()
    for axes in figure.axes:
        for text in axes.get_yticklabels():
            assert text.get_text().endswith(" *") == (text.get_fontweight() == "bold")
            if text.get_text().endswith(" *"):
                marked.add(measure_of(text))
    rows = ASSOCIATIONS[(ASSOCIATIONS.scope == "within") & (ASSOCIATIONS.target == "test_error")]
    assert marked == set(rows[rows.p_corrected < 0.05].measure)
    assert "bold: corrected p < 0.05, within blocks" in legend_names(figure)
    assert "bold: corrected p < 0.05, within blocks" not in legend_names(
        generalization_forest.draw(ASSOCIATIONS.assign(p_corrected=1.0))
    )


def test_of_too_many_measures_the_forest_keeps_the_rivals_and_the_strongest_and_counts_the_rest():
    own = ASSOCIATIONS[(ASSOCIATIONS.kind == "descriptor") & (ASSOCIATIONS.version == "value")]
    rows = [own.assign(measure=own.measure + f", class {k}", **{"class": str(k)}) for k in range(3)]
    table = pd.concat([ASSOCIATIONS, *rows])
    descriptors, rivals = generalization_forest.draw(table).axes
    pooled = table[(table.scope == "within") & (table.target == "test_error") & (table.kind == "descriptor")]
    drawn = estimates(descriptors, "all")
    assert len(drawn) + len(estimates(rivals, "all")) == generalization_forest.ROWS
    assert len(estimates(rivals, "all")) == len(RIVALS)
    left = len(pooled) - len(drawn)
    assert f"{left} left out" in descriptors.get_title(loc="left")
    weakest = pooled[pooled.measure.isin(drawn)].kendall.abs().min()
    assert weakest >= pooled[~pooled.measure.isin(drawn)].kendall.abs().max()


def test_an_undefined_tau_stands_last_in_the_forest_and_is_called_so():
    table = ASSOCIATIONS.copy()
    table.loc[table.measure == "margin", ["kendall", "kendall_low", "kendall_high"]] = np.nan
    _, rivals = generalization_forest.draw(table).axes
    assert rivals.get_yticklabels()[-1].get_text().startswith("margin")
    assert written(rivals).splitlines()[-1] == "undefined"
    assert "margin" not in estimates(rivals, "all")


def test_a_measure_whose_sign_turns_has_an_arrow_and_the_legend_says_what_it_is():
    turning = "lifespan_sum H0, logits"
    table = ASSOCIATIONS.assign(verdict_class="associated")
    table.loc[(table.measure == turning) & (table.target == "test_error"), "verdict_class"] = "the sign turns"
    names = [label.get_text() for label in generalization_forest.draw(table).axes[0].get_yticklabels()]
    assert [name.split(" *")[0].removesuffix(" ↔") for name in names if "↔" in name] == ["lifespan sum E_0, logits"]
    assert "the sign turns once the covariates are given" in legend_names(generalization_forest.draw(table))
    for figure in (generalization_forest.draw(table, target="gap"), generalization_forest.draw(ASSOCIATIONS)):
        assert not [name for name in legend_names(figure) if "turns" in name]
