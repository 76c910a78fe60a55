"""ONNX files that others made and packages ship: those of ``onnx`` itself, and of packages that may be installed.

``onnx`` ships nine networks of its model zoo, weights filled with one number each, of opset 9 and a batch of one image.
The other packages are none of this project's; where they are not installed, docs/networks.md tells what was seen.
"""

import importlib.util
from pathlib import Path

import numpy as np
import onnx
import pytest

from topodepth.errors import InputError
from topodepth.networks import files, runtime
from topodepth.networks.onnx_file import inspect

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"
# of each network: the kind of its blocks or layers, how many taps, the features of the first and of the logits
ZOO = {
    "bvlc_alexnet": ({"LRN", "ReLU", "Dropout", "Dense"}, 8, 96, 1000),
    "densenet121": ({"Concatenate", "Conv2D"}, 12, 96, 1000),
    "inception_v1": ({"Concatenate", "Dense"}, 10, 256, 1000),
    "inception_v2": ({"Concatenate", "Dense"}, 11, 256, 1000),
    "resnet50": ({"Add", "Dense"}, 12, 256, 1000),
    "shufflenet": ({"Add", "Concatenate", "Dense"}, 12, 136, 1000),
    "squeezenet": ({"Concatenate", "GlobalAveragePooling2D"}, 9, 128, 1000),
    "vgg19": ({"ReLU", "Dropout", "Dense"}, 12, 64, 1000),
    "zfnet512": ({"LRN", "ReLU", "Dense"}, 8, 96, 1000),
}


@pytest.mark.parametrize("name", ZOO)
def test_networks_of_the_zoo_are_planned_as_they_are(name):
    found = inspect(LIGHT / f"light_{name}.onnx")
    graph = found.graph()
    kinds, count, _, _ = ZOO[name]
    by_name = {graph.tap_name(use): use for use in graph.applications}
    tokens = files.auto_layers(found.path)
    chosen = [by_name[token] if token != "logits" else graph.head()[0] for token in tokens]
    assert len(tokens) == count
    assert {use.kind for use in chosen} == kinds
    assert found.source().shape == (1, 224, 224, 3)
    assert [use.depth for use in chosen] == sorted(use.depth for use in chosen)


@pytest.mark.parametrize("name", ["resnet50", "shufflenet", "squeezenet"])
def test_networks_of_the_zoo_are_measured(name):
    network = runtime.open_network(LIGHT / f"light_{name}.onnx", scores=True)
    values = network.predict(np.zeros((2, 224, 224, 3), np.float32), 2)
    assert [array.shape[1] for array in values[:1] + values[-2:]] == [ZOO[name][2], ZOO[name][3], 1000]
    expected = onnx.TensorProto()
    expected.ParseFromString((LIGHT / f"light_{name}_output_0.pb").read_bytes())
    # the zoo's own output is of other images; all weights are alike, so every class has the same probability
    np.testing.assert_allclose(values[-1], np.full((2, 1000), 1e-3), rtol=1e-3)
    np.testing.assert_allclose(onnx.numpy_helper.to_array(expected).reshape(1, -1), values[-1][:1], rtol=1e-3)


def shipped(package, pattern):
    spec = importlib.util.find_spec(package)
    if spec is None:
        pytest.skip(f"{package} is not installed; it is none of this project's")
    return sorted(Path(spec.submodule_search_locations[0]).glob(pattern))


def test_silero_vad_takes_a_state_beside_the_sound_and_is_refused():
    found = shipped("silero_vad", "data/*.onnx")
    assert found
    for path in found:
        with pytest.raises(InputError, match=r"expected a network with one input. Received: [23] inputs"):
            inspect(path)


def test_magika_takes_bytes_and_ends_in_a_softmax_written_out():
    (path,) = shipped("magika", "models/*/model.onnx")
    network = runtime.open_network(path, scores=True)
    assert network.inputs[0].dtype == "int32"
    values = network.predict(np.random.default_rng(0).integers(0, 256, (3, 2048)).astype(np.float32), 3)
    logits, scores = values[-2:]
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(exponentials / exponentials.sum(axis=1, keepdims=True), scores, atol=1e-5)


def test_rapidocr_keeps_its_weights_in_constants_or_behind_identities():
    found = shipped("rapidocr", "models/*.onnx")
    assert found
    for path in found:
        tokens = files.auto_layers(path)
        assert len(tokens) > 3
        network = runtime.open_network(path, tokens)
        shape = (64 if size is None else size for size in network.inputs[0].shape[1:])
        values = network.predict(np.random.default_rng(0).random((2, *shape), np.float32), 2)
        assert all(np.ptp(array) > 0 for array in values)
