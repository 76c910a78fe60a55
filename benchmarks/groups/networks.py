"""What networks cost without a GPU, on one thread: 256 images of 32 × 32 pixels through training, or through a pass.

The architectures are those of the paper, at full width; ``n`` is the number of images.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measure import Case

IMAGES = 256


def cases(quick: bool) -> list[Case]:
    """Return the cases."""
    names = ["vgg"] if quick else ["vgg", "resnet", "se_resnet", "mobilenet_v2", "resnet32", "resnet110"]
    return [
        Case(f"{step} of {name}", "topodepth", f"groups.networks:{step}", IMAGES, {"name": name})
        for name in names
        for step in ("training", "activations")
    ]


def training(name: str) -> Callable[[], None]:
    """Steps of gradient descent, without augmentation."""
    from topodepth import architectures

    _one_thread()
    model = architectures.build(name, input_shape=(32, 32, 3), classes=10)
    model.compile("adamax", "categorical_crossentropy")
    images = np.random.default_rng(0).random((IMAGES, 32, 32, 3), np.float32)
    labels = np.eye(10, dtype=np.float32)[np.arange(IMAGES) % 10]
    model.train_on_batch(images[:128], labels[:128])

    def steps() -> None:
        for start in range(0, IMAGES, 128):
            model.train_on_batch(images[start : start + 128], labels[start : start + 128])

    return steps


def activations(name: str) -> Callable[[], None]:
    """One pass through all tapped layers, as a job does it."""
    from topodepth import architectures
    from topodepth.networks import runtime

    _one_thread()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        architectures.build(name, input_shape=(32, 32, 3), classes=10).save(path)
        network = runtime.open_network(path)
    images = np.random.default_rng(0).random((IMAGES, 32, 32, 3), np.float32)
    return lambda: network.predict(images, IMAGES) and None


def _one_thread() -> None:
    from topodepth.jobs.commands import prepare_networks

    prepare_networks(1)
