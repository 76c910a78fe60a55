"""Taps of recurrent, attention and embedding layers, of inner models, and of heads of every kind, in both Keras."""

import importlib

import numpy as np
import pytest

from topodepth import networks
from topodepth.errors import InputError
from topodepth.model_files import auto_layers, inspect
from topodepth.model_taps import choose
from topodepth.models import Classifier, load_model, tap_layers, tapped_model

RNG = np.random.default_rng(0)
SIGNALS = RNG.normal(size=(5, 12, 3)).astype(np.float32)
IMAGES = RNG.random((5, 8, 8, 3), dtype=np.float32)
WORDS = np.array([[4, 7, 1, 0, 0, 0], [2, 2, 9, 3, 8, 1], [5, 0, 0, 0, 0, 0]], dtype=np.float32)


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    module = importlib.import_module(request.param)
    module.backend.clear_session()
    module.utils.set_random_seed(0)
    return module


def chain(keras, shape, *layers, name="net"):
    inputs = x = keras.Input(shape, name="inputs")
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x, name=name)


def saved(model, folder):
    """Return both kinds of file of a model."""
    for suffix in (".keras", ".h5"):
        model.save(folder / f"model{suffix}")
        yield folder / f"model{suffix}"


def values(model, layers, inputs):
    found = tapped_model(model, tap_layers(model, layers)).predict_on_batch(inputs)
    return found if isinstance(found, list) else [found]


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def sequences(layers):
    """Return layers one after the other, and the taps that are right."""
    recurrent = [
        layers.LSTM(5, return_sequences=True, name="lstm"),
        layers.Bidirectional(layers.GRU(4, return_sequences=True), name="both"),
        layers.Dropout(0.2, name="drop"),
        layers.TimeDistributed(layers.Dense(6), name="each"),
        layers.SimpleRNN(3, name="last"),
    ]
    return {
        "signals": (
            [layers.Conv1D(4, 3, name="conv1d"), layers.LSTM(6, name="lstm"), layers.Dense(3, activation="softmax")],
            ["conv1d", "lstm", "logits"],
        ),
        "recurrent": ([*recurrent, layers.Dense(2, name="dense")], ["lstm", "drop", "each", "last", "logits"]),
        "nine layers": (
            [
                layers.LSTM(4, return_sequences=k < 3, name=f"lstm{k}") if part == "lstm" else layers.Dropout(0.1, name=f"drop{k}")
                for k in range(4) for part in ("lstm", "drop")
            ] + [layers.Dense(3, activation="softmax", name="head")],
            ["drop0", "drop1", "drop2", "drop3", "logits"],
        ),
        "steps of a model": (
            [layers.TimeDistributed(layers.LayerNormalization(), name="norms"), 
             layers.GRU(4, name="gru"),
             layers.Dense(3)],
            ["gru", "logits"],
        ),
    }  # fmt: skip


@pytest.mark.parametrize("case", ["signals", "recurrent", "nine layers", "steps of a model"])
def test_auto_taps_recurrent_layers(case, keras, tmp_path):
    layers, expected = sequences(keras.layers)[case]
    model = chain(keras, (12, 3), *layers)
    assert [tap.token for tap in tap_layers(model)] == expected
    for path in saved(model, tmp_path):
        assert auto_layers(path) == expected
        assert [tap.token for tap in tap_layers(load_model(path))] == expected
        np.testing.assert_allclose(networks.open_network(path).predict(SIGNALS, 5)[-1],
                                   values(model, ["logits"], SIGNALS)[0], rtol=1e-5)  # fmt: skip


def test_a_sequence_is_averaged_over_its_steps_and_a_last_output_is_taken_as_it_is(keras):
    layers, _ = sequences(keras.layers)["recurrent"]
    model = chain(keras, (12, 3), *layers)
    taps = tap_layers(model, ["lstm", "last"])
    assert [tap.reduction for tap in taps] == ["mean", "none"]
    lstm, last = values(model, ["lstm", "last"], SIGNALS)
    whole = keras.Model(model.inputs, [model.get_layer("lstm").output, model.get_layer("last").output])
    steps, final = whole.predict_on_batch(SIGNALS)
    assert steps.shape == (5, 12, 5)
    np.testing.assert_allclose(lstm, steps.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(last, final, atol=1e-6)


def test_steps_that_are_masked_do_not_count(keras, tmp_path):
    layers = keras.layers
    model = chain(
        keras, (6,), layers.Embedding(10, 4, mask_zero=True, name="words"),
        layers.LSTM(5, return_sequences=True, name="lstm"), layers.GlobalAveragePooling1D(), layers.Dense(2, name="head"),
    )  # fmt: skip
    table = model.get_layer("words").get_weights()[0]
    expected = np.stack([table[row[row > 0].astype(int)].mean(axis=0) for row in WORDS])
    for path in saved(model, tmp_path):
        assert auto_layers(path) == ["words", "lstm", "logits"]
        words, lstm, _ = networks.open_network(path).predict(WORDS, 3)
        np.testing.assert_allclose(words, expected, atol=1e-6)
        alone = networks.open_network(path, ["lstm"])  # the mask is there though no other layer asks for it
        np.testing.assert_array_equal(alone.predict(WORDS, 3)[0], lstm)
        short = WORDS.copy()
        short[:, 3:] = np.where(short[:, 2:3] == 1, 0, short[:, 3:])
        np.testing.assert_allclose(alone.predict(short, 3)[0], lstm, atol=1e-6)


def test_attention_is_tapped(keras, tmp_path):
    layers = keras.layers
    inputs = keras.Input((6,), name="inputs")
    x = layers.Embedding(10, 4, name="words")(inputs)
    x = layers.MultiHeadAttention(2, 4, name="heads")(x, x)
    x = layers.Attention(name="attention")([x, x])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(name="norm")(x))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x), name="net")
    for path in saved(model, tmp_path):
        assert auto_layers(path) == ["words", "heads", "norm", "logits"]
        assert [tap.token for tap in tap_layers(load_model(path))] == ["words", "heads", "norm", "logits"]


def test_a_layer_with_several_outputs_is_tapped_once(keras, tmp_path):
    inputs = keras.Input((12, 3), name="inputs")
    x, state, cell = keras.layers.LSTM(5, return_state=True, name="lstm")(inputs)
    x = keras.layers.Concatenate()([x, state, cell])
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(x), name="net")
    for path in saved(model, tmp_path):
        found = auto_layers(path)
        assert found == ["lstm@0", "logits"]
        assert [tap.token for tap in tap_layers(load_model(path))] == found


def nested(keras, **options):
    """Return a network of inner models: one within another, applied twice, and one with a head of its own."""
    layers = keras.layers
    core = chain(
        keras, (8, 8, 4), layers.Conv2D(4, 3, padding="same", name="conv"), layers.ReLU(name="relu"), name="core"
    )
    base = chain(keras, (8, 8, 3), layers.Conv2D(4, 3, padding="same", name="stem"), core, core,
                 layers.BatchNormalization(name="norm"), name="base")  # fmt: skip
    wide, out = layers.Dense(6, activation="tanh", name="wide"), layers.Dense(3, activation="softmax", name="out")
    head = keras.Sequential([keras.Input((4,)), wide, out], name="head")
    images = keras.Input((8, 8, 3), name="images")
    x = layers.GlobalAveragePooling2D(name="pool")(base(images, **options))
    return keras.Model(images, head(x), name="net")


NESTED = ["base/stem", "base/core@0/relu", "base/norm", "head/wide", "logits"]


@pytest.mark.parametrize("options", [{}, {"training": False}], ids=["called", "called without training"])
def test_layers_of_inner_models_are_tapped(options, keras, tmp_path):
    model = nested(keras, **options)
    model.set_weights([np.abs(RNG.normal(size=weight.shape)) + 0.1 for weight in model.get_weights()])
    base, head = model.get_layer("base"), model.get_layer("head")
    core, stem = base.get_layer("core"), keras.Model(base.inputs, base.get_layer("stem").output)
    (kernel, bias), (last, offset) = (head.get_layer(name).get_weights() for name in ("wide", "out"))
    stages = [stem.predict_on_batch(IMAGES)]
    stages += [core.predict_on_batch(stages[0])]
    stages += [core.predict_on_batch(stages[1]), base.predict_on_batch(IMAGES)]
    stages = [stage.mean(axis=(1, 2)) for stage in stages]
    wide = np.tanh(stages[-1] @ kernel + bias)
    expected = dict(zip(["base/stem", "base/core@0/relu", "base/core@1", "base", "penultimate", "logits"],
                        [*stages, wide, wide @ last + offset], strict=True))  # fmt: skip
    for path in saved(model, tmp_path):
        assert auto_layers(path) == NESTED
        opened = load_model(path)
        assert [tap.token for tap in tap_layers(opened)] == NESTED
        taps = tap_layers(opened, list(expected))
        depths = [round(tap.relative_depth * 9) for tap in taps]  # nine layers: what an inner model counts
        assert depths == [1, 3, 5, 6, 8, 9]
        for found, right in zip(values(opened, list(expected), IMAGES), expected.values(), strict=True):
            np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(softmax(expected["logits"]), opened.predict_on_batch(IMAGES), rtol=1e-4, atol=1e-6)
        assert Classifier(opened).ends_in == "softmax"


def test_a_layer_of_an_inner_model_is_asked_for_with_that_models_name(keras):
    model = nested(keras)
    with pytest.raises(InputError, match=r"'stem' is inside an inner model, expected as base/stem\."):
        tap_layers(model, ["stem"])
    with pytest.raises(InputError, match=r"unknown layer of net 'base/stm'\. Did you mean 'base/stem'\?"):
        tap_layers(model, ["base/stm"])
    with pytest.raises(InputError, match="'base' and 'base/norm' are the same tensor"):
        tap_layers(model, ["base", "base/norm"])
    assert tap_layers(model, ["base"])[0].layer_class in ("Functional", "Model")


def test_an_inner_model_in_training_mode_is_not_looked_into(keras, tmp_path):
    model = nested(keras, training=True)
    for path in saved(model, tmp_path):
        assert auto_layers(path) == ["head/wide", "logits"]
        assert [tap.token for tap in tap_layers(load_model(path))] == ["head/wide", "logits"]
        with pytest.raises(InputError, match="unknown layer of net 'base/stem'"):
            choose(inspect(path).graph(), ["base/stem"])
