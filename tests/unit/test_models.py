import importlib
import zipfile

import h5py
import numpy as np
import pytest

from topodepth import architectures
from topodepth.errors import InputError
from topodepth.networks.models import list_layers, load_model, tap_layers, tapped_model

IMAGES = np.random.default_rng(0).random((5, 8, 8, 1), dtype=np.float32)


@pytest.fixture(scope="module")
def mobilenet():
    return architectures.build("mobilenet_v2", input_shape=(8, 8, 1), classes=3, width=8)


def functional(head, name="foreign"):
    """Two convolutions and a head: a function from a tensor (n, 4) to the model's output."""
    import keras

    keras.utils.set_random_seed(0)
    images = keras.Input((8, 8, 1), name="images")
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv1")(images)
    x = keras.layers.Conv2D(4, 3, name="conv2")(x)
    x = keras.layers.BatchNormalization(name="norm2")(x)
    x = keras.layers.ReLU(name="relu2")(x)
    return keras.Model(images, head(keras.layers.GlobalAveragePooling2D(name="pool")(x)), name=name)


def heads():
    import keras

    layers = keras.layers

    def convolution(x):
        x = layers.Conv2D(3, 1, activation="softmax", name="last")(layers.Reshape((1, 1, 4))(x))
        return layers.Reshape((3,))(x)

    return {
        "inside the last layer": layers.Dense(3, activation="softmax", name="last"),
        "an activation layer": lambda x: layers.Activation("softmax")(layers.Dense(3, name="last")(x)),
        "a softmax layer": lambda x: layers.Softmax()(layers.Dense(3, name="last")(x)),
        "a function": lambda x: keras.ops.softmax(layers.Dense(3, name="last")(x)),
        "inside a convolution": convolution,
        "a misleading name": layers.Dense(3, activation="softmax", name="logits"),
    }


def outputs(model, layers):
    taps = tap_layers(model, layers)
    values = tapped_model(model, taps).predict_on_batch(IMAGES)
    return values if isinstance(values, list) else [values]


@pytest.mark.parametrize("head", ["inside the last layer", "an activation layer", "a softmax layer", "a function",
                                  "inside a convolution", "a misleading name"])  # fmt: skip
def test_softmax_of_the_logits_is_the_output(head):
    model = functional(heads()[head])
    (logits,) = outputs(model, ["logits"])
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, np.asarray(model(IMAGES)), rtol=1e-4)
    assert abs(logits.sum(axis=1) - 1).max() > 1e-3  # not the probabilities themselves


def test_without_a_softmax_the_logits_are_the_output():
    import keras

    model = functional(keras.layers.Dense(3))
    np.testing.assert_allclose(outputs(model, ["logits"])[0], np.asarray(model(IMAGES)), rtol=1e-5)


@pytest.mark.parametrize("head", ["inside the last layer", "an activation layer"])
def test_penultimate_is_the_input_of_the_last_dense_layer(head):
    model = functional(heads()[head])
    penultimate, logits = outputs(model, ["penultimate", "logits"])
    kernel, bias = model.get_layer("last").get_weights()
    np.testing.assert_allclose(penultimate @ kernel + bias, logits, atol=1e-5)


def test_taps_are_means_over_space_of_the_layers_outputs():
    import keras

    model = functional(heads()["a softmax layer"])
    whole = keras.Model(model.inputs, model.get_layer("conv2").output).predict_on_batch(IMAGES)
    by_name = outputs(model, ["conv2"])[0]
    np.testing.assert_allclose(by_name, whole.mean(axis=(1, 2)), atol=1e-6)
    np.testing.assert_array_equal(by_name, outputs(model, [2])[0])
    np.testing.assert_array_equal(by_name, outputs(model, ["2"])[0])
    assert tap_layers(model, [-1])[0].name == model.layers[-1].name


def test_relative_depth_is_the_longest_path_over_that_of_the_output():
    import keras

    images = keras.Input((8, 8, 1))
    long = keras.layers.Conv2D(2, 3, padding="same", name="b")(
        keras.layers.Conv2D(2, 3, padding="same", name="a")(images)
    )
    short = keras.layers.Conv2D(2, 1, name="c")(images)
    x = keras.layers.Add(name="add")([long, short])
    model = keras.Model(images, keras.layers.GlobalAveragePooling2D(name="pool")(x))
    depths = {tap.name: tap.relative_depth for tap in tap_layers(model, ["a", "b", "c", "add", "pool"])}
    assert depths == {"a": 1 / 4, "b": 2 / 4, "c": 1 / 4, "add": 3 / 4, "pool": 1}


def test_a_shared_layer_is_tapped_per_application(mobilenet):
    last = sum(layer.name.endswith("_norm") and "project" not in layer.name for layer in mobilenet.layers) - 1
    record = next(layer for layer in list_layers(mobilenet) if layer.name == "activation")
    assert record.applications == last + 1 == 32
    taps = tap_layers(mobilenet, ["activation@0", f"activation@{last}"])
    assert taps[0].relative_depth < 0.1
    assert taps[1].relative_depth > 0.9
    stem, end, normalised = outputs(mobilenet, ["activation@0", f"activation@{last}", "stem_norm"])
    assert stem.shape == (5, 8)
    assert not np.array_equal(stem, end)
    assert stem.min() >= 0
    assert normalised.min() < 0


@pytest.mark.parametrize("token", ["activation", "activation@32"])
def test_a_shared_layer_without_a_valid_application_lists_them(mobilenet, token):
    with pytest.raises(InputError, match="applied 32 times, expected one of activation@0 to activation@31"):
        tap_layers(mobilenet, [token])


def test_auto_takes_the_declared_layers_of_a_registered_architecture(mobilenet):
    taps = tap_layers(mobilenet)
    assert [tap.token for tap in taps] == list(architectures.registry.get("mobilenet_v2").layers)
    assert [tap.relative_depth for tap in taps] == sorted(tap.relative_depth for tap in taps)


def test_auto_takes_the_activations_of_a_plain_foreign_network():
    assert [tap.token for tap in tap_layers(functional(heads()["inside the last layer"]))] == [
        "conv1",
        "relu2",
        "logits",
    ]


def test_auto_takes_at_most_twelve_block_outputs_of_a_foreign_network():
    import keras

    images = x = keras.Input((4,))
    for k in range(30):
        x = keras.layers.Add(name=f"add{k}")([x, keras.layers.Dense(4)(x)])
    model = keras.Model(images, keras.layers.Dense(3, activation="softmax")(x))
    names = [tap.token for tap in tap_layers(model, "auto")]
    assert len(names) == 12
    assert names[0] == "add0"
    assert names[-2:] == ["add29", "logits"]


def test_an_unknown_layer_lists_the_known_ones_and_the_nearest():
    with pytest.raises(InputError, match=r"unknown layer of foreign 'conv3'. Did you mean 'conv[12]'\?.*norm2.*pool"):
        tap_layers(functional(heads()["a function"]), ["conv3"])


@pytest.mark.parametrize("layers", [["conv1", 1], ["logits", "last"], ["conv1", "conv1"]])
def test_the_same_tensor_twice_is_refused(layers):
    with pytest.raises(InputError, match="are the same tensor"):
        tap_layers(functional(heads()["a softmax layer"]), layers)


@pytest.mark.parametrize("layers", [[], 3.5, [99], [-99]])
def test_layers_that_are_none_are_refused(layers):
    with pytest.raises(InputError, match="foreign: layer"):
        tap_layers(functional(heads()["a softmax layer"]), layers)


def test_layers_are_listed_in_the_models_own_order():
    model = functional(heads()["inside the last layer"])
    listed = list_layers(model)
    assert [layer.name for layer in listed] == [layer.name for layer in model.layers]
    assert (listed[1].layer_class, listed[1].output_shape, listed[1].applications) == ("Conv2D", (None, 6, 6, 4), 1)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_saved_model_opens_with_the_same_taps(tmp_path, suffix):
    model = architectures.build("vgg", input_shape=(8, 8, 1), classes=3, width=8)
    model.save(tmp_path / f"model{suffix}")
    again = load_model(tmp_path / f"model{suffix}")
    for a, b in zip(outputs(model, "auto"), outputs(again, "auto"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_files_that_are_no_whole_model_are_refused_by_name(tmp_path):
    model = functional(heads()["a softmax layer"])
    model.save(tmp_path / "whole.keras")
    model.save(tmp_path / "whole.h5")
    model.save_weights(tmp_path / "only.weights.h5")
    for name in ("whole.keras", "whole.h5"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / f"truncated_{name}").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.h5").write_text("no model")
    (tmp_path / "empty.keras").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "foreign.keras", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with h5py.File(tmp_path / "strange.h5", "w") as file:
        file.attrs["model_config"] = "{"
        file.attrs["keras_version"] = "3.1.0"
    expected = {
        "absent.h5": "no such file",
        "only.weights.h5": "weights only",
        "truncated_whole.keras": "truncated",
        "truncated_whole.h5": "truncated|not a readable HDF5",
        "text.h5": "not a Keras model",
        "empty.keras": "not a Keras model",
        "foreign.keras": "a zip archive of other files: readme.txt",
        "strange.h5": "unreadable architecture",
    }
    for name, words in expected.items():
        with pytest.raises(InputError, match=words) as caught:
            load_model(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file_with_code_in_it_is_refused_unless_trusted(tmp_path, suffix):
    import keras

    images = keras.Input((4,))
    doubled = keras.layers.Lambda(lambda x: x * 2, output_shape=(4,), name="sneaky")(images)
    model = keras.Model(images, keras.layers.Dense(3)(doubled))
    path = tmp_path / f"model{suffix}"
    model.save(path)
    with pytest.raises(InputError, match=r"carries code.*trust=True.*Lambda layer 'sneaky'"):
        load_model(path)
    assert load_model(path, trust=True).count_params() == model.count_params()


def test_a_custom_layer_is_refused_by_its_name(tmp_path):
    import keras

    @keras.saving.register_keras_serializable("mine")
    class Twice(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 2

    images = keras.Input((4,))
    keras.Model(images, Twice()(images)).save(tmp_path / "custom.keras")
    with pytest.raises(InputError, match=r"custom.keras: carries code.*custom object 'Twice'"):
        load_model(tmp_path / "custom.keras")


@pytest.mark.parametrize("framework", ["keras", "tf_keras"])
def test_layers_of_a_file_may_have_any_names(framework):
    """Names that a network library would give to layers of its own, the pooling behind a tap among them."""
    library = importlib.import_module(framework)
    library.backend.clear_session()
    images = library.Input((8, 8, 3))
    values = library.layers.Conv2D(4, 3, name="tap0")(images)
    values = library.layers.Conv2D(4, 3, name="global_average_pooling2d_1")(values)
    pooled = library.layers.GlobalAveragePooling2D(name="global_average_pooling2d")(values)
    model = library.Model(images, library.layers.Dense(3, activation="softmax", name="dense")(pooled))
    taps = tap_layers(model, ["tap0", "global_average_pooling2d_1", "logits"])
    found = tapped_model(model, taps).predict_on_batch(np.ones((2, 8, 8, 3), np.float32))
    assert [values.shape for values in found] == [(2, 4), (2, 4), (2, 3)]
