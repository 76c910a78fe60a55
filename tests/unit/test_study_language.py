"""Real activations of a language model, which the package actopo 0.1.0 (MIT) ships: 600 tokens × 896 features.

Its loops are counted as it counts them (bars of H_1 longer than a share of the largest distance), beside a null model,
which it lacks. Only its two files are read; ``pip install --no-deps actopo==0.1.0`` where this is to run.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist

import topodepth as td

ACTOPO = find_spec("actopo")
pytestmark = pytest.mark.skipif(ACTOPO is None, reason="actopo, an optional package, is not installed")


@pytest.fixture(scope="module")
def measured():
    folder = Path(ACTOPO.origin).parent / "data"
    layers = {name: np.load(folder / f"example_{name}.npy", allow_pickle=False) for name in ("base", "instruct")}
    options = {"points": None, "scaling": "none", "null_draws": 1, "jackknife_groups": 0, "estimators": ["two_nn"]}
    return td.measure(layers=layers, progress=False, **options), layers


@pytest.mark.parametrize(
    ("name", "bars", "above", "total"),
    [("base", 452, {0.01: 186, 0.03: 12}, 963.83), ("instruct", 617, {0.03: 50}, 630.9)],
)
def test_loops_of_a_language_model_are_those_that_its_authors_count(measured, name, bars, above, total):
    found, layers = measured
    farthest = pdist(layers[name].astype(np.float64)).max()
    h1, null = (of["all"][1] for of in (found.diagrams[name].data, found.diagrams[name].null[0]))
    lengths = (h1[:, 1] - h1[:, 0]) / farthest
    assert len(h1) == bars
    assert {share: np.sum(lengths > share) for share in above} == above
    assert not np.any((null[:, 1] - null[:, 0]) / farthest > 0.03)  # with the features permuted there are none
    row = found.table.query("layer == @name and descriptor == 'lifespan_sum' and homology_dimension == 0").iloc[0]
    assert row["value"] == pytest.approx(total, rel=1e-4)
