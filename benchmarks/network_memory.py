"""Memory that jobs with a network take, beside what they declare: one epoch of each network on random images.

    .venv/bin/python benchmarks/network_memory.py --size 32 --batch 128 vgg mobilenet_v2 resnet110
    .venv-torch/bin/python benchmarks/network_memory.py --size 64 --torch resnet18 vit_b_16

Prints the largest resident set (``ru_maxrss``, MB) of the job that trains each network at full width; with ``--others``
also of those that extract activations, evaluate and attack, for 256 images. With ``--torch`` of the latter, of models
of torchvision without weights. Without a GPU.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from topodepth import datasets
from topodepth.jobs import memory

ROOT = Path(__file__).resolve().parents[1]
TRAINING = {
    "augment": True, "batch_size": 0, "epochs": 1, "flip": True, "images": None, "l2": None, "label_noise": 0.0,
    "learning_rate": 1e-3, "learning_rate_floor": 5e-7, "optimizer": None, "plateau_patience": 3,
    "random_label_epochs": 0, "snapshots": [], "stopping_patience": 20, "trajectory_dimensions": 1000,
    "trajectory_every": 0, "trajectory_last": 1000,
}  # fmt: skip
OTHERS = {
    "extract_activations": ("--name=net", "--sample=sample.csv", "--split=test", "--out=net.h5"),
    "evaluate_model": ("--out=net.json",),
    "attack_model": ("--name=net", "--sample=sample.csv", "--split=test", "--settings", '{"epsilons": [0.02, 0.1]}',
                     "--out-folder=attacked"),
}  # fmt: skip

NET = {"name": "net", "arguments": {}, "weights": None}
VISION = """
from torchvision import models

def net():
    more = {{"image_size": {size}}} if "{network}".startswith("vit") else {{}}
    return models.{network}(weights=None, num_classes=10, **more)
"""


def peak(folder: Path, script: str, *arguments: str) -> float:
    """Run a command of the pipeline; return the most memory that it took, in MB."""
    command = [sys.executable, str(ROOT / f"workflow/scripts/{script}.py"), *arguments]
    with subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
    if status:
        sys.exit(f"error: {' '.join(command)}")
    return usage.ru_maxrss * 1024 / 1e6


def write_images(folder: Path, size: int, batch: int) -> None:
    """Write a data set of random images, two batches of them to train on, and a sample of 256."""
    rng = np.random.default_rng(0)
    counts = {"train": 2 * batch, "validation": 64, "test": 256}
    splits = {
        name: (rng.integers(0, 256, (n, size, size, 3), dtype=np.uint8), np.arange(n) % 10)
        for name, n in counts.items()
    }
    datasets.write_dataset(folder / "images.h5", splits, [str(k) for k in range(10)])
    lines = ["index,label", *(f"{k},{k % 10}" for k in range(256))]
    (folder / "sample.csv").write_text("\n".join(lines) + "\n")


def others(folder: Path, network: str, shared: Sequence[str]) -> None:
    """Print what the jobs take that pass images through a network."""
    for script, own in OTHERS.items():
        print(f"{network:13} {script} {peak(folder, script, *shared, *own):6.0f} MB", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=32, help="side of the images")
    parser.add_argument("--batch", type=int, default=128, help="images a step")
    parser.add_argument("--others", action="store_true", help="also the jobs that pass images through the network")
    parser.add_argument("--torch", action="store_true", help="pass images through models of torchvision")
    parser.add_argument("networks", nargs="+", help="architectures, or names of torchvision.models")
    arguments = parser.parse_args()
    shared = ("--dataset=images.h5", "--normalisation=channel", "--layout=auto")
    for network in arguments.networks:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_images(folder, arguments.size, arguments.batch)
            if arguments.torch:
                (folder / "net.py").write_text(VISION.format(network=network, size=arguments.size))
                others(folder, network, (*shared, "--model=net.py", "--torch", json.dumps(NET), "--trust"))
                continue
            settings = {"architecture": network, "activation": None, "width": None, "depth": None, "seed": 0,
                        "normalisation": "channel", "training": TRAINING | {"batch_size": arguments.batch}}  # fmt: skip
            taken = peak(folder, "train_model", "--name=net", "--dataset=images.h5", "--settings", json.dumps(settings),
                         "--checkpoints=kept", "--model=net.keras", "--metrics=m.json", "--history=h.csv",
                         "--snapshots=snapshots")  # fmt: skip
            declared = memory.training_memory_estimate(network, arguments.batch * arguments.size**2) / 1e6
            print(f"{network:13} train_model {taken:6.0f} MB, {declared:6.0f} declared", flush=True)
            if arguments.others:
                others(folder, network, (*shared, "--model=net.keras", "--torch=null"))


if __name__ == "__main__":
    main()
