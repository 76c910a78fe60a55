"""Small networks with what real ones have, and what is compared of them."""

import copy
import random

import numpy as np
import torch
from torch import nn


class Block(nn.Module):
    """A residual block with one ReLU, applied twice in place, and an addition in place."""

    def __init__(self, width=8):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x
        return self.relu(out)


class Residual(nn.Module):
    """A small ResNet with dropout."""

    def __init__(self, blocks=3, width=8, classes=5):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        return self.head(self.drop(self.blocks(self.stem(x)).mean((2, 3))))


def images(n=12, channels=3, size=8):
    return np.random.default_rng(0).normal(size=(n, channels, size, size)).astype(np.float32)


def trained(model, x):
    """Return a model whose normalisations have seen a batch."""
    model.train()(torch.tensor(x))
    return model


def state(model):
    """Return all that must be as found: weights, gradients, buffers, modes, hooks and the random states."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    random_states = torch.get_rng_state().numpy().tobytes(), str(np.random.get_state()), random.getstate()  # noqa: NPY002
    return {
        "tensors": {key: (id(v), v.detach().clone().numpy().tobytes()) for key, v in all_tensors(model)},
        "gradients": {key: None if v.grad is None else v.grad.numpy().tobytes() for key, v in model.named_parameters()},
        "wanted": {key: v.requires_grad for key, v in model.named_parameters()},
        "modes": [module.training for module in model.modules()],
        "hooks": [[list(getattr(module, key).items()) for key in hooks] for module in model.modules()],
        "attributes": [sorted(vars(module)) for module in model.modules()],
        "random": random_states,
        "grad": torch.is_grad_enabled(),
    }


def all_tensors(model):
    return [*model.named_parameters(), *model.named_buffers()]


def plain(model, inputs, listen):
    """Return what modules return in a plain pass after ``eval()`` of a copy, by an independent hook, copied at once."""
    model = copy.deepcopy(model).eval()
    found = {}
    for name in listen:
        model.get_submodule(name).register_forward_hook(
            lambda module, args, output, name=name: found.setdefault(name, []).append(output.clone())
        )
    with torch.no_grad():
        output = model(**inputs) if isinstance(inputs, dict) else model(inputs)
    return found, output
