"""A hundred layers of twenty thousand images take the memory of one batch and one layer."""

import subprocess
import sys

CODE = """
import resource, numpy as np
import topodepth as td
from types import SimpleNamespace
from topodepth.networks.graph import Tap
from topodepth.networks.network import Network
from topodepth.study import doors

LAYERS, IMAGES, D = {layers}, {images}, 32
weights = np.random.default_rng(0).normal(size=(4, D)).astype(np.float32)
shape = SimpleNamespace(shape=(None, D))
taps = [Tap(f"layer{{k}}", k, f"layer{{k}}", "Own", (k + 1) / LAYERS, shape, "none") for k in range(LAYERS)]

def predict(inputs, size):
    return [np.sin((k + 1) * inputs @ weights) for k in range(LAYERS)]

network = Network("hundred", "none 1.0", [], taps, predict)
doors.DOORS.append(doors.Door("own", lambda model: model == (), lambda *_: network))
rng = np.random.default_rng(1)
batches = ((rng.random((500, 4), dtype=np.float32), np.arange(500) % 2) for _ in range(IMAGES // 500))
found = td.measure((), batches, points=10, max_dim=0, null_draws=0, descriptors=["lifespan_sum"], estimators=[],
                   progress=False)
assert (len(found.layers), found.activations.n) == (LAYERS, IMAGES)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10)
"""


def peak(layers, images):
    code = CODE.format(layers=layers, images=images)
    return int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def test_memory_is_that_of_one_layer_and_not_of_all():
    all_layers = 100 * 20_000 * 32 * 4
    assert peak(100, 20_000) < peak(2, 20_000) + all_layers / 4
