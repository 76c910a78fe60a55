#!/usr/bin/env bash
# Keras 3.15.1 (JAX 0.10.2 behind it): a model whose input is declared uint8 takes a float batch without a word and casts it
# to whole numbers. An image that was normalised first, in [-1.5, 1), becomes 0 nearly everywhere; and the cast itself
# differs between the two ways of running the same model: `model(x)` lets a negative number wrap around to 255, and
# `model.predict(x)` makes it 0. Activations of such a network are then those of a black image, and no error says so.
#
# Output seen:
#   keras 3.15.1, jax 0.10.2
#   given:             [-1.5, 0.25, 0.999]
#   model(x):          [255.0, 0.0, 0.0]
#   model.predict(x):  [0.0, 0.0, 0.0]
#
# Exits non-zero once fractions reach the model, or it refuses them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 keras==3.15.1 jax==0.10.2
KERAS_BACKEND=jax "$folder/venv/bin/python" - <<'PYTHON'
import sys

import jax
import keras
import numpy as np

pixels = keras.Input((3,), dtype="uint8")
model = keras.Model(pixels, keras.layers.Rescaling(1.0)(pixels))
batch = np.array([[-1.5, 0.25, 0.999]], dtype="float32")
called, predicted = np.asarray(model(batch))[0].tolist(), model.predict(batch, verbose=0)[0].tolist()
print(f"keras {keras.__version__}, jax {jax.__version__}")
print("given:            ", [-1.5, 0.25, 0.999])
print("model(x):         ", called)
print("model.predict(x): ", predicted)
sys.exit(int(0.25 in called or 0.25 in predicted))
PYTHON
