"""What a run takes beside its measuring jobs, and what it would take on other numbers of cores.

    .venv/bin/python benchmarks/constant.py generalization    # 40 networks ResNet-20, 2500 images, logits of one class
    .venv/bin/python benchmarks/constant.py depth             # two networks, 13 layers each, 2000 images, clouds: both

Networks have random weights, see ``benchmarks/experiments.py``. The run is made once with ``snakemake all times``. Then
all that comes after the tables of its models is taken away and made again: what that takes is start, plan, joined
tables, figures and pages. Prints both, and the run's own tables of its times.
"""

import argparse
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from experiments import OTHERS, make_material, run_pipeline, write_images, write_network

MEASURED = ("activations", "benchmarks", "datasets", "diagrams", "dimensions", "logs", "samples", "tables")
STAGES = range(1, 4)


def two_networks(folder: Path) -> dict:
    """Write two networks and their images; return the configuration of a depth experiment of 13 layers each."""
    write_images(folder / "two.npz", np.arange(2000) % 10, np.arange(20) % 10, 32)
    layers = [*(f"stage{stage}_block{block}_add" for stage in STAGES for block in range(1, 5)), "logits"]
    models = {}
    for seed in range(2):
        path = folder / f"two/{seed}.keras"
        write_network(path, "cifar_resnet", 32, depth=26, seed=seed)
        models[f"net{seed}"] = {"dataset": "mine", "file": str(path), "layers": layers}
    return {
        "run": "depth",
        "datasets": {"mine": {"loader": "npz", "source": str(folder / "two.npz")}},
        "models": models,
        "samples": {"default": {"images": 2000, "clouds": "both"}},
        "experiments": OTHERS | {"depth": [{"name": "two", "models": list(models)}]},
    }


def timed(folder: Path, target: str, configuration: dict, cores: int) -> str:
    """Run a target; return what it took by the clock and of processors."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    run_pipeline(folder, target, configuration, cores)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return f"{seconds:.1f} s, processors {after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime:.1f} s"


def main() -> None:
    """Make images and networks, run, take away, run again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["generalization", "depth"])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="of generalization: four networks, a tenth of the images")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as name:
        folder, kind = Path(name), arguments.kind
        made = make_material(folder, kind, arguments.quick) if kind == "generalization" else two_networks(folder)
        print("whole run:", timed(folder, "times", made, arguments.cores), flush=True)
        results = folder / f"results/{kind}"
        for table in ("times_parts.csv", "times_cores.csv", "times.csv"):
            print((results / table).read_text(encoding="utf-8"))
        for path in results.iterdir():
            if path.name not in MEASURED:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        print("beside the tables of models:", timed(folder, "all", made, arguments.cores))


if __name__ == "__main__":
    main()
