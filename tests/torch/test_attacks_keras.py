"""The same network in Keras and in PyTorch is attacked alike, though Cleverhans moves the one and Foolbox the other."""

import os
from itertools import product

import h5py
import numpy as np
import pandas
import pytest
import torch
from torch import nn

from topodepth.attacks import keras_victim
from topodepth.attacks.attacks import UNITS, AttackSettings
from topodepth.attacks.sweep import LabelledImages, write_sweep
from topodepth.attacks.torch_victim import TorchVictim
from topodepth.datasets import Normaliser

N, CLASSES, SIZE = 20, 4, 6
RNG = np.random.default_rng(3)
IMAGES = RNG.integers(0, 256, (N, SIZE, SIZE, 3)).astype(np.uint8)
LABELS = np.arange(N) % CLASSES
NORMALISE = Normaliser(np.array([120, 110, 100], np.float32), np.array([50, 60, 70], np.float32))


class Net(nn.Module):
    """A convolution with a normalisation, and a dense layer, of smooth functions: no kink tells two roundings apart."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5, eps=1e-3)
        self.head = nn.Linear(5 * (SIZE - 2) ** 2, CLASSES)

    def forward(self, x):
        return self.head(torch.tanh(self.norm(self.conv(x))).permute(0, 2, 3, 1).flatten(1))


@pytest.fixture(scope="module")
def pair():
    """Return the same network in both."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    keras = pytest.importorskip("keras")
    torch.manual_seed(0)
    net = Net()
    net.norm.running_mean.uniform_(-1, 1)
    net.norm.running_var.uniform_(0.5, 2)
    inputs = keras.Input((SIZE, SIZE, 3))
    hidden = keras.layers.Conv2D(5, 3, name="conv")(inputs)
    hidden = keras.layers.BatchNormalization(name="norm", epsilon=1e-3)(hidden)
    hidden = keras.layers.Flatten()(keras.layers.Activation("tanh", name="tanh")(hidden))
    model = keras.Model(inputs, keras.layers.Dense(CLASSES, activation="softmax", name="head")(hidden))
    arrays = {name: value.detach().numpy() for name, value in net.state_dict().items()}
    model.get_layer("conv").set_weights([arrays["conv.weight"].transpose(2, 3, 1, 0), arrays["conv.bias"]])
    model.get_layer("norm").set_weights(
        [arrays[f"norm.{name}"] for name in ("weight", "bias", "running_mean", "running_var")]
    )
    model.get_layer("head").set_weights([arrays["head.weight"].T, arrays["head.bias"]])
    return model, net.eval()


def victims(pair, settings):
    yield keras_victim.attacked(pair[0], IMAGES.shape[1:], NORMALISE, settings)
    yield TorchVictim(pair[1], IMAGES, NORMALISE, settings)


@pytest.mark.parametrize(("units", "clip"), product(UNITS, [True, False]))
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(("attack", "target"), product(["fgsm", "bim"], [None, 1]))
def test_images_are_moved_alike(pair, attack, target, norm, units, clip):  # noqa: PLR0917
    settings = AttackSettings([0.1], attack=attack, norm=norm, target=target, units=units, clip=clip, steps=5)
    moved = []
    for victim in victims(pair, settings):
        start = victim.start(IMAGES)
        gradient, labels = victim.gradient(start)
        moved.append([victim.attack(start, gradient, labels, epsilon) for epsilon in (0.02, 0.5)])
    for ours, expected in zip(*moved, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5)
    assert np.abs(moved[0][1] - moved[0][0]).max() > 0.01


@pytest.mark.parametrize("target", [None, 1])
def test_a_sweep_writes_the_same_files(pair, tmp_path, target):
    from topodepth.networks.runtime import by_keras
    from topodepth.networks.torch_network import open_torch

    settings = AttackSettings([0.05, 0.2], attack="bim", norm="l2", units="standardised", target=target, steps=3)
    sample = LabelledImages(IMAGES, LABELS, ["a", "b", "c", "d"], NORMALISE, np.array([0, 3, 5, 7, 8, 9, 11]))
    turned = NORMALISE(IMAGES).transpose(0, 3, 1, 2)
    live = open_torch(pair[1], turned, ["conv", "logits"], scores=True)
    networks = [by_keras(pair[0], ["conv", "logits"], scores=True), Turned(live)]
    for name, victim, network in zip(("keras", "torch"), victims(pair, settings), networks, strict=True):
        write_sweep(tmp_path / name, victim, network, sample, name="mine", batch_size=3, progress=lambda line: None)
    tables = [pandas.read_csv(tmp_path / f"{name}/metrics.csv") for name in ("keras", "torch")]
    pandas.testing.assert_frame_equal(*tables, rtol=1e-5)
    for file, keys in [("images.h5", ["pixels", "labels", "predicted", "macro_f1"])] + [
        (f"{k:02d}.h5", ["layers/000_conv", "layers/001_logits", "labels", "indices"]) for k in range(3)
    ]:
        with h5py.File(tmp_path / f"torch/{file}") as ours, h5py.File(tmp_path / f"keras/{file}") as expected:
            for key in keys:
                np.testing.assert_allclose(ours[key][:], expected[key][:], rtol=0, atol=2e-5)


class Turned:
    """A network of PyTorch that takes images with their channels last."""

    def __init__(self, network):
        self.taps, self.runtime = network.taps, network.runtime
        self.predict = lambda images, size: network.predict(images.transpose(0, 3, 1, 2), size)
