#!/usr/bin/env bash
# SciPy 1.17.1: `scipy.sparse.csgraph.minimum_spanning_tree` takes edges of a DENSE matrix that are shorter than about 1e-8
# for no edges at all, and says nothing. So the tree of three points 0, 1e-9 and 1 joins both near points to the far one:
# its edges are 1 and 1. The same matrix as a sparse one gives 1e-9 and 1. H_0 deaths read off a dense matrix of small
# distances (softmax outputs, activations of a small scale) are wrong that way.
#
# Output seen:
#   scipy 1.17.1
#   dense:  2 edges, shortest 1
#   sparse: 2 edges, shortest 1e-09
#
# Exits non-zero once dense and sparse agree on the shortest edge.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import scipy
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

points = np.array([0.0, 1e-9, 1.0])
distances = np.abs(points[:, None] - points)
rows, columns = np.nonzero(distances)
sparse = coo_array((distances[rows, columns], (rows, columns)), shape=distances.shape).tocsr()
print("scipy", scipy.__version__)
trees = {"dense": minimum_spanning_tree(distances), "sparse": minimum_spanning_tree(sparse)}
for name, tree in trees.items():
    print(f"{name + ':':7} {tree.nnz} edges, shortest {tree.data.min():g}")
sys.exit(int(trees["dense"].data.min() == trees["sparse"].data.min()))
PYTHON
