"""Topodepth beside the tools a user would pick instead: time, memory and answers, in one run.

    make bench            # all; about ten minutes
    make bench QUICK=1    # small sizes; about a minute

Every measurement is a process of its own, and the tools take turns. Of several repeats the fastest counts. Makes
``results/bench/{group}.csv`` and, of how time and memory grow with the number of points, ``growth.csv`` (fitted
exponents) and ``growth.png``, of these tables and those of earlier runs. A tool that is not installed is left out.

A new group is a module of ``benchmarks/groups`` with ``cases(quick)``; name it in GROUPS.
"""

import argparse
import importlib
import math
import os
from pathlib import Path

import numpy as np
from measure import Case, measured

from topodepth.files import texts
from topodepth.jobs.memory import memory_estimate

GROUPS = ("startup", "h0", "h1", "phdim", "networks")
COLUMNS = [
    *("work", "tool", "n", "seconds", "cpu_seconds", "peak_mb", "estimate_mb", "times_ours", "same_answer", "target"),
]
REPEATS, SLOW = 2, 10.0  # processes a case; what takes longer than SLOW seconds is measured once
LARGE = 0.02  # seconds from which a measurement says something of growth
SAME = 1e-5  # relative; some tools compute in float32


def measure_group(cases: list[Case], threads: int) -> list[dict]:
    """Return one row a case, in order, and print it."""
    rows = []
    for work in dict.fromkeys(case.work for case in cases):
        mine = [case for case in cases if case.work == work]
        runs = {case.tool: [] for case in mine}
        for repeat in range(REPEATS):
            for case in mine:
                done = runs[case.tool]
                if repeat == 0 or (done and min(run["seconds"] for run in done) < SLOW):
                    done += filter(None, [measured(case, threads)])
        best = {tool: min(done, key=lambda run: run["seconds"]) for tool, done in runs.items() if done}
        ours = next((best[tool] for tool in best if tool.startswith("topodepth")), None)
        for case in mine:
            if case.tool in best:
                rows.append(_row(case, best[case.tool], ours))
                print(_line(rows[-1]), flush=True)
    return rows


def _row(case: Case, run: dict, ours: dict | None) -> dict:
    mine = case.tool.startswith("topodepth")
    answers = (run["answer"], ours["answer"]) if ours else (None, None)
    degree = {"H0": 0, "H1": 1, "H2": 2}.get(case.work[:2]) if mine else None
    return {
        "work": case.work,
        "tool": case.tool,
        "n": case.n,
        "seconds": run["seconds"],
        "cpu_seconds": run["cpu_seconds"],
        "peak_mb": run["peak"] / 1e6,
        "estimate_mb": None if degree is None else memory_estimate(case.n, 128, degree) / 1e6,
        "times_ours": run["seconds"] / ours["seconds"] if ours and not mine else None,
        "same_answer": None if mine or None in answers else math.isclose(*answers, rel_tol=SAME),
        "target": case.target if mine else "",
    }


def _line(row: dict) -> str:
    cells = {
        "estimate_mb": "" if row["estimate_mb"] is None else f"estimate {row['estimate_mb']:.0f}",
        "times_ours": "" if row["times_ours"] is None else f"{row['times_ours']:.1f} x ours",
        "same_answer": {None: "", True: "same answer", False: "OTHER ANSWER"}[row["same_answer"]],
        "target": row["target"] and f"(target: {row['target']})",
    }
    return (
        f"{row['work']:26} {row['tool']:22} {row['seconds']:9.3f} s  cpu {row['cpu_seconds']:9.3f} s"
        f"  {row['peak_mb']:7.0f} MB  " + "  ".join(filter(None, cells.values()))
    )


def growth(rows: list[dict]) -> list[dict]:
    """Return the exponents of time and memory in n, fitted on a log scale, of each kind of work and tool."""
    fits = []
    for series, points in _series(rows).items():
        large = [row for row in points if row["seconds"] >= LARGE]
        if len(large) >= 2:
            n = np.log([row["n"] for row in large])
            exponents = {
                f"exponent_of_{what}": np.polyfit(n, np.log([row[what] for row in large]), 1)[0]
                for what in ("seconds", "peak_mb")
            }
            fits.append({"work": series[0], "tool": series[1], "sizes": len(large), **exponents})
    return fits


def _series(rows: list[dict]) -> dict[tuple[str, str], list[dict]]:
    """Return the rows of each kind of work and tool, for work of several sizes."""
    series = {}
    for row in rows:
        kind = " ".join(word for word in row["work"].split() if not word.isdigit())
        series.setdefault((kind, row["tool"]), []).append(row)
    return {key: found for key, found in series.items() if len({row["n"] for row in found}) > 1}


def plot(rows: list[dict], path: Path) -> None:
    """Draw time and memory against the number of points, one column of panels a kind of work."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import NullFormatter

    series = _series(rows)
    kinds = list(dict.fromkeys(kind for kind, _ in series))
    exponents = {(fit["work"], fit["tool"]): fit for fit in growth(rows)}
    figure, axes = plt.subplots(2, len(kinds), figsize=(3.6 * len(kinds), 6), squeeze=False, layout="constrained")
    tools = list(dict.fromkeys(tool for _, tool in series))
    for row_of_axes, what, label in zip(axes, ("seconds", "peak_mb"), ("time (s)", "peak memory (MB)"), strict=True):
        for axis, kind in zip(row_of_axes, kinds, strict=True):
            for (name, tool), points in series.items():
                if name == kind:
                    fit = exponents.get((kind, tool))
                    text = tool + (f": n^{fit[f'exponent_of_{what}']:.1f}" if fit else "")
                    line = [row["n"] for row in points], [row[what] for row in points]
                    axis.loglog(*line, "o-", color=f"C{tools.index(tool)}", markersize=4, label=text)
            sizes = sorted({row["n"] for (name, _), points in series.items() if name == kind for row in points})
            axis.set_xticks(sizes, [str(size) for size in sizes], rotation=45)
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.set(title=kind.replace(" of ", ", "), xlabel="points n", ylabel=label)
            low, high = axis.get_ylim()
            axis.set_ylim(low, high * (high / low) ** 0.6)  # room for the legend above the lines
            axis.legend(fontsize="x-small", frameon=False, loc="upper left")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Measure, print, write tables and plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=GROUPS)
    parser.add_argument("--quick", action="store_true", help="small sizes only")
    parser.add_argument("--threads", type=int, default=2, help="threads of BLAS and of the tools")
    parser.add_argument("--out", type=Path, default=Path("results/bench"))
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {arguments.threads} threads", flush=True)
    for group in arguments.groups:
        found = measure_group(importlib.import_module(f"groups.{group}").cases(arguments.quick), arguments.threads)
        texts.write_table(arguments.out / f"{group}.csv", found, COLUMNS)
    tell_growth(arguments.out)
    print(f"Tables and plot: {arguments.out}/")


def tell_growth(folder: Path) -> None:
    """Print, write and draw how time and memory grow, of all groups whose tables lie in a folder."""
    tables = [texts.read_table(folder / f"{group}.csv") for group in GROUPS if (folder / f"{group}.csv").exists()]
    rows = [row for table in tables for row in table.to_dict("records")]
    fits = growth(rows)
    if fits:
        texts.write_table(folder / "growth.csv", fits, list(fits[0]))
        plot(rows, folder / "growth.png")
    for fit in fits:
        exponents = f"time n^{fit['exponent_of_seconds']:.2f}  memory n^{fit['exponent_of_peak_mb']:.2f}"
        print(f"{fit['work']:24} {fit['tool']:18} {exponents}  ({fit['sizes']} sizes)")


if __name__ == "__main__":
    main()
