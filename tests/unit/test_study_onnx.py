"""An ONNX model, as a file or in memory, is measured on images with their channels first or last."""

import numpy as np
import onnx
import onnx_graphs
import pandas
import pytest

import topodepth as td

RNG = np.random.default_rng(0)
N = 60
LABELS = np.arange(N) % 3
IMAGES = RNG.random((N, 3, 6, 5), dtype=np.float32)
KERNEL = RNG.normal(size=(8, 3, 1, 1)).astype(np.float32)
HEAD = RNG.normal(size=(3, 8)).astype(np.float32)
QUICK = {"progress": False, "draws": 2, "null_draws": 1, "layers": ["relu", "logits"]}


@pytest.fixture(scope="module")
def network():
    """A convolution of single pixels, so that NumPy can tell its values."""
    return onnx_graphs.of_single_pixels(KERNEL, HEAD, (6, 5))


@pytest.fixture(scope="module")
def expected():
    maps = np.maximum(np.einsum("nchw,kc->nkhw", IMAGES, KERNEL[:, :, 0, 0]), 0)
    pooled = maps.mean(axis=(2, 3))
    arrays = {"relu": pooled, "logits": pooled @ HEAD.T}
    options = {key: value for key, value in QUICK.items() if key != "layers"}
    return td.measure(layers=arrays, labels=LABELS, **options), arrays


def assert_close(found, expected):
    columns = ["layer", "class", "homology_dimension", "descriptor", "value", "null_value"]
    pandas.testing.assert_frame_equal(found.table[columns], expected.table[columns], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("images", [IMAGES, IMAGES.transpose(0, 2, 3, 1)], ids=["channels first", "channels last"])
def test_a_file_gives_the_values_that_can_be_worked_out(network, expected, images, tmp_path):
    onnx.save(network, tmp_path / "net.onnx")
    found = td.measure(tmp_path / "net.onnx", images, LABELS, **QUICK)
    assert_close(found, expected[0])
    accuracy = np.mean(expected[1]["logits"].argmax(axis=1) == LABELS)
    assert found.table["accuracy"].unique() == pytest.approx([accuracy])
    assert set(found.table["model"]) == {"net"}


def test_a_model_in_memory_is_measured_too_batch_by_batch(network, expected):
    batches = [(IMAGES[start : start + 25], LABELS[start : start + 25]) for start in range(0, N, 25)]
    found = td.measure(network, batches, **QUICK)
    assert_close(found, expected[0])
    assert set(found.table["model"]) == {"small"}


def test_layers_are_found_by_pattern_and_images_of_another_shape_are_refused(network):
    options = {**QUICK, "layers": ["re*"]}
    assert set(td.measure(network, IMAGES, LABELS, **options).table["layer"]) == {"relu"}
    with pytest.raises(td.InputError, match=r"expected .*6, 5, 3.* Received: data of shape .*5, 5, 3"):
        td.measure(network, IMAGES[:, :, :5].transpose(0, 2, 3, 1), LABELS, **QUICK)
