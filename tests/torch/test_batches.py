"""Batches: axes of maps, precision, values that depend on neighbours or chance, and inputs that cannot be measured."""

import logging

import numpy as np
import pytest
import torch
from torch import nn

from tests.torch.nets import Residual, images, plain, trained
from topodepth.errors import InputError
from topodepth.networks.torch_network import open_torch

X = images()
FLAT = images(9, 1, 2).reshape(9, 4)


def values(model, x, layers="auto", **settings):
    network = open_torch(model, x, layers, **settings)
    return dict(zip([tap.token for tap in network.taps], network.run(x).values, strict=True))


class Last(nn.Module):
    """A block that takes and gives maps with features first, and works on them with features last inside."""

    def __init__(self, width):
        super().__init__()
        self.depthwise, self.norm = nn.Conv2d(width, width, 3, padding=1, groups=width), nn.LayerNorm(width)
        self.inner = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        return x + self.inner(self.norm(self.depthwise(x).permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


@pytest.mark.parametrize("size", [(8, 8), (5, 7), (6, 12)])
def test_maps_are_averaged_over_space_wherever_their_features_are(size):
    model = nn.Sequential(nn.Conv2d(3, 6, 1), Last(6), Last(6)).eval()
    x = np.random.default_rng(1).normal(size=(9, 3, *size)).astype(np.float32)
    made, _ = plain(model, torch.tensor(x), ["1", "1.norm", "1.inner.1"])
    found = values(model, x, ["1", "1.norm", "1.inner.1"])
    for name, axes in (("1", (2, 3)), ("1.norm", (1, 2)), ("1.inner.1", (1, 2))):
        assert np.allclose(found[name], made[name][0].mean(axes), atol=1e-6), name


def test_a_normalisation_over_features_and_space_does_not_hide_which_is_which():
    model = nn.Sequential(nn.Conv2d(3, 6, 1), nn.LayerNorm([6, 8, 8])).eval()
    assert np.allclose(values(model, X, ["1"])["1"], plain(model, torch.tensor(X), [])[1].mean((2, 3)), atol=1e-6)
    assert values(model, X, ["1"])["1"].shape == (12, 6)


def test_the_order_of_channels_can_be_said():
    model = nn.Sequential(nn.Identity())
    x = np.random.default_rng(1).normal(size=(9, 4, 5, 6)).astype(np.float32)
    for channels, axes in (("first", (2, 3)), ("last", (1, 2))):
        found = values(model, x, ["0"], channels=channels)["0"]
        assert np.allclose(found, x.mean(axes), atol=1e-6)


def test_volumes_and_signals():
    model = nn.Sequential(nn.Conv3d(2, 5, 3)).eval()
    x = np.random.default_rng(1).normal(size=(9, 2, 4, 5, 6)).astype(np.float32)
    assert np.allclose(values(model, x, ["0"])["0"], plain(model, torch.tensor(x), [])[1].mean((2, 3, 4)), atol=1e-6)
    model = nn.Sequential(nn.Conv1d(2, 5, 3), nn.BatchNorm1d(5)).eval()
    x = np.random.default_rng(1).normal(size=(9, 2, 8)).astype(np.float32)
    assert np.allclose(values(model, x, ["1"])["1"], plain(model, torch.tensor(x), [])[1].mean(2), atol=1e-6)


def test_autocast_around_a_measurement_changes_nothing():
    model = trained(Residual(), X).eval()
    alone = values(model, X)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        within = values(model, X)
        assert torch.is_autocast_enabled("cpu")
    assert all(np.array_equal(alone[key], within[key]) for key in alone)


def test_half_precision_is_kept_said_and_pooled_in_single():
    model = Residual().eval().bfloat16()
    network = open_torch(model, X)
    assert network.runtime == f"torch {torch.__version__}, bfloat16"
    made, _ = plain(model, torch.tensor(X).bfloat16(), ["blocks.0"])
    found = network.run(X).values[0]
    assert found.dtype == np.float32
    assert np.allclose(found, made["blocks.0"][0].float().mean((2, 3)), atol=1e-6)


def test_double_precision_is_pooled_in_double():
    model = Residual().eval().double()
    network = open_torch(model, X)
    assert network.runtime.endswith(", float64")
    made, _ = plain(model, torch.tensor(X).double(), ["blocks.0"])
    assert np.array_equal(network.run(X).values[0], made["blocks.0"][0].mean((2, 3)).numpy().astype(np.float32))


def test_overflow_in_half_precision_names_the_layer():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3)).eval().half()
    model[0].bias.data.fill_(6e4)
    model[0].weight.data.fill_(3e4)
    with pytest.raises(InputError, match=r"layer '1' expected finite values. Received: more than half precision holds"):
        open_torch(model, np.abs(FLAT), ["1"])


class Chance(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x):
        return self.two(nn.functional.dropout(self.one(x), 0.5))


def statistics():
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6, track_running_stats=False), nn.ReLU(), nn.Linear(6, 3))


def quantised():
    from torch.ao.quantization import quantize_dynamic

    return quantize_dynamic(nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).eval(), {nn.Linear})


@pytest.mark.parametrize(
    ("build", "layers", "warned"),
    [
        (Chance, ["one", "two"], ["'two'"]),
        (statistics, ["0", "2", "3"], ["'2'", "'3'"]),
        (quantised, ["0"], ["'0'"]),
        (lambda: Residual().train(), "auto", []),
    ],
    ids=["dropout", "statistics", "quantised", "plain"],
)
def test_values_that_depend_on_neighbours_or_chance_are_warned_of_by_name(build, layers, warned, caplog):
    x = X if layers == "auto" else FLAT
    with caplog.at_level(logging.WARNING):
        open_torch(build(), x, layers)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == bool(warned)
    assert all(name in said[0] for name in warned)
    assert not warned or "'one'" not in said[0]


def test_a_tap_whose_size_changes_is_refused():
    model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten()).eval()
    network = open_torch(model, X, ["1"])
    with pytest.raises(InputError, match=r"layer '1' expected 128 features in every batch. Received: 32"):
        network.run(X[:, :, :4, :4])


def test_ragged_batches_are_refused():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Linear(4, 3)

        def forward(self, x, y):
            return self.one(x) + y.mean()

    network = open_torch(Two(), (FLAT, FLAT), "one")
    with pytest.raises(InputError, match=r"9 items each, as the first. Received: 8, a ragged batch"):
        network.run((FLAT, FLAT[:8]))


def test_a_layer_that_is_not_called_in_a_later_batch_is_named():
    class Sometimes(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, x):
            return self.two(self.one(x) if x.mean() < 100 else x)

    network = open_torch(Sometimes(), FLAT, ["one", "two"])
    with pytest.raises(InputError, match="layer 'one' expected to be called in every batch"):
        network.run(FLAT + 1000)


@pytest.mark.parametrize(
    "x", [np.array(["a", "b"]), [], "text", np.float32(3)], ids=["words", "none", "text", "number"]
)
def test_inputs_that_are_no_numbers_are_refused(x):
    with pytest.raises(InputError, match="inputs expected as"):
        open_torch(Residual(), x)


def test_models_take_maps_tuples_and_single_inputs():
    class Map(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Linear(4, 3)

        def forward(self, batch):
            return self.one(batch["x"])

    class Keywords(Map):
        def forward(self, *, x, scale=1.0, **other):
            return super().forward({"x": x * scale})

    model = Map()
    assert np.array_equal(values(model, {"x": FLAT})["logits"], values(model.one, FLAT)["logits"])
    other = Keywords()
    other.load_state_dict(model.state_dict())
    assert np.array_equal(values(other, {"x": FLAT, "scale": 1.0})["logits"], values(model.one, FLAT)["logits"])


def test_one_item_is_enough_to_find_taps():
    assert [tap.tensor.shape for tap in open_torch(Residual(), X[:1]).taps] == [(None, 8)] * 3 + [(None, 5)]


def test_scores_are_the_models_own_output():
    model = Residual().eval()
    network = open_torch(model, X, ["stem"], scores=True)
    assert np.array_equal(network.predict(X, 12)[-1], plain(model, torch.tensor(X), [])[1].numpy())


def test_images_as_they_are_stored_are_refused_with_what_is_expected():
    stored = (X.clip(0, 1) * 255).astype(np.uint8)
    with pytest.raises(InputError, match=r"normalised fractions .* Received: torch.uint8 \(8, 3, 8, 8\)"):
        open_torch(Residual(), stored)


def test_a_mask_with_other_items_is_a_ragged_batch():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Linear(4, 3)

        def forward(self, x, attention_mask, bias):
            return self.one(x) + bias

    inputs = {"x": FLAT, "attention_mask": np.ones((9, 5), int), "bias": np.ones(3, np.float32)}
    network = open_torch(Masked(), inputs, "one")
    with pytest.raises(InputError, match="9 items each"):
        network.run(inputs | {"attention_mask": np.ones((8, 5), int)})
