"""One call measures a live PyTorch model, and leaves it, the loader and all random states as they were."""

import numpy as np
import pandas
import pytest
import torch
from torch import nn

import topodepth as td

N = 60
QUICK = {"progress": False, "draws": 2, "null_draws": 1}


class Small(nn.Module):
    """A convolution and a head."""

    def __init__(self):
        super().__init__()
        self.conv, self.relu, self.drop, self.fc = nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3)

    def forward(self, images):
        return self.fc(self.drop(self.relu(self.conv(images)).mean(dim=(2, 3))))


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(1)
    return torch.rand((N, 3, 6, 5), generator=generator), torch.arange(N) % 3


def expected(model, images, labels):
    with torch.no_grad():
        pooled = torch.relu(model.conv(images)).mean(dim=(2, 3))
        arrays = {"relu": pooled.numpy(), "fc": model.fc(pooled).numpy()}
    return td.measure(layers=arrays, labels=labels.numpy(), **QUICK), arrays


def assert_close(found, other):
    columns = ["layer", "class", "homology_dimension", "descriptor", "value", "null_value"]
    pandas.testing.assert_frame_equal(found.table[columns], other.table[columns], rtol=1e-3, atol=1e-4)


def test_arrays_tensors_and_loaders_give_what_the_modules_compute(data):
    images, labels = data
    model = Small().train()
    other, arrays = expected(model, images, labels)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=16)
    maps = [{"images": images[start : start + 16], "labels": labels[start : start + 16]} for start in range(0, N, 16)]
    for given in ((images, labels), (images.numpy(), labels.numpy()), (loader, None), (maps, None)):
        found = td.measure(model, *given, layers=["relu", "fc"], **QUICK)
        assert_close(found, other)
        assert set(found.table["model"]) == {"Small"}
        share = np.mean(arrays["fc"].argmax(axis=1) == labels.numpy())
        assert found.table["accuracy"].unique() == pytest.approx([share])
    assert model.training


def test_pixels_are_normalised_and_turned_before_the_model_sees_any(data):
    images, labels = data
    model = Small()
    pixels = (255 * images).round().to(torch.uint8).movedim(1, -1).numpy()  # (n, height, width, channels)
    other, _ = expected(model, torch.tensor(pixels).movedim(-1, 1) / 255, labels)
    found = td.measure(model, pixels, labels.numpy(), layers=["relu", "fc"], **QUICK,
                       normalise=lambda batch: np.moveaxis(batch, -1, 1) / np.float32(255))  # fmt: skip
    assert_close(found, other)


def test_training_goes_on_as_if_nothing_was_measured(data):
    images, labels = data
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=16, shuffle=True)
    weights = []
    for measured in (False, True):
        torch.manual_seed(0)
        model = Small()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(2):
            if measured:
                td.estimate(model, loader)
                td.measure(model, loader, **QUICK)
            for inputs, classes in loader:
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(inputs), classes).backward()
                optimizer.step()
        weights.append([parameter.detach().clone() for parameter in model.parameters()])
    assert all(torch.equal(one, two) for one, two in zip(*weights, strict=True))


def test_what_is_no_model_for_it_is_one_line(data):
    scripted = torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(90, 3)))
    with pytest.raises(td.InputError, match="scripted or traced"):
        td.measure(scripted, *data, **QUICK)
    with pytest.raises(td.InputError, match="unknown pooling 'max'"):
        td.measure(Small(), *data, pooling="max", **QUICK)
