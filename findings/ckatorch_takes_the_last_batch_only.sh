#!/usr/bin/env bash
# ckatorch 1.0.3: what its class `CKA` returns for a data loader is the CKA of the last batch alone, though its README
# defines it over all batches (Nguyen et al. 2021): each batch overwrites the one before. Below, two layers are equal for 32
# of 40 sequences; all five batches together give 0.577, and the class returns the 0.062 of the last. With the shuffling that
# it advises and its ten epochs, the result is the mean of ten random last batches, which may be small.
#
# Output seen:
#   ckatorch 1.0.3, torch 2.14.1
#   CKA of each batch:    1.000 1.000 1.000 1.000 0.062
#   of all batches:       0.577
#   what CKA(...) gives:  0.062
#
# Exits non-zero once the class gives another value than the last batch. PyTorch for Linux takes 6 GB meanwhile.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.14.1 ckatorch==1.0.3
TQDM_DISABLE=1 "$folder/venv/bin/python" - <<'PYTHON'
import sys
import warnings
from importlib.metadata import version

import torch
from ckatorch import CKA, cka_batch
from torch.utils.data import DataLoader, TensorDataset


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Identity(), torch.nn.Identity()

    def forward(self, sequences):
        return self.second(self.first(sequences).abs())


warnings.simplefilter("ignore")
torch.manual_seed(0)
sequences = torch.randn(40, 10, 4, dtype=torch.float64)
sequences[:32] = sequences[:32].abs()
batches = [float(cka_batch(batch, batch.abs())) for batch in sequences.split(8)]
network = Network()
measure = CKA(network, network, layers=["first"], second_layers=["second"])
found = float(measure(DataLoader(TensorDataset(sequences), batch_size=8), epochs=1))
print(f"ckatorch {version('ckatorch')}, torch {torch.__version__.split('+')[0]}")
print("CKA of each batch:   ", *(f"{value:.3f}" for value in batches))
print(f"of all batches:       {float(cka_batch(sequences, sequences.abs())):.3f}")
print(f"what CKA(...) gives:  {found:.3f}")
sys.exit(int(abs(found - batches[-1]) > 1e-6))
PYTHON
