"""Sum up what every rule of a run cost: jobs, seconds, memory."""

import argparse
import csv
import math
from pathlib import Path
from typing import Any

from topodepth.errors import InputError
from topodepth.files import texts
from topodepth.jobs.commands import run

COLUMNS = ["rule", "jobs", "seconds", "longest_seconds", "cpu_seconds", "peak_memory_mb"]


def main() -> None:
    """Parse, read Snakemake's benchmark files, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--benchmarks", required=True, help="folder with a folder of benchmark files (TSV) a rule")
    parser.add_argument("--out", required=True, help="CSV to make: one row a rule, the costliest first")
    arguments = parser.parse_args()
    rows: list[list[Any]] = []
    for folder in sorted(path for path in Path(arguments.benchmarks).glob("*") if path.is_dir()):
        jobs = [job for path in sorted(folder.rglob("*.tsv")) for job in read(path)]
        seconds, cpu, memory = ([number(job.get(key)) for job in jobs] for key in ("s", "cpu_time", "max_rss"))
        if jobs:
            rows.append([folder.name, len(jobs), sum(seconds), max(seconds), sum(cpu), max(memory)])
    if not rows:
        raise InputError(f"{arguments.benchmarks}: expected benchmark files of finished jobs. Received: none.")
    rows.sort(key=lambda row: -row[2])
    texts.write_table(arguments.out, [dict(zip(COLUMNS, row, strict=True)) for row in rows], COLUMNS)


def read(path: Path) -> list[dict[str, str]]:
    """Return the jobs that a benchmark file tells of."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def number(text: str | None) -> float:
    """Return a number of a benchmark file; 0 where a job was too short to be measured."""
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


run(main)
