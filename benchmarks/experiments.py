"""Whole experiments: the pipeline beside the original's protocol as a plain script, on the same images and networks.

    make bench                # part of it; about twenty minutes of it
    make bench QUICK=1        # a tenth of the images, four networks; without depth, whose subsamples need them all

Networks are those of this project at full width with random weights, batch normalisation adjusted; images are smooth
noise, different for each class. Every run starts from files alone: the pipeline prepares the data set,
plans, starts one process per job. Makes ``results/bench/experiments.csv``: seconds; the most memory of all processes
together, and of the largest one; how far apart the values are that both find of the same points (median, relative).
Those of attacked images differ most: Cleverhans' own gradient has other signs in some 0.3 % of the pixels of such
networks when images come one by one and not together.
"""

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from topodepth.datasets import open_dataset
from topodepth.files import texts

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ["experiment", "tool", "seconds", "peak_mb", "largest_process_mb", "times_ours", "difference", "target"]
TARGETS = {"depth": "6 x, 1500 MB", "adversarial": "8 x", "generalization": "not slower"}
LAYERS = {"depth": [2, 5, 7, 10, 12, 15, 17, 20, 22, -2], "adversarial": [36, 43, 56, 63, 76, 83, 96, -2]}
OTHERS = {kind: [] for kind in ("depth", "dynamics", "generalization", "adversarial", "spoofing")}
PERIOD = 0.5  # seconds between two looks at the memory


def smooth_images(rng: np.random.Generator, labels: np.ndarray, size: int) -> np.ndarray:
    """Return images (n, size, size, 3) uint8: a coarse pattern of the class and a coarse pattern of each image."""
    coarse = rng.normal(size=(10, size // 4, size // 4, 3))[labels]
    coarse = coarse + rng.normal(size=coarse.shape)
    fine = np.repeat(np.repeat(coarse, 4, axis=1), 4, axis=2) + 0.3 * rng.normal(size=(len(labels), size, size, 3))
    return np.clip(128 + 40 * fine, 0, 255).astype(np.uint8)


def write_images(path: Path, train: np.ndarray, test: np.ndarray, size: int) -> None:
    """Write the data set of the pipeline."""
    rng = np.random.default_rng(0)
    parts = {"train": train, "validation": np.arange(20) % 10, "test": test}
    arrays = {f"y_{name}": labels for name, labels in parts.items()}
    np.savez(path, **arrays, **{f"x_{name}": smooth_images(rng, labels, size) for name, labels in parts.items()})


def write_network(path: Path, name: str, size: int, **settings: object) -> None:
    """Write a network with random weights, its batch normalisation adjusted, that finds every class in some image."""
    import keras

    from topodepth import architectures

    model = architectures.build(name, input_shape=(size, size, 3), classes=10, **settings)
    rng = np.random.default_rng(0)
    for _ in range(20):  # batch normalisation learns its statistics, or all points would nearly coincide
        batch = (smooth_images(rng, np.arange(40) % 10, size) / np.float32(64)) - np.float32(2)
        model(batch, training=True)
    head = next(layer for layer in reversed(model.layers) if layer.weights)
    scores = keras.Model(model.inputs, head.output)(batch).numpy().reshape(-1, 10)
    head.kernel.assign(1 / scores.std(axis=0) * head.kernel)
    head.bias.assign(-scores.mean(axis=0) / scores.std(axis=0))
    path.parent.mkdir(exist_ok=True)
    model.save(path)


def make_material(folder: Path, kind: str, quick: bool) -> dict:
    """Write an experiment's images and networks; return its configuration."""
    scale, models = (10, 4) if quick else (1, 40)
    few = np.arange(20) % 10
    if kind == "depth":
        # the original measures nine classes, at most 250 points each
        write_images(folder / "depth_set.npz", np.repeat(np.arange(10), [*[250] * 9, 750]), few, 32)
        write_network(folder / "vgg.keras", "vgg", 32)
        model = {"file": str(folder / "vgg.keras"), "layers": LAYERS[kind]}
    elif kind == "adversarial":
        write_images(folder / "adversarial_set.npz", few, np.arange(800 // scale) % 10, 64)
        write_network(folder / "mobilenet.keras", "mobilenet_v2", 64)
        model = {"file": str(folder / "mobilenet.keras"), "layers": LAYERS[kind]}
    else:
        write_images(folder / "generalization_set.npz", np.arange(2500 // scale) % 10, few, 32)
        for k in range(models):
            path = folder / f"zoo/Resnet20_{k:02d}_{0.7 + k / 200:.3f}.keras"
            write_network(path, "cifar_resnet", 32, depth=20, seed=k)
        model = {"directory": str(folder / "zoo")}
    return {
        "run": kind,
        "protocol": "original",
        "datasets": {"mine": {"loader": "npz", "source": str(folder / f"{kind}_set.npz")}},
        "models": {"net": {"dataset": "mine", "normalisation": "channel"} | model},
        "experiments": OTHERS | {kind: [{"name": "bench", "models": ["net"]}]},
    }


def run_pipeline(folder: Path, target: str, configuration: dict, cores: int) -> dict:
    """Run a target in a folder that is there; return what :func:`watched` measures."""
    (folder / "config.json").write_text(json.dumps(configuration))
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--quiet", "all"),
        *("--profile", str(ROOT / "profiles/default"), "--cores", str(cores), target),
        *("--configfile", str(ROOT / "config.yaml"), "config.json"),
    ]
    return watched(command, folder)[0]


def run_original(folder: Path, kind: str, *options: str) -> tuple[dict, str]:
    """Run the plain script on the images as the pipeline's sample holds them, normalised."""
    command = [sys.executable, str(ROOT / "benchmarks/original.py"), kind, "--images", f"{kind}.npz", *options]
    return watched(command, folder)


def write_originals_images(folder: Path, kind: str, split: str) -> None:
    """Write the images of the pipeline's data set as the plain script reads them, standardised."""
    (path,) = (folder / f"run_{kind}/results/{kind}/datasets").glob("*.h5")
    with open_dataset(path) as dataset:
        x = dataset.normaliser("channel")(dataset.images(split)[()])
        np.savez(folder / f"{kind}.npz", x=x, y=dataset.labels(split))


def watched(command: list[str], folder: Path) -> tuple[dict, str]:
    """Run a command; return its seconds and the most memory it took, with all it started, and what it printed.

    Memory shared by several processes counts once (proportional set size).
    """
    began = time.perf_counter()
    together, largest = 0, 0
    output, errors = folder / "output.txt", folder / "errors.txt"
    with output.open("w") as stdout, errors.open("w") as stderr:
        process = subprocess.Popen(command, cwd=folder, stdout=stdout, stderr=stderr)
        while process.poll() is None:
            sizes = [_memory(member.pid) for member in _family(process.pid)]
            together, largest = max(together, sum(sizes)), max([largest, *sizes])
            time.sleep(PERIOD)
        seconds = time.perf_counter() - began
    if process.returncode:
        sys.exit(f"error: {' '.join(command)}: exit code {process.returncode}\n{errors.read_text()[-2000:]}")
    memory = {"peak_mb": together / 1e6, "largest_process_mb": largest / 1e6}
    return {"seconds": seconds, **memory}, output.read_text()


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _memory(pid: int) -> int:
    """Return the bytes of a process, its share of what it shares with others; summed by Linux itself, so quickly."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def values_of_pipeline(folder: Path, kind: str) -> list[float]:
    """Return what the original finds too: lifespan sums in its order, or Pearson's r."""
    results = folder / f"run_{kind}/results/{kind}/{kind}/bench"
    if kind == "depth":
        sums = [row for row in _sums(results / "depth.csv") if row["class"] == "mean"]
        sums.sort(key=lambda row: (int(row["layer_index"]), float(row["homology_dimension"])))
    elif kind == "adversarial":
        sums = [row for row in _sums(results / "net/table.csv") if float(row["epsilon"]) > 0]
        sums = [row for row in sums if float(row["homology_dimension"]) == 1 and row["class"] == "all"]
        sums.sort(key=lambda row: (float(row["epsilon"]), int(row["layer_index"])))
    else:
        sums = [row for row in _sums(results / "associations.csv") if float(row["homology_dimension"]) == 0]
        return [float(row["pearson"]) for row in sums if (row["scope"], row["version"]) == ("all", "value")]
    return [float(row["value"]) for row in sums]


def _sums(path: Path) -> list[dict]:
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["descriptor"] == "lifespan_sum"]


def values_of_original(said: str) -> list[float]:
    """Return the numbers in brackets, or the only number, of all lines."""
    brackets = re.findall(r"\[([^\]]*)\]", said)
    return [float(number) for text in brackets or [said.rsplit(maxsplit=1)[-1]] for number in text.split()]


def compare(folder: Path, kind: str, configuration: dict, runs: list[list[str]], cores: int) -> list[dict]:
    """Run one experiment both ways; return a row each and print them."""
    own = folder / f"run_{kind}"
    own.mkdir()
    ours = run_pipeline(own, kind, configuration, cores)
    write_originals_images(folder, kind, "test" if kind == "adversarial" else "train")
    theirs, said = zip(*(run_original(folder, kind, *options) for options in runs), strict=True)
    values, expected = values_of_pipeline(folder, kind), values_of_original(said[0])
    if len(values) != len(expected):
        sys.exit(f"error: {kind}: expected {len(expected)} values, as the original. Received: {len(values)}")
    largest = {key: max(run[key] for run in theirs) for key in ("peak_mb", "largest_process_mb")}
    original = {"seconds": sum(run["seconds"] for run in theirs), **largest}
    difference = float(np.median(np.abs(np.subtract(values, expected)) / np.maximum(np.abs(expected), 0.1)))
    rows = [
        {"experiment": kind, "tool": "topodepth", "target": TARGETS[kind], **ours},
        {"experiment": kind, "tool": "original's protocol", "difference": difference, **original,
         "times_ours": original["seconds"] / ours["seconds"]},
    ]  # fmt: skip
    for row in rows:
        memory = f"{row['peak_mb']:6.0f} MB, largest process {row['largest_process_mb']:6.0f} MB"
        ratio = (
            f"  {row['times_ours']:.1f} x ours, values differ by {difference:.1g} (median)"
            if "times_ours" in row
            else ""
        )
        print(f"{kind:16} {row['tool']:20} {row['seconds']:8.1f} s {memory}{ratio}", flush=True)
    return rows


def main() -> None:
    """Make images and networks, run all experiments both ways, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", nargs="+", choices=list(TARGETS), default=list(TARGETS))
    parser.add_argument("--quick", action="store_true", help="fewer images and networks")
    parser.add_argument("--cores", type=int, default=2, help="cores of the pipeline")
    parser.add_argument("--out", type=Path, default=Path("results/bench"))
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        layers = {kind: ["--layers", *map(str, LAYERS[kind])] for kind in LAYERS}
        depth = ["--model", "vgg.keras", *layers["depth"]]
        runs = {
            "depth": [depth, [*depth, "--mode", "PHdim"]],
            "adversarial": [["--model", "mobilenet.keras", *layers["adversarial"]]],
            "generalization": [["--directory", "zoo", "--homdim", "0"]],
        }
        rows = []
        for kind in arguments.experiments:
            if kind == "depth" and arguments.quick:
                continue
            rows += compare(folder, kind, make_material(folder, kind, arguments.quick), runs[kind], arguments.cores)
    texts.write_table(arguments.out / "experiments.csv", rows, COLUMNS)
    print(f"Table: {arguments.out}/experiments.csv")


if __name__ == "__main__":
    main()
