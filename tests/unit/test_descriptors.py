import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.topology.descriptors import (
    betti_curve,
    betti_peak,
    lifespan_sum,
    longest_bar,
    persistent_entropy,
    registry,
)

BARS = np.array([[0.0, 1.0], [0.0, 2.0], [0.5, 1.5], [0.0, np.inf]])


def test_lifespan_sum_weighs_powers_of_the_finite_lifespans():
    assert lifespan_sum(BARS) == pytest.approx(0.5 * (1 + 2 + 1))
    assert lifespan_sum(BARS, alpha=2, weight=1) == pytest.approx(1 + 4 + 1)


def test_entropy_of_equal_bars_is_the_logarithm_of_their_number_and_unequal_bars_have_less():
    equal = np.column_stack([np.arange(6), np.arange(6) + 3.0])
    assert persistent_entropy(equal) == pytest.approx(np.log(6))
    assert 0 < persistent_entropy([[0, 1], [0, 100]]) < np.log(2)
    assert persistent_entropy([[0, 3], [0, np.inf]]) == 0


def test_entropy_does_not_change_with_the_unit():
    assert persistent_entropy(BARS) == pytest.approx(persistent_entropy(1000 * BARS))


def test_longest_bar_is_finite():
    assert longest_bar(BARS) == 2


def test_betti_curve_counts_bars_from_birth_to_just_before_death():
    np.testing.assert_array_equal(betti_curve(BARS, [-0.1, 0, 0.5, 1, 1.5, 2, 1e9]), [0, 3, 4, 3, 2, 1, 1])


def test_betti_peak_is_the_maximum_of_the_curve_also_between_grid_points():
    rng = np.random.default_rng(0)
    births = rng.random(50)
    bars = np.column_stack([births, births + rng.random(50)])
    assert betti_peak(BARS) == 4
    assert betti_peak(bars) == max(np.sum((bars[:, 0] <= t) & (t < bars[:, 1])) for t in births)


@pytest.mark.parametrize("name", registry.names())
@pytest.mark.parametrize("empty", [np.empty((0, 2)), []])
def test_every_descriptor_of_an_empty_diagram_is_zero(name, empty):
    assert registry.get(name)(empty) == 0.0


@pytest.mark.parametrize("name", registry.names())
def test_every_descriptor_returns_a_float_and_ignores_the_order_of_bars(name):
    descriptor = registry.get(name)
    assert type(descriptor(BARS)) is float
    assert descriptor(BARS[::-1]) == pytest.approx(descriptor(BARS))


@pytest.mark.parametrize("bars", [np.zeros((2, 3)), np.zeros(4), [[0, np.nan]], [[2, 1]], [[-np.inf, 0]]])
@pytest.mark.parametrize("name", registry.names())
def test_every_descriptor_refuses_what_is_no_diagram(name, bars):
    with pytest.raises(InputError, match=r"diagram.*Received"):
        registry.get(name)(bars)


@pytest.mark.parametrize("alpha", [0, -1, float("nan")])
def test_a_power_that_is_not_positive_is_refused(alpha):
    with pytest.raises(InputError, match=r"alpha.*Received"):
        lifespan_sum(BARS, alpha=alpha)


def test_unknown_descriptor_lists_the_known_ones():
    with pytest.raises(InputError, match=r"lifespan_sum.*persistent_entropy"):
        registry.get("entropy")
