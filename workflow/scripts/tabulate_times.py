"""Sum up what every rule of a run cost: jobs, seconds, memory; and what the time of the whole run went to."""

import argparse
import csv
import math
import time
from pathlib import Path
from typing import Any

from topodepth.errors import InputError
from topodepth.files import texts
from topodepth.jobs.commands import run
from topodepth.jobs.record import Record, read_record

COLUMNS = ["rule", "jobs", "seconds", "longest_seconds", "cpu_seconds", "peak_memory_mb"]
PARTS = ["part", "seconds", "what"]


def main() -> None:
    """Parse, read Snakemake's benchmark files and its record, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--benchmarks", required=True, help="folder with a folder of benchmark files (TSV) a rule")
    parser.add_argument("--record", default=".snakemake/metadata", help="folder of Snakemake's record")
    parser.add_argument("--results", required=True, help="folder of the run's results, as the record names it")
    parser.add_argument("--out", required=True, help="CSV to make: one row a rule, the costliest first")
    parser.add_argument("--parts", required=True, help="CSV to make: what the time of the run went to")
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
    record = read_record(arguments.record, arguments.results)
    found = parts(record, start_seconds()) if record else []
    texts.write_table(arguments.parts, [dict(zip(PARTS, row, strict=True)) for row in found], PARTS)
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


def start_seconds() -> float:
    """Return the processor time that a job takes before its work: Python, NumPy, h5py; as this very job does."""
    import h5py  # noqa: F401

    return time.process_time()


def parts(record: Record, start: float) -> list[tuple[str, float, str]]:
    """Return what the time of a run went to: part, seconds, and of what."""
    jobs, chain = record.jobs, record.longest_chain()
    work, waited = sum(job.seconds for job in jobs), {job: record.waited(job) for job in jobs}
    last = max(jobs, key=lambda job: waited[job])
    return [
        ("run", record.span(), "from the start of the first job to the end of the last"),
        ("all jobs", work, f"{len(jobs)} jobs; on average {work / max(record.span(), 1e-9):.1f} ran at once"),
        ("starts", start * len(jobs), f"about, of all jobs: {start:.2f} s each for Python and its packages"),
        ("longest chain", sum(job.seconds for job in chain), " → ".join(job.rule for job in chain)),
        ("longest wait", waited[last], f"{last.rule}: what it reads was there, cores or memory were not free"),
        ("all waits", sum(waited.values()), "of all jobs together, for cores or memory"),
        ("nothing ran", record.idle(), "between jobs: Snakemake itself, or a queue"),
    ]


run(main)
