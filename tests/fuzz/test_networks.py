"""Model files, damaged: converted for ONNX Runtime, which computes in native code whatever graph it is given."""

import json
import zipfile

import pytest

from tests.fuzz.damage import damaged_bytes, damaged_values, odd_values
from tests.fuzz.harness import fuzz
from topodepth.errors import InputError
from topodepth.networks import onnx_network, runtime
from topodepth.networks.files import inspect


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A network with most of the known layers, in both kinds of file."""
    import keras

    layers = keras.layers
    images = keras.Input((8, 8, 3), name="images")
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, padding="same", name="conv")(images))
    y = layers.DepthwiseConv2D(3, strides=2, padding="same", activation="relu", name="depthwise")(x)
    y = layers.ZeroPadding2D(((2, 2), (2, 2)), name="pad")(y)
    x = layers.Concatenate(name="join")([layers.Add(name="add")([x, y]), layers.MaxPooling2D(2, 1, "same")(x)])
    x = layers.Reshape((4, 16, 8), name="reshape")(layers.ReLU(max_value=6.0, name="relu")(x))
    x = layers.Dense(5, name="dense")(layers.Flatten(name="flat")(layers.AveragePooling2D(2, name="pool")(x)))
    model = keras.Model(images, layers.Softmax(name="softmax")(x), name="net")
    folder = tmp_path_factory.mktemp("networks")
    for name in ("net.keras", "net.h5"):
        model.save(folder / name)
        assert runtime.open_network(folder / name).runtime.startswith("onnxruntime")
    return [(folder / name).read_bytes() for name in ("net.keras", "net.h5")]


def convert(path):
    """As a job opens a file, up to the point where Keras would have to."""
    try:
        onnx_network.convert_file(inspect(path), "auto", scores=True, threads=1)
    except onnx_network.Unsupported as error:
        raise InputError(error) from error


def test_networks_with_damaged_bytes(scratch, real):
    def read(content):
        convert(scratch.file(content, name="net.keras" if content[:2] == b"PK" else "net.h5"))

    fuzz("networks, bytes", damaged_bytes(real), read, refused=0.3)


def test_networks_with_damaged_configurations(scratch, real):
    whole = scratch.file(real[0], name="whole.keras")
    with zipfile.ZipFile(whole) as source:
        members = {name: source.read(name) for name in source.namelist()}

    def read(config):
        try:
            config = json.dumps(config)
        except RecursionError:
            config = '{"class_name": "Functional", "config": ' * 3000
        path = scratch.out("net.keras")
        with zipfile.ZipFile(path, "w") as target:
            for name, content in members.items():
                target.writestr(name, config if name == "config.json" else content)
        convert(path)

    fuzz("networks, configuration", damaged_values([json.loads(members["config.json"])], odd_values), read, refused=0.3)
