"""A model and images give the table of the activations that the pipeline extracts, whatever way the images come."""

from types import SimpleNamespace

import numpy as np
import pandas
import pytest

import topodepth as td
from topodepth import architectures
from topodepth.activations import extraction
from topodepth.networks.graph import Tap
from topodepth.networks.network import Network
from topodepth.study import doors

RNG = np.random.default_rng(0)
N = 60
LABELS = np.arange(N) % 3
IMAGES = RNG.random((N, 8, 8, 1), dtype=np.float32)
QUICK = {"progress": False, "draws": 2, "null_draws": 1}
LAYERS = ["block1_conv2", "dense1", "logits"]


@pytest.fixture(scope="module")
def model():
    return architectures.build("vgg", input_shape=(8, 8, 1), classes=3, width=4)


@pytest.fixture(scope="module")
def expected(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("expected") / "a.h5"
    extraction.extract(model, IMAGES, LAYERS, out=path, labels=LABELS)
    return td.measure(path, **QUICK)


def assert_close(found, expected, *, but=("accuracy", "model")):
    """Equal to single precision: batches of other sizes round otherwise."""
    columns = [column for column in expected.table if column not in but and expected.table[column].notna().any()]
    pandas.testing.assert_frame_equal(found.table[columns], expected.table[columns], rtol=1e-3, atol=1e-3)


def tuples():
    return [(IMAGES[start : start + 16], LABELS[start : start + 16]) for start in range(0, N, 16)]


WAYS = {
    "an array": lambda: (IMAGES, LABELS),
    "float64": lambda: (IMAGES.astype(np.float64), LABELS.astype(np.uint8)),
    "pairs": lambda: (tuples(), None),
    "a generator": lambda: (iter(tuples()), None),
    "maps": lambda: ([{"image": images, "label": labels} for images, labels in tuples()], None),
    "inputs alone": lambda: ((images for images, _ in tuples()), LABELS),
    "other shape": lambda: (IMAGES[..., 0], LABELS),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_way_of_giving_images_gives_the_same(model, expected, way):
    images, labels = way()
    found = td.measure(model, images, labels, layers=LAYERS, **QUICK)
    assert_close(found, expected)
    own = np.asarray(model(IMAGES)).argmax(axis=1)
    np.testing.assert_allclose(found.table["accuracy"].unique(), [np.mean(own == LABELS)])
    np.testing.assert_array_equal(found.activations.labels, LABELS)
    np.testing.assert_array_equal(found.activations.indices, np.arange(N))


def test_a_tensorflow_data_set_is_an_iterable_of_batches(model, expected):
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(25)
    assert_close(td.measure(model, batches, layers=LAYERS, **QUICK), expected)


def test_a_file_of_a_model_is_measured_too(model, expected, tmp_path):
    model.save(tmp_path / "mine.keras")
    found = td.measure(str(tmp_path / "mine.keras"), IMAGES, LABELS, layers=LAYERS, **QUICK)
    assert found.model == "mine"
    assert found.activations.attributes["runtime"].startswith("onnxruntime")
    assert_close(found, expected)


def test_batches_without_labels_are_one_cloud(model):
    found = td.measure(model, [IMAGES[:50], IMAGES[50:]], layers=["logits"], **QUICK)
    assert set(found.table["class"]) == {"all"}


def test_layers_are_chosen_by_pattern(model, tmp_path):
    found = td.measure(model, IMAGES, LABELS, layers="block*_conv1", **QUICK)
    assert found.layers == [layer.name for layer in model.layers if layer.name.endswith("_conv1")]
    model.save(tmp_path / "mine.keras")
    also = td.measure(tmp_path / "mine.keras", IMAGES, LABELS, layers=["block*_conv1", "logits"], **QUICK)
    assert also.layers == [*found.layers, "logits"]
    with pytest.raises(td.InputError, match=r"unknown layer of vgg 'conv\*'.*Known: .*block1_conv1"):
        td.measure(model, IMAGES, LABELS, layers="conv*", **QUICK)


def test_normalise_makes_the_input(model, expected):
    pixels = (IMAGES * 1000).astype(np.int64)
    found = td.measure(model, pixels, LABELS, layers=LAYERS, normalise=lambda batch: batch / np.float32(1000), **QUICK)
    close = td.measure(model, pixels / 1000, LABELS, layers=LAYERS, **QUICK)
    assert_close(found, close)


def test_auto_finds_the_layers_of_the_architecture(model):
    found = td.measure(model, IMAGES, LABELS, **QUICK)
    assert found.layers == list(architectures.registry.get("vgg").layers)


def test_a_cost_is_told_without_a_pass(model):
    cost = td.estimate(model, IMAGES, LABELS, layers=LAYERS)
    assert [(layer.layer, layer.d) for layer in cost.layers] == [("block1_conv2", 4), ("dense1", 16), ("logits", 3)]
    assert cost.disk == 4 * N * sum(layer.d for layer in cost.layers)
    assert "once all batches are through" in str(td.estimate(model, tuples()))


class Interrupting:
    """Images that are interrupted in the middle, as by Ctrl-C."""

    shape = IMAGES.shape

    def __len__(self):
        return N

    def __getitem__(self, rows):
        raise KeyboardInterrupt


def test_an_interrupt_in_the_pass_leaves_nothing(model, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        td.measure(model, Interrupting(), LABELS, **QUICK)
    assert list(tmp_path.iterdir()) == []


WRONG = {
    "shape": ((IMAGES[:, :7], LABELS), {}, r"expected \(n, 8, 8, 1\)"),
    "labels": ((IMAGES, LABELS[:9]), {}, "labels: expected 60 whole numbers"),
    "no batch": ((iter([]), None), {}, "expected at least one batch.*used up"),
    "three parts": (([(IMAGES, LABELS, LABELS)], None), {}, r"batches \(inputs, labels\). Received: one of 3 parts"),
    "ragged": (([(IMAGES, LABELS), (IMAGES[:, :7], LABELS)], None), {}, r"expected \(n, 8, 8, 1\)"),
    "labels twice": ((tuples(), LABELS), {}, "in every batch or beside the batches. Received: both"),
    "labels now and then": (([(IMAGES, LABELS), IMAGES], None), {}, "Received: labels in 1 of 2 batches"),
    "labels too short": (([IMAGES, IMAGES], LABELS), {}, "labels: expected 120 whole numbers"),
    "several inputs": (
        ([{"a": IMAGES, "b": IMAGES, "y": LABELS}], None),
        {},
        "takes one input. Received: batches of a, b",
    ),
    "no iterable": ((3, LABELS), {}, "expected an array or an iterable of batches. Received: int"),
    "layer": ((IMAGES, LABELS), {"layers": ["dense9"]}, "unknown layer of vgg 'dense9'. Did you mean"),
    "no layers": ((IMAGES, LABELS), {"layers": []}, "layers expected as 'auto' or a list"),
    "batch size": ((IMAGES, LABELS), {"batch_size": 0}, "batch_size: expected a whole number from 1"),
    "normalise": ((IMAGES, LABELS), {"normalise": "unit"}, "normalise: expected a function"),
    "indices": ((tuples(), None), {"indices": [1]}, "indices: expected for an array of images"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_refused_in_one_line(model, tmp_path, monkeypatch, case):
    arguments, options, expected = case
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(td.InputError, match=expected) as caught:
        td.measure(model, *arguments, **QUICK, **options)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_no_graph_is_refused():
    import keras

    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(td.InputError, match=r"functional or sequential.*Received: Own"):
        td.measure(Own(), IMAGES, LABELS, **QUICK)


class Foreign:
    """A model of a framework that is not known here, whose door sees a batch first and takes whatever it is given."""

    def __init__(self):
        self.seen = []

    def open(self, _model, layers, example, _passing):
        first = example()
        assert layers == "auto"
        tap = Tap("out", 0, "out", "Own", 1.0, SimpleNamespace(shape=(None, 2)), "none")
        self.width = (first["x"] if isinstance(first, dict) else first).shape[1]
        return Network("foreign", "none 1.0", [], [tap], self.predict)

    def predict(self, inputs, _size):
        self.seen.append(inputs)
        values = inputs["x"] if isinstance(inputs, dict) else inputs
        return [values[:, :2]]


DATA = np.random.default_rng(1).normal(size=(60, 4))


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (DATA, LABELS),
        ([{"x": DATA[:40], "mask": DATA[:40], "labels": LABELS[:40]},
          {"x": DATA[40:], "mask": DATA[40:], "labels": LABELS[40:]}], None),
        (iter([(DATA[:50], LABELS[:50]), (DATA[50:], LABELS[50:])]), None),
    ],
    ids=["an array", "maps", "pairs"],
)  # fmt: skip
def test_one_more_framework_is_one_more_door(monkeypatch, images, labels):
    foreign = Foreign()
    door = doors.Door("a foreign model", lambda model: isinstance(model, Foreign), foreign.open)
    monkeypatch.setattr(doors, "DOORS", [door])
    found = td.measure(foreign, images, labels, batch_size=25, **QUICK)
    plain = td.measure(layers={"out": DATA[:, :2]}, labels=LABELS, name="Foreign", **QUICK)
    pandas.testing.assert_frame_equal(found.table, plain.table, check_exact=True)
    assert foreign.width == 4
    assert sum(len(each["x"] if isinstance(each, dict) else each) for each in foreign.seen) == N


def test_rows_of_an_array_go_through_any_door(monkeypatch):
    foreign = Foreign()
    monkeypatch.setattr(doors, "DOORS", [doors.Door("foreign", lambda _: True, foreign.open)])
    found = td.measure(foreign, DATA, LABELS, indices=np.arange(59, -1, -1), **QUICK)
    np.testing.assert_array_equal(found.activations.points("out"), DATA[::-1, :2].astype(np.float32))
    np.testing.assert_array_equal(found.activations.labels, LABELS[::-1])
    np.testing.assert_array_equal(found.activations.indices, np.arange(59, -1, -1))
