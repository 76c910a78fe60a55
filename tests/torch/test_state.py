"""A measured model is as it was found: modes, hooks, gradients, buffers and random states, after an error too."""

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.torch.nets import Residual, images, plain, state, trained
from topodepth.networks.torch_network import open_torch
from topodepth.networks.torch_state import random_state

X = images()


def measured(model, x=X, layers="auto", **settings):
    network = open_torch(model, x, layers, **settings)
    return dict(zip([tap.token for tap in network.taps], network.run(x).values, strict=True))


def frozen():
    """A model in training whose BatchNorms are frozen, with gradients and hooks of a user's own."""
    model = trained(Residual(), X)
    model(torch.tensor(X)).sum().backward()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval().requires_grad_(requires_grad=False)
    model.blocks[1].register_forward_hook(lambda module, args, output: None)
    model.stem.register_forward_pre_hook(lambda module, args: None)
    return model


def test_everything_is_as_found():
    model = frozen()
    before = state(model)
    measured(model)
    assert state(model) == before
    assert model.training
    assert not model.blocks[0].bn1.training


def test_everything_is_as_found_after_an_error():
    class Failing(Residual):
        def forward(self, x):
            out = self.blocks(self.stem(x))
            if self.broken:
                raise RuntimeError("out of luck")
            return self.head(out.mean((2, 3)))

    model = trained_failing = Failing()
    model.broken = False
    trained(trained_failing, X)
    network = open_torch(model, X)
    model.broken = True
    before = state(model)
    for attempt in (lambda: network.run(X), lambda: open_torch(model, X)):
        with pytest.raises(RuntimeError, match="out of luck"):
            attempt()
        assert state(model) == before


def test_dropout_and_statistics_do_not_move_in_training_mode():
    model = trained(Residual(), X)
    (expected,) = plain(model, torch.tensor(X), ["blocks.2"])[0]["blocks.2"]
    assert np.allclose(measured(model)["blocks.2"], expected.mean((2, 3)), atol=1e-6)


def trained_on(loader, between):
    """Return weights after two epochs with something between them."""
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    model = Residual()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for _ in range(2):
        for x, y in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x + random.random() * np.random.rand()), y).backward()  # noqa: NPY002
            optimizer.step()
        between(model)
    return [weight.clone() for weight in model.state_dict().values()]


@pytest.mark.parametrize("own", [False, True], ids=["global generator", "generator of its own"])
def test_training_goes_on_as_if_nothing_had_been_measured(own):
    data = TensorDataset(torch.tensor(X), torch.arange(12) % 5)

    def weights(between):
        generator = torch.Generator().manual_seed(5) if own else None
        loader = DataLoader(data, batch_size=4, shuffle=True, generator=generator)
        return trained_on(loader, lambda model: between(model, loader))

    def measure(model, loader):
        with random_state(loader):
            first, *others = [x for x, _ in loader]
            network = open_torch(model, first)
            for batch in (first, *others):
                network.run(batch)

    undisturbed, after = weights(lambda model, loader: None), weights(measure)
    assert all(torch.equal(one, other) for one, other in zip(undisturbed, after, strict=True))

    def iterate(model, loader):
        list(loader)

    assert not all(torch.equal(one, other) for one, other in zip(undisturbed, weights(iterate), strict=True))


def test_hooks_do_not_change_the_output():
    model = Residual().eval()
    alone = plain(model, torch.tensor(X), [])[1]
    network = open_torch(model, X, scores=True)
    assert np.array_equal(network.run(X).scores, alone.numpy())


def test_users_hooks_come_first():
    model = Residual().eval()
    model.blocks[1].register_forward_hook(lambda module, args, output: torch.zeros_like(output))
    values = measured(model)
    assert not values["blocks.1"].any()
    assert values["blocks.0"].any()


def test_no_hook_stays_between_passes():
    model = Residual()
    open_torch(model, X).run(X)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in copy.deepcopy(model).modules())


def test_a_module_that_keeps_tensors_can_be_trained_afterwards():
    class Keeping(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.kept = nn.Linear(4, 4), nn.Linear(4, 3), None

        def forward(self, x):
            if self.kept is None:
                self.kept = torch.arange(4.0) * self.first.bias
            return self.second(torch.relu(self.first(x) * self.kept))

    model = Keeping()
    x = np.ones((6, 4), np.float32) * np.arange(6, dtype=np.float32)[:, None]
    open_torch(model, x).run(x)
    model(torch.tensor(x)).sum().backward()
    assert model.first.weight.grad is not None
    assert model.kept.requires_grad  # kept of the training pass, and not of ours


def test_buffers_that_move_in_eval_too_are_put_back():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 3)
            self.register_buffer("passes", torch.zeros(1))
            self.register_buffer("replaced", torch.zeros(1))

        def forward(self, x):
            self.passes += 1
            self.replaced = self.replaced + 1
            return self.fc(x)

    model = Counting()
    before = state(model)
    measured(model, np.eye(4, dtype=np.float32))
    assert state(model) == before


def test_gradients_and_grad_mode_are_left_alone():
    model = Residual()
    model(torch.tensor(X)).sum().backward()
    before = state(model)
    with torch.set_grad_enabled(False):
        measured(model)
        assert not torch.is_grad_enabled()
    assert state(model) == before
