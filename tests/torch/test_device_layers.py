"""Activations of a PyTorch model stay on the device that measures them. PyTorch's CPU stands for a GPU here."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

import topodepth as td
from topodepth.activations import on_device
from topodepth.errors import InputError
from topodepth.homology import computing_on, devices, ties
from topodepth.tables import dimensions
from topodepth.topology import clouds, dimension
from topodepth.topology.dimension.estimate import DimensionEstimate

from .test_device import CPU, MADE, points_of
from .test_tokens import Bag

N, WIDE = 150, 200
OPTIONS = {"max_dim": 0, "clouds": "all", "points": None, "null_draws": 1, "jackknife_groups": 3, "draws": 1,
           "sizes": [20, 60, 140], "estimators": "two_nn", "progress": False, "name": "net"}  # fmt: skip
TO_HOST = ("cpu", "numpy", "tolist", "__array__")


class Copies(TorchFunctionMode):
    """Notes how many numbers each copy to the host has."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if getattr(function, "__name__", "") in TO_HOST:
            self.sizes.append(args[0].numel())
        return function(*args, **(kwargs or {}))


@pytest.fixture
def gpu(monkeypatch):
    """Let the CPU be what device="cuda" finds, for few points too."""
    monkeypatch.setattr(devices, "FEW", 100)
    found = devices.found
    monkeypatch.setattr(devices, "found", lambda device: CPU if device == "cuda" else found(device))


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, WIDE), nn.ReLU(), nn.Linear(WIDE, WIDE), nn.ReLU(), nn.Linear(WIDE, 3)).eval()


def images():
    return torch.as_tensor(np.random.default_rng(0).normal(size=(N, 8)), dtype=torch.float32)


def batches():
    return [(part, torch.arange(len(part)) % 2) for part in images().split(40)]


def same_numbers(one, other, rtol):
    numbers = [each.table.select_dtypes("number") for each in (one, other)]
    np.testing.assert_allclose(*numbers, rtol=rtol)
    for layer in one.layers:
        np.testing.assert_array_equal(one.activations.points(layer), other.activations.points(layer))


@pytest.mark.parametrize(("given", "estimators"), [(images, ("mle", "ph_dimension")), (batches, ("two_nn", "gride_4"))])
def test_numbers_are_those_of_the_cpu_and_those_of_a_file(gpu, given, estimators, tmp_path):
    options = OPTIONS | {"estimators": estimators}
    found = td.measure(net(), given(), device="cuda", **options)
    assert len(found.activations.held) == len(found.layers) == 3
    same_numbers(found, td.measure(net(), given(), device="cpu", **options), 1e-12)
    saved = td.measure(found.save(tmp_path / "saved.h5"), device="cuda", **options)
    assert not saved.activations.held
    same_numbers(found, saved, 0)
    assert found.longest_bars(1).equals(saved.longest_bars(1))


def test_no_layer_is_copied_to_the_host(gpu):
    with Copies() as copies:
        found = td.measure(net(), images(), device="cuda", **OPTIONS | {"estimators": ("two_nn", "ph_dimension")})
    assert 0 < max(copies.sizes) < N * WIDE / 3
    with Copies() as copies:
        found.activations.points("1")
    assert max(copies.sizes) == N * WIDE  # such a copy is seen


def test_of_h1_and_of_few_points_no_more_is_copied_than_the_cloud(gpu):
    """All else is computed where the activations are."""
    options = OPTIONS | {"jackknife_groups": 0}
    with Copies() as copies:
        td.measure(net(), images(), device="cuda", **options | {"max_dim": 1, "points": 30})
        td.measure(net(), images(), device="cuda", **options | {"points": 30})
    assert 30 * WIDE in copies.sizes
    assert max(copies.sizes) < N * WIDE / 3


@pytest.mark.parametrize(("given", "fit"), [(images, 1), (batches, 1), (images, 0)])
def test_layers_that_do_not_fit_go_through_a_file_after_one_line(gpu, monkeypatch, given, fit):
    expected = td.measure(net(), given(), device="cuda", **OPTIONS)
    room = fit * on_device.BYTES * 1.2 * N * WIDE
    monkeypatch.setattr(on_device, "free_memory", lambda device: int(room * on_device.SHARE))
    with pytest.warns(
        RuntimeWarning, match=r"activations of . of 3 layers, 0.0 GB, do not fit .*through a file"
    ) as told:
        found = td.measure(net(), given(), device="cuda", **OPTIONS)
    assert len(told) == 1
    assert len(found.activations.held) == 2 * fit  # one of the wide ones, and the logits
    same_numbers(found, expected, 0)


def test_tokens_and_their_shuffled_draws_stay_too(gpu):
    tokens = np.random.default_rng(1).integers(0, 40, size=(60, 5))
    options = OPTIONS | {"pooling": "tokens", "tokens": 120, "shuffled_draws": 1, "layers": ["embed", "act"]}
    found = td.measure(Bag(features=WIDE), tokens, device="cuda", **options)
    assert len(found.activations.held) == 4
    torch.manual_seed(0)
    same_numbers(found, td.measure(Bag(features=WIDE), tokens, device="cpu", **options), 1e-12)


def test_activations_that_are_not_finite_are_refused_with_their_layer(gpu):
    broken = net()
    broken[2].weight.data[0] = torch.nan
    with pytest.raises(InputError, match=r"layer '3': activations expected to be finite. Received: 64 NaN"):
        td.measure(broken, images(), device="cuda", **OPTIONS)


def test_an_estimator_of_a_users_own_gets_arrays(gpu, monkeypatch):
    def own(points, *, seed=0, kept=None):
        assert isinstance(points, np.ndarray)
        return DimensionEstimate(float(points.sum()), np.nan, np.nan, len(points), "")

    monkeypatch.setitem(dimension.registry._entries, "two_nn", own)
    rows = [
        dimensions.estimated((each, None), [], ["two_nn"], {}, 0)
        for each in (np.ones((120, 2)), torch.ones((120, 2), dtype=torch.float64))
    ]
    assert rows[0]["two_nn", None][0].value == rows[1]["two_nn", None][0].value == 240


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("kind", MADE)
def test_what_is_done_with_points_before_their_distances_is_the_same_to_the_last_bit(kind, precision):
    points = points_of(kind, 90, 7, 3).astype(precision)
    tensor = torch.as_tensor(points)
    for done in (
        clouds.min_max_scale,
        ties.without_rounding,
        clouds.originals,
        lambda each: clouds.permuted_features(each, np.random.default_rng([0, 1])),
    ):
        np.testing.assert_array_equal(devices.on_host(done(tensor)), done(points))


@pytest.mark.parametrize(
    "points", [np.ones((5, 2)), np.full((5, 2), np.nan), np.ones(5), np.ones((5, 2), dtype=bool), np.ones((1, 2))]
)
def test_tensors_are_refused_as_arrays_are(points):
    said = []
    for each in (points, torch.as_tensor(points)):
        with pytest.raises(InputError) as error:
            clouds.check_cloud(each)
        said.append(str(error.value).replace("torch.", ""))
    assert said[0] == said[1]


def test_a_tensor_is_taken_for_points(gpu):
    points = torch.as_tensor(points_of("plain", 120, 4, 0))
    expected = td.homology.persistence_diagrams(points.numpy(), max_dim=1)
    for max_dim in (0, 1):
        with warnings.catch_warnings(), computing_on(CPU):
            found = td.homology.persistence_diagrams(points, max_dim=max_dim)
        np.testing.assert_allclose(found[-1], expected[max_dim], rtol=1e-12)
