"""`figures: panels` chooses what figures show, of what their experiments measure; anything else is refused."""

from pathlib import Path

import pytest

from topodepth import plan
from topodepth.errors import InputError
from topodepth.plan import configuration, panels

ROOT = Path(__file__).parents[2]
TOPOLOGY = {"max_dim": 2, "descriptors": ["lifespan_sum", "betti_peak"]}
MODEL = {"dataset": "digits", "architecture": "vgg", "layers": ["logits"], "training": {"snapshots": [0]}}
EXPERIMENTS = {
    "depth": [{"name": "all", "models": ["vgg"]}, {"name": "bare", "models": ["vgg"], "sample": "bare"}],
    "dynamics": [{"name": "all", "models": ["vgg"]}],
    "generalization": [{"name": "all", "models": ["vgg"]}],
    "adversarial": [{"name": "all", "models": ["vgg"], "sample": "bare"}],
    "spoofing": [{"name": "all", "dataset": "spoofed"}],
}


def planned(chosen, **others):
    config = {
        "datasets": {"digits": {"loader": "digits"}, "spoofed": {"loader": "spoofed_digits"}},
        "models": {"vgg": MODEL}, "samples": {"default": {}, "bare": {"dimensions": False}},
        "experiments": EXPERIMENTS, "figures": {"panels": chosen}, **others,
    }  # fmt: skip
    config = configuration.complete(config, ROOT / "workflow/schemas/config.schema.yaml")
    return plan.Plan(config, check_inputs=False)


def shown(run, kind, figure, name="all"):
    return run.experiments[kind][name].options(figure).get("panels")


def test_a_descriptor_has_a_panel_for_each_homology_dimension_and_an_estimate_one():
    found = panels.measured(TOPOLOGY, {"estimators": ["two_nn"]})
    sums = [("lifespan_sum", 0), ("lifespan_sum", 1), ("lifespan_sum", 2)]
    assert found == [*sums, ("betti_peak", 1), ("betti_peak", 2), ("two_nn", None)]  # β_0's peak is constant
    assert panels.measured(TOPOLOGY, None) == found[:-1]


def test_panels_keep_their_order_and_a_bare_name_stands_for_all_dimensions_once():
    known = panels.measured(TOPOLOGY, {"estimators": ["two_nn"]})
    names = ["two_nn", "lifespan_sum H1", "lifespan_sum"]
    assert panels.chosen(names, known) == [
        ("two_nn", None), ("lifespan_sum", 1), ("lifespan_sum", 0), ("lifespan_sum", 2)
    ]  # fmt: skip


EVERY = [
    ("depth", "depth"), ("depth", "depth_models"), ("dynamics", "dynamics"), ("adversarial", "adversarial_depth"),
    ("adversarial", "adversarial_success"), ("generalization", "generalization_scatter"),
    ("generalization", "generalization_forest"), ("generalization", "generalization_depth"),
    ("spoofing", "spoofing_layers"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "figure"), EVERY)
def test_every_figure_of_descriptors_shows_what_is_chosen(kind, figure):
    run = planned(["longest_bar H1"], topology={"descriptors": ["lifespan_sum", "longest_bar"]})
    assert shown(run, kind, figure) == [("longest_bar", 1)]


def test_an_experiment_shows_those_that_it_measures_and_its_own_where_it_measures_none():
    run = planned(["two_nn", "longest_bar H1"])
    assert shown(run, "depth", "depth") == [("two_nn", None), ("longest_bar", 1)]
    assert (
        shown(run, "depth", "depth", "bare") == shown(run, "adversarial", "adversarial_depth") == [("longest_bar", 1)]
    )
    assert shown(run, "spoofing", "spoofing_layers") == [("two_nn", None)]  # it tests lifespan sums alone
    run = planned(["two_nn"])
    assert shown(run, "depth", "depth", "bare") is None
    assert shown(run, "adversarial", "adversarial_success") == [("lifespan_sum", None)]


def test_figures_of_other_things_take_no_panels():
    run = planned(["two_nn"])
    assert shown(run, "depth", "dimension") is shown(run, "depth", "training") is None
    assert shown(run, "spoofing", "spoofing_growth") is None


def test_without_the_key_figures_show_what_they_always_did():
    run = planned(None)
    alone = {"adversarial_success", "generalization_scatter"}  # show the leading descriptor
    assert {figure for kind, figure in EVERY if shown(run, kind, figure)} == alone


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (
            ["longst_bar H1"],
            r"'figures.panels': unknown panel 'longst_bar H1'. Did you mean 'longest_bar H1'\? Known: ",
        ),
        (["lifespan_sum H2"], r"unknown panel 'lifespan_sum H2'.* up to H of topology.max_dim"),
        (["lifespan_sum H_1"], r"Did you mean 'lifespan_sum H1'"),
        (["betti_peak H0"], r"unknown panel 'betti_peak H0'.*Known: betti_peak, betti_peak H1, "),
        (["ph_dimension H0"], r"Did you mean 'ph_dimension'"),
        ([], r"'figures.panels': expected at least 1"),
        (["two_nn"] * 2, r"'figures.panels': expected entries that differ"),
        ([f"d{k}" for k in range(13)], r"'figures.panels': expected at most 12 entries"),
        ([1], r"'figures.panels.0': expected a text. Received: 1"),
        ("two_nn", r"'figures.panels': expected a list or null"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(chosen, message):
    with pytest.raises(InputError, match=message) as caught:
        planned(chosen)
    assert "\n" not in str(caught.value)


def test_a_descriptor_that_exists_and_is_not_measured_is_refused():
    with pytest.raises(InputError, match=r"unknown panel 'longest_bar'.*Known: lifespan_sum, .*topology.descriptors"):
        planned(["longest_bar"], topology={"descriptors": ["lifespan_sum"]})
    with pytest.raises(InputError, match=r"unknown panel 'mle'.*dimension.estimators, and trajectories"):
        planned(["mle"], experiments={"depth": [{"name": "bare", "models": ["vgg"], "sample": "bare"}]})
