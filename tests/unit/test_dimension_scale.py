"""GRIDE: the dimension by scale."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from topodepth.errors import InputError
from topodepth.homology import nearest_distances
from topodepth.topology.dimension import gride, registry
from topodepth.topology.dimension.scales import likeliest

ORDERS = (1, 2, 4, 8, 16, 32)


def ratios(order, dimension, n=4000, seed=0):
    """Distances to neighbours, of which the order-th and the last count, with the law of constant density."""
    near = np.ones((n, 2 * order))
    near[:, -1] = np.random.default_rng(seed).beta(order, order, size=n) ** (-1 / dimension)
    return near


@pytest.mark.parametrize("order", ORDERS)
def test_ratios_of_constant_density_have_their_dimension(order):
    assert likeliest(ratios(order, 7.0), order) == pytest.approx(7, rel=0.06 / np.sqrt(order))


@pytest.mark.parametrize("order", ORDERS)
def test_the_value_is_the_maximum_of_the_likelihood_of_denti_and_others(order):
    near = ratios(order, 3.0, n=50)
    logs = np.log(near[:, -1])

    def negative(d):  # of log f, f = d (μ^d − 1)^(n2 − n1 − 1) μ^(−(n2 − 1) d − 1) / B(n2 − n1, n1), n2 = 2 n1
        return -np.sum(np.log(d) + (order - 1) * np.log(np.expm1(d * logs)) - ((2 * order - 1) * d + 1) * logs)

    best = minimize_scalar(negative, bounds=(0.5, 20), method="bounded", options={"xatol": 1e-9}).x
    assert likeliest(near, order) == pytest.approx(best, rel=1e-6)


def test_of_order_1_it_is_the_inverse_of_the_mean_log_ratio():
    points = np.random.default_rng(1).random((300, 3))
    near = nearest_distances(points, 2)
    found = gride(points, 1)
    assert found.value == pytest.approx(1 / np.log(near[:, 1] / near[:, 0]).mean(), rel=1e-12)
    assert registry.get("gride_1")(points) == found


@pytest.mark.parametrize("order", ORDERS)
def test_each_scale_is_registered_under_its_order(order):
    points = np.random.default_rng(2).random((200, 3))
    assert registry.get(f"gride_{order}")(points, seed=3) == gride(points, order, seed=3)


def test_noise_fills_space_at_the_least_scale_and_not_at_the_largest():
    rng = np.random.default_rng(3)
    plane = rng.random((2000, 2)) @ np.linalg.qr(rng.normal(size=(10, 2)))[0].T
    noisy = plane + 0.005 * rng.normal(size=(2000, 10))
    values = [gride(noisy, order).value for order in ORDERS]
    assert values == sorted(values, reverse=True)
    assert values[0] > 4
    assert values[-1] == pytest.approx(2, rel=0.1)


def test_some_ratios_of_1_leave_a_value_and_all_of_them_none():
    near = ratios(4, 5.0, n=200)
    near[:50] = 1.0
    assert likeliest(near, 4) > 5
    assert np.isnan(likeliest(np.ones((20, 8)), 4))
    found = gride(np.eye(80), 4)
    assert not found.defined
    assert "equally far" in found.note


@pytest.mark.parametrize(
    ("order", "n", "message"),
    [
        (32, 64, "GRIDE of order 32: expected at least 65 points. Received: 64"),
        (0, 64, "order: expected a whole number"),
    ],
)
def test_too_few_points_are_refused(order, n, message):
    with pytest.raises(InputError, match=message):
        gride(np.random.default_rng(4).random((n, 2)), order)
