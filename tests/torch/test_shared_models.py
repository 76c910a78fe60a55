"""Networks by others, trained in PyTorch: as accurate and with the homology that plain PyTorch and SciPy give them.

The published files are no part of the repository: set TOPODEPTH_SHARED to the folder that holds ``data/torch``, ``zoo``
and ``golden``.
"""

import csv
import os
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from topodepth.attacks.attacks import AttackSettings
from topodepth.attacks.torch_victim import TorchVictim
from topodepth.datasets import Normaliser
from topodepth.homology import minimum_spanning_tree_lengths
from topodepth.networks.torch_files import load_torch
from topodepth.networks.torch_network import open_torch
from topodepth.topology.clouds import min_max_scale
from topodepth.topology.dimension import two_nn

SHARED = Path(os.environ.get("TOPODEPTH_SHARED", ""))
pytestmark = pytest.mark.skipif(
    "TOPODEPTH_SHARED" not in os.environ, reason="needs published models: set TOPODEPTH_SHARED to the folder of them"
)
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BATCH = 250


@cache
def cifar10(split):
    with np.load(SHARED / "data/cifar10_lossless.npz") as data:
        return data[f"x_{split}"], data[f"y_{split}"].ravel().astype(int)


def normalised(images, mean, std):
    """Return images as the networks take them: channels first."""
    values = (images.astype(np.float32) / 255 - np.float32(mean)) / np.float32(std)
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))


def passed(model, x, layers):
    """Return the values of each layer and the accuracy's predictions, a batch at a time."""
    network = open_torch(model, x[:BATCH], layers, scores=True)
    parts = [network.run(x[start : start + BATCH]) for start in range(0, len(x), BATCH)]
    values = [np.concatenate([part.values[k] for part in parts]) for k in range(len(network.taps))]
    predicted = np.concatenate([part.scores for part in parts]).argmax(axis=1)
    return dict(zip([tap.token for tap in network.taps], values, strict=True)), predicted


def lifespan_sum(points):
    return 0.5 * minimum_spanning_tree_lengths(points).sum()


def by_class(points, labels):
    scaled = min_max_scale(points)
    return scaled, np.mean([lifespan_sum(scaled[labels == label]) for label in range(10)])


def golden(name):
    with (SHARED / "golden" / name).open() as handle:
        return list(csv.DictReader(handle))


@pytest.mark.parametrize("name", ["resnet20", "resnet32"])
def test_published_resnets_have_the_stated_accuracy_and_lifespan_sums(name):
    rows = [row for row in golden("torch_resnets.csv") if row["name"] == name]
    images, labels = cifar10("test")
    folder = SHARED / "data/torch"
    model = load_torch(f"{folder}/resnet.py:{name}", weights=folder / rows[0]["file"], trust=True)
    values, predicted = passed(model, normalised(images, *IMAGENET), [row["layer"] for row in rows])
    assert len(rows) == 4
    assert np.mean(predicted == labels) == pytest.approx(float(rows[0]["accuracy_932"]), abs=1e-6)
    for row in rows:
        points = values[row["layer"]]
        assert points.shape[1] == int(row["features"])
        scaled, mean = by_class(points, labels)
        assert mean == pytest.approx(float(row["E0_mean_of_classes"]), rel=1e-4)
        assert lifespan_sum(scaled) == pytest.approx(float(row["E0_all"]), rel=1e-4)


def zoo_weights(name):
    """Return the weights of one network; all of them lie in one file, in half precision but for running variances."""
    with np.load(SHARED / "zoo/seed0.npz") as data:
        found = {key.partition("|")[2]: data[key] for key in data.files if key.startswith(f"{name}|")}
    return {
        key: torch.tensor(value.astype("f4") if value.dtype == np.float16 else value) for key, value in found.items()
    }


@pytest.mark.parametrize("name", sorted({row["name"] for row in golden("zoo_seed0.csv")}) if SHARED.name else [])
def test_every_network_of_the_zoo_has_the_values_worked_out_for_it(name, monkeypatch):
    monkeypatch.syspath_prepend(SHARED / "zoo")
    zoo = pytest.importorskip("zoo")
    rows = {row["layer"]: row for row in golden("zoo_seed0.csv") if row["name"] == name}
    images, labels = (values[:1000] for values in cifar10("train"))
    model = zoo.build(int(name.split("-")[0][1:]))
    model.load_state_dict(zoo_weights(name))
    model.train()  # which is no reason to measure another network
    values, predicted = passed(model, normalised(images, zoo.MEAN, zoo.STD), list(rows))
    assert list(values) == ["5", "8", "11", "logits"]
    assert np.mean(predicted == labels) == pytest.approx(float(rows["5"]["train_accuracy_1000"]), abs=1.1e-3)
    for layer, row in rows.items():
        assert by_class(values[layer], labels)[1] == pytest.approx(float(row["E0_mean_of_classes"]), rel=1e-4)
        assert two_nn(values[layer]).value == pytest.approx(float(row["two_nn"]), rel=1e-4)
    assert model.training
    assert torch.is_grad_enabled()
    sys.modules.pop("zoo", None)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_an_image_is_attacked_alike_alone_and_in_a_batch(norm):
    """In passes of the batch's own size 6 to 12 % of pixels end elsewhere, up to 2 ε apart (PyTorch 2.14.1, CPU)."""
    images, labels = cifar10("test")
    images, labels = images[:40], labels[:40]
    mean, std = (255 * np.float32(values) for values in IMAGENET)
    settings = AttackSettings([8 / 255], attack="bim", norm=norm)
    folder = SHARED / "data/torch"
    model = load_torch(f"{folder}/resnet.py:resnet20", weights=folder / "resnet20-12fca82f.th", trust=True)
    subject = TorchVictim(model, images, Normaliser(mean, std), settings)

    def attacked(images):
        start = subject.start(images)
        return subject.attack(start, *subject.gradient(start), 8 / 255)

    together = attacked(images)
    for k in (0, 7, 39):
        np.testing.assert_allclose(attacked(images[k : k + 1])[0], together[k], rtol=0, atol=1e-6)
    if norm == "linf":
        assert (passed(model, normalised(together * 255, *IMAGENET), "logits")[1] == labels).mean() < 0.15
