"""What `td.taps` says before a measurement is what the measurement then has."""

import keras
import numpy as np
import onnx
import onnx_graphs
import pandas
import pytest

import topodepth as td

RNG = np.random.default_rng(0)
LABELS = np.arange(40) % 2
IMAGES = RNG.random((40, 8, 8, 3), dtype=np.float32)
QUICK = {"progress": False, "max_dim": 0, "null_draws": 0, "estimators": []}
SAME = ["layer_index", "layer", "relative_depth", "dimension"]
ARRAYS = {"first": RNG.normal(size=(40, 5)), "last": RNG.normal(size=(40, 2))}


def keras_model():
    """One with a model inside, a layer that is applied twice, and a softmax."""
    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"), keras.layers.ReLU(name="relu")], name="inner"
    )
    source, shared = keras.Input((8, 8, 3)), keras.layers.Dense(6, name="shared")
    values = keras.layers.Dense(6, name="dense")(keras.layers.Flatten(name="flatten")(inner(source)))
    values = shared(shared(values))
    return keras.Model(source, keras.layers.Dense(2, activation="softmax", name="head")(values), name="mine")


def onnx_model():
    kernel, head = (RNG.normal(size=size).astype(np.float32) for size in ((7, 3, 1, 1), (2, 7)))
    return onnx_graphs.of_single_pixels(kernel, head, (8, 8))


@pytest.fixture(scope="module", params=["Keras", "a Keras file", "ONNX", "an ONNX file"])
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    if "Keras" in request.param:
        made = keras_model()
        made.save(folder / "mine.keras")
        return made if request.param == "Keras" else folder / "mine.keras"
    onnx.save(onnx_model(), folder / "mine.onnx")
    return onnx_model() if request.param == "ONNX" else str(folder / "mine.onnx")


def assert_measured(told, measured):
    """The rows are the layers of a measurement, in its order, by the names of its table."""
    expected = measured.table[SAME].drop_duplicates().reset_index(drop=True)
    pandas.testing.assert_frame_equal(told[SAME], expected, check_exact=True)


@pytest.mark.parametrize("layers", ["auto", "*", ["re*", "logits"], "penultimate"])
def test_it_names_what_will_be_measured(model, layers):
    layers = ["*re*", "logits"] if isinstance(layers, list) else layers
    told = td.taps(model, layers=layers)
    assert_measured(told, td.measure(model, IMAGES, LABELS, layers=layers, **QUICK))
    pandas.testing.assert_frame_equal(td.taps(model, IMAGES[:8], layers=layers), told)


def test_kind_and_width_are_those_of_the_layers():
    told = td.taps(keras_model(), layers="*").set_index("layer")
    assert told["layer_class"].to_dict() == {
        "inner/conv": "Conv2D", "inner/relu": "ReLU", "flatten": "Flatten", "dense": "Dense", "shared@0": "Dense",
        "shared@1": "Dense", "head": "Dense",
    }  # fmt: skip
    assert told["dimension"].tolist() == [4, 4, 6 * 6 * 4, 6, 6, 6, 2]  # of maps 6 × 6 × 4 the four features
    assert told["reduction"].tolist() == ["mean", "mean", "none", "none", "none", "none", "none"]
    assert told["relative_depth"].is_monotonic_increasing
    assert told["relative_depth"].iloc[-1] == 1


def test_arrays_and_activations_files_are_told_too(tmp_path):
    measured = td.measure(layers=ARRAYS, labels=LABELS, **QUICK)
    assert_measured(td.taps(layers=ARRAYS), measured)
    path = measured.save(tmp_path / "mine.h5")
    assert_measured(td.taps(path), measured)
    assert_measured(td.taps(path, layers="la*"), td.measure(path, layers="la*", **QUICK))


def test_a_model_that_knows_its_input_takes_no_batch_of_an_iterator():
    batches = iter([IMAGES[:10], IMAGES[10:20]])
    assert len(td.taps(keras_model(), batches)) == 5
    assert len(list(batches)) == 2


def test_the_model_and_the_random_states_are_as_found():
    model = keras_model()
    state = np.random.get_state()[1].tobytes()  # noqa: NPY002
    weights = [weight.copy() for weight in model.get_weights()]
    links = [(len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in model.layers]
    td.taps(model)
    assert links == [(len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in model.layers]
    assert all(np.array_equal(one, two) for one, two in zip(weights, model.get_weights(), strict=True))
    assert state == np.random.get_state()[1].tobytes()  # noqa: NPY002


WRONG = {
    "an unknown layer": {"layers": ["dens"]},
    "a pattern of none": {"layers": "block*"},
    "no layers": {"layers": []},
    "a misspelt setting": {"pooled": "mean"},
}


@pytest.mark.parametrize("options", WRONG.values(), ids=WRONG)
def test_what_measure_refuses_it_refuses_in_the_same_words(model, options):
    with pytest.raises(td.InputError) as expected:
        td.measure(model, IMAGES, LABELS, **{**QUICK, **options})
    with pytest.raises(td.InputError) as caught:
        td.taps(model, **options)
    assert str(caught.value) == str(expected.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(td.InputError, match="expected a model, an activations file or arrays"):
        td.taps()
    with pytest.raises(td.InputError, match="no such file"):
        td.taps(tmp_path / "none.keras")
    with pytest.raises(td.InputError, match=r"model: expected a Keras model.*Received: builtins.object"):
        td.taps(object())
