"""A network that does not see its images right is told by its accuracy on them, tested against chance."""

import logging

import h5py
import numpy as np
import pandas
import pytest
from scipy.stats import binomtest

from topodepth.activations import accuracy, extraction
from topodepth.activations.accuracy import Accuracy
from topodepth.activations.file import read_activations
from topodepth.figures import frame
from topodepth.networks import runtime

N = 400
LABELS = np.arange(N) % 10


@pytest.mark.parametrize(("right", "n", "chance"), [(0, 20, 0.1), (3, 20, 0.1), (77, 100, 0.1), (20, 20, 0.5)])
def test_interval_and_p_value_are_scipys(right, n, chance):
    found, expected = Accuracy(right / n, n, chance), binomtest(right, n, chance, alternative="greater")
    low, high = binomtest(right, n).proportion_ci(method="exact")
    assert found.interval == pytest.approx((low, high), abs=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, abs=1e-12)


def test_guesses_are_called_chance_and_learned_answers_are_not():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, N)
    guesses = [accuracy.of_predictions(labels, rng.integers(0, 10, N), 10) for _ in range(300)]
    assert all(found.near_chance for found in guesses)
    # the exact test keeps its level, and its chance is the mean of what guesses reach
    assert np.mean([found.p_value < 0.05 for found in guesses]) < 0.08
    assert np.mean([found.value for found in guesses]) == pytest.approx(np.mean([g.chance for g in guesses]), abs=0.005)
    learned = np.where(rng.random(N) < 0.4, labels, rng.integers(0, 10, N))
    assert not accuracy.of_predictions(labels, learned, 10).near_chance


def test_naming_always_the_most_frequent_class_is_chance_however_often_it_is_right():
    labels = np.r_[np.zeros(360, int), np.ones(40, int)]
    found = accuracy.of_predictions(labels, np.zeros(N, int), 2)
    assert found.value == found.chance == pytest.approx(0.9)
    assert found.near_chance
    assert not accuracy.of_predictions(labels, labels, 2).near_chance


def test_images_of_one_class_are_judged_by_a_guess_among_all():
    found = accuracy.of_predictions(np.ones(50, int), np.ones(50, int), 10)
    assert (found.value, found.chance, found.near_chance) == (1.0, 0.1, False)


def test_a_sure_but_small_lead_is_hardly_better_than_chance():
    found = Accuracy(0.13, 100_000, 0.1)
    assert found.p_value < 1e-10
    assert found.near_chance


@pytest.mark.parametrize(
    ("found", "stated", "words"),
    [
        (Accuracy(0.105, 400, 0.1), None, "hardly better than chance. Is `normalisation`"),
        (Accuracy(0.51, 932, 0.1), 0.77, "0.77 is stated of it. Is `normalisation`"),
        (Accuracy(0.51, 932, 0.1), None, ""),
        (Accuracy(0.75, 932, 0.1), 0.77, ""),
        (Accuracy(0.99, 932, 0.1), 0.77, ""),  # on training images
        (Accuracy(0.60, 20, 0.1), 0.77, ""),  # too few images to tell
    ],
)
def test_a_doubt_names_the_normalisation(found, stated, words):
    assert (words in found.doubt(stated)) if words else found.doubt(stated) == ""


def scores_of(labels, classes=10):
    """Scores whose largest is the label for three images of four."""
    scores = np.random.default_rng(1).normal(size=(len(labels), classes))
    wrong = np.arange(len(labels)) % 4 == 0
    scores[np.arange(len(labels)), np.where(wrong, (labels + 1) % classes, labels)] = 9
    return scores


@pytest.mark.parametrize("batch", [1, 7, N])
def test_batches_are_counted_once_each(batch):
    tally, scores = accuracy.Tally(LABELS, 10), scores_of(LABELS)
    for start in range(0, N, batch):
        tally.add(start, scores[start : start + batch])
    assert tally.result().value == 0.75


@pytest.mark.parametrize("width", [1, 9, 11, 1000])
def test_a_head_of_another_number_of_classes_has_no_accuracy(width):
    tally = accuracy.Tally(LABELS, 10)
    tally.add(0, np.zeros((N, width)))
    assert tally.result() is None


@pytest.mark.parametrize("logits", [True, False])
def test_one_number_of_two_classes_is_the_second_ones_probability_or_logit(logits):
    labels = np.arange(N) % 2
    values = np.where(labels == 1, 2.0, -1.0)  # logits of 0.88 and 0.27
    tally = accuracy.Tally(labels, 2)
    tally.add(0, (values if logits else 1 / (1 + np.exp(-values)))[:, None])
    assert tally.result().value == 1.0


def brought(path, labels=LABELS, token="logits", **attributes):
    with h5py.File(path, "w") as file:
        file[f"layers/0_{token}"] = scores_of(LABELS).astype(np.float32)
        file["labels"] = labels
        file.attrs.update(attributes)
    return read_activations(path)


def test_activations_brought_as_a_file_have_the_accuracy_of_their_logits_or_the_one_they_state(tmp_path):
    assert accuracy.of_file(brought(tmp_path / "a.h5")).value == 0.75
    stated = brought(tmp_path / "b.h5", token="hidden", accuracy=0.5, accuracy_by_chance=0.1)
    assert accuracy.of_file(stated) == Accuracy(0.5, N, 0.1)
    assert accuracy.of_file(brought(tmp_path / "c.h5", token="hidden")) is None
    assert accuracy.of_file(brought(tmp_path / "d.h5", labels=LABELS + 5)) is None
    assert accuracy.of_file(brought(tmp_path / "e.h5", token="hidden", accuracy=7.0, accuracy_by_chance=0.1)) is None


@pytest.fixture(scope="module")
def colour_reader(tmp_path_factory):
    """A network that tells dark from bright images, given pixels from 0 to 1."""
    import keras

    images = keras.Input((8, 8, 1))
    mean = keras.layers.GlobalAveragePooling2D()(images)
    head = keras.layers.Dense(2, activation="softmax", name="head")
    model = keras.Model(images, head(mean))
    head.set_weights([np.array([[-20.0, 20.0]]), np.array([10.0, -10.0])])
    path = tmp_path_factory.mktemp("model") / "reader.keras"
    model.save(path)
    return path


def test_the_pass_that_measures_layers_tells_the_accuracy_under_the_normalisation_used(colour_reader, tmp_path, caplog):
    labels = np.arange(60) % 2
    images = (np.where(labels == 1, 200, 40)[:, None, None, None] * np.ones((1, 8, 8, 1))).astype(np.uint8)
    found = {}
    for how, scale in (("unit", 255.0), ("raw", 1.0)):
        network = runtime.open_network(colour_reader, ["penultimate"], scores=True)
        noisy = images + np.random.default_rng(0).integers(0, 20, images.shape, dtype=np.uint8)
        found[how] = extraction.write_activations(
            network, noisy, out=tmp_path / f"{how}.h5", labels=labels, classes=2, batch_size=16,
            normalise=lambda batch, scale=scale: batch.astype(np.float32) / np.float32(scale),
        )  # fmt: skip
        file = read_activations(tmp_path / f"{how}.h5")
        assert accuracy.of_file(file) == found[how]
        assert [layer.token for layer in file.layers] == ["penultimate"]
    assert (found["unit"].value, found["raw"].value) == (1.0, 0.5)
    with caplog.at_level(logging.INFO):
        found["unit"].tell("reader")
        found["raw"].tell("reader")
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
    assert "hardly better than chance. Is `normalisation`" in caplog.messages[1]


def test_without_a_head_of_the_datas_classes_nothing_is_said(colour_reader, tmp_path):
    images, labels = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1)).astype(np.uint8), np.arange(30) % 3
    network = runtime.open_network(colour_reader, ["penultimate"], scores=True)
    assert extraction.write_activations(network, images, out=tmp_path / "a.h5", labels=labels, classes=3) is None
    assert "accuracy" not in read_activations(tmp_path / "a.h5").attributes


def test_legends_carry_the_accuracy_where_the_table_knows_it():
    table = pandas.DataFrame({"model": ["a", "a", "b"], "accuracy": [0.7712, 0.7712, np.nan]})
    assert frame.with_accuracy(table, {"a": "LeNet", "b": "B"}) == {"a": "LeNet, accuracy 0.77", "b": "B"}
    assert frame.with_accuracy(table, None) == {"a": "a, accuracy 0.77"}
    assert frame.with_accuracy(table.drop(columns="accuracy"), {"a": "LeNet"}) == {"a": "LeNet"}


def test_the_words_of_a_comparison_name_the_networks_in_doubt_and_the_unknown():
    rows = [
        {"label": "good", **accuracy.row(Accuracy(0.9, 300, 0.1))},
        {"label": "lost", **accuracy.row(Accuracy(0.1, 300, 0.1))},
        {"label": "headless", **accuracy.row(None)},
    ]
    first, doubt = accuracy.sentences(rows)
    assert "0.100 to 0.900" in first
    assert "1 of 2 networks" in first
    assert "headless" in first
    assert doubt.startswith("lost: accuracy 0.100 on the 300 measured images")
    assert "No accuracy is known" in accuracy.sentences(rows[2:])[0]
