#!/usr/bin/env bash
# Cleverhans 4.0.0, PyTorch side: how far `fast_gradient_method(norm=2)` moves an image depends on how many others are in
# the batch. The loss is the mean over the batch, so gradients are divided by its size; a gradient whose norm is then below
# 1e-6 is no longer scaled to the norm that was asked for. So images of which the network is sure move less, the more images
# are attacked at once, and the network looks robust. On TensorFlow the package moves the image below by 0.5 in each batch.
#
# Output seen (the image's probability of another class is 6e-6):
#   cleverhans 4.0.0, torch 2.14.1
#   batch of 1:    moved by 0.5 of 0.5
#   batch of 100:  moved by 0.5 of 0.5
#   batch of 1000: moved by 0.052 of 0.5
#   batch of 4000: moved by 0.013 of 0.5
#
# Exits non-zero once the image moves as far in the batch of 4000 as alone. PyTorch for Linux takes 6 GB meanwhile.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.14.1
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps cleverhans==4.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import torch
from cleverhans.torch.attacks.fast_gradient_method import fast_gradient_method


def network(images):
    return 12 * images  # two pixels are the logits of two classes


moved = {}
for size in (1, 100, 1000, 4000):
    images = torch.tensor([[1.0, 0.0]]).repeat(size, 1)
    moved[size] = float((fast_gradient_method(network, images, 0.5, 2) - images)[0].detach().norm())
print(f"cleverhans {version('cleverhans')}, torch {torch.__version__.split('+')[0]}")
for size, length in moved.items():
    print(f"batch of {str(size) + ':':5} moved by {length:.2g} of 0.5")
sys.exit(int(abs(moved[4000] - moved[1]) < 0.01))
PYTHON
