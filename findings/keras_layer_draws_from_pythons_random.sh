#!/usr/bin/env bash
# Keras 3.15.1: making a layer with weights draws from Python's global `random`, as each initialiser without a seed takes
# its seed there (`keras.layers.Dense(4)`; a ReLU draws nothing). So code that only looks into a model by making a layer or
# a sub-model of new layers changes what the caller draws next: shuffling with `random.shuffle` after `random.seed(0)` is
# another one. Results that a seed should fix then depend on whether a model was inspected.
#
# Output seen:
#   keras 3.15.1
#   after random.seed(0):            0.844422
#   ... and keras.layers.ReLU():     0.844422
#   ... and keras.layers.Dense(4):   0.385245
#
# Exits non-zero once a Dense layer leaves Python's random state as it was.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 keras==3.15.1 jax==0.10.2
KERAS_BACKEND=jax "$folder/venv/bin/python" - <<'PYTHON'
import random
import sys

import keras


def drawn(make):
    random.seed(0)
    make()
    return random.random()


untouched, without, weights = drawn(int), drawn(keras.layers.ReLU), drawn(lambda: keras.layers.Dense(4))
print("keras", keras.__version__)
print(f"after random.seed(0):            {untouched:g}")
print(f"... and keras.layers.ReLU():     {without:g}")
print(f"... and keras.layers.Dense(4):   {weights:g}")
sys.exit(int(weights == untouched))
PYTHON
