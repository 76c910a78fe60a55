"""Parameters of descriptors and estimators reach the jobs that compute them, and no settings change without them."""

from tests.unit.test_plan_run import planned
from tests.workflow.conftest import TINY

LIFESPAN = {"alpha": 1.0, "weight": 0.5}
PH = {"alpha": 1.0, "sizes": None, "draws": 3}


def spoofing(plan):
    return plan.of("spoofing")[0].comparison_settings["parameters"]


def test_without_parameters_settings_hold_those_of_their_own_keys():
    plan = planned()
    assert plan.description_settings["parameters"] == {"lifespan_sum": LIFESPAN}
    assert plan.dimension_settings("default")["parameters"] == {"ph_dimension": PH}
    assert spoofing(plan) == {"lifespan_sum": LIFESPAN, "ph_dimension": PH}


def test_parameters_of_what_is_selected_are_added():
    given = {"mle": {"neighbours": 10}, "two_nn": {"discard": 0}}
    plan = planned(dimension={"draws": 3, "parameters": given})
    expected = given | {"ph_dimension": PH}
    assert plan.dimension_settings("default")["parameters"] == expected
    assert spoofing(plan) == {"lifespan_sum": LIFESPAN} | expected


def test_a_spoofing_experiment_has_its_own():
    own = {
        "topology": {"alpha": 2.0},
        "dimension": {"estimators": ["two_nn"], "parameters": {"two_nn": {"discard": 0}}},
    }
    item = {**TINY["experiments"]["spoofing"][0], **own}
    plan = planned(experiments={"spoofing": [item]}, dimension={"draws": 3, "parameters": {"mle": {"neighbours": 10}}})
    assert spoofing(plan) == {
        "lifespan_sum": LIFESPAN | {"alpha": 2.0}, "two_nn": {"discard": 0}, "ph_dimension": PH
    }  # fmt: skip
    assert plan.description_settings["parameters"] == {"lifespan_sum": LIFESPAN}
