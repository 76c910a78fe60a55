"""Activations of a PyTorch model in a file: what the pipeline reads, and what stops it on the way."""

import numpy as np
import pytest
import torch

from tests.torch.nets import Residual, images, plain
from topodepth.activations import extraction
from topodepth.activations import file as activations
from topodepth.errors import InputError
from topodepth.networks.torch_network import open_torch

X = images(20)


def test_a_file_holds_what_the_model_gives(tmp_path):
    model = Residual()
    labels = plain(model, torch.tensor(X), [])[1].argmax(1).numpy()
    labels[:5] = (labels[:5] + 1) % 5
    network = open_torch(model, X[:4], scores=True)
    last = np.ascontiguousarray(X.transpose(0, 2, 3, 1))  # as data sets hold images
    out = tmp_path / "a.h5"
    found = extraction.write_activations(network, last, batch_size=6, out=out, labels=labels, classes=5,
                             normalise=lambda batch: batch.transpose(0, 3, 1, 2))  # fmt: skip
    assert found.value == 0.75
    file = activations.read_activations(out)
    assert activations.validate(out) == []
    assert file.model == "Residual"
    assert file.attributes["runtime"] == f"torch {torch.__version__}"
    assert [layer.token for layer in file.layers] == ["blocks.0", "blocks.1", "blocks.2", "logits"]
    assert [layer.reduction for layer in file.layers] == ["mean", "mean", "mean", "none"]
    made, output = plain(model, torch.tensor(X), ["blocks.1"])
    assert np.allclose(file.points("blocks.1"), made["blocks.1"][0].mean((2, 3)), atol=1e-6)
    assert np.allclose(file.points("logits"), output, atol=1e-6)


def test_labels_of_another_length_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected one label for each of 20 images. Received: 19"):
        extraction.write_activations(open_torch(Residual(), X), X, out=tmp_path / "a.h5", labels=np.zeros(19, int))


def test_nan_in_one_layer_names_it_and_leaves_no_file(tmp_path):
    model = Residual().eval()
    model.blocks[1].bn2.weight.data.fill_(float("nan"))
    network = open_torch(model, X)
    with pytest.raises(InputError, match=r"model 'Residual', layer 'blocks.1': activations expected to be finite"):
        extraction.write_activations(network, X, out=tmp_path / "a.h5")
    assert not list(tmp_path.iterdir())
