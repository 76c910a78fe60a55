"""How the cost of a whole run grows with layers, models and cores.

    make bench                # part of it; some minutes of it

Runs the depth experiment on activations made here (1000 points of 64 features a layer, ten classes), with one of
three numbers doubled at a time, and looks at how long the whole command takes and how much memory all its processes
take together. Makes ``results/bench/growth_runs.csv`` and ``growth_runs.png``, with the exponent of time and the
seconds that one more layer or model costs; and, from the time that jobs took one by one, the best that more cores
can do::

    T(p) = S + max(W / p, C)

S: seconds in which no job runs (start, plan, end); W: seconds of all jobs, each alone on a core; C: the longest chain
of jobs that wait for one another. S is what the run on one core took beyond W. Jobs that run side by side also slow
each other down (caches, memory, clock), which the difference between model and measurement at two cores shows.
"""

import argparse
import csv
import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np
from experiments import OTHERS, run_pipeline

from topodepth.files import texts

COLUMNS = ["axis", "value", "models", "layers", "cores", "seconds", "job_seconds", "peak_mb", "modelled_seconds"]
BASE = {"models": 2, "layers": 4, "cores": 2}
AXES = {"layers": [2, 4, 8, 16], "models": [1, 2, 4, 8], "cores": [1, 2]}
MODELLED = [4, 8, 16]  # cores
QUANTITIES = ("time (s)", "memory of all processes (MB)")
POINTS, FEATURES = 1000, 64


def run(folder: Path, models: int, layers: int, cores: int) -> dict:
    """Run the experiment once in a new folder; return seconds, seconds of all jobs, of the longest chain, memory."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    rng = np.random.default_rng(0)
    labels = np.arange(POINTS) % 10
    for m in range(models):
        with h5py.File(folder / f"model{m}.h5", "w") as file:
            file["labels"] = labels
            for k in range(layers):
                centres = rng.normal(size=(10, FEATURES)) * k / layers
                file[f"layers/{k:03d}_layer{k}"] = np.maximum(0, centres[labels] + rng.normal(size=(POINTS, FEATURES)))
    names = [f"model{m}" for m in range(models)]
    configuration = {
        "run": "growth",
        "activations": {name: {"file": f"{name}.h5"} for name in names},
        "experiments": OTHERS | {"depth": [{"name": "all", "models": names}]},
    }
    found = run_pipeline(folder, "depth", configuration, cores)
    rules = {path.name: _seconds(path) for path in (folder / "results/growth/benchmarks").iterdir()}
    # a layer's diagrams or dimensions, its model's table, the joined table, the slowest figure
    layer = max(max(rules.get(name, [0])) for name in ("compute_diagrams", "estimate_dimensions"))
    figure = max(max(seconds) for name, seconds in rules.items() if name.startswith("draw_"))
    chain = layer + max(rules["describe_model"]) + max(rules["join_depth_tables"]) + figure
    return found | {"job_seconds": sum(map(sum, rules.values())), "chain": chain}


def _seconds(folder: Path) -> list[float]:
    found = []
    for path in folder.rglob("*.tsv"):
        with path.open(newline="", encoding="utf-8") as file:
            found += [float(row["s"]) for row in csv.DictReader(file, delimiter="\t")]
    return found


def modelled(rows: list[dict]) -> list[dict]:
    """Return what the model says of more cores, from the run on one."""
    one = next(row for row in rows if row["axis"] == "cores" and row["value"] == 1)
    alone = one["seconds"] - one["job_seconds"]
    return [
        {"axis": "cores", "value": p, **BASE, "cores": p,
         "modelled_seconds": alone + max(one["job_seconds"] / p, one["chain"])}
        for p in (*AXES["cores"], *MODELLED)
    ]  # fmt: skip


def growth(rows: list[dict], axis: str) -> tuple[float, float]:
    """Return the exponent of time in layers or models, and the seconds that one more costs."""
    points = [(row["value"], row["seconds"]) for row in rows if row["axis"] == axis and row.get("seconds")]
    value, seconds = np.array(points).T
    return np.polyfit(np.log(value), np.log(seconds), 1)[0], np.polyfit(value, seconds, 1)[0]


def plot(rows: list[dict], path: Path) -> None:
    """Draw time and memory against layers, models and cores."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, len(AXES), figsize=(10, 5.5), squeeze=False, layout="constrained")
    for column, axis in enumerate(AXES):
        mine = [row for row in rows if row["axis"] == axis]
        measured, model = ([row for row in mine if row.get(key)] for key in ("seconds", "modelled_seconds"))
        label = "measured"
        if axis != "cores":
            exponent, more = growth(rows, axis)
            label += f": n^{exponent:.2f}, {more:.1f} s each"
        if model:
            line = [row["value"] for row in model], [row["modelled_seconds"] for row in model]
            axes[0, column].plot(*line, "s--C1", mfc="none", label="at best: S + max(W / p, C)")
        for panel, key, what in zip(axes[:, column], ("seconds", "peak_mb"), QUANTITIES, strict=True):
            panel.plot([row["value"] for row in measured], [row[key] for row in measured], "o-C0", label=label)
            panel.set(xlabel=axis, ylabel=what, xscale="log", xlim=(0.9 * mine[0]["value"], 1.1 * mine[-1]["value"]))
            panel.set_ylim(0, 1.3 * panel.get_ylim()[1])
            panel.set_xticks([row["value"] for row in mine], [str(row["value"]) for row in mine])
            panel.minorticks_off()
        axes[0, column].legend(fontsize="small", frameon=False, loc="upper left")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Measure, print, write table and plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the two smallest values of each number")
    parser.add_argument("--out", type=Path, default=Path("results/bench"))
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for axis, values in AXES.items():
            for value in values[: 2 if arguments.quick else None]:
                found = run(Path(name, "run"), **BASE | {axis: value})
                rows.append({"axis": axis, "value": value, **BASE, axis: value, **found})
                print(f"{axis:8} {value:3} {found['seconds']:8.1f} s, jobs {found['job_seconds']:.1f} s,"
                      f" {found['peak_mb']:.0f} MB", flush=True)  # fmt: skip
    rows += modelled(rows)
    columns = set(COLUMNS)
    texts.write_table(
        arguments.out / "growth_runs.csv", [{k: v for k, v in row.items() if k in columns} for row in rows], COLUMNS
    )
    plot(rows, arguments.out / "growth_runs.png")
    for axis in ("layers", "models"):
        exponent, more = growth(rows, axis)
        print(f"{axis:8} time n^{exponent:.2f}, {more:.1f} s for one more")
    for row in rows:
        if row.get("modelled_seconds"):
            print(f"cores    {row['value']:3} {row['modelled_seconds']:8.1f} s at best")
    print(f"Table and plot: {arguments.out}/growth_runs.*")


if __name__ == "__main__":
    main()
