"""What a model file says of itself without Keras must be what Keras says once it has opened it."""

import json
import re
import subprocess
import sys
import zipfile

import h5py
import pytest

from topodepth import architectures
from topodepth.errors import InputError
from topodepth.networks import code, graph
from topodepth.networks.files import auto_layers, inspect
from topodepth.networks.models import list_layers, load_model, tap_layers


def networks(keras):
    """Return networks of every kind that a file can hold, built with either Keras."""
    layers = keras.layers

    def residual(merge, blocks=4):
        images = keras.Input((8, 8, 3))
        x = layers.Conv2D(4, 3, padding="same")(images)
        for _ in range(blocks):
            x = merge()([x, layers.Conv2D(4, 3, padding="same", activation="relu")(x)])
        x = layers.Dense(3)(layers.GlobalAveragePooling2D()(x))
        return keras.Model(images, layers.Activation("softmax")(x))

    def chain(*items, shape=(8, 8, 3)):
        return keras.Sequential([keras.Input(shape), *items])

    def shared():
        images = keras.Input((8, 8, 3))
        relu, dense = layers.ReLU(6.0, name="relu"), layers.Dense(4, name="again")
        x = relu(layers.BatchNormalization()(layers.Conv2D(4, 3)(images)))
        x = relu(layers.DepthwiseConv2D(3)(x))
        x = dense(dense(layers.Flatten()(layers.GlobalAveragePooling2D()(x))))
        return keras.Model(images, layers.Dense(3, activation="sigmoid")(x))

    def part_of_a_larger_one():
        images, other = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
        relu, conv = layers.ReLU(name="relu"), layers.Conv2D(4, 3, name="conv")
        relu(conv(other))
        x = relu(conv(images))
        return keras.Model(images, layers.Dense(2)(relu(layers.Dense(5)(layers.Flatten()(x)))))

    def nested():
        inner = chain(layers.Conv2D(4, 3), layers.Flatten())
        images = keras.Input((8, 8, 3))
        x = layers.Dense(4, activation="tanh")(inner(images))
        return keras.Model(images, layers.Softmax()(layers.Dense(3)(x)))

    def nested_head():
        images = keras.Input((8, 8, 3))
        return keras.Model(
            images, chain(layers.Flatten(), layers.Dense(3))(layers.Conv2D(3, 3, padding="same")(images))
        )

    def named_as_ours():
        images = keras.Input((8, 8, 3))
        return keras.Model(images, layers.Dense(3)(layers.Flatten()(images)), name="vgg")

    return {
        "additions": lambda: residual(layers.Add),
        "concatenations, many": lambda: residual(layers.Concatenate, blocks=14),
        "chain": lambda: chain(
            layers.Conv2D(4, 3), layers.LeakyReLU(), layers.Dropout(0.1), layers.SeparableConv2D(5, 3),
            layers.Flatten(), layers.Dense(6, activation="elu"), layers.Dense(3), layers.Softmax(),
        ),
        "a softmax inside a convolution": lambda: chain(
            layers.Conv2D(4, 3), layers.Conv2D(3, 6, activation="softmax"), layers.Reshape((3,)),
        ),
        "a chain within a chain": lambda: chain(
            layers.Conv2D(4, 3), chain(layers.Conv2D(4, 3), shape=(6, 6, 4)), layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ),
        "shared": shared,
        "part of a larger one": part_of_a_larger_one,
        "nested": nested,
        "nested head": nested_head,
        "named as ours": named_as_ours,
    }  # fmt: skip


def tensor_functions(keras):
    """Return a network made of functions: TFOpLambda layers in the legacy Keras, operations in Keras 3."""
    import tensorflow as tf

    legacy = keras.__name__ == "tf_keras"
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv")(images)
    for k in range(3):
        y = keras.layers.Conv2D(4, 3, padding="same", name=f"conv{k}")(x)
        y = tf.concat([x, 2.0 * y], axis=-1) if legacy else keras.ops.concatenate([x, 2.0 * y])
        x = x + y[:, :, :, :4]
        x = tf.nn.relu(features=x) if legacy else keras.ops.relu(x)
    x = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(1.0 - x))
    return keras.Model(images, tf.nn.softmax(x) if legacy else keras.ops.softmax(x))


KINDS = ["additions", "concatenations, many", "chain", "a softmax inside a convolution",
         "a chain within a chain", "shared", "part of a larger one", "nested", "nested head", "named as ours",
         "functions"]  # fmt: skip


def build(kind, keras):
    return tensor_functions(keras) if kind == "functions" else networks(keras)[kind]()


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("framework", ["keras", "tf_keras"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_file_alone_gives_the_layers_that_the_opened_model_gives(kind, framework, suffix, tmp_path):
    if (kind, framework, suffix) == ("functions", "keras", ".h5"):
        pytest.skip("Keras 3 itself cannot open its operations from HDF5")
    path = tmp_path / f"model{suffix}"
    build(kind, pytest.importorskip(framework)).save(path)
    planned, found = auto_layers(path), inspect(path)
    model = load_model(path)
    assert planned == [tap.token for tap in tap_layers(model, "auto")]
    listed = [(layer.index, layer.name, layer.layer_class) for layer in list_layers(model)]
    assert list(found.layers) == listed
    assert found.format == suffix[1:].replace("h5", "hdf5")
    assert found.legacy == (framework == "tf_keras")
    assert found.code == ()


def test_every_kind_of_network_is_compared():
    import keras

    assert set(KINDS) == {*networks(keras), "functions"}


@pytest.mark.parametrize("name", architectures.registry.names())
def test_our_own_architectures_are_planned_by_their_declared_layers(name, tmp_path):
    if "110" in name:
        pytest.skip("as resnet56, only slower")
    if callable(architectures.registry.get(name).layers):
        pytest.skip("its depth is not in the file: planned as a network that nobody described")
    model = architectures.build(name, input_shape=(16, 16, 3), classes=3, width=8)
    model.save(tmp_path / "ours.keras")
    assert auto_layers(tmp_path / "ours.keras") == list(architectures.registry.get(name).layers)


def test_shared_layers_are_planned_by_application(tmp_path):
    import keras

    networks(keras)["shared"]().save(tmp_path / "shared.keras")
    assert auto_layers(tmp_path / "shared.keras") == ["relu@0", "relu@1", "again@0", "again@1", "logits"]


def test_planning_imports_no_network_library_and_is_quick(tmp_path):
    import tf_keras

    tensor_functions(tf_keras).save(tmp_path / "old.h5")
    code = (
        "import sys, time; start = time.perf_counter(); from topodepth.networks.files import auto_layers;"
        f"layers = auto_layers({str(tmp_path / 'old.h5')!r}); spent = time.perf_counter() - start;"
        "print(len(layers), spent < 2, sorted({'keras', 'tensorflow', 'tf_keras', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1)[1].strip() == "True []"


def test_the_lists_of_legacy_names_are_those_of_the_legacy_keras():
    import keras
    import tf_keras

    rooms = [tf_keras.layers, tf_keras.initializers, tf_keras.regularizers, tf_keras.constraints,
             tf_keras.mixed_precision]  # fmt: skip
    unknown = [name for name in code.LEGACY_CLASSES if not any(hasattr(room, name) for room in rooms)]
    assert unknown == []
    assert not {"Lambda", "TFSMLayer", "Layer"} & code.LEGACY_CLASSES
    for framework in (keras, tf_keras):
        known = graph.KERNELS & set(dir(framework.layers))
        assert len(known) > 10
        for name in known - {"EinsumDense", "SpectralNormalization"}:
            axes = 0 if name == "Dense" else int(re.search(r"\d", name)[0])
            kind = getattr(framework.layers, name)
            layer = kind(3) if name == "Dense" or name.startswith("Depthwise") else kind(3, 2)
            layer.build((None, *[8] * axes, 4))
            assert any(hasattr(layer, key) for key in ("kernel", "depthwise_kernel", "_kernel")), name


def refused(path):
    """The same words from the file alone and from opening it."""
    lines = []
    for read in (inspect, auto_layers, load_model):
        with pytest.raises(InputError) as caught:
            read(path)
        lines.append(str(caught.value))
    assert len(set(lines)) == 1
    assert "\n" not in lines[0]
    return lines[0]


@pytest.fixture
def small(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="only")], name="small")
    model.save(tmp_path / "small.keras")
    model.save(tmp_path / "small.h5")
    model.save_weights(tmp_path / "small.weights.h5")
    return tmp_path


def test_what_is_no_whole_model_is_refused_in_the_same_words(small):
    for name in ("small.keras", "small.h5"):
        content = (small / name).read_bytes()
        (small / f"half_{name}").write_bytes(content[: len(content) // 2])
    assert "no such file" in refused(small / "absent.h5")
    assert "weights only" in refused(small / "small.weights.h5")
    assert "truncated" in refused(small / "half_small.keras")
    assert "half_small.h5" in refused(small / "half_small.h5")


def with_config(path, change, out):
    """Copy a model file with its configuration changed."""
    if path.suffix == ".h5":
        out.write_bytes(path.read_bytes())
        with h5py.File(out, "a") as file:
            file.attrs["model_config"] = change(file.attrs["model_config"])
        return out
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(out, "w") as target:
        for item in source.namelist():
            content = source.read(item)
            target.writestr(item, change(content.decode()) if item == "config.json" else content)
    return out


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("[1, 2]", "unreadable architecture"),
        ('"text"', "unreadable architecture"),
        ("{}", "unreadable architecture"),
        ('{"class_name": "Functional", "config": {"layers": [3]}}', "unreadable architecture"),
        ('{"class_name": "Functional", "config": {"layers": [{"class_name": "Dense", "config": {}}]}}', "with names"),
        ('{"class_name": "Functional", "module": "src", "config": {"layers": []}}', "custom object 'Functional'"),
        ('{"class_name": "Functional", "config": {"name": "x"}}', "functional or sequential"),
        ("[" * 100_000, "unreadable architecture"),
        ("[" * 5_000 + "]" * 5_000, "unreadable architecture"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused_in_one_line(small, suffix, config, expected):
    path = with_config(small / f"small{suffix}", lambda _: config, small / f"bad{suffix}")
    assert expected in refused(path)


def test_a_network_that_bites_its_tail_is_refused(tmp_path):
    import keras

    networks(keras)["additions"]().save(tmp_path / "whole.h5")

    def twist(text):
        config = json.loads(text)
        layers = config["config"]["layers"]
        history = layers[1]["inbound_nodes"][0]["args"][0]["config"]["keras_history"]
        history[0] = layers[-1]["name"]
        return json.dumps(config)

    path = with_config(tmp_path / "whole.h5", twist, tmp_path / "twisted.h5")
    with pytest.raises(InputError, match="without a cycle"):
        auto_layers(path)


@pytest.mark.parametrize("module", ["os", "keras.utils", "keras.src.saving", "tf_keras.config", "mine.keras"])
def test_an_object_from_outside_the_layers_of_keras_counts_as_code(small, module):
    def change(text):
        config = json.loads(text)
        config["config"]["layers"][-1]["module"] = module
        return json.dumps(config)

    path = with_config(small / "small.keras", change, small / "odd.keras")
    assert "carries code" in refused(path)
    assert inspect(path, trust=True).code == ("custom object 'Dense'",)


def test_a_loss_of_ones_own_is_no_code_to_run_when_a_model_is_measured(tmp_path):
    import keras

    @keras.saving.register_keras_serializable("mine")
    def loss(a, b):
        return keras.ops.mean(a - b)

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(loss=loss)
    model.save(tmp_path / "compiled.keras")
    assert b"mine>loss" in zipfile.ZipFile(tmp_path / "compiled.keras").read("config.json")
    assert inspect(tmp_path / "compiled.keras").code == ()
    assert load_model(tmp_path / "compiled.keras").count_params() == 15


@pytest.mark.parametrize("key", ["input_layers", "output_layers"])
def test_a_network_without_an_input_or_an_output_is_refused(small, key):
    import keras

    images = keras.Input((4,))
    keras.Model(images, keras.layers.Dense(3)(images)).save(small / "whole.keras")

    def empty(text):
        config = json.loads(text)
        config["config"][key] = []
        return json.dumps(config)

    path = with_config(small / "whole.keras", empty, small / "changed.keras")
    with pytest.raises(InputError, match=r"changed\.keras: .*expected a network with (one input|an output)"):
        auto_layers(path)


def test_inner_models_that_multiply_are_refused_soon(tmp_path):
    """Each applies the next one twice: 2 ** 17 layers from a file of some kilobytes."""
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    for _ in range(5):
        inputs = keras.Input((4,))
        model = keras.Model(inputs, model(model(inputs)))
    model.save(tmp_path / "whole.keras")
    assert len(auto_layers(tmp_path / "whole.keras")) == 12  # of 32

    def deeper(text):
        config = json.loads(text)
        for _ in range(12):
            outer = json.loads(text)
            within = next(item for item in outer["config"]["layers"] if item["class_name"] == "Functional")
            within["config"] = config["config"]
            config = outer
        return json.dumps(config)

    path = with_config(tmp_path / "whole.keras", deeper, tmp_path / "deep.keras")
    assert path.stat().st_size < 1_000_000
    with pytest.raises(InputError, match=r"deep\.keras: .*at most 10000 layers"):
        auto_layers(path)


def test_a_model_whose_weights_lie_in_another_file_is_not_opened(small):
    path = small / "elsewhere.h5"
    path.write_bytes((small / "small.h5").read_bytes())
    with h5py.File(path, "a") as file:
        name = next(name for name in file["model_weights"] if name == "only")
        del file["model_weights"][name]
        file["model_weights"][name] = h5py.ExternalLink(str(small / "small.h5"), f"model_weights/{name}")
    assert auto_layers(path) == auto_layers(small / "small.h5")
    with pytest.raises(InputError, match=r"elsewhere.h5: expected a model file that holds all its weights itself"):
        load_model(path)
