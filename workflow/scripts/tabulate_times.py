"""Sum up what every rule of a run cost: jobs, seconds, memory; and what the time of the whole run went to."""

import argparse
import time

from topodepth.files import texts
from topodepth.jobs.commands import run
from topodepth.jobs.record import parts, read_benchmarks, read_record

COLUMNS = ["rule", "jobs", "seconds", "longest_seconds", "cpu_seconds", "peak_memory_mb"]
PARTS = ["part", "seconds", "what"]


def main() -> None:
    """Parse, read Snakemake's benchmark files and its record, write."""
    start = start_seconds()  # before anything is read
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--benchmarks", required=True, help="folder with a folder of benchmark files (TSV) a rule")
    parser.add_argument("--record", default=".snakemake/metadata", help="folder of Snakemake's record")
    parser.add_argument("--results", required=True, help="folder of the run's results, as the record names it")
    parser.add_argument("--out", required=True, help="CSV to make: one row a rule, the costliest first")
    parser.add_argument("--parts", required=True, help="CSV to make: what the time of the run went to")
    arguments = parser.parse_args()
    rows = read_benchmarks(arguments.benchmarks)
    record = read_record(arguments.record, arguments.results)
    found = parts(record, start) if record else []
    texts.write_table(arguments.parts, [dict(zip(PARTS, row, strict=True)) for row in found], PARTS)
    texts.write_table(arguments.out, [dict(zip(COLUMNS, row, strict=True)) for row in rows], COLUMNS)


def start_seconds() -> float:
    """Return the processor time that a job takes before its work: Python, NumPy, h5py; as this very job does."""
    import h5py  # noqa: F401

    return time.process_time()


run(main)
