#!/usr/bin/env bash
# h5py 3.16.0: `create_dataset(..., rdcc_nbytes=0)` does not switch the chunk cache off, as HDF5's own 0 would: h5py takes
# 0 for nothing said and leaves the default, which is 8 MB a dataset with the HDF5 2.0.0 that its wheel brings (1 MB with
# HDF5 1.14). A writer of one dataset for each layer of a network that appends whole chunks so holds 8 MB a layer for
# nothing. `rdcc_nbytes=1` does what 0 says, as no chunk fits into one byte.
#
# Output seen:
#   h5py 3.16.0, HDF5 2.0.0
#   rdcc_nbytes not given: cache of 8388608 bytes
#   rdcc_nbytes=0:         cache of 8388608 bytes
#   rdcc_nbytes=1:         cache of 1 bytes
#
# Exits non-zero once rdcc_nbytes=0 gives another cache than the default.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 h5py==3.16.0
"$folder/venv/bin/python" - "$folder/layers.h5" <<'PYTHON'
import sys

import h5py

print(f"h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}")
sizes = {}
with h5py.File(sys.argv[1], "w") as file:
    for said, asked in ((" not given:", {}), ("=0:", {"rdcc_nbytes": 0}), ("=1:", {"rdcc_nbytes": 1})):
        layer = file.create_dataset(f"layer{said}", (0, 4), maxshape=(None, 4), chunks=(8, 4), dtype="f4", **asked)
        sizes[said] = layer.id.get_access_plist().get_chunk_cache()[1]
        print(f"{'rdcc_nbytes' + said:<22} cache of {sizes[said]} bytes")
sys.exit(int(sizes["=0:"] != sizes[" not given:"]))
PYTHON
