"""Networks by others, measured again: opened, planned, as accurate as stated, with the descriptors stated.

The published files are no part of the repository: set TOPODEPTH_SHARED to the folder that holds ``data/models`` and
``golden``. What needs no such file runs always.
"""

import csv
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from topodepth import datasets
from topodepth.activations import extraction
from topodepth.activations.file import read_activations
from topodepth.datasets import samples
from topodepth.files import hdf5
from topodepth.homology import persistence_diagrams
from topodepth.networks import runtime
from topodepth.networks.files import auto_layers, inspect
from topodepth.networks.models import Classifier, list_layers, load_model, tap_layers
from topodepth.topology import descriptors, diagrams
from topodepth.topology.clouds import scale
from topodepth.training import training

SHARED = os.environ.get("TOPODEPTH_SHARED")
needs_shared = pytest.mark.skipif(
    not SHARED, reason="needs published models: set TOPODEPTH_SHARED to the folder that holds data/models"
)
# what the word chan_std means: the mean and deviation of all 50,000 training images, as often published
CIFAR10 = {
    "channel_mean": 255 * np.array([0.4914, 0.4822, 0.4465]),
    "channel_std": 255 * np.array([0.2470, 0.2435, 0.2616]),
}
NORMALISATIONS = {"raw": "raw", "x/255": "unit", "x/255-mean": "centred", "chan_std": "channel"}


def rows_of(name, key="file"):
    if not SHARED:
        return {}
    with (Path(SHARED) / name).open() as handle:
        return {row[key]: row for row in csv.DictReader(handle)}


@cache
def cifar10():
    """Return images, labels of both splits and the statistics, read and computed once."""
    with np.load(Path(SHARED) / "data/cifar10_lossless.npz") as data:
        train, test = ((data[f"x_{split}"], data[f"y_{split}"].ravel().astype(int)) for split in ("train", "test"))
    mean = train[0].mean(axis=0, dtype=np.float64)
    return train, test, {"mean_image": mean, "global_mean": mean.mean(), "global_std": 1.0, **CIFAR10}


def measure(found, token):
    """Return E_0 and E_1 of each class of a layer, scaled to [0, 1] over all its points, through the library."""
    by_class = diagrams.DiagramSettings(clouds="class", limit=None, seed=0)
    clouds = diagrams.clouds(scale(found.points(token), "minmax"), found.labels, by_class)
    pairs = {name: persistence_diagrams(cloud, max_dim=1) for name, cloud in clouds.items()}
    return {name: [descriptors.lifespan_sum(diagram) for diagram in pair] for name, pair in pairs.items()}


@needs_shared
@pytest.mark.parametrize("name", rows_of("data/models/models.csv"))
def test_a_published_model_gives_what_was_measured_of_it(name, tmp_path):
    row, golden = rows_of("data/models/models.csv")[name], rows_of("golden/generalization_runEF.csv").get(name)
    path = Path(SHARED) / "data/models" / name
    train, (images, labels), statistics = cifar10()
    normalise = datasets.normaliser(NORMALISATIONS[row["input_scaling"]], statistics)
    model = load_model(path)
    assert model.count_params() == int(row["parameters"])
    classifier = Classifier(model)
    assert (classifier.ends_in, classifier.classes) == ("softmax", 10)
    accuracy = training.evaluate(classifier, images, labels, normalise, 233)["accuracy"]
    assert accuracy == pytest.approx(float(row["test_accuracy_932"]), abs=0.01)

    taps = tap_layers(model)
    assert auto_layers(path) == [tap.token for tap in taps]
    assert taps[-1].token == "logits"
    assert inspect(path).layers == tuple((x.index, x.name, x.layer_class) for x in list_layers(model))
    assert inspect(path).keras_version == row["keras_version"]
    assert (golden is not None) == name.startswith("run")
    if golden is None:  # of the others, the table of descriptors vouches for the logits
        batch = normalise(images[:233])
        network = runtime.open_network(path, ["logits"], threads=2)
        assert network.runtime.startswith("onnxruntime")
        logits = network.predict(batch, len(batch))[0].astype(np.float64)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(probabilities, classifier.predict_on_batch(batch), rtol=1e-3, atol=1e-6)
        return

    out = tmp_path / "activations.h5"
    network = runtime.open_network(path, ["penultimate", "logits"], threads=2)  # as a job of the pipeline does
    assert network.runtime.startswith("onnxruntime")
    extraction.write_activations(
        network, train[0][:2500], out=out, labels=train[1][:2500], normalise=normalise, batch_size=500
    )
    for token in ("penultimate", "logits"):
        found = measure(read_activations(out), token)
        assert len(found) == 10
        for k in (0, 1):
            assert found["1"][k] == pytest.approx(float(golden[f"{token}_E{k}_class1"]), rel=1e-3)
            mean = np.mean([pair[k] for pair in found.values()])
            assert mean == pytest.approx(float(golden[f"{token}_E{k}_mean10"]), rel=1e-3)


@needs_shared
def test_published_numbers_are_reached_with_the_settings_of_a_configuration(tmp_path):
    """docs/samples.md: the first 2500 training images, as the data set file of the pipeline holds them."""
    source, name = Path(SHARED) / "data/cifar10_lossless.npz", "runF_epoch018.h5"
    golden = rows_of("golden/generalization_runEF.csv")[name]
    settings = {"size": None, "validation": 0.001, "test": 0.15, "seed": 0}
    datasets.write_dataset(tmp_path / "d.h5", *datasets.load("npz", source, settings))
    with hdf5.open_h5(tmp_path / "d.h5") as file:
        dataset = datasets.DataSet(file)
        split = "train+validation"
        extraction.write_activations(
            runtime.open_network(Path(SHARED) / "data/models" / name, ["penultimate", "logits"], threads=2),
            dataset.images(split), out=tmp_path / "a.h5", labels=dataset.labels(split),
            indices=samples.choose(dataset, split, indices="first", images=2500),
            normalise=dataset.normaliser("centred"),
        )  # fmt: skip
    for token in ("penultimate", "logits"):
        found = measure(read_activations(tmp_path / "a.h5"), token)
        for k in (0, 1):
            assert found["1"][k] == pytest.approx(float(golden[f"{token}_E{k}_class1"]), rel=1e-3)


@needs_shared
def test_all_published_models_are_compared():
    assert len(rows_of("data/models/models.csv")) == 26
    assert len(rows_of("golden/generalization_runEF.csv")) == 17


@pytest.mark.parametrize("framework", ["keras", "tf_keras"])
def test_descriptors_of_a_model_file_are_those_of_an_independent_computation(framework, tmp_path):
    """From the file to E_0 and E_1 by the library, and by Keras' own layers, SciPy's tree and Ripser beside it."""
    from ripser import ripser
    from scipy.sparse.csgraph import minimum_spanning_tree
    from scipy.spatial.distance import pdist, squareform

    keras = pytest.importorskip(framework)
    keras.utils.set_random_seed(0)
    layers = keras.layers
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, activation="relu")(images)
    x = layers.Add()([x, layers.Conv2D(8, 3, padding="same")(x)])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(images, layers.Dense(4, activation="softmax", name="last")(x))
    model.save(tmp_path / "model.h5")
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (200, 8, 8, 3)).astype(np.uint8), np.arange(200) % 4

    extraction.write_activations(
        runtime.open_network(tmp_path / "model.h5", ["penultimate", "logits"]), pixels, out=tmp_path / "a.h5",
        labels=labels, normalise=lambda batch: batch.astype(np.float32) / 255, batch_size=64,
    )  # fmt: skip
    found = read_activations(tmp_path / "a.h5")

    pooled = keras.Model(images, model.get_layer("pool").output).predict_on_batch((pixels / 255).astype(np.float32))
    kernel, bias = model.get_layer("last").get_weights()
    for token, values in (("penultimate", pooled), ("logits", pooled @ kernel + bias)):
        points = (values - values.min(axis=0)) / np.ptp(values, axis=0)
        measured = measure(found, token)
        assert sorted(measured) == ["0", "1", "2", "3"]
        for label in range(4):
            distances = squareform(pdist(points[labels == label]))
            loops = ripser(distances, maxdim=1, distance_matrix=True)["dgms"][1]
            expected = [minimum_spanning_tree(distances).sum() / 2, (loops[:, 1] - loops[:, 0]).sum() / 2]
            assert min(expected) > 0
            assert measured[str(label)] == pytest.approx(expected, rel=1e-4)
