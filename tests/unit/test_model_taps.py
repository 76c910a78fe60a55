"""Taps of recurrent, attention and embedding layers, of inner models, and of heads of every kind, in both Keras."""

import importlib

import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.networks import runtime
from topodepth.networks.files import auto_layers, inspect
from topodepth.networks.models import Classifier, load_model, tap_layers, tapped_model
from topodepth.networks.taps import choose

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


def saved(model, folder, suffixes=(".keras", ".h5")):
    """Return both kinds of file of a model."""
    for suffix in suffixes:
        model.save(folder / f"model{suffix}")
        yield folder / f"model{suffix}"


def whole(keras):
    """Return the kinds of file of which this Keras opens its own masks and attention: Keras 3.15.1 not from HDF5."""
    return (".keras",) if keras.__name__ == "keras" else (".keras", ".h5")


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
    nine, drops = [], [f"drop{k}" for k in range(4)]
    for k, name in enumerate(drops):
        nine += [layers.LSTM(4, return_sequences=k < 3, name=f"lstm{k}"), layers.Dropout(0.1, name=name)]
    return {
        "signals": (
            [layers.Conv1D(4, 3, name="conv1d"), layers.LSTM(6, name="lstm"), layers.Dense(3, activation="softmax")],
            ["conv1d", "lstm", "logits"],
        ),
        "recurrent": ([*recurrent, layers.Dense(2, name="dense")], ["lstm", "drop", "each", "last", "logits"]),
        "nine layers": ([*nine, layers.Dense(3, activation="softmax", name="head")], [*drops, "logits"]),
        "steps of a model": (
            [layers.TimeDistributed(layers.LayerNormalization()), layers.GRU(4, name="gru"), layers.Dense(3)],
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
        np.testing.assert_allclose(runtime.open_network(path).predict(SIGNALS, 5)[-1],
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
        layers.LSTM(5, return_sequences=True, name="lstm"), layers.GlobalAveragePooling1D(),
        layers.Dense(2, name="head"),
    )  # fmt: skip
    table = model.get_layer("words").get_weights()[0]
    expected = np.stack([table[row[row > 0].astype(int)].mean(axis=0) for row in WORDS])
    for path in saved(model, tmp_path, whole(keras)):
        assert auto_layers(path) == ["words", "lstm", "logits"]
        words, lstm, _ = runtime.open_network(path).predict(WORDS, 3)
        np.testing.assert_allclose(words, expected, atol=1e-6)
        alone = runtime.open_network(path, ["lstm"])  # the mask is there though no other layer asks for it
        np.testing.assert_array_equal(alone.predict(WORDS, 3)[0], lstm)
        longer = np.where(WORDS > 0, WORDS, 0)[:, [0, 1, 2, 3, 4, 5]]
        first = longer[2:, :]  # one word and five that are masked: the mean is that of the one step
        alone_steps = keras.Model(model.inputs, model.get_layer("lstm").output).predict_on_batch(first)
        np.testing.assert_allclose(lstm[2], alone_steps[0, 0], atol=1e-6)


def test_attention_is_tapped(keras, tmp_path):
    layers = keras.layers
    inputs = keras.Input((6,), name="inputs")
    x = layers.Embedding(10, 4, name="words")(inputs)
    x = layers.MultiHeadAttention(2, 4, name="heads")(x, x)
    x = layers.Attention(name="attention")([x, x])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(name="norm")(x))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x), name="net")
    for path in saved(model, tmp_path, whole(keras)):
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


def heads(keras):
    """Return, by name, from (n, 4) to probabilities; and whether logits come back from them."""
    layers, dense = keras.layers, keras.layers.Dense
    operation = keras.ops if keras.__name__ == "keras" else importlib.import_module("tensorflow").nn
    inner = keras.Sequential([keras.Input((4,)), dense(3, name="in"), layers.Softmax()], name="inner")
    recurrent = layers.LSTM(3, activation="softmax", name="recurrent")
    steps = layers.Reshape((2, 2))
    return {
        "inside": (dense(3, activation="softmax"), True),
        "a layer Activation": (lambda x: layers.Activation("softmax")(dense(3)(x)), True),
        "a layer Softmax": (lambda x: layers.Softmax()(dense(3)(x)), True),
        "a function": (lambda x: operation.softmax(dense(3)(x)), True),
        "the function of activations": (lambda x: keras.activations.softmax(dense(3)(x)), True),
        "a layer for an activation": (dense(3, activation=layers.Softmax()), True),
        "spectral": (layers.SpectralNormalization(dense(3, activation="softmax")), True),
        "spectral of a convolution": (
            lambda x: layers.Flatten()(
                layers.SpectralNormalization(layers.Conv1D(3, 1, activation="softmax"))(layers.Reshape((1, 4))(x))
            ),
            True,
        ),
        "steps": (lambda x: layers.TimeDistributed(dense(3, activation="softmax"))(layers.Reshape((1, 4))(x)), True),
        "steps of a softmax": (
            lambda x: layers.TimeDistributed(layers.Softmax())(dense(3)(layers.Reshape((1, 4))(x))), True),
        "reshaped": (lambda x: layers.Reshape((3,))(layers.Softmax()(dense(3)(x))), True),
        "cast": (lambda x: layers.Activation("linear")(dense(3, activation="softmax")(x)), True),
        "in an inner model": (inner, True),
        "one sigmoid": (dense(1, activation="sigmoid"), True),
        "a layer of a sigmoid": (lambda x: layers.Activation("sigmoid")(dense(1)(x)), True),
        "a function of a sigmoid": (lambda x: operation.sigmoid(dense(1)(x)), True),
        "several sigmoids": (dense(3, activation="sigmoid"), True),
        "an average": (
            lambda x: layers.Average()([dense(3, activation="softmax")(x), layers.Softmax()(dense(3)(x))]), False),
        "pooled": (
            lambda x: layers.GlobalAveragePooling1D()(dense(3, activation="softmax")(steps(x))), False),
        "recurrent": (lambda x: recurrent(steps(x)), False),
    }  # fmt: skip


HEADS = ["inside", "a layer Activation", "a layer Softmax", "a function", "the function of activations",
         "a layer for an activation", "spectral", "spectral of a convolution", "steps", "steps of a softmax",
         "reshaped", "cast", "in an inner model", "one sigmoid", "a layer of a sigmoid", "a function of a sigmoid",
         "several sigmoids", "an average", "pooled", "recurrent"]  # fmt: skip
POINTS = RNG.normal(size=(5, 4)).astype(np.float32)


@pytest.mark.parametrize("head", HEADS)
def test_logits_are_what_the_softmax_takes_or_there_are_none(head, keras, tmp_path):
    assert set(HEADS) == set(heads(keras))
    made, has_logits = heads(keras)[head]
    if keras.__name__ == "tf_keras" and "spectral" in head:  # 2.21.0 gives the layer an InputSpec of Keras 3
        with pytest.raises(TypeError, match="must be an instance of InputSpec"):
            made(keras.Input((4,)))
        return
    model = chain(keras, (4,), keras.layers.Dense(4, activation="tanh", name="hidden"), made)
    model.set_weights([RNG.normal(size=weight.shape) for weight in model.get_weights()])
    path = tmp_path / "model.keras"
    model.save(path)
    output = model.predict_on_batch(POINTS).reshape(5, -1)
    assert auto_layers(path) == [tap.token for tap in tap_layers(load_model(path))]
    if not has_logits:
        assert auto_layers(path)[-1] != "logits"
        for ask in (lambda: tap_layers(model, ["logits"]), lambda: choose(inspect(path).graph(), ["logits"])):
            with pytest.raises(InputError, match="net: logits expected of a head that ends in a softmax or a sigmoid"):
                ask()
        return
    assert auto_layers(path)[-1] == "logits"
    (logits,) = runtime.open_network(path, ["logits"]).predict(POINTS, 5)
    expected = 1 / (1 + np.exp(-logits)) if "sigmoid" in head else softmax(logits)
    np.testing.assert_allclose(expected, output, rtol=1e-4, atol=1e-6)
    assert logits.min() < 0 or logits.max() > 1  # not the probabilities themselves
    assert Classifier(model).ends_in == ("sigmoid" if "sigmoid" in head else "softmax")


def test_probabilities_of_a_layer_that_nobody_knows_are_no_logits(keras):
    x = keras.Input((4,), name="inputs")
    y = keras.layers.Dense(3, activation="exponential")(x)
    total = keras.layers.Dense(3, use_bias=False, kernel_initializer="ones", name="total")(y)
    divided = y / total
    network = runtime.by_keras(keras.Model(x, divided, name="net"), ["logits"])
    with pytest.raises(InputError, match=r"net: logits expected.*Received: probabilities"):
        network.predict(POINTS, 5)


@pytest.mark.parametrize("ending", ["softmax", None])
def test_logits_that_sum_to_one_by_chance_are_no_probabilities(ending, keras):
    model = chain(keras, (4,), keras.layers.Dense(2, activation=ending))
    weights = np.zeros((4, 2), np.float32)
    weights[0] = 1, -1
    model.set_weights([weights, np.array([0.8, 0.2], np.float32)])
    network = runtime.by_keras(model, ["logits"])
    points = np.zeros((3, 4), np.float32)
    points[0, 0] = 5
    np.testing.assert_allclose(network.predict(points[2:], 3)[0], [[0.8, 0.2]])  # alone, before the rest and behind it
    assert network.predict(points, 3)[0][0, 0] > 1
    for start in (1, 2):
        np.testing.assert_allclose(
            network.predict(points[start:], 3)[0], np.tile([0.8, 0.2], (3 - start, 1)), rtol=1e-6
        )


def test_a_mixture_of_probabilities_is_one_of_probabilities(keras):
    model = chain(keras, (4,), heads(keras)["an average"][0])
    classifier = Classifier(model)
    assert classifier.ends_in == "softmax"
    np.testing.assert_allclose(classifier.predict_on_batch(POINTS), model.predict_on_batch(POINTS), rtol=1e-5)


def several_outputs(keras):
    x = keras.Input((4,), name="inputs")
    hidden = keras.layers.Dense(5, activation="relu", name="hidden")(x)
    first = keras.layers.Dense(3, activation="softmax", name="first")(hidden)
    second = keras.layers.Dense(2, name="second")(keras.layers.Dense(4, name="more")(hidden))
    return keras.Model(x, [first, second], name="net")


def test_a_network_with_several_outputs_is_measured_without_logits(keras, tmp_path):
    model = several_outputs(keras)
    for path in saved(model, tmp_path):
        assert auto_layers(path) == ["hidden", "more", "first", "second"]
        opened = load_model(path)
        taps = tap_layers(opened)
        assert [tap.token for tap in taps] == auto_layers(path)
        assert {tap.token: tap.relative_depth for tap in taps} == pytest.approx(
            {"hidden": 1 / 3, "more": 2 / 3, "first": 2 / 3, "second": 1}
        )
        found = runtime.open_network(path).predict(POINTS, 5)
        for ours, theirs in zip(found[2:], model.predict_on_batch(POINTS), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    for ask in (lambda: tap_layers(model, ["logits"]), lambda: tap_layers(model, ["penultimate"]),
                lambda: Classifier(model), lambda: runtime.open_network(path, ["logits"])):  # fmt: skip
        with pytest.raises(InputError, match=r"one output expected.*Received: 2 outputs, 'first', 'second'"):
            ask()


def test_several_inputs_are_refused_with_their_names_and_number(keras, tmp_path):
    inputs = [keras.Input((4,), name=name) for name in ("left", "middle", "right")]
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Add()(inputs)), name="net")
    for path in saved(model, tmp_path):
        for ask in (auto_layers, runtime.open_network):
            with pytest.raises(
                InputError, match=r"one input\. Received: 3 inputs, 'left', 'middle', 'right'\."
            ) as caught:
                ask(path)
            assert str(path) in str(caught.value)
    with pytest.raises(InputError, match=r"net: expected a network with one input\. Received: 3 inputs"):
        tap_layers(model)


@pytest.mark.parametrize("stateful", [True, False])
def test_a_network_of_a_fixed_batch_gives_the_same_whatever_the_batches_and_their_order(stateful, keras, tmp_path):
    layers = keras.layers
    inputs = keras.Input(batch_shape=(4, 12, 3), name="inputs")
    x = layers.LSTM(5, stateful=stateful, return_sequences=True, name="first")(inputs)
    x = layers.Bidirectional(layers.GRU(4, stateful=stateful), name="both")(x)
    fixed = keras.Model(inputs, layers.Dense(2, activation="softmax")(x), name="net")
    free = chain(keras, (12, 3), layers.LSTM(5, return_sequences=True), layers.Bidirectional(layers.GRU(4)),
                 layers.Dense(2, activation="softmax"))  # fmt: skip
    weights = [RNG.normal(size=weight.shape) for weight in free.get_weights()]
    signals = RNG.normal(size=(10, 12, 3)).astype(np.float32)
    free.set_weights(weights)
    learnt = list(fixed.trainable_weights)
    assert len(learnt) == len(weights)
    for variable, value in zip(learnt, weights, strict=True):
        variable.assign(value)
    fixed.save(tmp_path / "model.keras")
    network = runtime.open_network(tmp_path / "model.keras", ["first", "both", "logits"], scores=True)
    expected = runtime.by_keras(free, [1, 2, "logits"], scores=True).predict(signals, 10)
    for size in (10, 4, 3, 1):
        order = RNG.permutation(10)
        parts = [network.predict(signals[order[k : k + size]], size) for k in range(0, 10, size)]
        for ours, theirs in zip(map(np.concatenate, zip(*parts, strict=True)), expected, strict=True):
            np.testing.assert_allclose(ours, theirs[order], rtol=1e-4, atol=1e-5)
    classifier = Classifier(load_model(tmp_path / "model.keras"))
    for _ in range(2):
        np.testing.assert_allclose(classifier.predict_on_batch(signals), expected[-1], rtol=1e-4, atol=1e-6)
