"""A PyTorch model that a job opens: the order of axes it takes, its weights, and the classifier that it is."""

import numpy as np
import pytest
import torch
from torch import nn

from topodepth.errors import InputError
from topodepth.networks import openers
from topodepth.networks.torch_source import open_module, turning
from topodepth.networks.torch_weights import TorchClassifier, kernels, parameters
from topodepth.training.complexity import of_kernels

IMAGES = np.random.default_rng(0).normal(size=(12, 6, 5, 3)).astype(np.float32)  # channels last
STEPS = np.random.default_rng(1).normal(size=(12, 7, 4)).astype(np.float32)


class Turned(nn.Module):
    """Takes images with their channels last."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(x.permute(0, 3, 1, 2)).mean((2, 3))


FIRST = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(48, 4))
PLACES = nn.Linear(3, 4)


@pytest.mark.parametrize(
    ("model", "batch", "order", "layout"),
    [
        (FIRST, IMAGES, "channels_first", "auto"),
        (Turned(), IMAGES, "channels_last", "auto"),
        (nn.Flatten(), IMAGES, "channels_first", "auto"),
        (nn.Flatten(), IMAGES, "channels_last", "channels_last"),
        (PLACES, IMAGES, "channels_last", "auto"),
        (nn.LSTM(4, 3, batch_first=True), STEPS, "channels_last", "auto"),
        (nn.Conv1d(4, 3, 2), STEPS, "channels_first", "auto"),
        (nn.Linear(4, 3), STEPS[:, 0], "channels_last", "auto"),
    ],
)
def test_the_order_of_axes_is_tried_unless_it_is_said(model, batch, order, layout):
    turned = turning(model, batch, layout, "net")
    expected = np.moveaxis(batch, -1, 1) if order == "channels_first" else batch
    assert np.array_equal(turned(batch), expected)
    assert turned(batch).flags.c_contiguous


def test_trying_leaves_the_random_state_and_the_model_alone():
    model = nn.Sequential(nn.Dropout(0.5), Turned()).train()
    before = torch.get_rng_state()
    turning(model, IMAGES, "auto", "net")
    assert torch.equal(before, torch.get_rng_state())
    assert model.training


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ("auto", r"channels_first \(n, 3, 6, 5\): RuntimeError, .*; channels_last \(n, 6, 5, 3\): RuntimeError"),
        ("channels_last", r"holds, .*Received: channels_last \(n, 6, 5, 3\): RuntimeError"),
    ],
)
def test_a_model_that_takes_neither_is_refused_in_one_line(layout, said):
    with pytest.raises(InputError, match=said) as caught:
        turning(nn.Conv2d(7, 4, 3), IMAGES, layout, "net")
    assert "\n" not in str(caught.value)


CODE = """
import torch
from torch import nn

def net():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(48, 4))

def wrapped():
    return torch.compile(nn.DataParallel(net()))
"""


@pytest.fixture
def source(tmp_path):
    (tmp_path / "own_nets.py").write_text(CODE)
    return lambda name, **others: openers.Source(str(tmp_path / "own_nets.py"), {"name": name}, trust=True, **others)


def test_the_same_source_is_the_same_model_whatever_was_drawn_before(source):
    models = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        models.append(open_module(source("net")))
    assert all(torch.equal(one, two) for one, two in zip(*(model.parameters() for model in models), strict=True))
    assert not models[0].training
    assert type(open_module(source("wrapped"))) is nn.Sequential


def test_its_taps_bear_the_names_that_were_asked_for(source):
    opener = openers.registry.get("torch")(source("net"))
    network = opener.network(["1", "penultimate", "logits"], lambda: IMAGES[:8], scores=True)
    assert [tap.token for tap in network.taps] == ["1", "penultimate", "logits"]
    values = network.predict(IMAGES, 12)
    model = open_module(source("net"))
    with torch.no_grad():
        first = torch.tensor(np.moveaxis(IMAGES, -1, 1))
        expected = [model[:2](first).mean((2, 3)), model[:3](first), model(first), model(first)]
    for found, other in zip(values, expected, strict=True):
        assert np.allclose(found, other.numpy(), atol=1e-6)
    assert [tap.token for tap in opener.network("auto", lambda: IMAGES[:8]).taps] == ["1", "logits"]
    with pytest.raises(InputError, match=r"layers expected to be one call each, and different. Received: 3"):
        opener.network(["3", "3"], lambda: IMAGES[:8])


@pytest.mark.parametrize(
    ("end", "ends_in"),
    [(nn.Identity(), "logits"), (nn.LogSoftmax(1), "logits"), (nn.Softmax(1), "softmax"), (nn.Sigmoid(), "sigmoid")],
)
def test_probabilities_are_those_that_the_output_stands_for(end, ends_in):
    body = nn.Sequential(nn.Flatten(), nn.Linear(90, 4))
    classifier = TorchClassifier(nn.Sequential(body, end), np.asarray, IMAGES, "net")
    with torch.no_grad():
        made = body(torch.tensor(IMAGES))
        expected = made.sigmoid() / made.sigmoid().sum(1, keepdim=True) if ends_in == "sigmoid" else made.softmax(1)
    assert (classifier.ends_in, classifier.classes) == (ends_in, 4)
    assert np.allclose(classifier.predict_on_batch(IMAGES), expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("end", [nn.Identity(), nn.Sigmoid()])
def test_a_single_output_is_the_second_of_two_classes(end):
    body = nn.Sequential(nn.Flatten(), nn.Linear(90, 1))
    classifier = TorchClassifier(nn.Sequential(body, end), np.asarray, IMAGES, "net")
    with torch.no_grad():
        expected = body(torch.tensor(IMAGES)).sigmoid().numpy()
    assert classifier.classes == 2
    assert np.allclose(classifier.predict_on_batch(IMAGES), np.hstack([1 - expected, expected]), atol=1e-6)


@pytest.mark.parametrize("model", [nn.Conv2d(6, 4, 1), nn.Flatten(0)], ids=["maps", "no axis of the items"])
def test_what_returns_no_row_of_classes_for_each_item_is_refused(model):
    with pytest.raises(InputError, match=r"net: output expected as \(n, classes\)"):
        TorchClassifier(model, np.asarray, IMAGES, "net")


def test_kernels_are_matrices_as_those_of_keras():
    conv, depthwise = nn.Conv2d(3, 8, (2, 5), bias=False), nn.Conv2d(4, 8, 3, groups=4)
    shared, transposed = nn.Linear(6, 6), nn.ConvTranspose2d(4, 5, 3)
    model = nn.Sequential(conv, depthwise, shared, nn.BatchNorm2d(4), transposed, shared)
    found = list(kernels(model))
    assert [matrix.shape for matrix in found] == [(30, 8), (36, 2), (6, 6), (36, 5)]
    weight = conv.weight.detach().numpy()
    assert np.allclose(found[0][:, 3], weight[3].ravel())
    weight = depthwise.weight.detach().numpy()  # filters 2 and 3 are those of channel 1
    assert np.allclose(found[1][9:18], weight[2:4, 0].reshape(2, 9).T)
    weight = transposed.weight.detach().numpy()
    assert np.allclose(found[3][:, 2], weight[:, 2].ravel())
    # 3·8·10 + (4·2·9 + 8) + (36 + 6) + 4·4 of the normalisation + (4·5·9 + 5)
    assert parameters(model) == 240 + 80 + 42 + 16 + 185
    single = nn.Linear(3, 3, bias=False)
    single.weight.data = torch.diag(torch.tensor([3.0, 2.0, 1.0]))
    measured = of_kernels(list(kernels(single)), parameters(single))
    assert measured["spectral_norm"] == pytest.approx(np.log(3))
    assert measured["frobenius_norm"] == pytest.approx(np.sqrt(14))
