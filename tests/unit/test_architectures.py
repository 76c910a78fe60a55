import json
import subprocess
import sys

import numpy as np
import pytest

from topodepth import architectures
from topodepth.errors import InputError

PARAMETERS = {
    "vgg": 1_867_402,
    "resnet": 1_901_194,
    "se_resnet": 1_703_068,
    "mobilenet_v2": 2_639_466,
    "resnet32": 476_154,
    "resnet56": 866_810,
    "resnet110": 1_748_346,
    # four convolutions of width 32 without bias, four normalisations, one dense layer
    "cnn": 9 * 32 * (3 + 3 * 32) + 4 * 4 * 32 + 32 * 10 + 10,
    # resnet32 without two of five blocks in each stage: two convolutions without bias and two normalisations each
    "cifar_resnet": 476_154 - 2 * sum(2 * 9 * w * w + 2 * 4 * w for w in (16, 32, 64)),
}
# Layers by the index that the published experiments tap them at.
ORIGINAL_INDICES = {
    "vgg": ([2, 5, 7, 10, 12, 15, 17, 20, 22, -2], ["Conv2D"] * 9 + ["Dense"]),
    "resnet": ([16, 26, 38, 48, 60, 70, 82, 92, 104, -1], ["Add"] * 9 + ["Activation"]),
    "mobilenet_v2": ([36, 43, 56, 63, 76, 83, 96, -2], ["Add"] * 7 + ["Activation"]),
}
NAMES = architectures.registry.names()


def small(name, **options):
    return architectures.build(name, **{"input_shape": (8, 8, 1), "classes": 3, "width": 8, **options})


def test_every_architecture_has_a_known_parameter_count():
    assert set(PARAMETERS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_parameter_count_at_full_width_equals_the_original(name):
    assert architectures.build(name, input_shape=(32, 32, 3), classes=10).count_params() == PARAMETERS[name]


def test_mobilenet_has_the_same_parameters_at_64_pixels():
    model = architectures.build("mobilenet_v2", input_shape=(64, 64, 3), classes=10)
    assert model.count_params() == PARAMETERS["mobilenet_v2"]


@pytest.mark.parametrize("name", ORIGINAL_INDICES)
def test_the_original_layer_indices_hit_the_same_kinds_of_layer(name):
    indices, kinds = ORIGINAL_INDICES[name]
    layers = small(name).layers
    assert [type(layers[index]).__name__ for index in indices] == kinds


def test_vgg_has_no_input_layer_among_its_layers():
    assert small("vgg").layers[0].name == "block1_conv1"


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_input_and_width_work_and_give_probabilities(name):
    model = small(name)
    output = np.asarray(model(np.random.default_rng(0).random((2, 8, 8, 1), dtype=np.float32), training=False))
    assert output.shape == (2, 3)
    np.testing.assert_allclose(output.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_declared_layers_exist_in_order_of_depth_and_end_with_logits(name):
    names = [layer.name for layer in small(name).layers]
    declared = architectures.layers(name)
    places = [names.index(layer) for layer in declared]
    assert places == sorted(places)
    assert declared[-1] == "logits"
    assert 6 <= len(declared) <= 12
    assert "probabilities" in names[names.index("logits") :]


@pytest.mark.parametrize("name", NAMES)
def test_layer_names_suit_file_names(name):
    assert all(layer.name.replace("_", "").isalnum() and layer.name.isascii() for layer in small(name).layers)


def test_layers_are_listed_without_importing_keras():
    code = (
        "import sys, json; from topodepth.architectures import layers, registry as r;"
        "layers = {n: layers(n) for n in r.names()};"
        "print(json.dumps([sorted({'keras', 'tensorflow', 'tf_keras'} & set(sys.modules)), layers]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported, layers = json.loads(done.stdout)
    assert imported == []
    assert set(layers) == set(NAMES)


@pytest.mark.parametrize("name", ["vgg", "mobilenet_v2"])
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(name):
    first, again, other = (small(name, seed=seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), again.get_weights(), strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(first.get_weights(), other.get_weights(), strict=True))


def test_layers_of_one_network_do_not_share_initial_weights():
    model = small("vgg")
    first, second = (model.get_layer(f"block{block}_conv2").get_weights()[0] for block in (2, 3))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("activation", architectures.ACTIVATIONS)
def test_the_chosen_activation_is_the_only_nonlinearity_of_vgg(activation):
    model = small("vgg", activation=activation)
    used = {layer.activation.__name__ for layer in model.layers if hasattr(layer, "activation")}
    expected = {"swish": "silu"}.get(activation, activation)
    assert used == {expected, "linear", "softmax"}


def test_mobilenet_shares_one_activation_layer():
    model = small("mobilenet_v2")
    shared = [layer for layer in model.layers if type(layer).__name__ == "Activation" and layer.name != "probabilities"]
    assert len(shared) == 1


@pytest.mark.parametrize(("name", "penalised"), [("vgg", 9), ("resnet", 36), ("se_resnet", 0), ("resnet32", 31)])
def test_the_l2_penalty_is_where_the_protocol_says(name, penalised):
    layers = small(name).layers
    assert sum(getattr(layer, "kernel_regularizer", None) is not None for layer in layers) == penalised


@pytest.mark.parametrize("name", ["vgg", "se_resnet", "mobilenet_v2", "resnet32"])
def test_a_saved_network_opens_again_with_the_same_output(name, tmp_path):
    import keras

    model = small(name)
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).random((2, 8, 8, 1), dtype=np.float32)
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(model(images)), np.asarray(again(images)))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"activation": "rleu"}, "unknown activation 'rleu'. Did you mean 'relu'?"),
        ({"width": 0}, "width expected to be a whole number of at least 1. Received: 0"),
        ({"width": 8.5}, "Received: 8.5"),
        ({"classes": 1}, "classes expected to be a whole number of at least 2"),
        ({"l2": -1.0}, "l2 expected to be a number of at least 0"),
        ({"input_shape": (7, 32, 3)}, "expected at least 8×8 pixels. Received: 7×32"),
        ({"input_shape": (32, 32)}, "(height, width, channels)"),
    ],
)
def test_bad_options_are_refused_with_what_was_received(options, expected):
    with pytest.raises(InputError) as caught:
        small("vgg", **options)
    assert expected in str(caught.value)


def test_an_unknown_activation_lists_the_six():
    with pytest.raises(InputError, match="elu, relu, relu6, sigmoid, swish, tanh"):
        small("vgg", activation="gelu")


def test_an_unknown_architecture_lists_the_known_ones():
    with pytest.raises(InputError, match=r"Did you mean 'vgg'.*mobilenet_v2"):
        small("vgg16")


def test_a_network_of_any_depth_has_as_many_layers_with_kernels_and_declares_what_it_taps():
    for depth in (1, 3, 6):
        model = small("cnn", depth=depth)
        assert sum(len(layer.get_weights()) > 0 and layer.name.startswith("conv") for layer in model.layers) == depth
        assert {layer.name for layer in model.layers}.issuperset(architectures.layers("cnn", depth))


def test_a_residual_network_of_any_depth_taps_each_layer_once():
    for depth in (8, 14, 20):
        names = architectures.layers("cifar_resnet", depth)
        assert len(set(names)) == len(names)
        if depth < 20:
            assert {layer.name for layer in small("cifar_resnet", depth=depth).layers}.issuperset(names)


def test_cifar_resnet_of_depth_32_is_resnet32():
    ours, known = small("cifar_resnet", depth=32, seed=3), small("resnet32", seed=3)
    for left, right in zip(ours.get_weights(), known.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize(
    ("name", "depth", "message"),
    [
        ("vgg", 3, r"vgg: has one depth, expected none to be set .*'cnn'.* Received: 3"),
        ("cifar_resnet", 21, r"cifar_resnet: depth expected as 6n \+ 2.* Received: 21"),
        ("cnn", 0, r"cnn: depth expected to be a whole number of at least 1. Received: 0"),
    ],
)
def test_a_depth_that_an_architecture_has_not_is_refused(name, depth, message):
    with pytest.raises(InputError, match=message):
        architectures.layers(name, depth)
    with pytest.raises(InputError, match=message):
        small(name, depth=depth)
