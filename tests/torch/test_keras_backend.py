"""Keras on PyTorch: its models are modules of PyTorch, and are opened as Keras models all the same."""

import os
import subprocess
import sys
from pathlib import Path

CODE = """
import numpy as np
import torch
import keras
from topodepth.networks.frameworks import is_torch
from topodepth.networks.runtime import by_keras
from topodepth.networks.torch_network import open_torch

source = keras.Input((8, 8, 3))
value = source
for layer in (keras.layers.Conv2D(4, 3, name="first"), keras.layers.BatchNormalization(),
              keras.layers.Activation("relu", name="relu"), keras.layers.Dropout(0.5),
              keras.layers.Conv2D(5, 3, name="second"),
              keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, name="head")):
    value = layer(value)
model = keras.Model(source, value)
assert isinstance(model, torch.nn.Module)
assert not is_torch(model)
images = np.random.default_rng(0).normal(size=(10, 8, 8, 3)).astype("float32")
model.train()
before, modes = torch.get_rng_state(), [module.training for module in model.modules()]
network = by_keras(model, ["relu", "second", "head"])
found = network.predict(images, 10)
assert torch.equal(before, torch.get_rng_state())
assert modes == [module.training for module in model.modules()]
made = images
with torch.no_grad():
    for layer in model.layers[1:]:
        made = layer(made, training=False)
        if layer.name in ("relu", "second", "head"):
            expected = made.cpu().numpy()
            expected = expected.mean((1, 2)) if expected.ndim == 4 else expected
            assert np.allclose(found.pop(0), expected, atol=1e-5), layer.name
try:
    open_torch(model, images)
except ValueError as error:
    assert "expected a live torch.nn.Module" in str(error)
else:
    raise AssertionError("opened by module hooks, which Keras' layers do not know")
"""


def test_a_keras_model_on_pytorch_is_opened_by_its_layers():
    source = str(Path(__file__).parents[2] / "src")
    environment = os.environ | {"KERAS_BACKEND": "torch", "PYTHONPATH": source, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
