"""A Monitor in a training with PyTorch: the same weights as without it, the rows of each epoch that is due."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import topodepth as td

from .nets import Residual, state

N = 24
QUICK = {"descriptors": "lifespan_sum", "estimators": (), "max_dim": 0, "null_draws": 1, "layers": ["blocks.*", "head"]}


@pytest.fixture
def loader():
    """Shuffles, with a generator of nobody's own: that is PyTorch's."""
    generator = torch.Generator().manual_seed(1)
    images, labels = torch.rand((N, 3, 6, 6), generator=generator), torch.arange(N) % 3
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=8, shuffle=True)


def monitored(loader, **options):
    """Measure the same images in order, out of a loader that draws from PyTorch's state whenever it is iterated."""
    return td.Monitor(torch.utils.data.DataLoader(loader.dataset, batch_size=10), **{**QUICK, **options})


def trained(loader, after=lambda model, epoch: None, epochs=2):
    """Return all that a training leaves behind: weights, statistics, gradients, momenta, random states."""
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    model = Residual(blocks=2).train()
    model.blocks[0].bn1.eval()  # frozen
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    seen = []
    for epoch in range(epochs):
        for inputs, classes in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), classes).backward()
            optimizer.step()
        before = state(model)
        after(model, epoch + 1)
        assert state(model) == before
        seen.append({key: value for key, value in before.items() if key != "tensors"} | {
            "tensors": {key: value for key, (_, value) in before["tensors"].items()}})  # fmt: skip
    momenta = [value.numpy().tobytes() for each in optimizer.state.values() for value in each.values()]
    return seen, momenta


def test_training_is_bit_for_bit_as_without_it(loader):
    monitor = monitored(loader)
    plain, watched = trained(loader), trained(loader, monitor)
    assert monitor.table["epoch"].unique().tolist() == [1, 2]
    assert plain == watched


def test_the_rows_are_those_of_measuring_at_that_moment(loader):
    kept, monitor = {}, monitored(loader, every=2)

    def after(model, epoch):
        kept[epoch] = copy.deepcopy(model)
        assert bool(monitor(model, epoch)) == (epoch % 2 == 0)

    trained(loader, after, epochs=4)
    assert list(monitor.seconds) == [2, 4]
    images = torch.utils.data.DataLoader(loader.dataset, batch_size=10)
    for epoch, rows in monitor.table.groupby("epoch"):
        found = td.measure(kept[epoch], images, progress=False, **QUICK).table
        assert rows[list(found)].reset_index(drop=True).equals(found)


def test_images_in_another_order_are_a_warning_and_no_end_of_training(loader, caplog):
    monitor = td.Monitor(loader, **QUICK)
    trained(loader, monitor, epochs=3)
    assert monitor.table["epoch"].unique().tolist() == [1]
    assert list(monitor.failed) == [2, 3]
    assert "epoch 2: not measured: images: expected in the same order" in caplog.text


class Hooks:
    """What of Lightning's Callback is used here."""


def test_the_callback_of_lightning_measures_behind_each_epoch(loader):
    monitor = monitored(loader)
    callback = monitor.lightning(SimpleNamespace(Callback=Hooks))
    trainer = SimpleNamespace(current_epoch=0, is_global_zero=True, sanity_checking=False)
    model = Residual(blocks=2)
    callback.on_train_start(trainer, model)
    for trainer.current_epoch in range(2):
        callback.on_train_epoch_end(trainer, model)
    assert monitor.table["epoch"].unique().tolist() == [0, 1, 2]


def test_the_callback_of_lightning_leaves_other_processes_and_resumed_trainings_alone(loader):
    monitor = monitored(loader)
    callback = monitor.lightning(SimpleNamespace(Callback=Hooks))
    callback.on_train_epoch_end(SimpleNamespace(current_epoch=0, is_global_zero=False), Residual(blocks=2))
    callback.on_train_start(SimpleNamespace(current_epoch=3, is_global_zero=True), Residual(blocks=2))
    assert not monitor.rows
    assert not [name for name in vars(type(callback)) if "validation" in name or "sanity" in name]
