"""A model file through ONNX Runtime gives what Keras gives; what ONNX Runtime does not know goes through Keras."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from topodepth import architectures, datasets
from topodepth.activations import extraction
from topodepth.activations.file import read_activations
from topodepth.errors import InputError
from topodepth.networks import runtime
from topodepth.networks.models import load_model

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
SHAPE = (11, 8, 3)  # neither square nor even, so that a padding on the wrong side shows
IMAGES = np.random.default_rng(0).normal(size=(6, *SHAPE)).astype(np.float32)


def randomised(model, seed=1):
    """Give every weight a value of its own: at their first values normalisations and biases would not show."""
    rng = np.random.default_rng(seed)
    weights = [weight + 0.2 * rng.normal(size=weight.shape) for weight in model.get_weights()]
    names = [getattr(weight, "path", weight.name) for weight in model.weights]
    model.set_weights([np.abs(w) + 0.3 if "moving_var" in n else w for n, w in zip(names, weights, strict=True)])
    return model


def compared(path, layers="auto", images=IMAGES, **options):
    """Open a file both ways, hold them equal in all they say, and return what computed the first."""
    found = runtime.open_network(path, layers, scores=True, **options)
    expected = runtime.by_keras(load_model(path, trust=options.get("trust", False)), layers, scores=True)
    assert [replace(tap, tensor=None) for tap in found.taps] == [replace(tap, tensor=None) for tap in expected.taps]
    assert found.name == expected.name
    assert tuple(found.inputs[0].shape) == tuple(expected.inputs[0].shape)
    pairs = list(zip(found.predict(images, len(images)), expected.predict(images, len(images)), strict=True))
    assert len(pairs) == len(found.taps) + 1
    for ours, theirs in pairs:
        assert ours.shape == theirs.shape
        assert np.ptp(theirs) > 0
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5 * np.abs(theirs).max())
    return found.runtime.split()[0]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", architectures.registry.names())
def test_every_architecture_goes_through_onnx_runtime_as_through_keras(name, suffix, tmp_path):
    model = randomised(architectures.build(name, input_shape=(32, 32, 3), classes=4, width=8))
    path = tmp_path / f"model{suffix}"
    model.save(path)
    images = np.random.default_rng(0).normal(size=(6, 32, 32, 3)).astype(np.float32)
    assert compared(path, images=images) == "onnxruntime"


def chain(*layers, framework=None):
    """A network of these layers, one after the other, ending in ten numbers."""
    import keras

    framework = framework or keras
    images = framework.Input(SHAPE)
    x = images
    for layer in layers:
        x = layer(x)
    x = x if len(x.shape) == 2 else framework.layers.GlobalAveragePooling2D(name="space")(x)
    return framework.Model(images, framework.layers.Dense(10, activation="softmax", name="head")(x), name="chain")


def known(layers):
    """Every layer known to ONNX Runtime, in every setting that changes what it computes."""
    conv, depthwise, separable = layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D
    cases = {
        "conv same": [conv(6, 3, padding="same")],
        "conv strided same": [conv(6, 3, strides=2, padding="same")],
        "conv strided valid": [conv(6, (3, 2), strides=(2, 3), use_bias=False)],
        "conv even kernel": [conv(6, 4, padding="same")],
        "conv dilated": [conv(6, 3, dilation_rate=2, padding="same")],
        "conv groups": [conv(6, 3, groups=3)],
        "depthwise": [depthwise(3, strides=2, padding="same", depth_multiplier=2, activation="relu")],
        "separable": [separable(5, 3, strides=2, padding="same", depth_multiplier=2, activation="tanh")],
        "dense of pixels": [layers.Dense(7, activation="relu")],
        "dense after flatten": [layers.Flatten(), layers.Dense(7, use_bias=False)],
        "norm": [layers.BatchNormalization(epsilon=0.1)],
        "norm without scale": [layers.BatchNormalization(scale=False)],
        "norm without centre": [layers.BatchNormalization(center=False)],
        "norm of vectors": [layers.GlobalMaxPooling2D(), layers.BatchNormalization()],
        "frozen norm": [layers.BatchNormalization(trainable=False)],
        "max pool same": [layers.MaxPooling2D(2, padding="same")],
        "max pool overlapping": [layers.MaxPooling2D(3, strides=2)],
        "average pool same": [layers.AveragePooling2D((3, 2), padding="same")],
        "average pool valid": [layers.AveragePooling2D(3, strides=1)],
        "pools kept": [layers.GlobalAveragePooling2D(keepdims=True), conv(4, 1)],
        "padding": [layers.ZeroPadding2D(((1, 2), (3, 0))), conv(4, 3)],
        "padding of channels": [layers.ZeroPadding2D(((1, 0), (2, 3)), data_format="channels_first"), conv(4, 3)],
        "reshape": [layers.Reshape((4, 22, 3)), conv(4, 3), layers.Reshape((-1,))],
        "dropouts": [layers.Dropout(0.5), layers.SpatialDropout2D(0.5), layers.GaussianNoise(1.0)],
        "relu of a height": [layers.ReLU(max_value=0.5)],
        "leaky relu": [layers.LeakyReLU(0.3)],
        "elu of a slope": [layers.ELU(0.5)],
        "softmax of channels": [layers.Softmax()],
        "rescaling": [layers.Rescaling(1 / 3, offset=-0.5)],
    }
    functions = ["relu", "relu6", "tanh", "sigmoid", "swish", "gelu", "elu", "selu", "softplus", "softsign",
                 "exponential", "softmax", "linear"]  # fmt: skip
    return cases | {f"activation {name}": [conv(6, 1), layers.Activation(name)] for name in functions}


def names_of_known():
    class Anything:
        def __getattr__(self, name):
            return lambda *args, **options: None

    return list(known(Anything()))


@pytest.mark.parametrize("framework", ["keras", "tf_keras"])
@pytest.mark.parametrize("case", names_of_known())
def test_a_known_layer_is_computed_as_keras_does(case, framework, tmp_path):
    module = pytest.importorskip(framework)
    model = randomised(chain(*known(module.layers)[case], framework=module))
    model.save(tmp_path / "model.h5")
    assert compared(tmp_path / "model.h5", [1, "penultimate", "logits"]) == "onnxruntime"


@pytest.mark.parametrize("merge", ["Add", "Multiply", "Maximum", "Minimum", "Concatenate", "a sum"])
def test_branches_are_merged_as_keras_does(merge, tmp_path):
    import keras

    images = keras.Input(SHAPE)
    # the same class and the same shape three times over: each must get its own weights
    x, y, z = (keras.layers.Conv2D(4, 3, name=name)(images) for name in ("second", "first", "conv2d_1"))
    x = x + y if merge == "a sum" else getattr(keras.layers, merge)()([x, y, z])
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = randomised(keras.Model(images, keras.layers.Dense(3, activation="softmax")(x)))
    for name in ("model.keras",) if merge == "a sum" else ("model.keras", "model.h5"):  # HDF5 cannot hold functions
        model.save(tmp_path / name)
        assert compared(tmp_path / name, ["first", "second", "logits"]) == "onnxruntime"


def unknown(layers):
    """What ONNX Runtime is not asked to compute, for it would compute something else or nothing."""
    import keras

    inner = keras.Sequential([keras.Input(SHAPE), layers.Conv2D(4, 3)])
    return {
        "another activation": [layers.Activation("hard_sigmoid")],
        "an activation that is a layer": [layers.Conv2D(4, 3, activation=layers.LeakyReLU(0.5))],
        "norm of rows": [layers.BatchNormalization(axis=1)],
        "softmax of rows": [layers.Softmax(axis=1)],
        "leaking relu": [layers.ReLU(negative_slope=0.5)],
        "another layer": [layers.LayerNormalization()],
        "half precision": [layers.Conv2D(4, 3, dtype="mixed_float16"), layers.Conv2D(4, 3)],
        "an inner model": [inner],
        "a sequence": [layers.Reshape((88, 3)), layers.Conv1D(4, 3), layers.GlobalAveragePooling1D()],
        "training for ever": [lambda x: layers.BatchNormalization()(x, training=True)],
        "a function": [keras.ops.relu],
        "a sum with a number": [lambda x: x + 1.0, layers.Conv2D(4, 3)],
    }


@pytest.mark.parametrize("case", ["another activation", "an activation that is a layer", "norm of rows",
                                  "softmax of rows", "leaking relu", "another layer", "half precision",
                                  "an inner model", "a sequence", "training for ever", "a function",
                                  "a sum with a number"])  # fmt: skip
def test_what_is_not_known_goes_through_keras(case, tmp_path):
    import keras

    randomised(chain(*unknown(keras.layers)[case])).save(tmp_path / "model.keras")
    assert compared(tmp_path / "model.keras", [-1]) == "keras"


def test_images_of_any_size_go_through_keras(tmp_path):
    import keras

    images = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(images))
    keras.Model(images, keras.layers.Dense(3)(x)).save(tmp_path / "model.keras")
    assert compared(tmp_path / "model.keras") == "keras"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("networks") / "model.keras"
    randomised(architectures.build("vgg", input_shape=(16, 16, 3), classes=4, width=8)).save(path)
    return path


def test_a_gpu_is_for_keras(file):
    assert runtime.open_network(file).runtime.startswith("onnxruntime")
    assert runtime.open_network(file, gpu=True).runtime.startswith("keras")


def test_a_class_of_ones_own_is_not_taken_for_keras_own(tmp_path):
    import keras

    @keras.saving.register_keras_serializable(package="mine")
    class Dropout(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    randomised(chain(Dropout())).save(tmp_path / "model.keras")
    with pytest.raises(InputError, match="carries code"):
        runtime.open_network(tmp_path / "model.keras")
    assert compared(tmp_path / "model.keras", [1], trust=True) == "keras"


def test_neither_the_batch_nor_the_threads_change_a_bit(file):
    images = np.random.default_rng(0).normal(size=(20, 16, 16, 3)).astype(np.float32)
    whole = runtime.open_network(file).predict(images, 20)
    for threads, size in ((1, 20), (1, 3), (1, 1), (2, 20), (2, 7)):
        network = runtime.open_network(file, threads=threads)
        parts = [network.predict(images[k : k + size], size) for k in range(0, 20, size)]
        for tap, values in enumerate(whole):
            np.testing.assert_array_equal(np.concatenate([part[tap] for part in parts]), values)


@pytest.mark.parametrize(
    ("layers", "message"),
    [(["conv"], "unknown layer of"), ([999], "expected as an index"), (["logits", "logits"], "the same tensor")],
)
def test_a_wrong_layer_is_told_as_by_keras(file, layers, message):
    with pytest.raises(InputError, match=message) as ours:
        runtime.open_network(file, layers)
    with pytest.raises(InputError, match=message) as theirs:
        runtime.by_keras(load_model(file), layers)
    assert str(ours.value) == f"{file}: {theirs.value}"


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_damaged_weights_end_in_one_line_that_names_the_file(file, suffix, tmp_path):
    model = load_model(file)
    path = tmp_path / f"model{suffix}"
    model.save(path)
    whole = bytearray(path.read_bytes())
    for cut in (0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(cut * len(whole))])
        with pytest.raises(InputError, match=path.name):
            runtime.open_network(path)


def test_images_of_another_size_are_refused(file, tmp_path):
    network = runtime.open_network(file, ["logits"])
    with pytest.raises(InputError, match=r"expected \(n, 16, 16, 3\), .*Received: data of shape \(n, 8, 8, 3\)"):
        extraction.write_activations(network, np.zeros((4, 8, 8, 3), np.uint8), out=tmp_path / "a.h5")
    assert not any(tmp_path.iterdir())


def run_jobs(folder, *jobs, after=""):
    """Run scripts one after the other in one process, on a data set ``set.h5`` of four classes and ``sample.csv``."""
    images, labels = np.zeros((30, 16, 16, 3), np.uint8), np.arange(30) % 4
    images[:] = np.random.default_rng(0).integers(0, 256, images.shape)
    arrays = {
        f"{letter}_{split}": values
        for split in datasets.SPLITS
        for letter, values in zip("xy", (images, labels), strict=True)
    }
    np.savez(folder / "set.npz", **arrays)
    before = [
        ["prepare_dataset", "--loader", "npz", "--source", "set.npz", "--out", "set.h5", "--settings", "{}"],
        ["draw_sample", "--dataset", "set.h5", "--out", "sample.csv", "--settings",
         '{"split": "train", "images": 20, "seed": 0}'],
    ]  # fmt: skip
    code = f"""
import runpy, sys
for script, *options in {[*before, *jobs]!r}:
    sys.argv = [script, *options]
    runpy.run_path({str(SCRIPTS)!r} + "/" + script + ".py", run_name="__main__")
{after}
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stderr


SAMPLED = ["--dataset", "set.h5", "--sample", "sample.csv", "--split", "train", "--normalisation", "unit"]


def test_a_job_that_extracts_activations_never_loads_tensorflow(file, tmp_path):
    job = ["extract_activations", "--name", "mine", "--model", str(file), *SAMPLED, "--out", "a.h5"]
    said = run_jobs(tmp_path, job, after='assert not {"tensorflow", "keras", "tf_keras"} & set(sys.modules)')
    assert "a.h5: 20 points" in said
    assert read_activations(tmp_path / "a.h5").attributes["runtime"].startswith("onnxruntime")


def test_code_of_a_trusted_file_imports_what_it_likes(tmp_path):
    import keras

    inputs = keras.Input((16, 16, 3))
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(inputs)
    needs = ("sklearn.preprocessing", "matplotlib.pyplot")  # which our own jobs do not
    doubled = keras.layers.Lambda(lambda x, needs: 2 * x if all(map(__import__, needs)) else x, name="doubled",
                                  arguments={"needs": needs})(pooled)  # fmt: skip
    keras.Model(inputs, keras.layers.Dense(4, name="logits")(doubled)).save(tmp_path / "own.keras")
    job = ["extract_activations", "--name", "own", "--model", "own.keras", "--trust", *SAMPLED,
           "--layers", '["pooled", "doubled", "logits"]', "--out", "a.h5"]  # fmt: skip
    run_jobs(tmp_path, job)
    found = read_activations(tmp_path / "a.h5")
    np.testing.assert_array_equal(found.points("doubled"), 2 * found.points("pooled"))


def test_keras_starts_without_what_no_job_needs_and_leaves_it_to_others():
    code = """
import sys
from topodepth.jobs.commands import start_keras
start_keras()
assert "keras" in sys.modules
assert not {"sklearn", "matplotlib"} & set(sys.modules), "Keras took them in"
import matplotlib.pyplot, sklearn.base
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
