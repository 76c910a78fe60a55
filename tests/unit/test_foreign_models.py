"""Model files that other people wrote, with the legacy Keras above all."""

import json
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from topodepth import datasets
from topodepth.activations import extraction
from topodepth.activations.file import read_activations
from topodepth.errors import InputError
from topodepth.networks.models import Classifier, list_layers, load_model, tap_layers, tapped_model
from topodepth.training import training

SCRIPT = Path(__file__).parents[2] / "workflow/scripts/evaluate_model.py"
IMAGES = np.random.default_rng(0).random((5, 8, 8, 3), dtype=np.float32)


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def legacy(tmp_path_factory):
    """Return a legacy HDF5 file with TensorFlow functions and a shared layer in it, and its output."""
    import tensorflow as tf
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    images = tf_keras.Input((8, 8, 3))
    shared = layers.ReLU(6.0, name="relu6")
    x = shared(layers.Conv2D(4, 3, padding="same", name="conv")(images))
    y = shared(layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x))
    x = tf.nn.relu(x + 2.0 * y)
    x = layers.GlobalAveragePooling2D(name="pool")(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]))
    model = tf_keras.Model(images, layers.Dense(3, activation="softmax", name="last")(x), name="old")
    path = tmp_path_factory.mktemp("legacy") / "old.h5"
    model.save(path)
    assert b"TFOpLambda" in path.read_bytes()
    return path, model.predict_on_batch(IMAGES)


def test_a_legacy_file_opens_and_gives_the_same_output(legacy):
    path, output = legacy
    np.testing.assert_allclose(load_model(path).predict_on_batch(IMAGES), output, rtol=1e-6)


def test_a_legacy_model_is_listed_and_tapped_like_any_other(legacy):
    path, output = legacy
    model = load_model(path)
    record = next(layer for layer in list_layers(model) if layer.name == "relu6")
    assert (record.layer_class, record.applications) == ("ReLU", 2)
    taps = tap_layers(model, ["conv", "relu6@1", "penultimate", "logits"])
    conv, relu, penultimate, logits = tapped_model(model, taps).predict_on_batch(IMAGES)
    assert (conv.shape, relu.shape) == ((5, 4), (5, 4))
    kernel, bias = model.get_layer("last").get_weights()
    np.testing.assert_allclose(penultimate @ kernel + bias, logits, atol=1e-6)
    np.testing.assert_allclose(softmax(logits), output, rtol=1e-4)
    depths = [tap.relative_depth for tap in taps]
    assert depths == sorted(depths)
    assert depths[-1] == 1


def test_activations_of_a_legacy_model_are_extracted(legacy, tmp_path):
    path, output = legacy
    extraction.extract(load_model(path), IMAGES, "auto", batch_size=2, out=tmp_path / "a.h5")
    np.testing.assert_allclose(softmax(read_activations(tmp_path / "a.h5").points("logits")), output, rtol=1e-4)


def test_a_legacy_file_with_a_lambda_is_refused_unless_trusted(tmp_path):
    import tf_keras

    model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Lambda(lambda x: x * 2, name="sneaky")])
    model.save(tmp_path / "code.h5")
    with pytest.raises(InputError, match=r"code.h5: carries code.*Lambda layer 'sneaky'"):
        load_model(tmp_path / "code.h5")
    assert load_model(tmp_path / "code.h5", trust=True).layers[0].name == "sneaky"


@pytest.mark.parametrize("function", ["io.write_file", "py_function", "raw_ops.WriteFile", "compat.v1.py_func"])
def test_a_tensorflow_function_that_does_more_than_compute_is_refused(legacy, tmp_path, function):
    path = tmp_path / "changed.h5"
    path.write_bytes(legacy[0].read_bytes())
    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        wrapped = [layer for layer in config["config"]["layers"] if layer["class_name"] == "TFOpLambda"]
        wrapped[0]["config"]["function"] = function
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(InputError, match=f"carries code.*TensorFlow function '{function}'"):
        load_model(path)


def test_a_legacy_custom_layer_is_refused_by_its_name(legacy, tmp_path):
    path = tmp_path / "custom.h5"
    path.write_bytes(legacy[0].read_bytes())
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace('"class_name": "ReLU"', '"class_name": "Mish"')
    with pytest.raises(InputError, match="custom object 'Mish'"):
        load_model(path)


def judged(ending, units=3):
    """Return a small classifier whose output ends in softmax, sigmoid or nothing, all from the same logits."""
    import keras

    keras.utils.set_random_seed(0)
    images = keras.Input((8, 8, 3))
    x = keras.layers.Dense(units, name="last")(keras.layers.Flatten()(images))
    return keras.Model(images, keras.layers.Activation(ending)(x) if ending else x)


def cross_entropy(probabilities, labels):
    return -np.log(probabilities[np.arange(len(labels)), labels]).mean()


@pytest.mark.parametrize("ending", ["softmax", "sigmoid", None])
def test_the_loss_is_right_whatever_the_last_operation_is(ending):
    model, labels = judged(ending), np.array([0, 1, 2, 1, 0])
    logits = judged(None).predict_on_batch(IMAGES).astype(float)
    expected = softmax(logits)
    if ending == "sigmoid":
        expected = 1 / (1 + np.exp(-logits))
        expected /= expected.sum(axis=1, keepdims=True)
    found = training.evaluate(Classifier(model), IMAGES, labels, lambda batch: batch, 2)
    assert Classifier(model).ends_in == (ending or "logits")
    assert found["loss"] == pytest.approx(cross_entropy(expected, labels), rel=1e-4)
    assert found["accuracy"] == (expected.argmax(axis=1) == labels).mean()


@pytest.mark.parametrize("ending", ["sigmoid", None])
def test_one_unit_tells_two_classes_apart(ending):
    labels = np.array([0, 1, 1, 1, 0])
    second = 1 / (1 + np.exp(-judged(None, 1).predict_on_batch(IMAGES).astype(float)))
    found = training.evaluate(Classifier(judged(ending, 1)), IMAGES, labels, lambda batch: batch, 2)
    assert Classifier(judged(ending, 1)).classes == 2
    assert found["loss"] == pytest.approx(cross_entropy(np.hstack([1 - second, second]), labels), rel=1e-4)


def test_the_softmax_of_a_model_within_the_model_is_seen():
    import keras

    images = keras.Input((8, 8, 3))
    assert Classifier(keras.Model(images, judged("softmax")(images))).ends_in == "softmax"
    assert Classifier(keras.Model(images, judged(None)(images))).ends_in == "logits"


def evaluate(folder, model, classes=3, shape=(8, 8, 3), *extra):
    rng = np.random.default_rng(0)
    splits = {
        split: (rng.integers(0, 256, (n, *shape)).astype(np.uint8), np.arange(n) % classes)
        for split, n in (("train", 30), ("validation", 9), ("test", 12))
    }
    datasets.write_dataset(folder / "data.h5", splits, [str(k) for k in range(classes)])
    out = folder / "metrics.json"
    command = [sys.executable, SCRIPT, "--model", model, "--dataset", folder / "data.h5", "--normalisation", "unit",
               "--batch-size", "7", "--out", out, *extra]  # fmt: skip
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    return done, splits, json.loads(out.read_text()) if out.exists() else None


def test_the_evaluating_command_writes_accuracy_and_loss_of_every_split(tmp_path):
    model = judged(None)
    model.save(tmp_path / "logits.keras")
    done, splits, metrics = evaluate(tmp_path, tmp_path / "logits.keras")
    assert done.returncode == 0, done.stderr
    of_weights = {"parameters", "weight_layers", "frobenius_norm", "spectral_norm"}
    assert set(metrics) == {"test", "train", "validation"} | of_weights
    assert metrics["parameters"] == model.count_params()
    for split, (images, labels) in splits.items():
        probabilities = softmax(model.predict_on_batch(images.astype(np.float32) / 255).astype(float))
        assert metrics[split]["loss"] == pytest.approx(cross_entropy(probabilities, labels), rel=1e-4)
        assert metrics[split]["accuracy"] == (probabilities.argmax(axis=1) == labels).mean()


@pytest.mark.parametrize(
    ("classes", "shape", "expected"),
    [
        (5, (8, 8, 3), "expected 5 classes, as in .*data.h5. Received: 3"),
        (3, (9, 8, 3), r"model.keras: the network expected \(n, 8, 8, 3\), .*Received: data of shape \(n, 9, 8, 3\)"),
    ],
)
def test_the_evaluating_command_refuses_a_data_set_that_does_not_fit(tmp_path, classes, shape, expected):
    judged("softmax").save(tmp_path / "model.keras")
    done, _, metrics = evaluate(tmp_path, tmp_path / "model.keras", classes, shape)
    assert (done.returncode, metrics) == (1, None)
    assert re.search(f"^error: .*{expected}", done.stderr.strip().splitlines()[-1])
    assert "Traceback" not in done.stderr
