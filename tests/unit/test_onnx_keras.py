"""A Keras network, exported to ONNX, gives the same table, accuracy and complexity as its Keras file."""

import numpy as np
import pandas
import pytest

from tests.unit.test_networks import randomised
from topodepth.activations import extraction
from topodepth.activations.file import read_activations
from topodepth.networks import files, models, runtime
from topodepth.networks.onnx_file import inspect
from topodepth.networks.onnx_graph import OnnxGraph
from topodepth.networks.onnx_network import _converted
from topodepth.networks.onnx_weights import FileClassifier, kernels, parameters
from topodepth.tables import tables
from topodepth.tables.values import values_of
from topodepth.topology.diagrams import DiagramSettings, read_diagrams, write_diagrams
from topodepth.training import training
from topodepth.training.complexity import complexity, of_kernels

IMAGES = np.random.default_rng(0).normal(size=(80, 12, 10, 3)).astype(np.float32)
LABELS = np.arange(80) % 4


def residual(layers, images):
    x = layers.Conv2D(8, 3, padding="same", name="stem")(images)
    for k in range(3):
        y = layers.Conv2D(8, 3, padding="same", use_bias=False, name=f"conv{k}")(x)
        y = layers.BatchNormalization(name=f"norm{k}")(y)
        y = layers.ReLU(name=f"relu{k}")(y)
        y = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=1, name=f"depthwise{k}")(y)
        x = layers.Add(name=f"block{k}")([x, y])
    x = layers.GlobalAveragePooling2D(name="space")(x)
    return layers.Dense(4, activation="softmax", name="head")(x)


def chain(layers, images):
    x = images
    for k, width in enumerate((4, 6, 8)):
        x = layers.Conv2D(width, 3, strides=1 + k % 2, padding="same", name=f"conv{k}")(x)
        x = layers.BatchNormalization(name=f"norm{k}")(x)
        x = layers.Activation("tanh", name=f"tanh{k}")(x)
    x = layers.GlobalAveragePooling2D(name="space")(x)
    x = layers.LeakyReLU(name="hidden_activation")(layers.Dense(7, name="hidden")(x))
    return layers.Dense(4, name="head")(x)


@pytest.fixture(scope="module", params=[residual, chain], ids=["residual", "chain"])
def pair(request, tmp_path_factory):
    """The same network as a Keras file and as an ONNX file, and the model."""
    import keras

    folder = tmp_path_factory.mktemp("pair")
    images = keras.Input(IMAGES.shape[1:])
    model = randomised(keras.Model(images, request.param(keras.layers, images), name="mine"))
    model.save(folder / "net.keras")
    found, graph = files.inspect(folder / "net.keras"), OnnxGraph()
    known = found.graph()
    source, _, after = _converted(graph, known, found)
    (folder / "net.onnx").write_bytes(graph.model(source, [after[known.output.key]]))
    return folder / "net.keras", folder / "net.onnx", model


def table(path, folder):
    """The rows of all layers of a network, as the depth experiment has them, and its accuracy."""
    network = runtime.open_network(path, files.auto_layers(path), scores=True)
    accuracy = extraction.write_activations(network, IMAGES, out=folder / "a.h5", labels=LABELS, classes=4)
    file, rows = read_activations(folder / "a.h5"), []
    for layer in file.layers:
        points = file.points(layer.token)
        write_diagrams(folder / "d.h5", points, file.labels, file.place(layer.token, "mine"), DiagramSettings())
        found = read_diagrams(folder / "d.h5")
        rows += tables.descriptor_rows(found, values_of(found, ["lifespan_sum", "longest_bar"], {}))
    return pandas.DataFrame(rows), [tap.layer_class for tap in network.taps], accuracy


def test_both_files_give_the_same_table(pair, tmp_path):
    (theirs, classes, accuracy), (ours, ours_classes, ours_accuracy) = (table(path, tmp_path) for path in pair[:2])
    assert [{"Tanh": "Activation"}.get(name, name) for name in ours_classes] == classes  # Keras names the layer
    assert ours_accuracy == accuracy
    assert len(ours) == len(theirs) > 0
    numbers = theirs.select_dtypes("number").columns
    assert {"value", "relative_depth", "null_value", "homology_dimension", "dimension"} <= set(numbers)
    for column in numbers:
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-4, atol=1e-4, err_msg=column)
    assert (ours["class"] == theirs["class"]).all()


def test_both_files_evaluate_alike_and_are_as_complex(pair):
    _, path, model = pair
    found = inspect(path)
    ours, theirs = FileClassifier(found), models.Classifier(model)
    assert (ours.classes, ours.ends_in) == (theirs.classes, theirs.ends_in)
    np.testing.assert_allclose(ours.predict_on_batch(IMAGES), theirs.predict_on_batch(IMAGES), atol=1e-5)
    metrics = [training.evaluate(each, IMAGES, LABELS, lambda images: images) for each in (ours, theirs)]
    assert metrics[0] == pytest.approx(metrics[1], rel=1e-4)
    assert of_kernels(list(kernels(found)), parameters(found)) == pytest.approx(complexity(model), rel=1e-5)
