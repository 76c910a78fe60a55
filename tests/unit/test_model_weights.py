"""Keras archives whose weights have other names: of Windows, of Keras 2.12 and 2.13; classes of keras.applications."""

import importlib
import json
import re
import zipfile

import h5py
import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.networks import runtime
from topodepth.networks.files import auto_layers, inspect
from topodepth.networks.models import load_model

IMAGES = np.random.default_rng(0).random((4, 8, 8, 3), dtype=np.float32)
OLD = "_layer_checkpoint_dependencies"


def residual(keras):
    """Return a network with three convolutions, so that the numbers in names matter, and its output."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    images = keras.Input((8, 8, 3), name="images")
    x = layers.Conv2D(4, 3, padding="same", name="first")(images)
    y = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, padding="same", name="second")(x))
    x = layers.Add(name="add")([x, layers.Conv2D(4, 1, name="third")(y)])
    x = layers.Dense(5, activation="relu", name="wide")(layers.Flatten(name="flat")(x))
    model = keras.Model(images, layers.Dense(3, activation="softmax", name="head")(x), name="net")
    rng = np.random.default_rng(0)
    model.set_weights([0.3 * np.abs(rng.normal(size=weight.shape)) + 0.1 for weight in model.get_weights()])
    return model, model.predict_on_batch(IMAGES)


def within(keras):
    """Return a network with the one above inside, and its output."""
    model, _ = residual(keras)
    images = keras.Input((8, 8, 3), name="outer")
    x = keras.layers.Dense(2, name="last")(keras.layers.Dense(4, name="after")(model(images)))
    model = keras.Model(images, x, name="around")
    return model, model.predict_on_batch(IMAGES)


def windows(path):
    """Name a group as Keras did on Windows: what it joined has backslashes, what HDF5 joined has not."""
    inner, slash, variable = path.partition("/vars")
    return inner.replace("/", "\\") + slash + variable


def keras_2_13(path):
    """Name a group as Keras 2.12.1 and 2.13.1 do: they met each layer that has weights twice, and so counted by two."""

    def double(found):
        return f"{OLD}/{found[1]}" + (f"_{2 * int(found[2])}" if found[2] else "")

    return re.sub(r"\blayers/([a-z0-9_]*?[a-z0-9])(?:_(\d+))?(?=/|$)", double, path)


NAMINGS = {
    "windows": ("keras", windows),
    "windows, legacy": ("tf_keras", windows),
    "2.13": ("tf_keras", keras_2_13),
    "2.13 on windows": ("tf_keras", lambda path: windows(keras_2_13(path))),
}


def renamed(model, folder, rename):
    """Save a model as a ``.keras`` archive in which the weights' groups have other names."""
    whole, path = folder / "whole.keras", folder / "renamed.keras"
    model.save(whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            if not name.endswith(".h5"):
                target.writestr(name, source.read(name))
        source.extract("model.weights.h5", folder)
        with h5py.File(folder / "model.weights.h5") as old, h5py.File(folder / "new.h5", "w") as new:
            found = []
            old.visit(found.append)
            for key in found:
                if isinstance(old[key], h5py.Dataset):
                    new[rename(key)] = old[key][()]
                elif key.endswith("vars"):
                    new.require_group(rename(key))
        target.write(folder / "new.h5", "model.weights.h5")
    return path


@pytest.mark.parametrize("naming", NAMINGS)
def test_weights_under_other_names_open_as_the_others(naming, tmp_path):
    framework, rename = NAMINGS[naming]
    model, output = residual(importlib.import_module(framework))
    path = renamed(model, tmp_path, rename)
    with h5py.File(tmp_path / "new.h5") as file:
        third = {"2.13": f"{OLD}/conv2d_4", "2.13 on windows": f"{OLD}\\conv2d_4"}.get(naming, "layers\\conv2d_2")
        assert third in file
    np.testing.assert_array_equal(load_model(path).predict_on_batch(IMAGES), output)
    assert auto_layers(path) == auto_layers(tmp_path / "whole.keras") == ["first", "norm", "third", "wide", "logits"]
    network = runtime.open_network(path, scores=True)
    assert network.runtime.startswith("onnxruntime")
    expected = runtime.open_network(tmp_path / "whole.keras", scores=True).predict(IMAGES, 4)
    for ours, theirs in zip(network.predict(IMAGES, 4), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("naming", NAMINGS)
def test_so_do_those_of_an_inner_model(naming, tmp_path):
    framework, rename = NAMINGS[naming]
    model, output = within(importlib.import_module(framework))
    path = renamed(model, tmp_path, rename)
    np.testing.assert_array_equal(load_model(path).predict_on_batch(IMAGES), output)


@pytest.mark.parametrize("name", ["..\\..\\evil", "layers\\..\\..\\evil", "\\evil", f"{OLD}\\conv2d_{'9' * 5000}"])
def test_names_that_lead_elsewhere_lead_nowhere(name, tmp_path):
    import keras

    model, _ = residual(keras)
    path = renamed(model, tmp_path, lambda key: name + key.replace("/", "\\"))
    before = {item for item in tmp_path.parent.rglob("*") if tmp_path not in item.parents}
    with pytest.raises(InputError, match=r"renamed\.keras: "):
        load_model(path)
    assert {item for item in tmp_path.parent.rglob("*") if tmp_path not in item.parents} == before


def of_applications(keras):
    convnext = importlib.import_module(f"{keras.__name__}.src.applications.convnext")
    inception = importlib.import_module(f"{keras.__name__}.src.applications.inception_resnet_v2")
    images = keras.Input((8, 8, 3), name="images")
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv")(images)
    y = convnext.StochasticDepth(0.1, name="depth")(convnext.LayerScale(0.1, 4, name="scale")(x))
    x = inception.CustomScaleLayer(0.5, name="join")([x, y])
    return keras.Model(images, keras.layers.Dense(3, name="head")(keras.layers.GlobalAveragePooling2D()(x)), name="net")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("framework", ["keras", "tf_keras"])
def test_classes_of_keras_own_applications_are_no_code(framework, suffix, tmp_path):
    model = of_applications(importlib.import_module(framework))
    path = tmp_path / f"model{suffix}"
    model.save(path)
    assert inspect(path).code == ()
    opened = load_model(path)
    assert "applications" in type(opened.get_layer("scale")).__module__
    np.testing.assert_array_equal(opened.predict_on_batch(IMAGES), model.predict_on_batch(IMAGES))


@pytest.mark.parametrize(
    "change",
    [
        {"registered_name": "Custom>Evil"},
        {"registered_name": "mine>LayerScale"},
        {"class_name": "Evil", "registered_name": "Evil"},
        {"module": "keras.src.applications.convnext.os"},
        {"module": "mine.applications.convnext"},
        {"module": "keras.src.applications.imagenet_utils"},
        {"module": "keras.src.src.applications.convnext.src", "class_name": "system"},
    ],
    ids=str,
)
@pytest.mark.parametrize("framework", ["keras", "tf_keras"])
def test_others_in_their_place_are(framework, change, tmp_path):
    path = tmp_path / "evil.keras"
    of_applications(importlib.import_module(framework)).save(tmp_path / "plain.keras")
    with zipfile.ZipFile(tmp_path / "plain.keras") as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                config = json.loads(content)
                next(item for item in config["config"]["layers"] if item["class_name"] == "LayerScale").update(change)
                content = json.dumps(config)
            target.writestr(name, content)
    with pytest.raises(InputError, match=r"evil\.keras: carries code"):
        load_model(path)


def test_a_legacy_class_registered_by_others_is_code(tmp_path):
    import tf_keras

    of_applications(tf_keras).save(tmp_path / "evil.h5")
    with h5py.File(tmp_path / "evil.h5", "a") as file:
        config = file.attrs["model_config"]
        file.attrs["model_config"] = config.replace("Custom>CustomScaleLayer", "Custom>Evil")
        assert config != file.attrs["model_config"]
    with pytest.raises(InputError, match=r"evil\.h5: carries code.*custom object 'Custom>Evil'"):
        load_model(tmp_path / "evil.h5")
